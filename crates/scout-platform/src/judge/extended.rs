//! What is known of streams beyond the documented numbers, and of the repositories in them.
//!
//! It is made with every judgement, whether or not an exporter shows it: the judge cannot know
//! who will ask, and an exporter that begins to ask would have to wait for a judgement that
//! nothing calls for. The cost is kept low instead. The findings of an image are counted once, by
//! image, and then only added up, whatever number of streams it is in; and it is stored apart from
//! the snapshot, of at most [`MAX_REPOSITORY_ROWS`] repositories, and written only when it
//! differs.

use std::collections::{BTreeMap, BTreeSet};

use scout_envs::{
    Extended, ExtendedStream, MAX_REPOSITORY_ROWS, MemberCounts, RepositoryCounts, StreamSnapshot,
};
use scout_store::{ImageId, RepositoryId};

use super::stream::{Judged, Member};
use super::worst::Worst;

/// Collects what is known of one stream after the other.
pub(super) struct ExtendedBuilder<'a> {
    judged: &'a Judged,
    references: &'a BTreeMap<RepositoryId, String>,
    /// What each image adds to any stream it is in.
    images: BTreeMap<ImageId, MemberCounts>,
    extended: Extended,
    rows: usize,
}

impl<'a> ExtendedBuilder<'a> {
    /// Counts the findings of each image. `references` is how people write repositories.
    pub(super) fn new(judged: &'a Judged, references: &'a BTreeMap<RepositoryId, String>) -> Self {
        let images = judged.images.iter().map(|(id, image)| {
            let found = Worst::of(judged.findings_of(&image.record));
            let exposures = found.counts();
            let is_known = image.coverage.judged || exposures.total() > 0;
            let exploited = || found.counts_of(|id| judged.is_known_exploited(id)).total();
            let counts = MemberCounts {
                images: 1,
                exposures: is_known.then_some(exposures),
                known_exploited: (is_known && judged.kev.is_some()).then(exploited),
            };
            (*id, counts)
        });
        Self {
            judged,
            references,
            images: images.collect(),
            extended: Extended::default(),
            rows: 0,
        }
    }

    /// Adds a stream; `found` is all that was found in it.
    pub(super) fn add(
        &mut self,
        stream: &StreamSnapshot,
        members: &BTreeSet<Member>,
        found: &Worst<'_>,
    ) {
        let is_known = stream.vulnerabilities.is_some();
        let mut all = MemberCounts::default();
        let mut repositories: BTreeMap<String, MemberCounts> = BTreeMap::new();
        for (repository, image) in members {
            let unknown = MemberCounts {
                images: 1,
                ..MemberCounts::default()
            };
            // While nothing of the stream is known, what is left over from before says nothing.
            let known = self.images.get(image).filter(|_| is_known);
            let counts = known.copied().unwrap_or(unknown);
            all.add(&counts);
            repositories
                .entry(self.name(*repository))
                .or_default()
                .add(&counts);
        }
        let is_exploited = |id: &_| self.judged.is_known_exploited(id);
        let knows_exploited = is_known && self.judged.kev.is_some();
        self.rows += repositories.len();
        let rows = repositories.into_iter();
        self.extended.streams.push(ExtendedStream {
            name: stream.name.clone(),
            exposures: is_known.then(|| all.exposures.unwrap_or_default()),
            fixable: is_known.then(|| found.fixable()),
            known_exploited: knows_exploited.then(|| found.counts_of(is_exploited)),
            repositories: rows
                .map(|(repository, counts)| RepositoryCounts { repository, counts })
                .collect(),
            others: None,
        });
        // A thousand environments that each hold a thousand repositories are never all in memory.
        if self.rows > 2 * MAX_REPOSITORY_ROWS {
            self.cut();
        }
    }

    pub(super) fn build(mut self) -> Extended {
        self.cut();
        self.extended
    }

    fn cut(&mut self) {
        self.extended.keep_worst(MAX_REPOSITORY_ROWS);
        self.rows = self.rows.min(MAX_REPOSITORY_ROWS);
    }

    fn name(&self, repository: RepositoryId) -> String {
        let known = self.references.get(&repository);
        // The references are read after the members, so none is missing.
        known.map_or_else(|| repository.to_string(), Clone::clone)
    }
}
