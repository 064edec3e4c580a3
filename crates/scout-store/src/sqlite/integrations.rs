//! Integrations: what an organization set up by name.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use scout_envs::{EnvironmentName, IntegrationName};

use super::column::{json, nanos, opt_time, parsed, time, to_json};
use super::fault::Outcome;
use super::registries;
use super::shares::{self, Share};
use crate::id::{IntegrationId, OrgId};
use crate::model::integration::{
    IntegrationAdded, IntegrationFamily, IntegrationRecord, IntegrationTest, IntegrationUpdate,
    IntegrationUpdated, NewIntegration,
};

pub(super) fn add(
    tx: &Transaction<'_>,
    org: OrgId,
    integration: &NewIntegration,
    now: Timestamp,
) -> Outcome<IntegrationAdded> {
    if find(tx, org, &integration.name)?.is_some() {
        return Ok(IntegrationAdded::NameTaken);
    }
    if let Some(by) = holder(tx, org, &integration.key)? {
        return Ok(IntegrationAdded::KeyTaken { by });
    }
    tx.prepare_cached(
        "INSERT INTO integrations (org_id, name, kind, parameters, key, created_at,
                                   updated_at, tested_at, test_summary, family)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        org.0,
        integration.name.as_str(),
        integration.kind,
        to_json(&integration.parameters)?,
        integration.key,
        nanos(now),
        integration.test.as_ref().map(|test| nanos(test.at)),
        integration.test.as_ref().map(|test| &test.summary),
        integration.family.as_str()
    ])?;
    let id = IntegrationId(tx.last_insert_rowid());
    if integration.family == IntegrationFamily::Registry {
        registries::restore_key(tx, org, &integration.key)?;
    }
    Ok(IntegrationAdded::Added(id))
}

pub(super) fn list(tx: &Transaction<'_>, org: OrgId) -> Outcome<Vec<IntegrationRecord>> {
    let mut statement = tx.prepare_cached(
        "SELECT integration_id, name, kind, parameters, key, created_at, updated_at,
                tested_at, test_summary, family
         FROM integrations WHERE org_id = ?1 ORDER BY name",
    )?;
    let integrations = statement.query_map(params![org.0], record)?;
    Ok(integrations.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn find(
    tx: &Transaction<'_>,
    org: OrgId,
    name: &IntegrationName,
) -> Outcome<Option<IntegrationRecord>> {
    let integration = tx
        .prepare_cached(
            "SELECT integration_id, name, kind, parameters, key, created_at, updated_at,
                    tested_at, test_summary, family
             FROM integrations WHERE org_id = ?1 AND name = ?2",
        )?
        .query_row(params![org.0, name.as_str()], record)
        .optional()?;
    Ok(integration)
}

fn record(row: &Row<'_>) -> rusqlite::Result<IntegrationRecord> {
    let test = match (opt_time(row, 7)?, row.get(8)?) {
        (Some(at), Some(summary)) => Some(IntegrationTest { at, summary }),
        _ => None,
    };
    Ok(IntegrationRecord {
        id: IntegrationId(row.get(0)?),
        name: parsed(row, 1)?,
        family: parsed(row, 9)?,
        kind: row.get(2)?,
        parameters: json(row, 3)?,
        key: row.get(4)?,
        created_at: time(row, 5)?,
        updated_at: time(row, 6)?,
        test,
    })
}

/// Returns the integration that has this key.
fn holder(tx: &Transaction<'_>, org: OrgId, key: &str) -> Outcome<Option<IntegrationName>> {
    let name = tx
        .prepare_cached("SELECT name FROM integrations WHERE org_id = ?1 AND key = ?2")?
        .query_row(params![org.0, key], |row| parsed(row, 0))
        .optional()?;
    Ok(name)
}

pub(super) fn update(
    tx: &Transaction<'_>,
    org: OrgId,
    name: &IntegrationName,
    update: &IntegrationUpdate,
    now: Timestamp,
) -> Outcome<IntegrationUpdated> {
    let Some(before) = find(tx, org, name)? else {
        return Ok(IntegrationUpdated::Unknown);
    };
    let moves = before.key != update.key;
    if moves && let Some(by) = holder(tx, org, &update.key)? {
        return Ok(IntegrationUpdated::KeyTaken { by });
    }
    if moves || before.parameters != update.parameters {
        tx.prepare_cached(
            "UPDATE integrations SET parameters = ?2, key = ?3, updated_at = ?4
             WHERE integration_id = ?1",
        )?
        .execute(params![
            before.id.0,
            to_json(&update.parameters)?,
            update.key,
            nanos(now)
        ])?;
    }
    match before.family {
        IntegrationFamily::Registry if moves => {
            registries::retire(tx, org, &before.key, now)?;
            registries::restore_key(tx, org, &update.key)?;
        }
        IntegrationFamily::Runtime => {
            // What runs in another cluster is not what ran in this one.
            let stays = update.environment.as_ref().filter(|_| !moves);
            leave(tx, org, &before, stays)?;
        }
        _ => {}
    }
    if let Some(test) = &update.test {
        record_test(tx, org, name, test)?;
    }
    Ok(IntegrationUpdated::Updated)
}

pub(super) fn record_test(
    tx: &Transaction<'_>,
    org: OrgId,
    name: &IntegrationName,
    test: &IntegrationTest,
) -> Outcome<bool> {
    let recorded = tx
        .prepare_cached(
            "UPDATE integrations SET tested_at = ?3, test_summary = ?4
             WHERE org_id = ?1 AND name = ?2",
        )?
        .execute(params![org.0, name.as_str(), nanos(test.at), test.summary])?;
    Ok(recorded > 0)
}

pub(super) fn remove(
    tx: &Transaction<'_>,
    org: OrgId,
    name: &IntegrationName,
    now: Timestamp,
) -> Outcome<bool> {
    let Some(integration) = find(tx, org, name)? else {
        return Ok(false);
    };
    tx.prepare_cached("DELETE FROM integrations WHERE integration_id = ?1")?
        .execute(params![integration.id.0])?;
    match integration.family {
        IntegrationFamily::Registry => registries::retire(tx, org, &integration.key, now)?,
        IntegrationFamily::Runtime => leave(tx, org, &integration, None)?,
        IntegrationFamily::Channel => {}
    }
    Ok(true)
}

/// Removes the shares that a runtime has of environments, but for that of one.
fn leave(
    tx: &Transaction<'_>,
    org: OrgId,
    integration: &IntegrationRecord,
    stays: Option<&EnvironmentName>,
) -> Outcome<()> {
    let source = IntegrationRecord::share_source(&integration.kind, &integration.name);
    for environment in shares::environments_of(tx, org, &source)? {
        if stays != Some(&environment) {
            let share = Share {
                org,
                environment: &environment,
                source: &source,
            };
            shares::remove(tx, share)?;
        }
    }
    Ok(())
}
