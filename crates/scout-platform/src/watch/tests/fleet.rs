//! Several registries, and how often they are asked.

use scout_store::{IntegrationAdded, IntegrationFamily, NewIntegration};

use super::*;
use crate::testing::{Log, Tells, Trouble};

fn two(log: &Log) -> House {
    House {
        others: vec![Arc::new(MemoryRegistry::new("b.test", log))],
        ..House::of(MemoryRegistry::new("a.test", log))
    }
}

impl House {
    /// Removes the integration of a registry, having added it if needed.
    async fn remove_integration(&self, key: &str) {
        let store = self.store();
        let org = self.org(store.as_ref()).await.id;
        let now = self.clock.now();
        let integration = NewIntegration {
            name: "mine".parse().unwrap(),
            family: IntegrationFamily::Registry,
            kind: "memory".to_owned(),
            parameters: Vec::new(),
            key: key.to_owned(),
            test: None,
        };
        let name = integration.name.clone();
        let added = store.add_integration(org, integration, now).await.unwrap();
        assert!(matches!(added, IntegrationAdded::Added(_)));
        assert!(store.remove_integration(org, &name, now).await.unwrap());
    }
}

#[tokio::test]
async fn a_long_queue_keeps_no_other_registry_waiting() {
    let log = Log::default();
    let house = two(&log);
    for number in 0..6 {
        house.push("acme/app", &number.to_string(), number);
    }
    for number in 10..12 {
        house.push_to(1, "acme/app", &number.to_string(), number);
    }
    let only_list = Manner {
        all_images: true,
        index: false,
        ..Manner::default()
    };
    round(&house.watcher(only_list).await).await;
    assert!(log.lock().unwrap().is_empty());
    let one_worker = Manner {
        workers: 1,
        ..Manner::default()
    };
    let reports = round(&house.watcher(one_worker).await).await;
    let indexed: Vec<_> = reports.iter().map(|report| report.indexed).collect();
    assert_eq!(indexed, [6, 2]);
    let (a, b) = ("a.test", "b.test");
    assert_eq!(*log.lock().unwrap(), [a, b, a, b, a, a, a, a]);
}

#[tokio::test]
async fn a_registry_that_is_down_is_told_and_stops_no_other() {
    let house = two(&Log::default());
    house.push("acme/app", "1", 1);
    house.push_to(1, "acme/app", "1", 2);
    house.registry.trouble(Some(Trouble::Down));
    let manner = || Manner {
        all_images: true,
        ..Manner::default()
    };
    let watcher = house.watcher(manner()).await;
    let reports = round(&watcher).await;
    let error = reports[0].unlisted.as_ref().unwrap().to_string();
    assert!(error.contains("a.test"), "{error}");
    assert!(reports[1].unlisted.is_none());
    assert_eq!((reports[0].indexed, reports[1].indexed), (0, 1));

    house.registry.trouble(None);
    let reports = round(&watcher).await;
    assert!(reports[0].unlisted.is_none());
    assert_eq!((reports[0].indexed, reports[1].indexed), (1, 0));
    assert_eq!(house.latest().await, [2, 1], "in the order they were met");
}

#[tokio::test]
async fn repositories_are_listed_once_unless_told_otherwise() {
    for (refresh, expected) in [(false, &[1][..]), (true, &[1, 2])] {
        let house = House::new();
        house.push("acme/app", "1", 1);
        let watcher = house
            .watcher(Manner {
                all_images: true,
                refresh,
                ..Manner::default()
            })
            .await;
        round(&watcher).await;
        house.push("acme/new", "1", 2);
        house.registry.asked();
        round(&watcher).await;
        let listed = house.registry.asked().repositories;
        assert_eq!(listed, u64::from(refresh));
        assert_eq!(house.latest().await, expected, "{refresh}");
    }
}

#[tokio::test]
async fn what_an_event_told_of_is_swept_although_it_was_not_listed() {
    let house = House::new();
    house.push("acme/app", "1", 1);
    let watcher = house.watcher(Manner::default()).await;
    round(&watcher).await;
    house.push("acme/new", "1", 2);
    let event = pushed("a", "acme/new", "1");
    watcher.recorders()[0].record(vec![event]).await.unwrap();
    round(&watcher).await;
    house.clock.advance(60);
    round(&watcher).await;
    house.push("acme/new", "2", 3);
    house.clock.advance(60);
    house.registry.asked();
    let report = round(&watcher).await.remove(0);
    assert_eq!((report.sweep.repositories, report.indexed), (2, 1));
    assert_eq!(house.registry.asked().repositories, 0);
    assert_eq!(house.latest().await, [3]);
}

#[tokio::test]
async fn a_repository_that_was_deleted_goes() {
    let house = House::new();
    house.push("acme/app", "1", 1);
    house.push("acme/gone", "1", 2);
    let watcher = house
        .watcher(Manner {
            all_images: true,
            ..Manner::default()
        })
        .await;
    round(&watcher).await;
    house.registry.remove_repository("acme/gone");
    let mut problems = Vec::new();
    for _ in 0..4 {
        house.clock.advance(60);
        let report = round(&watcher).await.remove(0);
        problems.push(report.sweep.problems.total());
    }
    assert_eq!(problems, [0, 0, 0, 0], "what is not found has no tags");
    assert_eq!(house.latest().await, [1]);
    house.registry.asked();
    round(&watcher).await;
    assert_eq!(house.registry.asked().repositories, 0);
}

