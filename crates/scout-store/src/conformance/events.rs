//! Rules for events.

use jiff::{SignedDuration, Timestamp};
use scout_envs::RepositoryName;

use super::sample::{World, assert_refused, at, digest, parse};
use crate::error::Result;
use crate::id::EventId;
use crate::model::event::{
    CONTENT_KEY_PREFIX, EVENTS_REMEMBERED_FOR, EventAction, EventsRecorded, MAX_EVENT_KEY_BYTES,
    MAX_PENDING_EVENTS, MAX_REMEMBERED_EVENTS, NewEvent,
};
use crate::store::Store;

/// More than any rule records.
const ALL: u32 = 1_000_000;

pub(super) fn event(key: &str) -> NewEvent {
    NewEvent {
        key: key.to_owned(),
        action: EventAction::Pushed,
        repository: parse("team/app"),
        tag: Some(parse("1")),
        digest: None,
        occurred_at: None,
    }
}

fn events(numbers: std::ops::Range<u64>) -> Vec<NewEvent> {
    numbers.map(|number| event(&number.to_string())).collect()
}

fn stored(stored: u64, duplicates: u64) -> EventsRecorded {
    EventsRecorded::Stored { stored, duplicates }
}

async fn record(
    world: &World<'_>,
    events: Vec<NewEvent>,
    now: Timestamp,
) -> Result<EventsRecorded> {
    let (org, registry) = (world.org, world.registry);
    world.store.record_events(org, registry, events, now).await
}

async fn pending(world: &World<'_>) -> Result<Vec<EventId>> {
    let (org, registry) = (world.org, world.registry);
    let pending = world
        .store
        .pending_events(org, registry, at(1_000_000), ALL);
    Ok(pending.await?.into_iter().map(|event| event.id).collect())
}

async fn finish(world: &World<'_>, events: &[EventId], now: Timestamp) -> Result<()> {
    world.store.finish_events(world.org, events, now).await
}

/// What was told is there, oldest first, until it is finished.
pub(super) async fn an_event_comes_back_as_it_was(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    let unknown: RepositoryName = parse("never/listed");
    let told = [
        event("b"),
        NewEvent {
            action: EventAction::Deleted,
            repository: unknown.clone(),
            tag: None,
            digest: Some(digest("one")),
            occurred_at: Some(at(-3)),
            ..event("a")
        },
    ];
    record(&world, told[..1].to_vec(), at(1)).await?;
    record(&world, told[1..].to_vec(), at(1)).await?;
    let pending = store
        .pending_events(world.org, world.registry, at(1), ALL)
        .await?;
    assert_eq!(pending.len(), told.len());
    for (found, told) in pending.iter().zip(&told) {
        assert_eq!(found.action, told.action);
        assert_eq!(found.repository, told.repository);
        assert_eq!((&found.tag, &found.digest), (&told.tag, &told.digest));
        assert_eq!(found.occurred_at, told.occurred_at);
        assert_eq!((found.received_at, found.attempts), (at(1), 0));
    }
    let ids: Vec<_> = pending.iter().map(|event| event.id).collect();
    assert!(ids.is_sorted());
    let first = store
        .pending_events(world.org, world.registry, at(1), 1)
        .await?;
    assert_eq!(first, pending[..1]);
    finish(&world, &ids[..1], at(2)).await?;
    finish(&world, &ids[..1], at(3)).await?;
    let left = store
        .pending_events(world.org, world.registry, at(3), ALL)
        .await?;
    assert_eq!(left, pending[1..]);
    let backlog = store.event_backlog(world.org, world.registry).await?;
    assert_eq!(backlog, (1, Some(at(1))));
    Ok(())
}

/// The same event sent again is neither pending twice nor worked on again.
pub(super) async fn an_event_is_recorded_once(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    let twice = vec![event("a"), event("b"), event("a")];
    assert_eq!(record(&world, twice.clone(), at(1)).await?, stored(2, 1));
    assert_eq!(record(&world, twice.clone(), at(2)).await?, stored(0, 3));
    let ids = pending(&world).await?;
    assert_eq!(ids.len(), 2);
    finish(&world, &ids, at(3)).await?;
    assert_eq!(record(&world, twice, at(4)).await?, stored(0, 3));
    assert_eq!(pending(&world).await?, []);
    assert_eq!(record(&world, Vec::new(), at(4)).await?, stored(0, 0));

    // Another registry has its own keys.
    let other = store.registry(world.org, "a", "a", at(0)).await?.id;
    let elsewhere = World {
        registry: other,
        ..world
    };
    assert_eq!(
        record(&elsewhere, vec![event("a")], at(5)).await?,
        stored(1, 0)
    );
    assert_eq!(pending(&world).await?, []);
    assert_eq!(pending(&elsewhere).await?.len(), 1);
    Ok(())
}

