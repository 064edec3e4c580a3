//! Sending notices to channels: batched, each once as far as can be known, and never in the way
//! of anything else.
//!
//! A channel is done with a notice when a message arrived, or when the notice stands no more. What
//! does not arrive waits; a process that is killed between sending and recording sends it again,
//! with the same ids.

mod batch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use scout_notices::Channel;
use scout_store::{ChannelFailure, ChannelKey, ChannelRecord, Lease, OrgId, Store};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::error::Result;
use crate::index::chain;
use crate::lookup::Organization;
use batch::{Prepared, prepare};

/// How often is looked whether notices wait.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long nothing new must have been found before a message is sent: what is found together
/// is told together.
const QUIET: SignedDuration = SignedDuration::from_secs(10);
/// How long a notice waits for quiet at most.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(60);
/// How long the right to send to a channel lasts: three times what sending may take.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// The wait after a first failure; it doubles with each further one.
const FIRST_RETRY: SignedDuration = SignedDuration::from_secs(30);
/// The longest wait of our own choice, and the one after a failure that somebody has to mend.
const LAST_RETRY: SignedDuration = SignedDuration::from_hours(1);
/// The longest wait that a receiver may ask for.
const LONGEST_ASKED: SignedDuration = SignedDuration::from_hours(24);
/// How long a message that is being sent is waited for when the process ends. Who stops containers
/// waits 10 seconds (<https://docs.docker.com/reference/cli/docker/container/stop/>).
const LAST_MOMENT: Duration = Duration::from_secs(5);
/// Most messages that one channel is sent in a row when nobody waits: a bound, not a rate.
const MAX_MESSAGES_AT_ONCE: usize = 20;

/// A channel, and under which key and name it is known.
#[derive(Clone, Debug)]
pub struct Outlet {
    /// What tells it from others.
    pub key: ChannelKey,
    /// Its name, for people.
    pub name: String,
    /// Where to send.
    pub channel: Channel,
    /// Whether it was just set up or changed, which may have mended what failed: its first message
    /// keeps no wait but one that the receiver asked for.
    pub is_new: bool,
}

/// Sends an organization's notices.
pub struct Notifier {
    store: Arc<dyn Store>,
    org: Organization,
    clock: Arc<dyn Clock>,
    outlets: Vec<Outlet>,
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier")
            .field("org", &self.org)
            .field("outlets", &self.outlets)
            .finish_non_exhaustive()
    }
}

/// What came of one look at a channel.
#[derive(Debug)]
enum Turn {
    /// There was nothing to send.
    Nothing,
    /// A message arrived.
    Sent,
    /// It did not.
    Failed,
    /// Another process is sending to it.
    ElsewhereHeld,
}

impl Notifier {
    /// Returns a notifier for these channels.
    #[must_use]
    pub fn new(
        (store, org, clock): (Arc<dyn Store>, Organization, Arc<dyn Clock>),
        outlets: Vec<Outlet>,
    ) -> Self {
        Self {
            store,
            org,
            clock,
            outlets,
        }
    }

