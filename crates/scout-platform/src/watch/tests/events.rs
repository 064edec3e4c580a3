//! What registries tell, and what is recorded of it.

use scout_registry::events::CONTENT_ID_PREFIX;
use scout_store::{CONTENT_KEY_PREFIX, EventsRecorded};

use super::*;
use crate::testing::Trouble;

impl House {
    /// Records what the first registry tells, in a new process, and does what it leads to,
    /// without a sweep.
    async fn hear(&self, events: Vec<Event>) -> EventsRecorded {
        let watcher = self.watcher(Manner::default()).await;
        let recorded = watcher.recorders()[0].record(events).await.unwrap();
        heed(&watcher).await;
        recorded
    }

    /// How many events are pending.
    async fn pending(&self) -> u64 {
        let store = self.store();
        let org = self.org(store.as_ref()).await.id;
        let now = self.clock.now();
        let key = "memory:registry.test";
        let registry = store
            .registry(org, key, "registry.test", now)
            .await
            .unwrap();
        store.event_backlog(org, registry.id).await.unwrap().0
    }
}

const ONE: EventsRecorded = EventsRecorded::Stored {
    stored: 1,
    duplicates: 0,
};
const KNOWN: EventsRecorded = EventsRecorded::Stored {
    stored: 0,
    duplicates: 1,
};

#[tokio::test]
async fn a_push_that_is_told_is_indexed_below_and_above_the_baseline() {
    let house = House::new();
    house.push("acme/app", "1", 1);
    house.push("acme/app", "other", 1);
    house.once(false).await;
    assert_eq!(house.hear(vec![pushed("a", "acme/app", "1")]).await, ONE);
    assert_eq!(house.latest().await, [1]);

    house.push("acme/app", "2", 2);
    house.hear(vec![pushed("b", "acme/app", "2")]).await;
    assert_eq!(house.latest().await, [2]);
    let states: Vec<_> = house.states().await.into_iter().map(|s| s.1).collect();
    let indexed = ArtifactState::Indexed;
    assert_eq!(
        states,
        [indexed, indexed],
        "what nobody told of shares an image"
    );
    assert_eq!(house.pending().await, 0);
}

#[tokio::test]
async fn a_repository_is_known_by_an_event() {
    let house = House::new();
    house.push("acme/app", "1", 1);
    house.once(false).await;
    house.push("acme/new", "1", 2);
    house.push("acme/new", "untold", 3);
    house.hear(vec![pushed("a", "acme/new", "1")]).await;
    assert_eq!(house.latest().await, [2]);
}

#[tokio::test]
async fn a_repeated_event_costs_nothing_and_counts_once() {
    let house = House::new();
    house.push("acme/app", "1", 1);
    let event = pushed("a", "acme/app", "1");
    house.hear(vec![event.clone(), event.clone()]).await;
    let states = house.states().await;
    house.registry.asked();
    assert_eq!(house.hear(vec![event]).await, KNOWN);
    assert_eq!(house.registry.asked().resolved, 0);
    assert_eq!(house.states().await, states);
    // Under another name, it costs one question.
    let again: Vec<_> = ["b", "c", "d"].map(|id| pushed(id, "acme/app", "1")).into();
    house.hear(again).await;
    let asked = house.registry.asked();
    assert_eq!((asked.resolved, asked.manifests), (1, 0));
    assert_eq!(house.states().await, states);
    assert_eq!(house.latest().await, [1]);
}

#[tokio::test]
async fn an_event_about_nothing_changes_nothing() {
    let house = House::new();
    house.push("acme/app", "1", 1);
    house.once(true).await;
    let states = house.states().await;
    let mut elsewhere = pushed("b", "acme/app", "1");
    elsewhere.digest = Some(digest(b"forged"));
    house
        .hear(vec![
            pushed("a", "acme/app", "forged"),
            elsewhere,
            pushed("c", "acme/forged", "1"),
            deleted("d", "acme/forged", "1"),
            Event::new(
                "e".to_owned(),
                EventAction::Deleted,
                "acme/app".parse().unwrap(),
            ),
        ])
        .await;
    let watcher = house.watcher(Manner::default()).await;
    let mut waited = 0;
    while house.pending().await > 0 {
        house.clock.advance(1);
        heed(&watcher).await;
        waited += 1;
    }
    assert!((15..=20).contains(&waited), "{waited} seconds");
    assert_eq!(house.states().await, states);
    assert_eq!(house.repositories().await, ["acme/app"]);
}

