//! One registry with all images of the test bed, and one run of the watcher over it, shared by
//! the tests that only look.

use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use crate::support::program::{self, Outcome};
use crate::support::registry::{Auth, Registry, Request};
use crate::support::scout::Scout;
use crate::support::testbed::{self, Testbed};

/// Longest that indexing the test bed may take in a development build.
pub(crate) const SWEEP: Duration = Duration::from_secs(600);

/// Lets the heavy tests run one after the other: they would only slow each other down.
pub(crate) fn one_at_a_time() -> MutexGuard<'static, ()> {
    static HEAVY: Mutex<()> = Mutex::new(());
    // A test that failed while it held the lock has told so itself.
    HEAVY.lock().unwrap_or_else(|error| error.into_inner())
}

/// The images, in a registry.
#[derive(Debug)]
pub(crate) struct Pushed {
    pub(crate) testbed: Testbed,
    pub(crate) registry: Registry,
    pub(crate) advisories: [String; 2],
}

impl Pushed {
    /// Returns the registry; starts and fills it for the first who asks.
    pub(crate) fn get() -> Option<&'static Self> {
        static PUSHED: OnceLock<Option<Pushed>> = OnceLock::new();
        PUSHED
            .get_or_init(|| {
                let testbed = Testbed::open()?;
                let advisories = testbed::advisories()?;
                let registry = Registry::start(Auth::None);
                testbed.push(&registry);
                Some(Self {
                    testbed,
                    registry,
                    advisories,
                })
            })
            .as_ref()
    }

    /// Sweeps the registry once, all images, with the shared advisories.
    pub(crate) fn sweep(&self, scout: &Scout) -> Outcome {
        let mut command =
            scout.watch_command(&self.registry.registry(), &["--all-images", "--once"]);
        command.args(&self.advisories);
        program::wait(command, SWEEP)
    }
}

/// The data directory after one undisturbed run, and what the run did.
#[derive(Debug)]
pub(crate) struct Indexed {
    pub(crate) pushed: &'static Pushed,
    /// Nobody may write here: tests that do take a copy.
    pub(crate) scout: Scout,
    pub(crate) outcome: Outcome,
    pub(crate) requests: Vec<Request>,
}

impl Indexed {
    /// Returns the run; makes it for the first who asks. None without the shared folder.
    pub(crate) fn get() -> Option<&'static Self> {
        static INDEXED: OnceLock<Option<Indexed>> = OnceLock::new();
        INDEXED
            .get_or_init(|| {
                let pushed = Pushed::get()?;
                // Below the registry's folder: that one is removed when this process ends.
                let scout = Scout::at(&pushed.registry.folder().join("indexed"));
                let (_, start) = pushed.registry.requests_since(0);
                let outcome = pushed.sweep(&scout).expect_code(0);
                println!("{}", outcome.stdout);
                let (requests, _) = pushed.registry.requests_since(start);
                Some(Self {
                    pushed,
                    scout,
                    outcome,
                    requests,
                })
            })
            .as_ref()
    }
}
