//! The list of artifacts for people.

use std::collections::HashMap;

use rusqlite::{Transaction, params};
use scout_envs::{Digest, Platform, Tag};

use super::column::{parsed, time};
use super::fault::Outcome;
use super::images::platform;
use super::listings::state as get_state;
use super::shares;
use crate::id::{ArtifactId, ImageId, OrgId, RepositoryId};
use crate::model::artifact::{ArtifactRecord, ArtifactState};

pub(super) fn list(
    tx: &Transaction<'_>,
    org: OrgId,
    state: Option<ArtifactState>,
) -> Outcome<Vec<ArtifactRecord>> {
    let mut tags = tags(tx, org)?;
    let mut images = images(tx, org)?;
    let running = shares::artifacts(tx, org)?;
    let mut statement = tx.prepare_cached(
        "SELECT a.artifact_id, g.display, r.repository_id, r.name, a.digest, a.state, a.reason,
                a.attempts, a.updated_at, r.reference,
                EXISTS (SELECT 1 FROM environment_images e
                        WHERE e.org_id = ?1 AND e.repository_id = a.repository_id
                          AND e.digest = a.digest)
         FROM artifacts a
         JOIN repositories r ON r.repository_id = a.repository_id
         JOIN registries g ON g.registry_id = r.registry_id
         WHERE a.org_id = ?1 AND (?2 IS NULL OR a.state = ?2)",
    )?;
    let mut rows = statement.query(params![org.0, state.map(ArtifactState::as_str)])?;
    let mut artifacts = Vec::new();
    while let Some(row) = rows.next()? {
        let id = ArtifactId(row.get(0)?);
        let tags = tags.remove(&id).unwrap_or_default();
        let runs: bool = row.get(10)?;
        if tags.is_empty() && !runs && !running.contains(&id) {
            continue;
        }
        artifacts.push(ArtifactRecord {
            id,
            registry: row.get(1)?,
            repository_id: RepositoryId(row.get(2)?),
            repository: parsed(row, 3)?,
            reference: row.get(9)?,
            tags,
            digest: parsed(row, 4)?,
            state: get_state(row, 5)?,
            reason: row.get(6)?,
            attempts: row.get(7)?,
            updated_at: time(row, 8)?,
            images: images.remove(&id).unwrap_or_default(),
        });
    }
    artifacts.sort_by(|a, b| {
        let place = (&a.registry, &a.repository).cmp(&(&b.registry, &b.repository));
        place.then_with(|| (&a.tags, &a.digest, a.id).cmp(&(&b.tags, &b.digest, b.id)))
    });
    Ok(artifacts)
}

fn tags(tx: &Transaction<'_>, org: OrgId) -> Outcome<HashMap<ArtifactId, Vec<Tag>>> {
    let mut statement = tx.prepare_cached(
        "SELECT t.artifact_id, t.tag
         FROM tags t JOIN repositories r ON r.repository_id = t.repository_id
         WHERE t.org_id = ?1 AND t.gone = 0 AND r.enabled
         ORDER BY t.tag",
    )?;
    let rows = statement.query_map(params![org.0], |row| {
        Ok((ArtifactId(row.get(0)?), parsed(row, 1)?))
    })?;
    let mut tags: HashMap<ArtifactId, Vec<Tag>> = HashMap::new();
    for row in rows {
        let (artifact, tag) = row?;
        tags.entry(artifact).or_default().push(tag);
    }
    Ok(tags)
}

type Images = Vec<(ImageId, Digest, Platform)>;

fn images(tx: &Transaction<'_>, org: OrgId) -> Outcome<HashMap<ArtifactId, Images>> {
    let mut statement = tx.prepare_cached(
        "SELECT x.artifact_id, i.image_id, i.manifest_digest, i.os, i.architecture, i.variant
         FROM artifact_images x JOIN images i ON i.image_id = x.image_id
         WHERE x.org_id = ?1
         ORDER BY x.artifact_id, i.image_id",
    )?;
    let rows = statement.query_map(params![org.0], |row| {
        let image = (ImageId(row.get(1)?), parsed(row, 2)?, platform(row, 3)?);
        Ok((ArtifactId(row.get(0)?), image))
    })?;
    let mut images: HashMap<ArtifactId, Images> = HashMap::new();
    for row in rows {
        let (artifact, image) = row?;
        images.entry(artifact).or_default().push(image);
    }
    Ok(images)
}
