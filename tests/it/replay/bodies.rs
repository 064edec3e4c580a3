//! The exporter beside the watcher, and what must be so of each body, whenever it is asked for.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use scout_metrics::{Format, parse};
use scout_platform::Reader;
use scout_store::{Access, SqliteStore};
use scout_web::{Clock, Exporter, ExporterOptions, ReaderSource};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::oracle::{POLICIES, SEVERITIES, Series};
use super::process::Time;
use crate::support::http;
use crate::support::scout::ORG;

/// How often the exporter looks at the store, in real time: in the midst of transactions, too.
const LOOK: Duration = Duration::from_millis(20);
/// How long the scraper waits between two bodies, in real time.
const PAUSE: Duration = Duration::from_millis(60);

/// An exporter, and a scraper that never stops.
#[derive(Debug)]
pub(crate) struct Exporting {
    looking: Arc<Looking>,
    runtime: Handle,
    bodies: Arc<Bodies>,
    stop: Option<oneshot::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

/// Looks at the store, one look after the other: a look that began earlier must not end later.
#[derive(Debug)]
struct Looking(tokio::sync::Mutex<Exporter>);

impl Looking {
    async fn look(&self) {
        let exporter = self.0.lock().await;
        assert!(exporter.refresh().await, "the store cannot be read");
    }

    async fn on(&self) -> ! {
        loop {
            self.look().await;
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// What is asked, and what was seen.
#[derive(Debug)]
pub(crate) struct Bodies {
    url: String,
    bearer: String,
    is_over: AtomicBool,
    seen: Mutex<Seen>,
}

/// What was seen in bodies.
#[derive(Debug, Default)]
struct Seen {
    /// The streams that must be there, and have been seen there.
    must: BTreeSet<String>,
    tags: HashMap<String, [u8; 32]>,
    hashes: HashMap<[u8; 32], String>,
    bodies: u64,
    failure: Option<String>,
}

impl Exporting {
    /// Starts both over the store in this directory, which is only read.
    pub(crate) fn start(data: &Path, token: &str, time: &Time) -> Self {
        let store = SqliteStore::open(data, Access::ReadOnly).unwrap();
        let source = Arc::new(ReaderSource::new(Reader::new(Arc::new(store))));
        let time = time.clone();
        let clock = Clock::new(move || time.shown());
        // It looks when it is told to.
        let options =
            ExporterOptions::new(clock).with_poll_interval(Duration::from_secs(24 * 60 * 60));
        let exporter = Exporter::new(source, options);
        let looking = Arc::new(Looking(tokio::sync::Mutex::new(exporter.clone())));
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::channel();
        let looks = Arc::clone(&looking);
        let serving = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
                let address = listener.local_addr().unwrap();
                ready.send((Handle::current(), address)).unwrap();
                let stopped = async {
                    stopped.await.ok();
                };
                tokio::select! {
                    _ = exporter.run(listener, stopped) => {}
                    never = looks.on() => never,
                }
            });
        });
        let (runtime, address) = started.recv().unwrap();
        let bodies = Arc::new(Bodies {
            url: format!("http://{address}"),
            bearer: format!("Bearer {token}"),
            is_over: AtomicBool::new(false),
            seen: Mutex::default(),
        });
        let scraped = Arc::clone(&bodies);
        let scraping = thread::spawn(move || scraped.scrape());
        Self {
            looking,
            runtime,
            bodies,
            stop: Some(stop),
            threads: vec![serving, scraping],
        }
    }

    /// Lets the exporter look, and returns the body that it has then.
    pub(crate) async fn series_now(&self) -> Series {
        let (looking, runtime) = (Arc::clone(&self.looking), self.runtime.clone());
        let bodies = Arc::clone(&self.bodies);
        // On a blocking thread, so that the replay's clock stands still.
        let asking = tokio::task::spawn_blocking(move || {
            runtime.block_on(looking.look());
            bodies.check_own_page();
            bodies.ask(Format::PrometheusText)
        });
        asking.await.unwrap().unwrap()
    }

    /// From now on this stream must be in each body. It was seen in one.
    pub(crate) fn expect(&self, stream: &str) {
        self.bodies.seen().must.insert(stream.to_owned());
    }

    /// From now on this stream may be missing.
    pub(crate) fn excuse(&self, stream: &str) {
        self.bodies.seen().must.remove(stream);
    }

    /// Panics if any body was not as it must be; returns how many there were.
    #[track_caller]
    pub(crate) fn check(&self) -> u64 {
        let seen = self.bodies.seen();
        if let Some(failure) = &seen.failure {
            panic!("body {}: {failure}", seen.bodies);
        }
        seen.bodies
    }

