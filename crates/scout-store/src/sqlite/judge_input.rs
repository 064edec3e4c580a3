//! All that is needed to judge one organization, read in one transaction.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;
use rusqlite::{Statement, Transaction, params};

use super::column::{opt_time, parsed, time};
use super::fault::Outcome;
use super::{environments, images, listings, packages};
use crate::id::{ArtifactId, ImageId, OrgId, RepositoryId};
use crate::model::judgement::{JudgeInput, PackagesInUse, TagCandidate};

pub(super) fn read(tx: &Transaction<'_>, org: OrgId) -> Outcome<JudgeInput> {
    let tags = candidates(tx, org)?;
    let environments::Members {
        images: environments,
        in_use,
    } = environments::members(tx, org)?;
    let named: BTreeSet<ImageId> = tags
        .iter()
        .flat_map(|tag| tag.images.iter().copied())
        .chain(environments.iter().map(|&(_, _, image)| image))
        .collect();
    let mut images = Vec::with_capacity(named.len());
    for image in named {
        images.extend(images::find(tx, image)?);
    }
    let mut installed = RoaringBitmap::new();
    for image in &images {
        installed |= &image.packages;
    }
    let in_use = in_use
        .into_iter()
        .map(|((environment, image), packages)| PackagesInUse {
            environment,
            image,
            packages: packages.into_iter().collect(),
        });
    Ok(JudgeInput {
        tags,
        environments: environments.into_iter().collect(),
        in_use: in_use.collect(),
        unmatched: installed & packages::unmatched(tx)?,
        images,
        listed: listings::is_listed(tx, org)?,
    })
}

/// Returns for each tag that exists the newest of what it pointed to that was looked at, if that
/// is indexed: what it points to now, or, until that is analyzed, what it pointed to before. One
/// that moved to what is no image stands for nothing.
fn candidates(tx: &Transaction<'_>, org: OrgId) -> Outcome<Vec<TagCandidate>> {
    let mut statement = tx.prepare_cached(
        "SELECT t.repository_id, r.name, t.tag, h.pushed_at, h.first_seen, h.artifact_id
         FROM tags t
         JOIN repositories r ON r.repository_id = t.repository_id
         JOIN tag_history h
             ON h.org_id = t.org_id AND h.repository_id = t.repository_id AND h.tag = t.tag
         JOIN artifacts s ON s.artifact_id = h.artifact_id
         WHERE t.org_id = ?1 AND t.gone = 0 AND r.enabled AND s.state = 'indexed'
           AND h.artifact_id = (SELECT x.artifact_id
                                FROM tag_history x
                                JOIN artifacts a ON a.artifact_id = x.artifact_id
                                WHERE x.org_id = t.org_id AND x.repository_id = t.repository_id
                                  AND x.tag = t.tag AND a.state IN ('indexed', 'skipped')
                                ORDER BY x.sequence DESC LIMIT 1)",
    )?;
    let mut images = tx.prepare_cached(
        "SELECT image_id FROM artifact_images WHERE org_id = ?1 AND artifact_id = ?2",
    )?;
    let mut rows = statement.query(params![org.0])?;
    let mut candidates = Vec::new();
    while let Some(row) = rows.next()? {
        candidates.push(TagCandidate {
            repository: RepositoryId(row.get(0)?),
            repository_name: parsed(row, 1)?,
            tag: parsed(row, 2)?,
            pushed_at: opt_time(row, 3)?,
            first_seen: time(row, 4)?,
            images: images_of(&mut images, org, ArtifactId(row.get(5)?))?,
        });
    }
    Ok(candidates)
}

fn images_of(
    statement: &mut Statement<'_>,
    org: OrgId,
    artifact: ArtifactId,
) -> rusqlite::Result<Vec<ImageId>> {
    statement
        .query_map(params![org.0, artifact.0], |row| Ok(ImageId(row.get(0)?)))?
        .collect()
}
