//! What runs in clusters, and what that makes of environments.

use std::sync::Mutex;

use async_trait::async_trait;
use scout_envs::{ImageReference, Snapshot, StreamSnapshot};
use scout_registry::runtime::{PackageInUse, RunningImage, RunningImages, RuntimeIntegration};
use scout_registry::{Capabilities, Identity, Stats};

use super::*;
use crate::error::Error;
use crate::report::{EnvironmentReport, ShareLine};
use crate::runtime::{LIST_SOURCE, RunningList, sync_list, sync_runtime};

/// A cluster that runs what a test wants, or does not answer.
#[derive(Debug)]
struct Cluster {
    identity: Identity,
    running: Mutex<Option<Vec<RunningImage>>>,
}

impl Cluster {
    fn new(host: &str) -> Self {
        Self {
            identity: Identity::new("memory", host, host, Capabilities::default()),
            running: Mutex::default(),
        }
    }

    fn runs(&self, images: Vec<RunningImage>) {
        *self.running.lock().unwrap() = Some(images);
    }

    fn fails(&self) {
        *self.running.lock().unwrap() = None;
    }
}

#[async_trait]
impl RuntimeIntegration for Cluster {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }

    async fn check(&self) -> scout_registry::Result<()> {
        Ok(())
    }

    async fn clusters(&self) -> scout_registry::Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn running_images(&self) -> scout_registry::Result<RunningImages> {
        let running = self.running.lock().unwrap().clone();
        let mut list = RunningImages::default();
        list.images = running.ok_or_else(|| scout_registry::Error::NotFound {
            what: "the cluster".to_owned(),
            detail: None,
        })?;
        Ok(list)
    }
}

fn running(manifest: &Digest, in_use: Option<&[&str]>) -> RunningImage {
    let mut image = RunningImage::default();
    image.manifest = Some(manifest.clone());
    image.packages_in_use = in_use.map(|names| {
        let packages = names.iter().map(|name| PackageInUse::new(*name, "1"));
        packages.collect()
    });
    image
}

impl House {
    /// Looks what runs in a cluster.
    async fn sync(&self, cluster: &Cluster) -> Result<()> {
        self.clock.advance(60);
        let store = self.store();
        let org = self.org(store.as_ref()).await;
        let (environment, clock) = ("prod".parse().unwrap(), self.clock.as_ref());
        let name = cluster.host();
        sync_runtime(store.as_ref(), &org, &environment, name, cluster, clock).await?;
        Ok(())
    }

    async fn sync_lines(&self, lines: &str) -> Result<()> {
        self.clock.advance(60);
        let store = self.store();
        let org = self.org(store.as_ref()).await;
        let list = RunningList::read(lines.as_bytes()).unwrap();
        let (environment, clock) = ("prod".parse().unwrap(), self.clock.as_ref());
        sync_list(store.as_ref(), &org, &environment, LIST_SOURCE, list, clock).await?;
        Ok(())
    }

    async fn remove_share(&self, source: &str) {
        let store = self.store();
        let org = self.org(store.as_ref()).await.id;
        let environment = "prod".parse().unwrap();
        let removed = store.remove_share(org, &environment, source).await;
        assert!(removed.unwrap());
    }

    async fn environment(&self) -> EnvironmentReport {
        let store = self.store();
        let org = self.org(store.as_ref()).await;
        let environment = "prod".parse().unwrap();
        let reader = Reader::new(store);
        reader.environment(&org, &environment).await.unwrap()
    }

    /// What the judge makes of the environment, if there is one.
    async fn judged(&self) -> Option<StreamSnapshot> {
        self.once_with_advisories().await;
        let store = self.store();
        let org = self.org(store.as_ref()).await;
        let snapshot: Snapshot = store.snapshot(org.id).await.unwrap().unwrap();
        let mut streams = snapshot.streams.into_iter();
        streams.find(|stream| stream.name.as_str() == "prod")
    }

    /// The members of the environment, its vulnerabilities, and those in use.
    async fn numbers(&self) -> Option<(u64, String, Option<String>)> {
        let stream = self.judged().await?;
        let all = stream.vulnerabilities.unwrap();
        let in_use = stream.in_use.map(|counts| counts.to_string());
        Some((stream.members, all.to_string(), in_use))
    }
}

