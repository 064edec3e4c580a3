//! Rules for registries and repositories.

use super::sample::{World, assert_refused, at, digest, lease_at, parse, repositories};
use crate::error::Result;
use crate::id::{OrgId, RegistryId};
use crate::model::artifact::ArtifactState;
use crate::store::Store;

/// A registry keeps its number and birth, and shows its newest display name.
pub(super) async fn a_registry_is_made_once(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let again = store
        .registry(world.org, "oci:localhost", "localhost", at(9))
        .await?;
    assert_eq!((again.id, again.created_at), (world.registry, at(0)));
    let other = store
        .registry(world.org, "oci:other", "other", at(9))
        .await?;
    assert_ne!(other.id, again.id);
    assert_eq!(other.created_at, at(9));
    world.observe("1", "one", 2).await?;
    let shown = store.artifacts(world.org, None).await?;
    assert_eq!(
        shown.first().map(|artifact| artifact.registry.as_str()),
        Some("localhost")
    );
    Ok(())
}

async fn baselines(
    store: &dyn Store,
    (org, registry): (OrgId, RegistryId),
    list: &[&str],
    complete: bool,
    second: i64,
) -> Result<Vec<bool>> {
    let records = store
        .record_repositories(
            org,
            registry,
            &repositories(list),
            complete,
            true,
            at(second),
        )
        .await?;
    let returned: Vec<&str> = records.iter().map(|record| record.name.as_str()).collect();
    assert_eq!(returned, list, "in the order given");
    Ok(records
        .iter()
        .map(|record| record.baseline_at.is_some())
        .collect())
}

/// What appears in a catalog after the first one is all new; what somebody lists, or the first
/// catalog has, is not.
pub(super) async fn repositories_of_later_catalogs_have_no_baseline(
    store: &dyn Store,
) -> Result<()> {
    let org = store.enroll(&parse("acme"), at(0)).await?;
    let place = (org, store.registry(org, "r", "r", at(0)).await?.id);
    assert_eq!(
        baselines(store, place, &["b", "a"], false, 1).await?,
        [false, false]
    );
    assert_eq!(
        baselines(store, place, &["c", "a"], true, 2).await?,
        [false, false]
    );
    assert_eq!(
        baselines(store, place, &["d", "a", "c"], true, 3).await?,
        [true, false, false]
    );
    assert_eq!(
        baselines(store, place, &["e", "e"], false, 4).await?,
        [false, false]
    );

    let records = store
        .record_repositories(org, place.1, &repositories(&["d"]), true, true, at(5))
        .await?;
    let record = records
        .first()
        .map(|record| (record.id, record.baseline_at));
    let Some((new, baseline_at)) = record else {
        panic!("nothing was returned");
    };
    assert_eq!(baseline_at, Some(at(3)));
    let seen = store
        .observe(org, new, World::observation("1", "one", 6))
        .await?;
    assert_eq!(seen.state, ArtifactState::Waiting);
    Ok(())
}

/// Whether an event or a catalog tells of a repository first decides nothing.
pub(super) async fn a_repository_that_an_event_tells_of_is_as_if_listed(
    store: &dyn Store,
) -> Result<()> {
    let org = store.enroll(&parse("acme"), at(0)).await?;
    let place = (org, store.registry(org, "r", "r", at(0)).await?.id);
    let told = async |name: &str, enable_new, second| {
        let repository = &repositories(&[name])[0];
        let told = store.record_told_repository(org, place.1, repository, enable_new, at(second));
        Result::Ok(told.await?.baseline_at)
    };
    assert_eq!(told("early", true, 1).await?, None, "nothing was listed");
    baselines(store, place, &["early", "old"], true, 2).await?;
    assert_eq!(told("new", true, 3).await?, Some(at(3)));
    assert_eq!(told("disabled", false, 4).await?, None);
    assert_eq!(told("old", true, 5).await?, None, "it was there before");
    let listed = ["early", "old", "new", "disabled"];
    assert_eq!(
        baselines(store, place, &listed, true, 6).await?,
        [false, false, true, false]
    );
    Ok(())
}

/// One catalog without a repository means nothing, two in a row that it is gone.
pub(super) async fn a_repository_missing_twice_takes_its_tags_along(
    store: &dyn Store,
) -> Result<()> {
    let world = World::watching(store).await?;
    let place = (world.org, world.registry);
    let image = world.index("1", "one", 2, Vec::new()).await?;
    world.answer().await?;
    for (list, complete, remains) in [
        (["other"], true, true),
        (["team/app"], true, true),
        (["other"], true, true),
        (["other"], false, true),
        (["other"], true, false),
        (["other"], true, false),
        (["team/app"], true, false),
    ] {
        baselines(store, place, &list, complete, 9).await?;
        let tags = store.known_tags(world.org, world.repository).await?;
        assert_eq!(!tags.is_empty(), remains, "after {list:?}, {complete}");
    }
    assert!(world.asked().await?.is_some(), "the tag's going is judged");
    assert_eq!(world.candidates().await?, []);
    // It is seen again: nothing has to be indexed for it.
    let seen = world.observe("1", "one", 20).await?;
    assert_eq!((seen.state, seen.is_new), (ArtifactState::Indexed, false));
    assert_eq!(
        world.candidates().await?,
        [("1".to_owned(), vec![image], at(2))]
    );
    Ok(())
}

/// Numbers of another organization's registries and repositories are refused.
pub(super) async fn an_organization_cannot_touch_anothers(store: &dyn Store) -> Result<()> {
    let acme = World::watching(store).await?;
    acme.index("1", "one", 2, Vec::new()).await?;
    let rival = World::of(store, "rival").await?;
    assert_ne!(rival.repository, acme.repository);

    let list = repositories(&["stolen"]);
    let recorded = store
        .record_repositories(rival.org, acme.registry, &list, true, true, at(3))
        .await;
    assert_refused(recorded);
    assert_refused(
        store
            .observe(
                rival.org,
                acme.repository,
                World::observation("2", "two", 3),
            )
            .await,
    );
    assert_refused(
        store
            .record_listing(rival.org, acme.repository, &[], at(3))
            .await,
    );
    let stolen = [parse("team/app")];
    assert_refused(
        store
            .set_repositories_enabled(rival.org, acme.registry, &stolen, false, at(3))
            .await,
    );
    assert!(
        !store
            .forget_tag(rival.org, acme.repository, &parse("1"))
            .await?
    );
    assert_eq!(
        store
            .tags_of_digest(rival.org, acme.repository, &digest("one"))
            .await?,
        []
    );
    assert_eq!(
        store.repositories(rival.org, Some(acme.registry)).await?,
        []
    );
    assert!(!store.restore_registry(rival.org, acme.registry).await?);
    assert_eq!(acme.candidates().await?.len(), 1);
    assert_eq!(store.known_tags(rival.org, acme.repository).await?, []);
    assert_eq!(store.artifacts(rival.org, None).await?, []);
    assert_eq!(store.judge_input(rival.org).await?.images, []);
    let work = store
        .lease_index_work(rival.org, acme.registry, lease_at(9, 10))
        .await?;
    assert_eq!(work, []);
    Ok(())
}
