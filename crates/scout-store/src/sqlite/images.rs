//! Images: one row each, by manifest digest, with the numbers of its packages.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use scout_envs::{Digest, Platform};

use super::column::{
    bitmap, count, get_count, json, nanos, opt_json, parsed, time, to_bytes, to_json,
};
use super::fault::Outcome;
use super::packages;
use crate::id::ImageId;
use crate::model::image::{ImageFacts, ImageRecord, NewImage};

pub(super) fn by_manifest(
    tx: &Transaction<'_>,
    manifest: &Digest,
    analysis_version: u32,
) -> Outcome<Option<ImageId>> {
    let known = version_of(tx, manifest)?;
    Ok(known
        .filter(|(_, version)| *version == analysis_version)
        .map(|(image, _)| image))
}

fn version_of(tx: &Transaction<'_>, manifest: &Digest) -> Outcome<Option<(ImageId, u32)>> {
    let known = tx
        .prepare_cached("SELECT image_id, analysis_version FROM images WHERE manifest_digest = ?1")?
        .query_row(params![manifest.as_str()], |row| {
            Ok((ImageId(row.get(0)?), row.get(1)?))
        })
        .optional()?;
    Ok(known)
}

/// Records an image unless the same or newer readers have; returns its number.
pub(super) fn record(tx: &Transaction<'_>, image: &NewImage, now: Timestamp) -> Outcome<ImageId> {
    let facts = &image.facts;
    if let Some((id, version)) = version_of(tx, &facts.manifest_digest)?
        && version >= facts.analysis_version
    {
        return Ok(id);
    }
    let packages = packages::intern(tx, &image.packages)?;
    let owned_packages = packages::intern(tx, &image.owned_packages)?;
    let id = tx
        .prepare_cached(
            "INSERT INTO images (manifest_digest, config_digest, os, architecture, variant,
                 config, distribution, gaps, has_package_database, layers, analysis_version,
                 compressed_bytes, package_count, analyzed_at, packages, owned_packages)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
             ON CONFLICT DO UPDATE SET config_digest = excluded.config_digest, os = excluded.os,
                 architecture = excluded.architecture, variant = excluded.variant,
                 config = excluded.config, distribution = excluded.distribution,
                 gaps = excluded.gaps, has_package_database = excluded.has_package_database,
                 layers = excluded.layers, analysis_version = excluded.analysis_version,
                 compressed_bytes = excluded.compressed_bytes,
                 package_count = excluded.package_count, analyzed_at = excluded.analyzed_at,
                 packages = excluded.packages, owned_packages = excluded.owned_packages
             RETURNING image_id",
        )?
        .query_row(
            params![
                facts.manifest_digest.as_str(),
                facts.config_digest.as_str(),
                facts.platform.os(),
                facts.platform.architecture(),
                facts.platform.variant(),
                to_json(&facts.config)?,
                facts.distribution.as_ref().map(to_json).transpose()?,
                to_json(&facts.gaps)?,
                facts.has_package_database,
                to_json(&facts.layers)?,
                facts.analysis_version,
                count(facts.compressed_bytes),
                facts.package_count,
                nanos(now),
                to_bytes(&packages)?,
                to_bytes(&owned_packages)?,
            ],
            |row| row.get(0),
        )?;
    Ok(ImageId(id))
}

pub(super) fn find(tx: &Transaction<'_>, image: ImageId) -> Outcome<Option<ImageRecord>> {
    let record = tx
        .prepare_cached(
            "SELECT image_id, manifest_digest, config_digest, os, architecture, variant, config,
                 distribution, gaps, has_package_database, layers, analysis_version,
                 compressed_bytes, package_count, analyzed_at, packages, owned_packages
             FROM images WHERE image_id = ?1",
        )?
        .query_row(params![image.0], record_of)
        .optional()?;
    Ok(record)
}

fn record_of(row: &Row<'_>) -> rusqlite::Result<ImageRecord> {
    Ok(ImageRecord {
        id: ImageId(row.get(0)?),
        facts: ImageFacts {
            manifest_digest: parsed(row, 1)?,
            config_digest: parsed(row, 2)?,
            platform: platform(row, 3)?,
            config: json(row, 6)?,
            distribution: opt_json(row, 7)?,
            gaps: json(row, 8)?,
            has_package_database: row.get(9)?,
            layers: json(row, 10)?,
            analysis_version: row.get(11)?,
            compressed_bytes: get_count(row, 12)?,
            package_count: row.get(13)?,
        },
        analyzed_at: time(row, 14)?,
        packages: bitmap(row, 15)?,
        owned_packages: bitmap(row, 16)?,
    })
}

/// Reads a platform from three columns: an image may state one whose text is no platform's.
pub(super) fn platform(row: &Row<'_>, first: usize) -> rusqlite::Result<Platform> {
    let os: String = row.get(first)?;
    let architecture: String = row.get(first + 1)?;
    Ok(Platform::new(os, architecture, row.get(first + 2)?))
}
