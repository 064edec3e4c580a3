//! What the judge found beyond the documented numbers: exposures, fixable and known exploited
//! vulnerabilities of a stream, and what each repository adds to it.
//!
//! An *exposure* is a (member, vulnerability) pair: one image in one repository has a
//! vulnerability, in however many of its packages. Distinct vulnerabilities of two repositories
//! cannot be added, since both may have the same; exposures can. So what is told of repositories
//! are exposures, and rolled-up repositories lose nothing of a sum.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::severity::{Severity, SeverityCounts};
use crate::stream::StreamName;

/// How many repositories are kept one by one with a snapshot, those of all streams together.
///
/// What else there is, is summed up for each stream. A row has seven series, so these are more than
/// the greatest budget of series can show, and take about 3 MB.
pub const MAX_REPOSITORY_ROWS: usize = 16_000;

/// What is known beyond the documented numbers, of all streams of an organization.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Extended {
    /// The streams, in the order of the snapshot.
    pub streams: Vec<ExtendedStream>,
}

/// What is known of one stream beyond the documented numbers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ExtendedStream {
    /// The stream.
    pub name: StreamName,
    /// Exposures, each at the severity that the vulnerability has in its image; absent while
    /// nothing was judged.
    pub exposures: Option<SeverityCounts>,
    /// Of the stream's distinct vulnerabilities, at the same severities, those for which a record
    /// that matches some package of it names a version that fixes them.
    pub fixable: Option<SeverityCounts>,
    /// Of the stream's distinct vulnerabilities, at the same severities, those that are known to
    /// be exploited; absent while no catalog of them is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_exploited: Option<SeverityCounts>,
    /// Repositories told one by one, worst first.
    #[serde(default)]
    pub repositories: Vec<RepositoryCounts>,
    /// All other repositories, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<OtherRepositories>,
}

/// What one repository adds to a stream.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RepositoryCounts {
    /// The repository as people write it, with its registry; none twice in a stream.
    pub repository: String,
    /// What it adds.
    #[serde(flatten)]
    pub counts: MemberCounts,
}

/// What several repositories that are not told one by one add to a stream.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct OtherRepositories {
    /// How many repositories these are.
    pub repositories: u64,
    /// How many of them have exposures counted, be it zero.
    pub judged: u64,
    /// What they add together.
    #[serde(flatten)]
    pub counts: MemberCounts,
}

/// What some members add to a stream. Two of these can be added, and nothing is lost.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct MemberCounts {
    /// How many members these are.
    pub images: u64,
    /// Their exposures; absent while none of them was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposures: Option<SeverityCounts>,
    /// Those of the exposures whose vulnerability is known to be exploited; absent with them, or
    /// while no catalog is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_exploited: Option<u64>,
}

impl MemberCounts {
    /// Adds what other members add. What one of both does not know counts as nothing.
    pub fn add(&mut self, other: &Self) {
        self.images += other.images;
        if let Some(exposures) = &other.exposures {
            self.exposures.get_or_insert_default().add_all(exposures);
        }
        if let Some(known_exploited) = other.known_exploited {
            *self.known_exploited.get_or_insert_default() += known_exploited;
        }
    }

    /// Returns what orders repositories, the worst first: known exploited exposures, then
    /// exposures from critical to unspecified, then images.
    fn badness(&self) -> Reverse<(u64, [u64; 5], u64)> {
        let exposures = self.exposures.unwrap_or_default();
        Reverse((
            self.known_exploited.unwrap_or_default(),
            Severity::ALL.map(|severity| exposures.of(severity)),
            self.images,
        ))
    }
}

impl OtherRepositories {
    /// Adds a repository.
    pub fn add(&mut self, counts: &MemberCounts) {
        self.repositories += 1;
        self.judged += u64::from(counts.exposures.is_some());
        self.counts.add(counts);
    }
}

