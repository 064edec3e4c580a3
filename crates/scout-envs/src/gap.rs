//! What could not be read in an image. A gap is never a zero: it keeps policies at *no data*.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of thing that could not be read.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum GapKind {
    /// A package database that is damaged, or in a format not read yet.
    PackageDatabase,
    /// An archive that may hold packages (jar, war, egg) and could not be read, or not all of it.
    Archive,
    /// A program whose list of what was linked into it could not be read.
    Executable,
    /// The record of one installed package is damaged or over a limit.
    PackageRecord,
    /// A hard link to content that was not read.
    HardLink,
    /// A whole layer that could not be read, or was cut at a limit.
    Layer,
}

impl GapKind {
    /// Returns the name used in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PackageDatabase => "package database",
            Self::Archive => "archive",
            Self::Executable => "executable",
            Self::PackageRecord => "package record",
            Self::HardLink => "hard link",
            Self::Layer => "layer",
        }
    }
}

impl fmt::Display for GapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing in an image that could not be read, with the reason.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Gap {
    /// What kind of thing it is.
    pub kind: GapKind,
    /// Where it is: a path in the image, or a layer's digest.
    pub path: String,
    /// Why it was not read, for people.
    pub reason: String,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.path, self.reason)
    }
}
