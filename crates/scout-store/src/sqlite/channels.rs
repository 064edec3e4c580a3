//! Channels: what each is done with, and how sending went.

use jiff::Timestamp;
use rusqlite::{Row, Transaction, params};

use super::column::{count, get_count, nanos, opt_time, parsed, time};
use super::fault::Outcome;
use super::standings;
use crate::id::{NoticeId, OrgId, RepositoryId};
use crate::model::notice::{
    CHANNELS_REMEMBERED_FOR, ChannelFailure, ChannelKey, ChannelRecord, NewNotice, PendingNotice,
};

pub(super) fn open(
    tx: &Transaction<'_>,
    org: OrgId,
    keys: &[ChannelKey],
    now: Timestamp,
) -> Outcome<()> {
    // A number above all that were ever given, also when the rows are gone.
    for key in keys {
        tx.prepare_cached(
            "INSERT INTO channels (org_id, key, cursor, seen_at)
             VALUES (?1, ?2, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'notices'), 0),
                     ?3)
             ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at",
        )?
        .execute(params![org.0, key.to_string(), nanos(now)])?;
    }
    let forgotten = now
        .checked_sub(CHANNELS_REMEMBERED_FOR)
        .unwrap_or(Timestamp::MIN);
    tx.prepare_cached(
        "DELETE FROM channels
         WHERE org_id = ?1
           AND CASE WHEN key LIKE 'integration:%'
                    THEN NOT EXISTS (SELECT 1 FROM integrations i
                                     WHERE i.org_id = ?1
                                       AND 'integration:' || i.integration_id = channels.key)
                    ELSE seen_at < ?2 END",
    )?
    .execute(params![org.0, nanos(forgotten)])?;
    delete_passed(tx, org)
}

pub(super) fn list(tx: &Transaction<'_>, org: OrgId) -> Outcome<Vec<ChannelRecord>> {
    let mut statement = tx.prepare_cached(
        "SELECT c.key, count(n.notice_id), min(n.found_at), max(n.found_at), c.dropped,
                c.last_sent_at, c.failures, c.failed_at, c.failure, c.not_before, c.is_asked
         FROM channels c
         LEFT JOIN notices n ON n.org_id = c.org_id AND n.notice_id > c.cursor
         WHERE c.org_id = ?1
         GROUP BY c.org_id, c.key ORDER BY c.key",
    )?;
    let channels = statement.query_map(params![org.0], record)?;
    Ok(channels.collect::<rusqlite::Result<_>>()?)
}

fn record(row: &Row<'_>) -> rusqlite::Result<ChannelRecord> {
    let failure = match (opt_time(row, 7)?, row.get(8)?, opt_time(row, 9)?) {
        (Some(at), Some(reason), Some(not_before)) => Some(ChannelFailure {
            at,
            reason,
            not_before,
            is_asked: row.get(10)?,
        }),
        _ => None,
    };
    Ok(ChannelRecord {
        key: parsed(row, 0)?,
        pending: get_count(row, 1)?,
        pending_between: opt_time(row, 2)?.zip(opt_time(row, 3)?),
        dropped: get_count(row, 4)?,
        last_sent_at: opt_time(row, 5)?,
        failures: row.get(6)?,
        failure,
    })
}

pub(super) fn pending(
    tx: &Transaction<'_>,
    org: OrgId,
    key: &ChannelKey,
) -> Outcome<Vec<PendingNotice>> {
    let mut statement = tx.prepare_cached(
        "SELECT n.notice_id, n.repository_id, n.subject, n.level, n.found_at, n.body
         FROM channels c
         JOIN notices n ON n.org_id = c.org_id AND n.notice_id > c.cursor
         WHERE c.org_id = ?1 AND c.key = ?2
         ORDER BY n.notice_id",
    )?;
    let notices = statement.query_map(params![org.0, key.to_string()], |row| {
        let notice = NewNotice {
            repository: RepositoryId(row.get(1)?),
            subject: row.get(2)?,
            level: row.get(3)?,
            found_at: time(row, 4)?,
            body: row.get(5)?,
        };
        Ok(PendingNotice::new(NoticeId(row.get(0)?), notice))
    })?;
    Ok(notices.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn finish(
    tx: &Transaction<'_>,
    org: OrgId,
    key: &ChannelKey,
    last: Option<NoticeId>,
    sent: Option<(Timestamp, u64)>,
) -> Outcome<()> {
    let key = key.to_string();
    if let Some(last) = last {
        tx.prepare_cached(
            "UPDATE channels SET cursor = max(cursor, ?3) WHERE org_id = ?1 AND key = ?2",
        )?
        .execute(params![org.0, key, last.0])?;
    }
    if let Some((at, dropped)) = sent {
        tx.prepare_cached(
            "UPDATE channels SET last_sent_at = ?3, dropped = max(0, dropped - ?4), failures = 0,
                 failed_at = NULL, failure = NULL, not_before = NULL, is_asked = 0
             WHERE org_id = ?1 AND key = ?2",
        )?
        .execute(params![org.0, key, nanos(at), count(dropped)])?;
    }
    delete_passed(tx, org)
}

pub(super) fn record_failure(
    tx: &Transaction<'_>,
    org: OrgId,
    key: &ChannelKey,
    failure: &ChannelFailure,
) -> Outcome<()> {
    tx.prepare_cached(
        "UPDATE channels SET failures = failures + 1, failed_at = ?3, failure = ?4,
             not_before = ?5, is_asked = ?6
         WHERE org_id = ?1 AND key = ?2",
    )?
    .execute(params![
        org.0,
        key.to_string(),
        nanos(failure.at),
        failure.reason,
        nanos(failure.not_before),
        failure.is_asked
    ])?;
    Ok(())
}

/// Deletes notices that every channel is done with; all, if there is no channel.
fn delete_passed(tx: &Transaction<'_>, org: OrgId) -> Outcome<()> {
    let passed: i64 = tx
        .prepare_cached("SELECT coalesce(min(cursor), ?2) FROM channels WHERE org_id = ?1")?
        .query_row(params![org.0, i64::MAX], |row| row.get(0))?;
    standings::delete_through(tx, org, NoticeId(passed))
}
