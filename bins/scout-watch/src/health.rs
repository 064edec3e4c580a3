//! What the program tells of itself: counts that outlive integrations that are opened anew, and a
//! listener for them alone.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use jiff::Timestamp;
use scout_config::{OpenedRuntime, SystemClock};
use scout_platform::{
    Clock as _, JudgeCounters, Reader, RegistryStats, RuntimeStats, SourceCounters, WatchStats,
};
use scout_registry::runtime::RuntimeIntegration;
use scout_registry::{RegistryIntegration, Stats};
use scout_sbom::Budget;
use scout_store::Store;
use scout_web::{
    Family, HealthServer, OwnFamilies, ReaderSource, WebhookReceiver, WebhookStats,
    watcher_families, webhook_families,
};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::fleet::{Fleet, Member};

/// What is counted in this process.
#[derive(Debug)]
pub(crate) struct Health {
    budget: Budget,
    judge: Arc<JudgeCounters>,
    integrations: Mutex<Integrations>,
}

#[derive(Debug, Default)]
struct Integrations {
    registries: BTreeMap<String, Registry>,
    runtimes: BTreeMap<String, Runtime>,
    receivers: Vec<WebhookReceiver>,
    /// What came to receivers before these.
    received: BTreeMap<String, WebhookStats>,
}

#[derive(Debug)]
struct Registry {
    opened: Arc<dyn RegistryIntegration>,
    counters: Arc<SourceCounters>,
    /// What was asked before it was opened anew.
    before: Stats,
}

#[derive(Debug)]
struct Runtime {
    opened: Arc<dyn RuntimeIntegration>,
    before: Stats,
    stats: RuntimeStats,
}

impl Health {
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self {
            budget: Budget::new(data_dir),
            judge: Arc::default(),
            integrations: Mutex::default(),
        }
    }

    /// Returns the budget of the process.
    pub(crate) fn budget(&self) -> Budget {
        self.budget.clone()
    }

    pub(crate) fn judge(&self) -> Arc<JudgeCounters> {
        Arc::clone(&self.judge)
    }

    /// Returns where is counted what is done in a registry.
    pub(crate) fn counters(&self, name: &str) -> Arc<SourceCounters> {
        let integrations = self.integrations();
        let known = integrations.registries.get(name);
        known.map_or_else(Arc::default, |one| Arc::clone(&one.counters))
    }

    /// Counts for these integrations from now on; those that are gone are forgotten.
    pub(crate) fn watch(&self, fleet: &Fleet) {
        let mut integrations = self.integrations();
        let mut before = std::mem::take(&mut integrations.registries);
        for member in &fleet.members {
            let opened = Arc::clone(&member.opened.registry);
            let known = before.remove(&member.name);
            // Another registry under the same name is another registry.
            let known = known.filter(|known| known.opened.key() == opened.key());
            let registry = Registry {
                before: known.as_ref().map_or_else(Stats::default, |known| {
                    match Arc::ptr_eq(&known.opened, &opened) {
                        true => known.before,
                        false => known.before.plus(known.opened.stats()),
                    }
                }),
                counters: known.map(|known| known.counters).unwrap_or_default(),
                opened,
            };
            integrations
                .registries
                .insert(member.name.clone(), registry);
        }
        let mut before = std::mem::take(&mut integrations.runtimes);
        for member in &fleet.runtimes {
            let known = before.remove(&member.name);
            let runtime = Runtime::new(member, known);
            integrations.runtimes.insert(member.name.clone(), runtime);
        }
    }

    /// Counts an answer of a runtime, or that none came.
    pub(crate) fn note_sync(&self, name: &str, is_well: bool) {
        if let Some(runtime) = self.integrations().runtimes.get_mut(name) {
            runtime.stats.synced += u64::from(is_well);
            runtime.stats.failed += u64::from(!is_well);
            runtime.stats.is_up = Some(is_well);
        }
    }

    /// Tells what comes to these receivers from now on, beside what came to those before.
    pub(crate) fn listen(&self, receivers: Vec<WebhookReceiver>) {
        let mut integrations = self.integrations();
        let before = std::mem::replace(&mut integrations.receivers, receivers);
        for (name, stats) in before.iter().flat_map(WebhookReceiver::stats) {
            let sum = integrations.received.entry(name).or_default();
            *sum = sum.plus(stats);
        }
        let watched: Vec<_> = integrations.registries.keys().cloned().collect();
        integrations
            .received
            .retain(|name, _| watched.contains(name));
    }

    fn stats(&self) -> (WatchStats, BTreeMap<String, WebhookStats>) {
        let mut stats = WatchStats::default();
        let integrations = self.integrations();
        for (name, one) in &integrations.registries {
            let asked = one.before.plus(one.opened.stats());
            let done = one.counters.stats();
            let of_one = RegistryStats::new(name, one.opened.kind(), done, asked);
            stats.registries.push(of_one);
        }
        for one in integrations.runtimes.values() {
            let mut of_one = one.stats.clone();
            of_one.asked = one.before.plus(one.opened.stats());
            stats.runtimes.push(of_one);
        }
        let mut received = integrations.received.clone();
        for (name, now) in integrations
            .receivers
            .iter()
            .flat_map(WebhookReceiver::stats)
        {
            let sum = received.entry(name).or_default();
            *sum = sum.plus(now);
        }
        drop(integrations);
        stats.judge = self.judge.stats();
        stats.budget = self.budget.stats();
        (stats, received)
    }

    fn integrations(&self) -> MutexGuard<'_, Integrations> {
        // A panic leaves numbers that are still numbers.
        self.integrations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runtime {
    fn new(member: &Member<OpenedRuntime>, known: Option<Self>) -> Self {
        let opened = Arc::clone(&member.opened.runtime);
        let known = known.filter(|known| known.opened.key() == opened.key());
        let Some(known) = known else {
            return Self {
                stats: RuntimeStats::new(&member.name, opened.kind()),
                before: Stats::default(),
                opened,
            };
        };
        let before = match Arc::ptr_eq(&known.opened, &opened) {
            true => known.before,
            false => known.before.plus(known.opened.stats()),
        };
        Self {
            opened,
            before,
            stats: known.stats,
        }
    }
}

impl OwnFamilies for Health {
    fn families(&self, now: Timestamp) -> Vec<Family> {
        let (stats, received) = self.stats();
        let mut families = watcher_families(&stats, env!("CARGO_PKG_VERSION"), now);
        families.extend(webhook_families(&received));
        families
    }
}

/// A listener for health that is being served (`--health-address`).
#[derive(Debug)]
pub(crate) struct HealthListener {
    stop: CancellationToken,
    server: JoinHandle<usize>,
}

impl HealthListener {
    /// Serves `/metrics` and `/healthz` until ended.
    pub(crate) fn start(
        listener: TcpListener,
        store: &Arc<dyn Store>,
        health: &Arc<Health>,
    ) -> Self {
        let source = Arc::new(ReaderSource::new(Reader::new(Arc::clone(store))));
        let clock = scout_web::Clock::new(|| SystemClock.now());
        let server = HealthServer::new(source, Arc::clone(health) as _, clock);
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        Self {
            stop,
            server: tokio::spawn(async move { server.run(listener, stopped).await }),
        }
    }

    /// Ends serving.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.server
            .await
            .context("the health listener ended unexpectedly")?;
        Ok(())
    }
}

/// Tells where health is served.
pub(crate) fn tell(address: SocketAddr) {
    tracing::info!("health is told at http://{address}/metrics and http://{address}/healthz");
}
