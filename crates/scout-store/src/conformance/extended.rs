//! Rules for what is known beyond the documented numbers.

use scout_envs::{Extended, ExtendedStream, MemberCounts, RepositoryCounts, Snapshot, StreamName};

use super::sample::{World, at, digest, feed, judge, key, parse, repositories, snapshot};
use crate::error::{Error, Result};
use crate::model::artifact::ArtifactOutcome;
use crate::model::judgement::KevRecord;
use crate::model::runtime::RunningImageRecord;
use crate::store::Store;

fn extended(images: u64) -> Option<Extended> {
    let counts = MemberCounts {
        images,
        ..MemberCounts::default()
    };
    Some(Extended {
        streams: vec![ExtendedStream {
            name: StreamName::latest_indexed(),
            exposures: None,
            fixable: None,
            known_exploited: None,
            repositories: vec![RepositoryCounts {
                repository: "localhost:5000/team/app".to_owned(),
                counts,
            }],
            others: None,
        }],
    })
}

/// The extended part is told only to those who ask for it, and makes a generation if it differs.
pub(super) async fn the_extended_part_is_kept_apart(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let judge = judge(store).await?;
    assert_eq!(store.extended_snapshot(world.org).await?, None);
    for (part, generation) in [
        (None, 1),
        (extended(1), 2),
        (extended(1), 2),
        (extended(2), 3),
        (None, 4),
    ] {
        store.enqueue_judgement(world.org).await?;
        let published = Snapshot {
            extended: part.clone(),
            ..snapshot(at(1))
        };
        for work in store.judge_work(at(0)).await? {
            let found = store.publish(&judge, work, published.clone()).await?;
            assert_eq!(found, generation, "{part:?}");
        }
        let plain = Snapshot {
            generation,
            ..snapshot(at(1))
        };
        let whole = Snapshot {
            extended: part,
            ..plain.clone()
        };
        assert_eq!(store.snapshot(world.org).await?, Some(plain));
        assert_eq!(store.extended_snapshot(world.org).await?, Some(whole));
    }
    Ok(())
}

/// Repositories have the names that people write, those that are watched no more too.
pub(super) async fn repositories_are_named_as_people_write_them(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let rival = World::of(store, "rival").await?;
    let listed = repositories(&["team/web"]);
    store
        .record_repositories(world.org, world.registry, &listed, true, true, at(1))
        .await?;
    let names = store.repository_references(world.org).await?;
    let known = names.get(&world.repository).map(String::as_str);
    assert_eq!(known, Some("localhost:5000/team/app"));
    assert_eq!(names.len(), 2);
    assert!(!names.contains_key(&rival.repository));
    Ok(())
}

/// Lines of what is not analyzed that count something: stream, reason, images.
async fn waiting(store: &dyn Store, world: &World<'_>) -> Result<Vec<(String, String, u64)>> {
    let lines = store.upkeep(world.org).await?.not_analyzed.into_iter();
    let lines = lines.filter(|line| line.images > 0);
    Ok(lines
        .map(|line| (line.stream.to_string(), line.reason.to_owned(), line.images))
        .collect())
}

fn line(stream: &str, reason: &str, images: u64) -> (String, String, u64) {
    (stream.to_owned(), reason.to_owned(), images)
}

