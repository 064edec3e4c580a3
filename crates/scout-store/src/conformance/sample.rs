//! Values that the rules use, and an organization with one repository.

use jiff::{SignedDuration, Timestamp};
use scout_envs::{
    Digest, Distribution, Ecosystem, Finding, Gap, GapKind, ImageConfig, MatchKey, OrgName,
    PackageType, Platform, Severity, SeveritySource, Snapshot, Tag, VulnerabilityId,
};

use crate::error::{Error, Result};
use crate::id::{ImageId, OrgId, RegistryId, RepositoryId};
use crate::model::artifact::{ArtifactOutcome, ArtifactState, FoundImage};
use crate::model::image::{ImageFacts, NewImage};
use crate::model::judgement::FeedRecord;
use crate::model::repository::WatchedRepository;
use crate::model::tag::{Observation, Observed};
use crate::model::work::{IndexWork, Lease, LeaseRequest};
use crate::store::Store;

/// The version of the readers, where it does not matter.
pub(super) const READERS: u32 = 3;

/// Returns a moment, so many seconds after the rules' beginning.
pub(super) fn at(second: i64) -> Timestamp {
    // With nanoseconds, which have to come back.
    Timestamp::UNIX_EPOCH + SignedDuration::new(1_700_000_000 + second, 123_456_789)
}

/// Returns a request for so much of what is due at this second, for ten seconds.
pub(super) fn lease_at(second: i64, limit: u32) -> LeaseRequest {
    LeaseRequest::new(at(second), at(second + 10), limit)
}

/// Parses a value that is known to be right.
pub(super) fn parse<T: std::str::FromStr>(text: &str) -> T {
    match text.parse() {
        Ok(value) => value,
        Err(_) => panic!("{text:?} does not parse"),
    }
}

/// Returns 32 bytes that differ from those of other names.
pub(super) fn bytes(name: &str) -> [u8; 32] {
    let mut bytes = [0_u8; 32];
    for (at, byte) in (0..32).cycle().zip(name.bytes()) {
        bytes[at] = bytes[at].wrapping_mul(31).wrapping_add(byte);
    }
    bytes
}

pub(super) fn digest(name: &str) -> Digest {
    Digest::sha256(&bytes(name))
}

pub(super) fn key(ecosystem: &str, name: &str, version: &str) -> MatchKey {
    MatchKey {
        package_type: PackageType::Deb,
        ecosystem: Ecosystem::new(ecosystem),
        name: name.to_owned(),
        version: version.to_owned(),
        source_name: name.to_owned(),
        source_version: version.to_owned(),
        module: None,
    }
}

pub(super) fn image(name: &str, packages: Vec<MatchKey>) -> NewImage {
    NewImage {
        facts: ImageFacts {
            manifest_digest: digest(name),
            config_digest: digest(&format!("{name} config")),
            platform: Platform::new("linux", "arm64", Some("v8".to_owned())),
            config: ImageConfig {
                user: Some("app".to_owned()),
                created: Some(at(-5)),
                ..ImageConfig::default()
            },
            distribution: Some(Distribution {
                id: "debian".to_owned(),
                version_id: Some("12".to_owned()),
                ..Distribution::default()
            }),
            gaps: vec![Gap {
                kind: GapKind::Archive,
                path: "/app.jar".to_owned(),
                reason: "jars are not read yet".to_owned(),
            }],
            has_package_database: true,
            layers: vec![digest("base"), digest(&format!("{name} top"))],
            analysis_version: READERS,
            compressed_bytes: 12_345,
            package_count: 7,
        },
        packages,
        owned_packages: vec![key("PyPI", "owned", "1")],
    }
}

pub(super) fn finding(vulnerability: &str, severity: Severity) -> Finding {
    Finding {
        vulnerability: VulnerabilityId::new(vulnerability),
        severity,
        severity_source: SeveritySource::CvssV3,
        records: vec![format!("DEBIAN-{vulnerability}")],
        fixed_versions: vec!["2.0-1".to_owned()],
    }
}

pub(super) fn feed(name: &str, fingerprint: &str) -> FeedRecord {
    FeedRecord {
        name: name.to_owned(),
        releases: [format!("{name}:12")].into(),
        records: 10,
        newest_modified: Some(at(-100)),
        fingerprint: fingerprint.to_owned(),
        loaded_at: at(0),
    }
}

pub(super) fn snapshot(judged_at: Timestamp) -> Snapshot {
    Snapshot {
        org: parse("acme"),
        generation: 99,
        judged_at,
        advisories_loaded_at: None,
        valid_until: None,
        extended: None,
        streams: Vec::new(),
    }
}

/// Returns repositories of these names as a registry lists them.
pub(super) fn repositories(names: &[&str]) -> Vec<WatchedRepository> {
    names
        .iter()
        .map(|name| WatchedRepository::of_host("localhost:5000", parse(name)))
        .collect()
}

/// Demands that the call was refused because the lease is somebody else's.
pub(super) fn assert_lost<T: std::fmt::Debug>(result: Result<T>) {
    match result {
        Err(error) => assert!(error.is_lease_lost(), "{error:?}"),
        Ok(value) => panic!("a lost lease gave {value:?}"),
    }
}

/// Demands that the call was refused because the registry's integration was removed.
pub(super) fn assert_removed<T: std::fmt::Debug>(result: Result<T>) {
    match result {
        Err(error) => assert!(error.is_removed(), "{error:?}"),
        Ok(value) => panic!("a removed registry gave {value:?}"),
    }
}

