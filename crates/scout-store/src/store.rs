//! The one interface to what is known.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use roaring::RoaringBitmap;
use scout_envs::{
    Digest, EnvironmentName, IntegrationName, OrgName, RepositoryName, Snapshot, Tag, Upkeep,
};

use crate::error::Result;
use crate::id::{EventId, ImageId, NoticeId, OrgId, PackageId, RegistryId, RepositoryId, TokenId};
use crate::model::artifact::{ArtifactOutcome, ArtifactRecord, ArtifactState, Retry};
use crate::model::environment::{EnvironmentImage, EnvironmentRecord, RecordedImage};
use crate::model::event::{EventsRecorded, NewEvent, PendingEvent};
use crate::model::health::RecordHealth;
use crate::model::image::{ImageRecord, NewLayer};
use crate::model::integration::{
    IntegrationAdded, IntegrationRecord, IntegrationTest, IntegrationUpdate, IntegrationUpdated,
    NewIntegration,
};
use crate::model::judgement::{
    FeedRecord, JudgeInput, JudgeWork, KevRecord, NumberedPackage, PackageFindings,
};
use crate::model::notice::{
    ChannelFailure, ChannelKey, ChannelRecord, PendingNotice, Standings, StandingsChange,
};
use crate::model::organization::Organization;
use crate::model::repository::{
    RegistryRecord, RepositoryListing, RepositoryRecord, WatchedRepository,
};
use crate::model::runtime::{RunningImageRecord, RunningImageStatus, RunningStatus, ShareRecord};
use crate::model::tag::{KnownTag, Observation, Observed};
use crate::model::token::{NewToken, TokenGrant, TokenRecord, TokenUse};
use crate::model::work::{IndexWork, Lease, LeaseRequest, WorkClass};

