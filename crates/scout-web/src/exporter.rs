//! The service behind the routes: the source, the ready pages, and the task that renews them.

use scout_platform::chain;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use scout_api::CacheMode;
use scout_envs::OrgName;
use scout_metrics::Family;
use tokio::net::TcpListener;

use crate::auth::Gate;
use crate::body::{Body, Maker, Representation};
use crate::cache::{Cache, State};
use crate::discovery::PublicAddress;
use crate::failure::Failure;
use crate::options::ExporterOptions;
use crate::page::Page;
use crate::record::RecordLook;
use crate::scrape::Requests;
use crate::serve::{Limits, serve_within};
use crate::source::{BoxError, MetricsSource};
use crate::stats::{Operation, Stats};
use crate::upstream::Upstream;

/// How long a question of the poll may take. A snapshot of 100,000 series has about 10 MB.
pub const POLL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a question of a request may take: half of the shortest usual scrape timeout, 10 s.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves the metrics of organizations. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Exporter(Arc<Inner>);

struct Inner {
    source: Arc<dyn MetricsSource>,
    upstream: Option<Arc<dyn Upstream>>,
    options: ExporterOptions,
    cache: Cache,
    maker: Maker,
    gate: Gate,
    /// The page of an organization that is younger than the last poll.
    nothing: Arc<Page>,
    stats: Stats,
    record: RecordLook,
}

impl Exporter {
    /// Returns an exporter that has not read anything yet.
    #[must_use]
    pub fn new(source: Arc<dyn MetricsSource>, options: ExporterOptions) -> Self {
        Self::with_upstream(source, None, options)
    }

    /// Returns an exporter that also serves organizations of another server.
    #[must_use]
    pub fn with_upstream(
        source: Arc<dyn MetricsSource>,
        upstream: Option<Arc<dyn Upstream>>,
        options: ExporterOptions,
    ) -> Self {
        Self(Arc::new(Inner {
            source,
            upstream,
            options,
            cache: Cache::default(),
            maker: Maker::new(),
            gate: Gate::default(),
            nothing: Arc::new(Page::render(0, None)),
            stats: Stats::default(),
            record: RecordLook::default(),
        }))
    }

