//! Families beyond the documented ones, for those who ask for them.
//!
//! None of their labels is called `id`, `container`, `pod`, `namespace`, `job` or `instance`, as
//! scrapers set labels of these names themselves. All families together keep to a declared budget
//! of series:
//!
//! - The budget is a limit, not a wish: a scrape over a scraper's own limit is lost whole.
//! - Families are taken in the order of [`EXTENDED_FAMILIES`]. One that does not fit into what is
//!   left is left out whole, as a family without some of its streams would be read as complete;
//!   the next may still fit.
//! - The three families of repositories come last and share what is left. The worst repositories
//!   of all streams have series of their own, the others of each stream are summed up in
//!   `repository="other"`. What these families tell can be added, so sums over repositories are
//!   what they would be without a budget. If not even the sums fit, the three are left out.
//! - [`DROPPED`](schemas::DROPPED) tells of each family how many series it would have beyond
//!   those that are there, zero too.
//!
//! The same facts with the same budget always give the same series.

mod budget;
mod repositories;
mod schemas;
mod streams;
#[cfg(test)]
mod tests;

use scout_envs::{Snapshot, Upkeep};

use super::scout_families;
use crate::exposition::Exposition;
use crate::family::{Family, GaugeFamily};
use crate::schema::FamilyDescription;
pub use budget::{InvalidSeriesBudget, SeriesBudget};

/// The families beyond the documented ones, in the order in which they are written.
pub const EXTENDED_FAMILIES: &[FamilyDescription] = &[
    schemas::BUDGET.description(),
    schemas::DROPPED.description(),
    schemas::ADVISORIES_LOADED.description(),
    schemas::KNOWN_EXPLOITED_LOADED.description(),
    schemas::REGISTRY_LISTED.description(),
    schemas::RUNTIME_SYNCED.description(),
    schemas::IMAGES.description(),
    schemas::JUDGED.description(),
    schemas::PARTIAL.description(),
    schemas::EXPOSURES.description(),
    schemas::FIXABLE.description(),
    schemas::KNOWN_EXPLOITED.description(),
    schemas::IN_USE.description(),
    schemas::NO_DATA.description(),
    schemas::NOT_ANALYZED.description(),
    schemas::REPOSITORY_IMAGES.description(),
    schemas::REPOSITORY_EXPOSURES.description(),
    schemas::REPOSITORY_KNOWN_EXPLOITED.description(),
];

/// Returns the documented families, and after them the others, which are within the budget.
///
/// A family whose facts are not there has no series: without a catalog of known exploited
/// vulnerabilities none counts them, and a snapshot without its extended part tells no exposures.
#[must_use]
pub fn extended_families(snapshot: &Snapshot, upkeep: &Upkeep, budget: SeriesBudget) -> Exposition {
    let mut ledger = Ledger::new(budget);
    for family in streams::families(snapshot, upkeep) {
        ledger.take(family);
    }
    let repositories = repositories::families(snapshot.extended.as_ref(), ledger.left);
    for (family, dropped) in repositories {
        ledger.note(family, dropped);
    }
    let mut exposition = scout_families(snapshot);
    let (kept, dropped) = ledger.close();
    let mut declared = schemas::BUDGET.family();
    declared.set([], budget.as_series() as u64);
    exposition.insert(declared);
    exposition.insert(dropped);
    for family in kept {
        exposition.insert(family);
    }
    exposition
}

/// What was taken of the budget, and what was not.
struct Ledger {
    /// How many series there is room for.
    left: usize,
    kept: Vec<Family>,
    dropped: GaugeFamily<1>,
}

impl Ledger {
    /// Keeps the room for what is always there: the budget, and what was dropped of each of the
    /// other families.
    fn new(budget: SeriesBudget) -> Self {
        let always = EXTENDED_FAMILIES.len() - 1;
        Self {
            left: budget.as_series().saturating_sub(always),
            kept: Vec::new(),
            dropped: schemas::DROPPED.family(),
        }
    }

    /// Takes a family whole, or not at all.
    fn take(&mut self, family: Family) {
        let series = family.len();
        match self.left.checked_sub(series) {
            Some(left) => {
                self.left = left;
                self.note(family, 0);
            }
            None => self.dropped.set([family.name()], series as u64),
        }
    }

    /// Takes a family that was cut before.
    fn note(&mut self, family: Family, dropped: u64) {
        self.dropped.set([family.name()], dropped);
        self.kept.push(family);
    }

    fn close(self) -> (Vec<Family>, GaugeFamily<1>) {
        (self.kept, self.dropped)
    }
}