/// What is not analyzed is counted by reason: what tags point to, and what runs.
pub(super) async fn what_is_not_analyzed_is_counted_by_reason(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    world.observe("old", "old", 0).await?;
    world.observe("older", "old", 0).await?;
    world.list(&["old", "older"]).await?;
    let latest = StreamName::LATEST_INDEXED;
    assert_eq!(
        waiting(store, &world).await?,
        [line(latest, "below-baseline", 1)],
        "two tags of one image"
    );
    world
        .index("1", "one", 2, vec![key("npm", "left-pad", "1")])
        .await?;
    world.observe("2", "two", 3).await?;
    for work in world.lease(3).await? {
        let outcome = ArtifactOutcome::Failed {
            reason: "damaged".to_owned(),
            transient: false,
        };
        store.finish_index_work(&work, outcome, at(3)).await?;
    }
    world.observe("3", "three", 4).await?;
    assert_eq!(
        waiting(store, &world).await?,
        [
            line(latest, "below-baseline", 1),
            line(latest, "waiting", 1),
            line(latest, "failed", 1),
        ]
    );
    // Of a tag that is gone nothing is told, and of a disabled repository neither.
    store
        .forget_tag(world.org, world.repository, &parse("2"))
        .await?;
    let runs = |name: &str| RunningImageRecord {
        manifest: Some(digest(name)),
        ..RunningImageRecord::default()
    };
    for source in ["list", "sysdig:eu"] {
        let images = ["one", "three", "nobody"].map(runs).into();
        store
            .replace_share(world.org, &parse("prod"), source, images, at(5))
            .await?;
    }
    let running = [line("prod", "never-seen", 1), line("prod", "waiting", 1)];
    let mut expected = vec![
        line(latest, "below-baseline", 1),
        line(latest, "waiting", 1),
    ];
    expected.extend(running.clone());
    assert_eq!(waiting(store, &world).await?, expected);
    let names = [parse("team/app")];
    store
        .set_repositories_enabled(world.org, world.registry, &names, false, at(6))
        .await?;
    let left = waiting(store, &world).await?;
    assert!(left.iter().all(|(stream, ..)| stream == "prod"), "{left:?}");
    // Each reason that could be is there, be it with nothing.
    let upkeep = store.upkeep(world.org).await?;
    assert_eq!(upkeep.not_analyzed.len(), 4 + 6);
    let rival = World::of(store, "rival").await?;
    assert_eq!(waiting(store, &rival).await?, []);
    assert_eq!(store.upkeep(rival.org).await?.not_analyzed.len(), 4);
    Ok(())
}

/// Of each source it is known when it last answered, and of what never did nothing.
pub(super) async fn sources_tell_when_they_last_answered(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let nothing = store.upkeep(world.org).await?;
    assert_eq!(
        (nothing.advisories, nothing.known_exploited),
        (vec![], None)
    );
    assert_eq!((nothing.registries, nothing.runtimes), (vec![], vec![]));

    let judge = judge(store).await?;
    let mut npm = feed("npm", "n1");
    npm.loaded_at = at(40);
    store.record_feeds(&judge, vec![npm]).await?;
    let kev = KevRecord {
        cves: std::collections::BTreeSet::new(),
        fingerprint: "1".to_owned(),
        loaded_at: at(41),
    };
    store.record_kev(&judge, Some(kev)).await?;
    store
        .record_sweep(world.org, world.registry, at(42))
        .await?;
    let prod = parse("prod");
    store
        .replace_share(world.org, &prod, "list", Vec::new(), at(43))
        .await?;
    store
        .record_share_failure(world.org, &prod, "list", "down", at(44))
        .await?;
    store
        .record_share_failure(world.org, &prod, "never", "down", at(44))
        .await?;
    let known = store.upkeep(world.org).await?;
    assert_eq!(known.advisories, [("npm".to_owned(), at(40))]);
    assert_eq!(known.known_exploited, Some(at(41)));
    assert_eq!(known.registries, [("localhost:5000".to_owned(), at(42))]);
    let runtimes: Vec<_> = known
        .runtimes
        .iter()
        .map(|sync| (sync.stream.as_str(), sync.source.as_str(), sync.synced_at))
        .collect();
    assert_eq!(runtimes, [("prod", "list", at(43))]);

    let rival = World::of(store, "rival").await?;
    assert_eq!(store.upkeep(rival.org).await?.registries, []);
    let refused = store.record_sweep(rival.org, world.registry, at(45)).await;
    assert!(matches!(refused, Err(Error::Failed { .. })), "{refused:?}");
    Ok(())
}
