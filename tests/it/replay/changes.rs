//! What happens, hour by hour, and when what is served must be exactly right.
//!
//! Time goes in rounds of eight hours. First all is well: each change is told of, and every ten
//! minutes the metrics must be exactly what follows from the registry. Then events get lost,
//! the registry is down for a while, watchers are stopped or killed, repositories go. Then nothing
//! happens until two sweeps have made good what was lost, and the metrics must be right again.

mod kinds;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use scout_envs::{RepositoryName, Role, Tag};
use scout_platform::{Clock, create_token};
use scout_registry::events::Event;

use super::Size;
use super::advisories::Advisories;
use super::bodies::Exporting;
use super::images::Image;
use super::oracle::{self, Environments, LATEST, compare};
use super::process::{Process, Time};
use super::registry::MemoryRegistry;
use super::usage::Usage;
use crate::support::random::Random;

/// From one check to the next, in minutes.
const STEP: u64 = 10;
/// Steps of a round: those in which all is well, and the first of those in which it is not, of
/// those in which nothing happens, and of those in which all is well again.
const ROUND: u64 = 48;
const ROUGH: u64 = 18;
const QUIET: u64 = 32;
const WELL_AGAIN: u64 = 42;
/// How many images a repository has at first, each under a tag.
const TAGS: usize = 20;
/// Of how many images one changes in a step.
const IMAGES_A_CHANGE: usize = 500;
/// The fewest changes in a step.
const CHANGES: usize = 2;
const ENVIRONMENTS: u64 = 8;
/// How many images run in an environment at most.
const RUNNING: u64 = 12;

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    pushes: u64,
    moves: u64,
    deletions: u64,
    repositories: u64,
    shares: u64,
    advisories: u64,
    outages: u64,
    restarts: u64,
    exact: u64,
    bodies: u64,
    generations: u64,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} new images, {} tags moved, {} deletions, {} repositories come or gone, {} shares \
             replaced, advisories changed {} times, {} outages, {} restarts; {} times compared \
             with what is right, {} bodies, {} generations,",
            self.pushes,
            self.moves,
            self.deletions,
            self.repositories,
            self.shares,
            self.advisories,
            self.outages,
            self.restarts,
            self.exact,
            self.bodies,
            self.generations
        )
    }
}

/// A replay while it lasts.
pub(crate) struct Replay {
    size: Size,
    data: PathBuf,
    dumps: PathBuf,
    time: Time,
    random: Random,
    registry: Arc<MemoryRegistry>,
    advisories: Advisories,
    running: Environments,
    process: Option<Process>,
    /// Whether what is recorded may not yet be what the registry holds.
    is_behind: bool,
    generation: u64,
    /// The number of the next image, event or repository.
    next: u64,
    done: Done,
}

impl Replay {
    /// Lives through all of it; returns what was used, hour by hour, and what was done.
    pub(crate) async fn live(size: Size, folder: &Path) -> (Usage, Done) {
        let time = Time::start();
        let mut random = Random::of(size.seed);
        let (data, dumps) = (folder.join("data"), folder.join("advisories"));
        let advisories = Advisories::new(&mut random);
        advisories.write(&dumps);
        let mut replay = Self {
            size,
            registry: Arc::new(MemoryRegistry::new()),
            time,
            random,
            advisories,
            running: Environments::new(),
            process: None,
            is_behind: false,
            generation: 0,
            next: 0,
            done: Done::default(),
            data,
            dumps,
        };
        replay.fill();
        let mut usage = Usage::begin();
        replay.start().await;
        replay.process().settle().await;
        let exporting = replay.export().await;
        replay.go_on(&exporting, &mut usage).await;
        replay.done.bodies = exporting.check();
        exporting.end();
        (usage, replay.done)
    }

