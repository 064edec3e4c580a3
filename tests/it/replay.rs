//! Two days of changes in minutes: memory and disk stay flat, no series flaps, each body is clean.
//!
//! The real watcher, judge and store run over a registry in memory. The clock moves on only when
//! nothing else can happen. Beside them, in real time and over the store's file as another program
//! would have it, the real exporter looks and is scraped without a pause, so bodies are seen from
//! the midst of every change too.
//!
//! `SCOUT_REPLAY_IMAGES`, `SCOUT_REPLAY_HOURS` and `SCOUT_SEED` say how much and what;
//! `benches/README.md` says how it is run in full size.

mod advisories;
mod bodies;
mod changes;
mod images;
mod oracle;
mod process;
mod registry;
mod usage;

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::program;
use changes::Replay;
use usage::Usage;

/// How many images there are at first unless told otherwise.
const IMAGES: usize = 60;
/// How many hours pass unless told otherwise.
const HOURS: u64 = 48;
/// The seed unless told otherwise.
const SEED: u64 = 1;
/// Tells the process that it is the one in which the replay runs.
const INSIDE: &str = "SCOUT_REPLAY_INSIDE";
/// A guard against a replay that does not end: it takes minutes in full size.
const STUCK: Duration = Duration::from_secs(3 * 60 * 60);

/// How much is replayed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) images: usize,
    pub(crate) hours: u64,
    pub(crate) seed: u64,
}

impl Size {
    fn from_env() -> Self {
        let number = |name: &str, usual: u64| match env::var(name) {
            Ok(text) => text
                .parse()
                .unwrap_or_else(|_| panic!("{name}={text} is no number")),
            Err(_) => usual,
        };
        Self {
            images: usize::try_from(number("SCOUT_REPLAY_IMAGES", IMAGES as u64)).unwrap(),
            hours: number("SCOUT_REPLAY_HOURS", HOURS),
            seed: number("SCOUT_SEED", SEED),
        }
    }
}

/// The test runs itself once more, in a process of its own: its memory is then that of the replay
/// alone.
#[test]
fn two_days_of_changes_leave_memory_disk_and_series_steady() {
    let size = Size::from_env();
    if env::var_os(INSIDE).is_some() {
        run(size);
        return;
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "--include-ignored", "--nocapture"])
        .arg("replay::two_days_of_changes_leave_memory_disk_and_series_steady")
        .env(INSIDE, "1");
    let outcome = program::wait(command, STUCK).expect_code(0);
    outcome.says("replayed: ");
    println!("{}", outcome.stdout);
}

fn run(size: Size) {
    let started = Instant::now();
    let folder = TempDir::new().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let (usage, done) = runtime.block_on(Replay::live(size, folder.path()));
    println!(
        "replayed: {} images, {} h, {done} in {} s",
        size.images,
        size.hours,
        started.elapsed().as_secs()
    );
    check_usage(&usage, folder.path());
}

/// Checks that nothing grew but what was learned of new images.
fn check_usage(usage: &Usage, data: &Path) {
    usage.check();
    assert!(usage::disk(data) > 0, "there is a database");
}
