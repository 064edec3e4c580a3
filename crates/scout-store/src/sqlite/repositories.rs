//! Repositories, as registries list them.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::column::{nanos, opt_nanos, opt_time, parsed, stored_time, time};
use super::fault::Outcome;
use super::listings::{self, LISTINGS_TO_GO};
use super::{judgement, registries};
use crate::id::{OrgId, RegistryId, RepositoryId};
use crate::model::repository::{RepositoryRecord, WatchedRepository};

pub(super) fn record(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    repositories: &[WatchedRepository],
    complete: bool,
    enable_new: bool,
    now: Timestamp,
) -> Outcome<Vec<RepositoryRecord>> {
    let watched = registries::watched(tx, org, registry)?;
    let was_listed = listings::is_listed(tx, org)?;
    let beginning = Beginning {
        org,
        registry,
        enabled: enable_new,
        baseline_at: no_baseline(&watched, enable_new, now).filter(|_| complete),
        watched_since: watched.created_at,
    };
    let mut records = Vec::with_capacity(repositories.len());
    for repository in repositories {
        records.push(beginning.find_or_create(tx, repository)?);
    }
    if complete {
        if watched.cataloged_at.is_none() {
            tx.prepare_cached("UPDATE registries SET cataloged_at = ?2 WHERE registry_id = ?1")?
                .execute(params![registry.0, nanos(now)])?;
        }
        let went = count_missing(tx, org, registry, repositories)?;
        if went || was_listed != listings::is_listed(tx, org)? {
            judgement::enqueue(tx, org)?;
        }
    }
    Ok(records)
}

pub(super) fn record_told(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    repository: &WatchedRepository,
    enable_new: bool,
    now: Timestamp,
) -> Outcome<RepositoryRecord> {
    let watched = registries::watched(tx, org, registry)?;
    let baseline_at = no_baseline(&watched, enable_new, now);
    let (enabled, watched_since) = (enable_new, watched.created_at);
    Beginning {
        org,
        registry,
        enabled,
        baseline_at,
        watched_since,
    }
    .find_or_create(tx, repository)
}

/// Returns when the baseline of a repository was complete that is recorded now, if it has none to
/// take. Of a disabled one, the baseline is what is there when somebody enables it.
fn no_baseline(watched: &registries::Watched, enabled: bool, now: Timestamp) -> Option<Timestamp> {
    (enabled && watched.cataloged_at.is_some()).then_some(now)
}

/// What a repository is when it is first recorded.
struct Beginning {
    org: OrgId,
    registry: RegistryId,
    enabled: bool,
    baseline_at: Option<Timestamp>,
    watched_since: Timestamp,
}

impl Beginning {
    fn find_or_create(
        &self,
        tx: &Transaction<'_>,
        repository: &WatchedRepository,
    ) -> Outcome<RepositoryRecord> {
        let known = tx
            .prepare_cached(
                "SELECT r.repository_id, r.name, r.reference, r.enabled, r.activation_due,
                        r.baseline_at, coalesce(r.enabled_at, g.created_at)
                 FROM repositories r JOIN registries g ON g.registry_id = r.registry_id
                 WHERE r.org_id = ?1 AND r.registry_id = ?2 AND r.name = ?3",
            )?
            .query_row(
                params![self.org.0, self.registry.0, repository.name.as_str()],
                from_row,
            )
            .optional()?;
        match known {
            None => self.create(tx, repository),
            Some(record) => with_reference(tx, record, &repository.reference),
        }
    }

    fn create(
        &self,
        tx: &Transaction<'_>,
        repository: &WatchedRepository,
    ) -> Outcome<RepositoryRecord> {
        tx.prepare_cached(
            "INSERT INTO repositories (org_id, registry_id, name, reference, enabled, baseline_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            self.org.0,
            self.registry.0,
            repository.name.as_str(),
            repository.reference,
            self.enabled,
            opt_nanos(self.baseline_at)
        ])?;
        Ok(RepositoryRecord {
            id: RepositoryId(tx.last_insert_rowid()),
            name: repository.name.clone(),
            reference: repository.reference.clone(),
            enabled: self.enabled,
            activation_due: false,
            baseline_at: self.baseline_at.map(stored_time),
            watched_since: self.watched_since,
        })
    }
}

/// Reads a repository: number, name, reference, enabled, activation due, baseline, since when.
pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<RepositoryRecord> {
    Ok(RepositoryRecord {
        id: RepositoryId(row.get(0)?),
        name: parsed(row, 1)?,
        reference: row.get(2)?,
        enabled: row.get(3)?,
        activation_due: row.get(4)?,
        baseline_at: opt_time(row, 5)?,
        watched_since: time(row, 6)?,
    })
}

fn with_reference(
    tx: &Transaction<'_>,
    mut record: RepositoryRecord,
    reference: &str,
) -> Outcome<RepositoryRecord> {
    if record.reference != reference {
        tx.prepare_cached("UPDATE repositories SET reference = ?2 WHERE repository_id = ?1")?
            .execute(params![record.id.0, reference])?;
        reference.clone_into(&mut record.reference);
    }
    Ok(record)
}

/// Counts which repositories the complete list lacks; returns whether tags went with them.
fn count_missing(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    repositories: &[WatchedRepository],
) -> Outcome<bool> {
    let listed: HashSet<&str> = repositories.iter().map(|r| r.name.as_str()).collect();
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
