//! An organization's metrics, ready to be sent.

use std::time::Duration;

use jiff::Timestamp;
use scout_envs::Snapshot;
use scout_metrics::{Exposition, Rendered, scout_families};
use tokio::time::Instant;

use crate::body::Bodies;
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
    made_at: Instant,
}

impl Page {
    /// Renders a snapshot, or the page of an organization that has none. Takes 10 ms and more for
    /// 100,000 series; bodies are made when somebody asks for them.
    pub(crate) fn render(listed: u64, snapshot: Option<&Snapshot>) -> Self {
        let exposition = snapshot.map_or_else(Exposition::new, scout_families);
        let generation = snapshot.map_or(listed, |snapshot| snapshot.generation.max(listed));
        Self {
            generation,
            judged_at: snapshot.map(|snapshot| snapshot.judged_at),
            advisories_loaded_at: snapshot.and_then(|snapshot| snapshot.advisories_loaded_at),
            is_upstream: false,
            series: exposition.series_count(),
            bodies: Bodies::new(Rendered::new(&exposition)),
            made_at: Instant::now(),
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
            bodies: Bodies::new(Rendered::new(&metrics.families)),
            made_at: Instant::now(),
        }
    }

    /// Whether the page is younger than this, and says something.
    pub(crate) fn is_fresh(&self, ttl: Duration) -> bool {
        self.series > 0 && self.made_at.elapsed() < ttl
    }
}
