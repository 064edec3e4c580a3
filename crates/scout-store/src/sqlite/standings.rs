//! What stands of the newest images, and the notices of what is new.

use rusqlite::{OptionalExtension, Transaction, params};

use super::column::{count, json, nanos, to_json};
use super::fault::Outcome;
use crate::id::{NoticeId, OrgId, RepositoryId};
use crate::model::notice::{MAX_PENDING_NOTICES, NewNotice, Standing, Standings, StandingsChange};

pub(super) fn read(tx: &Transaction<'_>, org: OrgId) -> Outcome<Option<Standings>> {
    let knows_findings: Option<bool> = tx
        .prepare_cached("SELECT knows_findings FROM notice_states WHERE org_id = ?1")?
        .query_row(params![org.0], |row| row.get(0))
        .optional()?;
    let Some(knows_findings) = knows_findings else {
        return Ok(None);
    };
    let mut statement = tx.prepare_cached(
        "SELECT repository_id, version, is_present, subjects FROM standings WHERE org_id = ?1",
    )?;
    let repositories = statement.query_map(params![org.0], |row| {
        let standing = Standing {
            version: row.get(1)?,
            is_present: row.get(2)?,
            subjects: json(row, 3)?,
        };
        Ok((RepositoryId(row.get(0)?), standing))
    })?;
    Ok(Some(Standings {
        knows_findings,
        repositories: repositories.collect::<rusqlite::Result<_>>()?,
    }))
}

pub(super) fn record(tx: &Transaction<'_>, org: OrgId, change: &StandingsChange) -> Outcome<u64> {
    tx.prepare_cached(
        "INSERT INTO notice_states (org_id, knows_findings) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET knows_findings = excluded.knows_findings",
    )?
    .execute(params![org.0, change.knows_findings])?;
    for (repository, standing) in &change.standings {
        tx.prepare_cached(
            "INSERT INTO standings (org_id, repository_id, version, is_present, subjects)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET version = excluded.version,
                 is_present = excluded.is_present, subjects = excluded.subjects",
        )?
        .execute(params![
            org.0,
            repository.0,
            standing.version,
            standing.is_present,
            to_json(&standing.subjects)?
        ])?;
    }
    // Nobody is to be told: a channel that is added later begins with what is new then.
    if !has_channel(tx, org)? {
        return Ok(0);
    }
    for notice in &change.notices {
        insert(tx, org, notice)?;
    }
    drop_oldest(tx, org)?;
    Ok(change.notices.len() as u64)
}

fn has_channel(tx: &Transaction<'_>, org: OrgId) -> Outcome<bool> {
    Ok(tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM channels WHERE org_id = ?1)")?
        .query_row(params![org.0], |row| row.get(0))?)
}

fn insert(tx: &Transaction<'_>, org: OrgId, notice: &NewNotice) -> Outcome<()> {
    tx.prepare_cached(
        "INSERT INTO notices (org_id, repository_id, subject, level, found_at, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        org.0,
        notice.repository.0,
        notice.subject,
        notice.level,
        nanos(notice.found_at),
        notice.body
    ])?;
    Ok(())
}

/// Drops the oldest notices beyond the bound, and counts them for each channel that waited.
fn drop_oldest(tx: &Transaction<'_>, org: OrgId) -> Outcome<()> {
    let last_dropped: Option<i64> = tx
        .prepare_cached(
            "SELECT notice_id FROM notices WHERE org_id = ?1
             ORDER BY notice_id DESC LIMIT 1 OFFSET ?2",
        )?
        .query_row(params![org.0, count(MAX_PENDING_NOTICES)], |row| row.get(0))
        .optional()?;
    let Some(last_dropped) = last_dropped else {
        return Ok(());
    };
    tx.prepare_cached(
        "UPDATE channels SET cursor = ?2, dropped = dropped +
             (SELECT count(*) FROM notices n
              WHERE n.org_id = ?1 AND n.notice_id > channels.cursor AND n.notice_id <= ?2)
         WHERE org_id = ?1 AND cursor < ?2",
    )?
    .execute(params![org.0, last_dropped])?;
    delete_through(tx, org, NoticeId(last_dropped))
}

/// Deletes notices up to this one.
pub(super) fn delete_through(tx: &Transaction<'_>, org: OrgId, last: NoticeId) -> Outcome<()> {
    tx.prepare_cached("DELETE FROM notices WHERE org_id = ?1 AND notice_id <= ?2")?
        .execute(params![org.0, last.0])?;
    Ok(())
}
