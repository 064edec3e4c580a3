#![doc = include_str!("../README.md")]

mod analysis;
mod budget;
mod compose;
mod document;
mod error;
mod layer;
mod limits;
mod path;
mod purl;
mod reader;
mod stream;
mod tar;
#[cfg(test)]
mod testing;
mod tree;

pub use analysis::{ANALYSIS_VERSION, EntryKind, LayerAnalysis};
pub use budget::{Budget, BudgetStats};
pub use compose::{Composition, Database, InstalledPackage, compose};
pub use document::{Document, DocumentFormat, DocumentPackage};
pub use error::{Error, Result};
pub use layer::{AnalyzedLayer, analyze_layer};
pub use limits::Limits;
pub use purl::purl;
