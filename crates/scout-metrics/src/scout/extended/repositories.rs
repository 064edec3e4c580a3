//! Families of repositories: the worst by name, and what the others are together.

use scout_envs::{Extended, ExtendedStream, MemberCounts, OtherRepositories, Severity};

use super::schemas;
use crate::family::{Family, GaugeFamily};

/// The `repository` of what is summed up.
const OTHER: &str = "other";
/// The `repository` of a repository that is called so itself. No repository's name has a part
/// that begins with a dot, so nothing else is written like that.
const REALLY_OTHER: &str = "./other";

/// Returns the families in their order, each with how many of its series do not fit into so many
/// for all of them.
pub(super) fn families(extended: Option<&Extended>, left: usize) -> Vec<(Family, u64)> {
    let mut families = Families::new();
    let Some(extended) = extended else {
        return families.with_dropped(Series::default());
    };
    let all = wanted(extended);
    let Some(most) = fitting(extended, left) else {
        return families.with_dropped(all);
    };
    let mut kept = extended.clone();
    kept.keep_worst(most);
    let mut told = Series::default();
    for stream in &kept.streams {
        for row in &stream.repositories {
            let name = match row.repository.as_str() {
                OTHER => REALLY_OTHER,
                name => name,
            };
            families.set(stream, name, &row.counts);
            told.add(&Series::of(&row.counts));
        }
        if let Some(others) = &stream.others {
            families.set(stream, OTHER, &others.counts);
        }
    }
    families.with_dropped(all.without(&told))
}

/// How many series there are of each family.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Series {
    images: u64,
    exposures: u64,
    known_exploited: u64,
}

impl Series {
    /// Those of one repository in one stream.
    fn of(counts: &MemberCounts) -> Self {
        Self {
            images: 1,
            exposures: u64::from(counts.exposures.is_some()) * Severity::ALL.len() as u64,
            known_exploited: u64::from(counts.known_exploited.is_some()),
        }
    }

    /// Those that repositories would have which are summed up already.
    fn of_others(others: &OtherRepositories) -> Self {
        let one = Self::of(&others.counts);
        Self {
            images: others.repositories,
            exposures: one.exposures * others.judged,
            known_exploited: one.known_exploited * others.judged,
        }
    }

    fn add(&mut self, other: &Self) {
        self.images += other.images;
        self.exposures += other.exposures;
        self.known_exploited += other.known_exploited;
    }

    fn without(&self, other: &Self) -> Self {
        Self {
            images: self.images.saturating_sub(other.images),
            exposures: self.exposures.saturating_sub(other.exposures),
            known_exploited: self.known_exploited.saturating_sub(other.known_exploited),
        }
    }

    fn total(&self) -> usize {
        let total = self.images + self.exposures + self.known_exploited;
        usize::try_from(total).unwrap_or(usize::MAX)
    }
}

/// The series there would be if each repository had its own.
fn wanted(extended: &Extended) -> Series {
    let mut all = Series::default();
    for stream in &extended.streams {
        for row in &stream.repositories {
            all.add(&Series::of(&row.counts));
        }
        if let Some(others) = &stream.others {
            all.add(&Series::of_others(others));
        }
    }
    all
}

/// What of a stream is summed up.
#[derive(Clone, Copy, Default)]
struct Summed {
    rows: usize,
    exposures: usize,
    known_exploited: usize,
}

impl Summed {
    fn change(&mut self, counts: &MemberCounts, by: fn(usize, usize) -> usize) {
        self.rows = by(self.rows, 1);
        self.exposures = by(self.exposures, counts.exposures.is_some().into());
        self.known_exploited = by(
            self.known_exploited,
            counts.known_exploited.is_some().into(),
        );
    }

    /// How many series the sum has.
    fn series(&self) -> usize {
        usize::from(self.rows > 0)
            + usize::from(self.exposures > 0) * Severity::ALL.len()
            + usize::from(self.known_exploited > 0)
    }
}

/// Returns how many repositories, the worst first, can have series of their own if the sums of the
/// others are to fit too; nothing if not even the sums fit.
///
/// One more by its own name never makes the whole smaller: its sum loses at most the series that
/// it gains. So the first that does not fit ends the search.
fn fitting(extended: &Extended, left: usize) -> Option<usize> {
    let mut sums = vec![Summed::default(); extended.streams.len()];
    for (sum, stream) in sums.iter_mut().zip(&extended.streams) {
        let rows = stream.repositories.iter().map(|row| &row.counts);
        let others = stream.others.iter().map(|others| &others.counts);
        for counts in rows.chain(others) {
            sum.change(counts, |count, by| count + by);
        }
    }
    let mut series: usize = sums.iter().map(Summed::series).sum();
    if series > left {
        return None;
    }
    let order = extended.worst_first();
    for (kept, (place, row)) in order.iter().enumerate() {
        let Some(sum) = sums.get_mut(*place) else {
            continue;
        };
        series -= sum.series();
        sum.change(&row.counts, usize::saturating_sub);
        series += sum.series() + Series::of(&row.counts).total();
        if series > left {
            return Some(kept);
        }
    }
    Some(order.len())
}

/// The families while they are made.
struct Families {
    images: GaugeFamily<2>,
    exposures: GaugeFamily<3>,
    known_exploited: GaugeFamily<2>,
}

impl Families {
    fn new() -> Self {
        Self {
            images: schemas::REPOSITORY_IMAGES.family(),
            exposures: schemas::REPOSITORY_EXPOSURES.family(),
            known_exploited: schemas::REPOSITORY_KNOWN_EXPLOITED.family(),
        }
    }

    fn set(&mut self, stream: &ExtendedStream, repository: &str, counts: &MemberCounts) {
        let stream = stream.name.as_str();
        self.images.set([stream, repository], counts.images);
        if let Some(exposures) = &counts.exposures {
            for severity in Severity::ALL {
                let labels = [stream, repository, severity.as_str()];
                self.exposures.set(labels, exposures.of(severity));
            }
        }
        if let Some(known_exploited) = counts.known_exploited {
            self.known_exploited
                .set([stream, repository], known_exploited);
        }
    }

    fn with_dropped(self, dropped: Series) -> Vec<(Family, u64)> {
        vec![
            (self.images.into(), dropped.images),
            (self.exposures.into(), dropped.exposures),
            (self.known_exploited.into(), dropped.known_exploited),
        ]
    }
}
