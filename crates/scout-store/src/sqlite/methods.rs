//! The methods of [`Store`], each one transaction of [`SqliteStore`]: a table, and long because
//! it has one place to be. What the transactions do is in the files named after their topics.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use roaring::RoaringBitmap;
use scout_envs::{
    Digest, EnvironmentName, IntegrationName, OrgName, RepositoryName, Snapshot, Tag, Upkeep,
};

use super::{
    SqliteStore, activation, artifacts, channels, environments, events, extended, feeds, findings,
    health, holder, images, integrations, judge_input, judgement, layers, leases, listings,
    organizations, packages, queue, registries, repositories, shares, standings, tags, tokens,
    work,
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
use crate::store::Store;

#[async_trait]
impl Store for SqliteStore {
    async fn enroll(&self, org: &OrgName, now: Timestamp) -> Result<OrgId> {
        let org = org.clone();
        self.write_durably("enroll the organization", move |tx| {
            organizations::enroll(tx, &org, now)
        })
        .await
    }

    async fn org(&self, org: &OrgName) -> Result<Option<OrgId>> {
        let org = org.clone();
        self.read("look up the organization", move |tx| {
            organizations::find(tx, &org)
        })
        .await
    }

    async fn organizations(&self) -> Result<Vec<Organization>> {
        self.read("list the organizations", organizations::list)
            .await
    }

    async fn create_token(&self, org: OrgId, token: NewToken) -> Result<TokenId> {
        self.write_durably("create a token", move |tx| tokens::create(tx, org, &token))
            .await
    }

    async fn tokens(&self, org: OrgId) -> Result<Vec<TokenRecord>> {
        self.read("list the tokens", move |tx| tokens::list(tx, org))
            .await
    }

    async fn revoke_token(&self, org: OrgId, token: TokenId, now: Timestamp) -> Result<bool> {
        self.write_durably("revoke the token", move |tx| {
            tokens::revoke(tx, org, token, now)
        })
        .await
    }

    async fn token_grant(&self, hash: [u8; 32]) -> Result<Option<TokenGrant>> {
        self.read("check a token", move |tx| tokens::grant(tx, &hash))
            .await
    }

    async fn token_hashes(&self, limit: usize) -> Result<Vec<[u8; 32]>> {
        self.read("list the tokens", move |tx| tokens::hashes(tx, limit))
            .await
    }

    async fn record_token_uses(&self, uses: Vec<TokenUse>) -> Result<()> {
        self.write_aside("record when tokens were used", move |tx| {
            tokens::record_uses(tx, &uses)
        })
        .await
    }

    fn change_mark(&self) -> Option<u64> {
        self.shared.mark.read(&self.shared.database)
    }

    async fn add_integration(
        &self,
        org: OrgId,
        integration: NewIntegration,
        now: Timestamp,
    ) -> Result<IntegrationAdded> {
        self.write_durably("add the integration", move |tx| {
            integrations::add(tx, org, &integration, now)
        })
        .await
    }

    async fn integrations(&self, org: OrgId) -> Result<Vec<IntegrationRecord>> {
        self.read("list the integrations", move |tx| {
            integrations::list(tx, org)
        })
        .await
    }

    async fn integration(
        &self,
        org: OrgId,
        name: &IntegrationName,
    ) -> Result<Option<IntegrationRecord>> {
        let name = name.clone();
        self.read("read the integration", move |tx| {
            integrations::find(tx, org, &name)
        })
        .await
    }

    async fn update_integration(
        &self,
        org: OrgId,
        name: &IntegrationName,
        update: IntegrationUpdate,
        now: Timestamp,
    ) -> Result<IntegrationUpdated> {
        let name = name.clone();
        self.write_durably("update the integration", move |tx| {
            integrations::update(tx, org, &name, &update, now)
        })
        .await
    }

    async fn record_integration_test(
        &self,
        org: OrgId,
        name: &IntegrationName,
        test: IntegrationTest,
    ) -> Result<bool> {
        let name = name.clone();
        self.write_durably("record a test of the integration", move |tx| {
            integrations::record_test(tx, org, &name, &test)
        })
        .await
    }

    async fn remove_integration(
        &self,
        org: OrgId,
        name: &IntegrationName,
        now: Timestamp,
    ) -> Result<bool> {
        let name = name.clone();
        self.write_durably("remove the integration", move |tx| {
            integrations::remove(tx, org, &name, now)
        })
        .await
    }

    async fn registry(
        &self,
        org: OrgId,
        key: &str,
        display: &str,
        now: Timestamp,
    ) -> Result<RegistryRecord> {
        let (key, display) = (key.to_owned(), display.to_owned());
        self.write("record the registry", move |tx| {
            registries::registry(tx, org, &key, &display, now)
        })
        .await
    }

    async fn restore_registry(&self, org: OrgId, registry: RegistryId) -> Result<bool> {
        self.write_durably("watch the registry again", move |tx| {
            registries::restore(tx, org, registry)
        })
        .await
    }

    async fn record_repositories(
        &self,
        org: OrgId,
        registry: RegistryId,
        repositories: &[WatchedRepository],
        complete: bool,
        enable_new: bool,
        now: Timestamp,
    ) -> Result<Vec<RepositoryRecord>> {
        let list = repositories.to_vec();
        self.write("record the repositories", move |tx| {
            repositories::record(tx, org, registry, &list, complete, enable_new, now)
        })
        .await
    }

    async fn record_told_repository(
        &self,
        org: OrgId,
        registry: RegistryId,
        repository: &WatchedRepository,
        enable_new: bool,
        now: Timestamp,
    ) -> Result<RepositoryRecord> {
        let repository = repository.clone();
        self.write("record a repository", move |tx| {
            repositories::record_told(tx, org, registry, &repository, enable_new, now)
        })
        .await
    }

    async fn repositories(
        &self,
        org: OrgId,
        registry: Option<RegistryId>,
    ) -> Result<Vec<RepositoryListing>> {
        self.read("list the repositories", move |tx| {
            activation::list(tx, org, registry)
        })
        .await
    }

    async fn set_repositories_enabled(
        &self,
        org: OrgId,
        registry: RegistryId,
        repositories: &[RepositoryName],
        enabled: bool,
        now: Timestamp,
    ) -> Result<u64> {
        let names = repositories.to_vec();
        self.write_durably("enable or disable repositories", move |tx| {
            activation::set_enabled(tx, org, registry, &names, enabled, now)
        })
        .await
    }

    async fn activations(&self, org: OrgId, registry: RegistryId) -> Result<Vec<RepositoryRecord>> {
        self.read("list what was enabled", move |tx| {
            activation::due(tx, org, registry)
        })
        .await
    }

    async fn finish_activation(&self, org: OrgId, repository: &RepositoryRecord) -> Result<()> {
        let repository = repository.clone();
        self.write("record an activation", move |tx| {
            activation::finish(tx, org, &repository)
        })
        .await
    }

    async fn known_tags(&self, org: OrgId, repository: RepositoryId) -> Result<Vec<KnownTag>> {
        self.read("list the known tags", move |tx| {
            listings::known_tags(tx, org, repository)
        })
        .await
    }

    async fn observe(
        &self,
        org: OrgId,
        repository: RepositoryId,
        observation: Observation,
    ) -> Result<Observed> {
        self.write("record a tag", move |tx| {
            tags::observe(tx, org, repository, &observation)
        })
        .await
    }

    async fn record_listing(
        &self,
        org: OrgId,
        repository: RepositoryId,
        tags: &[Tag],
        now: Timestamp,
    ) -> Result<u64> {
        let tags = tags.to_vec();
        self.write("record a list of tags", move |tx| {
            listings::record_listing(tx, org, repository, &tags, now)
        })
        .await
    }

    async fn forget_tag(&self, org: OrgId, repository: RepositoryId, tag: &Tag) -> Result<bool> {
        let tag = tag.clone();
        self.write("record that a tag is gone", move |tx| {
            tags::forget(tx, org, repository, &tag)
        })
        .await
    }

    async fn tags_of_digest(
        &self,
        org: OrgId,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Vec<Tag>> {
        let digest = digest.clone();
        self.read("list the tags of a digest", move |tx| {
            tags::of_digest(tx, org, repository, &digest)
        })
        .await
    }

    async fn record_events(
        &self,
        org: OrgId,
        registry: RegistryId,
        events: Vec<NewEvent>,
        now: Timestamp,
    ) -> Result<EventsRecorded> {
        self.write_durably("record events", move |tx| {
            events::record(tx, org, registry, &events, now)
        })
        .await
    }

    async fn pending_events(
        &self,
        org: OrgId,
        registry: RegistryId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<PendingEvent>> {
        self.read("list the pending events", move |tx| {
            events::due(tx, org, registry, now, limit)
        })
        .await
    }

    async fn event_backlog(
        &self,
        org: OrgId,
        registry: RegistryId,
    ) -> Result<(u64, Option<Timestamp>)> {
        self.read("count the pending events", move |tx| {
            events::backlog(tx, org, registry)
        })
        .await
    }

    async fn finish_events(&self, org: OrgId, events: &[EventId], now: Timestamp) -> Result<()> {
        let finished = events.to_vec();
        self.write("record that events were worked on", move |tx| {
            events::finish(tx, org, &finished, now)
        })
        .await
    }

    async fn postpone_event(
        &self,
        org: OrgId,
        event: EventId,
        not_before: Timestamp,
    ) -> Result<()> {
        self.write("postpone an event", move |tx| {
            events::postpone(tx, org, event, not_before)
        })
        .await
    }

    async fn due_index_work(
        &self,
        org: OrgId,
        registries: &[RegistryId],
        now: Timestamp,
    ) -> Result<Vec<Option<WorkClass>>> {
        let registries = registries.to_vec();
        self.read("look for index work", move |tx| {
            queue::due(tx, org, &registries, now)
        })
        .await
    }

    async fn lease_index_work(
        &self,
        org: OrgId,
        registry: RegistryId,
        request: LeaseRequest,
    ) -> Result<Vec<IndexWork>> {
        self.write_as_holder("lease index work", move |tx, holder| {
            work::lease(tx, holder.id(), org, registry, request)
        })
        .await
    }

    async fn renew_index_work(&self, work: &IndexWork, until: Timestamp) -> Result<()> {
        let work = work.clone();
        self.write_as_holder("renew a lease on index work", move |tx, holder| {
            work::renew(tx, holder.id(), &work, until)
        })
        .await
    }

    async fn finish_index_work(
        &self,
        work: &IndexWork,
        outcome: ArtifactOutcome,
        now: Timestamp,
    ) -> Result<()> {
        let work = work.clone();
        self.write("record what was indexed", move |tx| {
            work::finish(tx, &work, outcome, now)
        })
        .await
    }

    async fn index_backlog(
        &self,
        org: OrgId,
        registry: RegistryId,
    ) -> Result<(u64, Option<Timestamp>)> {
        self.read("count the index work", move |tx| {
            queue::backlog(tx, org, registry)
        })
        .await
    }

    async fn retry_failed(&self, org: OrgId, which: Retry, now: Timestamp) -> Result<u64> {
        self.write("enqueue what failed", move |tx| {
            queue::retry_failed(tx, org, which, now)
        })
        .await
    }

    async fn enqueue_outdated(
        &self,
        org: OrgId,
        registry: RegistryId,
        analysis_version: u32,
        platforms: &str,
        now: Timestamp,
    ) -> Result<u64> {
        let platforms = platforms.to_owned();
        self.write("enqueue what is outdated", move |tx| {
            queue::enqueue_outdated(tx, org, registry, analysis_version, &platforms, now)
        })
        .await
    }

    async fn lease(&self, name: &str, now: Timestamp, until: Timestamp) -> Result<Option<Lease>> {
        let name = name.to_owned();
        self.write_as_holder("take a lease", move |tx, holder| {
            leases::lease(tx, holder.id(), &name, now, until)
        })
        .await
    }

    async fn release(&self, lease: &Lease) -> Result<()> {
        let lease = lease.clone();
        self.write("give a lease back", move |tx| leases::release(tx, &lease))
            .await
    }

    async fn release_dead_holders(&self) -> Result<u64> {
        self.write_as_holder("free the leases of the dead", holder::release_dead)
            .await
    }

    async fn layer_of_blob(&self, blob: &Digest, analysis_version: u32) -> Result<Option<Digest>> {
        let blob = blob.clone();
        self.read("look up a blob", move |tx| {
            layers::of_blob(tx, &blob, analysis_version)
        })
        .await
    }

    async fn layer_analysis(
        &self,
        diff_id: &Digest,
        analysis_version: u32,
    ) -> Result<Option<Vec<u8>>> {
        let diff_id = diff_id.clone();
        self.read("read a layer's analysis", move |tx| {
            layers::analysis(tx, &diff_id, analysis_version)
        })
        .await
    }

    async fn record_layer(&self, layer: NewLayer, now: Timestamp) -> Result<()> {
        self.write("record a layer", move |tx| layers::record(tx, &layer, now))
            .await
    }

    async fn image_by_manifest(
        &self,
        manifest: &Digest,
        analysis_version: u32,
    ) -> Result<Option<ImageId>> {
        let manifest = manifest.clone();
        self.read("look up an image", move |tx| {
            images::by_manifest(tx, &manifest, analysis_version)
        })
        .await
    }

    async fn image(&self, image: ImageId) -> Result<Option<ImageRecord>> {
        self.read("read an image", move |tx| images::find(tx, image))
            .await
    }

    async fn packages(&self, packages: &RoaringBitmap) -> Result<Vec<NumberedPackage>> {
        let numbers = packages.clone();
        self.read("read packages", move |tx| packages::list(tx, &numbers))
            .await
    }

    async fn record_environment_image(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
        source: &str,
        image: EnvironmentImage,
    ) -> Result<()> {
        let (environment, source) = (environment.clone(), source.to_owned());
        self.write_durably("record an image in an environment", move |tx| {
            environments::record(tx, org, &environment, &source, &image)
        })
        .await
    }

    async fn environments(&self, org: OrgId) -> Result<Vec<EnvironmentRecord>> {
        self.read("list the environments", move |tx| {
            environments::list(tx, org)
        })
        .await
    }

    async fn environment_images(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
    ) -> Result<Vec<EnvironmentImage>> {
        let environment = environment.clone();
        self.read("list an environment's images", move |tx| {
            environments::images(tx, org, &environment)
        })
        .await
    }

    async fn recorded_images(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
    ) -> Result<Vec<RecordedImage>> {
        let environment = environment.clone();
        self.read("list what was recorded in an environment", move |tx| {
            environments::recorded(tx, org, &environment)
        })
        .await
    }

    async fn forget_environment_images(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
        source: &str,
        images: &[(RepositoryId, ImageId)],
    ) -> Result<u64> {
        let (environment, source) = (environment.clone(), source.to_owned());
        let images = images.to_vec();
        self.write_durably("take images out of an environment", move |tx| {
            environments::forget(tx, org, &environment, &source, &images)
        })
        .await
    }

    async fn replace_share(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
        source: &str,
        images: Vec<RunningImageRecord>,
        now: Timestamp,
    ) -> Result<ShareRecord> {
        let (environment, source) = (environment.clone(), source.to_owned());
        self.write_durably("record what runs", move |tx| {
            let share = share(org, &environment, &source);
            shares::replace(tx, share, images, now)
        })
        .await
    }

    async fn record_share_failure(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
        source: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<()> {
        let (environment, source) = (environment.clone(), source.to_owned());
        let reason = reason.to_owned();
        self.write("record that it is not known what runs", move |tx| {
            let share = share(org, &environment, &source);
            shares::record_failure(tx, share, &reason, now)
        })
        .await
    }

    async fn remove_share(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
        source: &str,
    ) -> Result<bool> {
        let (environment, source) = (environment.clone(), source.to_owned());
        self.write_durably("forget what runs", move |tx| {
            shares::remove(tx, share(org, &environment, &source))
        })
        .await
    }

    async fn shares(&self, org: OrgId) -> Result<Vec<ShareRecord>> {
        self.read("list who says what runs", move |tx| shares::list(tx, org))
            .await
    }

    async fn running_images(
        &self,
        org: OrgId,
        environment: &EnvironmentName,
    ) -> Result<Vec<RunningImageStatus>> {
        let environment = environment.clone();
        self.read("list what runs", move |tx| {
            shares::running(tx, org, &environment)
        })
        .await
    }

    async fn join_running(
        &self,
        org: OrgId,
        images: Vec<RunningImageRecord>,
    ) -> Result<Vec<RunningStatus>> {
        self.read("tell what is known of images", move |tx| {
            shares::join(tx, org, &images)
        })
        .await
    }

    async fn enqueue_judgement(&self, org: OrgId) -> Result<()> {
        self.write("ask for judgement", move |tx| judgement::enqueue(tx, org))
            .await
    }

    async fn judge_work(&self, now: Timestamp) -> Result<Vec<JudgeWork>> {
        self.read("list what is to be judged", move |tx| {
            judgement::work(tx, now)
        })
        .await
    }

    async fn feeds(&self) -> Result<Vec<FeedRecord>> {
        self.read("list the advisory feeds", feeds::list).await
    }

    async fn record_feeds(&self, judge: &Lease, feeds: Vec<FeedRecord>) -> Result<()> {
        let judge = judge.clone();
        self.write("record the advisory feeds", move |tx| {
            leases::check(tx, &judge)?;
            feeds::record(tx, feeds)
        })
        .await
    }

    async fn kev(&self) -> Result<Option<KevRecord>> {
        self.read("read the known exploited vulnerabilities", feeds::kev)
            .await
    }

    async fn record_kev(&self, judge: &Lease, kev: Option<KevRecord>) -> Result<()> {
        let judge = judge.clone();
        self.write("record the known exploited vulnerabilities", move |tx| {
            leases::check(tx, &judge)?;
            feeds::record_kev(tx, kev.as_ref())
        })
        .await
    }

    async fn ecosystems_in_use(&self) -> Result<BTreeSet<String>> {
        self.read("list the ecosystems in use", packages::ecosystems)
            .await
    }

    async fn stale_packages(
        &self,
        after: Option<PackageId>,
        limit: u32,
    ) -> Result<Vec<NumberedPackage>> {
        self.read("list packages to match", move |tx| {
            packages::stale(tx, after, limit)
        })
        .await
    }

    async fn record_findings(&self, judge: &Lease, findings: Vec<PackageFindings>) -> Result<()> {
        let judge = judge.clone();
        self.write("record findings", move |tx| {
            leases::check(tx, &judge)?;
            findings::record(tx, &findings)
        })
        .await
    }

    async fn findings(
        &self,
        packages: &RoaringBitmap,
    ) -> Result<BTreeMap<PackageId, PackageFindings>> {
        let packages = packages.clone();
        self.read("read findings", move |tx| {
            findings::of_packages(tx, &packages)
        })
        .await
    }

    async fn judge_input(&self, org: OrgId) -> Result<JudgeInput> {
        self.read("read what is to be judged", move |tx| {
            judge_input::read(tx, org)
        })
        .await
    }

    async fn publish(&self, judge: &Lease, work: JudgeWork, snapshot: Snapshot) -> Result<u64> {
        let judge = judge.clone();
        self.write("publish the snapshot", move |tx| {
            leases::check(tx, &judge)?;
            judgement::publish(tx, work, snapshot)
        })
        .await
    }

    async fn snapshot(&self, org: OrgId) -> Result<Option<Snapshot>> {
        self.read("read the snapshot", move |tx| judgement::snapshot(tx, org))
            .await
    }

    async fn standings(&self, org: OrgId) -> Result<Option<Standings>> {
        self.read("read what stands", move |tx| standings::read(tx, org))
            .await
    }

    async fn record_standings(
        &self,
        judge: &Lease,
        org: OrgId,
        change: StandingsChange,
    ) -> Result<u64> {
        let judge = judge.clone();
        self.write("record notices", move |tx| {
            leases::check(tx, &judge)?;
            standings::record(tx, org, &change)
        })
        .await
    }

    async fn extended_snapshot(&self, org: OrgId) -> Result<Option<Snapshot>> {
        self.read("read the extended snapshot", move |tx| {
            extended::snapshot(tx, org)
        })
        .await
    }

    async fn repository_references(&self, org: OrgId) -> Result<BTreeMap<RepositoryId, String>> {
        self.read("list the repositories", move |tx| {
            extended::references(tx, org)
        })
        .await
    }

    async fn record_sweep(
        &self,
        org: OrgId,
        registry: RegistryId,
        started: Timestamp,
    ) -> Result<()> {
        self.write("record a sweep", move |tx| {
            extended::record_sweep(tx, org, registry, started)
        })
        .await
    }

    async fn upkeep(&self, org: OrgId) -> Result<Upkeep> {
        self.read("tell what waits and how old sources are", move |tx| {
            extended::upkeep(tx, org)
        })
        .await
    }

    async fn open_channels(&self, org: OrgId, keys: &[ChannelKey], now: Timestamp) -> Result<()> {
        let keys = keys.to_vec();
        self.write("record the channels", move |tx| {
            channels::open(tx, org, &keys, now)
        })
        .await
    }

    async fn channels(&self, org: OrgId) -> Result<Vec<ChannelRecord>> {
        self.read("list the channels", move |tx| channels::list(tx, org))
            .await
    }

    async fn pending_notices(&self, org: OrgId, key: &ChannelKey) -> Result<Vec<PendingNotice>> {
        let key = key.clone();
        self.read("list the notices", move |tx| {
            channels::pending(tx, org, &key)
        })
        .await
    }

    async fn finish_notices(
        &self,
        org: OrgId,
        key: &ChannelKey,
        last: Option<NoticeId>,
        sent: Option<(Timestamp, u64)>,
    ) -> Result<()> {
        let key = key.clone();
        self.write("record sent notices", move |tx| {
            channels::finish(tx, org, &key, last, sent)
        })
        .await
    }

    async fn record_channel_failure(
        &self,
        org: OrgId,
        key: &ChannelKey,
        failure: ChannelFailure,
    ) -> Result<()> {
        let key = key.clone();
        self.write("record a failure to send", move |tx| {
            channels::record_failure(tx, org, &key, &failure)
        })
        .await
    }

    async fn health(&self, now: Timestamp) -> Result<RecordHealth> {
        self.read("tell how the record is doing", move |tx| {
            health::health(tx, now)
        })
        .await
    }

    async fn artifacts(
        &self,
        org: OrgId,
        state: Option<ArtifactState>,
    ) -> Result<Vec<ArtifactRecord>> {
        self.read("list the artifacts", move |tx| {
            artifacts::list(tx, org, state)
        })
        .await
    }
}

fn share<'a>(org: OrgId, environment: &'a EnvironmentName, source: &'a str) -> shares::Share<'a> {
    shares::Share {
        org,
        environment,
        source,
    }
}
