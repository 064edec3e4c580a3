//! Which repositories are enabled, and whose newest image is still to be asked for.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use scout_envs::RepositoryName;

use super::column::{get_count, nanos, opt_time, parsed};
use super::fault::Outcome;
use super::listings::LISTINGS_TO_GO;
use super::{judgement, registries, repositories};
use crate::id::{OrgId, RegistryId, RepositoryId};
use crate::model::repository::{RepositoryListing, RepositoryRecord, WatchedRepository};

pub(super) fn list(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: Option<RegistryId>,
) -> Outcome<Vec<RepositoryListing>> {
    let mut statement = tx.prepare_cached(
        "SELECT g.registry_id, g.display, r.repository_id, r.name, r.reference, r.enabled,
                r.enabled_at, r.activation_due, r.missing >= ?3,
                (SELECT count(*) FROM tags t
                 WHERE t.org_id = r.org_id AND t.repository_id = r.repository_id AND t.gone = 0),
                g.key
         FROM repositories r JOIN registries g ON g.registry_id = r.registry_id
         WHERE r.org_id = ?1 AND g.removed_at IS NULL AND (?2 IS NULL OR r.registry_id = ?2)
         ORDER BY g.display, g.registry_id, r.name",
    )?;
    let registry = registry.map(|registry| registry.0);
    let listings = statement.query_map(params![org.0, registry, LISTINGS_TO_GO], |row| {
        Ok(RepositoryListing {
            registry_id: RegistryId(row.get(0)?),
            registry: row.get(1)?,
            id: RepositoryId(row.get(2)?),
            name: parsed(row, 3)?,
            reference: row.get(4)?,
            enabled: row.get(5)?,
            enabled_at: opt_time(row, 6)?,
            activation_due: row.get(7)?,
            is_gone: row.get(8)?,
            tags: get_count(row, 9)?,
            registry_key: row.get(10)?,
        })
    })?;
    Ok(listings.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn set_enabled(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    names: &[RepositoryName],
    enabled: bool,
    now: Timestamp,
) -> Outcome<u64> {
    let display = registries::watched(tx, org, registry)?.display;
    let enabled_at = enabled.then_some(nanos(now));
    let mut changed = 0;
    for name in names {
        let known: Option<(i64, bool)> = tx
            .prepare_cached(
                "SELECT repository_id, enabled FROM repositories
                 WHERE org_id = ?1 AND registry_id = ?2 AND name = ?3",
            )?
            .query_row(params![org.0, registry.0, name.as_str()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        match known {
            Some((_, was_enabled)) if was_enabled == enabled => continue,
            // As if it was never listed: what is there now is its baseline.
            Some((repository, _)) if enabled => tx
                .prepare_cached(
                    "UPDATE repositories SET enabled = 1, enabled_at = ?2, activation_due = 1,
                                             baseline_at = NULL, listed_at = NULL
                     WHERE repository_id = ?1",
                )?
                .execute(params![repository, enabled_at])?,
            Some((repository, _)) => disable(tx, org, RepositoryId(repository))?,
            // The next listing tells how it is really written.
            None => tx
                .prepare_cached(
                    "INSERT INTO repositories
                         (org_id, registry_id, name, reference, enabled, enabled_at,
                          activation_due)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?5)",
                )?
                .execute(params![
                    org.0,
                    registry.0,
                    name.as_str(),
                    WatchedRepository::of_host(&display, name.clone()).reference,
                    enabled,
                    enabled_at
                ])?,
        };
        changed += 1;
    }
    if changed > 0 {
        judgement::enqueue(tx, org)?;
    }
    Ok(changed)
}

fn disable(tx: &Transaction<'_>, org: OrgId, repository: RepositoryId) -> Outcome<usize> {
    tx.prepare_cached(
        "DELETE FROM work
         WHERE org_id = ?1
           AND artifact_id IN (SELECT artifact_id FROM artifacts
                               WHERE org_id = ?1 AND repository_id = ?2)",
    )?
    .execute(params![org.0, repository.0])?;
    let disabled = tx
        .prepare_cached(
            "UPDATE repositories SET enabled = 0, enabled_at = NULL, activation_due = 0
             WHERE repository_id = ?1",
        )?
        .execute(params![repository.0])?;
    Ok(disabled)
}

pub(super) fn due(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
) -> Outcome<Vec<RepositoryRecord>> {
    let mut statement = tx.prepare_cached(
        "SELECT r.repository_id, r.name, r.reference, r.enabled, r.activation_due, r.baseline_at,
                coalesce(r.enabled_at, g.created_at)
         FROM repositories r JOIN registries g ON g.registry_id = r.registry_id
         WHERE r.org_id = ?1 AND r.registry_id = ?2 AND r.activation_due
           AND g.removed_at IS NULL
         ORDER BY r.name",
    )?;
    let due = statement.query_map(params![org.0, registry.0], repositories::from_row)?;
    Ok(due.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn finish(
    tx: &Transaction<'_>,
    org: OrgId,
    repository: &RepositoryRecord,
) -> Outcome<()> {
    tx.prepare_cached(
        "UPDATE repositories SET activation_due = 0
         WHERE org_id = ?1 AND repository_id = ?2 AND enabled_at = ?3 AND activation_due",
    )?
    .execute(params![
        org.0,
        repository.id.0,
        nanos(repository.watched_since)
    ])?;
    Ok(())
}
