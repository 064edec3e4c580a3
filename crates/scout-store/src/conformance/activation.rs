//! Rules for which repositories are watched.

use super::environments::member;
use super::sample::{READERS, World, assert_lost, at, digest, parse, repositories};
use crate::error::Result;
use crate::model::artifact::{ArtifactOutcome, ArtifactState, Retry};
use crate::model::repository::RepositoryRecord;
use crate::model::tag::Observation;
use crate::model::work::WorkClass;
use crate::store::Store;

fn pushed(tag: &str, name: &str, second: i64) -> Observation {
    Observation {
        wanted: Some(WorkClass::Event),
        ..World::observation(tag, name, second)
    }
}

async fn enable(world: &World<'_>, names: &[&str], enabled: bool, second: i64) -> Result<u64> {
    let names: Vec<_> = names.iter().map(|name| parse(name)).collect();
    let (org, registry) = (world.org, world.registry);
    world
        .store
        .set_repositories_enabled(org, registry, &names, enabled, at(second))
        .await
}

/// Returns the repository as a catalog that has it, and only it, records it.
async fn listed(world: &World<'_>, name: &str, second: i64) -> Result<RepositoryRecord> {
    let listed = repositories(&[name]);
    let records = world
        .store
        .record_repositories(world.org, world.registry, &listed, true, false, at(second))
        .await?;
    Ok(records
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("{name} was not returned")))
}

async fn due(world: &World<'_>) -> Result<Vec<RepositoryRecord>> {
    world.store.activations(world.org, world.registry).await
}

/// What somebody has to enable first is known, but nothing of it is wanted, also when it appears
/// in a later catalog.
pub(super) async fn of_a_disabled_repository_nothing_is_wanted(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    listed(&world, "first", 2).await?;
    let later = listed(&world, "later", 3).await?;
    assert_eq!((later.enabled, later.activation_due), (false, false));
    assert_eq!(later.baseline_at, None);
    let seen = store
        .observe(world.org, later.id, pushed("1", "one", 4))
        .await?;
    assert_eq!(
        (seen.state, seen.is_new),
        (ArtifactState::BelowBaseline, true)
    );
    store
        .record_listing(world.org, later.id, &[parse("1")], at(4))
        .await?;
    let seen = store
        .observe(world.org, later.id, pushed("2", "two", 5))
        .await?;
    assert_eq!(seen.state, ArtifactState::BelowBaseline);
    assert_eq!(world.lease(100).await?, []);
    assert_eq!(due(&world).await?, []);
    assert_eq!(store.artifacts(world.org, None).await?, []);
    // Those enabled from the start stay so.
    assert!(listed(&world, "team/app", 6).await?.enabled);
    Ok(())
}

/// Whoever enables a repository wants its newest image, and what comes after.
pub(super) async fn enabling_a_repository_begins_anew(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let repository = listed(&world, "app", 2).await?.id;
    let observe = |observation| store.observe(world.org, repository, observation);
    let list = |tags: &'static [&'static str], second| async move {
        let tags: Vec<_> = tags.iter().map(|tag| parse(tag)).collect();
        store
            .record_listing(world.org, repository, &tags, at(second))
            .await
    };
    observe(World::observation("0", "zero", 3)).await?;
    list(&["0"], 3).await?;
    world.answer().await?;

    assert_eq!(enable(&world, &["app", "app"], true, 10).await?, 1);
    assert_eq!(enable(&world, &["app"], true, 11).await?, 0, "it is");
    assert!(world.asked().await?.is_some());
    let due_now = due(&world).await?;
    let [app] = due_now.as_slice() else {
        panic!("one activation was expected, not {due_now:?}");
    };
    assert_eq!((app.id, app.name.as_str()), (repository, "app"));
    assert!(app.enabled && app.activation_due);
    assert_eq!((app.baseline_at, app.watched_since), (None, at(10)));
    assert_eq!(&listed(&world, "app", 12).await?, app);

    let old = observe(World::observation("1", "one", 10)).await?;
    assert_eq!(old.state, ArtifactState::BelowBaseline);
    let newest = observe(pushed("2", "two", 10)).await?;
    assert_eq!(newest.state, ArtifactState::Waiting);
    list(&["0", "1", "2"], 13).await?;
    store.finish_activation(world.org, app).await?;
    assert_eq!(due(&world).await?, []);
    let after = observe(World::observation("3", "three", 14)).await?;
    assert_eq!(after.state, ArtifactState::Waiting);
    let app = listed(&world, "app", 15).await?;
    assert_eq!((app.activation_due, app.baseline_at), (false, Some(at(13))));
    Ok(())
}

