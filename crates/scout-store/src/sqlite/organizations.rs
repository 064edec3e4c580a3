//! Organizations.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use scout_envs::OrgName;

use super::column::{get_count, nanos, parsed};
use super::fault::Outcome;
use crate::id::OrgId;
use crate::model::organization::Organization;

pub(super) fn enroll(tx: &Transaction<'_>, name: &OrgName, now: Timestamp) -> Outcome<OrgId> {
    if let Some(org) = find(tx, name)? {
        return Ok(org);
    }
    tx.prepare_cached("INSERT INTO organizations (name, created_at) VALUES (?1, ?2)")?
        .execute(params![name.as_str(), nanos(now)])?;
    Ok(OrgId(tx.last_insert_rowid()))
}

pub(super) fn find(tx: &Transaction<'_>, name: &OrgName) -> Outcome<Option<OrgId>> {
    let org = tx
        .prepare_cached("SELECT org_id FROM organizations WHERE name = ?1")?
        .query_row(params![name.as_str()], |row| row.get(0))
        .optional()?;
    Ok(org.map(OrgId))
}

pub(super) fn list(tx: &Transaction<'_>) -> Outcome<Vec<Organization>> {
    let mut statement = tx.prepare_cached(
        "SELECT o.org_id, o.name, coalesce(s.generation, 0)
         FROM organizations o LEFT JOIN snapshots s USING (org_id)
         ORDER BY o.name",
    )?;
    let organizations = statement.query_map([], |row| {
        Ok(Organization {
            id: OrgId(row.get(0)?),
            name: parsed(row, 1)?,
            generation: get_count(row, 2)?,
        })
    })?;
    Ok(organizations.collect::<rusqlite::Result<_>>()?)
}
