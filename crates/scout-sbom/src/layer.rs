//! One pass over one layer: every entry is recorded, every evidence file read as it comes by.

mod beside;

use std::io::{BufRead, Read};

use scout_envs::{Digest, Gap, GapKind};

use beside::Beside;

use crate::analysis::{EntryKind, Evidence, Finding, LayerAnalysis, Records, TableBuilder};
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::path::{clean, display, split};
use crate::reader::{self, Class, ExecutableScan, Unreadable, classify};
use crate::stream::{LayerStream, Totals};
use crate::tar::{TarKind, TarWalker};

const WHITEOUT: &[u8] = b".wh.";
/// Names that AUFS kept for itself; also the start of the mark for opaque directories.
const WHITEOUT_META: &[u8] = b".wh..wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Most gaps noted about a layer as such: 100 tell enough, and a hostile layer has no more say.
const MAX_LAYER_GAPS: usize = 100;

/// A layer that was read to its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AnalyzedLayer {
    /// The SHA-256 of all uncompressed bytes, computed here.
    pub diff_id: Digest,
    /// How many bytes the input had.
    pub compressed_bytes: u64,
    /// How many bytes they decompressed to.
    pub uncompressed_bytes: u64,
    /// What the layer holds.
    pub analysis: LayerAnalysis,
}

/// Reads one layer: plain tar, gzip or zstd, told by its first bytes.
///
/// The input is read to its end even if the layer is damaged, so that a reader that verifies a
/// digest can do so; its error is then returned instead. Blocks while the budget is used up.
///
/// # Errors
/// [`Error::Input`] if `input` fails, [`Error::Corrupt`] and [`Error::Limit`] if the layer is at
/// fault, [`Error::Spool`] and [`Error::Busy`] if this machine is.
pub fn analyze_layer(
    mut input: impl Read,
    limits: &Limits,
    budget: &Budget,
) -> Result<AnalyzedLayer> {
    analyze(&mut input, limits, budget)
}

fn analyze(input: &mut dyn Read, limits: &Limits, budget: &Budget) -> Result<AnalyzedLayer> {
    let outcome = LayerStream::open(input, limits, budget).and_then(|stream| {
        let mut walker = TarWalker::new(stream, limits);
        let mut builder = Builder::new(limits, budget);
        match builder.walk(&mut walker) {
            Ok(()) => Ok((walker.into_stream().finish()?, builder.finish())),
            Err(error) => Err((walker.into_stream().into_source(), error)),
        }
    });
    match outcome {
        Ok((totals, analysis)) => {
            let Totals {
                diff_id,
                compressed_bytes,
                uncompressed_bytes,
            } = totals;
            Ok(AnalyzedLayer {
                diff_id,
                compressed_bytes,
                uncompressed_bytes,
                analysis,
            })
        }
        Err((_, error @ Error::Input(_))) => Err(error),
        Err((mut source, error)) => {
            // A digest that does not match explains the damage better than we can.
            source.drain()?;
            Err(error)
        }
    }
}

struct Builder<'a> {
    limits: &'a Limits,
    budget: &'a Budget,
    entries: TableBuilder,
    evidence: Vec<Evidence>,
    gaps: Vec<Gap>,
    packages: u64,
    list_bytes: u64,
    path: Vec<u8>,
    beside: Option<Beside>,
}

impl<'a> Builder<'a> {
    fn new(limits: &'a Limits, budget: &'a Budget) -> Self {
        Self {
            limits,
            budget,
            entries: TableBuilder::default(),
            evidence: Vec::new(),
            gaps: Vec::new(),
            packages: 0,
            list_bytes: 0,
            path: Vec::new(),
            beside: None,
        }
    }

    fn finish(self) -> LayerAnalysis {
        LayerAnalysis {
            entries: self.entries.finish(),
            evidence: self.evidence,
            gaps: self.gaps,
        }
    }

    fn walk(&mut self, walker: &mut TarWalker<'_>) -> Result<()> {
        while walker.advance()? {
            self.add(walker)?;
            if self.entries.size() + self.list_bytes > self.limits.path_table_bytes {
                return Err(Error::Limit {
                    what: "bytes of paths",
                    limit: self.limits.path_table_bytes,
                });
            }
            if self.packages > self.limits.packages {
                return Err(Error::Limit {
                    what: "packages",
                    limit: self.limits.packages,
                });
            }
        }
        Ok(())
    }

    fn add(&mut self, walker: &mut TarWalker<'_>) -> Result<()> {
        let mut path = std::mem::take(&mut self.path);
        let result = self.add_at(walker, &mut path);
        self.path = path;
        result
    }

    fn add_at(&mut self, walker: &mut TarWalker<'_>, path: &mut Vec<u8>) -> Result<()> {
        let entry = walker.entry();
        if !clean(&entry.name, path) {
            let raw = entry.name.clone();
            self.note(&raw, "its name leads out of the image");
            return Ok(());
        }
        let (directory, name) = split(path);
        self.leave_others(directory);
        if name.starts_with(WHITEOUT) {
            self.add_whiteout(directory, name);
            return Ok(());
        }
        let entry = walker.entry();
        let kind = match entry.kind {
            TarKind::File => {
                let evidence = self.read_file(walker, path)?;
                let is_evidence = evidence.is_some();
                self.evidence.extend(evidence);
                self.entries.push(path, EntryKind::File, is_evidence);
                return Ok(());
            }
            TarKind::Directory => EntryKind::Directory,
            TarKind::Symlink => EntryKind::Symlink(&entry.link),
            TarKind::HardLink => EntryKind::HardLink(&entry.link),
            TarKind::Other => EntryKind::Other,
        };
        if !path.is_empty() {
            self.entries.push(path, kind, false);
        }
        Ok(())
    }

