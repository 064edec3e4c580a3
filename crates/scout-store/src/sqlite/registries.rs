//! Registries and their repositories.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use scout_envs::RepositoryName;

use super::column::{nanos, opt_time, stored_time, time};
use super::fault::{Fault, Outcome};
use super::judgement;
use super::listings::{self, LISTINGS_TO_GO};
use crate::id::{OrgId, RegistryId, RepositoryId};
use crate::model::tag::{RegistryRecord, RepositoryRecord};

pub(super) fn registry(
    tx: &Transaction<'_>,
    org: OrgId,
    key: &str,
    display: &str,
    now: Timestamp,
) -> Outcome<RegistryRecord> {
    let known = tx
        .prepare_cached(
            "SELECT registry_id, created_at, display FROM registries
             WHERE org_id = ?1 AND key = ?2",
        )?
        .query_row(params![org.0, key], |row| {
            let record = RegistryRecord {
                id: RegistryId(row.get(0)?),
                created_at: time(row, 1)?,
            };
            Ok((record, row.get::<_, String>(2)?))
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
    })
}

pub(super) fn record_repositories(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    names: &[RepositoryName],
    complete: bool,
    now: Timestamp,
) -> Outcome<Vec<RepositoryRecord>> {
    let cataloged_at = tx
        .prepare_cached(
            "SELECT cataloged_at FROM registries WHERE org_id = ?1 AND registry_id = ?2",
        )?
        .query_row(params![org.0, registry.0], |row| opt_time(row, 0))
        .optional()?
        .ok_or_else(|| Fault::Refused(format!("the organization has no registry {registry}")))?;
    let was_listed = listings::is_listed(tx, org)?;
    let is_later_catalog = complete && cataloged_at.is_some();
    let baseline_at = is_later_catalog.then_some(now);
    let mut records = Vec::with_capacity(names.len());
    for name in names {
        records.push(repository(tx, org, registry, name, baseline_at)?);
    }
    if complete {
        if cataloged_at.is_none() {
            tx.prepare_cached("UPDATE registries SET cataloged_at = ?2 WHERE registry_id = ?1")?
                .execute(params![registry.0, nanos(now)])?;
        }
        let went = count_missing(tx, org, registry, names)?;
        if went || was_listed != listings::is_listed(tx, org)? {
            judgement::enqueue(tx, org)?;
        }
    }
    Ok(records)
}

fn repository(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    name: &RepositoryName,
    baseline_at: Option<Timestamp>,
) -> Outcome<RepositoryRecord> {
    let known = tx
        .prepare_cached(
            "SELECT repository_id, baseline_at FROM repositories
             WHERE org_id = ?1 AND registry_id = ?2 AND name = ?3",
        )?
        .query_row(params![org.0, registry.0, name.as_str()], |row| {
            Ok(RepositoryRecord {
                id: RepositoryId(row.get(0)?),
                name: name.clone(),
                baseline_at: opt_time(row, 1)?,
            })
        })
        .optional()?;
    if let Some(record) = known {
        return Ok(record);
    }
    tx.prepare_cached(
        "INSERT INTO repositories (org_id, registry_id, name, baseline_at)
         VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        org.0,
        registry.0,
        name.as_str(),
        baseline_at.map(nanos)
    ])?;
    Ok(RepositoryRecord {
        id: RepositoryId(tx.last_insert_rowid()),
        name: name.clone(),
        baseline_at: baseline_at.map(stored_time),
    })
}

/// Counts which repositories the complete list lacks; returns whether tags went with them.
fn count_missing(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    names: &[RepositoryName],
) -> Outcome<bool> {
    let listed: HashSet<&str> = names.iter().map(RepositoryName::as_str).collect();
    let known: Vec<(i64, String, u32)> = tx
        .prepare_cached(
            "SELECT repository_id, name, missing FROM repositories
             WHERE org_id = ?1 AND registry_id = ?2",
        )?
        .query_map(params![org.0, registry.0], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut went = false;
    for (repository, name, missing) in known {
        let now_missing = match listed.contains(name.as_str()) {
            true => 0,
            false => (missing + 1).min(LISTINGS_TO_GO),
        };
        if now_missing != missing {
            tx.prepare_cached("UPDATE repositories SET missing = ?2 WHERE repository_id = ?1")?
                .execute(params![repository, now_missing])?;
        }
        if now_missing == LISTINGS_TO_GO {
            let gone = tx
                .prepare_cached(
                    "UPDATE tags SET gone = 1
                     WHERE org_id = ?1 AND repository_id = ?2 AND gone = 0",
                )?
                .execute(params![org.0, repository])?;
            went |= gone > 0;
        }
    }
    Ok(went)
}
