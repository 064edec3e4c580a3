//! What happens in a history, all of it decided by the seed beforehand.

use std::fmt;

use super::world::{IMAGES, WORLD};
use crate::support::random::Random;

/// Repositories, the last two of which are not selected.
pub(crate) const REPOSITORIES: [&str; 5] = ["app/api", "app/web", "db", "secret/x", "secret/y"];
/// How the registry string leaves repositories out.
pub(crate) const EXCLUDED: &str = "secret/*";
pub(crate) const TAGS: [&str; 6] = ["1.9", "1.10", "latest", "edge", "1.10-rc1", "dev-7"];
/// What a watcher that looks at some tags only looks at.
pub(crate) const TAG_PATTERN: &str = "^(1\\.|latest)";

/// How the registry is, and how it is watched.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) all_images: bool,
    pub(crate) refresh: bool,
    pub(crate) some_tags: bool,
    pub(crate) workers: usize,
    /// Seconds.
    pub(crate) interval: u64,
    /// Whether the registry wants tokens.
    pub(crate) tokens: bool,
    /// How many names a page has at most.
    pub(crate) page: usize,
    /// Whether a repository without tags stays in the catalog, though its tags are not found: what
    /// distribution does over object storage.
    pub(crate) keeps_names: bool,
    /// Whether events have an id of their own.
    pub(crate) event_ids: bool,
    /// Whether the first sweep is let finish before anything happens.
    pub(crate) calm: bool,
    /// Whether the watcher is started anew before all is quiet.
    pub(crate) fresh: bool,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Push {
        repository: &'static str,
        tag: &'static str,
        artifact: usize,
        event: Fate,
    },
    DeleteTag {
        repository: &'static str,
        tag: &'static str,
        event: Fate,
    },
    /// The manifest, with all its tags.
    DeleteManifest {
        repository: &'static str,
        artifact: usize,
        event: Fate,
    },
    DeleteRepository {
        repository: &'static str,
    },
    /// The next requests are answered this way.
    Storm {
        kind: Storm,
        requests: u32,
    },
    /// Nobody listens for so long, and nothing that was open goes on.
    Restart {
        millis: u64,
    },
    /// The watcher is killed when so many more requests were made, or so much time has passed.
    Kill {
        requests: u32,
        millis: u64,
    },
    /// The watcher is told to end, and started again.
    Drain,
    /// Another watcher runs beside the first for so long.
    Second {
        millis: u64,
    },
    /// An event with a wrong secret.
    Forged {
        repository: &'static str,
        tag: &'static str,
    },
    /// A genuine event of a tag that never was.
    Phantom {
        repository: &'static str,
    },
}

/// What becomes of an event: when it is delivered, after what it tells of, in milliseconds. None
/// is lost, two are a repetition; different delays change their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate {
    pub(crate) deliveries: Vec<u64>,
    /// How often the sender tries before it gives up.
    pub(crate) tries: u32,
}

/// What the registry does instead of answering well.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Storm {
    /// Status 429, perhaps with `Retry-After`.
    TooMany(Option<u32>),
    /// A status of 5xx.
    Unavailable(u16),
    /// The connection ends without an answer.
    Reset,
    /// The body ends before its length.
    Truncated,
    /// What has a digest comes with another content.
    Corrupt,
}

/// A history.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) settings: Settings,
    /// What is in the registry before anybody watches.
    pub(crate) first: Vec<(&'static str, &'static str, usize)>,
    /// What happens after which pause in milliseconds.
    pub(crate) steps: Vec<(u64, Step)>,
}

impl Script {
    /// Returns the history of this number.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::of(seed);
        let settings = Settings::new(&mut random);
        let first = (0..random.below(9)).map(|_| {
            let artifact = artifact(&mut random);
            (repository(&mut random), tag(&mut random), artifact)
        });
        let first = first.collect();
        let steps = (0..8 + random.below(25)).map(|_| {
            // Mostly at once, so that things meet; sometimes longer than a round.
            let pause = match random.below(8) {
                0..4 => random.below(400),
                4..7 => random.below(8_000),
                _ => random.below(45_000),
            };
            (pause, Step::new(&mut random))
        });
        Self {
            settings,
            first,
            steps: steps.collect(),
        }
    }
}

