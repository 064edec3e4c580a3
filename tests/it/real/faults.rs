//! A full and a read-only disk: said clearly, and the next run carries on. Needs root, which
//! mounts a small file system for it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::examples::{ADVISORIES, IMAGES, REGISTRY, severities};
use crate::support::scout::Scout;

/// A file system in memory, of a size that can change.
#[derive(Debug)]
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one; none, with a word on why, where that is not allowed.
    fn mount(size: &str) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let options = format!("size={size},mode=0700");
        let mounted = run(
            "mount",
            &["-t", "tmpfs", "-o", &options, "tmpfs"],
            folder.path(),
        );
        if !mounted {
            println!("skipped: cannot mount a file system (not root?)");
        }
        mounted.then_some(Self { folder })
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(
            run("mount", &["-o", &options], self.folder.path()),
            "{options}"
        );
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &["-l"], self.folder.path());
    }
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).arg(folder);
    command.output().is_ok_and(|output| output.status.success())
}

#[track_caller]
fn check_complete(scout: &Scout) {
    scout.sweep(REGISTRY, &ADVISORIES).expect_code(0);
    for (image, expected) in IMAGES {
        assert_eq!(severities(&scout.cves(image)), expected, "{image}");
    }
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn a_full_disk_is_said_and_the_next_run_carries_on() {
    let mut failures = 0;
    // One of these is too small at the start, one in the middle, the last is large enough.
    for size in [
        "16k", "64k", "128k", "192k", "256k", "384k", "512k", "768k", "1m", "64m",
    ] {
        let Some(disk) = SmallDisk::mount(size) else {
            return;
        };
        let scout = Scout::at(&disk.data());
        let outcome = scout.sweep(REGISTRY, &ADVISORIES);
        if outcome.code != Some(0) {
            failures += 1;
            assert_eq!(outcome.code, Some(1), "{size}\n{outcome}");
            let said = outcome.stderr.to_lowercase();
            assert!(
                said.contains("full") || said.contains("no space"),
                "{size}\n{outcome}"
            );
            assert!(!said.contains("panicked"), "{size}\n{outcome}");
        }
        // Where the first run just fitted, the next one may not.
        disk.remount("size=64m");
        check_complete(&scout);
    }
    assert!(failures >= 2, "only {failures} of the disks were too small");
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn a_read_only_directory_is_said_and_the_next_run_carries_on() {
    let Some(disk) = SmallDisk::mount("64m") else {
        return;
    };
    let scout = Scout::at(&disk.data());
    let check_refused = || {
        disk.remount("ro");
        let outcome = scout.sweep(REGISTRY, &ADVISORIES).expect_code(1);
        let said = outcome.stderr.to_lowercase();
        assert!(
            said.contains("read-only") || said.contains("readonly"),
            "{outcome}"
        );
        assert!(!said.contains("panicked"), "{outcome}");
        disk.remount("rw");
    };
    check_refused();
    check_complete(&scout);
    check_refused();
    check_complete(&scout);
}
