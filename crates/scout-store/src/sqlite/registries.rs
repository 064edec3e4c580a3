//! Registries: which there are, and which are watched no more.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::column::{nanos, opt_time, stored_time, time};
use super::fault::{Fault, Outcome};
use super::judgement;
use crate::id::{OrgId, RegistryId};
use crate::model::repository::RegistryRecord;

pub(super) fn registry(
    tx: &Transaction<'_>,
    org: OrgId,
    key: &str,
    display: &str,
    now: Timestamp,
) -> Outcome<RegistryRecord> {
    let known = tx
        .prepare_cached(
            "SELECT registry_id, created_at, removed_at, display FROM registries
             WHERE org_id = ?1 AND key = ?2",
        )?
        .query_row(params![org.0, key], |row| {
            let record = RegistryRecord {
                id: RegistryId(row.get(0)?),
                created_at: time(row, 1)?,
                removed_at: opt_time(row, 2)?,
            };
            Ok((record, row.get::<_, String>(3)?))
        })
        .optional()?;
    if let Some((record, old_display)) = known {
        if old_display != display {
            tx.prepare_cached("UPDATE registries SET display = ?2 WHERE registry_id = ?1")?
                .execute(params![record.id.0, display])?;
        }
        return Ok(record);
    }
    tx.prepare_cached(
        "INSERT INTO registries (org_id, key, display, created_at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![org.0, key, display, nanos(now)])?;
    Ok(RegistryRecord {
        id: RegistryId(tx.last_insert_rowid()),
        created_at: stored_time(now),
        removed_at: None,
    })
}

/// A registry of which something may be recorded.
pub(super) struct Watched {
    pub(super) display: String,
    pub(super) created_at: Timestamp,
    /// When its first complete list of repositories was recorded.
    pub(super) cataloged_at: Option<Timestamp>,
}

/// Returns the registry, unless it is unknown or was removed.
pub(super) fn watched(tx: &Transaction<'_>, org: OrgId, registry: RegistryId) -> Outcome<Watched> {
    let (watched, is_removed) = tx
        .prepare_cached(
            "SELECT display, created_at, cataloged_at, removed_at IS NOT NULL FROM registries
             WHERE org_id = ?1 AND registry_id = ?2",
        )?
        .query_row(params![org.0, registry.0], |row| {
            let watched = Watched {
                display: row.get(0)?,
                created_at: time(row, 1)?,
                cataloged_at: opt_time(row, 2)?,
            };
            Ok((watched, row.get::<_, bool>(3)?))
        })
        .optional()?
        .ok_or_else(|| Fault::Refused(format!("the organization has no registry {registry}")))?;
    match is_removed {
        true => Err(Fault::Removed(watched.display)),
        false => Ok(watched),
    }
}

/// Lets the registry of this key be recorded again.
pub(super) fn restore_key(tx: &Transaction<'_>, org: OrgId, key: &str) -> Outcome<()> {
    tx.prepare_cached("UPDATE registries SET removed_at = NULL WHERE org_id = ?1 AND key = ?2")?
        .execute(params![org.0, key])?;
    Ok(())
}

pub(super) fn restore(tx: &Transaction<'_>, org: OrgId, registry: RegistryId) -> Outcome<bool> {
    let restored = tx
        .prepare_cached(
            "UPDATE registries SET removed_at = NULL
             WHERE org_id = ?1 AND registry_id = ?2 AND removed_at IS NOT NULL",
        )?
        .execute(params![org.0, registry.0])?;
    Ok(restored > 0)
}

/// Watches the registry of this key no more. What was learned of it stays, but nothing in it
/// counts until it is restored and seen again.
pub(super) fn retire(tx: &Transaction<'_>, org: OrgId, key: &str, now: Timestamp) -> Outcome<()> {
    // Also one never swept: a first sweep may be about to begin.
    let registry = registry_of(tx, org, key, now)?;
    // As if it was never listed: it is not known to be empty, and repositories that are new when
    // it comes back have a baseline.
    tx.prepare_cached(
        "UPDATE registries SET removed_at = ?2, cataloged_at = NULL, swept_at = NULL
         WHERE registry_id = ?1",
    )?
    .execute(params![registry.0, nanos(now)])?;
    tx.prepare_cached("UPDATE repositories SET listed_at = NULL WHERE registry_id = ?1")?
        .execute(params![registry.0])?;
    tx.prepare_cached(
        "UPDATE tags SET gone = 1
         WHERE org_id = ?1 AND gone = 0
           AND repository_id IN (SELECT repository_id FROM repositories
                                 WHERE org_id = ?1 AND registry_id = ?2)",
    )?
    .execute(params![org.0, registry.0])?;
    tx.prepare_cached("DELETE FROM work WHERE org_id = ?1 AND registry_id = ?2")?
        .execute(params![org.0, registry.0])?;
    tx.prepare_cached("DELETE FROM events WHERE org_id = ?1 AND registry_id = ?2")?
        .execute(params![org.0, registry.0])?;
    judgement::enqueue(tx, org)
}

fn registry_of(tx: &Transaction<'_>, org: OrgId, key: &str, now: Timestamp) -> Outcome<RegistryId> {
    tx.prepare_cached(
        "INSERT INTO registries (org_id, key, display, created_at) VALUES (?1, ?2, ?2, ?3)
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![org.0, key, nanos(now)])?;
    let registry = tx
        .prepare_cached("SELECT registry_id FROM registries WHERE org_id = ?1 AND key = ?2")?
        .query_row(params![org.0, key], |row| row.get(0))?;
    Ok(RegistryId(registry))
}
