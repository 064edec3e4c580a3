//! An organization's metrics, ready to be sent.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use scout_envs::{Snapshot, Upkeep};
use scout_metrics::{
    DOCUMENTED_FAMILIES, Exposition, Family, Rendered, SeriesBudget, extended_families,
    scout_families,
};
use tokio::time::Instant;

use crate::body::Bodies;
use crate::options::UPKEEP_INTERVAL;
use crate::upstream::UpstreamMetrics;

/// The texts of one generation.
#[derive(Debug)]
pub(crate) struct Page {
    /// The generation that was listed when the page was made; 0 without a snapshot.
    pub(crate) generation: u64,
    /// When the snapshot was made; nothing without one.
    pub(crate) judged_at: Option<Timestamp>,
    /// When the advisories behind it were loaded.
    pub(crate) advisories_loaded_at: Option<Timestamp>,
    /// Whether it is what another server said.
    pub(crate) is_upstream: bool,
    /// How many series the page has.
    pub(crate) series: usize,
    /// The text, and what was made of it.
    pub(crate) bodies: Bodies,
    /// Whether it has a series of the documented families: no data is no answer to keep.
    says_something: bool,
    made_at: Instant,
    /// What the page tells of what waits and how old sources are, and when that was last looked
    /// at; nothing if it tells the documented families alone.
    upkeep: Option<(Upkeep, Mutex<Instant>)>,
}

impl Page {
    /// Renders a snapshot, or the page of an organization that has none. Takes 10 ms and more for
    /// 100,000 series; bodies are made when somebody asks for them.
    pub(crate) fn render(listed: u64, snapshot: Option<&Snapshot>) -> Self {
        let exposition = snapshot.map_or_else(Exposition::new, scout_families);
        Self::of(listed, snapshot, &exposition)
    }

    /// The same with the families beyond the documented ones.
    pub(crate) fn render_extended(
        listed: u64,
        snapshot: Option<&Snapshot>,
        upkeep: Upkeep,
        budget: SeriesBudget,
    ) -> Self {
        let exposition = snapshot.map_or_else(Exposition::new, |snapshot| {
            extended_families(snapshot, &upkeep, budget)
        });
        Self {
            upkeep: Some((upkeep, Mutex::new(Instant::now()))),
            ..Self::of(listed, snapshot, &exposition)
        }
    }

    fn of(listed: u64, snapshot: Option<&Snapshot>, exposition: &Exposition) -> Self {
        let generation = snapshot.map_or(listed, |snapshot| snapshot.generation.max(listed));
        Self {
            generation,
            judged_at: snapshot.map(|snapshot| snapshot.judged_at),
            advisories_loaded_at: snapshot.and_then(|snapshot| snapshot.advisories_loaded_at),
            is_upstream: false,
            series: exposition.series_count(),
            says_something: documented(exposition) > 0,
            bodies: Bodies::new(Rendered::new(exposition)),
            made_at: Instant::now(),
            upkeep: None,
        }
    }

    /// Renders what another server said.
    pub(crate) fn of_upstream(metrics: &UpstreamMetrics) -> Self {
        Self {
            generation: metrics.generation,
            judged_at: Some(metrics.read_at),
            advisories_loaded_at: None,
            is_upstream: true,
            series: metrics.families.series_count(),
            says_something: metrics.families.series_count() > 0,
            bodies: Bodies::new(Rendered::new(&metrics.families)),
            made_at: Instant::now(),
            upkeep: None,
        }
    }

    /// Whether it is time to ask again what waits and how old sources are.
    pub(crate) fn is_upkeep_due(&self) -> bool {
        self.upkeep.as_ref().is_some_and(|(_, looked_at)| {
            let looked_at = looked_at.lock().unwrap_or_else(PoisonError::into_inner);
            looked_at.elapsed() >= UPKEEP_INTERVAL
        })
    }

    /// Whether the page tells just this of what waits and how old sources are; if so, it is not
    /// asked again for a while.
    pub(crate) fn still_tells(&self, now: &Upkeep) -> bool {
        let told = self.upkeep.as_ref().filter(|(told, _)| told == now);
        if let Some((_, looked_at)) = told {
            *looked_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        told.is_some()
    }

    /// Whether the page is younger than this, and says something.
    pub(crate) fn is_fresh(&self, ttl: Duration) -> bool {
        self.says_something && self.made_at.elapsed() < ttl
    }
}

/// Returns how many series the documented families have.
fn documented(exposition: &Exposition) -> usize {
    let families = DOCUMENTED_FAMILIES.iter();
    let families = families.filter_map(|family| exposition.family(family.name));
    families.map(Family::len).sum()
}
