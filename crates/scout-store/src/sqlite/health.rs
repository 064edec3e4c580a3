//! How the record is doing: counts over indexes, and small tables. Asked every few seconds, so it
//! reads no table whole that has a row for each image but by an index that covers the question.

use jiff::Timestamp;
use rusqlite::{Transaction, params};
use scout_envs::OrgName;

use super::column::{class, get_count, nanos, opt_time, parsed, time};
use super::fault::Outcome;
use super::listings::state as artifact_state;
use crate::model::health::{
    ChannelHealth, MAX_HEALTH_ROWS, OrgHealth, RecordHealth, ShareHealth, WorkState,
};

pub(super) fn health(tx: &Transaction<'_>, now: Timestamp) -> Outcome<RecordHealth> {
    let mut organizations = Vec::new();
    for (id, org, judged) in list(tx, now)? {
        let mut health = OrgHealth::new(org);
        health.is_judgement_due = judged;
        work(tx, id, now, &mut health)?;
        health.events = tx
            .prepare_cached(
                "SELECT count(*) FROM events WHERE org_id = ?1 AND finished_at IS NULL",
            )?
            .query_row(params![id], |row| get_count(row, 0))?;
        organizations.push(health);
    }
    let mut left_out = 0;
    let (shares, channels) = (shares(tx, &mut left_out)?, channels(tx, &mut left_out)?);
    let mut feeds = tx.prepare_cached("SELECT base, loaded_at FROM feeds ORDER BY base")?;
    let feeds = feeds.query_map([], |row| Ok((row.get(0)?, time(row, 1)?)))?;
    Ok(RecordHealth {
        organizations,
        shares,
        channels,
        feeds: feeds.collect::<rusqlite::Result<_>>()?,
        left_out,
    })
}

/// Lists the organizations, and whether each is to be judged.
fn list(tx: &Transaction<'_>, now: Timestamp) -> Outcome<Vec<(i64, OrgName, bool)>> {
    let mut statement = tx.prepare_cached(
        "SELECT o.org_id, o.name,
                EXISTS (SELECT 1 FROM judge_work w
                        WHERE w.org_id = o.org_id AND w.asked > w.answered)
                OR EXISTS (SELECT 1 FROM snapshots s
                           WHERE s.org_id = o.org_id AND s.valid_until <= ?1)
         FROM organizations o ORDER BY o.name",
    )?;
    let rows = statement.query_map(params![nanos(now)], |row| {
        Ok((row.get(0)?, parsed(row, 1)?, row.get(2)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn work(tx: &Transaction<'_>, org: i64, now: Timestamp, health: &mut OrgHealth) -> Outcome<()> {
    let mut statement = tx.prepare_cached(
        "SELECT urgency,
                CASE WHEN lease_until > ?2 THEN 1
                     WHEN deferrals > 0 OR run_at > ?2 THEN 2
                     ELSE 0 END AS state,
                count(*)
         FROM work WHERE org_id = ?1 AND class = 'index'
         GROUP BY urgency, state ORDER BY urgency DESC, state",
    )?;
    let rows = statement.query_map(params![org, nanos(now)], |row| {
        let state = match row.get(1)? {
            1_u8 => WorkState::InFlight,
            2 => WorkState::Deferred,
            _ => WorkState::Waiting,
        };
        Ok((class(row, 0)?, state, get_count(row, 2)?))
    })?;
    health.work = rows.collect::<rusqlite::Result<_>>()?;
    let mut statement = tx.prepare_cached(
        "SELECT state, count(*) FROM artifacts WHERE org_id = ?1 GROUP BY state ORDER BY state",
    )?;
    let rows = statement.query_map(params![org], |row| {
        Ok((artifact_state(row, 0)?, get_count(row, 1)?))
    })?;
    health.artifacts = rows.collect::<rusqlite::Result<_>>()?;
    Ok(())
}

fn shares(tx: &Transaction<'_>, left_out: &mut u64) -> Outcome<Vec<ShareHealth>> {
    let mut statement = tx.prepare_cached(
        "SELECT o.name, s.environment, s.source, s.synced_at, s.failed_at IS NOT NULL
         FROM shares s JOIN organizations o USING (org_id)
         ORDER BY o.name, s.environment, s.source LIMIT ?1",
    )?;
    let rows = statement.query_map(params![MAX_HEALTH_ROWS], |row| {
        Ok(ShareHealth {
            org: parsed(row, 0)?,
            environment: parsed(row, 1)?,
            source: row.get(2)?,
            synced_at: opt_time(row, 3)?,
            is_failing: row.get(4)?,
        })
    })?;
    let shares = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    *left_out += beyond(tx, "SELECT count(*) FROM shares", shares.len())?;
    Ok(shares)
}

fn channels(tx: &Transaction<'_>, left_out: &mut u64) -> Outcome<Vec<ChannelHealth>> {
    let mut statement = tx.prepare_cached(
        "SELECT o.name,
                coalesce(i.name, substr(c.key, instr(c.key, ':') + 1)),
                (SELECT count(*) FROM notices n
                 WHERE n.org_id = c.org_id AND n.notice_id > c.cursor),
                c.dropped, c.failures, c.last_sent_at
         FROM channels c JOIN organizations o USING (org_id)
         LEFT JOIN integrations i
             ON i.org_id = c.org_id AND 'integration:' || i.integration_id = c.key
         ORDER BY o.name, c.key LIMIT ?1",
    )?;
    let rows = statement.query_map(params![MAX_HEALTH_ROWS], |row| {
        Ok(ChannelHealth {
            org: parsed(row, 0)?,
            name: row.get(1)?,
            pending: get_count(row, 2)?,
            dropped: get_count(row, 3)?,
            failures: get_count(row, 4)?,
            last_sent_at: opt_time(row, 5)?,
        })
    })?;
    let channels = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    *left_out += beyond(tx, "SELECT count(*) FROM channels", channels.len())?;
    Ok(channels)
}

/// Returns how many rows there are beyond those that were read.
fn beyond(tx: &Transaction<'_>, counted: &str, read: usize) -> Outcome<u64> {
    let all = tx
        .prepare_cached(counted)?
        .query_row([], |row| get_count(row, 0))?;
    Ok(all.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX)))
}
