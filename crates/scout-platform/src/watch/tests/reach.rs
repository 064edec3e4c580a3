//! Registries that go out of reach, and what that costs. The time of the runtime is paused: it
//! passes as fast as the tests go.

use scout_store::ArtifactRecord;

use super::*;
use crate::error::Error;
use crate::retry::{retry_failed, retry_image};
use crate::testing::{Log, Trouble};

fn two() -> House {
    let log = Log::default();
    House {
        others: vec![Arc::new(MemoryRegistry::new("b.test", &log))],
        ..House::of(MemoryRegistry::new("a.test", &log))
    }
}

/// Enqueues everything in the registries, and has nothing indexed.
async fn enqueue_all(house: &House) {
    let only_list = Manner {
        all_images: true,
        index: false,
        ..Manner::default()
    };
    round(&house.watcher(only_list).await).await;
    house.registry.asked();
}

impl House {
    async fn artifacts(&self) -> Vec<ArtifactRecord> {
        let store = self.store();
        let org = self.org(store.as_ref()).await.id;
        store.artifacts(org, None).await.unwrap()
    }

    async fn count(&self, state: ArtifactState) -> usize {
        let artifacts = self.artifacts().await;
        let artifacts = artifacts.iter();
        artifacts.filter(|artifact| artifact.state == state).count()
    }

