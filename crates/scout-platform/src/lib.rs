#![doc = include_str!("../README.md")]

mod activation;
mod clock;
mod environment;
mod error;
mod hint;
mod index;
mod judge;
mod lookup;
mod notices;
mod pipe;
mod plan;
mod report;
mod retry;
mod runtime;
mod stats;
mod sweep;
mod tag_order;
#[cfg(test)]
mod testing;
mod token;
mod watch;
mod watched;

pub use clock::Clock;
pub use environment::{
    MANUAL_SOURCE, Removed, assign, assign_platform, known_environments, remove_environment,
    remove_image, remove_source,
};
pub use error::{Error, Result};
pub use hint::EventRecorder;
pub use index::{Indexer, IndexerOptions, chain};
pub use judge::{AdvisorySource, Judge, JudgeOutcome};
pub use lookup::{Organization, organization};
pub use notices::{Notifier, Outlet};
pub use plan::{Plan, PlannedTag, plan};
pub use report::{
    AffectedPackage, Change, CoverageReport, CveFinding, CveReport, EnvironmentLine,
    EnvironmentReport, ImageLine, ImageReport, MissingFeed, PlatformLine, PolicyChange, PolicyLine,
    Reader, RepositoryChange, SeverityLine, ShareLine, StreamComparison, StreamImage, StreamLine,
    StreamReport, Summary, TagLine, TagState, UnknownLine, VulnerabilityChanges, VulnerabilityLine,
    WaitingLine, WorkloadLine,
};
pub use retry::{retry_failed, retry_image};
pub use runtime::{
    InvalidRunningList, LIST_SOURCE, PlannedImage, RunningList, plan_runtime, record_running,
    replace_share, sync_list, sync_runtime,
};
pub use scout_sbom::{Document, DocumentFormat, DocumentPackage};
pub use scout_store::{
    ArtifactState, ChannelHealth, OrgHealth, RecordHealth, ShareHealth, WorkClass, WorkState,
};
pub use stats::{
    AttemptOutcome, ErrorKind, JudgeCounters, JudgeStats, RegistryStats, RuntimeStats,
    SourceCounters, SourceStats, SweepOutcome, WatchStats,
};
pub use sweep::{Problems, SweepOptions, SweepReport, Sweeper};
pub use token::{TOKEN_USE_INTERVAL, TokenUse, create_token};
pub use watch::{Progress, RunReport, Source, WatchOptions, Watcher};
pub use watched::Watched;
