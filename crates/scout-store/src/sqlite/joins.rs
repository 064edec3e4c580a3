//! Joins: which analyzed image an image that runs is, and if none, why.
//!
//! A runtime knows an image by the digest of its configuration, by that of its manifest, or by
//! that of the index it was pulled by. Tools write one for the other, so each digest is looked
//! for as all three: digests do not collide. An image that is told without any digest is what its
//! tag points to.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Row, Transaction, params};
use scout_envs::{Digest, ImageReference, RepositoryName};

use super::column::parsed;
use super::fault::Outcome;
use super::listings::state;
use super::shares::Names;
use crate::id::{ArtifactId, ImageId, OrgId, RepositoryId};
use crate::model::artifact::ArtifactState;
use crate::model::runtime::{JoinedImage, RunningStatus, WaitingReason};

/// The registry that references without one mean, and what it is also called.
const DOCKER_HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
/// The tag that references without one mean.
const DEFAULT_TAG: &str = "latest";

/// All analyzed images that the organization holds.
macro_rules! analyzed {
    () => {
        "SELECT r.repository_id, r.name, r.reference, a.artifact_id, a.digest, i.image_id,
                i.manifest_digest, i.config_digest
         FROM images i
         JOIN artifact_images x ON x.image_id = i.image_id AND x.org_id = ?1
         JOIN artifacts a ON a.artifact_id = x.artifact_id
         JOIN repositories r ON r.repository_id = a.repository_id "
    };
}
/// Joins images of one organization. What was joined is remembered, as many environments run the
/// same.
pub(super) struct Joiner<'t> {
    tx: &'t Transaction<'t>,
    org: OrgId,
    joined: HashMap<Names, Option<Joined>>,
    /// By where they are; read when the first reference is looked for.
    repositories: Option<HashMap<String, Vec<RepositoryId>>>,
}

/// What an image was found to be.
#[derive(Clone, Debug)]
pub(super) struct Joined {
    pub(super) image: JoinedImage,
    pub(super) artifact: ArtifactId,
}

/// An analyzed image in a repository.
struct Candidate {
    repository_id: RepositoryId,
    repository: RepositoryName,
    place: String,
    artifact: ArtifactId,
    artifact_digest: Digest,
    image: ImageId,
    manifest: Digest,
    config: Digest,
}

/// By what something was found: the first is the most certain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum By {
    Manifest,
    Index,
    Config,
}

impl<'t> Joiner<'t> {
    pub(super) fn new(tx: &'t Transaction<'t>, org: OrgId) -> Self {
        Self {
            tx,
            org,
            joined: HashMap::new(),
            repositories: None,
        }
    }

    /// Returns what the image is, if that is analyzed.
    pub(super) fn join(&mut self, names: &Names) -> Outcome<Option<&Joined>> {
        if !self.joined.contains_key(names) {
            let found = self.find(names)?;
            self.joined.insert(names.clone(), found);
        }
        Ok(self.joined.get(names).and_then(Option::as_ref))
    }

    fn find(&mut self, names: &Names) -> Outcome<Option<Joined>> {
        let (image_id, manifest, reference) = names;
        let place = reference.as_deref().and_then(Place::of);
        let digests: Vec<&Digest> = manifest.iter().chain(image_id).collect();
        if digests.is_empty() {
            let Some(place) = place else { return Ok(None) };
            let mut found = Vec::new();
            for (repository, artifact, state, ..) in self.tagged(&place)? {
                if state == ArtifactState::Indexed {
                    found.extend(self.of_artifact(repository, artifact)?);
                }
            }
            return Ok(chosen(found, By::Index, Some(&place)));
        }
        for by in [By::Manifest, By::Index, By::Config] {
            let mut found = Vec::new();
            for digest in &digests {
                found.extend(self.candidates(by, digest)?);
            }
            // Of an index, only the platform whose configuration runs, if that is told.
            if by == By::Index && found.iter().any(|one| digests.contains(&&one.config)) {
                found.retain(|one| digests.contains(&&one.config));
            }
            if !found.is_empty() {
                return Ok(chosen(found, by, place.as_ref()));
            }
        }
        Ok(None)
    }

