//! Named leases, and the fencing tokens of all leases.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::column::{nanos, stored_time, time};
use super::fault::{Fault, Outcome};
use crate::model::work::Lease;

/// Returns a fencing token greater than any before, of whatever was leased. One counter for all:
/// a token must not return when a row is deleted and made again.
pub(super) fn next_fence(tx: &Transaction<'_>) -> Outcome<i64> {
    let fence = tx
        .prepare_cached(
            "INSERT INTO counters (name, value) VALUES ('fence', 1)
             ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(fence)
}

pub(super) fn lease(
    tx: &Transaction<'_>,
    holder: &str,
    name: &str,
    now: Timestamp,
    until: Timestamp,
) -> Outcome<Option<Lease>> {
    let current: Option<(String, i64, Timestamp)> = tx
        .prepare_cached("SELECT holder, fence, until FROM leases WHERE name = ?1")?
        .query_row(params![name], |row| {
            Ok((row.get(0)?, row.get(1)?, time(row, 2)?))
        })
        .optional()?;
    let fence = match current {
        Some((current, fence, _)) if current == holder => fence,
        Some((_, _, ends)) if ends > now => return Ok(None),
        _ => next_fence(tx)?,
    };
    tx.prepare_cached(
        "INSERT INTO leases (name, holder, fence, until) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET holder = excluded.holder, fence = excluded.fence,
             until = excluded.until",
    )?
    .execute(params![name, holder, fence, nanos(until)])?;
    Ok(Some(Lease {
        name: name.to_owned(),
        fence,
        until: stored_time(until),
    }))
}

pub(super) fn release(tx: &Transaction<'_>, lease: &Lease) -> Outcome<()> {
    tx.prepare_cached("DELETE FROM leases WHERE name = ?1 AND fence = ?2")?
        .execute(params![lease.name, lease.fence])?;
    Ok(())
}

/// Refuses to go on if somebody else took the lease.
pub(super) fn check(tx: &Transaction<'_>, lease: &Lease) -> Outcome<()> {
    let is_held: bool = tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM leases WHERE name = ?1 AND fence = ?2)")?
        .query_row(params![lease.name, lease.fence], |row| row.get(0))?;
    match is_held {
        true => Ok(()),
        false => Err(Fault::LeaseLost(format!("{:?}", lease.name))),
    }
}
