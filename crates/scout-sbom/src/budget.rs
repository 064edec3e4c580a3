//! The one budget of a process: memory that is waited for, and a spool on disk for the rest.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

mod pool;
mod stored;

pub(crate) use pool::Permit;
use pool::Pool;
pub(crate) use stored::Stored;

use crate::error::{Error, Result};

/// Bytes of memory and of spool that all layer analyses of a process share.
///
/// Clones share one budget. Whoever needs memory for a decompression window waits for it;
/// a file that a reader must see at random goes to the spool when no memory is free.
#[derive(Clone, Debug)]
pub struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    memory: Arc<Pool>,
    spool: Arc<Pool>,
    spool_dir: PathBuf,
    spilled_files: AtomicU64,
    spilled_bytes: AtomicU64,
}

/// What a [`Budget`] has handed out so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BudgetStats {
    /// Bytes of memory in use now.
    pub memory_bytes: u64,
    /// Most bytes of memory that were in use at once.
    pub memory_peak_bytes: u64,
    /// Bytes of spool in use now.
    pub spool_bytes: u64,
    /// Most bytes of spool that were in use at once.
    pub spool_peak_bytes: u64,
    /// Files written to the spool so far.
    pub spilled_files: u64,
    /// Bytes written to the spool so far.
    pub spilled_bytes: u64,
}

impl Budget {
    /// Memory of a budget unless set otherwise: 64 MiB, eight layers at a time.
    pub const MEMORY_BYTES: u64 = 64 << 20;
    /// Spool of a budget unless set otherwise: 512 MiB, the largest rpm database read.
    pub const SPOOL_BYTES: u64 = 512 << 20;
    /// What each layer under analysis is charged: 8 MiB, for the usual largest zstd window or for
    /// inflate's window, the input and output buffers and one package record.
    pub const LAYER_BYTES: u64 = 8 << 20;

    /// Returns a budget with the usual sizes whose spool lies in this directory.
    ///
    /// The directory must exist when something is spilled. Files in it have no name, so nothing
    /// is left there after a crash.
    #[must_use]
    pub fn new(spool_dir: impl Into<PathBuf>) -> Self {
        Self::with_sizes(spool_dir, Self::MEMORY_BYTES, Self::SPOOL_BYTES)
    }

    /// Returns a budget of these sizes, in bytes.
    #[must_use]
    pub fn with_sizes(spool_dir: impl Into<PathBuf>, memory_bytes: u64, spool_bytes: u64) -> Self {
        Self {
            shared: Arc::new(Shared {
                memory: Arc::new(Pool::new(memory_bytes)),
                spool: Arc::new(Pool::new(spool_bytes)),
                spool_dir: spool_dir.into(),
                spilled_files: AtomicU64::new(0),
                spilled_bytes: AtomicU64::new(0),
            }),
        }
    }

    /// Returns what was handed out so far.
    #[must_use]
    pub fn stats(&self) -> BudgetStats {
        let (memory_bytes, memory_peak_bytes) = self.shared.memory.usage();
        let (spool_bytes, spool_peak_bytes) = self.shared.spool.usage();
        BudgetStats {
            memory_bytes,
            memory_peak_bytes,
            spool_bytes,
            spool_peak_bytes,
            spilled_files: self.shared.spilled_files.load(Ordering::Relaxed),
            spilled_bytes: self.shared.spilled_bytes.load(Ordering::Relaxed),
        }
    }

    /// Waits for memory. To be called only by who holds nothing yet, or two could wait for
    /// each other.
    pub(crate) fn wait_for_memory(&self, what: &'static str, bytes: u64) -> Result<Permit> {
        Pool::acquire(&self.shared.memory, bytes).ok_or_else(|| Error::Limit {
            what,
            limit: self.shared.memory.total(),
        })
    }

    /// Takes memory that is free now.
    pub(crate) fn take_memory(&self, bytes: u64) -> Option<Permit> {
        Pool::try_acquire(&self.shared.memory, bytes)
    }

    /// Returns the most bytes that memory can ever give.
    pub(crate) fn memory_total(&self) -> u64 {
        self.shared.memory.total()
    }

    /// Keeps `size` bytes of `input` where they can be read at random: in memory if some is free,
    /// else in the spool, which is waited for. `None` if even the whole spool is too small.
    ///
    /// Waiting is safe although the caller holds memory: whoever holds spool waits for nothing.
    pub(crate) fn store(&self, size: u64, input: &mut dyn Read) -> Result<Option<Stored>> {
        if let Some(permit) = self.take_memory(size) {
            return Stored::in_memory(permit, size, input)
                .map(Some)
                .map_err(|source| self.spool_failed(source));
        }
        let Some(permit) = Pool::acquire(&self.shared.spool, size) else {
            return Ok(None);
        };
        self.spill(permit, size, input).map(Some)
    }