    async fn go_on(&mut self, exporting: &Exporting, usage: &mut Usage) {
        self.check_exactly(exporting).await;
        exporting.expect(LATEST);
        for step in 0..self.size.hours * 60 / STEP {
            let began = tokio::time::Instant::now();
            let of_round = step % ROUND;
            match of_round {
                ROUGH..QUIET => self.roughly(of_round - ROUGH).await,
                QUIET..WELL_AGAIN => {}
                _ => self.calmly(step, exporting).await,
            }
            if of_round == WELL_AGAIN - 1 {
                self.is_behind = false;
            }
            tokio::time::sleep_until(began + Duration::from_secs((STEP - 1) * 60)).await;
            if !self.is_behind {
                self.process().settle().await;
                self.check_exactly(exporting).await;
            }
            exporting.check();
            tokio::time::sleep_until(began + Duration::from_secs(STEP * 60)).await;
            if (step + 1) % (60 / STEP) == 0 {
                let images = self.registry.content().images.len();
                usage.look(&self.data, images as u64);
            }
        }
    }

    async fn export(&self) -> Exporting {
        let process = self.process();
        let random = [7; 32];
        let token = create_token(
            process.store.as_ref(),
            &process.org,
            Role::Owner,
            None,
            &random,
            &self.time,
        );
        let token = token.await.unwrap();
        Exporting::start(&self.data, token.expose(), &self.time)
    }

    fn process(&self) -> &Process {
        self.process.as_ref().unwrap()
    }

    async fn start(&mut self) {
        let (registry, time) = (&self.registry, &self.time);
        self.process = Some(Process::start(&self.data, &self.dumps, registry, time).await);
    }

    /// Puts the first images into the registry, one a second before now.
    fn fill(&mut self) {
        let now = self.time.now();
        let first = self.size.images as i64;
        for number in 0..self.size.images {
            let repository = name(&format!("team-{}/app", number / TAGS));
            let tag = tag(&format!("v{}", number % TAGS));
            let pushed = now - jiff::SignedDuration::from_secs(first - number as i64);
            let mut content = self.registry.content();
            content.push(&repository, &tag, number as u64, Image::new, pushed);
        }
        self.next = self.size.images as u64;
    }

    /// Changes things, and tells of each.
    async fn calmly(&mut self, step: u64, exporting: &Exporting) {
        if step % 6 == 2 {
            self.advisories.change(&mut self.random);
            self.advisories.write(&self.dumps);
            self.done.advisories += 1;
        }
        // What runs was looked at before.
        self.run_something(step, exporting).await;
        for _ in 0..CHANGES.max(self.size.images / IMAGES_A_CHANGE) {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let told = self.change();
            let repeated = self.random.below(10) == 0;
            self.tell(told.clone()).await;
            if repeated {
                self.tell(told).await;
            }
        }
    }

    /// Changes things in ways of which the metrics know later.
    async fn roughly(&mut self, step: u64) {
        self.is_behind = true;
        match step {
            1 => {
                self.registry.content().is_down = true;
                self.done.outages += 1;
            }
            4 => self.registry.content().is_down = false,
            6 => {
                self.process.take().unwrap().drain().await;
                self.start().await;
                self.done.restarts += 1;
            }
            10 => {
                self.process.take().unwrap().kill().await;
                self.start().await;
                self.done.restarts += 1;
            }
            _ => {}
        }
        for _ in 0..CHANGES.max(self.size.images / IMAGES_A_CHANGE) {
            tokio::time::sleep(Duration::from_secs(7)).await;
            let told = match self.random.below(20) {
                0 => self.come_or_go(),
                1 => self.push_damaged(),
                _ => self.change(),
            };
            if self.random.below(3) > 0 {
                self.tell(told).await;
            }
        }
    }

    async fn tell(&self, events: Vec<Event>) {
        self.process().events.record(events).await.unwrap();
    }

    /// Compares what is served with what follows from the registry.
    async fn check_exactly(&mut self, exporting: &Exporting) {
        let found = exporting.series_now().await;
        let expected = oracle::expected(&self.registry.content(), &self.running, &self.advisories);
        if let Err(difference) = compare(&found, &expected) {
            panic!("at {}: {difference}\n{}", self.time.now(), self.done);
        }
        for environment in self.running.keys() {
            exporting.expect(environment);
        }
        let process = self.process();
        let snapshot = process.store.snapshot(process.org.id).await.unwrap();
        let generation = snapshot.unwrap().generation;
        assert!(
            generation >= self.generation,
            "{generation} after {}",
            self.generation
        );
        self.done.generations += u64::from(generation > self.generation);
        self.generation = generation;
        self.done.exact += 1;
    }
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}
