//! Rules for layers, images and packages.

use roaring::RoaringBitmap;
use scout_envs::Platform;

use super::sample::{READERS, World, at, digest, image, key};
use crate::error::Result;
use crate::id::ImageId;
use crate::model::artifact::{ArtifactOutcome, FoundImage};
use crate::model::image::NewLayer;
use crate::store::Store;

fn layer(blob: &str, version: u32, analysis: &[u8]) -> NewLayer {
    NewLayer {
        diff_id: digest("layer"),
        blob_digest: digest(blob),
        analysis_version: version,
        compressed_bytes: 10,
        uncompressed_bytes: u64::MAX,
        analysis: analysis.to_vec(),
    }
}

/// A blob is known once these readers have read its layer, by whichever blob.
pub(super) async fn a_layer_is_known_by_its_blobs_and_readers(store: &dyn Store) -> Result<()> {
    let (diff_id, gzip, zstd) = (digest("layer"), digest("gzip"), digest("zstd"));
    assert_eq!(store.layer_of_blob(&gzip, 1).await?, None);
    store
        .record_layer(layer("gzip", 1, b"first"), at(0))
        .await?;
    store
        .record_layer(layer("gzip", 1, b"first"), at(1))
        .await?;
    assert_eq!(store.layer_of_blob(&gzip, 1).await?, Some(diff_id.clone()));
    assert_eq!(store.layer_of_blob(&gzip, 2).await?, None);
    assert_eq!(store.layer_of_blob(&zstd, 1).await?, None);
    assert_eq!(
        store.layer_analysis(&diff_id, 1).await?,
        Some(b"first".to_vec())
    );
    assert_eq!(store.layer_analysis(&diff_id, 2).await?, None);
    assert_eq!(store.layer_analysis(&gzip, 1).await?, None);

    store.record_layer(layer("zstd", 2, b""), at(2)).await?;
    assert_eq!(store.layer_of_blob(&zstd, 2).await?, Some(diff_id.clone()));
    assert_eq!(store.layer_of_blob(&gzip, 2).await?, Some(diff_id.clone()));
    assert_eq!(
        store.layer_analysis(&diff_id, 1).await?,
        Some(b"first".to_vec())
    );
    assert_eq!(store.layer_analysis(&diff_id, 2).await?, Some(Vec::new()));
    Ok(())
}

/// Equal match keys have one number, in whichever image; different ones have different numbers.
pub(super) async fn a_match_key_has_one_number(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let bash = key("Debian:12", "bash", "5.2");
    let mut module = bash.clone();
    module.module = Some("tools:1".to_owned());
    let mut source = bash.clone();
    source.source_version = "5.3".to_owned();
    let keys = vec![
        bash.clone(),
        module,
        source,
        key("Debian:13", "bash", "5.2"),
    ];
    let one = world.index("1", "one", 2, keys.clone()).await?;
    let two = world.index("2", "two", 3, vec![bash.clone()]).await?;

    let (Some(one), Some(two)) = (store.image(one).await?, store.image(two).await?) else {
        panic!("the images were not recorded");
    };
    assert_eq!(one.packages.len(), 4);
    assert!(two.packages.is_subset(&one.packages));
    assert_eq!(two.owned_packages, one.owned_packages);
    let mut found = store.packages(&one.packages).await?;
    assert!(found.is_sorted_by_key(|(number, _)| *number));
    found.sort_by(|(_, a), (_, b)| a.cmp(b));
    let mut wanted = keys;
    wanted.sort();
    assert_eq!(
        found.into_iter().map(|(_, key)| key).collect::<Vec<_>>(),
        wanted
    );

    let some = &two.packages | RoaringBitmap::from_iter([0, 987_654, u32::MAX]);
    let found = store.packages(&some).await?;
    assert_eq!(
        found.into_iter().map(|(_, key)| key).collect::<Vec<_>>(),
        [bash]
    );
    Ok(())
}

/// Whatever an image states is kept as stated.
pub(super) async fn odd_values_come_back_as_they_were(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let hostile = "'; DROP TABLE packages; --\u{0}\n\"é\u{1f980}";
    let mut odd_key = key(hostile, hostile, "");
    odd_key.module = Some(hostile.to_owned());
    let mut odd = image("odd", vec![odd_key.clone()]);
    odd.facts.platform = Platform::new("", hostile, Some("/".to_owned()));
    odd.facts.config.labels = [(hostile.to_owned(), String::new())].into();
    odd.facts.config.user = Some(hostile.to_owned());
    odd.facts.distribution = None;
    odd.facts.gaps = Vec::new();
    odd.facts.layers = Vec::new();
    odd.facts.compressed_bytes = 0;
    odd.owned_packages = Vec::new();

    world.observe("odd", "odd", 2).await?;
    let work = world.lease_one(2).await?;
    let found = FoundImage::New(Box::new(odd.clone()));
    store
        .finish_index_work(&work, ArtifactOutcome::Indexed(vec![found]), at(3))
        .await?;
    let id = store.image_by_manifest(&digest("odd"), READERS).await?;
    let Some(found) = store.image(id.unwrap_or(ImageId(0))).await? else {
        panic!("the image was not recorded");
    };
    assert_eq!(
        (found.facts.platform, found.facts.config),
        (odd.facts.platform, odd.facts.config)
    );
    assert_eq!(
        (
            found.facts.distribution,
            found.facts.gaps,
            found.facts.layers
        ),
        (None, Vec::new(), Vec::new())
    );
    let packages = store.packages(&found.packages).await?;
    assert_eq!(
        packages.into_iter().map(|(_, key)| key).collect::<Vec<_>>(),
        [odd_key]
    );
    assert!(found.owned_packages.is_empty());
    Ok(())
}
