//! The measurement behind `benches/push-to-metric`. It prints; of what it measures it only holds
//! that the back-fill was as large as it says.

use std::env;
use std::fs;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::shelf::{Prepared, Shelf};
use super::{SHOWN, notifying, one_at_a_time, violations, watch};
use crate::support::program;
use crate::support::registry::{Auth, Registry};
use crate::support::scout::Scout;
use crate::support::serving::Serving;
use crate::support::workspace;

/// Longest that a back-fill may take.
const BACK_FILL: Duration = Duration::from_secs(3600);
/// How long a watcher is left alone before it counts as idle: its pauses are over.
const CALM: Duration = Duration::from_secs(5);
/// Time between two pushes while little else happens: each is shown before the next.
const ALONE: Duration = Duration::from_millis(1_900);
/// Time between two pushes where only sweeps tell of them: they come at all moments of an interval.
const SPREAD: Duration = Duration::from_millis(2_300);

/// What is measured.
struct Wish {
    images: usize,
    pushes: usize,
    /// Time between two pushes during the back-fill.
    gap: Duration,
    /// Seconds between sweeps where no webhook tells of pushes.
    interval: u64,
    advisories: String,
}

impl Wish {
    /// Returns the wish that the variables tell; none without them.
    fn told() -> Option<Self> {
        let examples = workspace::root().join("examples/advisories");
        Some(Self {
            images: variable("SCOUT_PUSH_IMAGES")?,
            pushes: variable("SCOUT_PUSHES").unwrap_or(20),
            gap: Duration::from_millis(variable("SCOUT_PUSH_GAP").unwrap_or(150)),
            interval: variable("SCOUT_PUSH_INTERVAL").unwrap_or(10),
            advisories: variable("SCOUT_PUSH_ADVISORIES")
                .unwrap_or_else(|| examples.to_str().unwrap().to_owned()),
        })
    }
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok().filter(|text| !text.is_empty())?;
    let value = text.parse();
    Some(value.unwrap_or_else(|_| panic!("{name}={text} cannot be read")))
}

/// A watcher that is asked how long pushes take.
struct Bench<'a> {
    wish: &'a Wish,
    serving: &'a Serving,
    token: String,
    registry: &'a Registry,
}

/// When the registry had answered a push.
#[derive(Clone, Copy)]
struct Pushed {
    at: Instant,
    time: Timestamp,
    /// Images of the back-fill that were not indexed then.
    outstanding: usize,
}

/// What became of a push.
#[derive(Clone, Copy)]
struct Shown {
    /// Until it was indexed, in seconds, by the watcher's log.
    indexed: f64,
    /// Until a scrape showed it, in seconds.
    shown: f64,
    outstanding: usize,
}

impl<'a> Bench<'a> {
    fn new(wish: &'a Wish, scout: &Scout, serving: &'a Serving, registry: &'a Registry) -> Self {
        Self {
            wish,
            serving,
            token: scout.token(&[]),
            registry,
        }
    }

    fn log(&self) -> String {
        self.serving.guard.stdout() + &self.serving.guard.stderr()
    }

    /// Returns how many images of the back-fill are not indexed, by the watcher's log.
    fn outstanding(&self) -> usize {
        self.wish.images - self.log().matches("/bulk/").count()
    }

    fn violations(&self) -> usize {
        violations(self.serving, &self.token)
    }

    fn wait_for_back_fill(&self) {
        program::until("begin of the back-fill", SHOWN, || {
            (self.outstanding() < self.wish.images).then_some(())
        });
    }

    fn wait_for_calm(&self) {
        let guard = &self.serving.guard;
        guard.wait_for("end of the back-fill", BACK_FILL, |text| {
            text.contains("for organization").then_some(())
        });
        thread::sleep(CALM);
    }

    /// Pushes, a gap apart, and looks meanwhile when scrapes show how many.
    fn pushes(&self, kind: &str, images: &[Prepared], gap: Duration) -> Vec<Shown> {
        let count = images.len();
        let known = self.violations();
        let mut steps = Vec::with_capacity(count);
        let pushed = thread::scope(|scope| {
            let pushing = scope.spawn(|| {
                let push = |image| {
                    let pushed = self.push(image);
                    thread::sleep(gap.saturating_sub(pushed.at.elapsed()));
                    pushed
                };
                images.iter().map(push).collect::<Vec<_>>()
            });
            program::until("the pushes in the metrics", SHOWN, || {
                let shown = self.violations() - known;
                steps.resize(shown, Instant::now());
                (shown == count).then_some(())
            });
            pushing.join().unwrap()
        });
        self.told(kind, images, &pushed, &steps)
    }

    fn push(&self, image: &Prepared) -> Pushed {
        image.push_to(self.registry);
        Pushed {
            at: Instant::now(),
            time: Timestamp::now(),
            outstanding: self.outstanding(),
        }
    }

