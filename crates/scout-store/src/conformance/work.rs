//! Rules for index work: leases, and how work ends.

use std::collections::BTreeSet;

use super::sample::{
    READERS, World, assert_lost, assert_refused, at, digest, image, key, lease_at,
};
use crate::error::Result;
use crate::id::{ArtifactId, ImageId};
use crate::model::artifact::{ArtifactOutcome, ArtifactState, FoundImage, Retry};
use crate::store::Store;

fn failed(transient: bool) -> ArtifactOutcome {
    ArtifactOutcome::Failed {
        reason: "the layer is damaged".to_owned(),
        transient,
    }
}

fn indexed(name: &str) -> ArtifactOutcome {
    let found = FoundImage::New(Box::new(image(name, vec![key("Debian:12", "bash", "5.2")])));
    ArtifactOutcome::Indexed(vec![found])
}

/// Work is leased in the order in which it came, and not again before the lease ends.
pub(super) async fn the_oldest_work_is_leased_first(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.observe("3", "three", 30).await?;
    world.observe("1", "one", 10).await?;
    world.observe("2", "two", 20).await?;
    let lease =
        |second, limit| store.lease_index_work(world.org, world.registry, lease_at(second, limit));
    assert_eq!(lease(9, 5).await?, [], "nothing is due");
    assert_eq!(lease(40, 0).await?, []);
    let first = lease(25, 5).await?;
    let digests: Vec<_> = first.iter().map(|work| work.digest.clone()).collect();
    assert_eq!(digests, [digest("one"), digest("two")]);
    let third = lease(34, 1).await?;
    assert_eq!(
        third.first().map(|work| work.digest.clone()),
        Some(digest("three"))
    );
    assert_eq!(lease(34, 5).await?, []);
    // The first two end at 35, unless they are kept.
    for work in &first {
        store.renew_index_work(work, at(50)).await?;
    }
    assert_eq!(lease(40, 5).await?, []);
    let backlog = store.index_backlog(world.org, world.registry).await?;
    assert_eq!(backlog, (3, Some(at(44))), "when the first lease ends");
    for work in &first {
        assert_eq!(work.repository_id, world.repository);
        assert_eq!((work.org, work.registry), (world.org, world.registry));
        assert_eq!((work.repository.as_str(), work.attempts), ("team/app", 0));
    }
    Ok(())
}

/// Whoever lost the lease can neither keep it nor write under it.
pub(super) async fn a_lost_lease_writes_nothing(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.observe("1", "one", 2).await?;
    let late = world.lease_one(2).await?;
    let new = world.lease_one(12).await?;
    assert!(new.fence > late.fence, "{} {}", new.fence, late.fence);
    assert_eq!(new.attempts, 0, "a lease that ran out is no attempt");
    world.answer().await?;
    assert_lost(store.renew_index_work(&late, at(99)).await);
    assert_lost(store.finish_index_work(&late, indexed("one"), at(13)).await);
    assert_eq!(world.state("one").await?, ArtifactState::Waiting);
    assert_eq!(
        store.image_by_manifest(&digest("one"), READERS).await?,
        None
    );
    assert_eq!(world.asked().await?, None);

    store.finish_index_work(&new, failed(false), at(14)).await?;
    assert_lost(store.finish_index_work(&new, indexed("one"), at(15)).await);
    // Also when the same work comes again: its tokens go on growing.
    store.retry_failed(world.org, Retry::All, at(16)).await?;
    let again = world.lease_one(16).await?;
    assert!(again.fence > new.fence);
    assert_lost(store.finish_index_work(&late, indexed("one"), at(17)).await);
    assert_lost(store.finish_index_work(&new, indexed("one"), at(17)).await);
    assert_eq!(world.state("one").await?, ArtifactState::Waiting);
    Ok(())
}