    /// Keeps `size` bytes that are packed inside of stored files which take `held` bytes already.
    /// Who holds a stored file must not wait for another one. `None` if the spool is too small
    /// for all of them.
    pub(crate) fn store_inner(
        &self,
        size: u64,
        held: u64,
        input: &mut dyn Read,
    ) -> Result<Option<Stored>> {
        if held.saturating_add(size) > self.shared.spool.total() {
            return Ok(None);
        }
        let failed = |source| self.spool_failed(source);
        if let Some(permit) = self.take_memory(size) {
            return Stored::in_memory(permit, size, input)
                .map(Some)
                .map_err(failed);
        }
        let permit = Pool::try_acquire(&self.shared.spool, size);
        let permit = permit.ok_or(Error::Busy { bytes: size })?;
        self.spill(permit, size, input).map(Some)
    }

    fn spill(&self, permit: Permit, size: u64, input: &mut dyn Read) -> Result<Stored> {
        let stored = Stored::in_file(permit, self.spool_dir(), size, input)
            .map_err(|source| self.spool_failed(source))?;
        self.shared.spilled_files.fetch_add(1, Ordering::Relaxed);
        self.shared.spilled_bytes.fetch_add(size, Ordering::Relaxed);
        Ok(stored)
    }

    fn spool_dir(&self) -> &Path {
        &self.shared.spool_dir
    }

    fn spool_failed(&self, source: io::Error) -> Error {
        Error::Spool {
            dir: self.shared.spool_dir.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(memory: u64, spool: u64) -> (Budget, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        (Budget::with_sizes(dir.path(), memory, spool), dir)
    }

    #[test]
    fn a_request_larger_than_everything_is_refused_not_waited_for() {
        let (budget, _dir) = budget(100, 100);
        assert!(matches!(
            budget.wait_for_memory("window", 101),
            Err(Error::Limit { limit: 100, .. })
        ));
        let input = [7_u8; 200];
        assert!(budget.store(200, &mut &input[..]).unwrap().is_none());
    }

    #[test]
    fn what_finds_no_memory_goes_to_the_spool_and_reads_the_same() {
        let (budget, dir) = budget(100, 1000);
        let input: Vec<u8> = (0..=255).collect();
        let mut stored = budget.store(256, &mut &input[..]).unwrap().unwrap();
        let mut part = [0u8; 6];
        stored.read_at(250, &mut part).unwrap();
        assert_eq!(part, [250, 251, 252, 253, 254, 255]);
        assert!(stored.read_at(251, &mut part).is_err());
        assert!(stored.read_at(u64::MAX, &mut part).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "no name");
        let stats = budget.stats();
        assert_eq!((stats.spilled_files, stats.spilled_bytes), (1, 256));
        assert_eq!(stats.spool_bytes, 256);
        drop(stored);
        assert_eq!(budget.stats().spool_bytes, 0);

        let mut stored = budget.store(60, &mut &input[..]).unwrap().unwrap();
        stored.read_at(0, &mut part).unwrap();
        assert_eq!(part, [0, 1, 2, 3, 4, 5]);
        assert_eq!(budget.stats().memory_bytes, 60);
    }

    #[test]
    fn who_holds_a_file_does_not_wait_for_another() {
        let (budget, _dir) = budget(100, 1000);
        let input = [7_u8; 600];
        let outer = budget.store(600, &mut &input[..]).unwrap().unwrap();
        assert!(matches!(
            budget.store_inner(401, 600, &mut &input[..]),
            Ok(None)
        ));
        let other = budget.store(300, &mut &input[..]).unwrap().unwrap();
        assert!(matches!(
            budget.store_inner(400, 600, &mut &input[..]),
            Err(Error::Busy { bytes: 400 })
        ));
        drop(other);
        let inner = budget.store_inner(400, 600, &mut &input[..]).unwrap();
        assert_eq!(inner.unwrap().len(), 400);
        assert_eq!(outer.len(), 600);
        assert_eq!(budget.stats().spilled_files, 3);
    }

    #[test]
    fn a_waiter_goes_on_when_memory_is_given_back() {
        let (budget, _dir) = budget(100, 0);
        let held = budget.wait_for_memory("a", 80).unwrap();
        let other = budget.clone();
        let waiter = std::thread::spawn(move || other.wait_for_memory("b", 60).is_ok());
        drop(held);
        assert!(waiter.join().unwrap());
        assert_eq!(budget.stats().memory_bytes, 0);
        assert!(budget.stats().memory_peak_bytes <= 100);
    }
}
