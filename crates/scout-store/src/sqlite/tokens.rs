//! Tokens: what they grant, and when they were used.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::column::{nanos, opt_nanos, opt_time, parsed, time};
use super::fault::{Fault, Outcome};
use crate::id::{OrgId, TokenId};
use crate::model::token::{NewToken, TOKEN_USE_INTERVAL, TokenGrant, TokenRecord, TokenUse};

pub(super) fn create(tx: &Transaction<'_>, org: OrgId, token: &NewToken) -> Outcome<TokenId> {
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
        "INSERT INTO tokens (org_id, hash, hint, role, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        org.0,
        token.hash,
        token.hint,
        token.role.as_str(),
        nanos(token.created_at),
        opt_nanos(token.expires_at)
    ])?;
    Ok(TokenId(tx.last_insert_rowid()))
}

pub(super) fn list(tx: &Transaction<'_>, org: OrgId) -> Outcome<Vec<TokenRecord>> {
    let mut statement = tx.prepare_cached(
        "SELECT token_id, hint, role, created_at, expires_at, last_used_at, revoked_at
         FROM tokens WHERE org_id = ?1
         ORDER BY created_at, token_id",
    )?;
    let tokens = statement.query_map(params![org.0], |row| {
        Ok(TokenRecord {
            id: TokenId(row.get(0)?),
            hint: row.get(1)?,
            role: parsed(row, 2)?,
            created_at: time(row, 3)?,
            expires_at: opt_time(row, 4)?,
            last_used_at: opt_time(row, 5)?,
            revoked_at: opt_time(row, 6)?,
        })
    })?;
    Ok(tokens.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn revoke(
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

pub(super) fn grant(tx: &Transaction<'_>, hash: &[u8; 32]) -> Outcome<Option<TokenGrant>> {
    let grant = tx
        .prepare_cached(
            "SELECT o.name, t.role, t.expires_at
             FROM tokens t JOIN organizations o USING (org_id)
             WHERE t.hash = ?1 AND t.revoked_at IS NULL",
        )?
        .query_row(params![hash], |row| {
            Ok(TokenGrant {
                org: parsed(row, 0)?,
                role: parsed(row, 1)?,
                expires_at: opt_time(row, 2)?,
            })
        })
        .optional()?;
    Ok(grant)
}

pub(super) fn hashes(tx: &Transaction<'_>, limit: usize) -> Outcome<Vec<[u8; 32]>> {
    let mut statement = tx.prepare_cached(
        "SELECT hash FROM tokens WHERE revoked_at IS NULL ORDER BY token_id DESC LIMIT ?1",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let hashes = statement.query_map(params![limit], |row| row.get(0))?;
    Ok(hashes.collect::<rusqlite::Result<_>>()?)
}

/// Writes nothing where what is recorded is near enough.
pub(super) fn record_uses(tx: &Transaction<'_>, uses: &[TokenUse]) -> Outcome<()> {
    let mut statement = tx.prepare_cached(
        "UPDATE tokens SET last_used_at = ?2
         WHERE hash = ?1 AND (last_used_at IS NULL OR last_used_at <= ?3)",
    )?;
    for token in uses {
        let known = token.used_at.saturating_sub(TOKEN_USE_INTERVAL);
        let known = known.unwrap_or(Timestamp::MIN);
        statement.execute(params![token.hash, nanos(token.used_at), nanos(known)])?;
    }
    Ok(())
}