/// With the end of work, state, images, packages and the asking for judgement are there.
pub(super) async fn an_indexed_artifact_is_recorded_whole(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let seen = world.observe("1", "index", 2).await?;
    world.answer().await?;
    let work = world.lease_one(2).await?;
    let keys = vec![
        key("Debian:12", "bash", "5.2"),
        key("Debian:12", "bash", "5.2"),
    ];
    let (amd, arm) = (image("amd", keys), image("arm", Vec::new()));
    let outcome = ArtifactOutcome::Indexed(vec![
        FoundImage::New(Box::new(amd.clone())),
        FoundImage::New(Box::new(arm)),
    ]);
    store.finish_index_work(&work, outcome, at(3)).await?;

    let artifacts = store.artifacts(world.org, None).await?;
    let [artifact] = artifacts.as_slice() else {
        panic!("one artifact was expected, not {artifacts:?}");
    };
    assert_eq!(
        (artifact.id, artifact.state),
        (seen.artifact, ArtifactState::Indexed)
    );
    assert_eq!((artifact.attempts, &artifact.reason), (1, &None));
    assert_eq!(artifact.updated_at, at(3));
    let digests: BTreeSet<_> = artifact
        .images
        .iter()
        .map(|(_, digest, _)| digest)
        .collect();
    assert_eq!(digests, BTreeSet::from([&digest("amd"), &digest("arm")]));

    let id = store.image_by_manifest(&digest("amd"), READERS).await?;
    let Some(found) = store.image(id.unwrap_or(ImageId(0))).await? else {
        panic!("the image was not recorded");
    };
    assert_eq!(found.facts.manifest_digest, amd.facts.manifest_digest);
    assert_eq!(found.facts.config_digest, amd.facts.config_digest);
    assert_eq!(found.facts.platform, amd.facts.platform);
    assert_eq!(found.facts.config, amd.facts.config);
    assert_eq!(found.facts.distribution, amd.facts.distribution);
    assert_eq!(found.facts.gaps, amd.facts.gaps);
    assert_eq!(found.facts.layers, amd.facts.layers);
    assert_eq!(found.facts.compressed_bytes, amd.facts.compressed_bytes);
    assert_eq!(found.facts.package_count, amd.facts.package_count);
    assert_eq!(
        (found.facts.analysis_version, found.analyzed_at),
        (READERS, at(3))
    );
    assert_eq!((found.packages.len(), found.owned_packages.len()), (1, 1));
    assert!(found.facts.has_package_database);

    assert!(world.asked().await?.is_some());
    assert_eq!(
        store.index_backlog(world.org, world.registry).await?,
        (0, None)
    );
    Ok(())
}

/// What failed for now waits until its time, and then is known to have been tried.
pub(super) async fn work_is_tried_again_when_it_is_due(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.observe("1", "one", 2).await?;
    let work = world.lease_one(2).await?;
    let outcome = ArtifactOutcome::Retry {
        reason: "the registry is busy".to_owned(),
        at: at(60),
    };
    store.finish_index_work(&work, outcome, at(3)).await?;
    assert_lost(store.finish_index_work(&work, indexed("one"), at(4)).await);
    assert_eq!(world.lease(59).await?, []);
    let backlog = store.index_backlog(world.org, world.registry).await?;
    assert_eq!(backlog, (1, Some(at(60))));
    let waiting = store
        .artifacts(world.org, Some(ArtifactState::Waiting))
        .await?;
    let shown: Vec<_> = waiting
        .iter()
        .map(|a| (a.reason.as_deref(), a.attempts))
        .collect();
    assert_eq!(shown, [(Some("the registry is busy"), 1)]);

    let work = world.lease_one(60).await?;
    assert_eq!(work.attempts, 1);
    store
        .finish_index_work(&work, indexed("one"), at(61))
        .await?;
    let artifacts = store
        .artifacts(world.org, Some(ArtifactState::Indexed))
        .await?;
    let shown: Vec<_> = artifacts
        .iter()
        .map(|a| (a.reason.as_deref(), a.attempts))
        .collect();
    assert_eq!(shown, [(None, 2)]);
    Ok(())
}