    /// Prints and returns what became of pushes. What was indexed first was shown first: a judgement
    /// sees all that was indexed before it.
    fn told(
        &self,
        kind: &str,
        images: &[Prepared],
        pushed: &[Pushed],
        steps: &[Instant],
    ) -> Vec<Shown> {
        let log = self.log();
        let mut order: Vec<_> = images
            .iter()
            .map(|image| indexed_at(&log, image))
            .zip(pushed)
            .collect();
        order.sort_by_key(|(indexed, _)| *indexed);
        println!("\n{kind}: seconds until indexed, until shown, images outstanding at the push");
        let shown = order.iter().zip(steps).map(|((indexed, pushed), step)| {
            let shown = Shown {
                indexed: indexed.duration_since(pushed.time).as_secs_f64(),
                shown: step.duration_since(pushed.at).as_secs_f64(),
                outstanding: pushed.outstanding,
            };
            println!(
                "{:8.3} {:8.3} {:6}",
                shown.indexed, shown.shown, shown.outstanding
            );
            shown
        });
        let shown: Vec<_> = shown.collect();
        let (median, worst) = summary(&shown);
        println!("{kind}: median {median:.3} s, worst {worst:.3} s");
        shown
    }
}

/// Returns when the watcher's log says that the image was indexed.
fn indexed_at(log: &str, image: &Prepared) -> Timestamp {
    let name = format!("/{}@", image.repository());
    let line = log.lines().find(|line| line.contains(&name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Returns the median and the worst time until a push was shown, in seconds.
fn summary(shown: &[Shown]) -> (f64, f64) {
    let mut all: Vec<_> = shown.iter().map(|one| one.shown).collect();
    all.sort_by(f64::total_cmp);
    let middle = all.len() / 2;
    let median = match all.len() % 2 {
        0 => (all[middle - 1] + all[middle]) / 2.0,
        _ => all[middle],
    };
    (median, *all.last().unwrap())
}

fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

#[test]
#[ignore = "a measurement; run benches/push-to-metric"]
fn how_long_a_push_takes_until_it_is_in_the_metrics() {
    let Some(wish) = Wish::told() else {
        println!("not measured: benches/push-to-metric says what to measure");
        return;
    };
    let _turn = one_at_a_time();
    println!("load {}; {} images, 3 workers", load(), wish.images);
    let filled = Registry::start(Auth::None);
    let begun = Instant::now();
    Shelf::of(&filled).fill(wish.images);
    println!(
        "filled the registry in {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    let busy = with_webhook(&wish, &filled);
    without_webhook(&wish, &filled);
    println!("\nload {}", load());
    claim(&wish, &busy);
}

fn prepare(filled: &Registry, kind: &str, count: usize) -> Vec<Prepared> {
    let shelf = Shelf::of(filled);
    (0..count)
        .map(|number| shelf.prepare(kind, number))
        .collect()
}

fn with_webhook(wish: &Wish, filled: &Registry) -> Vec<Shown> {
    let (registry, port) = notifying(filled);
    let scout = Scout::new();
    let busy = prepare(filled, "webhook-busy", wish.pushes);
    let idle = prepare(filled, "webhook-idle", wish.pushes);
    let watched = format!("{},port={port}", registry.registry());
    let begun = Instant::now();
    let command = watch(&scout, &watched, &wish.advisories, &["--interval", "3600"]);
    let serving = Serving::watching_from_the_start(command);
    let bench = Bench::new(wish, &scout, &serving, &registry);
    bench.wait_for_back_fill();
    let busy = bench.pushes("webhook-busy", &busy, wish.gap);
    bench.wait_for_calm();
    let all = begun.elapsed() - CALM;
    println!("all was indexed after {:.1} s", all.as_secs_f64());
    let idle = bench.pushes("webhook-idle", &idle, ALONE);
    let (at_work, at_rest) = (summary(&busy), summary(&idle));
    println!(
        "busy to idle: median {:.2} times, worst {:.2} times",
        at_work.0 / at_rest.0,
        at_work.1 / at_rest.1
    );
    busy
}

fn without_webhook(wish: &Wish, filled: &Registry) {
    let scout = Scout::new();
    // What the other part pushed would look like these pushes.
    let watched = format!("{},exclude=*/webhook-*", filled.registry());
    let interval = wish.interval.to_string();
    let more = ["--refresh-registry", "--interval", &interval];
    let pushes = wish.pushes.div_ceil(4);
    let busy = prepare(filled, "polled-busy", pushes);
    let idle = prepare(filled, "polled-idle", pushes);
    let command = watch(&scout, &watched, &wish.advisories, &more);
    let serving = Serving::watching_from_the_start(command);
    let bench = Bench::new(wish, &scout, &serving, filled);
    bench.wait_for_back_fill();
    bench.pushes("polled-busy", &busy, wish.gap);
    bench.wait_for_calm();
    bench.pushes("polled-idle", &idle, SPREAD);
    println!("polled {interval} s from sweep to sweep");
}

/// Says whether at least half of the back-fill was outstanding all the time.
fn claim(wish: &Wish, busy: &[Shown]) {
    let least = busy.iter().map(|one| one.outstanding).min().unwrap_or(0);
    let (median, worst) = summary(busy);
    let what = format!(
        "{} pushes, at each at least {least} of {} images outstanding: median {median:.3} s, \
         worst {worst:.3} s",
        busy.len(),
        wish.images
    );
    println!("{what}");
    assert!(
        least * 2 >= wish.images,
        "less than half was outstanding; take more images, or a smaller gap"
    );
}