/// Demands that the call was refused as making no sense.
pub(super) fn assert_refused<T: std::fmt::Debug>(result: Result<T>) {
    match result {
        Err(Error::Failed { .. }) => {}
        other => panic!("nonsense gave {other:?}"),
    }
}

/// An organization `acme` that watches a registry with one repository, `team/app`.
#[derive(Clone, Copy, Debug)]
pub(super) struct World<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) org: OrgId,
    pub(super) registry: RegistryId,
    pub(super) repository: RepositoryId,
}

impl<'a> World<'a> {
    /// Returns it before its first listing.
    pub(super) async fn new(store: &'a dyn Store) -> Result<Self> {
        Self::of(store, "acme").await
    }

    pub(super) async fn of(store: &'a dyn Store, org: &str) -> Result<Self> {
        let org = store.enroll(&parse::<OrgName>(org), at(0)).await?;
        let registry = store
            .registry(org, "oci:localhost", "localhost:5000", at(0))
            .await?
            .id;
        let listed = repositories(&["team/app"]);
        let repositories = store
            .record_repositories(org, registry, &listed, false, true, at(0))
            .await?;
        let repository = repositories
            .first()
            .map_or(RepositoryId(0), |record| record.id);
        Ok(Self {
            store,
            org,
            registry,
            repository,
        })
    }

    /// Returns it after its first listing, which found nothing.
    pub(super) async fn watching(store: &'a dyn Store) -> Result<Self> {
        let world = Self::new(store).await?;
        world.list(&[]).await?;
        Ok(world)
    }

    pub(super) async fn list(&self, tags: &[&str]) -> Result<u64> {
        let tags: Vec<Tag> = tags.iter().map(|tag| parse(tag)).collect();
        self.store
            .record_listing(self.org, self.repository, &tags, at(1))
            .await
    }

    pub(super) async fn observe(&self, tag: &str, name: &str, second: i64) -> Result<Observed> {
        self.observe_as(Self::observation(tag, name, second)).await
    }

    pub(super) fn observation(tag: &str, name: &str, second: i64) -> Observation {
        Observation {
            tag: parse(tag),
            digest: digest(name),
            pushed_at: None,
            seen_at: at(second),
            wanted: None,
        }
    }

    pub(super) async fn observe_as(&self, observation: Observation) -> Result<Observed> {
        self.store
            .observe(self.org, self.repository, observation)
            .await
    }

    /// Leases all work that is due at this second, for ten seconds.
    pub(super) async fn lease(&self, second: i64) -> Result<Vec<IndexWork>> {
        self.store
            .lease_index_work(self.org, self.registry, lease_at(second, 100))
            .await
    }

    /// Leases at most so much work that is due at this second.
    pub(super) async fn lease_some(&self, second: i64, limit: u32) -> Result<Vec<IndexWork>> {
        self.store
            .lease_index_work(self.org, self.registry, lease_at(second, limit))
            .await
    }

    pub(super) async fn lease_one(&self, second: i64) -> Result<IndexWork> {
        let mut work = self.lease(second).await?;
        match (work.pop(), work.is_empty()) {
            (Some(one), true) => Ok(one),
            other => panic!("one piece of work was expected, not {other:?}"),
        }
    }

    /// Observes a tag and indexes what it points to; returns the image.
    pub(super) async fn index(
        &self,
        tag: &str,
        name: &str,
        second: i64,
        packages: Vec<MatchKey>,
    ) -> Result<ImageId> {
        self.observe(tag, name, second).await?;
        for work in self.lease(second).await? {
            let found = FoundImage::New(Box::new(image(name, packages.clone())));
            let outcome = ArtifactOutcome::Indexed(vec![found]);
            self.store
                .finish_index_work(&work, outcome, at(second))
                .await?;
        }
        let image = self.store.image_by_manifest(&digest(name), READERS).await?;
        Ok(image.unwrap_or_else(|| panic!("{name} was not indexed")))
    }

    /// Returns the newest asking for judgement that was not answered.
    pub(super) async fn asked(&self) -> Result<Option<i64>> {
        let work = self.store.judge_work(at(0)).await?;
        let ours = work.into_iter().find(|work| work.org == self.org);
        Ok(ours.map(|work| work.version))
    }

    /// Answers what was asked so far.
    pub(super) async fn answer(&self) -> Result<()> {
        let judge = judge(self.store).await?;
        for work in self.store.judge_work(at(0)).await? {
            self.store.publish(&judge, work, snapshot(at(1))).await?;
        }
        assert_eq!(self.asked().await?, None);
        Ok(())
    }

    pub(super) async fn state(&self, name: &str) -> Result<ArtifactState> {
        let artifacts = self.store.artifacts(self.org, None).await?;
        let digest = digest(name);
        let found = artifacts.iter().find(|artifact| artifact.digest == digest);
        Ok(found
            .unwrap_or_else(|| panic!("{name} is not listed"))
            .state)
    }

    /// Returns the tags that are candidates, each with its images and when it was first seen.
    pub(super) async fn candidates(&self) -> Result<Vec<(String, Vec<ImageId>, Timestamp)>> {
        let input = self.store.judge_input(self.org).await?;
        let mut candidates: Vec<_> = input
            .tags
            .into_iter()
            .map(|tag| (tag.tag.to_string(), tag.images, tag.first_seen))
            .collect();
        candidates.sort();
        Ok(candidates)
    }
}

/// Takes the judge's lease.
pub(super) async fn judge(store: &dyn Store) -> Result<Lease> {
    let lease = store.lease("judge", at(0), at(1_000)).await?;
    Ok(lease.unwrap_or_else(|| panic!("somebody else is the judge")))
}
