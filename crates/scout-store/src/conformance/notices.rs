//! Rules for notices: what stands, what is new, and who was told.

use std::slice::from_ref;

use super::sample::{World, assert_lost, at, judge, parse};
use crate::error::Result;
use crate::id::NoticeId;
use crate::model::integration::{IntegrationAdded, IntegrationFamily, NewIntegration};
use crate::model::notice::{
    CHANNELS_REMEMBERED_FOR, ChannelFailure, ChannelKey, ChannelRecord, MAX_PENDING_NOTICES,
    NewNotice, Standing, StandingLevel, Standings, StandingsChange,
};
use crate::store::Store;

fn file(name: &str) -> ChannelKey {
    ChannelKey::File(parse(name))
}

impl World<'_> {
    fn notice(&self, subject: &str, second: i64) -> NewNotice {
        NewNotice {
            repository: self.repository,
            subject: subject.to_owned(),
            level: 2,
            found_at: at(second),
            body: format!("{{\"subject\":\"{subject}\"}}"),
        }
    }

    /// Records notices of these subjects; returns how many were kept.
    async fn tell(&self, subjects: &[&str], second: i64) -> Result<u64> {
        let notices = subjects.iter().map(|subject| self.notice(subject, second));
        let change = StandingsChange {
            notices: notices.collect(),
            ..StandingsChange::default()
        };
        let judge = judge(self.store).await?;
        self.store.record_standings(&judge, self.org, change).await
    }

    async fn open(&self, keys: &[ChannelKey], second: i64) -> Result<()> {
        self.store.open_channels(self.org, keys, at(second)).await
    }

    /// The subjects that wait for a channel, with the number of the last notice.
    async fn untold(&self, key: &ChannelKey) -> Result<(Vec<String>, Option<NoticeId>)> {
        let pending = self.store.pending_notices(self.org, key).await?;
        let last = pending.last().map(|notice| notice.id);
        let subjects = pending.into_iter().map(|notice| notice.notice.subject);
        Ok((subjects.collect(), last))
    }

    async fn channel(&self, key: &ChannelKey) -> Result<ChannelRecord> {
        let channels = self.store.channels(self.org).await?;
        let found = channels.into_iter().find(|channel| channel.key == *key);
        Ok(found.unwrap_or_else(|| panic!("{key} is not listed")))
    }
}

/// What stands comes back as it was; what did not change stays.
pub(super) async fn what_stands_comes_back(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    assert_eq!(store.standings(world.org).await?, None);
    let judge = judge(store).await?;
    let standing = Standing {
        version: "sha256:1".to_owned(),
        is_present: true,
        subjects: [("v:CVE-1".to_owned(), StandingLevel { now: 1, told: 2 })].into(),
    };
    let change = StandingsChange {
        knows_findings: true,
        standings: vec![(world.repository, standing.clone())],
        notices: Vec::new(),
    };
    store.record_standings(&judge, world.org, change).await?;
    let unchanged = StandingsChange {
        knows_findings: true,
        ..StandingsChange::default()
    };
    store.record_standings(&judge, world.org, unchanged).await?;
    let expected = Standings {
        knows_findings: true,
        repositories: [(world.repository, standing)].into(),
    };
    assert_eq!(store.standings(world.org).await?, Some(expected));
    let other = World::of(store, "other").await?;
    assert_eq!(store.standings(other.org).await?, None);
    store.release(&judge).await?;
    let change = StandingsChange::default();
    assert_lost(store.record_standings(&judge, world.org, change).await);
    Ok(())
}

/// A channel hears of what is new from when it is there, once, and not of what was before.
pub(super) async fn a_channel_begins_with_the_next_notice(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    assert_eq!(world.tell(&["before"], 1).await?, 0, "nobody is told");
    let (one, two) = (file("one"), file("two"));
    world.open(from_ref(&one), 2).await?;
    assert_eq!(world.tell(&["a", "b"], 3).await?, 2);
    world.open(&[one.clone(), two.clone()], 4).await?;
    assert_eq!(world.tell(&["c"], 5).await?, 1);
    world.open(&[one.clone(), two.clone()], 6).await?;
    let (subjects, last) = world.untold(&one).await?;
    assert_eq!(subjects, ["a", "b", "c"]);
    assert_eq!(world.untold(&two).await?.0, ["c"]);
    let record = world.channel(&one).await?;
    assert_eq!((record.pending, record.dropped), (3, 0));
    assert_eq!(record.pending_between, Some((at(3), at(5))));
    assert_eq!(world.channel(&two).await?.pending, 1);

    store
        .finish_notices(world.org, &one, last, Some((at(7), 0)))
        .await?;
    assert_eq!(world.untold(&one).await?, (Vec::new(), None));
    assert_eq!(world.untold(&two).await?.0, ["c"]);
    store.finish_notices(world.org, &two, last, None).await?;
    // Although all rows are gone, the next number is a new one.
    let three = file("three");
    world.open(from_ref(&three), 8).await?;
    world.tell(&["d"], 9).await?;
    for key in [&one, &two, &three] {
        let (subjects, next) = world.untold(key).await?;
        assert_eq!(subjects, ["d"], "{key}");
        assert!(next > last);
    }
    let record = world.channel(&one).await?;
    assert_eq!((record.last_sent_at, record.failures), (Some(at(7)), 0));
    assert_eq!(world.channel(&two).await?.last_sent_at, None);
    Ok(())
}

