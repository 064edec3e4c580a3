//! Events: stored before a sender is answered, worked on when there is time.
//!
//! What an event leads to (an observation, a tag that is gone) is committed without waiting for
//! the disk, and the event's end after it. A loss of power takes the newest commits away, never
//! an older one before a newer: either both are there, or the event is pending again and is
//! looked at once more. So only storing an event waits for the disk.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use scout_envs::{Digest, Tag};

use super::column::{
    count, get_count, nanos, opt_nanos, opt_parsed, opt_time, parsed, time, unreadable,
};
use super::fault::{Fault, Outcome};
use super::registries;
use crate::id::{EventId, OrgId, RegistryId};
use crate::model::event::{
    CONTENT_KEY_PREFIX, EVENTS_REMEMBERED_FOR, EventAction, EventsRecorded, MAX_EVENT_KEY_BYTES,
    MAX_PENDING_EVENTS, MAX_REMEMBERED_EVENTS, NewEvent, PendingEvent,
};

pub(super) fn record(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    events: &[NewEvent],
    now: Timestamp,
) -> Outcome<EventsRecorded> {
    registries::watched(tx, org, registry)?;
    forget_old(tx, org, now)?;
    let mut keys = HashSet::new();
    let mut new = Vec::new();
    let mut again = Vec::new();
    for event in events {
        if event.key.is_empty() || event.key.len() > MAX_EVENT_KEY_BYTES {
            let bytes = event.key.len();
            return Err(Fault::Refused(format!(
                "the key of an event has {bytes} bytes; 1 to {MAX_EVENT_KEY_BYTES} are accepted"
            )));
        }
        if !keys.insert(event.key.as_str()) {
            continue;
        }
        match is_known(tx, org, registry, &event.key)? {
            false => new.push(event),
            true if event.key.starts_with(CONTENT_KEY_PREFIX) => again.push(event),
            true => {}
        }
    }
    let stored = new.len() as u64;
    // Events that are all known are welcome, or their sender would repeat them in vain.
    if stored > 0 && pending(tx, org)? + stored > MAX_PENDING_EVENTS {
        return Ok(EventsRecorded::Full);
    }
    for event in new {
        insert(tx, org, registry, event, 0, now)?;
    }
    for event in again {
        renew(tx, org, registry, event, now)?;
    }
    Ok(EventsRecorded::Stored {
        stored,
        duplicates: events.len() as u64 - stored,
    })
}

fn is_known(tx: &Transaction<'_>, org: OrgId, registry: RegistryId, key: &str) -> Outcome<bool> {
    let is_known = tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM events
                            WHERE org_id = ?1 AND registry_id = ?2 AND key = ?3)",
        )?
        .query_row(params![org.0, registry.0, key], |row| row.get(0))?;
    Ok(is_known)
}

/// Replaces a pending event that may be looked at just now: whoever looks may have asked before
/// what happened again, and only ends the event that it saw.
fn renew(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    event: &NewEvent,
    now: Timestamp,
) -> Outcome<()> {
    let attempts = tx
        .prepare_cached(
            "DELETE FROM events
             WHERE org_id = ?1 AND registry_id = ?2 AND key = ?3
               AND finished_at IS NULL AND not_before <= ?4
             RETURNING attempts",
        )?
        .query_row(params![org.0, registry.0, event.key, nanos(now)], |row| {
            row.get(0)
        })
        .optional()?;
    match attempts {
        Some(attempts) => insert(tx, org, registry, event, attempts, now),
        // Postponed: it will be looked at after this.
        None => Ok(()),
    }
}

fn pending(tx: &Transaction<'_>, org: OrgId) -> Outcome<u64> {
    let pending = tx
        .prepare_cached("SELECT count(*) FROM events WHERE org_id = ?1 AND finished_at IS NULL")?
        .query_row(params![org.0], |row| get_count(row, 0))?;
    Ok(pending)
}

fn insert(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    event: &NewEvent,
    attempts: u32,
    now: Timestamp,
) -> Outcome<()> {
    tx.prepare_cached(
        "INSERT INTO events (org_id, registry_id, key, action, repository, tag, digest,
                             occurred_at, received_at, not_before, attempts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10)",
    )?
    .execute(params![
        org.0,
        registry.0,
        event.key,
        event.action.as_str(),
        event.repository.as_str(),
        event.tag.as_ref().map(Tag::as_str),
        event.digest.as_ref().map(Digest::as_str),
        opt_nanos(event.occurred_at),
        nanos(now),
        attempts
    ])?;
    Ok(())
}