fn told(members: u64, all: &str, in_use: Option<&str>) -> Option<(u64, String, Option<String>)> {
    Some((members, all.to_owned(), in_use.map(str::to_owned)))
}

/// A registry with two images, and advisories for their packages.
fn two_images() -> (House, Digest, Digest) {
    let house = House::new();
    let records = [("1", "a"), ("2", "b"), ("3", "c")];
    let records = records.map(|(number, name)| critical(&format!("CVE-2024-000{number}"), name));
    write_dump(&house.advisories(), "Debian", &records);
    let one = [debian(&[("a", "1"), ("b", "1"), ("z", "1")])];
    let one = house.registry.push("acme/app", "1", &one);
    let two = [debian(&[("b", "1"), ("c", "1")])];
    let two = house.registry.push("acme/db", "1", &two);
    (house, one, two)
}

#[tokio::test]
async fn what_runs_becomes_a_stream_that_knows_what_is_in_use() {
    let (house, one, two) = two_images();
    let (east, west) = (Cluster::new("east"), Cluster::new("west"));
    east.runs(vec![running(&one, None)]);
    house.sync(&east).await.unwrap();
    assert_eq!(
        house.numbers().await,
        told(1, "2C 0H 0M 0L 0U", None),
        "joined when it was analyzed; nobody looked what is in use"
    );

    east.runs(vec![running(&one, Some(&["a", "z", "unknown"]))]);
    house.sync(&east).await.unwrap();
    let expected = told(1, "2C 0H 0M 0L 0U", Some("1C 0H 0M 0L 0U"));
    assert_eq!(house.numbers().await, expected);

    west.runs(vec![running(&one, Some(&["b"])), running(&two, Some(&[]))]);
    house.sync(&west).await.unwrap();
    let both = told(2, "3C 0H 0M 0L 0U", Some("2C 0H 0M 0L 0U"));
    assert_eq!(house.numbers().await, both, "a second cluster adds");

    house.remove_share("west").await;
    assert_eq!(house.numbers().await, expected, "and takes away its own");
    east.runs(Vec::new());
    house.sync(&east).await.unwrap();
    assert_eq!(house.numbers().await, None);
}

