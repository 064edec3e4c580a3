//! Rules for judgement: what asks for it, what it reads and what it writes.

use roaring::RoaringBitmap;
use scout_envs::{Severity, SeveritySource, Snapshot};

use super::environments::member;
use super::sample::{World, at, feed, finding, judge, key, parse, repositories, snapshot};
use crate::error::Result;
use crate::id::PackageId;
use crate::model::judgement::{KevRecord, PackageFindings};
use crate::store::Store;

/// What is asked for while the judge is at work is still to be done when it publishes.
pub(super) async fn an_asking_during_judgement_is_not_lost(store: &dyn Store) -> Result<()> {
    let org = store.enroll(&parse("acme"), at(0)).await?;
    let rival = store.enroll(&parse("rival"), at(0)).await?;
    assert_eq!(store.judge_work(at(0)).await?, []);
    store.enqueue_judgement(org).await?;
    store.enqueue_judgement(rival).await?;
    store.enqueue_judgement(org).await?;
    let work = store.judge_work(at(0)).await?;
    let mut orgs: Vec<_> = work.iter().map(|work| work.org).collect();
    orgs.sort();
    assert_eq!(
        orgs,
        [org, rival],
        "one piece of work for each organization"
    );

    let judge = judge(store).await?;
    store.enqueue_judgement(org).await?;
    for work in work {
        store.publish(&judge, work, snapshot(at(1))).await?;
    }
    let left = store.judge_work(at(0)).await?;
    assert_eq!(left.iter().map(|work| work.org).collect::<Vec<_>>(), [org]);
    for work in left {
        store.publish(&judge, work, snapshot(at(1))).await?;
    }
    assert_eq!(store.judge_work(at(0)).await?, []);
    Ok(())
}

/// A snapshot that time may have changed is work from then on.
pub(super) async fn a_snapshot_is_judged_again_when_its_time_is_over(
    store: &dyn Store,
) -> Result<()> {
    let world = World::watching(store).await?;
    let judge = judge(store).await?;
    for until in [50, 70] {
        let timed = Snapshot {
            valid_until: Some(at(until)),
            ..snapshot(at(1))
        };
        for work in store.judge_work(at(until - 1)).await? {
            store.publish(&judge, work, timed.clone()).await?;
        }
        assert_eq!(store.judge_work(at(until - 1)).await?, []);
        let due = store.judge_work(at(until)).await?;
        assert_eq!(
            due.iter().map(|work| work.org).collect::<Vec<_>>(),
            [world.org]
        );
        // Both reasons at once are one piece of work.
        store.enqueue_judgement(world.org).await?;
        assert_eq!(store.judge_work(at(until)).await?.len(), 1);
    }
    Ok(())
}

/// A new generation tells that something else than time is new.
pub(super) async fn time_alone_makes_no_generation(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let judge = judge(store).await?;
    assert_eq!(store.snapshot(world.org).await?, None);
    let first = snapshot(at(1));
    let later = Snapshot {
        judged_at: at(2),
        valid_until: Some(at(500)),
        ..first.clone()
    };
    let other = Snapshot {
        advisories_loaded_at: Some(at(3)),
        ..later.clone()
    };
    for (new, generation) in [(first, 1), (later, 1), (other.clone(), 2), (other, 2)] {
        store.enqueue_judgement(world.org).await?;
        for work in store.judge_work(at(0)).await? {
            let published = store.publish(&judge, work, new.clone()).await?;
            assert_eq!(published, generation, "{new:?}");
        }
        assert_eq!(world.asked().await?, None);
        let expected = Snapshot { generation, ..new };
        assert_eq!(store.snapshot(world.org).await?, Some(expected));
        let organizations = store.organizations().await?;
        assert_eq!(
            organizations.first().map(|org| org.generation),
            Some(generation)
        );
    }
    Ok(())
}

/// Another set of feeds, or another state of one, concerns every organization; loading the same
/// again only changes when that was.
pub(super) async fn other_feeds_ask_for_judgement(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let rival = World::of(store, "rival").await?;
    rival.list(&[]).await?;
    let judge = judge(store).await?;
    let mut reloaded = feed("npm", "n1");
    reloaded.loaded_at = at(77);
    for (feeds, differs) in [
        (vec![feed("npm", "n1"), feed("Debian", "d1")], true),
        (vec![feed("Debian", "d1"), reloaded], false),
        (vec![feed("Debian", "d2"), feed("npm", "n1")], true),
        (vec![feed("npm", "n1")], true),
        (Vec::new(), true),
        (Vec::new(), false),
    ] {
        world.answer().await?;
        store.record_feeds(&judge, feeds.clone()).await?;
        assert_eq!(world.asked().await?.is_some(), differs, "{feeds:?}");
        assert_eq!(rival.asked().await?.is_some(), differs, "{feeds:?}");
        let mut expected = feeds;
        expected.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(store.feeds().await?, expected);
    }
    Ok(())
}