/// Everything Scout knows.
///
/// # Contract
///
/// - Methods may be called from several tasks, and from several processes, at once.
/// - Each method is one transaction: it happens whole or not at all, also when the process is
///   killed. What it answered stays true after a crash.
/// - Writing what is there already changes nothing.
/// - Dropping a returned future does not undo a write that has begun.
/// - The store has no clock: times are arguments.
/// - Text in errors never holds a secret.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    // Organizations and tokens.

    /// Creates the organization if it does not exist.
    async fn enroll(&self, org: &OrgName, now: Timestamp) -> Result<OrgId>;

    /// Returns the organization's number, if it was enrolled.
    async fn org(&self, org: &OrgName) -> Result<Option<OrgId>>;

    /// Lists the organizations with the generation of their newest snapshot, by name.
    async fn organizations(&self) -> Result<Vec<Organization>>;

    /// Records a token.
    async fn create_token(&self, org: OrgId, token: NewToken) -> Result<TokenId>;

    /// Lists the organization's tokens, oldest first, revoked ones too.
    async fn tokens(&self, org: OrgId) -> Result<Vec<TokenRecord>>;

    /// Revokes a token at once; returns whether there was one to revoke.
    async fn revoke_token(&self, org: OrgId, token: TokenId, now: Timestamp) -> Result<bool>;

    /// Returns what the token with this SHA-256 grants, unless it is unknown or revoked. The store
    /// has no clock: whether the token's time is over is for the caller to see.
    async fn token_grant(&self, hash: [u8; 32]) -> Result<Option<TokenGrant>>;

    /// Returns the SHA-256 of the tokens of all organizations that were not revoked; of more than
    /// `limit` the newest.
    async fn token_hashes(&self, limit: usize) -> Result<Vec<[u8; 32]>>;

    /// Records that tokens were used. What is recorded only grows, and only in steps of at least
    /// [`TOKEN_USE_INTERVAL`](crate::TOKEN_USE_INTERVAL); unknown tokens are passed over. A loss of
    /// power may undo it.
    async fn record_token_uses(&self, uses: Vec<TokenUse>) -> Result<()>;

    /// Returns a mark that is another one after anything was committed, by whomever.
    ///
    /// If two calls on this value return the same mark, then everything that was read between
    /// them is still so at the second call: nothing was committed since the first, through this
    /// value or any other, in this process or any other. Different marks tell nothing. Marks of two
    /// values, or of two runs of a program, have nothing to do with each other.
    ///
    /// May be called in each request and on a thread of the runtime: it takes microseconds.
    /// Nothing is returned where it cannot be told so fast, or not just now; what was kept is to
    /// be looked up again then.
    fn change_mark(&self) -> Option<u64> {
        None
    }

    // Integrations.

    /// Adds an integration, unless its name or its key is taken. A registry that was removed can
    /// be recorded again from then on; what it holds counts once it is seen.
    async fn add_integration(
        &self,
        org: OrgId,
        integration: NewIntegration,
        now: Timestamp,
    ) -> Result<IntegrationAdded>;

    /// Lists the organization's integrations by name.
    async fn integrations(&self, org: OrgId) -> Result<Vec<IntegrationRecord>>;

    /// Returns the integration of this name.
    async fn integration(
        &self,
        org: OrgId,
        name: &IntegrationName,
    ) -> Result<Option<IntegrationRecord>>;

    /// Replaces the parameters of an integration. A registry that it leaves is as if it was
    /// removed; of a runtime only the share stays that it has of the same environment for the
    /// same key.
    async fn update_integration(
        &self,
        org: OrgId,
        name: &IntegrationName,
        update: IntegrationUpdate,
        now: Timestamp,
    ) -> Result<IntegrationUpdated>;

    /// Records a test of an integration's connection; returns whether there is one of that name.
    async fn record_integration_test(
        &self,
        org: OrgId,
        name: &IntegrationName,
        test: IntegrationTest,
    ) -> Result<bool>;

    /// Removes an integration; returns whether there was one.
    ///
    /// If it is a registry, that is not watched any more: its tags are gone, its index work and
    /// its events are dropped, and recording anything of it is answered with
    /// [`Removed`](crate::Error::Removed), so that whoever is still sweeping it brings nothing
    /// back. What was learned stays: images, packages, baselines, which repositories are
    /// enabled, what environments hold.
    ///
    /// If it is a runtime, its shares of environments are removed, and no others. Whoever is
    /// still syncing it has to look, after replacing the share, whether it is still there.
    async fn remove_integration(
        &self,
        org: OrgId,
        name: &IntegrationName,
        now: Timestamp,
    ) -> Result<bool>;

    // Registries, repositories, tags. What is recorded of a registry whose integration was
    // removed is answered with `Removed`.

    /// Returns the registry that has this key, creating it if needed. `display` is what people
    /// are shown; the newest one is kept. One that was removed stays removed.
    async fn registry(
        &self,
        org: OrgId,
        key: &str,
        display: &str,
        now: Timestamp,
    ) -> Result<RegistryRecord>;

    /// Lets a registry be recorded again whose integration was removed: for somebody who names
    /// it without an integration. Returns whether it was removed.
    async fn restore_registry(&self, org: OrgId, registry: RegistryId) -> Result<bool>;

    /// Records the repositories a registry holds.
    ///
    /// `complete` tells that they are all it has (a catalog, not a list somebody gave): then
    /// repositories that appear after the first complete one have no baseline, and tags of
    /// repositories missing from two complete ones in a row are gone. `enable_new` tells whether
    /// repositories never recorded before are enabled; one that is not takes a baseline whenever
    /// it is. Of known ones the newest reference is kept. Returns them with their numbers, in
    /// the order given, disabled ones too.
    async fn record_repositories(
        &self,
        org: OrgId,
        registry: RegistryId,
        repositories: &[WatchedRepository],
        complete: bool,
        enable_new: bool,
        now: Timestamp,
    ) -> Result<Vec<RepositoryRecord>>;

    /// Records a repository that an event told of, and returns it.
    ///
    /// One that the first complete list did not have appeared since: it has no baseline, as if
    /// the next list had told of it. `enable_new` is that of
    /// [`record_repositories`](Self::record_repositories).
    async fn record_told_repository(
        &self,
        org: OrgId,
        registry: RegistryId,
        repository: &WatchedRepository,
        enable_new: bool,
        now: Timestamp,
    ) -> Result<RepositoryRecord>;

    /// Lists the repositories of one registry, or of all that are watched, by registry and name.
    async fn repositories(
        &self,
        org: OrgId,
        registry: Option<RegistryId>,
    ) -> Result<Vec<RepositoryListing>>;

    /// Enables or disables repositories of a registry; those never recorded before are created.
    /// Returns how many were changed or created.
    ///
    /// Enabling one that was disabled begins anew: its activation is due, and what is there when
    /// it is listed next is its baseline. Disabling one takes its tags out of `latest-indexed`
    /// and drops its index work; environments keep what they hold.
    async fn set_repositories_enabled(
        &self,
        org: OrgId,
        registry: RegistryId,
        repositories: &[RepositoryName],
        enabled: bool,
        now: Timestamp,
    ) -> Result<u64>;

    /// Lists the registry's enabled repositories whose activation is due, by name.
    async fn activations(&self, org: OrgId, registry: RegistryId) -> Result<Vec<RepositoryRecord>>;

    /// Records that the repository's newest image was asked for, or that it has none. The
    /// activation stays due if the repository was disabled and enabled again since the record
    /// was read.
    async fn finish_activation(&self, org: OrgId, repository: &RepositoryRecord) -> Result<()>;

    /// Lists the repository's tags that exist, by name.
    async fn known_tags(&self, org: OrgId, repository: RepositoryId) -> Result<Vec<KnownTag>>;

    /// Records where a tag points to, and enqueues the artifact if it is wanted and not indexed.
    ///
    /// It is wanted if the observation says why, or if the repository's baseline is complete and
    /// the tag was never seen with this digest: then its class is at least
    /// [`NewTag`](WorkClass::NewTag). One that waits already is raised to the greater class, and
    /// keeps its place by age. A failed artifact is not enqueued again by this; a waiting one
    /// whose work was dropped is. Of a disabled repository nothing is wanted.
    async fn observe(
        &self,
        org: OrgId,
        repository: RepositoryId,
        observation: Observation,
    ) -> Result<Observed>;

    /// Records a complete listing of a repository's tags: the baseline is complete with it, and
    /// tags missing from two in a row are gone. Returns how many went.
    async fn record_listing(
        &self,
        org: OrgId,
        repository: RepositoryId,
        tags: &[Tag],
        now: Timestamp,
    ) -> Result<u64>;

    /// Records that a tag is gone: an event told so and the registry confirmed it. Returns whether
    /// it was there.
    async fn forget_tag(&self, org: OrgId, repository: RepositoryId, tag: &Tag) -> Result<bool>;

    /// Lists the repository's tags that exist and point to this digest, by name: what may be
    /// gone when an event tells only that a digest was deleted.
    async fn tags_of_digest(
        &self,
        org: OrgId,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Vec<Tag>>;

    // Events.

    /// Records events of a registry, all or none. They survive a loss of power once this is
    /// answered, so the sender may forget them then.
    ///
    /// An event whose key is known changes nothing, also for a while after it was worked on
    /// ([`EVENTS_REMEMBERED_FOR`](crate::EVENTS_REMEMBERED_FOR),
    /// [`MAX_REMEMBERED_EVENTS`](crate::MAX_REMEMBERED_EVENTS)), unless the key only tells what
    /// the event says ([`CONTENT_KEY_PREFIX`](crate::CONTENT_KEY_PREFIX)): such a one, while it
    /// is pending and due, gets a new number, so that who looked at it before does not end it.
    async fn record_events(
        &self,
        org: OrgId,
        registry: RegistryId,
        events: Vec<NewEvent>,
        now: Timestamp,
    ) -> Result<EventsRecorded>;

    /// Lists up to `limit` of the registry's pending events that are due, oldest first.
    ///
    /// They are not leased: an event is a hint, and looking twice records the same.
    async fn pending_events(
        &self,
        org: OrgId,
        registry: RegistryId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<PendingEvent>>;

    /// Returns how many events of the registry are pending, and when the next of them is due.
    async fn event_backlog(
        &self,
        org: OrgId,
        registry: RegistryId,
    ) -> Result<(u64, Option<Timestamp>)>;

    /// Records that these events were worked on: what they hinted at was recorded before.
    async fn finish_events(&self, org: OrgId, events: &[EventId], now: Timestamp) -> Result<()>;

    /// Makes a pending event due again at `not_before`, and counts the attempt.
    async fn postpone_event(&self, org: OrgId, event: EventId, not_before: Timestamp)
    -> Result<()>;

    // Work.

    /// Returns of each of these registries, in their order, the greatest class of which work is
    /// due that nobody has leased.
    async fn due_index_work(
        &self,
        org: OrgId,
        registries: &[RegistryId],
        now: Timestamp,
    ) -> Result<Vec<Option<WorkClass>>>;

    /// Leases artifacts of the registry that are due: by class, the greatest first, and within
    /// a class the oldest first.
    async fn lease_index_work(
        &self,
        org: OrgId,
        registry: RegistryId,
        request: LeaseRequest,
    ) -> Result<Vec<IndexWork>>;

    /// Keeps a lease until the time given.
    ///
    /// # Errors
    ///
    /// [`LeaseLost`](crate::Error::LeaseLost) if somebody else has it.
    async fn renew_index_work(&self, work: &IndexWork, until: Timestamp) -> Result<()>;

    /// Records how an attempt ended, with everything found, and removes the work unless it is to
    /// be tried again. Enqueues judgement for every organization that holds the artifact's
    /// images.
    ///
    /// # Errors
    ///
    /// [`LeaseLost`](crate::Error::LeaseLost) if somebody else has it; nothing is written then.
    async fn finish_index_work(
        &self,
        work: &IndexWork,
        outcome: ArtifactOutcome,
        now: Timestamp,
    ) -> Result<()>;

    /// Returns how much index work of the registry there is, and when the next of it is due.
    async fn index_backlog(
        &self,
        org: OrgId,
        registry: RegistryId,
    ) -> Result<(u64, Option<Timestamp>)>;

    /// Enqueues failed artifacts of the organization again, as re-checks, but for those in
    /// repositories that are disabled or whose registry was removed. Returns how many.
    async fn retry_failed(&self, org: OrgId, which: Retry, now: Timestamp) -> Result<u64>;

    /// Enqueues as re-checks the registry's artifacts that a tag of an enabled repository points to and whose
    /// images were analyzed by older readers, or chosen by another wish for platforms. Their old
    /// results serve until the new ones are there, and stay if the artifact cannot be read again.
    /// Returns how many.
    async fn enqueue_outdated(
        &self,
        org: OrgId,
        registry: RegistryId,
        analysis_version: u32,
        platforms: &str,
        now: Timestamp,
    ) -> Result<u64>;

    /// Takes or renews a named lease; nothing if somebody else holds it.
    async fn lease(&self, name: &str, now: Timestamp, until: Timestamp) -> Result<Option<Lease>>;

    /// Gives a named lease back.
    async fn release(&self, lease: &Lease) -> Result<()>;

    /// Frees what processes that are gone had leased, where the store can tell that they are
    /// gone. Returns how many leases were freed.
    async fn release_dead_holders(&self) -> Result<u64>;

    // Facts: layers and images.

    /// Returns the uncompressed digest of a blob that was read by these readers.
    async fn layer_of_blob(&self, blob: &Digest, analysis_version: u32) -> Result<Option<Digest>>;

    /// Returns a layer's analysis.
    async fn layer_analysis(
        &self,
        diff_id: &Digest,
        analysis_version: u32,
    ) -> Result<Option<Vec<u8>>>;

    /// Records a layer's analysis.
    async fn record_layer(&self, layer: NewLayer, now: Timestamp) -> Result<()>;

    /// Returns the image that has this manifest, if these readers analyzed it.
    async fn image_by_manifest(
        &self,
        manifest: &Digest,
        analysis_version: u32,
    ) -> Result<Option<ImageId>>;

    /// Returns an image's facts.
    async fn image(&self, image: ImageId) -> Result<Option<ImageRecord>>;

    /// Returns the match keys of these packages, by number.
    async fn packages(&self, packages: &RoaringBitmap) -> Result<Vec<NumberedPackage>>;

    // Environments.

    /// Records an image in an environment, in the share of `source`.
    async fn record_environment_image(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
        source: &str,
        image: EnvironmentImage,
    ) -> Result<()>;

    /// Lists the organization's environments by name: those that hold an analyzed image, recorded
    /// or running.
    async fn environments(&self, org: OrgId) -> Result<Vec<EnvironmentRecord>>;

    /// Lists an environment's images by repository and digest: what was recorded, and what of the
    /// running images is analyzed, each once.
    async fn environment_images(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
    ) -> Result<Vec<EnvironmentImage>>;

    /// Lists what was recorded in an environment, by repository, digest and source. What runs
    /// there is not among it.
    async fn recorded_images(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
    ) -> Result<Vec<RecordedImage>>;

    /// Takes images that `source` recorded out of an environment again. Returns how many were
    /// there; judgement is asked for if there were any.
    async fn forget_environment_images(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
        source: &str,
        images: &[(RepositoryId, ImageId)],
    ) -> Result<u64>;

    /// Replaces what runs in an environment as `source` says, all or nothing; the shares of others
    /// stay.
    ///
    /// Which analyzed image each is, is found whenever it is asked for, so what is analyzed later
    /// joins by itself. Images told several times are one, with all workloads and packages.
    /// Judgement is asked for unless only workloads differ.
    ///
    /// # Errors
    ///
    /// [`Failed`](crate::Error::Failed) if an image has no digest and no name, or if there are
    /// more than [`MAX_SHARE_IMAGES`](crate::MAX_SHARE_IMAGES); nothing is written then.
    async fn replace_share(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
        source: &str,
        images: Vec<RunningImageRecord>,
        now: Timestamp,
    ) -> Result<ShareRecord>;

    /// Records that what runs could not be found out. What was known stays.
    async fn record_share_failure(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
        source: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<()>;

    /// Removes what `source` said of an environment; returns whether there was such a share.
    async fn remove_share(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
        source: &str,
    ) -> Result<bool>;

    /// Lists the organization's shares by environment and source.
    async fn shares(&self, org: OrgId) -> Result<Vec<ShareRecord>>;

    /// Lists what runs in an environment, as each source says, and what is known of it.
    async fn running_images(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
    ) -> Result<Vec<RunningImageStatus>>;

    /// Tells what is known of images, in their order, as if they ran; records nothing.
    async fn join_running(
        &self,
        org: OrgId,
        images: Vec<RunningImageRecord>,
    ) -> Result<Vec<RunningStatus>>;

    // Judgement.

    /// Asks for the organization to be judged again.
    async fn enqueue_judgement(&self, org: OrgId) -> Result<()>;

    /// Lists what is to be judged: what was asked for, and snapshots whose time has run out.
    async fn judge_work(&self, now: Timestamp) -> Result<Vec<JudgeWork>>;

    /// Lists the loaded feeds by name.
    async fn feeds(&self) -> Result<Vec<FeedRecord>>;

    /// Replaces the list of loaded feeds, and asks for every organization to be judged again if
    /// it differs. The time of loading is not a difference, but is updated.
    async fn record_feeds(&self, judge: &Lease, feeds: Vec<FeedRecord>) -> Result<()>;

    /// Returns the loaded catalog of known exploited vulnerabilities.
    async fn kev(&self) -> Result<Option<KevRecord>>;

    /// Replaces that catalog, and asks for every organization to be judged again if it differs.
    async fn record_kev(&self, judge: &Lease, kev: Option<KevRecord>) -> Result<()>;

    /// Lists the base names of the ecosystems that recorded packages belong to.
    async fn ecosystems_in_use(&self) -> Result<BTreeSet<String>>;

    /// Lists the packages whose ecosystem's base name has a loaded feed, but which were never
    /// matched or were matched with another fingerprint of it; at most `limit`, by number, after
    /// the number given. Packages of ecosystems without a loaded feed are not listed: what was
    /// found for them stays.
    async fn stale_packages(
        &self,
        after: Option<PackageId>,
        limit: u32,
    ) -> Result<Vec<NumberedPackage>>;

    /// Replaces the findings of these packages. An unchanged finding writes no row.
    async fn record_findings(&self, judge: &Lease, findings: Vec<PackageFindings>) -> Result<()>;

    /// Returns the findings of these packages, by number; a package without findings is left
    /// out.
    async fn findings(
        &self,
        packages: &RoaringBitmap,
    ) -> Result<BTreeMap<PackageId, PackageFindings>>;

    /// Returns all that is needed to judge the organization, as of one moment.
    async fn judge_input(&self, org: OrgId) -> Result<JudgeInput>;

    /// Publishes the organization's new snapshot under the next generation (the one in the value
    /// is ignored) and clears the work it answers. Returns the generation. A snapshot equal to
    /// the last one but for time and generation keeps the generation; its extended part is
    /// compared too.
    async fn publish(&self, judge: &Lease, work: JudgeWork, snapshot: Snapshot) -> Result<u64>;

    /// Returns the organization's newest snapshot, without its extended part.
    async fn snapshot(&self, org: OrgId) -> Result<Option<Snapshot>>;

    /// Returns the organization's newest snapshot with its extended part, if it has one.
    async fn extended_snapshot(&self, org: OrgId) -> Result<Option<Snapshot>>;

    /// Returns how people write each repository that was ever recorded, with its registry.
    async fn repository_references(&self, org: OrgId) -> Result<BTreeMap<RepositoryId, String>>;

    /// Records that a sweep which began at `started` read all of the registry that is watched.
    async fn record_sweep(
        &self,
        org: OrgId,
        registry: RegistryId,
        started: Timestamp,
    ) -> Result<()>;

    /// Returns what is not analyzed, and when each source of facts last answered.
    ///
    /// Reads every tag and everything that runs: some tenths of a second where there are hundreds
    /// of thousands, so nobody should ask more than every few seconds.
    async fn upkeep(&self, org: OrgId) -> Result<Upkeep>;

    // Notices.

    /// Returns what stands of the organization's newest images; nothing before it was first
    /// recorded.
    async fn standings(&self, org: OrgId) -> Result<Option<Standings>>;

    /// Records what changed about the newest images, and the notices of what is new.
    ///
    /// Without a channel no notice is kept. Of more than
    /// [`MAX_PENDING_NOTICES`](crate::MAX_PENDING_NOTICES) the oldest are dropped, and counted for
    /// each channel that has not got them. Returns how many notices were kept.
    async fn record_standings(
        &self,
        judge: &Lease,
        org: OrgId,
        change: StandingsChange,
    ) -> Result<u64>;

    /// Records that these channels are there. One that was not there before begins with the next
    /// notice; nothing changes for the others.
    ///
    /// Channels whose integration was removed are forgotten, and those of a configuration file
    /// that were not there for a while
    /// ([`CHANNELS_REMEMBERED_FOR`](crate::CHANNELS_REMEMBERED_FOR)).
    async fn open_channels(&self, org: OrgId, keys: &[ChannelKey], now: Timestamp) -> Result<()>;

    /// Lists the organization's channels by key.
    async fn channels(&self, org: OrgId) -> Result<Vec<ChannelRecord>>;

    /// Lists the notices that a channel is not done with, oldest first.
    async fn pending_notices(&self, org: OrgId, key: &ChannelKey) -> Result<Vec<PendingNotice>>;

    /// Records that a channel is done with the notices up to `last`; and, if a message arrived,
    /// when, and of how many dropped ones it told: then what failed before is forgotten. Notices
    /// that all channels are done with are deleted.
    async fn finish_notices(
        &self,
        org: OrgId,
        key: &ChannelKey,
        last: Option<NoticeId>,
        sent: Option<(Timestamp, u64)>,
    ) -> Result<()>;

    /// Records that a message to a channel did not arrive.
    async fn record_channel_failure(
        &self,
        org: OrgId,
        key: &ChannelKey,
        failure: ChannelFailure,
    ) -> Result<()>;

    // Health.

    /// Returns how the record is doing, all organizations together. Costs some milliseconds with
    /// 100,000 images: to be asked every few seconds at most.
    async fn health(&self, now: Timestamp) -> Result<RecordHealth>;

    // Reports.

    /// Lists the organization's artifacts that a tag of an enabled repository points to or an
    /// environment holds, by registry, repository and tags; those in one state, or all.
    async fn artifacts(
        &self,
        org: OrgId,
        state: Option<ArtifactState>,
    ) -> Result<Vec<ArtifactRecord>>;
}
