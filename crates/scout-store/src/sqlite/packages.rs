//! Packages: match keys under numbers, and the state of the feed each was last matched with.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use scout_envs::{Ecosystem, MatchKey};

use super::column::parsed;
use super::fault::Outcome;
use super::ranges::ranges;
use crate::id::PackageId;
use crate::model::judgement::NumberedPackage;

/// Returns the numbers of these keys, giving numbers to those that have none.
pub(super) fn intern(tx: &Transaction<'_>, keys: &[MatchKey]) -> Outcome<RoaringBitmap> {
    let mut find = tx.prepare_cached(
        "SELECT package_id FROM packages
         WHERE name = ?1 AND version = ?2 AND ecosystem = ?3 AND source_name = ?4
           AND source_version = ?5 AND module = ?6 AND type = ?7",
    )?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO packages (name, version, ecosystem, source_name, source_version, module,
             type, base)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         RETURNING package_id",
    )?;
    let mut numbers = RoaringBitmap::new();
    for key in keys {
        let module = key.module.as_deref().unwrap_or_default();
        let ecosystem = key.ecosystem.as_str();
        let kind = key.package_type.as_str();
        let known: Option<u32> = find
            .query_row(
                params![
                    key.name,
                    key.version,
                    ecosystem,
                    key.source_name,
                    key.source_version,
                    module,
                    kind
                ],
                |row| row.get(0),
            )
            .optional()?;
        let number = match known {
            Some(number) => number,
            None => insert.query_row(
                params![
                    key.name,
                    key.version,
                    ecosystem,
                    key.source_name,
                    key.source_version,
                    module,
                    kind,
                    key.ecosystem.base()
                ],
                |row| row.get(0),
            )?,
        };
        numbers.insert(number);
    }
    Ok(numbers)
}

/// Returns the keys of these numbers, in their order; unknown numbers are left out.
pub(super) fn list(tx: &Transaction<'_>, numbers: &RoaringBitmap) -> Outcome<Vec<NumberedPackage>> {
    let mut find = tx.prepare_cached(
        "SELECT package_id, type, ecosystem, name, version, source_name, source_version, module
         FROM packages WHERE package_id BETWEEN ?1 AND ?2 ORDER BY package_id",
    )?;
    let mut packages = Vec::new();
    for (first, last) in ranges(numbers) {
        let mut rows = find.query(params![first, last])?;
        while let Some(row) = rows.next()? {
            if numbers.contains(row.get(0)?) {
                packages.push(numbered(row)?);
            }
        }
    }
    Ok(packages)
}

fn numbered(row: &Row<'_>) -> rusqlite::Result<NumberedPackage> {
    let module: String = row.get(7)?;
    let key = MatchKey {
        package_type: parsed(row, 1)?,
        ecosystem: Ecosystem::new(row.get::<_, String>(2)?),
        name: row.get(3)?,
        version: row.get(4)?,
        source_name: row.get(5)?,
        source_version: row.get(6)?,
        module: Some(module).filter(|module| !module.is_empty()),
    };
    Ok((PackageId(row.get(0)?), key))
}

/// Returns the base names of the ecosystems that there are packages of.
pub(super) fn ecosystems(tx: &Transaction<'_>) -> Outcome<BTreeSet<String>> {
    // One step of an index for each name; DISTINCT would read the index of all packages.
    let mut statement = tx.prepare_cached(
        "WITH RECURSIVE bases (base) AS (
             SELECT min(base) FROM packages
             UNION ALL
             SELECT (SELECT min(p.base) FROM packages p WHERE p.base > bases.base)
             FROM bases WHERE bases.base IS NOT NULL)
         SELECT base FROM bases WHERE base IS NOT NULL",
    )?;
    let bases = statement.query_map([], |row| row.get(0))?;
    Ok(bases.collect::<rusqlite::Result<_>>()?)
}

/// Returns the packages that no feed was ever matched with.
pub(super) fn unmatched(tx: &Transaction<'_>) -> Outcome<RoaringBitmap> {
    // Without the hint SQLite reads the larger index, of all packages.
    let mut statement = tx.prepare_cached(
        "SELECT package_id FROM packages INDEXED BY packages_unmatched WHERE matched IS NULL",
    )?;
    let numbers = statement.query_map([], |row| row.get::<_, u32>(0))?;
    Ok(numbers.collect::<rusqlite::Result<_>>()?)
}

/// Returns packages whose loaded feed is in another state than the one they were matched with.
pub(super) fn stale(
    tx: &Transaction<'_>,
    after: Option<PackageId>,
    limit: u32,
) -> Outcome<Vec<NumberedPackage>> {
    // Each pair of feed and other state is one range of an index, in the order wanted: neither
    // a few stale packages among many, nor all of them, read more than is asked for.
    let ranges: Vec<(String, Option<i64>)> = tx
        .prepare_cached(
            "SELECT f.base, s.state_id FROM feeds f JOIN feed_states s
                 ON s.base = f.base AND s.state_id <> f.state_id
             UNION ALL SELECT base, NULL FROM feeds",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut find = tx.prepare_cached(
        "SELECT package_id FROM packages
         WHERE base = ?1 AND matched IS ?2 AND package_id > ?3
         ORDER BY package_id LIMIT ?4",
    )?;
    let after = after.map_or(-1, |package| i64::from(package.0));
    let mut numbers = RoaringBitmap::new();
    for (base, state) in ranges {
        let found = find.query_map(params![base, state, after, limit], |row| row.get(0))?;
        for number in found {
            numbers.insert(number?);
        }
    }
    let first = numbers.iter().take(limit as usize).collect();
    list(tx, &first)
}