    /// Polls and serves until `shutdown` is done, then lets requests end.
    ///
    /// Callers wait until the source was asked once. Returns how many connections were cut off, as
    /// [`serve`](crate::serve()) does.
    pub async fn run(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> usize {
        let mut shutdown = pin!(shutdown);
        let first = async { tokio::join!(self.refresh(), self.look_at_record()) };
        tokio::select! {
            _ = first => {}
            () = &mut shutdown => return 0,
        }
        let tls = self.0.options.tls.clone();
        let cut_off = tokio::select! {
            cut_off = serve_within(Limits::SCRAPES, listener, tls, Requests::new(self), shutdown) => cut_off,
            never = self.poll() => match never {},
            never = self.0.record.follow(self.source(), &self.0.options.clock) => match never {},
        };
        self.record_uses().await;
        cut_off
    }

    /// Asks the record once how it is doing.
    async fn look_at_record(&self) {
        let clock = &self.0.options.clock;
        self.0.record.look(self.source(), clock).await;
    }

    /// Looks at the source again and again. Never ends; dropping the future stops it and harms
    /// nothing.
    pub async fn poll(&self) -> Infallible {
        loop {
            self.refresh().await;
            self.record_uses().await;
            tokio::time::sleep(self.0.options.poll_interval).await;
        }
    }

    /// Looks at the source once and renders what changed. Whatever cannot be read stays as it was.
    ///
    /// Returns whether everything could be read.
    pub async fn refresh(&self) -> bool {
        let before = self.state();
        let question = self.0.source.organizations_generations();
        let listed = self.poll_ask(Operation::Generations, question).await;
        let mut after = State {
            epoch: self.0.source.epoch(),
            listed: before.listed || listed.is_ok(),
            last_success: before.last_success,
            ..State::default()
        };
        let problem = match listed {
            Ok(listed) => self.read_changes(listed, &before, &mut after).await,
            Err(problem) => {
                after.pages = before.pages.clone();
                after.unread = before.unread.clone();
                Some(problem)
            }
        };
        self.read_upstream(&before, &mut after).await;
        self.make_as_asked(&before, &after).await;
        after.up = problem.is_none();
        // Said when it changes, not each second; the counters tell the rest.
        let first = !before.listed && before.last_success.is_none();
        match &problem {
            Some(error) if before.up || first => {
                tracing::warn!(error = %chain(error.as_ref()), "cannot read the metrics, serving the last good ones");
            }
            None if !before.up && !first => tracing::info!("the metrics can be read again"),
            _ => {}
        }
        if problem.is_none() {
            after.last_success = Some(self.now());
        }
        self.0.cache.replace(after);
        problem.is_none()
    }

    /// Fills `after`; returns the first problem.
    async fn read_changes(
        &self,
        listed: Vec<(OrgName, u64)>,
        before: &State,
        after: &mut State,
    ) -> Option<BoxError> {
        let mut pages = BTreeMap::new();
        let mut unread = BTreeSet::new();
        let mut first_problem = None;
        let elsewhere = self.upstream().map(Upstream::organizations);
        let elsewhere = elsewhere.unwrap_or_default();
        for (org, generation) in listed {
            if elsewhere.contains(&org) {
                continue;
            }
            let known = before.pages.get(&org);
            let is_same = before.epoch == after.epoch;
            let stays = |page: &&Arc<Page>| {
                self.is_cached(page) || (page.generation == generation && !page.is_upkeep_due())
            };
            if let Some(page) = known.filter(|page| is_same && stays(page)) {
                pages.insert(org, Arc::clone(page));
                continue;
            }
            let same = known.filter(|page| is_same && page.generation == generation);
            match self.read_page(&org, generation, same).await {
                Ok(page) => {
                    pages.insert(org, page);
                }
                Err(problem) => {
                    if let Some(page) = known {
                        pages.insert(org.clone(), Arc::clone(page));
                    }
                    unread.insert(org);
                    first_problem.get_or_insert(problem);
                }
            }
        }
        after.pages = pages;
        after.unread = unread;
        first_problem
    }

    /// Puts the pages of the other server's organizations into `after`, over the store's.
    async fn read_upstream(&self, before: &State, after: &mut State) {
        let Some(upstream) = &self.0.upstream else {
            return;
        };
        for org in upstream.organizations() {
            after.pages.remove(&org);
            after.unread.remove(&org);
            let Some(metrics) = upstream.metrics(&org) else {
                // An empty page would say that there is nothing.
                after.unread.insert(org);
                continue;
            };
            let known = before.pages.get(&org);
            let known =
                known.filter(|page| page.is_upstream && page.generation == metrics.generation);
            let page = match known {
                Some(page) => Arc::clone(page),
                None => {
                    let render = move || Page::of_upstream(&metrics);
                    match tokio::task::spawn_blocking(render).await {
                        Ok(page) => Arc::new(page),
                        Err(_) => {
                            after.unread.insert(org);
                            continue;
                        }
                    }
                }
            };
            after.pages.insert(org, page);
        }
    }

    /// Whether the page is to be served on, whatever has changed.
    fn is_cached(&self, page: &Page) -> bool {
        let options = &self.0.options;
        match options.cache_mode {
            CacheMode::Snapshot => false,
            CacheMode::Ttl => page.is_fresh(options.cache_ttl.as_duration()),
        }
    }

    /// Makes the bodies of new pages that scrapers will ask for.
    async fn make_as_asked(&self, before: &State, after: &State) {
        for (org, page) in &after.pages {
            let known = before.pages.get(org);
            if let Some(known) = known.filter(|known| !Arc::ptr_eq(known, page)) {
                page.bodies
                    .make_as_asked(&known.bodies, &self.0.maker)
                    .await;
            }
        }
    }

    /// Reads what is new of an organization; `same` is its page if that is of this generation.
    async fn read_page(
        &self,
        org: &OrgName,
        listed: u64,
        same: Option<&Arc<Page>>,
    ) -> Result<Arc<Page>, BoxError> {
        let source = &self.0.source;
        let Some(budget) = self.0.options.extended else {
            let snapshot = self.poll_ask(Operation::Snapshot, source.snapshot(org));
            let snapshot = snapshot.await?;
            let render = move || Page::render(listed, snapshot.as_ref());
            return Ok(Arc::new(tokio::task::spawn_blocking(render).await?));
        };
        let upkeep = self.poll_ask(Operation::Snapshot, source.upkeep(org));
        let upkeep = upkeep.await?;
        if let Some(page) = same.filter(|page| page.still_tells(&upkeep)) {
            return Ok(Arc::clone(page));
        }
        let snapshot = self.poll_ask(Operation::Snapshot, source.extended_snapshot(org));
        let snapshot = snapshot.await?;
        let render = move || Page::render_extended(listed, snapshot.as_ref(), upkeep, budget);
        Ok(Arc::new(tokio::task::spawn_blocking(render).await?))
    }

    async fn poll_ask<T>(
        &self,
        operation: Operation,
        question: impl Future<Output = Result<T, BoxError>>,
    ) -> Result<T, BoxError> {
        let answer = in_time(POLL_TIMEOUT, question).await;
        answer.inspect_err(|_| self.0.stats.count_error(operation))
    }

    /// Asks the source in the course of a request.
    pub(crate) async fn ask<T>(
        &self,
        operation: Operation,
        question: impl Future<Output = Result<T, BoxError>>,
    ) -> Result<T, Failure> {
        in_time(REQUEST_TIMEOUT, question).await.map_err(|error| {
            self.0.stats.count_error(operation);
            let error = chain(error.as_ref());
            tracing::warn!(operation = operation.as_str(), %error, "the source did not answer a request");
            Failure::Unavailable
        })
    }

    /// Asks whether the source answers at all.
    pub(crate) async fn check_health(&self) -> Result<(), BoxError> {
        let question = self.0.source.organizations_generations();
        let answer = in_time(REQUEST_TIMEOUT, question).await;
        let answer = answer.inspect_err(|_| self.0.stats.count_error(Operation::Generations));
        answer.map(drop)
    }

    /// Makes a body of a page, with those who want it at the same time.
    pub(crate) async fn make_body(
        &self,
        page: Arc<Page>,
        wanted: Representation,
    ) -> Result<Body, Failure> {
        // A task of its own: a scraper that goes away leaves the body to those who wait for it.
        let exporter = self.clone();
        let making = async move { page.bodies.get(wanted, &exporter.0.maker).await };
        let made = tokio::spawn(making).await.map_err(BoxError::from);
        made.and_then(|made| made).map_err(|error| {
            tracing::warn!(error = %chain(error.as_ref()), "cannot make a body of the metrics");
            Failure::Unavailable
        })
    }

    pub(crate) fn nothing(&self) -> Arc<Page> {
        Arc::clone(&self.0.nothing)
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.0.gate
    }

    pub(crate) fn maker(&self) -> &Maker {
        &self.0.maker
    }

    pub(crate) fn source(&self) -> &dyn MetricsSource {
        self.0.source.as_ref()
    }

    pub(crate) fn upstream(&self) -> Option<&dyn Upstream> {
        self.0.upstream.as_deref()
    }

    pub(crate) fn state(&self) -> Arc<State> {
        self.0.cache.state()
    }

    pub(crate) fn stats(&self) -> &Stats {
        &self.0.stats
    }

    /// Returns what is known of the record's health, and of the program's.
    pub(crate) fn other_families(&self, now: Timestamp) -> Vec<Family> {
        let mut families = self.0.record.families(now);
        if let Some(own) = &self.0.options.own {
            families.extend(own.families(now));
        }
        families
    }

    pub(crate) fn public_address(&self) -> Option<&PublicAddress> {
        self.0.options.public_address.as_ref()
    }

    /// Returns with which scheme this server is asked.
    pub(crate) fn scheme(&self) -> &'static str {
        match self.0.options.tls {
            Some(_) => "https",
            None => "http",
        }
    }

    pub(crate) fn version(&self) -> &str {
        &self.0.options.version
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.options.clock.now()
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

pub(crate) async fn in_time<T>(
    limit: Duration,
    question: impl Future<Output = Result<T, BoxError>>,
) -> Result<T, BoxError> {
    match tokio::time::timeout(limit, question).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no answer within {} s", limit.as_secs()).into()),
    }
}
