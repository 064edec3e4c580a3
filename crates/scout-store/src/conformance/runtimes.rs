//! Rules for integrations that are runtimes, and for what becomes of their shares.

use scout_envs::EnvironmentName;

use super::sample::{World, at, digest, parse};
use crate::error::Result;
use crate::model::integration::{
    IntegrationAdded, IntegrationFamily, IntegrationRecord, IntegrationUpdate, IntegrationUpdated,
    NewIntegration,
};
use crate::model::runtime::{RunningImageRecord, RunningStatus, WaitingReason};
use crate::store::Store;

fn by_manifest(name: &str) -> RunningImageRecord {
    RunningImageRecord {
        manifest: Some(digest(name)),
        ..RunningImageRecord::default()
    }
}

async fn add(world: &World<'_>, name: &str, key: &str) -> Result<()> {
    let integration = NewIntegration {
        name: parse(name),
        family: IntegrationFamily::Runtime,
        kind: "sysdig".to_owned(),
        parameters: Vec::new(),
        key: key.to_owned(),
        test: None,
    };
    let added = world
        .store
        .add_integration(world.org, integration, at(1))
        .await?;
    assert!(matches!(added, IntegrationAdded::Added(_)), "{added:?}");
    Ok(())
}

/// Says what runs, as the integration of this name; a list of the same name says something, too.
async fn sync(world: &World<'_>, environment: &str, name: &str, image: &str) -> Result<()> {
    let source = IntegrationRecord::share_source("sysdig", name);
    for source in [source.as_str(), name] {
        let images = vec![by_manifest(image)];
        world
            .store
            .replace_share(world.org, &parse(environment), source, images, at(2))
            .await?;
    }
    Ok(())
}

/// Which shares there are.
async fn shares(world: &World<'_>) -> Result<Vec<String>> {
    let shares = world.store.shares(world.org).await?.into_iter();
    let named = shares.map(|share| format!("{} {}", share.environment, share.source));
    Ok(named.collect())
}

async fn judged(world: &World<'_>) -> Result<()> {
    world.answer().await?;
    assert!(world.asked().await?.is_none());
    Ok(())
}

/// With a runtime goes its share, and no other; judgement is asked for.
pub(super) async fn a_removed_runtime_takes_its_share_along(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    for (name, key) in [("list", "sysdig:a"), ("west", "sysdig:b")] {
        add(&world, name, key).await?;
        sync(&world, "prod", name, name).await?;
    }
    judged(&world).await?;
    let name = parse("list");
    assert!(store.remove_integration(world.org, &name, at(3)).await?);
    assert_eq!(
        shares(&world).await?,
        ["prod list", "prod sysdig:west", "prod west"]
    );
    assert!(world.asked().await?.is_some());
    Ok(())
}

/// A runtime that is asked for another cluster, or for another environment, leaves what it had.
pub(super) async fn a_runtime_has_one_share(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    add(&world, "east", "sysdig:a").await?;
    for (key, environment, stays) in [
        ("sysdig:a", "prod", true),
        ("sysdig:a", "test", false),
        ("sysdig:b", "test", false),
    ] {
        sync(&world, "prod", "east", "one").await?;
        judged(&world).await?;
        let environment: EnvironmentName = parse(environment);
        let update = IntegrationUpdate {
            parameters: vec![("a".to_owned(), format!("{key} {environment}"))],
            key: key.to_owned(),
            environment: Some(environment),
            test: None,
        };
        let updated = store
            .update_integration(world.org, &parse("east"), update, at(3))
            .await?;
        assert_eq!(updated, IntegrationUpdated::Updated);
        let there = shares(&world).await?;
        let is_there = there.iter().any(|share| share == "prod sysdig:east");
        assert_eq!(is_there, stays, "{key} {there:?}");
        assert!(there.iter().any(|share| share == "prod east"), "{there:?}");
        assert_eq!(world.asked().await?.is_none(), stays, "{key}");
    }
    Ok(())
}

/// Whether a runtime comes or goes is nothing to a registry, whatever it is called.
pub(super) async fn a_runtime_is_no_registry(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.observe("1", "one", 2).await?;
    add(&world, "east", "oci:localhost").await?;
    let record = store.integration(world.org, &parse("east")).await?;
    let family = record.map(|record| record.family);
    assert_eq!(family, Some(IntegrationFamily::Runtime));
    let name = parse("east");
    assert!(store.remove_integration(world.org, &name, at(3)).await?);
    let tags = store.known_tags(world.org, world.repository).await?;
    assert_eq!(tags.len(), 1);
    world.observe("2", "two", 4).await?;
    Ok(())
}

/// What an image would be is told in the order asked, and nothing is recorded.
pub(super) async fn asking_what_an_image_is_records_nothing(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let image = world.index("1", "one", 2, Vec::new()).await?;
    judged(&world).await?;
    let asked = vec![by_manifest("unknown"), by_manifest("one")];
    let told = store.join_running(world.org, asked).await?;
    let [
        RunningStatus::Waiting { reason, .. },
        RunningStatus::Joined(joined),
    ] = told.as_slice()
    else {
        panic!("{told:?}");
    };
    assert_eq!(*reason, WaitingReason::NeverSeen);
    assert_eq!(joined.images, [image]);
    assert_eq!(shares(&world).await?, [""; 0]);
    assert!(world.asked().await?.is_none());
    Ok(())
}
