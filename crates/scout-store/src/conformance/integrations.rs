//! Rules for integrations, and for what becomes of their registries.

use scout_envs::IntegrationName;

use super::environments::member;
use super::events::event;
use super::sample::{World, assert_lost, assert_removed, at, digest, parse, repositories};
use crate::error::Result;
use crate::model::artifact::{ArtifactOutcome, ArtifactState, Retry};
use crate::model::integration::{
    IntegrationAdded, IntegrationFamily, IntegrationRecord, IntegrationTest, IntegrationUpdate,
    IntegrationUpdated, NewIntegration,
};
use crate::store::Store;

/// The key of the registry that [`World`] watches.
const KEY: &str = "oci:localhost";

fn parameters(host: &str) -> Vec<(String, String)> {
    [("registry", host), ("api", "env:API"), ("api", "twice")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

fn integration(name: &str, key: &str) -> NewIntegration {
    NewIntegration {
        name: parse(name),
        family: IntegrationFamily::Registry,
        kind: "oci".to_owned(),
        parameters: parameters("localhost"),
        key: key.to_owned(),
        test: None,
    }
}

fn update(key: &str) -> IntegrationUpdate {
    IntegrationUpdate {
        parameters: parameters("localhost"),
        key: key.to_owned(),
        environment: None,
        test: None,
    }
}

fn test(second: i64, summary: &str) -> IntegrationTest {
    IntegrationTest {
        at: at(second),
        summary: summary.to_owned(),
    }
}

async fn the(world: &World<'_>, name: &str) -> Result<IntegrationRecord> {
    let found = world.store.integration(world.org, &parse(name)).await?;
    Ok(found.unwrap_or_else(|| panic!("there is no integration {name}")))
}

/// Returns a world whose registry an integration `prod` watches.
async fn watched(store: &dyn Store) -> Result<World<'_>> {
    let world = World::watching(store).await?;
    add(&world, integration("prod", KEY)).await?;
    Ok(world)
}

async fn add(world: &World<'_>, integration: NewIntegration) -> Result<()> {
    let added = world
        .store
        .add_integration(world.org, integration, at(1))
        .await?;
    assert!(matches!(added, IntegrationAdded::Added(_)), "{added:?}");
    Ok(())
}

async fn remove(world: &World<'_>) -> Result<bool> {
    let name: IntegrationName = parse("prod");
    world
        .store
        .remove_integration(world.org, &name, at(50))
        .await
}

/// In an organization, a name and a registry belong to one integration.
pub(super) async fn an_integration_has_its_name_and_its_registry_alone(
    store: &dyn Store,
) -> Result<()> {
    let world = World::new(store).await?;
    let rival = store.enroll(&parse("rival"), at(0)).await?;
    add(&world, integration("prod", "a")).await?;
    add(&world, integration("dev", "b")).await?;
    for (org, name, key, expected) in [
        (world.org, "prod", "c", IntegrationAdded::NameTaken),
        (
            world.org,
            "test",
            "a",
            IntegrationAdded::KeyTaken { by: parse("prod") },
        ),
        (world.org, "prod", "b", IntegrationAdded::NameTaken),
    ] {
        let added = store
            .add_integration(org, integration(name, key), at(2))
            .await?;
        assert_eq!(added, expected, "{name} {key}");
    }
    let elsewhere = store
        .add_integration(rival, integration("prod", "a"), at(2))
        .await?;
    assert!(matches!(elsewhere, IntegrationAdded::Added(_)));
    let listed = store.integrations(world.org).await?;
    let names: Vec<_> = listed
        .iter()
        .map(|integration| integration.name.as_str())
        .collect();
    assert_eq!(names, ["dev", "prod"]);

    // What is free again can be had again.
    assert!(
        store
            .remove_integration(world.org, &parse("prod"), at(3))
            .await?
    );
    add(&world, integration("test", "a")).await?;
    add(&world, integration("prod", "c")).await?;
    assert_eq!(store.integrations(rival).await?.len(), 1);
    Ok(())
}

/// All that was given is there, parameters in the order given.
pub(super) async fn an_integration_comes_back_as_it_was(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    let odd = NewIntegration {
        parameters: [
            ("key", "a \"quoted\" 'value', äöü\n"),
            ("a", ""),
            ("key", ""),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into(),
        test: Some(test(4, "2 repositories")),
        ..integration("odd.one", "artifactory:example.com")
    };
    let added = store.add_integration(world.org, odd.clone(), at(5)).await?;
    let record = the(&world, "odd.one").await?;
    assert_eq!(added, IntegrationAdded::Added(record.id));
    assert_eq!(
        (record.name.clone(), record.kind.clone()),
        (odd.name, odd.kind)
    );
    assert_eq!(record.parameters, odd.parameters);
    assert_eq!(record.key, odd.key);
    assert_eq!((record.created_at, record.updated_at), (at(5), at(5)));
    assert_eq!(record.test, odd.test);
    assert_eq!(store.integrations(world.org).await?, [record]);
    assert_eq!(store.integration(world.org, &parse("none")).await?, None);
    Ok(())
}

/// An update replaces what it names, and tells when it changed something.
pub(super) async fn updating_an_integration_replaces_its_parameters(
    store: &dyn Store,
) -> Result<()> {
    let world = World::new(store).await?;
    add(&world, integration("prod", "a")).await?;
    add(&world, integration("dev", "b")).await?;
    let set = |name: &'static str, update: IntegrationUpdate, second| async move {
        store
            .update_integration(world.org, &parse(name), update, at(second))
            .await
    };
    assert_eq!(
        set("none", update("a"), 2).await?,
        IntegrationUpdated::Unknown
    );
    let taken = IntegrationUpdated::KeyTaken { by: parse("dev") };
    assert_eq!(set("prod", update("b"), 2).await?, taken);
    assert_eq!(the(&world, "prod").await?.key, "a");

    assert!(
        store
            .record_integration_test(world.org, &parse("prod"), test(3, "fine"))
            .await?
    );
    assert!(
        !store
            .record_integration_test(world.org, &parse("none"), test(3, "fine"))
            .await?
    );
    assert_eq!(
        set("prod", update("a"), 4).await?,
        IntegrationUpdated::Updated
    );
    let same = the(&world, "prod").await?;
    assert_eq!((same.created_at, same.updated_at), (at(1), at(1)));
    assert_eq!(same.test, Some(test(3, "fine")));

    let other = IntegrationUpdate {
        parameters: parameters("elsewhere"),
        key: "c".to_owned(),
        environment: None,
        test: Some(test(5, "better")),
    };
    assert_eq!(
        set("prod", other.clone(), 6).await?,
        IntegrationUpdated::Updated
    );
    let changed = the(&world, "prod").await?;
    assert_eq!(changed.id, same.id);
    assert_eq!((changed.created_at, changed.updated_at), (at(1), at(6)));
    assert_eq!(changed.parameters, other.parameters);
    assert_eq!(changed.key, "c");
    assert_eq!(changed.test, other.test);
    Ok(())
}

/// With an integration go its tags, its work and its events; facts and environments stay.
pub(super) async fn a_removed_integration_takes_its_registry_along(
    store: &dyn Store,
) -> Result<()> {
    let world = watched(store).await?;
    let image = world.index("1", "one", 2, Vec::new()).await?;
    store
        .record_environment_image(
            world.org,
            &parse("prod"),
            "manual",
            member(&world, "one", image),
        )
        .await?;
    world.observe("2", "two", 3).await?;
    let leased = world.lease_one(3).await?;
    store
        .record_events(world.org, world.registry, vec![event("e")], at(3))
        .await?;
    world.answer().await?;

    assert!(remove(&world).await?);
    assert!(!remove(&world).await?, "there is none any more");
    assert_eq!(store.integrations(world.org).await?, []);
    assert!(world.asked().await?.is_some());
    let input = store.judge_input(world.org).await?;
    assert_eq!((input.tags.len(), input.listed), (0, false));
    assert_eq!((input.environments.len(), input.images.len()), (1, 1));
    assert_eq!(store.known_tags(world.org, world.repository).await?, []);
    assert_eq!(store.repositories(world.org, None).await?, []);
    let place = (world.org, world.registry);
    assert_eq!(store.index_backlog(place.0, place.1).await?, (0, None));
    assert_eq!(store.event_backlog(place.0, place.1).await?, (0, None));
    let outcome = ArtifactOutcome::Indexed(Vec::new());
    assert_lost(store.finish_index_work(&leased, outcome, at(51)).await);
    let artifacts = store.artifacts(world.org, None).await?;
    let shown: Vec<_> = artifacts.iter().map(|a| &a.digest).collect();
    assert_eq!(shown, [&digest("one")], "it runs");
    Ok(())
}

/// Whoever is still sweeping a removed registry brings nothing back.
pub(super) async fn a_removed_registry_cannot_be_recorded(store: &dyn Store) -> Result<()> {
    let world = watched(store).await?;
    world.observe("1", "one", 2).await?;
    let failed = ArtifactOutcome::Failed {
        reason: "the layer is damaged".to_owned(),
        transient: true,
    };
    let work = world.lease_one(2).await?;
    store.finish_index_work(&work, failed, at(3)).await?;
    remove(&world).await?;
    world.answer().await?;

    let (org, registry) = (world.org, world.registry);
    assert_removed(world.observe("2", "two", 60).await);
    assert_removed(world.list(&["1"]).await);
    let listed = repositories(&["team/app"]);
    assert_removed(
        store
            .record_repositories(org, registry, &listed, true, true, at(60))
            .await,
    );
    assert_removed(
        store
            .record_events(org, registry, vec![event("e")], at(60))
            .await,
    );
    let names = [parse("team/app")];
    assert_removed(
        store
            .set_repositories_enabled(org, registry, &names, false, at(60))
            .await,
    );
    assert_eq!(store.retry_failed(org, Retry::All, at(60)).await?, 0);
    let known = store.registry(org, KEY, "localhost:5000", at(60)).await?;
    assert_eq!((known.id, known.removed_at), (registry, Some(at(50))));
    assert_eq!(world.asked().await?, None);
    Ok(())
}

/// Adding it again counts nothing by itself; the next sweep brings back what is still there.
pub(super) async fn what_a_removed_integration_held_comes_back_when_it_is_seen(
    store: &dyn Store,
) -> Result<()> {
    let world = watched(store).await?;
    let (org, registry) = (world.org, world.registry);
    let image = world.index("1", "one", 2, Vec::new()).await?;
    world.index("2", "two", 3, Vec::new()).await?;
    world.observe("3", "three", 4).await?;
    let other = [parse("other")];
    store
        .set_repositories_enabled(org, registry, &other, false, at(4))
        .await?;
    remove(&world).await?;
    add(&world, integration("again", KEY)).await?;
    let known = store.registry(org, KEY, "localhost:5000", at(60)).await?;
    assert_eq!((known.id, known.removed_at), (registry, None));
    assert_eq!(world.candidates().await?, []);
    assert!(!store.judge_input(org).await?.listed);

    let listed = repositories(&["team/app", "other", "new"]);
    let records = store
        .record_repositories(org, registry, &listed, true, true, at(61))
        .await?;
    let states: Vec<_> = records
        .iter()
        .map(|record| (record.enabled, record.baseline_at))
        .collect();
    let baselines = [(true, Some(at(1))), (false, None), (true, None)];
    assert_eq!(states, baselines, "one that is new has a baseline to take");
    world.answer().await?;
    let seen = world.observe("1", "one", 61).await?;
    assert_eq!((seen.state, seen.is_new), (ArtifactState::Indexed, false));
    let waiting = world.observe("3", "three", 61).await?;
    assert_eq!(waiting.state, ArtifactState::Waiting);
    let new = world.observe("4", "four", 61).await?;
    assert_eq!(new.state, ArtifactState::Waiting);
    world.list(&["1", "3", "4"]).await?;
    assert!(world.asked().await?.is_some());
    let candidates = world.candidates().await?;
    assert_eq!(candidates, [("1".to_owned(), vec![image], at(2))]);
    assert_eq!(world.lease(61).await?.len(), 2, "what waited waits again");
    assert!(store.judge_input(org).await?.listed);
    Ok(())
}

/// With another registry, the former is watched no more.
pub(super) async fn an_integration_that_moves_leaves_its_registry(store: &dyn Store) -> Result<()> {
    let world = watched(store).await?;
    world.index("1", "one", 2, Vec::new()).await?;
    world.answer().await?;
    let name: IntegrationName = parse("prod");
    let set = |key: &'static str| {
        let name = name.clone();
        async move {
            store
                .update_integration(world.org, &name, update(key), at(5))
                .await
        }
    };
    set(KEY).await?;
    assert_eq!(world.asked().await?, None);
    assert_eq!(world.candidates().await?.len(), 1);
    set("oci:elsewhere").await?;
    assert!(world.asked().await?.is_some());
    assert_eq!(world.candidates().await?, []);
    assert_removed(world.observe("1", "one", 6).await);
    let elsewhere = store
        .registry(world.org, "oci:elsewhere", "elsewhere", at(6))
        .await?;
    assert_eq!(elsewhere.removed_at, None);

    set(KEY).await?;
    world.observe("1", "one", 7).await?;
    assert_eq!(world.candidates().await?.len(), 1);
    let elsewhere = store
        .registry(world.org, "oci:elsewhere", "elsewhere", at(7))
        .await?;
    assert_eq!(elsewhere.removed_at, Some(at(5)));
    Ok(())
}

/// Somebody who names a removed registry by flags can watch it; one removed before its first
/// sweep is removed nevertheless.
pub(super) async fn a_registry_can_be_watched_again_without_an_integration(
    store: &dyn Store,
) -> Result<()> {
    let world = World::new(store).await?;
    add(&world, integration("prod", "never swept")).await?;
    remove(&world).await?;
    let registry = store
        .registry(world.org, "never swept", "r", at(60))
        .await?;
    assert_eq!(registry.removed_at, Some(at(50)));
    let listed = repositories(&["app"]);
    let record = || {
        let place = (world.org, registry.id);
        store.record_repositories(place.0, place.1, &listed, true, true, at(61))
    };
    assert_removed(record().await);
    assert!(store.restore_registry(world.org, registry.id).await?);
    assert!(!store.restore_registry(world.org, registry.id).await?);
    assert_eq!(record().await?.len(), 1);
    let again = store
        .registry(world.org, "never swept", "r", at(62))
        .await?;
    assert_eq!(again.removed_at, None);
    Ok(())
}