impl Settings {
    fn new(random: &mut Random) -> Self {
        Self {
            all_images: random.below(2) == 0,
            refresh: random.below(3) > 0,
            some_tags: random.below(5) == 0,
            workers: 1 + random.below(4) as usize,
            interval: [8, 15, 30, 60][random.below(4) as usize],
            tokens: random.below(3) == 0,
            page: 1 + random.below(4) as usize,
            keeps_names: random.below(3) == 0,
            event_ids: random.below(4) > 0,
            calm: random.below(3) > 0,
            fresh: random.below(2) == 0,
        }
    }
}

impl Step {
    fn new(random: &mut Random) -> Self {
        let (repository, tag) = (repository(random), tag(random));
        match random.below(100) {
            0..46 => Self::Push {
                repository,
                tag,
                artifact: artifact(random),
                event: Fate::new(random),
            },
            46..54 => Self::DeleteTag {
                repository,
                tag,
                event: Fate::new(random),
            },
            54..59 => Self::DeleteManifest {
                repository,
                artifact: artifact(random),
                event: Fate::new(random),
            },
            59..63 => Self::DeleteRepository { repository },
            63..77 => Self::Storm {
                kind: Storm::new(random),
                requests: 1 + random.below(14) as u32,
            },
            77..82 => Self::Restart {
                millis: random.below(20_000),
            },
            82..90 => Self::Kill {
                requests: 1 + random.below(25) as u32,
                millis: 1 + random.below(5_000),
            },
            90..92 => Self::Drain,
            92..95 => Self::Second {
                millis: 1_000 + random.below(60_000),
            },
            95..98 => Self::Forged { repository, tag },
            _ => Self::Phantom { repository },
        }
    }
}

impl Storm {
    fn new(random: &mut Random) -> Self {
        match random.below(10) {
            0 | 1 => Self::TooMany(None),
            2 => Self::TooMany(Some(1 + random.below(90) as u32)),
            3..6 => Self::Unavailable([500, 502, 503, 504][random.below(4) as usize]),
            6 | 7 => Self::Reset,
            8 => Self::Truncated,
            _ => Self::Corrupt,
        }
    }
}

impl Fate {
    fn new(random: &mut Random) -> Self {
        let mut deliveries = Vec::new();
        let many = [0, 0, 1, 1, 1, 2, 2, 3][random.below(8) as usize];
        for _ in 0..many {
            deliveries.push(match random.below(4) {
                0 | 1 => random.below(100),
                2 => random.below(5_000),
                _ => random.below(60_000),
            });
        }
        Self {
            deliveries,
            tries: [1, 2, 30][random.below(3) as usize],
        }
    }
}

fn repository(random: &mut Random) -> &'static str {
    // Most of it in the repositories that are watched.
    let all = REPOSITORIES.len() as u64;
    match random.below(8) {
        0 => REPOSITORIES[random.below(all) as usize],
        _ => REPOSITORIES[random.below(3) as usize],
    }
}

fn tag(random: &mut Random) -> &'static str {
    TAGS[random.below(TAGS.len() as u64) as usize]
}

fn artifact(random: &mut Random) -> usize {
    match random.below(4) {
        // What follows the good images and the one kept for the end.
        0 => IMAGES + 1 + random.below((WORLD.artifacts.len() - IMAGES - 1) as u64) as usize,
        _ => random.below(IMAGES as u64) as usize,
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.settings)?;
        for (repository, tag, artifact) in &self.first {
            let name = &WORLD.artifacts[*artifact].name;
            writeln!(f, "  at first: {repository}:{tag} = {name}")?;
        }
        for (number, (pause, step)) in self.steps.iter().enumerate() {
            writeln!(f, "  {number:>3}: after {pause} ms {step:?}")?;
        }
        Ok(())
    }
}
