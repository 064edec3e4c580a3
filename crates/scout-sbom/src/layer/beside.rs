//! rpm's sqlite database and its write-ahead log: two files that tell something only together.
//! They lie in one directory, so one of them is kept until the archive leaves it.

use super::Builder;
use crate::analysis::Finding;
use crate::budget::Stored;
use crate::reader::{Class, Unreadable, read_rpm_sqlite};

/// The one of the two that came first.
pub(super) struct Beside {
    directory: Vec<u8>,
    class: Class,
    file: Stored,
    /// Which evidence it became.
    position: usize,
}

impl Beside {
    /// Returns how many bytes are kept.
    pub(super) fn len(&self) -> u64 {
        self.file.len()
    }
}

impl Builder<'_> {
    /// Forgets what was kept if the archive is in another directory by now.
    pub(super) fn leave_others(&mut self, directory: &[u8]) {
        if let Some(beside) = &self.beside
            && beside.directory != directory
        {
            self.beside = None;
        }
    }

    /// Reads a database or a log, together with the other one if that came before.
    pub(super) fn read_beside(
        &mut self,
        class: Class,
        directory: &[u8],
        mut file: Stored,
    ) -> Result<Finding, Unreadable> {
        let other = self.beside.take().filter(|other| other.class != class);
        let is_log = class == Class::RpmSqliteLog;
        let finding = match other {
            Some(mut other) if is_log => {
                let merged = read_rpm_sqlite(&mut other.file, Some(&mut file), self.limits)?;
                let merged = Finding::Database(merged);
                self.count(&merged);
                self.replace(other.position, merged);
                return Ok(Finding::Nothing);
            }
            Some(mut other) => {
                let merged = read_rpm_sqlite(&mut file, Some(&mut other.file), self.limits)?;
                self.replace(other.position, Finding::Nothing);
                return Ok(Finding::Database(merged));
            }
            None if is_log => Ok(Finding::Unread),
            None => read_rpm_sqlite(&mut file, None, self.limits).map(Finding::Database),
        };
        self.beside = Some(Beside {
            directory: directory.to_vec(),
            class,
            file,
            position: self.evidence.len(),
        });
        finding
    }

    fn replace(&mut self, position: usize, finding: Finding) {
        if let Some(evidence) = self.evidence.get_mut(position) {
            evidence.finding = finding;
        }
    }
}