/// Failures are kept with their reason until somebody asks for another try.
pub(super) async fn failures_are_tried_again_on_demand(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let mut artifacts: Vec<ArtifactId> = Vec::new();
    for (name, transient) in [("one", false), ("two", true), ("three", false)] {
        artifacts.push(world.observe(name, name, 2).await?.artifact);
        let work = world.lease_one(2).await?;
        store
            .finish_index_work(&work, failed(transient), at(3))
            .await?;
    }
    let shown = store
        .artifacts(world.org, Some(ArtifactState::Failed))
        .await?;
    assert_eq!(shown.len(), 3);
    assert!(
        shown
            .iter()
            .all(|a| a.reason.as_deref() == Some("the layer is damaged"))
    );
    assert_eq!(world.lease(100).await?, []);

    let rival = World::of(store, "rival").await?;
    assert_eq!(store.retry_failed(rival.org, Retry::All, at(4)).await?, 0);
    for (which, expected) in [
        (Retry::One(ArtifactId(987_654)), 0),
        (Retry::Transient, 1),
        (Retry::Transient, 0),
        (
            Retry::One(artifacts.first().copied().unwrap_or(ArtifactId(0))),
            1,
        ),
        (Retry::All, 1),
        (Retry::All, 0),
    ] {
        let enqueued = store.retry_failed(world.org, which, at(5)).await?;
        assert_eq!(enqueued, expected, "{which:?}");
    }
    let work = world.lease(5).await?;
    assert_eq!(
        work.iter().map(|work| work.attempts).collect::<Vec<_>>(),
        [0, 0, 0]
    );
    let waiting = store
        .artifacts(world.org, Some(ArtifactState::Waiting))
        .await?;
    assert!(
        waiting
            .iter()
            .all(|a| a.reason.is_none() && a.attempts == 1),
        "{waiting:?}"
    );
    Ok(())
}

/// An image that is not there cannot be found in an artifact; nothing is written then.
pub(super) async fn an_unknown_image_is_refused(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.observe("1", "one", 2).await?;
    let work = world.lease_one(2).await?;
    let outcome = ArtifactOutcome::Indexed(vec![
        FoundImage::New(Box::new(image("one", Vec::new()))),
        FoundImage::Known(ImageId(987_654)),
    ]);
    assert_refused(store.finish_index_work(&work, outcome, at(3)).await);
    assert_eq!(
        store.image_by_manifest(&digest("one"), READERS).await?,
        None
    );
    store
        .finish_index_work(&work, indexed("one"), at(4))
        .await?;
    assert_eq!(world.state("one").await?, ArtifactState::Indexed);
    Ok(())
}

/// An image analyzed again keeps its number; all who hold it are judged again. The result of
/// older readers replaces nothing.
pub(super) async fn newer_readers_replace_an_image(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let id = world
        .index("1", "one", 2, vec![key("Debian:12", "bash", "5.1")])
        .await?;
    let rival = World::of(store, "rival").await?;
    rival.list(&[]).await?;
    world.answer().await?;

    for (version, expected) in [(READERS + 1, READERS + 1), (READERS - 1, READERS + 1)] {
        let tag = format!("v{version}");
        let holder = format!("index {version}");
        rival.observe(&tag, &holder, 3).await?;
        let work = rival.lease_one(3).await?;
        let mut again = image("one", vec![key("Debian:12", "bash", &version.to_string())]);
        again.facts.analysis_version = version;
        let outcome = ArtifactOutcome::Indexed(vec![FoundImage::New(Box::new(again))]);
        store.finish_index_work(&work, outcome, at(4)).await?;
        assert!(world.asked().await?.is_some() && rival.asked().await?.is_some());
        let found = store.image(id).await?;
        assert_eq!(
            found.map(|image| image.facts.analysis_version),
            Some(expected)
        );
        assert_eq!(
            store.image_by_manifest(&digest("one"), expected).await?,
            Some(id)
        );
        assert_eq!(
            store.image_by_manifest(&digest("one"), READERS).await?,
            None
        );
    }
    Ok(())
}

/// What older readers analyzed is read again, once; until then, and if that fails, the old result
/// stays.
pub(super) async fn outdated_images_are_read_again(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let packages = vec![key("Debian:12", "bash", "5.1")];
    let id = world.index("1", "one", 2, packages).await?;
    let enqueue =
        |version| store.enqueue_outdated(world.org, world.registry, version, "linux/amd64", at(3));
    assert_eq!(enqueue(READERS).await?, 0, "these readers analyzed it");
    for outcome in [failed(false), indexed("one")] {
        assert_eq!(enqueue(READERS + 1).await?, 1);
        assert_eq!(enqueue(READERS + 1).await?, 0, "it waits already");
        let states = |artifacts: Vec<crate::ArtifactRecord>| -> Vec<_> {
            artifacts
                .into_iter()
                .map(|a| (a.state, a.images.len()))
                .collect()
        };
        let while_waiting = states(store.artifacts(world.org, None).await?);
        assert_eq!(while_waiting, [(ArtifactState::Indexed, 1)]);
        let work = world.lease_one(3).await?;
        store.finish_index_work(&work, outcome, at(4)).await?;
        let after = states(store.artifacts(world.org, None).await?);
        assert_eq!(after, [(ArtifactState::Indexed, 1)]);
        let backlog = store.index_backlog(world.org, world.registry).await?;
        assert_eq!(backlog.0, 0);
    }
    assert!(store.image(id).await?.is_some());
    Ok(())
}

