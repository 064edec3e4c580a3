#![doc = include_str!("../README.md")]

mod activation;
mod clock;
mod environment;
mod error;
mod hint;
mod index;
mod judge;
mod lookup;
mod pipe;
mod plan;
mod report;
mod retry;
mod runtime;
mod sweep;
mod tag_order;
#[cfg(test)]
mod testing;
mod token;
mod watch;
mod watched;

pub use clock::Clock;
pub use environment::{assign, environment_lines};
pub use error::{Error, Result};
pub use hint::EventRecorder;
pub use index::{Indexer, IndexerOptions, chain};
pub use judge::{AdvisorySource, Judge, JudgeOutcome};
pub use lookup::{Organization, organization};
pub use plan::{PlannedTag, plan};
pub use report::{
    AffectedPackage, CoverageReport, CveFinding, CveReport, EnvironmentLine, EnvironmentReport,
    ImageLine, ImageReport, MissingFeed, PlatformLine, Reader, SbomPackage, SbomReport, ShareLine,
    Summary, UnknownLine, WaitingLine, WorkloadLine,
};
pub use retry::{retry_failed, retry_image};
pub use runtime::{
    InvalidRunningList, LIST_SOURCE, RunningList, replace_share, sync_list, sync_runtime,
};
pub use sweep::{Problems, SweepOptions, SweepReport, Sweeper};
pub use token::create_token;
pub use watch::{RunReport, Source, WatchOptions, Watcher};
pub use watched::Watched;