pub(super) fn due(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    now: Timestamp,
    limit: u32,
) -> Outcome<Vec<PendingEvent>> {
    let mut statement = tx.prepare_cached(
        "SELECT event_id, action, repository, tag, digest, occurred_at, received_at, attempts
         FROM events
         WHERE org_id = ?1 AND registry_id = ?2 AND finished_at IS NULL AND not_before <= ?3
         ORDER BY event_id LIMIT ?4",
    )?;
    let events = statement.query_map(params![org.0, registry.0, nanos(now), limit], |row| {
        Ok(PendingEvent {
            id: EventId(row.get(0)?),
            action: action(row, 1)?,
            repository: parsed(row, 2)?,
            tag: opt_parsed(row, 3)?,
            digest: opt_parsed(row, 4)?,
            occurred_at: opt_time(row, 5)?,
            received_at: time(row, 6)?,
            attempts: row.get(7)?,
        })
    })?;
    Ok(events.collect::<rusqlite::Result<_>>()?)
}

fn action(row: &Row<'_>, column: usize) -> rusqlite::Result<EventAction> {
    let text = row.get_ref(column)?.as_str()?;
    [EventAction::Pushed, EventAction::Deleted]
        .into_iter()
        .find(|action| action.as_str() == text)
        .ok_or_else(|| {
            let error = format!("{text:?} is nothing that happens to a tag");
            unreadable(column, Type::Text, error.into())
        })
}

pub(super) fn backlog(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
) -> Outcome<(u64, Option<Timestamp>)> {
    let backlog = tx
        .prepare_cached(
            "SELECT count(*), min(not_before) FROM events
             WHERE org_id = ?1 AND registry_id = ?2 AND finished_at IS NULL",
        )?
        .query_row(params![org.0, registry.0], |row| {
            Ok((get_count(row, 0)?, opt_time(row, 1)?))
        })?;
    Ok(backlog)
}

pub(super) fn finish(
    tx: &Transaction<'_>,
    org: OrgId,
    events: &[EventId],
    now: Timestamp,
) -> Outcome<()> {
    for event in events {
        tx.prepare_cached(
            "UPDATE events SET finished_at = ?3
             WHERE org_id = ?1 AND event_id = ?2 AND finished_at IS NULL",
        )?
        .execute(params![org.0, event.0, nanos(now)])?;
        tx.prepare_cached(
            "DELETE FROM events
             WHERE org_id = ?1 AND event_id = ?2 AND substr(key, 1, length(?3)) = ?3",
        )?
        .execute(params![org.0, event.0, CONTENT_KEY_PREFIX])?;
    }
    forget_old(tx, org, now)?;
    tx.prepare_cached(
        "DELETE FROM events
         WHERE event_id IN (SELECT event_id FROM events
                            WHERE org_id = ?1 AND finished_at IS NOT NULL
                            ORDER BY finished_at DESC, registry_id DESC, event_id DESC
                            LIMIT -1 OFFSET ?2)",
    )?
    .execute(params![org.0, count(MAX_REMEMBERED_EVENTS)])?;
    Ok(())
}

/// Forgets events that were worked on long ago.
fn forget_old(tx: &Transaction<'_>, org: OrgId, now: Timestamp) -> Outcome<()> {
    let oldest = now
        .checked_sub(EVENTS_REMEMBERED_FOR)
        .unwrap_or(Timestamp::MIN);
    tx.prepare_cached("DELETE FROM events WHERE org_id = ?1 AND finished_at <= ?2")?
        .execute(params![org.0, nanos(oldest)])?;
    Ok(())
}

pub(super) fn postpone(
    tx: &Transaction<'_>,
    org: OrgId,
    event: EventId,
    not_before: Timestamp,
) -> Outcome<()> {
    tx.prepare_cached(
        "UPDATE events SET not_before = ?3, attempts = attempts + 1
         WHERE org_id = ?1 AND event_id = ?2 AND finished_at IS NULL",
    )?
    .execute(params![org.0, event.0, nanos(not_before)])?;
    Ok(())
}
