//! How much memory and disk is used, hour by hour, and whether it stays the same.

use std::fmt;
use std::fs;
use std::path::Path;

/// By what part the last quarter may be above the second. The allocator keeps what it once had,
/// and gives it to one thread or another.
const MEMORY_FACTOR: f64 = 1.15;
/// How much memory may be above in any case, in bytes: what a process of a few MB varies by.
const MEMORY_SLACK: u64 = 16 << 20;
/// How much larger than its usual part of the database a new image may be.
const DISK_FACTOR: f64 = 2.0;
/// How much disk may be above in any case, in bytes: the write-ahead log is written anew from the
/// start each time it has some 4 MB, whatever is written.
const DISK_SLACK: u64 = 6 << 20;

/// The size of a page of memory on Linux on x86-64 and, mostly, on ARM.
const PAGE: u64 = 4096;

/// What was used.
#[derive(Debug)]
pub(crate) struct Usage {
    /// Bytes of memory before anything was started: those of the registry.
    before: u64,
    hours: Vec<Hour>,
}

/// What was used in an hour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hour {
    /// Bytes of memory at its end.
    pub(crate) memory: u64,
    /// Bytes below the data directory at its end.
    pub(crate) disk: u64,
    /// How many images are known.
    pub(crate) images: u64,
}

impl Usage {
    /// Begins before anything is started.
    pub(crate) fn begin() -> Self {
        let before = memory();
        println!("      {:.1} MiB of memory before the start", mib(before));
        Self {
            before,
            hours: Vec::new(),
        }
    }

    /// Looks at this process and this directory, and says what it saw.
    pub(crate) fn look(&mut self, data: &Path, images: u64) {
        let hour = Hour {
            memory: memory(),
            disk: disk(data),
            images,
        };
        println!("{:>4}: {hour}", self.hours.len());
        self.hours.push(hour);
    }

    fn quarter(&self, number: usize) -> &[Hour] {
        let length = self.hours.len() / 4;
        &self.hours[number * length..(number + 1) * length]
    }

    /// Checks that the last quarter needed no more than the second, but for new images.
    pub(crate) fn check(&self) {
        if self.hours.len() < 8 {
            println!("too short to tell what grows");
            return;
        }
        let (second, last) = (self.quarter(1), self.quarter(3));
        let memory = |hours: &[Hour]| hours.iter().map(|hour| hour.memory).max().unwrap();
        let (before, after) = (memory(second), memory(last));
        let most = (before as f64 * MEMORY_FACTOR) as u64 + MEMORY_SLACK;
        assert!(
            after <= most,
            "memory grew from {before} to {after}\n{self}"
        );
        // Facts of new images are kept: so much more as there are more images.
        let (before, after) = (second[0], last[last.len() - 1]);
        let an_image = before.disk as f64 / before.images as f64;
        let new = (after.images - before.images) as f64;
        let most = before.disk + (new * an_image * DISK_FACTOR) as u64 + DISK_SLACK;
        assert!(
            after.disk <= most,
            "disk grew from {} to {}, {most} at most for {new} new images\n{self}",
            before.disk,
            after.disk
        );
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (memory, disk) = (mib(self.memory), mib(self.disk));
        write!(
            f,
            "{memory:.1} MiB of memory, {disk:.1} MiB of disk, {} images known",
            self.images
        )
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:.1} MiB of memory before the start", mib(self.before))?;
        for (number, hour) in self.hours.iter().enumerate() {
            writeln!(f, "{number:>4}: {hour}")?;
        }
        Ok(())
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Returns the bytes of memory that this process has.
fn memory() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let resident: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    resident * PAGE
}

/// Returns the bytes of all files below a directory.
pub(crate) fn disk(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries
        .filter_map(|entry| {
            // A file may go while it is looked at.
            let metadata = entry.metadata().ok()?;
            Some(match metadata.is_dir() {
                true => disk(&entry.path()),
                false => metadata.len(),
            })
        })
        .sum()
}
