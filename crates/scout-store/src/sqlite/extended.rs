//! What is known beyond the documented numbers: the extended part of snapshots, and what is asked
//! for to make it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use scout_envs::{
    EnvironmentName, Extended, NotAnalyzed, RuntimeSync, Snapshot, StreamName, Upkeep,
};

use super::column::{get_count, json, nanos, opt_parsed, parsed, time, to_json};
use super::fault::Outcome;
use super::joins::Joiner;
use super::shares::Names;
use super::{judgement, listings, registries};
use crate::id::{OrgId, RegistryId, RepositoryId};
use crate::model::artifact::ArtifactState;
use crate::model::runtime::{RunningStatus, WaitingReason};

/// Replaces the extended part of an organization's snapshot; returns whether it differs.
pub(super) fn replace(
    tx: &Transaction<'_>,
    org: OrgId,
    extended: Option<&Extended>,
) -> Outcome<bool> {
    let before: Option<String> = tx
        .prepare_cached("SELECT body FROM extended_snapshots WHERE org_id = ?1")?
        .query_row(params![org.0], |row| row.get(0))
        .optional()?;
    let after = extended.map(to_json).transpose()?;
    if before == after {
        return Ok(false);
    }
    match after {
        None => tx
            .prepare_cached("DELETE FROM extended_snapshots WHERE org_id = ?1")?
            .execute(params![org.0])?,
        Some(body) => tx
            .prepare_cached(
                "INSERT INTO extended_snapshots (org_id, body) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET body = excluded.body",
            )?
            .execute(params![org.0, body])?,
    };
    Ok(true)
}

/// Returns the newest snapshot with its extended part.
pub(super) fn snapshot(tx: &Transaction<'_>, org: OrgId) -> Outcome<Option<Snapshot>> {
    let Some(snapshot) = judgement::snapshot(tx, org)? else {
        return Ok(None);
    };
    let extended = tx
        .prepare_cached("SELECT body FROM extended_snapshots WHERE org_id = ?1")?
        .query_row(params![org.0], |row| json(row, 0))
        .optional()?;
    Ok(Some(Snapshot {
        extended,
        ..snapshot
    }))
}