/// Who was slow does not end the activation of somebody who enabled the repository again.
pub(super) async fn an_old_activation_does_not_end_a_new_one(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    enable(&world, &["app"], true, 2).await?;
    let old = due(&world).await?;
    enable(&world, &["app"], false, 3).await?;
    assert_eq!(due(&world).await?, []);
    enable(&world, &["app"], true, 4).await?;
    for repository in &old {
        store.finish_activation(world.org, repository).await?;
    }
    let new = due(&world).await?;
    assert_eq!((old.len(), new.len()), (1, 1));
    for repository in &new {
        store.finish_activation(world.org, repository).await?;
        store.finish_activation(world.org, repository).await?;
    }
    assert_eq!(due(&world).await?, []);
    Ok(())
}

/// A disabled repository's images count where they run, and nowhere else.
pub(super) async fn disabling_a_repository_takes_it_out_of_latest_indexed(
    store: &dyn Store,
) -> Result<()> {
    let world = World::watching(store).await?;
    let image = world.index("1", "one", 2, Vec::new()).await?;
    store
        .record_environment_image(
            world.org,
            &parse("prod"),
            "manual",
            member(&world, "one", image),
        )
        .await?;
    world.index("2", "two", 3, Vec::new()).await?;
    world.observe("3", "three", 4).await?;
    let failed = ArtifactOutcome::Failed {
        reason: "the layer is damaged".to_owned(),
        transient: true,
    };
    let work = world.lease_one(4).await?;
    store.finish_index_work(&work, failed, at(4)).await?;
    world.answer().await?;

    assert_eq!(enable(&world, &["team/app"], false, 5).await?, 1);
    assert_eq!(enable(&world, &["team/app"], false, 6).await?, 0, "it is");
    assert!(world.asked().await?.is_some());
    let input = store.judge_input(world.org).await?;
    assert_eq!((input.tags.len(), input.listed), (0, false));
    assert_eq!(input.environments.len(), 1);
    let artifacts = store.artifacts(world.org, None).await?;
    let shown: Vec<_> = artifacts.iter().map(|a| &a.digest).collect();
    assert_eq!(shown, [&digest("one")], "it runs");
    assert_eq!(store.retry_failed(world.org, Retry::All, at(7)).await?, 0);
    let outdated = store
        .enqueue_outdated(world.org, world.registry, READERS + 1, "all", at(7))
        .await?;
    assert_eq!(outdated, 0);
    world.answer().await?;

    assert_eq!(enable(&world, &["team/app"], true, 8).await?, 1);
    assert!(world.asked().await?.is_some());
    assert_eq!(world.candidates().await?.len(), 2, "they are known");
    Ok(())
}

/// Work that went when its repository was disabled is there again when a sweep sees its tag.
pub(super) async fn dropped_work_comes_back_when_it_is_seen(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.observe("1", "one", 2).await?;
    let leased = world.lease_one(2).await?;
    world.observe("2", "two", 2).await?;
    enable(&world, &["team/app"], false, 3).await?;
    let backlog = store.index_backlog(world.org, world.registry).await?;
    assert_eq!(backlog, (0, None));
    assert_lost(store.renew_index_work(&leased, at(20)).await);
    world.observe("1", "one", 4).await?;
    assert_eq!(world.lease(100).await?, [], "it is disabled");
    enable(&world, &["team/app"], true, 5).await?;
    assert_eq!(world.lease(100).await?, [], "nobody looked yet");
    for _ in 0..2 {
        let seen = world.observe("1", "one", 6).await?;
        assert_eq!((seen.state, seen.is_new), (ArtifactState::Waiting, false));
    }
    let again = world.lease_one(6).await?;
    assert_eq!(again.digest, digest("one"));
    assert!(again.fence > leased.fence);
    Ok(())
}

