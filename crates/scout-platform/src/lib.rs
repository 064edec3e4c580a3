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
    AffectedPackage, CoverageReport, CveFinding, CveReport, ImageLine, ImageReport, MissingFeed,
    PlatformLine, Reader, SbomPackage, SbomReport, Summary, UnknownLine,
};
pub use sweep::{Problems, SweepOptions, SweepReport, Sweeper};
pub use token::create_token;
pub use watch::{RunReport, Source, WatchOptions, Watcher};
pub use watched::Watched;