    fn add_whiteout(&mut self, directory: &[u8], name: &[u8]) {
        if name == OPAQUE {
            self.entries.push(directory, EntryKind::Opaque, false);
            return;
        }
        if name.starts_with(WHITEOUT_META) {
            return;
        }
        let hidden = name.get(WHITEOUT.len()..).unwrap_or_default();
        if matches!(hidden, b"" | b"." | b"..") {
            let path = [directory, b"/", name].concat();
            self.note(&path, "a whiteout that hides nothing");
            return;
        }
        let path = if directory.is_empty() {
            hidden.to_vec()
        } else {
            [directory, b"/", hidden].concat()
        };
        self.entries.push(&path, EntryKind::Whiteout, false);
    }

    fn note(&mut self, path: &[u8], reason: &str) {
        if self.gaps.len() < MAX_LAYER_GAPS {
            // A gap is for people: the start of a name of 64 KiB tells them enough.
            let shown = path.get(..path.len().min(200)).unwrap_or_default();
            self.gaps.push(Gap {
                kind: GapKind::Layer,
                path: display(shown),
                reason: reason.to_owned(),
            });
        }
    }

    fn read_file(&mut self, walker: &mut TarWalker<'_>, path: &[u8]) -> Result<Option<Evidence>> {
        let Some(class) = classify(path) else {
            let found = scan_executable(walker, self.limits)?;
            return Ok(found.map(|(class, finding)| {
                self.count(&finding);
                Evidence { class, finding }
            }));
        };
        let finding = self.read_evidence(walker, class, path)?;
        if class == Class::NpmStored && !matches!(finding, Finding::Package(_)) {
            return Ok(None);
        }
        self.count(&finding);
        Ok(Some(Evidence { class, finding }))
    }

    /// Notes what is kept because of a file, for the limits of the layer.
    fn count(&mut self, finding: &Finding) {
        match finding {
            Finding::Database(records) => {
                self.packages += records.packages.len() as u64;
                let sizes = records.packages.iter().map(|record| record.files.size());
                self.list_bytes += sizes.sum::<u64>();
            }
            Finding::FileList(files) => self.list_bytes += files.size(),
            Finding::Package(_) => self.packages += 1,
            Finding::Packages(parts) => {
                self.packages += parts.packages.len() as u64;
                self.list_bytes += parts.size();
            }
            _ => {}
        }
    }

    fn read_evidence(
        &mut self,
        walker: &mut TarWalker<'_>,
        class: Class,
        path: &[u8],
    ) -> Result<Finding> {
        let (size, is_sparse) = (walker.entry().size, walker.entry().is_sparse);
        if class == Class::RpmSqliteLog && size == 0 {
            return Ok(Finding::Nothing);
        }
        if !class.is_read() {
            return Ok(Finding::Unread);
        }
        if is_sparse {
            return Ok(Finding::Damaged("it is stored as a sparse file".to_owned()));
        }
        let max = class.max_bytes(self.limits);
        if size > max {
            return Ok(Finding::Damaged(format!("it has more than {max} bytes")));
        }
        let mut content = walker.content();
        let (directory, name) = split(path);
        let finding = if class.is_stored() {
            // Who keeps a file must not wait for another one.
            let stored = match &self.beside {
                Some(beside) => self.budget.store_inner(size, beside.len(), &mut content),
                None => self.budget.store(size, &mut content),
            };
            match stored {
                Ok(Some(stored)) if matches!(class, Class::RpmSqlite | Class::RpmSqliteLog) => {
                    Ok(self.read_beside(class, directory, stored))
                }
                Ok(Some(stored)) => {
                    reader::read_stored(class, name, stored, self.limits, self.budget)
                }
                Ok(None) => Ok(Err(Unreadable::new("it is larger than the whole spool"))),
                Err(error) => Err(error),
            }
        } else {
            Ok(reader::read(class, &mut content, self.limits))
        };
        if let Some(failure) = content.into_failure() {
            return Err(failure);
        }
        Ok(match finding? {
            Ok(Finding::Database(records)) if is_hollow(&records) => {
                Finding::Damaged(records.incomplete.unwrap_or_default())
            }
            Ok(finding) => finding,
            Err(Unreadable(reason)) => Finding::Damaged(reason),
        })
    }
}

/// Returns whether nothing of a database could be read.
fn is_hollow(records: &Records) -> bool {
    records.packages.is_empty() && records.incomplete.is_some()
}

/// Looks into a file that is a program, and skips any other.
fn scan_executable(
    walker: &mut TarWalker<'_>,
    limits: &Limits,
) -> Result<Option<(Class, Finding)>> {
    let mut head = [0; ExecutableScan::HEAD_BYTES];
    let entry = walker.entry();
    if entry.size < head.len() as u64 || entry.is_sparse {
        return Ok(None);
    }
    let mut content = walker.content();
    let mut scan = None;
    let scanned = content.read_exact(&mut head).and_then(|()| {
        if !ExecutableScan::wants(head) {
            return Ok(());
        }
        let scan = scan.insert(ExecutableScan::new(limits));
        let mut wants_more = scan.push(&head);
        while wants_more {
            let chunk = content.fill_buf()?;
            if chunk.is_empty() {
                break;
            }
            wants_more = scan.push(chunk);
            let used = chunk.len();
            content.consume(used);
        }
        Ok(())
    });
    match (content.into_failure(), scanned) {
        (Some(failure), _) => Err(failure),
        (None, Ok(())) => Ok(scan.and_then(|scan| scan.finish(limits))),
        (None, Err(source)) => Err(Error::Input(source)),
    }
}

#[cfg(test)]
mod tests;
