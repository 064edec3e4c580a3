//! Index work in somebody's hands: leases, and how it ended.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::column::{class, nanos, parsed, urgency};
use super::fault::{Fault, Outcome};
use super::leases::next_fence;
use super::{images, judgement};
use crate::id::{ArtifactId, ImageId, OrgId, RegistryId, RepositoryId};
use crate::model::artifact::{ArtifactOutcome, ArtifactState, FoundImage};
use crate::model::work::{IndexWork, LeaseRequest};

/// What is due, of one registry and at least of one class.
macro_rules! due {
    () => {
        "SELECT w.artifact_id, w.attempts, a.digest, r.repository_id, r.name, w.urgency,
                w.deferrals
         FROM work w
         JOIN artifacts a ON a.artifact_id = w.artifact_id
         JOIN repositories r ON r.repository_id = a.repository_id
         WHERE w.org_id = ?1 AND w.registry_id = ?2 AND w.class = 'index' AND w.urgency >= ?5
           AND w.run_at <= ?3 AND (w.lease_until IS NULL OR w.lease_until <= ?3) "
    };
}

pub(super) fn lease(
    tx: &Transaction<'_>,
    holder: &str,
    org: OrgId,
    registry: RegistryId,
    request: LeaseRequest,
) -> Outcome<Vec<IndexWork>> {
    let wanted = params![
        org.0,
        registry.0,
        nanos(request.now),
        request.limit,
        urgency(request.least)
    ];
    let mut leased: Vec<IndexWork> = tx
        .prepare_cached(match request.is_probe {
            true => {
                concat!(
                    due!(),
                    "ORDER BY w.deferrals, w.urgency DESC, w.run_at, w.artifact_id LIMIT ?4"
                )
            }
            false => concat!(
                due!(),
                "ORDER BY w.urgency DESC, w.run_at, w.artifact_id LIMIT ?4"
            ),
        })?
        .query_map(wanted, |row| {
            Ok(IndexWork {
                org,
                registry,
                repository_id: RepositoryId(row.get(3)?),
                repository: parsed(row, 4)?,
                artifact: ArtifactId(row.get(0)?),
                digest: parsed(row, 2)?,
                class: class(row, 5)?,
                attempts: row.get(1)?,
                deferrals: row.get(6)?,
                fence: 0,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    for work in &mut leased {
        work.fence = next_fence(tx)?;
        tx.prepare_cached(
            "UPDATE work SET holder = ?3, lease_until = ?4, fence = ?5
             WHERE org_id = ?1 AND class = 'index' AND artifact_id = ?2",
        )?
        .execute(params![
            org.0,
            work.artifact.0,
            holder,
            nanos(request.until),
            work.fence
        ])?;
    }
    Ok(leased)
}

pub(super) fn renew(
    tx: &Transaction<'_>,
    holder: &str,
    work: &IndexWork,
    until: Timestamp,
) -> Outcome<()> {
    let renewed = tx
        .prepare_cached(
            "UPDATE work SET holder = ?4, lease_until = ?5
             WHERE org_id = ?1 AND class = 'index' AND artifact_id = ?2 AND fence = ?3",
        )?
        .execute(params![
            work.org.0,
            work.artifact.0,
            work.fence,
            holder,
            nanos(until)
        ])?;
    match renewed {
        0 => Err(lost(work)),
        _ => Ok(()),
    }
}

pub(super) fn finish(
    tx: &Transaction<'_>,
    work: &IndexWork,
    outcome: ArtifactOutcome,
    now: Timestamp,
) -> Outcome<()> {
    let is_ours: bool = tx
        .prepare_cached(
            "SELECT fence = ?3 FROM work
             WHERE org_id = ?1 AND class = 'index' AND artifact_id = ?2",
        )?
        .query_row(params![work.org.0, work.artifact.0, work.fence], |row| {
            row.get(0)
        })
        .optional()?
        .unwrap_or(false);
    if !is_ours {
        return Err(lost(work));
    }
    let is_again = is_indexed(tx, work)?;
    match outcome {
        // What older readers found is better than nothing.
        ArtifactOutcome::Skipped { .. } | ArtifactOutcome::Failed { .. } if is_again => {
            remove(tx, work)
        }
        ArtifactOutcome::Indexed(found) => {
            record_images(tx, work, found, now)?;
            end(tx, work, &Ending::of(ArtifactState::Indexed), now)
        }
        ArtifactOutcome::Platforms {
            images,
            wanted,
            reason,
        } => {
            record_images(tx, work, images, now)?;
            let state = match reason {
                None => ArtifactState::Indexed,
                Some(_) => ArtifactState::OtherPlatform,
            };
            let ending = Ending {
                reason: reason.as_deref(),
                platforms: Some(&wanted),
                ..Ending::of(state)
            };
            end(tx, work, &ending, now)
        }
        ArtifactOutcome::Skipped { reason } => {
            replace_images(tx, work, &[])?;
            if takes_an_image_away(tx, work)? {
                judgement::enqueue(tx, work.org)?;
            }
            let ending = Ending {
                reason: Some(&reason),
                ..Ending::of(ArtifactState::Skipped)
            };
            end(tx, work, &ending, now)
        }
        ArtifactOutcome::Failed { reason, transient } => {
            replace_images(tx, work, &[])?;
            let ending = Ending {
                reason: Some(&reason),
                transient,
                ..Ending::of(ArtifactState::Failed)
            };
            end(tx, work, &ending, now)
        }
        ArtifactOutcome::Retry { reason, at } => postpone(tx, work, &reason, at),
        ArtifactOutcome::Deferred { reason } => defer(tx, work, &reason),
    }
}

/// Whether the artifact was indexed before, and is only read again by newer readers.
fn is_indexed(tx: &Transaction<'_>, work: &IndexWork) -> Outcome<bool> {
    let is_indexed = tx
        .prepare_cached(
            "SELECT state = 'indexed' FROM artifacts WHERE org_id = ?1 AND artifact_id = ?2",
        )?
        .query_row(params![work.org.0, work.artifact.0], |row| row.get(0))?;
    Ok(is_indexed)
}

/// Whether a tag that points to the artifact pointed to an image before: it stands for that one
/// until it is known that it points to none.
fn takes_an_image_away(tx: &Transaction<'_>, work: &IndexWork) -> Outcome<bool> {
    let takes = tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM tags t
                            JOIN tag_history h ON h.org_id = t.org_id
                                AND h.repository_id = t.repository_id AND h.tag = t.tag
                            JOIN artifacts a ON a.artifact_id = h.artifact_id
                            WHERE t.org_id = ?1 AND t.repository_id = ?2 AND t.artifact_id = ?3
                              AND t.gone = 0 AND a.state = 'indexed')",
        )?
        .query_row(
            params![work.org.0, work.repository_id.0, work.artifact.0],
            |row| row.get(0),
        )?;
    Ok(takes)
}

fn remove(tx: &Transaction<'_>, work: &IndexWork) -> Outcome<()> {
    tx.prepare_cached(
        "DELETE FROM work WHERE org_id = ?1 AND class = 'index' AND artifact_id = ?2",
    )?
    .execute(params![work.org.0, work.artifact.0])?;
    Ok(())
}

fn record_images(
    tx: &Transaction<'_>,
    work: &IndexWork,
    found: Vec<FoundImage>,
    now: Timestamp,
) -> Outcome<()> {
    let mut images = Vec::with_capacity(found.len());
    for image in found {
        images.push(match image {
            FoundImage::Known(image) => image,
            FoundImage::New(image) => images::record(tx, &image, now)?,
        });
    }
    replace_images(tx, work, &images)
}

/// Makes these the artifact's images, and asks for judgement wherever that may matter.
fn replace_images(tx: &Transaction<'_>, work: &IndexWork, images: &[ImageId]) -> Outcome<()> {
    let removed = tx
        .prepare_cached("DELETE FROM artifact_images WHERE org_id = ?1 AND artifact_id = ?2")?
        .execute(params![work.org.0, work.artifact.0])?;
    for image in images {
        tx.prepare_cached(
            "INSERT INTO artifact_images (org_id, artifact_id, image_id) VALUES (?1, ?2, ?3)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![work.org.0, work.artifact.0, image.0])?;
        judgement::enqueue_holders(tx, *image)?;
    }
    if images.is_empty() && removed > 0 {
        judgement::enqueue(tx, work.org)?;
    }
    Ok(())
}

/// What an artifact is from now on.
struct Ending<'a> {
    state: ArtifactState,
    reason: Option<&'a str>,
    transient: bool,
    platforms: Option<&'a str>,
}

impl Ending<'_> {
    fn of(state: ArtifactState) -> Self {
        Self {
            state,
            reason: None,
            transient: false,
            platforms: None,
        }
    }
}

fn end(tx: &Transaction<'_>, work: &IndexWork, ending: &Ending<'_>, now: Timestamp) -> Outcome<()> {
    tx.prepare_cached(
        "UPDATE artifacts SET state = ?3, reason = ?4, transient = ?5, attempts = attempts + 1,
                              updated_at = ?6, platforms = ?7
         WHERE org_id = ?1 AND artifact_id = ?2",
    )?
    .execute(params![
        work.org.0,
        work.artifact.0,
        ending.state.as_str(),
        ending.reason,
        ending.transient,
        nanos(now),
        ending.platforms
    ])?;
    remove(tx, work)
}

fn postpone(tx: &Transaction<'_>, work: &IndexWork, reason: &str, at: Timestamp) -> Outcome<()> {
    // It is still waiting: the state did not change, so neither does the time of its change.
    tx.prepare_cached(
        "UPDATE artifacts SET reason = ?3, attempts = attempts + 1
         WHERE org_id = ?1 AND artifact_id = ?2",
    )?
    .execute(params![work.org.0, work.artifact.0, reason])?;
    // With a new fence, or whoever gave it back could still write.
    let fence = next_fence(tx)?;
    tx.prepare_cached(
        "UPDATE work SET run_at = ?3, attempts = attempts + 1, deferrals = 0, holder = NULL,
                         lease_until = NULL, fence = ?4
         WHERE org_id = ?1 AND class = 'index' AND artifact_id = ?2",
    )?
    .execute(params![work.org.0, work.artifact.0, nanos(at), fence])?;
    Ok(())
}

/// Gives the work back as it was; only the reason is told.
fn defer(tx: &Transaction<'_>, work: &IndexWork, reason: &str) -> Outcome<()> {
    tx.prepare_cached(
        "UPDATE artifacts SET reason = ?3
         WHERE org_id = ?1 AND artifact_id = ?2 AND state = 'waiting'",
    )?
    .execute(params![work.org.0, work.artifact.0, reason])?;
    let fence = next_fence(tx)?;
    tx.prepare_cached(
        "UPDATE work SET deferrals = deferrals + 1, holder = NULL, lease_until = NULL, fence = ?3
         WHERE org_id = ?1 AND class = 'index' AND artifact_id = ?2",
    )?
    .execute(params![work.org.0, work.artifact.0, fence])?;
    Ok(())
}

fn lost(work: &IndexWork) -> Fault {
    Fault::LeaseLost(format!("{}@{}", work.repository, work.digest))
}