    /// Waits until something is so, while the clocks go on; returns how many seconds it took.
    async fn eventually(&self, is_so: impl AsyncFn() -> bool) -> u64 {
        let mut seconds = 0;
        while !is_so().await {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.clock.advance(1);
            seconds += 1;
            assert!(seconds < 100_000, "it never came so");
        }
        seconds
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_registry_costs_its_images_no_attempt_and_others_go_on() {
    let house = two();
    house.push_many(0, "acme/app", 30);
    house.push_many(1, "acme/other", 30);
    enqueue_all(&house).await;
    house.registry.trouble(Some(Trouble::Down));
    let reports = round(&house.watcher(Manner::default()).await).await;
    assert_eq!((reports[0].indexed, reports[0].failed), (0, 0));
    assert_eq!((reports[1].indexed, reports[1].failed), (30, 0));
    let asked = house.registry.asked().manifests;
    assert!(
        (3..=5).contains(&asked),
        "each worker, and two probes: {asked}"
    );
    assert_eq!(reports[0].deferred, asked);
    let artifacts = house.artifacts().await;
    let of_a = artifacts.iter().filter(|one| one.registry == "a.test");
    let (told, untold): (Vec<_>, Vec<_>) = of_a
        .inspect(|one| assert_eq!((one.state, one.attempts), (ArtifactState::Waiting, 0)))
        .partition(|one| one.reason.is_some());
    assert_eq!(told.len() as u64, asked, "each was tried once");
    assert!(told[0].reason.as_ref().unwrap().contains("503"));
    assert_eq!(told.len() + untold.len(), 30);

    house.registry.trouble(None);
    let reports = round(&house.watcher(Manner::default()).await).await;
    assert_eq!((reports[0].indexed, reports[0].deferred), (30, 0));
    let artifacts = house.artifacts().await;
    assert!(artifacts.iter().all(|one| one.attempts == 1));
}

#[tokio::test(start_paused = true)]
async fn a_watcher_asks_ever_more_rarely_and_notices_when_the_registry_is_back() {
    let house = House::new();
    house.push_many(0, "acme/app", 30);
    enqueue_all(&house).await;
    house.registry.trouble(Some(Trouble::Down));
    let watcher = house.watcher(Manner::default()).await;
    let stop = CancellationToken::new();
    let told = async {
        let started = Instant::now();
        house
            .eventually(async || started.elapsed() >= Duration::from_secs(3_600))
            .await;
        // An hour has time for pauses of 2, 4, … 256 and nine times 300 seconds.
        let asked = house.registry.asked().manifests;
        assert!((12..=22).contains(&asked), "{asked}");
        assert_eq!(house.count(ArtifactState::Waiting).await, 30);
        house.registry.trouble(None);
        let indexed = async || house.count(ArtifactState::Indexed).await == 30;
        let seconds = house.eventually(indexed).await;
        assert!(seconds < 90, "the next sweep notices it, after {seconds} s");
        stop.cancel();
    };
    let (run, ()) = tokio::join!(watcher.run(&stop, |_, _| ()), told);
    run.unwrap();
    assert!(house.artifacts().await.iter().all(|one| one.attempts == 1));
}

#[tokio::test(start_paused = true)]
async fn a_busy_registry_is_left_alone_as_long_as_it_asks_and_the_run_goes_on() {
    let house = House::new();
    house.push_many(0, "acme/app", 30);
    enqueue_all(&house).await;
    house.registry.trouble(Some(Trouble::Busy(60)));
    let watcher = house.watcher(Manner::default()).await;
    let started = Instant::now();
    let told = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(house.registry.asked().manifests <= 3);
        house.registry.trouble(None);
    };
    let (reports, ()) = tokio::join!(round(&watcher), told);
    assert!(started.elapsed() >= Duration::from_secs(60));
    assert_eq!((reports[0].indexed, reports[0].failed), (30, 0));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_the_registry_fails_at_stops_no_other_and_is_parked() {
    let house = House::new();
    let poison = house.push("acme/app", "0", 9);
    house.push_many(0, "acme/other", 29);
    house.registry.poison(&poison);
    let manner = Manner {
        all_images: true,
        ..Manner::default()
    };
    let watcher = house.watcher(manner).await;
    let stop = CancellationToken::new();
    let told = async {
        let others = async || house.count(ArtifactState::Indexed).await == 29;
        let seconds = house.eventually(others).await;
        assert!(seconds < 60, "{seconds}");
        let parked = async || house.count(ArtifactState::Failed).await == 1;
        house.eventually(parked).await;
        stop.cancel();
    };
    let (run, ()) = tokio::join!(watcher.run(&stop, |_, _| ()), told);
    run.unwrap();
    let artifacts = house.artifacts().await;
    let parked = artifacts.iter().find(|one| one.digest == poison).unwrap();
    assert_eq!(parked.attempts, 3);
    assert!(parked.reason.as_ref().unwrap().contains("503"));
}

#[tokio::test]
async fn what_failed_is_tried_again_when_somebody_asks() {
    let house = House::new();
    let mut damaged = debian(&[("a", "1"), ("b", "2")]);
    damaged.truncate(1024 + 512 + 60);
    house.registry.push("acme/app", "1", &[damaged.clone()]);
    house.registry.push("acme/other", "1", &[damaged]);
    house.push("acme/good", "1", 1);
    assert_eq!(house.once(true).await.failed, 2);
    let store = house.store();
    let org = house.org(store.as_ref()).await;
    let clock = house.clock.as_ref();
    let retry =
        async |image: &str| retry_image(store.as_ref(), &org, &image.parse().unwrap(), clock).await;
    retry("acme/app:1").await.unwrap();
    assert_eq!(house.count(ArtifactState::Waiting).await, 1);
    for (image, expected) in [
        ("acme/app:1", "did not fail, it is waiting"),
        ("acme/good:1", "did not fail, it is indexed"),
        ("acme/unknown:1", "no image"),
    ] {
        let error = retry(image).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{image}: {error}");
    }
    assert_eq!(house.once(true).await.failed, 1, "it is damaged still");
    let all = retry_failed(store.as_ref(), &org, clock).await.unwrap();
    assert_eq!((all, house.count(ArtifactState::Failed).await), (2, 0));

    assert_eq!(house.once(true).await.failed, 2);
    let environment = "production".parse().unwrap();
    let good = "acme/good:1".parse().unwrap();
    assign(store.as_ref(), &org, &environment, &good, clock)
        .await
        .unwrap();
    house.enable("acme/app", false).await;
    let error = retry("acme/app:1").await.unwrap_err();
    assert!(matches!(error, Error::NotWatched { .. }), "{error}");
    assert_eq!(retry_failed(store.as_ref(), &org, clock).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_stops_answering_ends_the_sweep_at_once_and_no_tag_is_gone() {
    let house = House::new();
    house.push_many(0, "acme/app", 200);
    house.push_many(0, "acme/other", 200);
    house.once(false).await;
    house.registry.asked();
    house.registry.trouble(Some(Trouble::Silent));
    let report = house.once(false).await;
    let messages: Vec<_> = report.sweep.problems.iter().collect();
    assert_eq!(messages.len(), 1, "{messages:?}");
    let said = "registry.test cannot answer now, the rest is left to the next sweep: ";
    assert!(messages[0].0.starts_with(said), "{messages:?}");
    let asked = house.registry.asked().resolved;
    assert!(asked <= 32, "two repositories, eight tags each: {asked}");
    assert_eq!(report.sweep.gone_tags, 0);
    house.registry.trouble(None);
    let report = house.once(false).await.sweep;
    let counts = (report.tags, report.new_tags, report.gone_tags);
    assert_eq!(counts, (400, 0, 0));
    assert_eq!(report.problems.total(), 0);
}