#[tokio::test]
async fn a_repository_first_met_in_an_event_has_no_baseline() {
    let house = House::new();
    house.push("acme/app", "1", 1);
    house.once(false).await;
    // Of three pushes to a new repository, only the last is told.
    house.push("acme/new", "1", 2);
    house.push("acme/new", "2", 3);
    house.push("acme/new", "3", 4);
    house.hear(vec![pushed("a", "acme/new", "3")]).await;
    let watcher = house.watcher(Manner::default()).await;
    heed(&watcher).await;
    round(&watcher).await;
    let indexed = house.states().await.into_iter();
    let indexed = indexed.filter(|(_, state, _)| *state == ArtifactState::Indexed);
    let indexed: Vec<_> = indexed.map(|(name, ..)| name).collect();
    assert_eq!(indexed, ["acme/new:1", "acme/new:2", "acme/new:3"]);
}

#[tokio::test]
async fn a_push_that_is_told_of_too_early_is_looked_for_again() {
    let house = House::new();
    house.push("acme/app", "1", 1);
    house.once(true).await;
    let digest = house.push("acme/elsewhere", "1", 3);
    let mut moved = pushed("b", "acme/app", "1");
    moved.digest = Some(digest);
    house.hear(vec![pushed("a", "acme/app", "2"), moved]).await;
    assert_eq!(house.pending().await, 2);
    assert_eq!(house.latest().await, [1]);

    house.push("acme/app", "2", 2);
    house.push("acme/app", "1", 3);
    house.clock.advance(2);
    let watcher = house.watcher(Manner::default()).await;
    heed(&watcher).await;
    assert_eq!(house.pending().await, 0);
    assert_eq!(house.states().await.len(), 2);
    house.registry.asked();
    house.clock.advance(60);
    heed(&watcher).await;
    assert_eq!(house.registry.asked().resolved, 0);
}

#[tokio::test]
async fn a_deletion_counts_once_the_registry_confirms_it() {
    let house = House::new();
    house.push("acme/app", "1", 1);
    house.once(true).await;
    house.push("acme/app", "2", 2);
    let digest = house.push("acme/app", "2-again", 2);
    house.once(true).await;
    assert_eq!(house.latest().await, [2]);

    house.hear(vec![deleted("a", "acme/app", "2")]).await;
    assert_eq!(house.latest().await, [2], "it is still there");

    house.registry.remove("acme/app", "2-again");
    house.hear(vec![deleted("b", "acme/app", "2-again")]).await;
    assert_eq!(house.latest().await, [2], "another tag is left");

    house.registry.remove("acme/app", "2");
    let mut by_digest = Event::new(
        "c".to_owned(),
        EventAction::Deleted,
        "acme/app".parse().unwrap(),
    );
    by_digest.digest = Some(digest);
    house.hear(vec![by_digest]).await;
    assert_eq!(
        house.latest().await,
        [1],
        "the one before is the newest again"
    );
    assert_eq!(house.states().await[0].0, "acme/app:1");
}

#[tokio::test]
async fn what_happens_again_is_heard_again() {
    assert_eq!(CONTENT_ID_PREFIX, CONTENT_KEY_PREFIX);
    let house = House::new();
    let id = |what: &str| format!("{CONTENT_ID_PREFIX}{what}");
    for _ in 0..2 {
        house.push("acme/app", "1", 1);
        let push = pushed(&id("push"), "acme/app", "1");
        assert_eq!(house.hear(vec![push]).await, ONE);
        assert_eq!(house.latest().await, [1]);
        house.registry.remove("acme/app", "1");
        let delete = deleted(&id("delete"), "acme/app", "1");
        assert_eq!(house.hear(vec![delete]).await, ONE);
        assert_eq!(house.latest().await, [0; 0]);
    }
}

