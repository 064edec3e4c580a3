#![doc = include_str!("../README.md")]

mod dump;
mod ecosystem;
mod error;
mod identity;
mod index;
mod kev;
mod key;
mod limits;
mod osv;
mod profile;
mod rating;
mod report;
#[cfg(test)]
mod shared;
mod version;

pub use dump::{AdvisoryDir, FeedFile};
pub use ecosystem::{ecosystem_of, feed_url, has_published_feed, has_version_order};
pub use error::{BoxError, Error, Result};
pub use index::AdvisoryIndex;
pub use kev::KevCatalog;
pub use key::match_key;
pub use limits::LoadLimits;
pub use report::{FeedInfo, LoadReport, Problem};
pub use version::compare;
