//! Environments: which images were recorded in them, and by whom.

use rusqlite::{OptionalExtension, Transaction, params};
use scout_envs::{Digest, EnvironmentName, Tag};

use super::column::{get_count, nanos, opt_parsed, parsed, time};
use super::fault::Outcome;
use super::judgement;
use crate::id::{ImageId, OrgId, RepositoryId};
use crate::model::environment::{EnvironmentImage, EnvironmentRecord};

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
    let mut statement = tx.prepare_cached(
        "SELECT environment, count(*)
         FROM (SELECT DISTINCT environment, repository_id, image_id
               FROM environment_images WHERE org_id = ?1)
         GROUP BY environment ORDER BY environment",
    )?;
    let environments = statement.query_map(params![org.0], |row| {
        Ok(EnvironmentRecord {
            name: parsed(row, 0)?,
            images: get_count(row, 1)?,
        })
    })?;
    Ok(environments.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn images(
    tx: &Transaction<'_>,
    org: OrgId,
    environment: &EnvironmentName,
) -> Outcome<Vec<EnvironmentImage>> {
    let mut statement = tx.prepare_cached(
        "SELECT e.repository_id, r.name, e.tag, e.digest, e.image_id, e.recorded_at
         FROM environment_images e JOIN repositories r ON r.repository_id = e.repository_id
         WHERE e.org_id = ?1 AND e.environment = ?2
         ORDER BY r.name, e.repository_id, e.image_id, e.recorded_at DESC, e.source",
    )?;
    let mut images: Vec<EnvironmentImage> = statement
        .query_map(params![org.0, environment.as_str()], |row| {
            Ok(EnvironmentImage {
                repository_id: RepositoryId(row.get(0)?),
                repository: parsed(row, 1)?,
                tag: opt_parsed(row, 2)?,
                digest: parsed(row, 3)?,
                image: ImageId(row.get(4)?),
                recorded_at: time(row, 5)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    // What several sources recorded is one member; the newest record is shown.
    images.dedup_by_key(|image| (image.repository_id, image.image));
    images.sort_by(|a, b| (&a.repository, &a.digest).cmp(&(&b.repository, &b.digest)));
    Ok(images)
}

/// Lists the members of all environments of the organization.
pub(super) fn members(
    tx: &Transaction<'_>,
    org: OrgId,
) -> Outcome<Vec<(EnvironmentName, RepositoryId, ImageId)>> {
    let mut statement = tx.prepare_cached(
        "SELECT DISTINCT environment, repository_id, image_id FROM environment_images
         WHERE org_id = ?1",
    )?;
    let members = statement.query_map(params![org.0], |row| {
        Ok((
            parsed(row, 0)?,
            RepositoryId(row.get(1)?),
            ImageId(row.get(2)?),
        ))
    })?;
    Ok(members.collect::<rusqlite::Result<_>>()?)
}
