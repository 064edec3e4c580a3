//! Index work to be done: what waits, and how much of it there is.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::column::{get_count, nanos, opt_time};
use super::fault::Outcome;
use crate::id::{ArtifactId, OrgId, RegistryId};
use crate::model::artifact::{ArtifactState, Retry};

/// Makes an artifact wait for indexing.
pub(super) fn enqueue(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    artifact: ArtifactId,
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
    add(tx, org, registry, artifact, now)
}

/// Adds the work for an artifact that waits, unless it is there.
pub(super) fn add(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    artifact: ArtifactId,
    now: Timestamp,
) -> Outcome<()> {
    tx.prepare_cached(
        "INSERT INTO work (org_id, class, artifact_id, registry_id, run_at)
         VALUES (?1, 'index', ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![org.0, artifact.0, registry.0, nanos(now)])?;
    Ok(())
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
            "INSERT INTO work (org_id, class, artifact_id, registry_id, run_at)
             SELECT a.org_id, 'index', a.artifact_id, r.registry_id, ?4
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
            platforms
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
        enqueue(tx, org, RegistryId(registry), ArtifactId(artifact), now)?;
    }
    Ok(failed.len() as u64)
}
