#![doc = include_str!("../README.md")]

mod coverage;
mod digest;
mod distribution;
mod environment;
mod extended;
mod filter;
mod finding;
mod gap;
mod image;
mod integration;
pub mod license;
mod name;
mod organization;
mod package;
mod platform;
pub mod policy;
mod reference;
mod repository;
mod role;
mod severity;
mod snapshot;
mod stream;
mod upkeep;
mod vulnerability;

pub use coverage::{Coverage, Unknown};
pub use digest::{Digest, DigestAlgorithm, InvalidDigest};
pub use distribution::Distribution;
pub use environment::{EnvironmentName, InvalidEnvironmentName};
pub use extended::{
    Extended, ExtendedStream, MAX_REPOSITORY_ROWS, MemberCounts, OtherRepositories,
    RepositoryCounts,
};
pub use filter::{InvalidGlob, RepositoryFilter};
pub use finding::{Finding, SeveritySource};
pub use gap::{Gap, GapKind};
pub use image::ImageConfig;
pub use integration::{IntegrationName, InvalidIntegrationName};
pub use organization::{InvalidOrgName, OrgName};
pub use package::{
    Certainty, Ecosystem, MatchKey, Package, PackageType, SourcePackage, UnknownPackageType,
};
pub use platform::{InvalidPlatform, Platform, PlatformChoice};
pub use policy::{Policy, PolicyId, Verdict};
pub use reference::{ImageReference, InvalidReference};
pub use repository::{InvalidRepositoryName, InvalidTag, RepositoryName, Tag};
pub use role::{Role, UnknownRole};
pub use severity::{Severity, SeverityCounts, UnknownSeverity};
pub use snapshot::{PolicyCounts, Snapshot, StreamSnapshot};
pub use stream::{InvalidStreamName, StreamName};
pub use upkeep::{NotAnalyzed, RuntimeSync, Upkeep};
pub use vulnerability::VulnerabilityId;
