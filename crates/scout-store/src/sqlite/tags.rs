//! Single tags: seen pointing to a digest, or told to be gone.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use scout_envs::{Digest, Tag};

use super::column::{nanos, opt_nanos, parsed};
use super::fault::Outcome;
use super::listings::{Repository, state};
use super::{judgement, queue};
use crate::id::{ArtifactId, OrgId, RepositoryId};
use crate::model::artifact::ArtifactState;
use crate::model::tag::{Observation, Observed};
use crate::model::work::WorkClass;

pub(super) fn observe(
    tx: &Transaction<'_>,
    org: OrgId,
    repository: RepositoryId,
    observation: &Observation,
) -> Outcome<Observed> {
    let place = Repository::find(tx, org, repository)?;
    if place.missing > 0 {
        tx.prepare_cached("UPDATE repositories SET missing = 0 WHERE repository_id = ?1")?
            .execute(params![repository.0])?;
    }
    let seen_at = observation.seen_at;
    let (artifact, mut state) = artifact(tx, org, repository, &observation.digest, seen_at)?;
    let pointer = Pointer {
        org,
        repository,
        artifact,
        observation,
    };
    let (change, was_gone) = pointer.record(tx)?;

    let is_new = change == Change::New;
    let is_push = place.has_baseline && is_new;
    let class = observation.wanted.max(is_push.then_some(WorkClass::NewTag));
    match (state, class) {
        (ArtifactState::BelowBaseline, Some(class)) if place.enabled => {
            queue::enqueue(tx, org, place.registry, artifact, class, seen_at)?;
            state = ArtifactState::Waiting;
        }
        // Its work is gone if the repository was disabled since, or the registry removed.
        (ArtifactState::Waiting, class) if place.enabled => {
            let class = class.unwrap_or(WorkClass::Backfill);
            queue::add(tx, org, place.registry, artifact, class, seen_at)?;
        }
        _ => {}
    }
    let was_looked_at = matches!(state, ArtifactState::Indexed | ArtifactState::Skipped);
    // What is new is not looked at yet: where all was known, or known to be empty, it is not now.
    if is_new || was_gone || (change != Change::Nothing && was_looked_at) {
        judgement::enqueue(tx, org)?;
    }
    Ok(Observed {
        artifact,
        state,
        is_new,
    })
}

fn artifact(
    tx: &Transaction<'_>,
    org: OrgId,
    repository: RepositoryId,
    digest: &Digest,
    seen_at: Timestamp,
) -> Outcome<(ArtifactId, ArtifactState)> {
    let known = tx
        .prepare_cached(
            "SELECT artifact_id, state FROM artifacts
             WHERE org_id = ?1 AND repository_id = ?2 AND digest = ?3",
        )?
        .query_row(params![org.0, repository.0, digest.as_str()], |row| {
            Ok((ArtifactId(row.get(0)?), state(row, 1)?))
        })
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    let state = ArtifactState::BelowBaseline;
    tx.prepare_cached(
        "INSERT INTO artifacts (org_id, repository_id, digest, state, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        org.0,
        repository.0,
        digest.as_str(),
        state.as_str(),
        nanos(seen_at)
    ])?;
    Ok((ArtifactId(tx.last_insert_rowid()), state))
}

pub(super) fn forget(
    tx: &Transaction<'_>,
    org: OrgId,
    repository: RepositoryId,
    tag: &Tag,
) -> Outcome<bool> {
    let gone = tx
        .prepare_cached(
            "UPDATE tags SET gone = 1
             WHERE org_id = ?1 AND repository_id = ?2 AND tag = ?3 AND gone = 0",
        )?
        .execute(params![org.0, repository.0, tag.as_str()])?;
    if gone > 0 {
        judgement::enqueue(tx, org)?;
    }
    Ok(gone > 0)
}

pub(super) fn of_digest(
    tx: &Transaction<'_>,
    org: OrgId,
    repository: RepositoryId,
    digest: &Digest,
) -> Outcome<Vec<Tag>> {
    let mut statement = tx.prepare_cached(
        "SELECT t.tag FROM tags t JOIN artifacts a ON a.artifact_id = t.artifact_id
         WHERE t.org_id = ?1 AND t.repository_id = ?2 AND t.gone = 0 AND a.digest = ?3
         ORDER BY t.tag",
    )?;
    let tags = statement.query_map(params![org.0, repository.0, digest.as_str()], |row| {
        parsed(row, 0)
    })?;
    Ok(tags.collect::<rusqlite::Result<_>>()?)
}