#[tokio::test]
async fn a_repository_that_is_listed_and_not_found_has_no_tags() {
    let house = House::new();
    house.push("acme/app", "1", 1);
    house.push("acme/kept", "1", 2);
    house.once(true).await;
    assert_eq!(house.latest().await, [1, 2]);
    house.registry.keep_only_the_name("acme/kept");
    for expected in [&[1, 2][..], &[1]] {
        let report = house.once(true).await;
        assert_eq!(report.sweep.problems.total(), 0);
        assert_eq!(house.latest().await, expected);
    }
    assert_eq!(house.repositories().await, ["acme/app", "acme/kept"]);
}

#[tokio::test]
async fn rounds_begin_a_bit_less_than_an_interval_apart_and_leave_half_of_it() {
    let house = House::new();
    let watcher = house.watcher(Manner::default()).await;
    let mut pauses = std::collections::BTreeSet::new();
    for _ in 0..20 {
        house.clock.advance(60);
        let after = |seconds| {
            let took = Duration::from_secs(seconds);
            watcher.pause_between_rounds(&watcher.sources[0], took)
        };
        for (took, least, most) in [(0, 48, 54), (10, 38, 44), (40, 30, 30), (900, 30, 30)] {
            let pause = after(took);
            let (least, most) = (Duration::from_secs(least), Duration::from_secs(most));
            assert!((least..=most).contains(&pause), "{took} s: {pause:?}");
        }
        pauses.insert(after(0));
    }
    assert!(pauses.len() > 5, "{pauses:?}");
}

#[tokio::test]
async fn what_the_listing_tells_is_not_asked_for() {
    let house = House::new();
    house.registry.tell(Tells::Digests);
    for number in 1..4 {
        house.push("acme/app", &number.to_string(), number);
    }
    house.once(true).await;
    assert_eq!(house.registry.asked().resolved, 0);
    assert_eq!(house.states().await.len(), 3);

    house.registry.tell(Tells::PushTimes);
    for (tag, second) in [("1", 3), ("2", 2), ("3", 1)] {
        house.registry.pushed_at("acme/app", tag, second);
    }
    house.once(true).await;
    assert_eq!(house.registry.asked().resolved, 0);
    assert_eq!(
        house.latest().await,
        [1],
        "the one pushed last is the newest"
    );
}

#[tokio::test]
async fn a_round_ends_well_although_an_integration_is_removed_meanwhile() {
    let house = two(&Log::default());
    house.push("acme/app", "1", 1);
    house.push_to(1, "acme/app", "1", 2);
    let gate = house.registry.hold_listings();
    let watcher = house
        .watcher(Manner {
            all_images: true,
            ..Manner::default()
        })
        .await;
    let removed = async {
        until(async || house.registry.asked().tags > 0).await;
        house.remove_integration("memory:a.test").await;
        gate.add_permits(1);
    };
    let (reports, ()) = tokio::join!(round(&watcher), removed);
    assert!(reports[0].unlisted.as_ref().unwrap().is_removed());
    assert!(reports[1].unlisted.is_none());
    assert_eq!(house.latest().await, [2]);
}

#[tokio::test]
async fn a_watcher_goes_on_although_an_integration_is_removed_meanwhile() {
    let house = two(&Log::default());
    house.push("acme/app", "1", 1);
    house.push_to(1, "acme/app", "1", 2);
    let gate = house.registry.hold_listings();
    let watcher = house
        .watcher(Manner {
            all_images: true,
            ..Manner::default()
        })
        .await;
    let recorders = watcher.recorders();
    let event = |id: &str| pushed(id, "acme/app", "2");
    let stop = CancellationToken::new();
    let removed = async {
        until(async || house.registry.asked().tags > 0).await;
        house.remove_integration("memory:a.test").await;
        gate.add_permits(1);
        watcher.settled().await.unwrap();
        let error = recorders[0].record(vec![event("a")]).await.unwrap_err();
        assert!(error.is_removed(), "{error}");
        house.push_to(1, "acme/app", "2", 3);
        house.clock.advance(60);
        recorders[1].record(vec![event("b")]).await.unwrap();
        until(async || house.latest().await == [3]).await;
        stop.cancel();
    };
    let (run, ()) = tokio::join!(watcher.run(&stop, |_, _| ()), removed);
    run.unwrap();
}

#[tokio::test]
async fn what_was_done_since_the_first_report_can_be_collected() {
    let house = House::new();
    house.push("acme/app", "1", 1);
    house.push("acme/app", "2", 2);
    let watcher = house
        .watcher(Manner {
            all_images: true,
            ..Manner::default()
        })
        .await;
    let stop = CancellationToken::new();
    let told = std::sync::Mutex::new(Vec::new());
    let settled = async {
        // Without advisories not all can be judged, and waiting for them would not end.
        watcher.settled().await.unwrap();
        stop.cancel();
    };
    let each = |number: usize, report: &RunReport| {
        told.lock().unwrap().push((number, report.indexed));
    };
    let (run, ()) = tokio::join!(watcher.run(&stop, each), settled);
    run.unwrap();
    let told = told.into_inner().unwrap();
    let &[(0, indexed)] = told.as_slice() else {
        panic!("{told:?}");
    };
    let mut reports = [RunReport {
        indexed,
        ..RunReport::default()
    }];
    watcher.collect(&mut reports);
    assert_eq!(reports[0].indexed, 2);
}