    fn candidates(&self, by: By, digest: &Digest) -> Outcome<Vec<Candidate>> {
        let mut statement = self.tx.prepare_cached(match by {
            By::Manifest => concat!(analyzed!(), "WHERE i.manifest_digest = ?2"),
            By::Config => concat!(analyzed!(), "WHERE i.config_digest = ?2"),
            By::Index => concat!(analyzed!(), "WHERE a.org_id = ?1 AND a.digest = ?2"),
        })?;
        let found = statement.query_map(params![self.org.0, digest.as_str()], candidate)?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    fn of_artifact(
        &self,
        repository: RepositoryId,
        artifact: ArtifactId,
    ) -> Outcome<Vec<Candidate>> {
        let mut statement = self.tx.prepare_cached(concat!(
            analyzed!(),
            "WHERE a.org_id = ?1 AND a.repository_id = ?2 AND a.artifact_id = ?3"
        ))?;
        let found =
            statement.query_map(params![self.org.0, repository.0, artifact.0], candidate)?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns why an image that was not found is not analyzed: by its digest, else by its tag.
    pub(super) fn why_not(&mut self, names: &Names) -> Outcome<RunningStatus> {
        let (image_id, manifest, reference) = names;
        let place = reference.as_deref().and_then(Place::of);
        let mut known = Vec::new();
        for digest in manifest.iter().chain(image_id) {
            let mut statement = self.tx.prepare_cached(
                "SELECT a.state, a.reason, r.reference
                 FROM artifacts a JOIN repositories r ON r.repository_id = a.repository_id
                 WHERE a.org_id = ?1 AND a.digest = ?2",
            )?;
            let mut rows = statement.query(params![self.org.0, digest.as_str()])?;
            while let Some(row) = rows.next()? {
                let at: String = row.get(2)?;
                let is_here = place.as_ref().is_some_and(|place| place.is_at(&at));
                known.push((!is_here, state(row, 0)?, row.get(1)?));
            }
        }
        if known.is_empty()
            && let Some(place) = &place
        {
            for (_, _, state, reason, platforms) in self.tagged(place)? {
                match (state, platforms) {
                    (ArtifactState::Indexed, Some(wanted)) => known.push((
                        true,
                        ArtifactState::OtherPlatform,
                        Some(format!("of what its tag points to, {wanted} was wanted")),
                    )),
                    (ArtifactState::Indexed, None) => {}
                    (state, _) => known.push((true, state, reason)),
                }
            }
        }
        let reasons = known.into_iter().filter_map(|(elsewhere, state, detail)| {
            Some(((elsewhere, waiting_reason(state)?), detail))
        });
        // Where it was pulled from first; then what is nearest to being analyzed.
        let order = |&(elsewhere, reason): &(bool, WaitingReason)| {
            (elsewhere, ORDER.iter().position(|one| *one == reason))
        };
        let first = reasons.min_by_key(|(key, _)| order(key));
        let (reason, detail) = first
            .map_or((WaitingReason::NeverSeen, None), |((_, reason), detail)| {
                (reason, detail)
            });
        Ok(RunningStatus::Waiting { reason, detail })
    }

    /// Returns what the tag of a reference points to, in each repository that it may mean.
    fn tagged(&mut self, place: &Place) -> Outcome<Vec<Tagged>> {
        let repositories = match &self.repositories {
            Some(known) => known,
            None => {
                let places = places(self.tx, self.org)?;
                self.repositories.insert(places)
            }
        };
        let mut statement = self.tx.prepare_cached(
            "SELECT a.artifact_id, a.state, a.reason, a.platforms
             FROM tags t JOIN artifacts a ON a.artifact_id = t.artifact_id
             WHERE t.org_id = ?1 AND t.repository_id = ?2 AND t.tag = ?3 AND t.gone = 0",
        )?;
        let mut tagged = Vec::new();
        for &repository in repositories.get(&place.path).into_iter().flatten() {
            let found =
                statement.query_map(params![self.org.0, repository.0, place.tag], |row| {
                    let artifact = ArtifactId(row.get(0)?);
                    Ok((
                        repository,
                        artifact,
                        state(row, 1)?,
                        row.get(2)?,
                        row.get(3)?,
                    ))
                })?;
            for found in found {
                tagged.push(found?);
            }
        }
        Ok(tagged)
    }
}

/// Repository, artifact, state, its reason, and the platforms that were wanted of an index.
type Tagged = (
    RepositoryId,
    ArtifactId,
    ArtifactState,
    Option<String>,
    Option<String>,
);

/// The reasons, the one that is nearest to an analysis first.
const ORDER: [WaitingReason; 6] = [
    WaitingReason::Waiting,
    WaitingReason::BelowBaseline,
    WaitingReason::OtherPlatform,
    WaitingReason::Failed,
    WaitingReason::Skipped,
    WaitingReason::NeverSeen,
];

fn waiting_reason(state: ArtifactState) -> Option<WaitingReason> {
    Some(match state {
        ArtifactState::BelowBaseline => WaitingReason::BelowBaseline,
        ArtifactState::Waiting => WaitingReason::Waiting,
        ArtifactState::OtherPlatform => WaitingReason::OtherPlatform,
        ArtifactState::Failed => WaitingReason::Failed,
        ArtifactState::Skipped => WaitingReason::Skipped,
        ArtifactState::Indexed => return None,
    })
}

fn candidate(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    Ok(Candidate {
        repository_id: RepositoryId(row.get(0)?),
        repository: parsed(row, 1)?,
        place: row.get(2)?,
        artifact: ArtifactId(row.get(3)?),
        artifact_digest: parsed(row, 4)?,
        image: ImageId(row.get(5)?),
        manifest: parsed(row, 6)?,
        config: parsed(row, 7)?,
    })
}

/// Chooses the repository in which the image counts, and what of it.
fn chosen(mut found: Vec<Candidate>, by: By, place: Option<&Place>) -> Option<Joined> {
    found.sort_by_cached_key(|one| {
        let is_here = place.is_some_and(|place| place.is_at(&one.place));
        let name = (one.repository.clone(), one.place.clone());
        (!is_here, name, one.repository_id, one.artifact)
    });
    let first = found.first()?;
    let here = found
        .iter()
        .filter(|one| one.repository_id == first.repository_id);
    let (member, digest, images) = match by {
        By::Index => {
            let platforms = here.filter(|one| one.artifact == first.artifact);
            let images: BTreeSet<ImageId> = platforms.map(|one| one.image).collect();
            (first, &first.artifact_digest, images.into_iter().collect())
        }
        // The same configuration under two manifests is one image; the newer counts.
        By::Manifest | By::Config => {
            let newest = here.max_by_key(|one| one.image)?;
            (newest, &newest.manifest, vec![newest.image])
        }
    };
    Some(Joined {
        image: JoinedImage {
            repository_id: member.repository_id,
            repository: member.repository.clone(),
            digest: digest.clone(),
            images,
        },
        artifact: member.artifact,
    })
}

/// Where a reference leads.
struct Place {
    /// Registry and repository.
    path: String,
    tag: String,
}

impl Place {
    fn of(reference: &str) -> Option<Self> {
        let reference: ImageReference = reference.parse().ok()?;
        let tag = reference.tag().map(ToString::to_string);
        Some(Self {
            path: path(&reference),
            tag: tag.unwrap_or_else(|| DEFAULT_TAG.to_owned()),
        })
    }

    /// Whether a repository that people write so is meant.
    fn is_at(&self, written: &str) -> bool {
        place_of(written) == self.path
    }
}

/// Registry and repository, as each is written in full.
fn path(reference: &ImageReference) -> String {
    let repository = reference.repository().as_str();
    match reference.registry() {
        Some(host) if !DOCKER_HUB.contains(&host) => format!("{host}/{repository}"),
        _ if repository.contains('/') => format!("{}/{repository}", DOCKER_HUB[0]),
        _ => format!("{}/library/{repository}", DOCKER_HUB[0]),
    }
}

fn place_of(written: &str) -> String {
    let parsed = written.parse::<ImageReference>();
    parsed.map_or_else(|_| written.to_owned(), |reference| path(&reference))
}

/// Returns the organization's repositories by where people find them.
fn places(tx: &Transaction<'_>, org: OrgId) -> Outcome<HashMap<String, Vec<RepositoryId>>> {
    let mut statement = tx.prepare_cached(
        "SELECT repository_id, reference FROM repositories WHERE org_id = ?1 ORDER BY name",
    )?;
    let mut rows = statement.query(params![org.0])?;
    let mut places: HashMap<String, Vec<RepositoryId>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let written: String = row.get(1)?;
        let id = RepositoryId(row.get(0)?);
        places.entry(place_of(&written)).or_default().push(id);
    }
    Ok(places)
}
