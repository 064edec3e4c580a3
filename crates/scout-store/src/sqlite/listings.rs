//! Complete listings of a repository's tags: what exists, and what is gone.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use scout_envs::Tag;

use super::column::{nanos, parsed};
use super::fault::{Fault, Outcome};
use super::judgement;
use crate::id::{OrgId, RegistryId, RepositoryId};
use crate::model::artifact::ArtifactState;
use crate::model::tag::KnownTag;

/// From how many complete listings in a row something must be missing to count as gone. One is
/// not enough: registries answer with stale or cut lists now and then.
pub(super) const LISTINGS_TO_GO: u32 = 2;

pub(super) fn known_tags(
    tx: &Transaction<'_>,
    org: OrgId,
    repository: RepositoryId,
) -> Outcome<Vec<KnownTag>> {
    let mut statement = tx.prepare_cached(
        "SELECT t.tag, a.digest, a.state
         FROM tags t JOIN artifacts a ON a.artifact_id = t.artifact_id
         WHERE t.org_id = ?1 AND t.repository_id = ?2 AND t.gone = 0
         ORDER BY t.tag",
    )?;
    let tags = statement.query_map(params![org.0, repository.0], |row| {
        Ok(KnownTag {
            tag: parsed(row, 0)?,
            digest: parsed(row, 1)?,
            state: state(row, 2)?,
        })
    })?;
    Ok(tags.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn record_listing(
    tx: &Transaction<'_>,
    org: OrgId,
    repository: RepositoryId,
    tags: &[Tag],
    now: Timestamp,
) -> Outcome<u64> {
    Repository::find(tx, org, repository)?;
    let was_listed = is_listed(tx, org)?;
    complete_baseline(tx, org, repository, now)?;
    let listed: HashSet<&str> = tags.iter().map(Tag::as_str).collect();
    let known: Vec<(String, u32)> = tx
        .prepare_cached(
            "SELECT tag, missing FROM tags
             WHERE org_id = ?1 AND repository_id = ?2 AND gone = 0",
        )?
        .query_map(params![org.0, repository.0], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut went = 0;
    for (tag, missing) in known {
        let now_missing = match listed.contains(tag.as_str()) {
            true => 0,
            false => missing + 1,
        };
        let is_gone = now_missing >= LISTINGS_TO_GO;
        if now_missing != missing {
            tx.prepare_cached(
                "UPDATE tags SET missing = ?4, gone = ?5
                 WHERE org_id = ?1 AND repository_id = ?2 AND tag = ?3",
            )?
            .execute(params![org.0, repository.0, tag, now_missing, is_gone])?;
        }
        went += u64::from(is_gone);
    }
    if went > 0 || !was_listed {
        judgement::enqueue(tx, org)?;
    }
    Ok(went)
}

fn complete_baseline(
    tx: &Transaction<'_>,
    org: OrgId,
    repository: RepositoryId,
    now: Timestamp,
) -> Outcome<()> {
    let is_done: bool = tx
        .prepare_cached(
            "SELECT baseline_at IS NOT NULL AND listed_at IS NOT NULL FROM repositories
             WHERE org_id = ?1 AND repository_id = ?2",
        )?
        .query_row(params![org.0, repository.0], |row| row.get(0))?;
    if !is_done {
        tx.prepare_cached(
            "UPDATE repositories SET baseline_at = coalesce(baseline_at, ?2),
                                     listed_at = coalesce(listed_at, ?2)
             WHERE repository_id = ?1",
        )?
        .execute(params![repository.0, nanos(now)])?;
    }
    Ok(())
}

/// A repository of which something may be recorded.
pub(super) struct Repository {
    pub(super) registry: RegistryId,
    pub(super) enabled: bool,
    pub(super) has_baseline: bool,
    /// From how many complete lists in a row it is missing.
    pub(super) missing: u32,
}

impl Repository {
    /// Returns the repository, unless it is unknown or its registry was removed.
    pub(super) fn find(
        tx: &Transaction<'_>,
        org: OrgId,
        repository: RepositoryId,
    ) -> Outcome<Self> {
        let (found, removed): (Self, Option<String>) = tx
            .prepare_cached(
                "SELECT r.registry_id, r.enabled, r.baseline_at IS NOT NULL, r.missing,
                        iif(g.removed_at IS NULL, NULL, g.display)
                 FROM repositories r JOIN registries g ON g.registry_id = r.registry_id
                 WHERE r.org_id = ?1 AND r.repository_id = ?2",
            )?
            .query_row(params![org.0, repository.0], |row| {
                let found = Self {
                    registry: RegistryId(row.get(0)?),
                    enabled: row.get(1)?,
                    has_baseline: row.get(2)?,
                    missing: row.get(3)?,
                };
                Ok((found, row.get(4)?))
            })
            .optional()?
            .ok_or_else(|| {
                Fault::Refused(format!("the organization has no repository {repository}"))
            })?;
        match removed {
            Some(display) => Err(Fault::Removed(display)),
            None => Ok(found),
        }
    }
}

/// Whether something that the organization watches was listed to its end: the tags of an enabled
/// repository, or a catalog without repositories.
pub(super) fn is_listed(tx: &Transaction<'_>, org: OrgId) -> Outcome<bool> {
    let is_listed = tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM repositories
                            WHERE org_id = ?1 AND enabled AND listed_at IS NOT NULL)
                 OR EXISTS (SELECT 1 FROM registries g
                            WHERE g.org_id = ?1 AND g.cataloged_at IS NOT NULL
                              AND NOT EXISTS (SELECT 1 FROM repositories r
                                              WHERE r.org_id = ?1
                                                AND r.registry_id = g.registry_id))",
        )?
        .query_row(params![org.0], |row| row.get(0))?;
    Ok(is_listed)
}

/// Reads the name of a state.
pub(super) fn state(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<ArtifactState> {
    const ALL: [ArtifactState; 6] = [
        ArtifactState::BelowBaseline,
        ArtifactState::Waiting,
        ArtifactState::Indexed,
        ArtifactState::Skipped,
        ArtifactState::OtherPlatform,
        ArtifactState::Failed,
    ];
    let text = row.get_ref(column)?.as_str()?;
    ALL.into_iter()
        .find(|state| state.as_str() == text)
        .ok_or_else(|| {
            let error = format!("{text:?} is no state of an artifact");
            super::column::unreadable(column, rusqlite::types::Type::Text, error.into())
        })
}
