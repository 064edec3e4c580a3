//! Rules for the classes of index work: why it is wanted decides how soon.

use scout_envs::Digest;

use super::sample::{READERS, World, assert_lost, at, digest, image, lease_at};
use crate::error::Result;
use crate::id::RegistryId;
use crate::model::artifact::{ArtifactOutcome, ArtifactState, FoundImage, Retry};
use crate::model::tag::Observation;
use crate::model::work::{IndexWork, LeaseRequest, WorkClass};
use crate::store::Store;

async fn wanted(world: &World<'_>, name: &str, second: i64, class: WorkClass) -> Result<()> {
    let observation = Observation {
        wanted: Some(class),
        ..World::observation(name, name, second)
    };
    world.observe_as(observation).await?;
    Ok(())
}

fn shown(work: &[IndexWork]) -> Vec<(Digest, WorkClass)> {
    let pairs = work.iter().map(|work| (work.digest.clone(), work.class));
    pairs.collect()
}

fn expected(work: &[(&str, WorkClass)]) -> Vec<(Digest, WorkClass)> {
    let pairs = work.iter().map(|&(name, class)| (digest(name), class));
    pairs.collect()
}

async fn greatest(world: &World<'_>, second: i64) -> Result<Option<WorkClass>> {
    let due = world
        .store
        .due_index_work(world.org, &[world.registry], at(second))
        .await?;
    Ok(due.into_iter().next().flatten())
}

/// Of the greatest class the oldest goes first; what is below the least class stays.
pub(super) async fn the_greatest_class_goes_first(store: &dyn Store) -> Result<()> {
    use WorkClass::{Backfill, Event, NewTag, Recheck};
    let world = World::new(store).await?;
    for (second, name, class) in [
        (1, "back-fill", Backfill),
        (2, "re-check", Recheck),
        (3, "new", NewTag),
        (5, "later event", Event),
        (4, "event", Event),
    ] {
        let tag = name.replace(' ', "-");
        let observation = Observation {
            wanted: Some(class),
            ..World::observation(&tag, name, second)
        };
        world.observe_as(observation).await?;
    }
    assert_eq!(greatest(&world, 0).await?, None, "nothing is due");
    assert_eq!(greatest(&world, 2).await?, Some(Recheck));
    let unknown = [RegistryId(987_654), world.registry];
    let due = store.due_index_work(world.org, &unknown, at(9)).await?;
    assert_eq!(due, [None, Some(Event)]);

    let lease = |least, limit| {
        let request = lease_at(9, limit).at_least(least);
        store.lease_index_work(world.org, world.registry, request)
    };
    let first = lease(Backfill, 1).await?;
    assert_eq!(shown(&first), expected(&[("event", Event)]));
    let above = lease(Recheck, 9).await?;
    let rest = [
        ("later event", Event),
        ("new", NewTag),
        ("re-check", Recheck),
    ];
    assert_eq!(shown(&above), expected(&rest));
    assert_eq!(greatest(&world, 9).await?, Some(Backfill));
    assert_eq!(lease(Recheck, 9).await?, []);
    let last = lease(Backfill, 9).await?;
    assert_eq!(shown(&last), expected(&[("back-fill", Backfill)]));
    assert_eq!(greatest(&world, 9).await?, None, "all is leased");
    assert_eq!(greatest(&world, 19).await?, Some(Event), "no longer");
    Ok(())
}

/// What waits is raised by a greater reason, and keeps its place by age; nothing lowers it.
pub(super) async fn waiting_work_is_raised_and_never_lowered(store: &dyn Store) -> Result<()> {
    use WorkClass::{Backfill, Event, NewTag};
    let world = World::new(store).await?;
    wanted(&world, "old", 1, Backfill).await?;
    wanted(&world, "new", 2, Event).await?;
    wanted(&world, "old", 3, Event).await?;
    wanted(&world, "old", 4, Backfill).await?;
    world.observe("old", "old", 5).await?;
    world.list(&["old", "new"]).await?;
    // By itself: back-fill that a sweep sees again stays what it is; another tag is news.
    wanted(&world, "rest", 1, Backfill).await?;
    world.observe("rest", "rest", 6).await?;
    let work = world.lease(9).await?;
    let order = [("old", Event), ("new", Event), ("rest", NewTag)];
    assert_eq!(shown(&work), expected(&order), "a tag after the baseline");
    Ok(())
}

/// What is new since the baseline is that, also where everything is wanted.
pub(super) async fn a_push_is_no_back_fill(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    wanted(&world, "old", 0, WorkClass::Backfill).await?;
    world.list(&["old"]).await?;
    wanted(&world, "old", 2, WorkClass::Backfill).await?;
    wanted(&world, "new", 2, WorkClass::Backfill).await?;
    let work = world.lease(9).await?;
    let order = [("new", WorkClass::NewTag), ("old", WorkClass::Backfill)];
    assert_eq!(shown(&work), expected(&order));
    Ok(())
}

