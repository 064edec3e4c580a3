//! What is to be judged, and what came of it.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use scout_envs::Snapshot;

use super::column::{get_count, json, nanos, opt_nanos, to_json};
use super::extended;
use super::fault::Outcome;
use crate::id::{ImageId, OrgId};
use crate::model::judgement::JudgeWork;

/// Asks for the organization to be judged again.
pub(super) fn enqueue(tx: &Transaction<'_>, org: OrgId) -> Outcome<()> {
    tx.prepare_cached(
        "INSERT INTO judge_work (org_id, asked, answered) VALUES (?1, 1, 0)
         ON CONFLICT DO UPDATE SET asked = asked + 1",
    )?
    .execute(params![org.0])?;
    Ok(())
}

/// Asks for every organization to be judged again.
pub(super) fn enqueue_all(tx: &Transaction<'_>) -> Outcome<()> {
    tx.prepare_cached(
        "INSERT INTO judge_work (org_id, asked, answered)
         SELECT org_id, 1, 0 FROM organizations WHERE true
         ON CONFLICT DO UPDATE SET asked = asked + 1",
    )?
    .execute([])?;
    Ok(())
}

/// Asks for every organization that holds the image to be judged again.
pub(super) fn enqueue_holders(tx: &Transaction<'_>, image: ImageId) -> Outcome<()> {
    tx.prepare_cached(
        "INSERT INTO judge_work (org_id, asked, answered)
         SELECT org_id, 1, 0 FROM (SELECT org_id FROM artifact_images WHERE image_id = ?1
                                   UNION
                                   SELECT org_id FROM environment_images WHERE image_id = ?1)
         WHERE true
         ON CONFLICT DO UPDATE SET asked = asked + 1",
    )?
    .execute(params![image.0])?;
    Ok(())
}

pub(super) fn work(tx: &Transaction<'_>, now: Timestamp) -> Outcome<Vec<JudgeWork>> {
    let mut statement = tx.prepare_cached(
        "SELECT org_id, asked FROM judge_work WHERE asked > answered
         UNION
         SELECT s.org_id, coalesce(w.asked, 0)
         FROM snapshots s LEFT JOIN judge_work w USING (org_id)
         WHERE s.valid_until <= ?1
         ORDER BY 1",
    )?;
    let work = statement.query_map(params![nanos(now)], |row| {
        Ok(JudgeWork {
            org: OrgId(row.get(0)?),
            version: row.get(1)?,
        })
    })?;
    Ok(work.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn publish(
    tx: &Transaction<'_>,
    work: JudgeWork,
    mut snapshot: Snapshot,
) -> Outcome<u64> {
    let extended = snapshot.extended.take();
    let is_other = extended::replace(tx, work.org, extended.as_ref())?;
    let generation = match self::snapshot(tx, work.org)? {
        None => 1,
        Some(last) => {
            // Time alone is no news: no exporter has to render again.
            snapshot.generation = last.generation;
            let is_same = Snapshot {
                judged_at: last.judged_at,
                valid_until: last.valid_until,
                ..snapshot.clone()
            } == last;
            match is_same && !is_other {
                true => last.generation,
                false => last.generation + 1,
            }
        }
    };
    snapshot.generation = generation;
    tx.prepare_cached(
        "INSERT INTO snapshots (org_id, generation, valid_until, body) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET generation = excluded.generation,
             valid_until = excluded.valid_until, body = excluded.body",
    )?
    .execute(params![
        work.org.0,
        super::column::count(generation),
        opt_nanos(snapshot.valid_until),
        to_json(&snapshot)?
    ])?;
    tx.prepare_cached("UPDATE judge_work SET answered = max(answered, ?2) WHERE org_id = ?1")?
        .execute(params![work.org.0, work.version])?;
    Ok(generation)
}

pub(super) fn snapshot(tx: &Transaction<'_>, org: OrgId) -> Outcome<Option<Snapshot>> {
    let snapshot = tx
        .prepare_cached("SELECT body, generation FROM snapshots WHERE org_id = ?1")?
        .query_row(params![org.0], |row| {
            let snapshot: Snapshot = json(row, 0)?;
            Ok(Snapshot {
                generation: get_count(row, 1)?,
                ..snapshot
            })
        })
        .optional()?;
    Ok(snapshot)
}
