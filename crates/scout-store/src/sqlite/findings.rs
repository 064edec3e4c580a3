//! Findings of packages. An unchanged finding writes no row.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use scout_envs::{Finding, SeveritySource, VulnerabilityId};
use serde::Deserialize;
use serde::de::value::{Error as ValueError, StrDeserializer};

use super::column::{json, parsed, to_json, unreadable};
use super::fault::{Fault, Outcome};
use super::feeds;
use super::ranges::ranges;
use crate::id::PackageId;
use crate::model::judgement::PackageFindings;

/// A finding as its row holds it.
#[derive(Debug, Eq, PartialEq)]
struct Stored {
    severity: String,
    source: String,
    records: String,
    fixed: String,
}

pub(super) fn record(tx: &Transaction<'_>, packages: &[PackageFindings]) -> Outcome<()> {
    for package in packages {
        record_package(tx, package)?;
    }
    Ok(())
}

fn record_package(tx: &Transaction<'_>, package: &PackageFindings) -> Outcome<()> {
    let id = package.package;
    let (base, matched): (String, Option<i64>) = tx
        .prepare_cached("SELECT base, matched FROM packages WHERE package_id = ?1")?
        .query_row(params![id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .ok_or_else(|| Fault::Refused(format!("there is no package {id}")))?;
    let state = feeds::intern_state(tx, &base, &package.feed)?;
    if matched != Some(state) {
        tx.prepare_cached("UPDATE packages SET matched = ?2 WHERE package_id = ?1")?
            .execute(params![id.0, state])?;
    }
    let mut old = stored(tx, id)?;
    for finding in &package.findings {
        let vulnerability = intern(tx, &finding.vulnerability)?;
        let new = to_stored(finding)?;
        if old.remove(&vulnerability).as_ref() != Some(&new) {
            write(tx, id, vulnerability, &new)?;
        }
    }
    for vulnerability in old.into_keys() {
        tx.prepare_cached(
            "DELETE FROM package_findings WHERE package_id = ?1 AND vulnerability_id = ?2",
        )?
        .execute(params![id.0, vulnerability])?;
    }
    Ok(())
}

fn stored(tx: &Transaction<'_>, package: PackageId) -> Outcome<BTreeMap<i64, Stored>> {
    let mut statement = tx.prepare_cached(
        "SELECT vulnerability_id, severity, severity_source, records, fixed
         FROM package_findings WHERE package_id = ?1",
    )?;
    let rows = statement.query_map(params![package.0], |row| {
        let stored = Stored {
            severity: row.get(1)?,
            source: row.get(2)?,
            records: row.get(3)?,
            fixed: row.get(4)?,
        };
        Ok((row.get(0)?, stored))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn to_stored(finding: &Finding) -> Outcome<Stored> {
    let source = serde_json::to_value(finding.severity_source).map_err(Fault::value)?;
    Ok(Stored {
        severity: finding.severity.as_str().to_owned(),
        source: source.as_str().unwrap_or_default().to_owned(),
        records: to_json(&finding.records)?,
        fixed: to_json(&finding.fixed_versions)?,
    })
}

fn write(
    tx: &Transaction<'_>,
    package: PackageId,
    vulnerability: i64,
    finding: &Stored,
) -> Outcome<()> {
    tx.prepare_cached(
        "INSERT INTO package_findings
             (package_id, vulnerability_id, severity, severity_source, records, fixed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET severity = excluded.severity,
             severity_source = excluded.severity_source, records = excluded.records,
             fixed = excluded.fixed",
    )?
    .execute(params![
        package.0,
        vulnerability,
        finding.severity,
        finding.source,
        finding.records,
        finding.fixed
    ])?;
    Ok(())
}

fn intern(tx: &Transaction<'_>, vulnerability: &VulnerabilityId) -> Outcome<i64> {
    let known = tx
        .prepare_cached("SELECT vulnerability_id FROM vulnerabilities WHERE key = ?1")?
        .query_row(params![vulnerability.as_str()], |row| row.get(0))
        .optional()?;
    if let Some(number) = known {
        return Ok(number);
    }
    tx.prepare_cached("INSERT INTO vulnerabilities (key) VALUES (?1)")?
        .execute(params![vulnerability.as_str()])?;
    Ok(tx.last_insert_rowid())
}

pub(super) fn of_packages(
    tx: &Transaction<'_>,
    packages: &RoaringBitmap,
) -> Outcome<BTreeMap<PackageId, PackageFindings>> {
    let feeds = feeds::states(tx)?;
    let mut find = tx.prepare_cached(
        "SELECT f.package_id, p.matched, v.key, f.severity, f.severity_source, f.records, f.fixed
         FROM package_findings f
         CROSS JOIN packages p ON p.package_id = f.package_id
         CROSS JOIN vulnerabilities v ON v.vulnerability_id = f.vulnerability_id
         WHERE f.package_id BETWEEN ?1 AND ?2",
    )?;
    let mut found: BTreeMap<PackageId, PackageFindings> = BTreeMap::new();
    for (first, last) in ranges(packages) {
        let mut rows = find.query(params![first, last])?;
        while let Some(row) = rows.next()? {
            let package = PackageId(row.get(0)?);
            if !packages.contains(package.0) {
                continue;
            }
            let matched: i64 = row.get(1)?;
            let of_package = found.entry(package).or_insert_with(|| PackageFindings {
                package,
                findings: Vec::new(),
                feed: feeds.get(&matched).cloned().unwrap_or_default(),
            });
            of_package.findings.push(finding(row, 2)?);
        }
    }
    for package in found.values_mut() {
        package
            .findings
            .sort_unstable_by(|a, b| a.vulnerability.cmp(&b.vulnerability));
    }
    Ok(found)
}

fn finding(row: &Row<'_>, first: usize) -> rusqlite::Result<Finding> {
    Ok(Finding {
        vulnerability: VulnerabilityId::new(row.get::<_, String>(first)?),
        severity: parsed(row, first + 1)?,
        severity_source: severity_source(row, first + 2)?,
        records: json(row, first + 3)?,
        fixed_versions: json(row, first + 4)?,
    })
}

fn severity_source(row: &Row<'_>, column: usize) -> rusqlite::Result<SeveritySource> {
    let name = row.get_ref(column)?.as_str()?;
    SeveritySource::deserialize(StrDeserializer::<ValueError>::new(name))
        .map_err(|error| unreadable(column, Type::Text, error.into()))
}
