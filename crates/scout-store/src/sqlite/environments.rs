//! Environments: which images were recorded in them, and by whom.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension, Transaction, params};
use scout_envs::{Digest, EnvironmentName, Tag};

use super::column::{nanos, opt_parsed, parsed, time};
use super::fault::Outcome;
use super::{judgement, shares};
use crate::id::{ImageId, OrgId, RepositoryId};
use crate::model::environment::{EnvironmentImage, EnvironmentRecord, RecordedImage};
use crate::model::runtime::RunningPackage;

pub(super) fn record(
    tx: &Transaction<'_>,
    org: OrgId,
    environment: &EnvironmentName,
    source: &str,
    image: &EnvironmentImage,
) -> Outcome<()> {
    let key = params![
        org.0,
        environment.as_str(),
        source,
        image.repository_id.0,
        image.image.0,
    ];
    let known: Option<(Option<Tag>, Digest)> = tx
        .prepare_cached(
            "SELECT tag, digest FROM environment_images
             WHERE org_id = ?1 AND environment = ?2 AND source = ?3 AND repository_id = ?4
               AND image_id = ?5",
        )?
        .query_row(key, |row| Ok((opt_parsed(row, 0)?, parsed(row, 1)?)))
        .optional()?;
    if known.is_some_and(|(tag, digest)| tag == image.tag && digest == image.digest) {
        return Ok(());
    }
    tx.prepare_cached(
        "INSERT INTO environment_images
             (org_id, environment, source, repository_id, image_id, tag, digest, recorded_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT DO UPDATE SET tag = excluded.tag, digest = excluded.digest,
             recorded_at = excluded.recorded_at",
    )?
    .execute(params![
        org.0,
        environment.as_str(),
        source,
        image.repository_id.0,
        image.image.0,
        image.tag.as_ref().map(Tag::as_str),
        image.digest.as_str(),
        nanos(image.recorded_at)
    ])?;
    judgement::enqueue(tx, org)
}

pub(super) fn list(tx: &Transaction<'_>, org: OrgId) -> Outcome<Vec<EnvironmentRecord>> {
    let mut images: BTreeMap<EnvironmentName, u64> = BTreeMap::new();
    for (environment, ..) in members(tx, org)?.images {
        *images.entry(environment).or_default() += 1;
    }
    let records = images.into_iter();
    Ok(records
        .map(|(name, images)| EnvironmentRecord { name, images })
        .collect())
}

pub(super) fn images(
    tx: &Transaction<'_>,
    org: OrgId,
    environment: &EnvironmentName,
) -> Outcome<Vec<EnvironmentImage>> {
    let recorded = recorded(tx, org, environment)?.into_iter();
    let mut images: Vec<EnvironmentImage> = recorded.map(|one| one.image).collect();
    for member in shares::members(tx, org, Some(environment))? {
        let joined = member.joined.image;
        images.extend(joined.images.into_iter().map(|image| EnvironmentImage {
            repository_id: joined.repository_id,
            repository: joined.repository.clone(),
            tag: member.tag.clone(),
            digest: joined.digest.clone(),
            image,
            recorded_at: member.since,
        }));
    }
    // What several sources recorded is one member; the newest record is shown.
    images.sort_by_key(|image| (image.repository_id, image.image, Reverse(image.recorded_at)));
    images.dedup_by_key(|image| (image.repository_id, image.image));
    images.sort_by(|a, b| (&a.repository, &a.digest).cmp(&(&b.repository, &b.digest)));
    Ok(images)
}

/// Lists what was recorded, by repository, digest and source.
pub(super) fn recorded(
    tx: &Transaction<'_>,
    org: OrgId,
    environment: &EnvironmentName,
) -> Outcome<Vec<RecordedImage>> {
    let mut statement = tx.prepare_cached(
        "SELECT e.repository_id, r.name, e.tag, e.digest, e.image_id, e.recorded_at, e.source
         FROM environment_images e JOIN repositories r ON r.repository_id = e.repository_id
         WHERE e.org_id = ?1 AND e.environment = ?2
         ORDER BY r.name, e.repository_id, e.digest, e.image_id, e.source",
    )?;
    let images = statement.query_map(params![org.0, environment.as_str()], |row| {
        Ok(RecordedImage {
            source: row.get(6)?,
            image: EnvironmentImage {
                repository_id: RepositoryId(row.get(0)?),
                repository: parsed(row, 1)?,
                tag: opt_parsed(row, 2)?,
                digest: parsed(row, 3)?,
                image: ImageId(row.get(4)?),
                recorded_at: time(row, 5)?,
            },
        })
    })?;
    Ok(images.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn forget(
    tx: &Transaction<'_>,
    org: OrgId,
    environment: &EnvironmentName,
    source: &str,
    images: &[(RepositoryId, ImageId)],
) -> Outcome<u64> {
    let mut delete = tx.prepare_cached(
        "DELETE FROM environment_images
         WHERE org_id = ?1 AND environment = ?2 AND source = ?3 AND repository_id = ?4
           AND image_id = ?5",
    )?;
    let mut forgotten = 0;
    for (repository, image) in images {
        let key = params![org.0, environment.as_str(), source, repository.0, image.0];
        forgotten += delete.execute(key)? as u64;
    }
    if forgotten > 0 {
        judgement::enqueue(tx, org)?;
    }
    Ok(forgotten)
}

/// The members of all environments of an organization.
#[derive(Default)]
pub(super) struct Members {
    /// What is in them, none twice.
    pub(super) images: BTreeSet<(EnvironmentName, RepositoryId, ImageId)>,
    /// What of them is in use, where somebody looked.
    pub(super) in_use: BTreeMap<(EnvironmentName, ImageId), BTreeSet<RunningPackage>>,
}

/// Returns the members of all environments: what was recorded, and what of the shares is
/// analyzed.
pub(super) fn members(tx: &Transaction<'_>, org: OrgId) -> Outcome<Members> {
    let mut statement = tx.prepare_cached(
        "SELECT environment, repository_id, image_id FROM environment_images
         WHERE org_id = ?1",
    )?;
    let recorded = statement.query_map(params![org.0], |row| {
        let repository = RepositoryId(row.get(1)?);
        Ok((parsed(row, 0)?, repository, ImageId(row.get(2)?)))
    })?;
    let mut members = Members {
        images: recorded.collect::<rusqlite::Result<_>>()?,
        in_use: BTreeMap::new(),
    };
    for member in shares::members(tx, org, None)? {
        let joined = member.joined.image;
        for image in joined.images {
            let environment = || member.environment.clone();
            let place = (environment(), joined.repository_id, image);
            members.images.insert(place);
            if let Some(packages) = &member.packages_in_use {
                let in_use = members.in_use.entry((environment(), image)).or_default();
                in_use.extend(packages.iter().cloned());
            }
        }
    }
    Ok(members)
}
