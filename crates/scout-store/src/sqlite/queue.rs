//! Index work to be done: what waits, and how much of it there is.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::column::{get_count, nanos, opt_time, urgency};
use super::fault::Outcome;
use crate::id::{ArtifactId, OrgId, RegistryId};
use crate::model::artifact::{ArtifactState, Retry};
use crate::model::work::WorkClass;

/// Makes an artifact wait for indexing.
pub(super) fn enqueue(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    artifact: ArtifactId,
    class: WorkClass,
    now: Timestamp,
) -> Outcome<()> {
    tx.prepare_cached(
        "UPDATE artifacts SET state = ?3, reason = NULL, transient = 0, updated_at = ?4
         WHERE org_id = ?1 AND artifact_id = ?2",
    )?
    .execute(params![
        org.0,
        artifact.0,
        ArtifactState::Waiting.as_str(),
        nanos(now)
    ])?;
    add(tx, org, registry, artifact, class, now)
}

/// Adds the work for an artifact that waits; if it is there, it is only raised to the class.
pub(super) fn add(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    artifact: ArtifactId,
    class: WorkClass,
    now: Timestamp,
) -> Outcome<()> {
    tx.prepare_cached(
        "INSERT INTO work (org_id, class, artifact_id, registry_id, run_at, urgency)
         VALUES (?1, 'index', ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET urgency = excluded.urgency
             WHERE work.urgency < excluded.urgency",
    )?
    .execute(params![
        org.0,
        artifact.0,
        registry.0,
        nanos(now),
        urgency(class)
    ])?;
    Ok(())
}

/// Returns of each registry the greatest class of which something is due and free.
pub(super) fn due(
    tx: &Transaction<'_>,
    org: OrgId,
    registries: &[RegistryId],
    now: Timestamp,
) -> Outcome<Vec<Option<WorkClass>>> {
    // Ends at the first that is free, where max() would read the whole queue.
    let mut find = tx.prepare_cached(
        "SELECT 1 FROM work
         WHERE org_id = ?1 AND registry_id = ?2 AND class = 'index' AND urgency = ?3
           AND run_at <= ?4 AND (lease_until IS NULL OR lease_until <= ?4)
         LIMIT 1",
    )?;
    let mut due = Vec::with_capacity(registries.len());
    for registry in registries {
        let mut greatest = None;
        for class in WorkClass::ALL {
            if find.exists(params![org.0, registry.0, urgency(class), nanos(now)])? {
                greatest = Some(class);
                break;
            }
        }
        due.push(greatest);
    }
    Ok(due)
}

pub(super) fn enqueue_outdated(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    analysis_version: u32,
    platforms: &str,
    now: Timestamp,
) -> Outcome<u64> {
    let enqueued = tx
        .prepare_cached(
            "INSERT INTO work (org_id, class, artifact_id, registry_id, run_at, urgency)
             SELECT a.org_id, 'index', a.artifact_id, r.registry_id, ?4, ?6
             FROM artifacts a JOIN repositories r ON r.repository_id = a.repository_id
             WHERE a.org_id = ?1 AND r.registry_id = ?2 AND r.enabled
               AND a.state IN ('indexed', 'other-platform')
               AND (a.platforms IS NOT NULL AND a.platforms <> ?5
                    OR EXISTS (SELECT 1 FROM artifact_images ai
                               JOIN images i ON i.image_id = ai.image_id
                               WHERE ai.org_id = a.org_id AND ai.artifact_id = a.artifact_id
                                 AND i.analysis_version < ?3))
               AND EXISTS (SELECT 1 FROM tags t
                           WHERE t.org_id = a.org_id AND t.repository_id = a.repository_id
                             AND t.artifact_id = a.artifact_id AND t.gone = 0)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            org.0,
            registry.0,
            analysis_version,
            nanos(now),
            platforms,
            urgency(WorkClass::Recheck)
        ])?;
    Ok(enqueued as u64)
}

pub(super) fn backlog(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
) -> Outcome<(u64, Option<Timestamp>)> {
    let backlog = tx
        .prepare_cached(
            "SELECT count(*), min(max(run_at, coalesce(lease_until, run_at))) FROM work
             WHERE org_id = ?1 AND registry_id = ?2 AND class = 'index'",
        )?
        .query_row(params![org.0, registry.0], |row| {
            Ok((get_count(row, 0)?, opt_time(row, 1)?))
        })?;
    Ok(backlog)
}

pub(super) fn retry_failed(
    tx: &Transaction<'_>,
    org: OrgId,
    which: Retry,
    now: Timestamp,
) -> Outcome<u64> {
    let (artifact, only_transient) = match which {
        Retry::One(artifact) => (Some(artifact.0), false),
        Retry::Transient => (None, true),
        Retry::All => (None, false),
    };
    let failed: Vec<(i64, i64)> = tx
        .prepare_cached(
            "SELECT a.artifact_id, r.registry_id
             FROM artifacts a
             JOIN repositories r ON r.repository_id = a.repository_id
             JOIN registries g ON g.registry_id = r.registry_id
             WHERE a.org_id = ?1 AND a.state = 'failed' AND (?2 IS NULL OR a.artifact_id = ?2)
               AND r.enabled AND g.removed_at IS NULL
               AND (a.transient OR NOT ?3)
             ORDER BY a.artifact_id",
        )?
        .query_map(params![org.0, artifact, only_transient], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for &(artifact, registry) in &failed {
        let (registry, artifact) = (RegistryId(registry), ArtifactId(artifact));
        enqueue(tx, org, registry, artifact, WorkClass::Recheck, now)?;
    }
    Ok(failed.len() as u64)
}