/// A key that only tells what an event says is known as long as the event is pending, and what
/// comes while it is looked at is looked at after that.
pub(super) async fn what_happens_again_is_heard_again(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    let push = event(&format!("{CONTENT_KEY_PREFIX}push"));
    for second in 1..4 {
        let twice = vec![push.clone(), push.clone()];
        assert_eq!(
            record(&world, twice.clone(), at(second)).await?,
            stored(1, 1)
        );
        assert_eq!(record(&world, twice, at(second)).await?, stored(0, 2));
        let ids = pending(&world).await?;
        assert_eq!(ids.len(), 1);
        finish(&world, &ids, at(second)).await?;
        assert_eq!(pending(&world).await?, []);
    }
    // It happens once more while somebody looks, who may have asked too early.
    record(&world, vec![push.clone()], at(5)).await?;
    let looked_at = pending(&world).await?;
    assert_eq!(
        record(&world, vec![push.clone()], at(6)).await?,
        stored(0, 1)
    );
    finish(&world, &looked_at, at(7)).await?;
    let ids = pending(&world).await?;
    assert_eq!(ids.len(), 1);
    assert!(ids > looked_at);
    // Not while it waits: it will be looked at later than that.
    store.postpone_event(world.org, ids[0], at(20)).await?;
    assert_eq!(
        record(&world, vec![push.clone()], at(8)).await?,
        stored(0, 1)
    );
    assert_eq!(pending(&world).await?, ids);
    // How often it was tried is not forgotten.
    assert_eq!(record(&world, vec![push], at(20)).await?, stored(0, 1));
    let due = store.pending_events(world.org, world.registry, at(20), ALL);
    let attempts: Vec<_> = due.await?.iter().map(|event| event.attempts).collect();
    assert_eq!(attempts, [1]);
    Ok(())
}

/// A finished event is known for a while, a pending one until it is finished.
pub(super) async fn an_event_is_remembered_for_a_while(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    record(&world, vec![event("finished"), event("pending")], at(0)).await?;
    let ids = pending(&world).await?;
    finish(&world, &ids[..1], at(10)).await?;
    let end = at(10) + EVENTS_REMEMBERED_FOR;
    let moment = SignedDuration::from_nanos(1);
    for (now, expected) in [(end - moment, stored(0, 2)), (end, stored(1, 1))] {
        let again = vec![event("finished"), event("pending")];
        assert_eq!(record(&world, again, now).await?, expected, "{now}");
    }
    assert_eq!(pending(&world).await?.len(), 2);
    Ok(())
}

/// The newest of the finished events are known, however many there were.
pub(super) async fn only_so_many_events_are_remembered(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    let mut second = 0;
    let mut next = 0;
    while next <= MAX_REMEMBERED_EVENTS {
        let batch = events(next..next + MAX_PENDING_EVENTS);
        record(&world, batch, at(second)).await?;
        finish(&world, &pending(&world).await?, at(second)).await?;
        next += MAX_PENDING_EVENTS;
        second += 1;
    }
    let known = vec![event(&(next - 1).to_string())];
    assert_eq!(record(&world, known, at(second)).await?, stored(0, 1));
    let oldest_known = next - MAX_REMEMBERED_EVENTS;
    let edge = events(oldest_known - 1..oldest_known + 1);
    assert_eq!(record(&world, edge, at(second)).await?, stored(1, 1));
    Ok(())
}

/// Where not all fit, none is taken, and what is known is still known.
pub(super) async fn a_full_table_takes_none(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    let rival = World::of(store, "rival").await?;
    let too_many = events(0..MAX_PENDING_EVENTS + 1);
    assert_eq!(record(&world, too_many, at(1)).await?, EventsRecorded::Full);
    assert_eq!(pending(&world).await?, []);
    let all_but_one = MAX_PENDING_EVENTS - 1;
    let most = events(0..all_but_one);
    assert_eq!(record(&world, most, at(1)).await?, stored(all_but_one, 0));
    let two = vec![event("x"), event("0"), event("y")];
    assert_eq!(record(&world, two, at(2)).await?, EventsRecorded::Full);
    let one = vec![event("x"), event("0"), event("x")];
    assert_eq!(record(&world, one.clone(), at(2)).await?, stored(1, 2));
    assert_eq!(
        record(&world, vec![event("y")], at(3)).await?,
        EventsRecorded::Full
    );
    assert_eq!(record(&world, one, at(3)).await?, stored(0, 3));
    // The bound is the organization's, not the registry's nor everybody's.
    let other = store.registry(world.org, "a", "a", at(0)).await?.id;
    let elsewhere = World {
        registry: other,
        ..world
    };
    assert_eq!(
        record(&elsewhere, vec![event("y")], at(3)).await?,
        EventsRecorded::Full
    );
    assert_eq!(record(&rival, vec![event("y")], at(3)).await?, stored(1, 0));

    let ids = pending(&world).await?;
    finish(&world, &ids[..1], at(4)).await?;
    assert_eq!(record(&world, vec![event("y")], at(5)).await?, stored(1, 0));
    Ok(())
}