#[tokio::test]
async fn findings_know_whether_they_are_in_use() {
    let (house, one, _) = two_images();
    let east = Cluster::new("east");
    house.once_with_advisories().await;
    let image: ImageReference = "acme/app:1".parse().unwrap();
    let in_use = async || {
        let store = house.store();
        let org = house.org(store.as_ref()).await;
        let report = Reader::new(store).cves(&org, &image).await.unwrap();
        let found = report[0].findings.iter();
        let found = found.map(|one| (one.vulnerability.to_string(), one.in_use));
        found.collect::<Vec<_>>()
    };
    let cve = |name: &str| format!("CVE-2024-000{name}");
    assert_eq!(in_use().await, [(cve("1"), None), (cve("2"), None)]);
    east.runs(vec![running(&one, Some(&["b"]))]);
    house.sync(&east).await.unwrap();
    assert_eq!(
        in_use().await,
        [(cve("1"), Some(false)), (cve("2"), Some(true))]
    );
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_takes_nothing_away() {
    let (house, one, _) = two_images();
    let east = Cluster::new("east");
    east.runs(vec![running(&one, Some(&["a"]))]);
    house.sync(&east).await.unwrap();
    let before = house.numbers().await;
    east.fails();
    let error = house.sync(&east).await.unwrap_err();
    assert!(matches!(error, Error::Runtime { .. }), "{error}");
    assert_eq!(house.numbers().await, before);
    let shares = house.environment().await.shares;
    let [
        ShareLine {
            synced_at: Some(synced_at),
            failed_at: Some(failed_at),
            failure: Some(failure),
            images: 1,
            waiting: 0,
            ..
        },
    ] = shares.as_slice()
    else {
        panic!("{shares:?}");
    };
    assert!(
        synced_at < failed_at && failure.contains("does not exist"),
        "{failure}"
    );
    east.runs(vec![running(&one, Some(&["a"]))]);
    house.sync(&east).await.unwrap();
    assert_eq!(house.environment().await.shares[0].failure, None);
}

#[tokio::test]
async fn what_waits_tells_why_until_it_joins() {
    let house = House::new();
    let old = house.push("acme/app", "old", 1);
    house.once(false).await;
    let mut damaged = debian(&[("a", "1"), ("b", "2")]);
    damaged.truncate(1024 + 512 + 60);
    let damaged = house.registry.push("acme/app", "damaged", &[damaged]);
    house.once(false).await;
    let east = Cluster::new("east");
    let mut named = running(&digest(b"gone"), None);
    named.reference = Some("elsewhere.test/app:1".to_owned());
    east.runs(vec![running(&old, None), running(&damaged, None), named]);
    house.sync(&east).await.unwrap();
    let report = house.environment().await;
    assert_eq!(report.images, []);
    let shown: Vec<_> = report
        .waiting
        .iter()
        .map(|line| (line.reason, line.image.as_str()))
        .collect();
    let gone = format!("elsewhere.test/app:1@{}", digest(b"gone"));
    assert_eq!(
        shown,
        [
            ("below-baseline", old.as_str()),
            ("failed", damaged.as_str()),
            ("never-seen", gone.as_str()),
        ]
    );
    assert!(
        report.waiting[1]
            .detail
            .as_ref()
            .unwrap()
            .contains("damaged")
    );
    assert_eq!((report.shares[0].images, report.shares[0].waiting), (3, 3));

    house.registry.asked();
    house.sync(&east).await.unwrap();
    assert_eq!(house.registry.asked().manifests, 0, "it triggers nothing");
    house.once(true).await;
    let report = house.environment().await;
    assert_eq!((report.images.len(), report.waiting.len()), (1, 2));
    let line = &report.images[0];
    assert_eq!(line.image, format!("acme/app:old@{old}"));
    assert!(line.sources.contains("east") && line.packages_in_use.is_none());
}

#[tokio::test]
async fn a_list_pins_the_tags_it_names() {
    let house = House::new();
    let one = house.push("acme/app", "1", 1);
    house.once(true).await;
    let list = "acme/app:1\nregistry.test/acme/late:1\n";
    house.sync_lines(list).await.unwrap();
    house.push("acme/app", "1", 2);
    let late = house.push("acme/late", "1", 3);
    house.once(true).await;
    let lines = async || {
        let images = house.environment().await.images.into_iter();
        images.map(|line| line.image).collect::<Vec<_>>()
    };
    let app = format!("acme/app:1@{one}");
    let late = format!("acme/late:1@{late}");
    let expected = [app, late.clone()];
    assert_eq!(
        lines().await,
        expected,
        "as it was listed, or is seen first"
    );
    house.sync_lines("acme/late:1\n").await.unwrap();
    assert_eq!(lines().await, [late]);
    let east = Cluster::new("east");
    east.runs(vec![running(&one, None)]);
    house.sync(&east).await.unwrap();
    assert_eq!(lines().await.len(), 2);
    house.remove_share(LIST_SOURCE).await;
    assert_eq!(lines().await, [format!("acme/app@{one}")]);
}

#[tokio::test]
async fn a_list_that_is_not_clear_replaces_nothing() {
    let log = crate::testing::Log::default();
    let house = House {
        others: vec![Arc::new(MemoryRegistry::new("b.test", &log))],
        ..House::of(MemoryRegistry::new("a.test", &log))
    };
    house.push("acme/app", "1", 1);
    house.push_to(1, "acme/app", "1", 2);
    house.once(true).await;
    house.sync_lines("a.test/acme/app:1\n").await.unwrap();
    let before = house.environment().await;
    let lines = "b.test/acme/app:1\nacme/app:1\n";
    let error = house.sync_lines(lines).await.unwrap_err();
    assert!(matches!(error, Error::AmbiguousImage { .. }), "{error}");
    assert_eq!(house.environment().await, before);
}
