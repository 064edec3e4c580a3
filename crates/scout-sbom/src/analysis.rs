//! What one layer holds: every entry, and what its evidence files say. It stands alone; only
//! composition knows what lies below.

use scout_envs::license::License;
use scout_envs::{Certainty, Digest, Distribution, Gap, GapKind, Package};

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
pub const ANALYSIS_VERSION: u32 = 3;

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
    /// What a program was linked from, or what is in an archive.
    Packages(Parts),
    /// The licence of one package of a distribution.
    License(License),
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

/// The packages in one file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Parts {
    pub(crate) packages: Vec<Part>,
    /// Why some packages are missing, if some are.
    pub(crate) incomplete: Option<String>,
}

/// One package in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Part {
    pub(crate) package: Package,
    /// Where it is inside of the file, if that is an archive.
    pub(crate) place: Option<String>,
    pub(crate) certainty: Certainty,
}

impl Part {
    /// Returns a package that the file itself states.
    pub(crate) fn stated(package: Package) -> Self {
        Self {
            package,
            place: None,
            certainty: Certainty::Stated,
        }
    }
}

impl Parts {
    /// Longest name, version or place of a package, in bytes: what Linux can open. The texts come
    /// from strangers, and each is kept.
    const MAX_TEXT_BYTES: usize = 4096;

    /// Adds a package, or notes why it is missing.
    pub(crate) fn push(&mut self, part: Part, limits: &Limits) {
        let place = part.place.as_ref().map_or(0, String::len);
        let (name, version) = (part.package.name.len(), part.package.version.len());
        if name.max(version).max(place) > Self::MAX_TEXT_BYTES {
            self.note_incomplete("a package's name or version is too long");
        } else if self.packages.len() as u64 >= limits.packages {
            self.note_incomplete(format!("it has more than {} packages", limits.packages));
        } else {
            self.packages.push(part);
        }
    }

    /// Notes why a package is missing; the first reason stays.
    pub(crate) fn note_incomplete(&mut self, reason: impl Into<String>) {
        self.incomplete.get_or_insert_with(|| reason.into());
    }

    /// Returns about how many bytes the texts take.
    pub(crate) fn size(&self) -> u64 {
        let bytes = |part: &Part| {
            part.package.name.len()
                + part.package.version.len()
                + part.place.as_ref().map_or(0, String::len)
        };
        self.packages.iter().map(bytes).sum::<usize>() as u64
    }

    /// Returns what a file with these packages tells.
    pub(crate) fn into_finding(mut self) -> Finding {
        self.packages.sort_unstable_by(|a, b| {
            (&a.package, &a.place, a.certainty).cmp(&(&b.package, &b.place, b.certainty))
        });
        self.packages.dedup();
        match self.incomplete {
            Some(reason) if self.packages.is_empty() => Finding::Damaged(reason),
            None if self.packages.is_empty() => Finding::Nothing,
            _ => Finding::Packages(self),
        }
    }
}

#[cfg(test)]
mod tests;
