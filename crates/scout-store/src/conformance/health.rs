//! Rules for what the record says of itself.

use super::sample::{World, at, digest, feed, judge, parse};
use crate::error::Result;
use crate::model::artifact::{ArtifactOutcome, ArtifactState};
use crate::model::health::{OrgHealth, WorkState};
use crate::model::notice::{ChannelFailure, ChannelKey, NewNotice, StandingsChange};
use crate::model::runtime::RunningImageRecord;
use crate::model::tag::Observation;
use crate::model::work::WorkClass;
use crate::store::Store;

async fn of_acme(store: &dyn Store, second: i64) -> Result<OrgHealth> {
    let health = store.health(at(second)).await?;
    let org = parse("acme");
    let found = health.organizations.into_iter().find(|one| one.org == org);
    Ok(found.unwrap_or_else(|| panic!("acme is not told of")))
}

/// What waits, is in hand, is put back and has failed is counted, each organization by itself.
pub(super) async fn work_is_counted_by_class_and_state(store: &dyn Store) -> Result<()> {
    assert_eq!(store.health(at(0)).await?.organizations, []);
    let world = World::watching(store).await?;
    World::of(store, "other").await?;
    assert!(of_acme(store, 2).await?.work.is_empty());
    for (tag, class) in [
        ("a", WorkClass::Event),
        ("b", WorkClass::Event),
        ("c", WorkClass::NewTag),
        ("d", WorkClass::NewTag),
    ] {
        let wanted = Observation {
            wanted: Some(class),
            ..World::observation(tag, tag, 2)
        };
        world.observe_as(wanted).await?;
    }
    let [failing, deferred] = &world.lease_some(2, 2).await?[..] else {
        panic!("two pieces of work were expected");
    };
    let in_hand = [
        (WorkClass::Event, WorkState::InFlight, 2),
        (WorkClass::NewTag, WorkState::Waiting, 2),
    ];
    assert_eq!(of_acme(store, 3).await?.work, in_hand);
    let reason = || "no answer".to_owned();
    let failed = ArtifactOutcome::Failed {
        reason: reason(),
        transient: true,
    };
    store.finish_index_work(failing, failed, at(3)).await?;
    let put_back = ArtifactOutcome::Deferred { reason: reason() };
    store.finish_index_work(deferred, put_back, at(3)).await?;
    let health = of_acme(store, 3).await?;
    let after = [
        (WorkClass::Event, WorkState::Deferred, 1),
        (WorkClass::NewTag, WorkState::Waiting, 2),
    ];
    assert_eq!(health.work, after);
    let states = [(ArtifactState::Failed, 1), (ArtifactState::Waiting, 3)];
    assert_eq!(health.artifacts, states);
    let other = store.health(at(3)).await?.organizations.pop();
    assert!(other.is_some_and(|other| other.work.is_empty() && other.artifacts.is_empty()));
    Ok(())
}

/// Ages of shares, channels and feeds are those of what is recorded.
pub(super) async fn ages_are_those_of_what_is_recorded(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let running = RunningImageRecord {
        manifest: Some(digest("a")),
        ..RunningImageRecord::default()
    };
    let environment = parse("production");
    store
        .replace_share(world.org, &environment, "list", vec![running], at(5))
        .await?;
    let failure = "no answer";
    store
        .record_share_failure(world.org, &environment, "list", failure, at(6))
        .await?;
    let key = ChannelKey::File(parse("team"));
    store
        .open_channels(world.org, std::slice::from_ref(&key), at(6))
        .await?;
    let judge = judge(store).await?;
    let change = StandingsChange {
        notices: vec![NewNotice {
            repository: world.repository,
            subject: "v:CVE-1".to_owned(),
            level: 2,
            found_at: at(6),
            body: "{}".to_owned(),
        }],
        ..StandingsChange::default()
    };
    store.record_standings(&judge, world.org, change).await?;
    let failure = ChannelFailure {
        at: at(7),
        reason: failure.to_owned(),
        not_before: at(9),
        is_asked: false,
    };
    store
        .record_channel_failure(world.org, &key, failure)
        .await?;
    store
        .record_feeds(&judge, vec![feed("Debian", "1")])
        .await?;

    let health = store.health(at(8)).await?;
    let [share] = &health.shares[..] else {
        panic!("{health:?}");
    };
    assert_eq!(
        (&share.environment, share.source.as_str()),
        (&environment, "list")
    );
    assert!(
        share.synced_at == Some(at(5)) && share.is_failing,
        "{share:?}"
    );
    let [channel] = &health.channels[..] else {
        panic!("{health:?}");
    };
    let counts = (channel.pending, channel.dropped, channel.failures);
    assert_eq!((channel.name.as_str(), counts), ("team", (1, 0, 1)));
    assert_eq!(channel.last_sent_at, None);
    assert_eq!(health.feeds, [("Debian".to_owned(), at(0))]);
    assert_eq!(health.left_out, 0);
    assert!(of_acme(store, 8).await?.is_judgement_due);
    Ok(())
}
