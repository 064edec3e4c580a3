//! Simulated histories: whatever happened, once all is quiet what is recorded is what the registry
//! holds.
//!
//! Each history is that of a number. The real client, receiver, watcher and store run in one
//! thread against a registry in the same thread, over the loopback and with a directory of their
//! own; time passes only when nothing else can happen. What happens, and which request meets which
//! fault, is decided by the number alone. What is not: the order in which transactions on blocking
//! threads end, and what depends on it, such as how far a watcher is when it is killed.
//!
//! `SCOUT_SEEDS` is how many histories are tried, `SCOUT_SEED` the number of the only one:
//! `SCOUT_SEED=7 cargo test -p scout-tests --test it simulation`.

mod history;
mod model;
mod oracle;
mod process;
mod registry;
mod script;
mod sender;
mod time;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use history::{History, Seen};
use script::Script;

/// How many histories are tried unless told otherwise.
const HISTORIES: u64 = 500;
/// How many are tried at once: they wait for the disk now and then.
const AT_ONCE: usize = 3;
/// Longest that one may take, in real time. They take some hundredths of a second.
const STUCK: Duration = Duration::from_secs(120);

/// Of how many histories that failed is told why; of the first also what happened.
const SHOWN: usize = 20;

/// What came of a history, by its number.
type Ended = (u64, Result<Seen, String>);

fn number(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name}={value} is no number")),
    )
}

/// Lives through the history of this number.
fn live(seed: u64, advisories: &std::path::Path) -> Result<Seen, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let script = Script::new(seed);
    let lived = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(History::live(seed, &script, advisories))
    }));
    let lived = lived.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.unwrap_or_else(|| "it panicked".to_owned()))
    });
    lived.map_err(|error| {
        format!(
            "history {seed}: {error}\n\
             SCOUT_SEED={seed} cargo test -p scout-tests --test it simulation\n{script}"
        )
    })
}

/// Lives through histories, several at once, and calls `each` with what came of each.
fn live_all(seeds: &BTreeSet<u64>, advisories: &std::path::Path, mut each: impl FnMut(Ended)) {
    let all: Vec<u64> = seeds.iter().copied().collect();
    let next = AtomicU64::new(0);
    let (sender, ended) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(all.len()) {
            let (sender, next, all) = (sender.clone(), &next, &all);
            scope.spawn(move || {
                while let Some(&seed) = all.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    sender.send((seed, live(seed, advisories))).unwrap();
                }
            });
        }
        drop(sender);
        let mut open = seeds.clone();
        loop {
            match ended.recv_timeout(STUCK) {
                Ok((seed, lived)) => {
                    open.remove(&seed);
                    each((seed, lived));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let stuck: Vec<_> = open.iter().take(AT_ONCE).collect();
                    // Its thread cannot be ended otherwise.
                    eprintln!("one of the histories {stuck:?} does not end");
                    std::process::abort();
                }
            }
        }
    });
}

#[test]
fn whatever_happened_the_record_ends_as_the_registry_is() {
    let seeds: BTreeSet<u64> = match number("SCOUT_SEED") {
        Some(seed) => BTreeSet::from([seed]),
        None => (1..=number("SCOUT_SEEDS").unwrap_or(HISTORIES)).collect(),
    };
    let advisories = TempDir::new().unwrap();
    world::write_advisories(advisories.path());
    let started = Instant::now();
    let (mut all, mut failed) = (Seen::default(), BTreeMap::new());
    live_all(&seeds, advisories.path(), |(seed, lived)| match lived {
        Ok(seen) => all.add(&seen),
        Err(error) => {
            failed.insert(seed, error);
        }
    });
    println!(
        "{} histories in {} s: {all:?}",
        seeds.len(),
        started.elapsed().as_secs()
    );
    if let Some((_, first)) = failed.first_key_value() {
        let heads = failed.values().filter_map(|error| error.lines().next());
        let heads: Vec<_> = heads.take(SHOWN).collect();
        let heads = heads.join("\n");
        panic!(
            "{} of {} failed\n{heads}\n\n{first}",
            failed.len(),
            seeds.len()
        );
    }
}
