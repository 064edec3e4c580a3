//! Shares of environments: what a source says runs there, replaced as a whole.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use scout_envs::{Digest, EnvironmentName, ImageReference, Tag};

use super::column::{json, nanos, opt_json, opt_parsed, opt_time, parsed, time, to_json};
use super::fault::{Fault, Outcome};
use super::joins::{Joined, Joiner};
use super::judgement;
use crate::id::{ArtifactId, OrgId};
use crate::model::runtime::{
    MAX_FAILURE_BYTES, MAX_PACKAGES_IN_USE, MAX_SHARE_IMAGES, MAX_WORKLOADS, RunningImageRecord,
    RunningImageStatus, RunningPackage, RunningStatus, ShareRecord,
};

/// Which share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share<'a> {
    pub(super) org: OrgId,
    pub(super) environment: &'a EnvironmentName,
    pub(super) source: &'a str,
}

/// What an image is told by: one that is told twice by the same is one.
pub(super) type Names = (Option<Digest>, Option<Digest>, Option<String>);

pub(super) fn names(image: &RunningImageRecord) -> Names {
    (
        image.image_id.clone(),
        image.manifest.clone(),
        image.reference.clone(),
    )
}

pub(super) fn replace(
    tx: &Transaction<'_>,
    share: Share<'_>,
    images: Vec<RunningImageRecord>,
    now: Timestamp,
) -> Outcome<ShareRecord> {
    let images = merged(images)?;
    let before = stored(tx, share)?;
    let is_new = find(tx, share)?.is_none_or(|record| record.synced_at.is_none());
    tx.prepare_cached(
        "INSERT INTO shares (org_id, environment, source, synced_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET synced_at = excluded.synced_at, failed_at = NULL,
                                   failure = NULL",
    )?
    .execute(params![
        share.org.0,
        share.environment.as_str(),
        share.source,
        nanos(now)
    ])?;
    if before.iter().map(|(image, _)| image).ne(&images) {
        write(tx, share, &images, &before, now)?;
    }
    // That something is now run by another workload changes no number.
    let judged = |image: &RunningImageRecord| (names(image), image.packages_in_use.clone());
    let was = before.iter().map(|(image, _)| judged(image));
    if is_new || was.ne(images.iter().map(judged)) {
        judgement::enqueue(tx, share.org)?;
    }
    counted(tx, share)
}

/// Makes each image one, with all its workloads and packages, in the order of its names.
fn merged(images: Vec<RunningImageRecord>) -> Outcome<Vec<RunningImageRecord>> {
    let mut merged: BTreeMap<Names, RunningImageRecord> = BTreeMap::new();
    for image in images {
        let names = names(&image);
        if names == (None, None, None) {
            return Err(Fault::Refused(
                "an image that runs has neither a digest nor a name".to_owned(),
            ));
        }
        match merged.get_mut(&names) {
            None => drop(merged.insert(names, image)),
            Some(known) => {
                known.workloads.extend(image.workloads);
                if let Some(packages) = image.packages_in_use {
                    let all = known.packages_in_use.get_or_insert_default();
                    all.extend(packages);
                }
            }
        }
    }
    if merged.len() > MAX_SHARE_IMAGES {
        return Err(Fault::Refused(format!(
            "{} images are said to run, {MAX_SHARE_IMAGES} at most are recorded of one source",
            merged.len()
        )));
    }
    let mut images: Vec<_> = merged.into_values().collect();
    for image in &mut images {
        image.workloads.sort();
        image.workloads.dedup();
        image.workloads.truncate(MAX_WORKLOADS);
        if let Some(packages) = &mut image.packages_in_use {
            packages.sort();
            packages.dedup();
        }
        let is_kept = |packages: &Vec<RunningPackage>| packages.len() <= MAX_PACKAGES_IN_USE;
        image.packages_in_use = image.packages_in_use.take().filter(is_kept);
    }
    Ok(images)
}

