//! Rules for the list of artifacts.

use super::environments::member;
use super::sample::{World, at, digest, parse, repositories};
use crate::error::Result;
use crate::model::artifact::ArtifactState;
use crate::store::Store;

/// Artifacts come by registry, repository and tags, those in one state or all.
pub(super) async fn artifacts_are_listed_in_order(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let elsewhere = store.registry(world.org, "a", "a.example", at(0)).await?.id;
    let mut listed = repositories(&["zoo", "app"]);
    for repository in &mut listed {
        repository.reference = format!("{}.a.example", repository.name);
    }
    let recorded = store
        .record_repositories(world.org, elsewhere, &listed, false, true, at(0))
        .await?;
    world.index("b", "one", 2, Vec::new()).await?;
    world.observe("a", "one", 3).await?;
    world.observe("c", "two", 3).await?;
    world.observe("aa", "three", 3).await?;
    for repository in &recorded {
        let observation = World::observation("1", "one", 4);
        store.observe(world.org, repository.id, observation).await?;
    }
    let shown = |state| async move {
        let artifacts = store.artifacts(world.org, state).await?;
        let lines = artifacts.iter().map(|artifact| {
            let tags: Vec<&str> = artifact.tags.iter().map(|tag| tag.as_str()).collect();
            let (registry, repository) = (&artifact.registry, &artifact.repository);
            let reference = &artifact.reference;
            format!("{registry}/{repository}:{} {reference}", tags.join("+"))
        });
        Ok::<_, crate::Error>(lines.collect::<Vec<_>>())
    };
    assert_eq!(
        shown(None).await?,
        [
            "a.example/app:1 app.a.example",
            "a.example/zoo:1 zoo.a.example",
            "localhost:5000/team/app:a+b localhost:5000/team/app",
            "localhost:5000/team/app:aa localhost:5000/team/app",
            "localhost:5000/team/app:c localhost:5000/team/app",
        ]
    );
    assert_eq!(
        shown(Some(ArtifactState::Indexed)).await?,
        ["localhost:5000/team/app:a+b localhost:5000/team/app"]
    );
    assert_eq!(
        shown(Some(ArtifactState::BelowBaseline)).await?,
        [
            "a.example/app:1 app.a.example",
            "a.example/zoo:1 zoo.a.example"
        ]
    );
    assert_eq!(shown(Some(ArtifactState::Failed)).await?, [] as [&str; 0]);
    Ok(())
}

/// What no tag points to is left out, unless an environment holds it.
pub(super) async fn artifacts_without_a_tag_are_listed_where_they_run(
    store: &dyn Store,
) -> Result<()> {
    let world = World::watching(store).await?;
    let one = world.index("1", "one", 2, Vec::new()).await?;
    world.index("2", "two", 2, Vec::new()).await?;
    store
        .record_environment_image(
            world.org,
            &parse("prod"),
            "manual",
            member(&world, "one", one),
        )
        .await?;
    world.list(&[]).await?;
    world.list(&[]).await?;
    let artifacts = store.artifacts(world.org, None).await?;
    let shown: Vec<_> = artifacts
        .iter()
        .map(|a| (&a.digest, a.tags.len()))
        .collect();
    assert_eq!(shown, [(&digest("one"), 0)]);
    // What runs is judged, whether a tag points to it or not.
    let input = store.judge_input(world.org).await?;
    assert_eq!((input.tags.len(), input.environments.len()), (0, 1));
    assert_eq!(
        input
            .images
            .iter()
            .map(|image| image.id)
            .collect::<Vec<_>>(),
        [one]
    );
    Ok(())
}
