//! Registries of which only enabled repositories are watched.

use super::*;
use crate::testing::{Tells, Trouble};

impl House {
    /// Tags of the repository that are indexed, and all that are known.
    async fn tags(&self, repository: &str) -> (Vec<String>, usize) {
        let states = self.states().await;
        let prefix = format!("{repository}:");
        let all: Vec<_> = states
            .iter()
            .filter_map(|state| Some((state.0.strip_prefix(&prefix)?, state.1)))
            .collect();
        let indexed = all.iter().filter(|tag| tag.1 == ArtifactState::Indexed);
        (indexed.map(|tag| tag.0.to_owned()).collect(), all.len())
    }
}

#[tokio::test]
async fn nothing_is_watched_until_somebody_enables_it() {
    let house = House::of(MemoryRegistry::to_be_activated(Tells::Names));
    house.push("acme/app", "1", 1);
    let report = house.once(true).await;
    assert!(!report.sweep.took_baseline);
    assert_eq!((report.sweep.repositories, report.indexed), (0, 0));
    let asked = house.registry.asked();
    assert_eq!((asked.repositories, asked.tags, asked.resolved), (1, 0, 0));
    assert_eq!(house.repositories().await, ["acme/app"]);
    assert!(house.states().await.is_empty());
}

#[tokio::test]
async fn enabling_indexes_the_image_pushed_last_and_nothing_else() {
    for (tells, newest) in [
        (Tells::PushTimes, "1.9"),
        (Tells::Digests, "1.10"),
        (Tells::Names, "1.10"),
    ] {
        let house = House::of(MemoryRegistry::to_be_activated(tells));
        for (tag, packages, second) in [("1.10", 1, 50), ("1.9", 2, 60), ("latest", 3, 10)] {
            house.push("acme/app", tag, packages);
            house.registry.pushed_at("acme/app", tag, second);
        }
        house.push("acme/other", "1", 4);
        house.once(false).await;
        house.enable("acme/app", true).await;
        house.registry.asked();
        house.once(false).await;
        let expected = (vec![newest.to_owned()], 3);
        assert_eq!(house.tags("acme/app").await, expected, "{tells:?}");
        assert_eq!(house.tags("acme/other").await, (Vec::new(), 0));
        let asked = house.registry.asked().resolved;
        assert_eq!(
            asked,
            if tells == Tells::Names { 4 } else { 0 },
            "{tells:?}"
        );

        house.push("acme/app", "2", 5);
        house.registry.pushed_at("acme/app", "2", 99);
        house.once(false).await;
        assert_eq!(house.latest().await, [5], "later pushes are indexed");
        assert_eq!(house.tags("acme/app").await.1, 4);
        let report = house.once(false).await;
        assert_eq!(report.indexed, 0, "once is enough");
    }
}

#[tokio::test]
async fn what_was_pushed_since_is_no_baseline_where_push_times_are_told() {
    for (tells, expected) in [
        (Tells::PushTimes, &["2", "3"][..]),
        (Tells::Digests, &["3"]),
    ] {
        let house = House::of(MemoryRegistry::to_be_activated(tells));
        let push = |tag: &str, packages, after: i64| {
            let second = house.clock.now().as_second() + after;
            house.push("acme/app", tag, packages);
            house.registry.pushed_at("acme/app", tag, second);
        };
        push("1", 1, -1);
        house.once(false).await;
        house.enable("acme/app", true).await;
        // No event tells of 2, and the first sweep comes after both pushes.
        push("2", 2, 1);
        push("3", 3, 2);
        house.once(false).await;
        let (indexed, all) = house.tags("acme/app").await;
        assert_eq!(
            (all, indexed.as_slice() == expected),
            (3, true),
            "{tells:?} {indexed:?}"
        );
    }
}

#[tokio::test]
async fn a_running_watcher_activates_at_once() {
    let house = House::of(MemoryRegistry::to_be_activated(Tells::PushTimes));
    house.push("acme/app", "1", 1);
    house.push("acme/app", "2", 2);
    house.registry.pushed_at("acme/app", "1", 2);
    house.registry.pushed_at("acme/app", "2", 1);
    let watcher = house.watcher(Manner::default()).await;
    let stop = CancellationToken::new();
    let enabled = async {
        until(async || house.repositories().await.len() == 1).await;
        house.enable("acme/app", true).await;
        until(async || house.latest().await == [1]).await;
        stop.cancel();
    };
    let (run, ()) = tokio::join!(watcher.run(&stop, |_, _| ()), enabled);
    run.unwrap();
    assert_eq!(
        house.states().await.len(),
        1,
        "no sweep has seen the others"
    );
}

#[tokio::test]
async fn disabling_leaves_environments_alone_and_enabling_again_begins_anew() {
    let house = House::of(MemoryRegistry::to_be_activated(Tells::Names));
    house.push("acme/app", "1", 1);
    house.once(false).await;
    house.enable("acme/app", true).await;
    house.once(false).await;
    let store = house.store();
    let org = house.org(store.as_ref()).await;
    let (production, image) = ("production".parse().unwrap(), "acme/app:1".parse().unwrap());
    let clock = house.clock.as_ref();
    assign(store.as_ref(), &org, &production, &image, clock)
        .await
        .unwrap();

    house.enable("acme/app", false).await;
    house.push("acme/app", "2", 2);
    let event = pushed("a", "acme/app", "2");
    let watcher = house.watcher(Manner::default()).await;
    watcher.recorders()[0].record(vec![event]).await.unwrap();
    round(&watcher).await;
    assert_eq!(house.latest().await, [0; 0]);
    assert_eq!(store.environments(org.id).await.unwrap()[0].images, 1);

    house.push("acme/app", "3", 3);
    house.enable("acme/app", true).await;
    house.once(false).await;
    assert_eq!(house.latest().await, [3]);
    let below: Vec<_> = house.states().await;
    let below = below
        .iter()
        .filter(|state| state.1 == ArtifactState::BelowBaseline);
    assert_eq!(
        below.count(),
        1,
        "what was pushed meanwhile is the baseline"
    );
}

#[tokio::test]
async fn what_cannot_be_listed_yet_stays_due() {
    let house = House::of(MemoryRegistry::to_be_activated(Tells::Names));
    house.once(false).await;
    house.enable("acme/app", true).await;
    house.once(false).await;
    house.push("acme/app", "1", 1);
    house.registry.trouble(Some(Trouble::Down));
    let report = house.once(false).await;
    assert!(report.unlisted.is_some());
    assert!(house.states().await.is_empty());
    house.registry.trouble(None);
    house.once(false).await;
    assert_eq!(house.latest().await, [1]);
}
