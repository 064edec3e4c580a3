//! What goes first: a push never waits for a back-fill.

use scout_store::WorkClass;

use super::*;
use crate::testing::Log;

/// How many images were there before anybody watched.
const OLD: usize = 200;

impl House {
    /// The greatest class of what waits in the registry with this key.
    async fn due(&self, key: &str) -> Option<WorkClass> {
        let store = self.store();
        let org = self.org(store.as_ref()).await.id;
        let now = self.clock.now();
        let id = store.registry(org, key, key, now).await.unwrap().id;
        let due = store.due_index_work(org, &[id], now).await.unwrap();
        due[0]
    }

    async fn is_indexed(&self, name: &str) -> bool {
        let states = self.states().await;
        let mut states = states.iter();
        states.any(|state| state.0 == name && state.1 == ArtifactState::Indexed)
    }
}

#[tokio::test]
async fn a_push_during_a_back_fill_finds_a_free_worker() {
    let house = House::new();
    house.push_many(0, "acme/old", OLD);
    let gate = house.registry.hold_manifests();
    let watcher = house
        .watcher(Manner {
            all_images: true,
            ..Manner::default()
        })
        .await;
    let recorder = watcher.recorders().remove(0);
    let stop = CancellationToken::new();
    let told = async {
        gate.add_permits(20);
        // Two workers are at it and the gate is shut; the third is kept.
        until(async || house.registry.order().len() >= 22).await;
        until(async || watcher.is_begun()).await;
        house.push("acme/new", "1", 9);
        house.clock.advance(1);
        let event = pushed("a", "acme/new", "1");
        recorder.record(vec![event]).await.unwrap();
        until(async || house.registry.order().len() >= 23).await;
        assert_eq!(house.registry.order()[22], "acme/new");
        gate.add_permits(3);
        until(async || house.is_indexed("acme/new:1").await).await;
        let states = house.states().await;
        let waiting = states.iter().filter(|s| s.1 == ArtifactState::Waiting);
        assert!(waiting.count() > OLD / 2);
        stop.cancel();
        gate.add_permits(OLD);
    };
    let (run, ()) = tokio::join!(watcher.run(&stop, |_, _| ()), told);
    run.unwrap();
}

#[tokio::test]
async fn with_one_worker_a_push_is_next_in_line_in_any_registry() {
    let log = Log::default();
    let house = House {
        others: vec![Arc::new(MemoryRegistry::new("b.test", &log))],
        ..House::of(MemoryRegistry::new("a.test", &log))
    };
    house.push_many(0, "acme/old", OLD);
    let gate = house.registry.hold_manifests();
    let watcher = house
        .watcher(Manner {
            all_images: true,
            workers: 1,
            ..Manner::default()
        })
        .await;
    let recorders = watcher.recorders();
    let stop = CancellationToken::new();
    let told = async {
        gate.add_permits(20);
        until(async || house.registry.order().len() >= 21).await;
        until(async || watcher.is_begun()).await;
        house.push("acme/new", "1", 9);
        house.push_to(1, "acme/new", "1", 9);
        for (recorder, key) in recorders.iter().zip(["memory:a.test", "memory:b.test"]) {
            let event = pushed("a", "acme/new", "1");
            recorder.record(vec![event]).await.unwrap();
            until(async || house.due(key).await == Some(WorkClass::Event)).await;
        }
        gate.add_permits(OLD);
        until(async || house.registry.order().len() > 23).await;
        stop.cancel();
    };
    let (run, ()) = tokio::join!(watcher.run(&stop, |_, _| ()), told);
    run.unwrap();
    let order = house.registry.order();
    assert_eq!(order.iter().position(|name| name == "acme/new"), Some(21));
    let hosts = log.lock().unwrap().clone();
    assert_eq!(hosts[20..24], ["a.test", "b.test", "a.test", "a.test"]);
}

#[tokio::test]
async fn what_a_sweep_finds_new_goes_before_the_back_fill() {
    let house = House::new();
    house.push("acme/old", "1", 1);
    house.push("acme/old", "2", 2);
    house.once(false).await;
    house.push("acme/z", "new", 3);
    let one = Manner {
        all_images: true,
        index: false,
        ..Manner::default()
    };
    round(&house.watcher(one).await).await;
    house.registry.asked();
    let one = Manner {
        workers: 1,
        ..Manner::default()
    };
    round(&house.watcher(one).await).await;
    let order = house.registry.order();
    assert_eq!(order, ["acme/z", "acme/old", "acme/old"]);
}

#[tokio::test]
async fn an_event_raises_what_waits_as_back_fill() {
    let house = House::new();
    for repository in ["acme/a", "acme/b", "acme/c"] {
        house.push(repository, "1", 1);
        house.push(repository, "2", 2);
    }
    let only_list = Manner {
        all_images: true,
        index: false,
        workers: 1,
        ..Manner::default()
    };
    let watcher = house.watcher(only_list).await;
    round(&watcher).await;
    let told = pushed("a", "acme/c", "2");
    watcher.recorders()[0].record(vec![told]).await.unwrap();
    heed(&watcher).await;
    house.registry.asked();
    let one = Manner {
        workers: 1,
        ..Manner::default()
    };
    round(&house.watcher(one).await).await;
    let order = house.registry.order();
    assert_eq!(order[..2], ["acme/c", "acme/a"], "{order:?}");
}
