//! Organizations and their tokens.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use scout_envs::OrgName;

use super::column::{get_count, nanos, opt_time, parsed, time};
use super::fault::{Fault, Outcome};
use crate::id::{OrgId, TokenId};
use crate::model::organization::{NewToken, Organization, TokenGrant, TokenRecord};

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

pub(super) fn create_token(tx: &Transaction<'_>, org: OrgId, token: &NewToken) -> Outcome<TokenId> {
    let known: Option<(i64, i64)> = tx
        .prepare_cached("SELECT token_id, org_id FROM tokens WHERE hash = ?1")?
        .query_row(params![token.hash], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match known {
        Some((id, owner)) if owner == org.0 => return Ok(TokenId(id)),
        Some(_) => {
            let reason = "the same token belongs to another organization";
            return Err(Fault::Refused(reason.to_owned()));
        }
        None => {}
    }
    tx.prepare_cached(
        "INSERT INTO tokens (org_id, hash, hint, role, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        org.0,
        token.hash,
        token.hint,
        token.role.as_str(),
        nanos(token.created_at)
    ])?;
    Ok(TokenId(tx.last_insert_rowid()))
}

pub(super) fn tokens(tx: &Transaction<'_>, org: OrgId) -> Outcome<Vec<TokenRecord>> {
    let mut statement = tx.prepare_cached(
        "SELECT token_id, hint, role, created_at, revoked_at FROM tokens WHERE org_id = ?1
         ORDER BY created_at, token_id",
    )?;
    let tokens = statement.query_map(params![org.0], |row| {
        Ok(TokenRecord {
            id: TokenId(row.get(0)?),
            hint: row.get(1)?,
            role: parsed(row, 2)?,
            created_at: time(row, 3)?,
            revoked_at: opt_time(row, 4)?,
        })
    })?;
    Ok(tokens.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn revoke_token(
    tx: &Transaction<'_>,
    org: OrgId,
    token: TokenId,
    now: Timestamp,
) -> Outcome<bool> {
    let revoked = tx
        .prepare_cached(
            "UPDATE tokens SET revoked_at = ?3
             WHERE org_id = ?1 AND token_id = ?2 AND revoked_at IS NULL",
        )?
        .execute(params![org.0, token.0, nanos(now)])?;
    Ok(revoked > 0)
}

pub(super) fn token_grant(tx: &Transaction<'_>, hash: &[u8; 32]) -> Outcome<Option<TokenGrant>> {
    let grant = tx
        .prepare_cached(
            "SELECT o.name, t.role FROM tokens t JOIN organizations o USING (org_id)
             WHERE t.hash = ?1 AND t.revoked_at IS NULL",
        )?
        .query_row(params![hash], |row| {
            Ok(TokenGrant {
                org: parsed(row, 0)?,
                role: parsed(row, 1)?,
            })
        })
        .optional()?;
    Ok(grant)
}