/// What was looked at before is a re-check: what failed, and what older readers read.
pub(super) async fn looking_again_is_a_recheck(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.index("1", "read", 2, Vec::new()).await?;
    world.observe("2", "failed", 3).await?;
    let work = world.lease_one(3).await?;
    let outcome = ArtifactOutcome::Failed {
        reason: "the layer is damaged".to_owned(),
        transient: false,
    };
    store.finish_index_work(&work, outcome, at(3)).await?;
    store.retry_failed(world.org, Retry::All, at(4)).await?;
    store
        .enqueue_outdated(world.org, world.registry, READERS + 1, "linux/amd64", at(5))
        .await?;
    let work = world.lease(9).await?;
    let order = [("failed", WorkClass::Recheck), ("read", WorkClass::Recheck)];
    assert_eq!(shown(&work), expected(&order));
    Ok(())
}

/// Work that met a registry out of reach was not tried: it has its place, its class and its
/// attempts, and its reason for people. The one who gave it back can write no more.
pub(super) async fn deferred_work_was_not_tried(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.observe("1", "one", 2).await?;
    world.observe("2", "two", 3).await?;
    let deferred = || ArtifactOutcome::Deferred {
        reason: "the registry is down".to_owned(),
    };
    for times in 0..5 {
        let work = store
            .lease_index_work(world.org, world.registry, lease_at(9, 1))
            .await?;
        let [work] = work.as_slice() else {
            panic!("one piece of work was expected, not {work:?}");
        };
        assert_eq!(work.digest, digest("one"), "it keeps its place");
        assert_eq!((work.attempts, work.deferrals), (0, times));
        assert_eq!(work.class, WorkClass::NewTag);
        store.finish_index_work(work, deferred(), at(9)).await?;
        assert_lost(store.finish_index_work(work, deferred(), at(9)).await);
    }
    let waiting = store
        .artifacts(world.org, Some(ArtifactState::Waiting))
        .await?;
    let told: Vec<_> = waiting
        .iter()
        .map(|a| (a.reason.as_deref(), a.attempts))
        .collect();
    assert_eq!(told, [(Some("the registry is down"), 0), (None, 0)]);

    // A probe is made with what did not meet it yet, whatever its class.
    wanted(&world, "fill", 4, WorkClass::Backfill).await?;
    let probe = LeaseRequest::new(at(9), at(19), 9).as_probe();
    let work = store
        .lease_index_work(world.org, world.registry, probe)
        .await?;
    let order: Vec<_> = work.iter().map(|work| work.digest.clone()).collect();
    assert_eq!(order, [digest("two"), digest("fill"), digest("one")]);

    // An attempt counts, and what was deferred before it does not any more.
    let last = work.last().unwrap_or_else(|| panic!("nothing was leased"));
    let outcome = ArtifactOutcome::Retry {
        reason: "the layer broke off".to_owned(),
        at: at(30),
    };
    store.finish_index_work(last, outcome, at(9)).await?;
    let work = world.lease(30).await?;
    let again = work.iter().find(|work| work.digest == digest("one"));
    let again = again.unwrap_or_else(|| panic!("it was not leased again"));
    assert_eq!((again.attempts, again.deferrals), (1, 0));
    Ok(())
}

/// Giving back a re-check leaves what is known, and without a reason not to be.
pub(super) async fn a_deferred_recheck_leaves_the_result(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.index("1", "one", 2, Vec::new()).await?;
    let enqueued = store
        .enqueue_outdated(world.org, world.registry, READERS + 1, "linux/amd64", at(3))
        .await?;
    assert_eq!(enqueued, 1);
    let work = world.lease_one(3).await?;
    let reason = "the registry is down".to_owned();
    store
        .finish_index_work(&work, ArtifactOutcome::Deferred { reason }, at(4))
        .await?;
    let listed = store.artifacts(world.org, None).await?;
    let told: Vec<_> = listed
        .iter()
        .map(|a| (a.state, a.reason.as_deref(), a.images.len()))
        .collect();
    assert_eq!(told, [(ArtifactState::Indexed, None, 1)]);
    let work = world.lease_one(5).await?;
    let mut again = image("one", Vec::new());
    again.facts.analysis_version = READERS + 1;
    let outcome = ArtifactOutcome::Indexed(vec![FoundImage::New(Box::new(again))]);
    store.finish_index_work(&work, outcome, at(6)).await?;
    let backlog = store.index_backlog(world.org, world.registry).await?;
    assert_eq!(backlog, (0, None));
    Ok(())
}