/// Returns how people write each repository that was ever recorded.
pub(super) fn references(
    tx: &Transaction<'_>,
    org: OrgId,
) -> Outcome<BTreeMap<RepositoryId, String>> {
    let mut statement =
        tx.prepare_cached("SELECT repository_id, reference FROM repositories WHERE org_id = ?1")?;
    let rows = statement.query_map(params![org.0], |row| {
        Ok((RepositoryId(row.get(0)?), row.get(1)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Records that a registry was read to its end in a sweep that began at `started`.
pub(super) fn record_sweep(
    tx: &Transaction<'_>,
    org: OrgId,
    registry: RegistryId,
    started: Timestamp,
) -> Outcome<()> {
    registries::watched(tx, org, registry)?;
    tx.prepare_cached("UPDATE registries SET swept_at = ?2 WHERE registry_id = ?1")?
        .execute(params![registry.0, nanos(started)])?;
    Ok(())
}

pub(super) fn upkeep(tx: &Transaction<'_>, org: OrgId) -> Outcome<Upkeep> {
    let mut not_analyzed = watched(tx, org)?;
    not_analyzed.extend(running(tx, org)?);
    let mut feeds = tx.prepare_cached("SELECT base, loaded_at FROM feeds ORDER BY base")?;
    let feeds = feeds.query_map([], |row| Ok((row.get(0)?, time(row, 1)?)))?;
    let known_exploited = tx
        .prepare_cached("SELECT loaded_at FROM kev")?
        .query_row([], |row| time(row, 0))
        .optional()?;
    // Two of one name are one to people, and as old as the older.
    let mut swept = tx.prepare_cached(
        "SELECT display, min(swept_at) FROM registries
         WHERE org_id = ?1 AND removed_at IS NULL AND swept_at IS NOT NULL
         GROUP BY display ORDER BY display",
    )?;
    let swept = swept.query_map(params![org.0], |row| Ok((row.get(0)?, time(row, 1)?)))?;
    let mut shares = tx.prepare_cached(
        "SELECT environment, source, synced_at FROM shares
         WHERE org_id = ?1 AND synced_at IS NOT NULL ORDER BY environment, source",
    )?;
    let shares = shares.query_map(params![org.0], |row| {
        Ok(RuntimeSync {
            stream: parsed::<EnvironmentName>(row, 0)?.to_stream(),
            source: row.get(1)?,
            synced_at: time(row, 2)?,
        })
    })?;
    Ok(Upkeep {
        not_analyzed,
        advisories: feeds.collect::<rusqlite::Result<_>>()?,
        known_exploited,
        registries: swept.collect::<rusqlite::Result<_>>()?,
        runtimes: shares.collect::<rusqlite::Result<_>>()?,
    })
}

/// What the tags of watched repositories point to and is not analyzed.
fn watched(tx: &Transaction<'_>, org: OrgId) -> Outcome<Vec<NotAnalyzed>> {
    let mut statement = tx.prepare_cached(
        "SELECT a.state, count(DISTINCT a.artifact_id)
         FROM artifacts a
         JOIN repositories r ON r.repository_id = a.repository_id
         JOIN tags t ON t.org_id = a.org_id AND t.repository_id = a.repository_id
                    AND t.artifact_id = a.artifact_id AND t.gone = 0
         WHERE a.org_id = ?1 AND r.enabled
           AND a.state IN ('below-baseline', 'waiting', 'other-platform', 'failed')
         GROUP BY a.state",
    )?;
    let counts = statement.query_map(params![org.0], |row| {
        Ok((listings::state(row, 0)?, get_count(row, 1)?))
    })?;
    let counts: BTreeMap<ArtifactState, u64> = counts.collect::<rusqlite::Result<_>>()?;
    let states = [
        ArtifactState::BelowBaseline,
        ArtifactState::Waiting,
        ArtifactState::OtherPlatform,
        ArtifactState::Failed,
    ];
    let lines = states.map(|state| NotAnalyzed {
        stream: StreamName::latest_indexed(),
        reason: state.as_str(),
        images: counts.get(&state).copied().unwrap_or_default(),
    });
    Ok(lines.into())
}

/// What runs, as runtimes and lists say, and is not analyzed; an image that several of them tell
/// by the same names is one.
fn running(tx: &Transaction<'_>, org: OrgId) -> Outcome<Vec<NotAnalyzed>> {
    let mut statement = tx.prepare_cached(
        "SELECT DISTINCT environment, image_id, manifest, reference FROM running_images
         WHERE org_id = ?1",
    )?;
    let mut joiner = Joiner::new(tx, org);
    // Many environments run the same.
    let mut reasons: BTreeMap<Names, Option<WaitingReason>> = BTreeMap::new();
    let mut counts: BTreeMap<(EnvironmentName, WaitingReason), u64> = BTreeMap::new();
    let mut rows = statement.query(params![org.0])?;
    while let Some(row) = rows.next()? {
        let environment: EnvironmentName = parsed(row, 0)?;
        let names: Names = (opt_parsed(row, 1)?, opt_parsed(row, 2)?, row.get(3)?);
        let reason = match reasons.get(&names) {
            Some(known) => *known,
            None => {
                let reason = why_not(&mut joiner, &names)?;
                reasons.insert(names, reason);
                reason
            }
        };
        if let Some(reason) = reason {
            *counts.entry((environment, reason)).or_default() += 1;
        }
    }
    let mut told = tx.prepare_cached(
        "SELECT DISTINCT environment FROM shares WHERE org_id = ?1 AND synced_at IS NOT NULL",
    )?;
    let told = told.query_map(params![org.0], |row| parsed(row, 0))?;
    let told: BTreeSet<EnvironmentName> = told.collect::<rusqlite::Result<_>>()?;
    let lines = told.into_iter().flat_map(|environment| {
        let counts = &counts;
        WaitingReason::ALL.into_iter().map(move |reason| {
            let count = counts.get(&(environment.clone(), reason));
            NotAnalyzed {
                stream: environment.to_stream(),
                reason: reason.as_str(),
                images: count.copied().unwrap_or_default(),
            }
        })
    });
    Ok(lines.collect())
}

/// Returns why the image is not analyzed; nothing if it is.
fn why_not(joiner: &mut Joiner<'_>, names: &Names) -> Outcome<Option<WaitingReason>> {
    if joiner.join(names)?.is_some() {
        return Ok(None);
    }
    Ok(match joiner.why_not(names)? {
        RunningStatus::Joined(_) => None,
        RunningStatus::Waiting { reason, .. } => Some(reason),
    })
}
