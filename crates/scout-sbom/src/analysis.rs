//! What one layer holds: every entry, and what its evidence files say. It stands alone; only
//! composition knows what lies below.

use scout_envs::{Digest, Distribution, Gap, GapKind, Package};

mod codec;
mod table;
mod wire;

pub use table::EntryKind;
use table::EntryTable;
pub(crate) use table::{PathList, TableBuilder};

use crate::error::Result;
use crate::limits::Limits;
use crate::reader::{Class, Unreadable};

/// The version of the readers. Stored analyses of another version are not used.
pub const ANALYSIS_VERSION: u32 = 2;

/// Everything that was learned from one layer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LayerAnalysis {
    pub(crate) entries: EntryTable,
    /// In the order of the entries that are marked as evidence.
    pub(crate) evidence: Vec<Evidence>,
    /// What could not be read of the layer as such.
    pub(crate) gaps: Vec<Gap>,
}

impl LayerAnalysis {
    /// Returns the analysis of a layer that could not be read: empty, with the reason as a gap.
    ///
    /// It keeps the place of the layer in [`compose`](crate::compose), so that the image is
    /// judged as far as it is known.
    #[must_use]
    pub fn unreadable(layer: &Digest, reason: impl Into<String>) -> Self {
        Self {
            gaps: vec![Gap {
                kind: GapKind::Layer,
                path: layer.to_string(),
                reason: reason.into(),
            }],
            ..Self::default()
        }
    }

    /// Returns the stored form: versioned, compressed, with a checksum.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`Error::OtherVersion`](crate::Error::OtherVersion) if other readers wrote it and
    /// [`Error::DamagedAnalysis`](crate::Error::DamagedAnalysis) if it is not what was written:
    /// analyze the layer again in both cases.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        codec::decode(bytes)
    }

    /// Returns how many entries the layer has, whiteouts included.
    #[must_use]
    pub fn entry_count(&self) -> u64 {
        self.entries.len()
    }

    /// Calls `visit` with the clean path (raw bytes) and the kind of each entry, in tar order.
    pub fn for_each_entry(&self, mut visit: impl FnMut(&[u8], EntryKind<'_>)) {
        let mut cursor = self.entries.cursor();
        while let Some(entry) = cursor.advance() {
            visit(entry.path, entry.kind);
        }
    }
}

/// What one file tells about the packages in the image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Evidence {
    pub(crate) class: Class,
    pub(crate) finding: Finding,
}

/// The result of reading an evidence file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Finding {
    /// It tells nothing, and that is all right.
    Nothing,
    /// The fields of an os-release file.
    Distribution(Distribution),
    /// A distribution's database.
    Database(Records),
    /// The files of one distribution package.
    FileList(PathList),
    /// One package of a language.
    Package(Package),
    /// It is of a format that is not read yet.
    Unread,
    /// It is damaged or over a limit.
    Damaged(String),
}

/// The packages of one database file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Records {
    pub(crate) packages: Vec<Record>,
    /// Why some packages are missing, if some are.
    pub(crate) incomplete: Option<String>,
}

impl Records {
    /// Adds a package, or says that there are too many.
    pub(crate) fn push(&mut self, record: Record, limits: &Limits) -> Result<(), Unreadable> {
        if self.packages.len() as u64 >= limits.packages {
            let reason = format!("it has more than {} packages", limits.packages);
            return Err(Unreadable::new(reason));
        }
        self.packages.push(record);
        Ok(())
    }

    /// Notes why a package is missing; the first reason stays.
    pub(crate) fn note_incomplete(&mut self, reason: String) {
        self.incomplete.get_or_insert(reason);
    }
}

/// One package of a database, with its files where the database lists them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Record {
    pub(crate) package: Package,
    pub(crate) files: PathList,
}

#[cfg(test)]
mod tests;