/// An event that could not be worked on waits its time, and is counted.
pub(super) async fn a_postponed_event_waits(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    record(&world, vec![event("a"), event("b")], at(1)).await?;
    let ids = pending(&world).await?;
    let due = |second| async move {
        let due = store.pending_events(world.org, world.registry, at(second), ALL);
        let due: Vec<_> = due.await?.iter().map(|e| (e.id, e.attempts)).collect();
        Ok::<_, crate::Error>(due)
    };
    let [first, second] = ids[..] else {
        panic!("two events were expected, not {ids:?}");
    };
    assert_eq!(due(0).await?, [], "they came later");
    store.postpone_event(world.org, first, at(20)).await?;
    assert_eq!(due(19).await?, [(second, 0)]);
    assert_eq!(due(20).await?, [(first, 1), (second, 0)]);
    let backlog = || store.event_backlog(world.org, world.registry);
    assert_eq!(backlog().await?, (2, Some(at(1))));
    finish(&world, &[second], at(2)).await?;
    assert_eq!(backlog().await?, (1, Some(at(20))));
    // Sent again meanwhile, it waits nevertheless.
    assert_eq!(record(&world, vec![event("a")], at(3)).await?, stored(0, 1));
    assert_eq!(due(19).await?, []);
    // What is finished does not come back.
    store.postpone_event(world.org, second, at(5)).await?;
    finish(&world, &[first], at(20)).await?;
    assert_eq!(due(100).await?, []);
    Ok(())
}

/// An event without a key, or with one that is too long, is refused with all that came with it.
pub(super) async fn a_key_that_does_not_fit_is_refused(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    for bad in [String::new(), "k".repeat(MAX_EVENT_KEY_BYTES + 1)] {
        let both = vec![event("good"), event(&bad)];
        assert_refused(record(&world, both, at(1)).await);
    }
    assert_eq!(pending(&world).await?, []);
    let longest = vec![event(&"ä".repeat(MAX_EVENT_KEY_BYTES / 2))];
    assert_eq!(record(&world, longest, at(1)).await?, stored(1, 0));
    Ok(())
}

/// Nobody sees, ends or puts off another organization's events.
pub(super) async fn events_belong_to_one_organization(store: &dyn Store) -> Result<()> {
    let acme = World::new(store).await?;
    let rival = World::of(store, "rival").await?;
    record(&acme, vec![event("a")], at(1)).await?;
    let thief = World {
        org: rival.org,
        ..acme
    };
    assert_refused(record(&thief, vec![event("b")], at(1)).await);
    assert_eq!(pending(&thief).await?, []);
    let backlog = store.event_backlog(rival.org, acme.registry).await?;
    assert_eq!(backlog, (0, None));
    let ids = pending(&acme).await?;
    finish(&thief, &ids, at(2)).await?;
    for id in &ids {
        store.postpone_event(rival.org, *id, at(900)).await?;
    }
    let due = store
        .pending_events(acme.org, acme.registry, at(2), ALL)
        .await?;
    assert_eq!(due.len(), 1);
    // The same key is another event there.
    assert_eq!(record(&rival, vec![event("a")], at(2)).await?, stored(1, 0));
    Ok(())
}

/// What one process stored another may work on, and the first knows it is done.
pub(super) async fn what_one_finished_the_other_knows(
    one: &dyn Store,
    other: &dyn Store,
) -> Result<()> {
    let world = World::new(one).await?;
    let elsewhere = World {
        store: other,
        ..world
    };
    for round in 0..10_u64 {
        let sent = || vec![event(&round.to_string())];
        assert_eq!(record(&world, sent(), at(1)).await?, stored(1, 0));
        assert_eq!(record(&elsewhere, sent(), at(1)).await?, stored(0, 1));
        let ids = pending(&elsewhere).await?;
        assert_eq!(ids.len(), 1, "{round}");
        finish(&elsewhere, &ids, at(2)).await?;
        assert_eq!(pending(&world).await?, []);
        assert_eq!(record(&world, sent(), at(3)).await?, stored(0, 1));
    }
    Ok(())
}