    /// Ends both.
    pub(crate) fn end(mut self) {
        self.bodies.is_over.store(true, Ordering::Relaxed);
        drop(self.stop.take());
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

impl Bodies {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn scrape(&self) {
        let formats = [Format::PrometheusText, Format::OpenMetrics];
        for format in formats.into_iter().cycle() {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            if let Err(failure) = self.ask(format) {
                self.seen().failure.get_or_insert(failure);
                return;
            }
            thread::sleep(PAUSE);
        }
    }

    /// Asks for a body and checks all that must be so of it.
    fn ask(&self, format: Format) -> Result<Series, String> {
        let before = self.seen().must.clone();
        let url = format!("{}/v1/exporter/org/{ORG}/metrics", self.url);
        let accept = match format {
            Format::OpenMetrics => "application/openmetrics-text;version=1.0.0",
            _ => "text/plain",
        };
        let headers = [("Authorization", self.bearer.as_str()), ("Accept", accept)];
        let answer = http::get(&url, &headers).ok_or("nobody listens")?;
        let must: Vec<String> = {
            let mut seen = self.seen();
            seen.bodies += 1;
            before.intersection(&seen.must).cloned().collect()
        };
        if answer.status != 200 {
            return Err(format!("{answer:?}"));
        }
        let kind = answer.header("content-type").unwrap_or_default();
        if !kind.starts_with(accept.split(';').next().unwrap()) {
            return Err(format!("{kind} for {accept}"));
        }
        self.check_tag(answer.header("etag").ok_or("no ETag")?, &answer.bytes)?;
        let series = series(&answer.body, format)?;
        check_sense(&series)?;
        check_there(&series, &must)?;
        Ok(series)
    }

    /// One tag means one text, and one text has one tag.
    fn check_tag(&self, tag: &str, bytes: &[u8]) -> Result<(), String> {
        let hash: [u8; 32] = Sha256::digest(bytes).into();
        let mut seen = self.seen();
        let same_text = *seen.tags.entry(tag.to_owned()).or_insert(hash) == hash;
        let same_tag = seen.hashes.entry(hash).or_insert_with(|| tag.to_owned()) == tag;
        match same_text && same_tag {
            true => Ok(()),
            false => Err(format!("{tag} is not of this text alone")),
        }
    }

    fn check_own_page(&self) {
        let page = http::get(&format!("{}/metrics", self.url), &[]).unwrap();
        assert_eq!(page.status, 200, "{page:?}");
        let parsed = parse(&page.body, Format::PrometheusText).unwrap();
        assert!(parsed.series_count() > 10, "{page:?}");
    }
}

/// Reads a body strictly. Names that people read are left out of the series: each has the id.
fn series(body: &str, format: Format) -> Result<Series, String> {
    let parsed = parse(body, format).map_err(|error| format!("{error}\n{body}"))?;
    let mut series = Series::new();
    for family in parsed.families() {
        for sample in family.samples() {
            let labels = sample.labels().filter(|(name, _)| *name != "displayName");
            let labels: Vec<String> = labels
                .map(|(name, value)| format!("{name}={value:?}"))
                .collect();
            let name = format!("{}{{{}}}", family.name(), labels.join(","));
            if series
                .insert(name.clone(), sample.value().as_f64())
                .is_some()
            {
                return Err(format!("{name} is there twice"));
            }
        }
    }
    Ok(series)
}

/// Returns the series that a stream with members has.
fn names(stream: &str) -> impl Iterator<Item = String> {
    let severities = SEVERITIES.map(|(_, severity)| {
        format!("scout_stream_vulnerabilities{{severity={severity:?},streamName={stream:?}}}")
    });
    let policies = POLICIES.into_iter().flat_map(move |policy| {
        ["compliant", "evaluated"].map(|family| {
            format!("scout_policy_{family}_images{{id={policy:?},streamName={stream:?}}}")
        })
    });
    let policies: Vec<_> = policies.collect();
    severities.into_iter().chain(policies)
}

/// Checks that no series of these streams is gone.
fn check_there(series: &Series, must: &[String]) -> Result<(), String> {
    let missing = must.iter().flat_map(|stream| names(stream));
    let missing: Vec<_> = missing.filter(|name| !series.contains_key(name)).collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("series are gone: {missing:?}")),
    }
}

/// Checks what is so of every body, whatever has happened.
fn check_sense(series: &Series) -> Result<(), String> {
    for (name, value) in series {
        if value.fract() != 0.0 || *value < 0.0 {
            return Err(format!("{name} {value} is no count"));
        }
        if let Some(labels) = name.strip_prefix("scout_policy_evaluated_images") {
            let compliant = series.get(&format!("scout_policy_compliant_images{labels}"));
            if *value == 0.0 || compliant.is_none_or(|compliant| compliant > value) {
                return Err(format!("{name} {value}, compliant {compliant:?}"));
            }
        }
    }
    let counted = |family: &str| {
        let of_it = series.keys().filter(|name| name.starts_with(family));
        of_it.count()
    };
    let streams: BTreeSet<_> = series
        .keys()
        .filter_map(|name| name.strip_prefix("scout_stream_vulnerabilities"))
        .filter_map(|labels| labels.split_once("streamName="))
        .map(|(_, stream)| stream)
        .collect();
    let vulnerabilities = counted("scout_stream_vulnerabilities");
    if vulnerabilities != streams.len() * SEVERITIES.len() {
        return Err(format!(
            "{vulnerabilities} counts of {} streams",
            streams.len()
        ));
    }
    let (compliant, evaluated) = (
        counted("scout_policy_compliant_images"),
        counted("scout_policy_evaluated_images"),
    );
    match compliant == evaluated {
        true => Ok(()),
        false => Err(format!("{compliant} of {evaluated} policies")),
    }
}

#[test]
fn what_is_wrong_with_a_body_is_seen() {
    let good: Series = names("a").map(|name| (name, 1.0)).collect();
    check_sense(&good).unwrap();
    check_there(&good, &["a".to_owned()]).unwrap();
    check_there(&good, &["a".to_owned(), "b".to_owned()]).unwrap_err();
    for name in good.keys() {
        let mut without = good.clone();
        without.remove(name);
        check_sense(&without).unwrap_err();
        check_there(&without, &["a".to_owned()]).unwrap_err();
        for value in [-1.0, 0.5, f64::NAN] {
            let mut odd = good.clone();
            odd.insert(name.clone(), value);
            check_sense(&odd).unwrap_err();
        }
    }
    let mut more = good;
    let compliant = more.iter_mut().find(|(name, _)| name.contains("compliant"));
    *compliant.unwrap().1 = 2.0;
    check_sense(&more).unwrap_err();
}
