//! What advisories are loaded: feeds, and the catalog of known exploited vulnerabilities.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{OptionalExtension, Transaction, params};

use super::column::{
    count, get_count, json, nanos, opt_nanos, opt_time, stored_time, time, to_json,
};
use super::fault::Outcome;
use super::judgement;
use crate::model::judgement::{FeedRecord, KevRecord};

pub(super) fn list(tx: &Transaction<'_>) -> Outcome<Vec<FeedRecord>> {
    let mut statement = tx.prepare_cached(
        "SELECT f.base, f.releases, f.records, f.newest_modified, s.fingerprint, f.loaded_at
         FROM feeds f JOIN feed_states s USING (state_id)
         ORDER BY f.base",
    )?;
    let feeds = statement.query_map([], |row| {
        Ok(FeedRecord {
            name: row.get(0)?,
            releases: json(row, 1)?,
            records: get_count(row, 2)?,
            newest_modified: opt_time(row, 3)?,
            fingerprint: row.get(4)?,
            loaded_at: time(row, 5)?,
        })
    })?;
    Ok(feeds.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn record(tx: &Transaction<'_>, feeds: Vec<FeedRecord>) -> Outcome<()> {
    let new: BTreeMap<String, FeedRecord> = feeds
        .into_iter()
        .map(|feed| (feed.name.clone(), feed))
        .collect();
    let old = list(tx)?;
    let is_same = old.len() == new.len()
        && old
            .iter()
            .zip(new.values())
            .all(|(old, new)| *old == as_stored(new, old));
    tx.prepare_cached("DELETE FROM feeds")?.execute([])?;
    for feed in new.values() {
        insert(tx, feed)?;
    }
    // States that nothing refers to any more would pile up with each new advisory.
    tx.prepare_cached(
        "DELETE FROM feed_states
         WHERE NOT EXISTS (SELECT 1 FROM feeds f WHERE f.state_id = feed_states.state_id)
           AND NOT EXISTS (SELECT 1 FROM packages p
                           WHERE p.base = feed_states.base AND p.matched = feed_states.state_id)",
    )?
    .execute([])?;
    match is_same {
        true => Ok(()),
        false => judgement::enqueue_all(tx),
    }
}

/// Returns the feed as it would be read again, but for the time of loading.
fn as_stored(feed: &FeedRecord, old: &FeedRecord) -> FeedRecord {
    FeedRecord {
        newest_modified: feed.newest_modified.map(stored_time),
        loaded_at: old.loaded_at,
        ..feed.clone()
    }
}

fn insert(tx: &Transaction<'_>, feed: &FeedRecord) -> Outcome<()> {
    tx.prepare_cached(
        "INSERT INTO feeds (base, state_id, releases, records, newest_modified, loaded_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        feed.name,
        intern_state(tx, &feed.name, &feed.fingerprint)?,
        to_json(&feed.releases)?,
        count(feed.records),
        opt_nanos(feed.newest_modified),
        nanos(feed.loaded_at)
    ])?;
    Ok(())
}

/// Returns the number of one state of a feed.
pub(super) fn intern_state(tx: &Transaction<'_>, base: &str, fingerprint: &str) -> Outcome<i64> {
    let known = tx
        .prepare_cached("SELECT state_id FROM feed_states WHERE base = ?1 AND fingerprint = ?2")?
        .query_row(params![base, fingerprint], |row| row.get(0))
        .optional()?;
    if let Some(state) = known {
        return Ok(state);
    }
    tx.prepare_cached("INSERT INTO feed_states (base, fingerprint) VALUES (?1, ?2)")?
        .execute(params![base, fingerprint])?;
    Ok(tx.last_insert_rowid())
}

/// Returns the fingerprints of all states, by number.
pub(super) fn states(tx: &Transaction<'_>) -> Outcome<HashMap<i64, String>> {
    let mut statement = tx.prepare_cached("SELECT state_id, fingerprint FROM feed_states")?;
    let states = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(states.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn kev(tx: &Transaction<'_>) -> Outcome<Option<KevRecord>> {
    let kev = tx
        .prepare_cached("SELECT cves, fingerprint, loaded_at FROM kev")?
        .query_row([], |row| {
            Ok(KevRecord {
                cves: json(row, 0)?,
                fingerprint: row.get(1)?,
                loaded_at: time(row, 2)?,
            })
        })
        .optional()?;
    Ok(kev)
}

pub(super) fn record_kev(tx: &Transaction<'_>, new: Option<&KevRecord>) -> Outcome<()> {
    let old = kev(tx)?;
    let content = |kev: &KevRecord| (kev.cves.clone(), kev.fingerprint.clone());
    let is_same = old.as_ref().map(content) == new.map(content);
    tx.prepare_cached("DELETE FROM kev")?.execute([])?;
    if let Some(new) = new {
        tx.prepare_cached(
            "INSERT INTO kev (only, cves, fingerprint, loaded_at) VALUES (1, ?1, ?2, ?3)",
        )?
        .execute(params![
            to_json(&new.cves)?,
            new.fingerprint,
            nanos(new.loaded_at)
        ])?;
    }
    match is_same {
        true => Ok(()),
        false => judgement::enqueue_all(tx),
    }
}