    /// Records that these channels are there, be they open or not: they hear of what is found
    /// from now on. To be called before anything is judged.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn open(&self, keys: &[ChannelKey]) -> Result<()> {
        let now = self.clock.now();
        self.store.open_channels(self.org.id, keys, now).await?;
        Ok(())
    }

    /// Sends what waits, until told to stop; each channel by itself. Failures are logged, recorded
    /// and tried again. A message that is being sent is finished, unless it takes long: then it may
    /// be sent twice.
    pub async fn run(&self, stop: &CancellationToken) {
        if self.outlets.is_empty() {
            return stop.cancelled().await;
        }
        join_all(self.outlets.iter().map(|outlet| async move {
            let mut is_new = outlet.is_new;
            while !stop.is_cancelled() {
                let turned = tokio::select! {
                    turned = self.turn_if_due(outlet, is_new) => turned,
                    () = over(stop) => return,
                };
                match turned {
                    Ok(was_due) => is_new &= !was_due,
                    Err(error) => {
                        tracing::warn!("notices for {}: {}", outlet.name, chain(&error));
                    }
                }
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
            }
        }))
        .await;
    }

    /// Sends what waits at once, each channel until a message fails: for a process that ends.
    /// Only a wait that a receiver asked for is kept. Returns how many channels failed.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn flush(&self) -> Result<u64> {
        let each = join_all(self.outlets.iter().map(|outlet| self.flush_one(outlet))).await;
        let failed: Result<Vec<bool>> = each.into_iter().collect();
        Ok(failed?.into_iter().filter(|failed| *failed).count() as u64)
    }

    /// Returns whether a message failed.
    async fn flush_one(&self, outlet: &Outlet) -> Result<bool> {
        let record = self.record(outlet).await?;
        let asked = record.and_then(|record| record.failure);
        let now = self.clock.now();
        if asked.is_some_and(|failure| failure.is_asked && failure.not_before > now) {
            return Ok(true);
        }
        for _ in 0..MAX_MESSAGES_AT_ONCE {
            match self.turn(outlet).await? {
                Turn::Sent => {}
                Turn::Failed => return Ok(true),
                Turn::Nothing | Turn::ElsewhereHeld => return Ok(false),
            }
        }
        Ok(false)
    }

    async fn record(&self, outlet: &Outlet) -> Result<Option<ChannelRecord>> {
        let channels = self.store.channels(self.org.id).await?;
        Ok(channels.into_iter().find(|one| one.key == outlet.key))
    }

    /// Sends what waits, if it is time to; returns whether it was. Of a new outlet only a wait that
    /// the receiver asked for is kept.
    async fn turn_if_due(&self, outlet: &Outlet, is_new: bool) -> Result<bool> {
        let Some(record) = self.record(outlet).await? else {
            return Ok(false);
        };
        let now = self.clock.now();
        let waits = record
            .failure
            .is_some_and(|failure| failure.not_before > now && (failure.is_asked || !is_new));
        let Some((oldest, newest)) = record.pending_between.filter(|_| !waits) else {
            return Ok(false);
        };
        let is_late = now.duration_since(oldest) >= LONGEST_WAIT;
        let is_quiet = now.duration_since(newest) >= QUIET;
        let is_due = is_late || (is_quiet && self.store.judge_work(now).await?.is_empty());
        if is_due {
            self.turn(outlet).await?;
        }
        Ok(is_due)
    }

    /// Sends one message, if there is something to tell.
    async fn turn(&self, outlet: &Outlet) -> Result<Turn> {
        let Some(lease) = self.lease(outlet).await? else {
            return Ok(Turn::ElsewhereHeld);
        };
        let turn = self.turn_with(outlet).await;
        self.store.release(&lease).await?;
        turn
    }

    async fn lease(&self, outlet: &Outlet) -> Result<Option<Lease>> {
        let name = format!("notices:{}:{}", self.org.id, outlet.key);
        let now = self.clock.now();
        Ok(self.store.lease(&name, now, now + LEASE).await?)
    }

    async fn turn_with(&self, outlet: &Outlet) -> Result<Turn> {
        let id = self.org.id;
        let Some(record) = self.record(outlet).await? else {
            return Ok(Turn::Nothing);
        };
        let pending = self.store.pending_notices(id, &outlet.key).await?;
        let standings = self.store.standings(id).await?.unwrap_or_default();
        let Prepared { batch, last } = prepare(
            (&self.org.name, pending, record.dropped),
            &standings,
            (outlet.channel.selection(), outlet.channel.max_notices()),
        );
        if batch.notices.is_empty() && batch.dropped == 0 {
            if last.is_some() {
                self.store
                    .finish_notices(id, &outlet.key, last, None)
                    .await?;
            }
            return Ok(Turn::Nothing);
        }
        match outlet.channel.send(&batch).await {
            Ok(()) => {
                let sent = Some((self.clock.now(), batch.dropped));
                self.store
                    .finish_notices(id, &outlet.key, last, sent)
                    .await?;
                tracing::info!(
                    channel = outlet.name,
                    notices = batch.notices.len(),
                    "told {}",
                    outlet.channel.host()
                );
                Ok(Turn::Sent)
            }
            Err(error) => {
                self.failed(id, outlet, &record, &error).await?;
                Ok(Turn::Failed)
            }
        }
    }

    /// Records a failure. It is told loudly when it is new, and again only if it changes.
    async fn failed(
        &self,
        org: OrgId,
        outlet: &Outlet,
        record: &ChannelRecord,
        error: &scout_notices::Error,
    ) -> Result<()> {
        let now = self.clock.now();
        let (wait, is_asked) = wait_after(error, record.failures);
        let reason = chain(error);
        let is_known = record
            .failure
            .as_ref()
            .is_some_and(|before| before.reason == reason);
        let (name, seconds) = (&outlet.name, wait.as_secs());
        match (is_known, error.is_permanent()) {
            (true, _) => tracing::debug!("notices for {name} still wait: {reason}"),
            (false, true) => tracing::error!(
                "notices for {name} wait until this is mended: {reason}; trying again in \
                 {seconds} s"
            ),
            (false, false) => {
                tracing::warn!("notices for {name} wait: {reason}; trying again in {seconds} s")
            }
        }
        let failure = ChannelFailure {
            at: now,
            reason,
            not_before: later(now, wait),
            is_asked,
        };
        self.store
            .record_channel_failure(org, &outlet.key, failure)
            .await?;
        Ok(())
    }
}

/// Returns once told to stop, and what was being sent had its time.
async fn over(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(LAST_MOMENT).await;
}

/// Returns how long to wait after a failure, when so many came before it, and whether the
/// receiver asked for it.
fn wait_after(error: &scout_notices::Error, failures: u32) -> (SignedDuration, bool) {
    if error.is_permanent() {
        return (LAST_RETRY, false);
    }
    let own = |failures: u32| {
        let wait = FIRST_RETRY.saturating_mul(1 << failures.min(16));
        wait.min(LAST_RETRY)
    };
    let Some(asked) = error.retry_after() else {
        return (own(failures), false);
    };
    let asked = SignedDuration::try_from(asked).map_or(LONGEST_ASKED, |d| d.min(LONGEST_ASKED));
    // Who asks to wait a moment, each time again, is not asked each moment.
    let least = failures.checked_sub(1).map_or(SignedDuration::ZERO, own);
    (asked.max(least), asked >= least)
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
