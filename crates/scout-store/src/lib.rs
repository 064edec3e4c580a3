#![doc = include_str!("../README.md")]

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
mod id;
mod model;
mod sqlite;
mod store;

pub use error::{Error, Result};
pub use id::{
    ArtifactId, EventId, ImageId, IntegrationId, NoticeId, OrgId, PackageId, RegistryId,
    RepositoryId, TokenId,
};
pub use model::artifact::{ArtifactOutcome, ArtifactRecord, ArtifactState, FoundImage, Retry};
pub use model::environment::{EnvironmentImage, EnvironmentRecord, RecordedImage};
pub use model::event::{
    CONTENT_KEY_PREFIX, EVENTS_REMEMBERED_FOR, EventAction, EventsRecorded, MAX_EVENT_KEY_BYTES,
    MAX_PENDING_EVENTS, MAX_REMEMBERED_EVENTS, NewEvent, PendingEvent,
};
pub use model::health::{
    ChannelHealth, MAX_HEALTH_ROWS, OrgHealth, RecordHealth, ShareHealth, WorkState,
};
pub use model::image::{ImageFacts, ImageRecord, NewImage, NewLayer};
pub use model::integration::{
    IntegrationAdded, IntegrationFamily, IntegrationRecord, IntegrationTest, IntegrationUpdate,
    IntegrationUpdated, NewIntegration, UnknownFamily,
};
pub use model::judgement::{
    FeedRecord, JudgeInput, JudgeWork, KevRecord, NumberedPackage, PackageFindings, PackagesInUse,
    TagCandidate,
};
pub use model::notice::{
    CHANNELS_REMEMBERED_FOR, ChannelFailure, ChannelKey, ChannelRecord, InvalidChannelKey,
    MAX_PENDING_NOTICES, NewNotice, PendingNotice, Standing, StandingLevel, Standings,
    StandingsChange,
};
pub use model::organization::Organization;
pub use model::repository::{
    RegistryRecord, RepositoryListing, RepositoryRecord, WatchedRepository,
};
pub use model::runtime::{
    JoinedImage, MAX_FAILURE_BYTES, MAX_PACKAGES_IN_USE, MAX_SHARE_IMAGES, MAX_WORKLOADS,
    RunningImageRecord, RunningImageStatus, RunningPackage, RunningStatus, RunningWorkload,
    ShareRecord, WaitingReason,
};
pub use model::tag::{KnownTag, Observation, Observed};
pub use model::token::{NewToken, TOKEN_USE_INTERVAL, TokenGrant, TokenRecord, TokenUse};
pub use model::work::{IndexWork, Lease, LeaseRequest, WorkClass};
pub use sqlite::{Access, SqliteStore};
pub use store::Store;