/// The same for the catalog of known exploited vulnerabilities.
pub(super) async fn another_catalog_asks_for_judgement(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let judge = judge(store).await?;
    let kev = |cves: &[&str], fingerprint: &str, loaded_at| {
        Some(KevRecord {
            cves: cves
                .iter()
                .map(|cve| scout_envs::VulnerabilityId::new(*cve))
                .collect(),
            fingerprint: fingerprint.to_owned(),
            loaded_at: at(loaded_at),
        })
    };
    for (catalog, differs) in [
        (None, false),
        (kev(&["CVE-2021-44228"], "1", 1), true),
        (kev(&["CVE-2021-44228"], "1", 2), false),
        (kev(&["CVE-2021-44228", "CVE-2024-3094"], "2", 2), true),
        (None, true),
    ] {
        world.answer().await?;
        store.record_kev(&judge, catalog.clone()).await?;
        assert_eq!(world.asked().await?.is_some(), differs, "{catalog:?}");
        assert_eq!(store.kev().await?, catalog);
    }
    Ok(())
}

async fn stale(store: &dyn Store) -> Result<Vec<String>> {
    let packages = store.stale_packages(None, 100).await?;
    assert!(packages.is_sorted_by_key(|(number, _)| *number));
    let mut paged = Vec::new();
    while let Some(next) = store
        .stale_packages(paged.last().map(|(number, _)| *number), 1)
        .await?
        .pop()
    {
        paged.push(next);
    }
    assert_eq!(paged, packages, "page by page");
    Ok(packages.into_iter().map(|(_, key)| key.name).collect())
}

async fn numbers(store: &dyn Store, world: &World<'_>) -> Result<Vec<(PackageId, String)>> {
    let mut all = RoaringBitmap::new();
    for image in store.judge_input(world.org).await?.images {
        all |= image.packages;
    }
    let packages = store.packages(&all).await?;
    Ok(packages
        .into_iter()
        .map(|(id, key)| (id, key.name))
        .collect())
}

/// Packages are to be matched when their ecosystem's feed is loaded and in another state than
/// when they were matched; without a feed they are left alone.
pub(super) async fn packages_are_stale_when_their_feed_changes(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let keys = vec![
        key("Debian:12", "bash", "5"),
        key("npm", "left-pad", "1"),
        key("Debian:13", "bash", "6"),
        key("Alpine:v3.20", "musl", "1"),
    ];
    assert!(store.ecosystems_in_use().await?.is_empty());
    world.index("1", "one", 2, keys).await?;
    let used: Vec<_> = store.ecosystems_in_use().await?.into_iter().collect();
    assert_eq!(
        used,
        ["Alpine", "Debian", "PyPI", "npm"],
        "those of owned packages too"
    );
    let judge = judge(store).await?;
    assert_eq!(stale(store).await?, [] as [&str; 0], "no feed is loaded");
    store
        .record_feeds(&judge, vec![feed("Debian", "d1"), feed("npm", "n1")])
        .await?;
    assert_eq!(stale(store).await?, ["bash", "left-pad", "bash"]);

    let match_all = |base: &'static str, fingerprint: &'static str| {
        let judge = &judge;
        async move {
            let stale = store.stale_packages(None, 100).await?;
            let matched = stale
                .into_iter()
                .filter(|(_, key)| key.ecosystem.base() == base)
                .map(|(package, _)| PackageFindings {
                    package,
                    findings: Vec::new(),
                    feed: fingerprint.to_owned(),
                })
                .collect();
            store.record_findings(judge, matched).await
        }
    };
    match_all("Debian", "d1").await?;
    assert_eq!(stale(store).await?, ["left-pad"]);
    let unmatched = store.judge_input(world.org).await?.unmatched;
    let names: Vec<_> = store
        .packages(&unmatched)
        .await?
        .into_iter()
        .map(|p| p.1.name)
        .collect();
    assert_eq!(names, ["left-pad", "musl"], "the owned package is left out");

    store
        .record_feeds(&judge, vec![feed("Debian", "d2"), feed("npm", "n1")])
        .await?;
    assert_eq!(stale(store).await?, ["bash", "left-pad", "bash"]);
    match_all("npm", "n1").await?;
    store.record_feeds(&judge, vec![feed("npm", "n1")]).await?;
    assert_eq!(stale(store).await?, [] as [&str; 0]);
    // The feed is back as it was.
    store
        .record_feeds(&judge, vec![feed("Debian", "d1"), feed("npm", "n1")])
        .await?;
    assert_eq!(stale(store).await?, [] as [&str; 0]);
    Ok(())
}