impl Extended {
    /// Returns the repositories told one by one, of all streams, worst first, each with the place
    /// of its stream.
    ///
    /// Worst is what has most known exploited exposures, then most critical ones, and so on to
    /// unspecified, then most images; what is equal goes by stream and by name. Nothing else
    /// decides, so the same snapshot always has the same order.
    #[must_use]
    pub fn worst_first(&self) -> Vec<(usize, &RepositoryCounts)> {
        let streams = self.streams.iter().enumerate();
        let mut rows: Vec<_> = streams
            .flat_map(|(place, stream)| stream.repositories.iter().map(move |row| (place, row)))
            .collect();
        rows.sort_by_cached_key(|(place, row)| (row.counts.badness(), *place, &row.repository));
        rows
    }

    /// Keeps so many repositories one by one, the worst of all streams, and sums up the others of
    /// each stream. Sums over repositories stay what they were. To keep fewer of what was kept
    /// gives the same as to keep fewer at once.
    pub fn keep_worst(&mut self, most: usize) {
        let order = self.worst_first();
        let mut kept: BTreeMap<usize, Vec<RepositoryCounts>> = BTreeMap::new();
        for (place, row) in order.iter().take(most) {
            kept.entry(*place).or_default().push((*row).clone());
        }
        let mut others: BTreeMap<usize, OtherRepositories> = BTreeMap::new();
        for (place, row) in order.iter().skip(most) {
            others.entry(*place).or_default().add(&row.counts);
        }
        for (place, stream) in self.streams.iter_mut().enumerate() {
            stream.repositories = kept.remove(&place).unwrap_or_default();
            if let Some(added) = others.remove(&place) {
                let known = stream.others.get_or_insert_default();
                known.repositories += added.repositories;
                known.judged += added.judged;
                known.counts.add(&added.counts);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(repository: &str, exploited: u64, critical: usize, images: u64) -> RepositoryCounts {
        let severities = std::iter::repeat_n(Severity::Critical, critical);
        RepositoryCounts {
            repository: repository.to_owned(),
            counts: MemberCounts {
                images,
                exposures: Some(severities.collect()),
                known_exploited: Some(exploited),
            },
        }
    }

    fn stream(name: &str, repositories: Vec<RepositoryCounts>) -> ExtendedStream {
        ExtendedStream {
            name: name.parse().unwrap(),
            exposures: None,
            fixable: None,
            known_exploited: None,
            repositories,
            others: None,
        }
    }

    fn sample() -> Extended {
        let first = vec![row("b", 0, 2, 1), row("a", 0, 2, 1), row("c", 0, 2, 2)];
        let second = vec![row("a", 0, 2, 1), row("d", 1, 1, 1)];
        Extended {
            streams: vec![stream("latest-indexed", first), stream("prod", second)],
        }
    }

    #[test]
    fn known_exploited_comes_before_severity_before_reach_before_names() {
        let sample = sample();
        let order: Vec<_> = sample
            .worst_first()
            .iter()
            .map(|(place, row)| (*place, row.repository.as_str()))
            .collect();
        assert_eq!(order, [(1, "d"), (0, "c"), (0, "a"), (0, "b"), (1, "a")]);
    }

    #[test]
    fn a_sum_stays_what_it_was_however_often_it_is_cut() {
        let sum = |extended: &Extended| {
            let mut sums = vec![MemberCounts::default(); extended.streams.len()];
            for (sum, stream) in sums.iter_mut().zip(&extended.streams) {
                let rows = stream.repositories.iter().map(|row| &row.counts);
                let others = stream.others.iter().map(|others| &others.counts);
                rows.chain(others).for_each(|counts| sum.add(counts));
            }
            sums
        };
        for most in 0..=6 {
            let mut at_once = sample();
            at_once.keep_worst(most);
            assert_eq!(sum(&at_once), sum(&sample()), "{most}");
            let left: usize = at_once.streams.iter().map(|s| s.repositories.len()).sum();
            assert_eq!(left, most.min(5));
            for first in most..=6 {
                let mut twice = sample();
                twice.keep_worst(first);
                twice.keep_worst(most);
                assert_eq!(twice, at_once, "{first}, then {most}");
            }
        }
    }

    #[test]
    fn older_and_shorter_texts_are_read() {
        let text = r#"{"streams":[{"name":"prod","exposures":null,"fixable":null}]}"#;
        let read: Extended = serde_json::from_str(text).unwrap();
        assert_eq!(read.streams, [stream("prod", vec![])]);
        let whole = sample();
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<Extended>(&text).unwrap(), whole);
    }
}