/// A repository can be enabled or disabled before any listing shows it.
pub(super) async fn a_repository_may_be_enabled_before_it_is_listed(
    store: &dyn Store,
) -> Result<()> {
    let world = World::watching(store).await?;
    assert_eq!(enable(&world, &["on", "on"], true, 2).await?, 1);
    assert_eq!(enable(&world, &["off"], false, 2).await?, 1);
    let due: Vec<_> = due(&world).await?;
    let names: Vec<_> = due.iter().map(|record| record.name.as_str()).collect();
    assert_eq!(names, ["on"]);
    let mut list = repositories(&["off", "on", "new"]);
    for repository in &mut list {
        repository.reference = format!("{}.example.com", repository.name);
    }
    let records = store
        .record_repositories(world.org, world.registry, &list, true, true, at(3))
        .await?;
    let states: Vec<_> = records
        .iter()
        .map(|record| {
            (
                record.enabled,
                record.activation_due,
                record.reference.as_str(),
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            (false, false, "off.example.com"),
            (true, true, "on.example.com"),
            (true, false, "new.example.com")
        ]
    );
    Ok(())
}

/// People see each repository of what is watched, with its newest reference and its state.
pub(super) async fn repositories_are_listed_in_order(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let other = store.registry(world.org, "a", "a.example", at(0)).await?.id;
    let list = repositories(&["z", "b"]);
    for complete in [true, true] {
        store
            .record_repositories(world.org, other, &list, complete, false, at(1))
            .await?;
    }
    for _ in 0..2 {
        store
            .record_repositories(world.org, other, &list[..1], true, false, at(2))
            .await?;
    }
    world.index("1", "one", 2, Vec::new()).await?;
    world.observe("2", "two", 2).await?;
    world.observe("gone", "two", 2).await?;
    store
        .forget_tag(world.org, world.repository, &parse("gone"))
        .await?;
    enable(&world, &["early"], true, 9).await?;
    let shown = |registry| async move {
        let listings = store.repositories(world.org, registry).await?;
        let lines = listings.iter().map(|r| {
            format!(
                "{} {} {} enabled={}@{} due={} tags={} gone={}",
                r.registry,
                r.name,
                r.reference,
                r.enabled,
                r.enabled_at.is_some_and(|time| time == at(9)),
                r.activation_due,
                r.tags,
                r.is_gone
            )
        });
        Ok::<_, crate::Error>(lines.collect::<Vec<_>>())
    };
    let elsewhere = [
        "a.example b localhost:5000/b enabled=false@false due=false tags=0 gone=true",
        "a.example z localhost:5000/z enabled=false@false due=false tags=0 gone=false",
    ];
    let here = [
        "localhost:5000 early localhost:5000/early enabled=true@true due=true tags=0 gone=false",
        "localhost:5000 team/app localhost:5000/team/app enabled=true@false due=false tags=2 \
         gone=false",
    ];
    assert_eq!(shown(None).await?, [elsewhere, here].concat());
    assert_eq!(shown(Some(world.registry)).await?, here);
    assert_eq!(shown(Some(other)).await?, elsewhere);
    Ok(())
}

/// A catalog of which nothing is enabled does not make `latest-indexed` known to be empty.
pub(super) async fn nothing_is_known_where_no_repository_is_enabled(
    store: &dyn Store,
) -> Result<()> {
    let world = World::new(store).await?;
    let off = listed(&world, "off", 1).await?.id;
    store.record_listing(world.org, off, &[], at(2)).await?;
    assert!(!store.judge_input(world.org).await?.listed);
    world.list(&[]).await?;
    assert!(store.judge_input(world.org).await?.listed);
    enable(&world, &["team/app"], false, 3).await?;
    assert!(!store.judge_input(world.org).await?.listed);
    enable(&world, &["off"], true, 4).await?;
    assert!(!store.judge_input(world.org).await?.listed, "not yet");
    world.answer().await?;
    store.record_listing(world.org, off, &[], at(5)).await?;
    assert!(store.judge_input(world.org).await?.listed);
    assert!(world.asked().await?.is_some());
    Ok(())
}

/// A worker whose repository another process disabled writes nothing.
pub(super) async fn work_of_a_disabled_repository_is_lost(
    one: &dyn Store,
    other: &dyn Store,
) -> Result<()> {
    let world = World::watching(one).await?;
    world.observe("1", "one", 2).await?;
    let leased = world.lease_one(2).await?;
    let elsewhere = World {
        store: other,
        ..world
    };
    enable(&elsewhere, &["team/app"], false, 3).await?;
    let outcome = ArtifactOutcome::Skipped {
        reason: "no image".to_owned(),
    };
    assert_lost(one.finish_index_work(&leased, outcome, at(4)).await);
    assert_lost(one.renew_index_work(&leased, at(40)).await);
    Ok(())
}
