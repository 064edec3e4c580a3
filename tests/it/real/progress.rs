//! Progress on a terminal: bars while something goes on, whole log lines above them, and nothing
//! left of them in the end. The terminal is Python's.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::fake::{Asked, FakeRegistry};
use crate::support::guard::Guarded;
use crate::support::layout::{Layout, debian};
use crate::support::program;
use crate::support::scout::Scout;

/// Longest that something may take to be seen.
const SEEN: Duration = Duration::from_secs(60);
const IMAGES: usize = 4;
/// Runs a command on a new terminal, and writes what it writes there.
const TERMINAL: &str = "import os, pty, sys\n\
                        sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
/// A terminal of Python's is 0 columns wide.
const WIDE: &str = "stty cols 120 rows 30; exec \"$@\"";

/// A registry that holds every blob back until told.
struct Held {
    fake: FakeRegistry,
    is_free: Arc<AtomicBool>,
    _layout: Layout,
}

impl Held {
    fn start() -> Self {
        let mut layout = Layout::new();
        for number in 0..IMAGES {
            let tar = debian(&format!("tool-{number}"), "1.0-1");
            layout.image(&format!("team/app-{number}:1.0"), &[tar]);
        }
        let is_free = Arc::new(AtomicBool::new(false));
        let gate = Arc::clone(&is_free);
        let twist = move |asked: &Asked| {
            let begun = Instant::now();
            while asked.path.contains("/blobs/")
                && !gate.load(Ordering::Acquire)
                && begun.elapsed() < SEEN
            {
                thread::park_timeout(Duration::from_millis(10));
            }
            None
        };
        Self {
            fake: FakeRegistry::start(layout.path(), Box::new(twist)),
            is_free,
            _layout: layout,
        }
    }

    fn release(&self) {
        self.is_free.store(true, Ordering::Release);
    }
}

fn on_terminal(scout: &Scout, registry: &str, folder: &Path) -> Guarded {
    let watch = scout.watch_command(registry, &["--all-images", "--once"]);
    let mut command = Command::new("python3");
    command
        .args(["-c", TERMINAL, "sh", "-c", WIDE, "sh"])
        .arg(watch.get_program())
        .args(watch.get_args())
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .current_dir(watch.get_current_dir().unwrap());
    Guarded::start(&command, folder)
}

/// Returns a line as it is seen: what was erased or written over is gone.
fn seen(line: &str) -> String {
    let line = line.trim_end_matches('\r');
    let last = line.rsplit('\r').next().unwrap();
    let mut seen = String::new();
    for (number, part) in last.split("\u{1b}[").enumerate() {
        let end = part.find(|c: char| c.is_ascii_alphabetic());
        match end {
            Some(end) if number > 0 => {
                let (command, rest) = part.split_at(end + 1);
                assert!(!command.ends_with('m'), "a color: {line:?}");
                if command.ends_with('K') {
                    seen.clear();
                }
                seen.push_str(rest);
            }
            _ => seen.push_str(part),
        }
    }
    seen
}

#[test]
#[ignore = "needs Python; run tests/run"]
fn bars_are_there_while_images_wait_and_gone_in_the_end() {
    let held = Held::start();
    let (scout, folder) = (Scout::new(), TempDir::new().unwrap());
    let guard = on_terminal(&scout, &held.fake.registry(), folder.path());
    guard.wait_for("bar", SEEN, |text| {
        let has_bar = text.contains("indexing [") && text.contains("0 of 4 images");
        has_bar.then_some(())
    });
    held.release();
    program::until("end", SEEN, || (!guard.is_running()).then_some(()));
    let output = guard.stdout();
    for number in 0..IMAGES {
        let name = format!("team/app-{number}@");
        let line = output.lines().find(|line| line.contains(&name));
        let line = seen(line.unwrap_or_else(|| panic!("no {name} in\n{output}")));
        assert!(line.starts_with("20"), "{line:?} in\n{output:?}");
        assert!(
            line.contains("INFO indexed ") && !line.contains("indexing ["),
            "{line:?}"
        );
    }
    let (_, rest) = output.rsplit_once("indexing [").unwrap();
    assert!(
        rest.contains("\u{1b}[2K") || rest.contains("\u{1b}[0K"),
        "{output:?}"
    );
    assert!(
        rest.contains("4 tags in 4 repositories, 4 new; indexed 4"),
        "{output}"
    );
}

#[test]
#[ignore = "needs Python; run tests/run"]
fn without_a_terminal_there_is_neither_a_bar_nor_a_line_for_what_is_short() {
    let held = Held::start();
    held.release();
    let scout = Scout::new();
    let outcome = scout.sweep(&held.fake.registry(), &[]).expect_code(0);
    assert_eq!(outcome.stderr.matches("INFO indexed ").count(), IMAGES);
    for sign in ["\u{1b}", "\r", "indexing", "sweeping"] {
        assert!(
            !outcome.to_string().contains(sign),
            "{sign:?} in\n{outcome}"
        );
    }
}
