//! How the record is doing, as metrics: facts that every program on it tells alike.
//!
//! Reading them takes a query over all work, so they are read now and then by a task of their own,
//! and never because somebody scrapes.

mod families;

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use scout_metrics::Family;
use scout_platform::{RecordHealth, chain};

pub use families::RECORD_FAMILIES;

use crate::exporter::in_time;
use crate::options::Clock;
use crate::source::MetricsSource;

/// How often the record is asked how it is doing: some milliseconds with 100,000 images, and
/// nobody scrapes much oftener.
pub const RECORD_INTERVAL: Duration = Duration::from_secs(10);
/// How long it may take to answer.
const RECORD_TIMEOUT: Duration = Duration::from_secs(30);

/// What the record last told of itself.
#[derive(Debug, Default)]
pub(crate) struct RecordLook(Mutex<Looked>);

#[derive(Debug, Default)]
struct Looked {
    /// What it told, and when.
    told: Option<(RecordHealth, Timestamp)>,
    failures: u64,
}

impl RecordLook {
    /// Asks the record once. What it told before stays if it does not answer; its age shows.
    pub(crate) async fn look(&self, source: &dyn MetricsSource, clock: &Clock) {
        let asked_at = clock.now();
        let answer = in_time(RECORD_TIMEOUT, source.health(asked_at)).await;
        let mut looked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(told) => looked.told = told.map(|told| (told, asked_at)),
            Err(error) => {
                looked.failures += 1;
                let error = chain(error.as_ref());
                tracing::debug!(%error, "cannot read how the record is doing");
            }
        }
    }

    /// Asks the record again and again. Never ends.
    pub(crate) async fn follow(&self, source: &dyn MetricsSource, clock: &Clock) -> Infallible {
        loop {
            tokio::time::sleep(RECORD_INTERVAL).await;
            self.look(source, clock).await;
        }
    }

    /// Returns the families; only that nothing could be read, before it told something.
    pub(crate) fn families(&self, now: Timestamp) -> Vec<Family> {
        let looked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        families::families(looked.told.as_ref(), looked.failures, now)
    }
}
