//! What the judge makes of repositories and streams beyond the documented numbers.

use scout_envs::{Extended, ExtendedStream, MemberCounts};
use serde_json::json;

use super::*;
use crate::testing::Trouble;

/// A critical vulnerability that nothing fixes.
fn unfixable(cve: &str, package: &str) -> serde_json::Value {
    let mut record = critical(cve, package);
    record["affected"][0]["ranges"][0]["events"] = json!([{"introduced": "0"}]);
    record
}

impl House {
    async fn extended(&self) -> Extended {
        let store = self.store();
        let org = self.org(store.as_ref()).await.id;
        let snapshot = store.extended_snapshot(org).await.unwrap().unwrap();
        assert_eq!(store.snapshot(org).await.unwrap().unwrap().extended, None);
        let extended = snapshot.extended.unwrap();
        let names = snapshot.streams.iter().map(|stream| &stream.name);
        assert!(names.eq(extended.streams.iter().map(|stream| &stream.name)));
        extended
    }

    fn known_exploited(&self, cves: &[&str]) {
        let entries: Vec<_> = cves.iter().map(|cve| json!({"cveID": cve})).collect();
        let catalog = json!({"vulnerabilities": entries}).to_string();
        fs::write(self.advisories().join("kev.json"), catalog).unwrap();
    }
}

fn shown(counts: &MemberCounts) -> (u64, Option<String>, Option<u64>) {
    let exposures = counts.exposures.map(|counts| counts.to_string());
    (counts.images, exposures, counts.known_exploited)
}

type Row = (String, (u64, Option<String>, Option<u64>));

fn rows(stream: &ExtendedStream) -> Vec<Row> {
    let rows = stream.repositories.iter();
    rows.map(|row| (row.repository.clone(), shown(&row.counts)))
        .collect()
}

fn row(repository: &str, images: u64, exposures: Option<&str>, exploited: Option<u64>) -> Row {
    let exposures = exposures.map(str::to_owned);
    (repository.to_owned(), (images, exposures, exploited))
}

/// Exposures are pairs: they add up, where distinct vulnerabilities do not.
#[tokio::test]
async fn exposures_add_up_over_repositories() {
    let house = House::new();
    let host = house.registry.host().to_owned();
    house.push("team/a", "1", 2);
    house.push("team/b", "1", 3);
    let old = house.push("team/b", "0", 1);
    house
        .registry
        .push("team/c", "1", &[layer(&[("srv/x", "1")])]);
    house.once(true).await;
    let extended = house.extended().await;
    let [latest] = extended.streams.as_slice() else {
        panic!("{extended:?}")
    };
    assert_eq!(
        latest.exposures, None,
        "nothing is known without advisories"
    );
    assert_eq!(latest.known_exploited, None);
    let unknown = |name: &str| row(&format!("{host}/team/{name}"), 1, None, None);
    assert_eq!(rows(latest), [unknown("a"), unknown("b"), unknown("c")]);

    let records = [
        critical("CVE-2024-0001", "p0"),
        unfixable("CVE-2024-0002", "p1"),
        critical("CVE-2024-0003", "p2"),
    ];
    write_dump(&house.advisories(), "Debian", &records);
    house.once_with_advisories().await;
    let extended = house.extended().await;
    let latest = &extended.streams[0];
    assert_eq!(latest.exposures.unwrap().to_string(), "5C 0H 0M 0L 0U");
    assert_eq!(latest.fixable.unwrap().to_string(), "2C 0H 0M 0L 0U");
    assert_eq!(latest.known_exploited, None, "no catalog is not zero");
    assert_eq!(house.severities().await.unwrap(), "3C 0H 0M 0L 0U");
    let critical = |name: &str, exposures, exploited| {
        let name = format!("{host}/team/{name}");
        row(&name, 1, Some(exposures), exploited)
    };
    assert_eq!(
        rows(latest),
        [
            critical("b", "3C 0H 0M 0L 0U", None),
            critical("a", "2C 0H 0M 0L 0U", None),
            unknown("c"),
        ]
    );

    // An environment is a stream of its own: two images of one repository are told together.
    house.known_exploited(&["CVE-2024-0003"]);
    let store = house.store();
    let org = house.org(store.as_ref()).await;
    for image in [format!("team/b@{old}"), "team/b:1".to_owned()] {
        let (environment, image) = ("prod".parse().unwrap(), image.parse().unwrap());
        let clock = house.clock.as_ref();
        assign(store.as_ref(), &org, &environment, &image, clock)
            .await
            .unwrap();
    }
    drop(store);
    house.once_with_advisories().await;
    let extended = house.extended().await;
    let [latest, prod] = extended.streams.as_slice() else {
        panic!("{extended:?}")
    };
    let b = format!("{host}/team/b");
    assert_eq!(rows(prod), [row(&b, 2, Some("4C 0H 0M 0L 0U"), Some(1))]);
    assert_eq!(prod.exposures.unwrap().to_string(), "4C 0H 0M 0L 0U");
    assert_eq!(prod.fixable.unwrap().to_string(), "2C 0H 0M 0L 0U");
    let exploited = |stream: &ExtendedStream| stream.known_exploited.unwrap().to_string();
    assert_eq!(exploited(prod), "1C 0H 0M 0L 0U");
    assert_eq!(exploited(latest), "1C 0H 0M 0L 0U");
    assert_eq!(
        rows(latest),
        [
            critical("b", "3C 0H 0M 0L 0U", Some(1)),
            critical("a", "2C 0H 0M 0L 0U", Some(0)),
            unknown("c"),
        ]
    );
    assert!(
        extended
            .streams
            .iter()
            .all(|stream| stream.others.is_none())
    );
}

/// When a registry was last read to its end is known; a listing with holes does not count.
#[tokio::test]
async fn a_whole_sweep_is_recorded_and_one_with_holes_is_not() {
    let house = House::new();
    house.push("team/a", "1", 1);
    let swept = async || {
        let store = house.store();
        let org = house.org(store.as_ref()).await.id;
        let registries = store.upkeep(org).await.unwrap().registries;
        registries.into_iter().map(|(_, at)| at).next()
    };
    house.registry.trouble(Some(Trouble::Down));
    let watcher = house.watcher(Manner::default()).await;
    let _ = watcher.once(&CancellationToken::new()).await;
    assert_eq!(swept().await, None);
    house.registry.trouble(None);
    house.once(true).await;
    let first = swept().await.unwrap();
    assert_eq!(first, house.clock.now());
    house.once(true).await;
    assert_eq!(swept().await, Some(house.clock.now()));
    assert!(house.clock.now() > first);
}