#[tokio::test]
async fn events_wait_for_a_registry_that_is_down() {
    let house = House::new();
    for tag in ["1", "2", "3"] {
        house.push("acme/app", tag, 1);
    }
    for (round, trouble) in [Trouble::Down, Trouble::Busy(600)].into_iter().enumerate() {
        house.registry.trouble(Some(trouble));
        let events = ["1", "2", "3"].map(|tag| pushed(&format!("{tag}{round}"), "acme/app", tag));
        house.hear(events.into()).await;
        assert_eq!(house.pending().await, 3);
        assert_eq!(house.registry.asked().resolved, 1, "one shows it for all");

        house.registry.trouble(None);
        let watcher = house.watcher(Manner::default()).await;
        heed(&watcher).await;
        let is_due = trouble == Trouble::Down;
        assert_eq!(house.registry.asked().resolved, if is_due { 3 } else { 0 });
        assert_eq!(house.pending().await, if is_due { 0 } else { 3 });
        assert_eq!(house.latest().await, [1]);
        house.clock.advance(600);
        heed(&watcher).await;
        assert_eq!(house.pending().await, 0);
        house.registry.asked();
    }
}

#[tokio::test]
async fn an_event_is_not_looked_at_forever() {
    let house = House::new();
    house.registry.trouble(Some(Trouble::Down));
    let watcher = house.watcher(Manner::default()).await;
    let event = pushed("a", "acme/app", "1");
    watcher.recorders()[0].record(vec![event]).await.unwrap();
    let mut looked = 0;
    let mut waited = 0;
    while house.pending().await > 0 {
        heed(&watcher).await;
        looked += house.registry.asked().resolved;
        house.clock.advance(20);
        waited += 20;
        assert!(waited < 3_600, "{looked}");
    }
    assert_eq!(looked, 11);
    assert!((1_800..2_400).contains(&waited), "{waited} seconds");
}

#[tokio::test]
async fn events_of_what_is_not_watched_are_not_followed() {
    let house = House::new();
    house.push("acme/app", "1", 1);
    house.push("acme/disabled", "1", 1);
    house.once(false).await;
    house.enable("acme/disabled", false).await;
    house.registry.unselect("acme/unselected");
    house.push("acme/unselected", "1", 1);
    let signature = format!("sha256-{}.sig", "0".repeat(64));
    house.registry.asked();
    let states = house.states().await;
    house
        .hear(vec![
            pushed("a", "acme/disabled", "1"),
            deleted("b", "acme/disabled", "1"),
            pushed("c", "acme/unselected", "1"),
            pushed("d", "acme/app", &signature),
        ])
        .await;
    assert_eq!(house.registry.asked().resolved, 0);
    assert_eq!(house.states().await, states);
    assert_eq!(house.pending().await, 0);
}

#[tokio::test]
async fn events_do_not_wait_for_a_sweep_nor_are_undone_by_it() {
    let house = House::new();
    house.push("acme/app", "1", 1);
    house.push("acme/app", "gone", 1);
    house.registry.tell(crate::testing::Tells::Digests);
    house.once(true).await;
    house.registry.asked();
    let gate = house.registry.hold_listings();
    let watcher = house.watcher(Manner::default()).await;
    let recorder = watcher.recorders().remove(0);
    let stop = CancellationToken::new();
    let told = async {
        // The sweep has its list by now, in which the tags are as they were.
        until(async || house.registry.asked().tags > 0).await;
        house.push("acme/app", "1", 2);
        house.registry.remove("acme/app", "gone");
        let events = vec![
            pushed("a", "acme/app", "1"),
            deleted("b", "acme/app", "gone"),
        ];
        recorder.record(events).await.unwrap();
        until(async || house.latest().await == [2]).await;
        gate.add_permits(1);
        watcher.settled().await.unwrap();
        stop.cancel();
    };
    let (run, ()) = tokio::join!(watcher.run(&stop, |_, _| ()), told);
    run.unwrap();
    assert_eq!(house.latest().await, [2]);
    assert_eq!(house.states().await.len(), 1);
    assert_eq!(house.states().await[0].0, "acme/app:1");
}
