//! Layers: which blob holds which, and what was found in them.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use scout_envs::Digest;

use super::column::{count, nanos, parsed};
use super::fault::Outcome;
use crate::model::image::NewLayer;

pub(super) fn of_blob(
    tx: &Transaction<'_>,
    blob: &Digest,
    analysis_version: u32,
) -> Outcome<Option<Digest>> {
    let diff_id = tx
        .prepare_cached(
            "SELECT b.diff_id FROM layer_blobs b JOIN layers l ON l.diff_id = b.diff_id
             WHERE b.blob_digest = ?1 AND l.analysis_version = ?2",
        )?
        .query_row(params![blob.as_str(), analysis_version], |row| {
            parsed(row, 0)
        })
        .optional()?;
    Ok(diff_id)
}

pub(super) fn analysis(
    tx: &Transaction<'_>,
    diff_id: &Digest,
    analysis_version: u32,
) -> Outcome<Option<Vec<u8>>> {
    let analysis = tx
        .prepare_cached(
            "SELECT y.analysis FROM layers l JOIN layer_analyses y ON y.layer_id = l.layer_id
             WHERE l.diff_id = ?1 AND l.analysis_version = ?2",
        )?
        .query_row(params![diff_id.as_str(), analysis_version], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(analysis)
}

/// Two workers may read the same layer at once; the first to record it stays.
pub(super) fn record(tx: &Transaction<'_>, layer: &NewLayer, now: Timestamp) -> Outcome<()> {
    let inserted = tx
        .prepare_cached(
            "INSERT INTO layers (diff_id, analysis_version, uncompressed_bytes, recorded_at)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            layer.diff_id.as_str(),
            layer.analysis_version,
            count(layer.uncompressed_bytes),
            nanos(now)
        ])?;
    if inserted > 0 {
        tx.prepare_cached("INSERT INTO layer_analyses (layer_id, analysis) VALUES (?1, ?2)")?
            .execute(params![tx.last_insert_rowid(), layer.analysis])?;
    }
    tx.prepare_cached(
        "INSERT INTO layer_blobs (blob_digest, diff_id, compressed_bytes) VALUES (?1, ?2, ?3)
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        layer.blob_digest.as_str(),
        layer.diff_id.as_str(),
        count(layer.compressed_bytes)
    ])?;
    Ok(())
}