/// Artifacts whose platforms were chosen are looked at again when the wish changes; others not.
pub(super) async fn another_wish_for_platforms_looks_again(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.index("1", "one", 2, Vec::new()).await?;
    world.observe("2", "two", 3).await?;
    let work = world.lease_one(3).await?;
    let outcome = ArtifactOutcome::Platforms {
        images: Vec::new(),
        wanted: "linux/amd64".to_owned(),
        reason: Some("it is for linux/s390x".to_owned()),
    };
    store.finish_index_work(&work, outcome, at(4)).await?;
    let other = ArtifactState::OtherPlatform;
    let listed = store.artifacts(world.org, Some(other)).await?;
    let reasons: Vec<_> = listed.iter().map(|a| a.reason.as_deref()).collect();
    assert_eq!(reasons, [Some("it is for linux/s390x")]);
    for (wish, expected) in [("linux/amd64", 0), ("linux/s390x", 1)] {
        let enqueued = store
            .enqueue_outdated(world.org, world.registry, READERS, wish, at(5))
            .await?;
        assert_eq!(enqueued, expected, "{wish}");
    }
    let work = world.lease_one(5).await?;
    let outcome = match indexed("two") {
        ArtifactOutcome::Indexed(images) => ArtifactOutcome::Platforms {
            images,
            wanted: "linux/s390x".to_owned(),
            reason: None,
        },
        other => other,
    };
    store.finish_index_work(&work, outcome, at(6)).await?;
    let listed = store
        .artifacts(world.org, Some(ArtifactState::Indexed))
        .await?;
    assert_eq!(listed.len(), 2);
    Ok(())
}

/// Something that is no image has its reason, and no images.
pub(super) async fn nothing_to_index_is_no_failure(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.observe("1", "one", 2).await?;
    world.answer().await?;
    let work = world.lease_one(2).await?;
    let reason = "a Helm chart".to_owned();
    store
        .finish_index_work(&work, ArtifactOutcome::Skipped { reason }, at(3))
        .await?;
    let shown = store
        .artifacts(world.org, Some(ArtifactState::Skipped))
        .await?;
    let reasons: Vec<_> = shown
        .iter()
        .map(|artifact| artifact.reason.as_deref())
        .collect();
    assert_eq!(reasons, [Some("a Helm chart")]);
    assert_eq!(store.retry_failed(world.org, Retry::All, at(4)).await?, 0);
    assert_eq!(world.lease(100).await?, []);
    assert_eq!(world.asked().await?, None);
    Ok(())
}

/// Two processes never have the same work at once.
pub(super) async fn work_is_leased_to_one_of_two(one: &dyn Store, other: &dyn Store) -> Result<()> {
    let world = World::watching(one).await?;
    for number in 0..20 {
        let name = number.to_string();
        world.observe(&name, &name, 2).await?;
    }
    let mut leased = BTreeSet::new();
    for (turn, store) in [one, other, other, one, other, one].into_iter().enumerate() {
        let work = store
            .lease_index_work(world.org, world.registry, lease_at(3, 4))
            .await?;
        assert_eq!(work.len(), if turn < 5 { 4 } else { 0 });
        for work in work {
            assert!(leased.insert(work.artifact), "{:?} twice", work.artifact);
        }
    }
    assert_eq!(leased.len(), 20);
    Ok(())
}

/// When a lease has ended, another process takes the work, and the late one writes nothing.
pub(super) async fn late_work_is_taken_over(one: &dyn Store, other: &dyn Store) -> Result<()> {
    let world = World::watching(one).await?;
    world.observe("1", "one", 2).await?;
    let late = world.lease_one(2).await?;
    let there = World {
        store: other,
        ..world
    };
    assert_eq!(there.lease(11).await?, []);
    let taken = there.lease_one(12).await?;
    assert_lost(one.renew_index_work(&late, at(99)).await);
    assert_lost(one.finish_index_work(&late, failed(false), at(13)).await);
    other
        .finish_index_work(&taken, indexed("one"), at(14))
        .await?;
    assert_eq!(world.state("one").await?, ArtifactState::Indexed);
    Ok(())
}