/// A failure is known until a message arrives; nothing is lost by it.
pub(super) async fn a_failure_to_send_loses_nothing(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let key = file("one");
    world.open(from_ref(&key), 0).await?;
    world.tell(&["a"], 1).await?;
    let failure = ChannelFailure {
        at: at(2),
        reason: "hooks.example.com cannot be reached".to_owned(),
        not_before: at(32),
        is_asked: true,
    };
    for _ in 0..2 {
        let failure = failure.clone();
        store
            .record_channel_failure(world.org, &key, failure)
            .await?;
    }
    let record = world.channel(&key).await?;
    assert_eq!((record.failures, record.failure), (2, Some(failure)));
    let (subjects, last) = world.untold(&key).await?;
    assert_eq!(subjects, ["a"]);
    store
        .finish_notices(world.org, &key, last, Some((at(40), 0)))
        .await?;
    let record = world.channel(&key).await?;
    assert_eq!(
        (record.pending, record.failures, record.failure),
        (0, 0, None)
    );
    Ok(())
}

/// Of too many notices the oldest are dropped, and each channel that waited knows how many.
pub(super) async fn only_so_many_notices_are_kept(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let (late, prompt) = (file("late"), file("prompt"));
    world.open(&[late.clone(), prompt.clone()], 0).await?;
    world.tell(&["old", "older"], 1).await?;
    let (_, last) = world.untold(&prompt).await?;
    store.finish_notices(world.org, &prompt, last, None).await?;
    let judge = judge(store).await?;
    let many = (0..MAX_PENDING_NOTICES).map(|n| world.notice(&n.to_string(), 2));
    let change = StandingsChange {
        notices: many.collect(),
        ..StandingsChange::default()
    };
    store.record_standings(&judge, world.org, change).await?;
    for (key, dropped) in [(&late, 2), (&prompt, 0)] {
        let record = world.channel(key).await?;
        assert_eq!(
            (record.pending, record.dropped),
            (MAX_PENDING_NOTICES, dropped)
        );
        assert_eq!(record.pending_between, Some((at(2), at(2))));
    }
    // What a message told of is not told again.
    store
        .finish_notices(world.org, &late, None, Some((at(3), 2)))
        .await?;
    assert_eq!(world.channel(&late).await?.dropped, 0);
    Ok(())
}

/// A channel goes with its integration, and after a while without a watcher; its notices with it.
pub(super) async fn a_channel_that_is_gone_keeps_nothing(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let integration = NewIntegration {
        name: parse("team"),
        family: IntegrationFamily::Channel,
        kind: "slack".to_owned(),
        parameters: vec![("url".to_owned(), "env:URL".to_owned())],
        key: "slack:team".to_owned(),
        test: None,
    };
    let added = store.add_integration(world.org, integration, at(0)).await?;
    let IntegrationAdded::Added(id) = added else {
        panic!("{added:?}");
    };
    let (stored, configured) = (ChannelKey::Integration(id), file("file"));
    world.open(&[stored.clone(), configured.clone()], 0).await?;
    world.tell(&["a"], 1).await?;
    // Somebody else's watcher does not have the file's; that alone removes nothing.
    world.open(&[], 2).await?;
    assert_eq!(store.channels(world.org).await?.len(), 2);
    store
        .remove_integration(world.org, &parse("team"), at(3))
        .await?;
    world.open(from_ref(&configured), 4).await?;
    let keys: Vec<_> = store.channels(world.org).await?;
    let keys: Vec<_> = keys.into_iter().map(|channel| channel.key).collect();
    assert_eq!(keys, [configured]);
    let later = at(5) + CHANNELS_REMEMBERED_FOR;
    store.open_channels(world.org, &[], later).await?;
    assert_eq!(store.channels(world.org).await?, []);
    assert_eq!(world.tell(&["b"], 6).await?, 0, "nobody is left to be told");
    Ok(())
}