/// What an observation changed in what is known of its tag.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Change {
    /// Nothing.
    Nothing,
    /// The tag never had this digest before.
    New,
    /// The tag is back at a digest it had before, or a time of pushing became known.
    Updated,
}

struct Pointer<'a> {
    org: OrgId,
    repository: RepositoryId,
    artifact: ArtifactId,
    observation: &'a Observation,
}

impl Pointer<'_> {
    /// Returns what changed, and whether the tag was gone: with it, everything it pointed to
    /// before is there again.
    fn record(&self, tx: &Transaction<'_>) -> Outcome<(Change, bool)> {
        let tag = self.observation.tag.as_str();
        let before: Option<(i64, u32, bool)> = tx
            .prepare_cached(
                "SELECT artifact_id, missing, gone FROM tags
                 WHERE org_id = ?1 AND repository_id = ?2 AND tag = ?3",
            )?
            .query_row(params![self.org.0, self.repository.0, tag], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let stays = before.is_some_and(|(artifact, _, _)| artifact == self.artifact.0);
        let was_missing = before.is_some_and(|(_, missing, _)| missing > 0);
        let was_gone = before.is_some_and(|(_, _, gone)| gone);
        if !stays || was_missing || was_gone {
            self.point(tx)?;
        }
        let change = match stays {
            true => self.update_push_time(tx)?,
            false => self.move_here(tx)?,
        };
        Ok((change, was_gone))
    }

    fn point(&self, tx: &Transaction<'_>) -> Outcome<()> {
        tx.prepare_cached(
            "INSERT INTO tags (org_id, repository_id, tag, artifact_id) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET artifact_id = excluded.artifact_id, missing = 0, gone = 0",
        )?
        .execute(params![
            self.org.0,
            self.repository.0,
            self.observation.tag.as_str(),
            self.artifact.0
        ])?;
        Ok(())
    }

    /// A tag may be pushed again with what it has, and events of it come in any order: the last
    /// push counts.
    fn update_push_time(&self, tx: &Transaction<'_>) -> Outcome<Change> {
        let updated = tx
            .prepare_cached(
                "UPDATE tag_history SET pushed_at = ?5
                 WHERE org_id = ?1 AND repository_id = ?2 AND tag = ?3 AND artifact_id = ?4
                   AND (?5 > pushed_at OR (?5 IS NOT NULL AND pushed_at IS NULL))",
            )?
            .execute(params![
                self.org.0,
                self.repository.0,
                self.observation.tag.as_str(),
                self.artifact.0,
                opt_nanos(self.observation.pushed_at)
            ])?;
        Ok(match updated {
            0 => Change::Nothing,
            _ => Change::Updated,
        })
    }

    /// A tag that comes back to a digest was pushed again, so it counts as seen again.
    fn move_here(&self, tx: &Transaction<'_>) -> Outcome<Change> {
        let tag = self.observation.tag.as_str();
        let (newest, is_known): (i64, bool) = tx
            .prepare_cached(
                "SELECT coalesce(max(sequence), 0), coalesce(max(artifact_id = ?4), 0)
                 FROM tag_history WHERE org_id = ?1 AND repository_id = ?2 AND tag = ?3",
            )?
            .query_row(
                params![self.org.0, self.repository.0, tag, self.artifact.0],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
        tx.prepare_cached(
            "INSERT INTO tag_history
                 (org_id, repository_id, tag, artifact_id, sequence, first_seen, pushed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET sequence = excluded.sequence,
                 first_seen = excluded.first_seen, pushed_at = excluded.pushed_at",
        )?
        .execute(params![
            self.org.0,
            self.repository.0,
            tag,
            self.artifact.0,
            newest + 1,
            nanos(self.observation.seen_at),
            opt_nanos(self.observation.pushed_at)
        ])?;
        Ok(match is_known {
            true => Change::Updated,
            false => Change::New,
        })
    }
}