/// The findings of a package are those recorded last; others' stay.
pub(super) async fn findings_are_replaced_for_each_package(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let keys = vec![key("Debian:12", "a", "1"), key("Debian:12", "b", "1")];
    world.index("1", "one", 2, keys).await?;
    let numbers = numbers(store, &world).await?;
    let [(a, _), (b, _)] = numbers.as_slice() else {
        panic!("two packages were expected, not {numbers:?}");
    };
    let judge = judge(store).await?;
    let mut unrated = finding("CVE-2024-0002", Severity::Unspecified);
    unrated.severity_source = SeveritySource::None;
    unrated.fixed_versions = Vec::new();
    let low = finding("CVE-2024-0001", Severity::Low);
    let worse = finding("CVE-2024-0001", Severity::Critical);
    let of_b = PackageFindings {
        package: *b,
        findings: vec![low.clone()],
        feed: "d0".to_owned(),
    };
    let all = RoaringBitmap::from_iter([a.0, b.0, 987_654]);
    for (findings, feed) in [
        (vec![low.clone(), unrated.clone()], "d1"),
        (vec![low, unrated.clone()], "d1"),
        (vec![worse, unrated.clone()], "d2"),
        (vec![unrated], "d3"),
        (Vec::new(), "d4"),
    ] {
        let of_a = PackageFindings {
            package: *a,
            findings,
            feed: feed.to_owned(),
        };
        store
            .record_findings(&judge, vec![of_a.clone(), of_b.clone()])
            .await?;
        let found: Vec<_> = store.findings(&all).await?.into_values().collect();
        let mut expected = vec![of_a.clone(), of_b.clone()];
        expected.retain(|package| !package.findings.is_empty());
        assert_eq!(found, expected);
        let only: Vec<_> = store
            .findings(&RoaringBitmap::from_iter([b.0]))
            .await?
            .into_values()
            .collect();
        assert_eq!(only.as_slice(), std::slice::from_ref(&of_b));
    }
    Ok(())
}

/// An image in several tags and environments is given once, with all of its places.
pub(super) async fn the_input_names_each_image_once(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let one = world
        .index("1", "one", 2, vec![key("Debian:12", "bash", "5")])
        .await?;
    world.observe("2", "one", 3).await?;
    world.observe("3", "waiting", 3).await?;
    for environment in ["prod", "dev"] {
        store
            .record_environment_image(
                world.org,
                &parse(environment),
                "manual",
                member(&world, "one", one),
            )
            .await?;
    }
    let input = store.judge_input(world.org).await?;
    assert_eq!(
        input
            .images
            .iter()
            .map(|image| image.id)
            .collect::<Vec<_>>(),
        [one]
    );
    assert_eq!(input.environments.len(), 2);
    let mut tags: Vec<_> = input
        .tags
        .iter()
        .map(|tag| (tag.tag.as_str(), &tag.images))
        .collect();
    tags.sort();
    assert_eq!(tags, [("1", &vec![one]), ("2", &vec![one])]);
    assert!(input.tags.iter().all(
        |tag| tag.repository == world.repository && tag.repository_name.as_str() == "team/app"
    ));
    assert_eq!(input.unmatched.len(), 1);
    assert!(input.listed);
    Ok(())
}

/// Nothing listed is not the same as nothing there.
pub(super) async fn an_empty_registry_is_known_to_be_empty(store: &dyn Store) -> Result<()> {
    let tags = World::new(store).await?;
    let catalog = World::of(store, "rival").await?;
    let empty = store.enroll(&parse("empty"), at(0)).await?;
    let registry = store.registry(empty, "r", "r", at(0)).await?.id;
    for org in [tags.org, catalog.org, empty] {
        assert!(!store.judge_input(org).await?.listed);
    }
    store
        .record_repositories(empty, registry, &[], false, true, at(1))
        .await?;
    assert!(
        !store.judge_input(empty).await?.listed,
        "a list that somebody gave"
    );
    assert_eq!(store.judge_work(at(0)).await?, []);

    store
        .record_repositories(empty, registry, &[], true, true, at(1))
        .await?;
    assert!(store.judge_input(empty).await?.listed);
    tags.list(&[]).await?;
    assert!(store.judge_input(tags.org).await?.listed);
    let listed = repositories(&["team/app"]);
    store
        .record_repositories(catalog.org, catalog.registry, &listed, true, true, at(1))
        .await?;
    assert!(
        !store.judge_input(catalog.org).await?.listed,
        "its tags were not listed"
    );
    let asked: Vec<_> = store
        .judge_work(at(0))
        .await?
        .into_iter()
        .map(|w| w.org)
        .collect();
    assert_eq!(asked.len(), 2, "both are news: {asked:?}");
    Ok(())
}