fn write(
    tx: &Transaction<'_>,
    share: Share<'_>,
    images: &[RunningImageRecord],
    before: &[(RunningImageRecord, Timestamp)],
    now: Timestamp,
) -> Outcome<()> {
    let since: BTreeMap<Names, Timestamp> = before
        .iter()
        .map(|(image, since)| (names(image), *since))
        .collect();
    clear(tx, share)?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO running_images
             (org_id, environment, source, position, image_id, manifest, reference, workloads,
              packages, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for (position, image) in (0_i64..).zip(images) {
        let since = since.get(&names(image)).copied().unwrap_or(now);
        insert.execute(params![
            share.org.0,
            share.environment.as_str(),
            share.source,
            position,
            image.image_id.as_ref().map(Digest::as_str),
            image.manifest.as_ref().map(Digest::as_str),
            image.reference,
            to_json(&image.workloads)?,
            image.packages_in_use.as_ref().map(to_json).transpose()?,
            nanos(since)
        ])?;
    }
    Ok(())
}

fn clear(tx: &Transaction<'_>, share: Share<'_>) -> Outcome<()> {
    tx.prepare_cached(
        "DELETE FROM running_images WHERE org_id = ?1 AND environment = ?2 AND source = ?3",
    )?
    .execute(params![
        share.org.0,
        share.environment.as_str(),
        share.source
    ])?;
    Ok(())
}

pub(super) fn record_failure(
    tx: &Transaction<'_>,
    share: Share<'_>,
    reason: &str,
    now: Timestamp,
) -> Outcome<()> {
    tx.prepare_cached(
        "INSERT INTO shares (org_id, environment, source, failed_at, failure)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET failed_at = excluded.failed_at, failure = excluded.failure",
    )?
    .execute(params![
        share.org.0,
        share.environment.as_str(),
        share.source,
        nanos(now),
        cut(reason, MAX_FAILURE_BYTES)
    ])?;
    Ok(())
}

/// Returns the beginning of a text, of at most so many bytes.
fn cut(text: &str, most: usize) -> &str {
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= most).last();
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

pub(super) fn remove(tx: &Transaction<'_>, share: Share<'_>) -> Outcome<bool> {
    clear(tx, share)?;
    let removed = tx
        .prepare_cached(
            "DELETE FROM shares WHERE org_id = ?1 AND environment = ?2 AND source = ?3",
        )?
        .execute(params![
            share.org.0,
            share.environment.as_str(),
            share.source
        ])?;
    if removed > 0 {
        judgement::enqueue(tx, share.org)?;
    }
    Ok(removed > 0)
}

/// Lists the environments of which a source has a share.
pub(super) fn environments_of(
    tx: &Transaction<'_>,
    org: OrgId,
    source: &str,
) -> Outcome<Vec<EnvironmentName>> {
    let environments = tx
        .prepare_cached(
            "SELECT environment FROM shares WHERE org_id = ?1 AND source = ?2 ORDER BY environment",
        )?
        .query_map(params![org.0, source], |row| parsed(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(environments)
}

pub(super) fn list(tx: &Transaction<'_>, org: OrgId) -> Outcome<Vec<ShareRecord>> {
    let mut shares: Vec<ShareRecord> = tx
        .prepare_cached(
            "SELECT environment, source, synced_at, failed_at, failure FROM shares
             WHERE org_id = ?1 ORDER BY environment, source",
        )?
        .query_map(params![org.0], record)?
        .collect::<rusqlite::Result<_>>()?;
    let mut joiner = Joiner::new(tx, org);
    for share in &mut shares {
        let which = Share {
            org,
            environment: &share.environment,
            source: &share.source,
        };
        (share.images, share.waiting) = counts(tx, which, &mut joiner)?;
    }
    Ok(shares)
}

fn counted(tx: &Transaction<'_>, share: Share<'_>) -> Outcome<ShareRecord> {
    let mut record =
        find(tx, share)?.ok_or_else(|| Fault::Refused("there is no such share".to_owned()))?;
    (record.images, record.waiting) = counts(tx, share, &mut Joiner::new(tx, share.org))?;
    Ok(record)
}

/// Returns how many images run, and how many of them are not analyzed.
fn counts(tx: &Transaction<'_>, share: Share<'_>, joiner: &mut Joiner<'_>) -> Outcome<(u64, u64)> {
    let (mut images, mut waiting) = (0, 0);
    for (image, _) in stored(tx, share)? {
        images += 1;
        waiting += u64::from(joiner.join(&names(&image))?.is_none());
    }
    Ok((images, waiting))
}

fn find(tx: &Transaction<'_>, share: Share<'_>) -> Outcome<Option<ShareRecord>> {
    let found = tx
        .prepare_cached(
            "SELECT environment, source, synced_at, failed_at, failure FROM shares
             WHERE org_id = ?1 AND environment = ?2 AND source = ?3",
        )?
        .query_row(
            params![share.org.0, share.environment.as_str(), share.source],
            record,
        )
        .optional()?;
    Ok(found)
}

fn record(row: &Row<'_>) -> rusqlite::Result<ShareRecord> {
    Ok(ShareRecord {
        environment: parsed(row, 0)?,
        source: row.get(1)?,
        images: 0,
        waiting: 0,
        synced_at: opt_time(row, 2)?,
        failed_at: opt_time(row, 3)?,
        failure: row.get(4)?,
    })
}

/// What a share holds, each image with the time since when.
fn stored(tx: &Transaction<'_>, share: Share<'_>) -> Outcome<Vec<(RunningImageRecord, Timestamp)>> {
    let mut statement = tx.prepare_cached(
        "SELECT image_id, manifest, reference, workloads, packages, since FROM running_images
         WHERE org_id = ?1 AND environment = ?2 AND source = ?3
         ORDER BY position",
    )?;
    let images = statement.query_map(
        params![share.org.0, share.environment.as_str(), share.source],
        |row| Ok((image(row)?, time(row, 5)?)),
    )?;
    Ok(images.collect::<rusqlite::Result<_>>()?)
}

fn image(row: &Row<'_>) -> rusqlite::Result<RunningImageRecord> {
    Ok(RunningImageRecord {
        image_id: opt_parsed(row, 0)?,
        manifest: opt_parsed(row, 1)?,
        reference: row.get(2)?,
        workloads: json(row, 3)?,
        packages_in_use: opt_json(row, 4)?,
    })
}

/// An image of a share that is analyzed.
pub(super) struct Member {
    pub(super) environment: EnvironmentName,
    pub(super) tag: Option<Tag>,
    pub(super) joined: Joined,
    pub(super) since: Timestamp,
    pub(super) packages_in_use: Option<Vec<RunningPackage>>,
}

/// Lists what is analyzed of what the shares hold: of one environment, or of all.
pub(super) fn members(
    tx: &Transaction<'_>,
    org: OrgId,
    environment: Option<&EnvironmentName>,
) -> Outcome<Vec<Member>> {
    let mut statement = tx.prepare_cached(
        "SELECT image_id, manifest, reference, '[]', packages, since, environment
         FROM running_images
         WHERE org_id = ?1 AND (?2 IS NULL OR environment = ?2)
         ORDER BY environment, source, position",
    )?;
    let mut joiner = Joiner::new(tx, org);
    let mut rows = statement.query(params![org.0, environment.map(EnvironmentName::as_str)])?;
    let mut members = Vec::new();
    while let Some(row) = rows.next()? {
        let image = image(row)?;
        let Some(joined) = joiner.join(&names(&image))? else {
            continue;
        };
        let joined = joined.clone();
        let reference: Option<ImageReference> =
            image.reference.and_then(|reference| reference.parse().ok());
        members.push(Member {
            environment: parsed(row, 6)?,
            tag: reference.and_then(|reference| reference.tag().cloned()),
            joined,
            since: time(row, 5)?,
            packages_in_use: image.packages_in_use,
        });
    }
    Ok(members)
}

/// Returns the analyzed artifacts that the shares of all environments hold.
pub(super) fn artifacts(tx: &Transaction<'_>, org: OrgId) -> Outcome<HashSet<ArtifactId>> {
    let mut statement = tx.prepare_cached(
        "SELECT DISTINCT image_id, manifest, reference FROM running_images WHERE org_id = ?1",
    )?;
    let mut joiner = Joiner::new(tx, org);
    let mut rows = statement.query(params![org.0])?;
    let mut artifacts = HashSet::new();
    while let Some(row) = rows.next()? {
        let names = (opt_parsed(row, 0)?, opt_parsed(row, 1)?, row.get(2)?);
        artifacts.extend(joiner.join(&names)?.map(|joined| joined.artifact));
    }
    Ok(artifacts)
}

/// Lists what the shares of an environment hold, and what each is.
pub(super) fn running(
    tx: &Transaction<'_>,
    org: OrgId,
    environment: &EnvironmentName,
) -> Outcome<Vec<RunningImageStatus>> {
    let mut statement = tx.prepare_cached(
        "SELECT image_id, manifest, reference, workloads, packages, since, source
         FROM running_images
         WHERE org_id = ?1 AND environment = ?2
         ORDER BY source, position",
    )?;
    let mut joiner = Joiner::new(tx, org);
    let mut rows = statement.query(params![org.0, environment.as_str()])?;
    let mut running = Vec::new();
    while let Some(row) = rows.next()? {
        let image = image(row)?;
        running.push(RunningImageStatus {
            source: row.get(6)?,
            status: status(&mut joiner, &image)?,
            image,
            since: time(row, 5)?,
        });
    }
    Ok(running)
}

/// Tells what images are, as if they ran.
pub(super) fn join(
    tx: &Transaction<'_>,
    org: OrgId,
    images: &[RunningImageRecord],
) -> Outcome<Vec<RunningStatus>> {
    let mut joiner = Joiner::new(tx, org);
    let images = images.iter();
    images.map(|image| status(&mut joiner, image)).collect()
}

fn status(joiner: &mut Joiner<'_>, image: &RunningImageRecord) -> Outcome<RunningStatus> {
    let names = names(image);
    match joiner.join(&names)? {
        Some(joined) => Ok(RunningStatus::Joined(joined.image.clone())),
        None => joiner.why_not(&names),
    }
}
