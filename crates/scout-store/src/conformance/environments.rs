//! Rules for environments.

use scout_envs::EnvironmentName;

use super::sample::{World, at, digest, parse};
use crate::error::Result;
use crate::id::{ImageId, RepositoryId};
use crate::model::environment::EnvironmentImage;
use crate::store::Store;

pub(super) fn member(world: &World<'_>, name: &str, image: ImageId) -> EnvironmentImage {
    EnvironmentImage {
        repository_id: world.repository,
        repository: parse("team/app"),
        tag: Some(parse("1")),
        digest: digest(name),
        image,
        recorded_at: at(20),
    }
}

/// An environment holds what any source recorded, once; it is not there before.
pub(super) async fn an_environment_is_the_union_of_its_sources(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let one = world.index("1", "one", 2, Vec::new()).await?;
    let two = world.index("2", "two", 3, Vec::new()).await?;
    let (prod, dev): (EnvironmentName, EnvironmentName) = (parse("prod"), parse("Dev é"));
    assert_eq!(store.environments(world.org).await?, []);
    assert_eq!(store.environment_images(world.org, &prod).await?, []);

    let record = |environment, source, image| {
        store.record_environment_image(world.org, environment, source, image)
    };
    let (one, two) = (member(&world, "one", one), member(&world, "two", two));
    record(&prod, "manual", two.clone()).await?;
    record(&prod, "manual", one.clone()).await?;
    let mut seen_running = one.clone();
    seen_running.recorded_at = at(30);
    record(&prod, "sysdig", seen_running.clone()).await?;
    record(&dev, "sysdig", two.clone()).await?;

    let listed: Vec<_> = store
        .environments(world.org)
        .await?
        .into_iter()
        .map(|environment| (environment.name, environment.images))
        .collect();
    assert_eq!(listed, [(dev.clone(), 1), (prod.clone(), 2)]);
    let mut expected = [seen_running, two.clone()];
    expected.sort_by(|a, b| a.digest.cmp(&b.digest));
    assert_eq!(store.environment_images(world.org, &prod).await?, expected);

    let mut members = store.judge_input(world.org).await?.environments;
    members.sort();
    let id = world.repository;
    let mut expected = [
        (dev, id, two.image),
        (prod.clone(), id, one.image),
        (prod, id, two.image),
    ];
    expected.sort();
    assert_eq!(members, expected);

    let rival = World::of(store, "rival").await?;
    assert_eq!(store.environments(rival.org).await?, []);
    Ok(())
}

/// The same record asks for nothing; another digest of the same image replaces it.
pub(super) async fn recording_an_image_again_changes_nothing(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let image = world.index("1", "one", 2, Vec::new()).await?;
    let prod: EnvironmentName = parse("prod");
    let record = |image| store.record_environment_image(world.org, &prod, "manual", image);
    world.answer().await?;
    let first = member(&world, "one", image);
    record(first.clone()).await?;
    assert!(world.asked().await?.is_some());
    world.answer().await?;
    let mut later = first.clone();
    later.recorded_at = at(40);
    record(later.clone()).await?;
    assert_eq!(world.asked().await?, None);
    assert_eq!(store.environment_images(world.org, &prod).await?, [first]);

    later.digest = digest("index");
    later.tag = None;
    record(later.clone()).await?;
    assert_eq!(store.environment_images(world.org, &prod).await?, [later]);
    Ok(())
}

/// What a source recorded can be taken away again; what others recorded stays.
pub(super) async fn what_was_recorded_can_be_taken_away(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let one = world.index("1", "one", 2, Vec::new()).await?;
    let two = world.index("2", "two", 3, Vec::new()).await?;
    let (prod, dev): (EnvironmentName, EnvironmentName) = (parse("prod"), parse("dev"));
    let (one, two) = (member(&world, "one", one), member(&world, "two", two));
    for (environment, source, image) in [
        (&prod, "manual", &one),
        (&prod, "manual", &two),
        (&prod, "other", &one),
        (&dev, "manual", &one),
    ] {
        let image = image.clone();
        let org = world.org;
        store
            .record_environment_image(org, environment, source, image)
            .await?;
    }
    let recorded = || async {
        let recorded = store.recorded_images(world.org, &prod).await?;
        let mut recorded: Vec<_> = recorded
            .into_iter()
            .map(|one| (one.source, one.image))
            .collect();
        recorded.sort_by(|a, b| (&a.0, &a.1.digest).cmp(&(&b.0, &b.1.digest)));
        Ok::<_, crate::Error>(recorded)
    };
    let line = |source: &str, image: &EnvironmentImage| (source.to_owned(), image.clone());
    let mut all = vec![
        line("manual", &one),
        line("manual", &two),
        line("other", &one),
    ];
    all.sort_by(|a, b| (&a.0, &a.1.digest).cmp(&(&b.0, &b.1.digest)));
    assert_eq!(recorded().await?, all);

    world.answer().await?;
    let forget = async |source: &str, images: &[(RepositoryId, ImageId)]| {
        store
            .forget_environment_images(world.org, &prod, source, images)
            .await
    };
    let (id, first, second) = (world.repository, one.image, two.image);
    assert_eq!(forget("nobody", &[(id, first)]).await?, 0);
    assert_eq!(forget("other", &[(id, second)]).await?, 0);
    assert_eq!(world.asked().await?, None, "nothing was taken away");
    assert_eq!(forget("manual", &[(id, first), (id, second)]).await?, 2);
    assert!(world.asked().await?.is_some());
    assert_eq!(recorded().await?, [line("other", &one)]);
    assert_eq!(store.environment_images(world.org, &dev).await?, [one]);
    assert_eq!(forget("other", &[(id, first)]).await?, 1);
    let environments = store.environments(world.org).await?.into_iter();
    let names: Vec<_> = environments.map(|environment| environment.name).collect();
    assert_eq!(names, [dev], "without an image it is not there");
    Ok(())
}
