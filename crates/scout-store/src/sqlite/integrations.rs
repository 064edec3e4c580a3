//! Integrations: what an organization set up by name.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use scout_envs::IntegrationName;

use super::column::{json, nanos, opt_time, parsed, time, to_json};
use super::fault::Outcome;
use super::registries;
use crate::id::{IntegrationId, OrgId};
use crate::model::integration::{
    IntegrationAdded, IntegrationRecord, IntegrationTest, IntegrationUpdate, IntegrationUpdated,
    NewIntegration,
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
    if let Some(by) = watcher(tx, org, &integration.registry_key)? {
        return Ok(IntegrationAdded::RegistryTaken { by });
    }
    tx.prepare_cached(
        "INSERT INTO integrations (org_id, name, kind, parameters, registry_key, created_at,
                                   updated_at, tested_at, test_summary)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8)",
    )?
    .execute(params![
        org.0,
        integration.name.as_str(),
        integration.kind,
        to_json(&integration.parameters)?,
        integration.registry_key,
        nanos(now),
        integration.test.as_ref().map(|test| nanos(test.at)),
        integration.test.as_ref().map(|test| &test.summary)
    ])?;
    let id = IntegrationId(tx.last_insert_rowid());
    registries::restore_key(tx, org, &integration.registry_key)?;
    Ok(IntegrationAdded::Added(id))
}

pub(super) fn list(tx: &Transaction<'_>, org: OrgId) -> Outcome<Vec<IntegrationRecord>> {
    let mut statement = tx.prepare_cached(
        "SELECT integration_id, name, kind, parameters, registry_key, created_at, updated_at,
                tested_at, test_summary
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
            "SELECT integration_id, name, kind, parameters, registry_key, created_at, updated_at,
                    tested_at, test_summary
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
        kind: row.get(2)?,
        parameters: json(row, 3)?,
        registry_key: row.get(4)?,
        created_at: time(row, 5)?,
        updated_at: time(row, 6)?,
        test,
    })
}

/// Returns the integration that watches the registry of this key.
fn watcher(tx: &Transaction<'_>, org: OrgId, key: &str) -> Outcome<Option<IntegrationName>> {
    let name = tx
        .prepare_cached("SELECT name FROM integrations WHERE org_id = ?1 AND registry_key = ?2")?
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
    let moves = before.registry_key != update.registry_key;
    if moves && let Some(by) = watcher(tx, org, &update.registry_key)? {
        return Ok(IntegrationUpdated::RegistryTaken { by });
    }
    if moves || before.parameters != update.parameters {
        tx.prepare_cached(
            "UPDATE integrations SET parameters = ?2, registry_key = ?3, updated_at = ?4
             WHERE integration_id = ?1",
        )?
        .execute(params![
            before.id.0,
            to_json(&update.parameters)?,
            update.registry_key,
            nanos(now)
        ])?;
    }
    if moves {
        registries::retire(tx, org, &before.registry_key, now)?;
        registries::restore_key(tx, org, &update.registry_key)?;
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
    registries::retire(tx, org, &integration.registry_key, now)?;
    Ok(true)
}
