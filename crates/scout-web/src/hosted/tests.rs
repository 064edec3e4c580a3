//! Hosted mode against a server that says what it is told to, with the time as an argument.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use scout_api::{Error, MetricsText};
use scout_envs::OrgName;
use scout_http::RedactedUrl;
use scout_metrics::{Exposition, Format, render};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::*;
use crate::options::Clock;

const TOKEN: &str = "dckr_pat_canary-one";
const OTHER: &str = "dckr_pat_canary-two";
const START: i64 = 1_795_000_000;

/// What the server says next; the last one again and again.
type Script = VecDeque<Says>;

#[derive(Clone, Debug)]
enum Says {
    Metrics(u64),
    Text(&'static str, String),
    Status(u16, Option<u64>),
    Nothing,
}

/// A server, a clock and a token file in memory.
struct World {
    script: Mutex<Script>,
    /// The tokens it was asked with.
    asked: Mutex<Vec<String>>,
    now: AtomicI64,
    token: Mutex<Option<&'static str>>,
    in_flight: AtomicUsize,
    /// Which server it is.
    server: AtomicUsize,
}

#[async_trait]
impl MetricsServer for World {
    fn address(&self) -> String {
        let number = self.server.load(Ordering::SeqCst);
        format!("https://hosted{number}.test/")
    }

    async fn metrics(&self, org: &OrgName, token: &SecretString) -> scout_api::Result<MetricsText> {
        assert_eq!(self.in_flight.fetch_add(1, Ordering::SeqCst), 0);
        self.asked
            .lock()
            .unwrap()
            .push(token.expose_secret().to_owned());
        let says = {
            let mut script = self.script.lock().unwrap();
            let next = script.front().cloned().unwrap();
            if script.len() > 1 {
                script.pop_front();
            }
            next
        };
        tokio::task::yield_now().await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        let url = RedactedUrl::from(&"https://hosted.test/".parse().unwrap());
        let org = org.clone();
        let text = |kind: &str, body: String| MetricsText {
            content_type: Some(kind.to_owned()),
            body: body.into(),
        };
        match says {
            Says::Metrics(critical) => Ok(text("text/plain", metrics(critical))),
            Says::Text(kind, body) => Ok(text(kind, body)),
            Says::Nothing => std::future::pending().await,
            Says::Status(401, _) => Err(Error::Unauthorized { url }),
            Says::Status(403, _) => Err(Error::Forbidden { url, org }),
            Says::Status(404, _) => Err(Error::NotFound { url, org }),
            Says::Status(429, wait) => Err(Error::TooManyRequests {
                url,
                retry_after: wait.map(Duration::from_secs),
            }),
            Says::Status(status, wait) => Err(Error::Unavailable {
                url,
                status,
                retry_after: wait.map(Duration::from_secs),
            }),
        }
    }
}

fn metrics(critical: u64) -> String {
    format!(
        "# TYPE scout_stream_vulnerabilities gauge\n\
         scout_stream_vulnerabilities{{severity=\"CRITICAL\",streamName=\"a\"}} {critical}\n"
    )
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

impl World {
    fn new(script: &[Says]) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(script.iter().cloned().collect()),
            asked: Mutex::default(),
            now: AtomicI64::new(START),
            token: Mutex::new(Some(TOKEN)),
            in_flight: AtomicUsize::new(0),
            server: AtomicUsize::new(0),
        })
    }

    fn says(&self, script: &[Says]) {
        *self.script.lock().unwrap() = script.iter().cloned().collect();
    }

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    async fn open(self: &Arc<Self>, dir: Option<&Path>) -> Hosted {
        let (clock, reader) = (Arc::clone(self), Arc::clone(self));
        let clock =
            Clock::new(move || Timestamp::from_second(clock.now.load(Ordering::SeqCst)).unwrap());
        let reader = TokenReader::new(move || {
            let token = *reader.token.lock().unwrap();
            token
                .map(SecretString::from)
                .ok_or_else(|| "no such file".into())
        });
        let org = "acme".parse().unwrap();
        let server: Arc<dyn MetricsServer> = Arc::<Self>::clone(self);
        let mut options = HostedOptions::new(org, server, reader, clock, Random::new(|| 0));
        options.dir = dir.map(Path::to_owned);
        Hosted::open(vec![options]).await
    }
}

fn acme() -> OrgName {
    "acme".parse().unwrap()
}

fn standing(hosted: &Hosted, token: &str) -> UpstreamToken {
    hosted.token(&acme(), &Sha256::digest(token.as_bytes()).into())
}

/// The critical count that is served.
fn served(hosted: &Hosted) -> Option<u64> {
    let families = hosted.metrics(&acme())?.families;
    let family = families.family("scout_stream_vulnerabilities")?.clone();
    (0..100).find(|count| family.value(&["a", "CRITICAL"]) == Some((*count).into()))
}

fn own_metrics(hosted: &Hosted, world: &World) -> String {
    let mut exposition = Exposition::new();
    let now = Timestamp::from_second(world.now.load(Ordering::SeqCst)).unwrap();
    for family in hosted.families(now) {
        exposition.insert(family);
    }
    render(&exposition, Format::PrometheusText)
}

#[tokio::test]
async fn a_good_answer_is_served_until_the_next_and_asked_for_once() {
    let world = World::new(&[Says::Metrics(1), Says::Metrics(2)]);
    let hosted = world.open(None).await;
    assert_eq!(standing(&hosted, TOKEN), UpstreamToken::Unconfirmed);
    assert!(hosted.metrics(&acme()).is_none());
    // However many look at once, one of them asks.
    join_all((0..10).map(|_| hosted.look())).await;
    for _ in 0..3599 {
        hosted.look().await;
        world.pass(1);
    }
    assert_eq!((world.asked(), served(&hosted)), (1, Some(1)));
    assert_eq!(standing(&hosted, TOKEN), UpstreamToken::Accepted);
    assert_eq!(standing(&hosted, OTHER), UpstreamToken::Other);
    world.pass(1);
    hosted.look().await;
    assert_eq!((world.asked(), served(&hosted)), (2, Some(2)));
    assert_eq!(hosted.metrics(&acme()).unwrap().generation, 2);
}

#[tokio::test]
async fn each_failure_leaves_the_last_answer_and_lets_the_age_rise() {
    for (says, outcome, token, wait) in [
        (
            Says::Status(401, None),
            "unauthorized",
            UpstreamToken::Unauthorized,
            600,
        ),
        (
            Says::Status(403, None),
            "forbidden",
            UpstreamToken::Forbidden,
            600,
        ),
        (
            Says::Status(404, None),
            "not_found",
            UpstreamToken::Accepted,
            600,
        ),
        (
            Says::Status(429, Some(99)),
            "too_many_requests",
            UpstreamToken::Accepted,
            99,
        ),
        (
            Says::Status(500, None),
            "unavailable",
            UpstreamToken::Accepted,
            30,
        ),
        (
            Says::Text("text/html", String::new()),
            "malformed",
            UpstreamToken::Accepted,
            30,
        ),
        (
            Says::Text("text/plain", "{}".into()),
            "malformed",
            UpstreamToken::Accepted,
            30,
        ),
        (
            Says::Text(
                "text/plain",
                metrics(7).replace("\"a\"", &format!("{TOKEN:?}")),
            ),
            "malformed",
            UpstreamToken::Accepted,
            30,
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(&[Says::Metrics(1), says.clone()]);
        let hosted = world.open(Some(dir.path())).await;
        hosted.look().await;
        world.pass(3600);
        hosted.look().await;
        assert_eq!(served(&hosted), Some(1), "{says:?}");
        assert_eq!(standing(&hosted, TOKEN), token, "{says:?}");
        let page = own_metrics(&hosted, &world);
        for line in [
            "scout_exporter_hosted_up{org=\"acme\"} 0\n".to_owned(),
            "scout_exporter_hosted_age_seconds{org=\"acme\"} 3600\n".to_owned(),
            format!("scout_exporter_hosted_reads_total{{org=\"acme\",outcome=\"{outcome}\"}} 1\n"),
            "scout_exporter_hosted_reads_total{org=\"acme\",outcome=\"ok\"} 1\n".to_owned(),
        ] {
            assert!(page.contains(&line), "{says:?}: no {line}{page}");
        }
        // Not asked again before its time, not even by a program that starts anew.
        world.pass(wait - 1);
        for _ in 0..5 {
            hosted.look().await;
            world.open(Some(dir.path())).await.look().await;
        }
        assert_eq!(world.asked(), 2, "{says:?}");
        let again = world.open(Some(dir.path())).await;
        assert_eq!(
            (served(&again), standing(&again, TOKEN)),
            (Some(1), token),
            "{says:?}"
        );
        // And when it is, a good answer mends all.
        world.says(&[Says::Metrics(5)]);
        world.pass(1);
        again.look().await;
        assert_eq!(world.asked(), 3, "{says:?}");
        assert_eq!(served(&again), Some(5));
        assert_eq!(standing(&again, TOKEN), UpstreamToken::Accepted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_left_in_time() {
    let world = World::new(&[Says::Nothing]);
    let hosted = world.open(None).await;
    tokio::time::timeout(HostedTimes::TIMEOUT * 2, hosted.look())
        .await
        .unwrap();
    assert!(own_metrics(&hosted, &world).contains("outcome=\"timed_out\"} 1\n"));
    assert_eq!(standing(&hosted, TOKEN), UpstreamToken::Unconfirmed);
}

#[tokio::test]
async fn a_new_token_is_used_without_a_restart_and_the_old_one_is_nothing_any_more() {
    let world = World::new(&[Says::Metrics(1), Says::Status(401, None)]);
    let hosted = world.open(None).await;
    hosted.look().await;
    world.pass(3600);
    hosted.look().await;
    assert_eq!(standing(&hosted, TOKEN), UpstreamToken::Unauthorized);
    // The file goes for a moment: the token of before stays.
    *world.token.lock().unwrap() = None;
    hosted.look().await;
    assert_eq!(standing(&hosted, TOKEN), UpstreamToken::Unauthorized);
    *world.token.lock().unwrap() = Some(OTHER);
    world.says(&[Says::Metrics(2)]);
    world.pass(30);
    hosted.look().await;
    assert_eq!(standing(&hosted, OTHER), UpstreamToken::Accepted);
    assert_eq!(standing(&hosted, TOKEN), UpstreamToken::Other);
    assert_eq!(*world.asked.lock().unwrap(), [TOKEN, TOKEN, OTHER]);
    assert_eq!(served(&hosted), Some(2));
}

#[tokio::test]
async fn after_a_restart_with_another_token_only_the_server_lets_it_in() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(&[Says::Metrics(1), Says::Status(500, None)]);
    world.open(Some(dir.path())).await.look().await;
    *world.token.lock().unwrap() = Some(OTHER);
    world.pass(60);
    let hosted = world.open(Some(dir.path())).await;
    assert_eq!(standing(&hosted, OTHER), UpstreamToken::Unconfirmed);
    hosted.look().await;
    assert_eq!(standing(&hosted, OTHER), UpstreamToken::Unconfirmed);
    // Those with a token of ours have the last good answer all the time.
    assert_eq!(served(&hosted), Some(1));
    world.says(&[Says::Metrics(2)]);
    world.pass(60);
    hosted.look().await;
    assert_eq!(standing(&hosted, OTHER), UpstreamToken::Accepted);
}

#[tokio::test]
async fn what_was_kept_and_is_damaged_is_not_used() {
    for damage in [
        (|text: String| text.replace("CRITICAL", "CRITICAl")) as fn(String) -> String,
        |text| text[..text.len() - 1].to_owned(),
        |_| String::new(),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(&[Says::Metrics(1), Says::Metrics(2)]);
        world.open(Some(dir.path())).await.look().await;
        let path = dir.path().join("acme.answer");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, damage(text)).unwrap();
        world.pass(60);
        let hosted = world.open(Some(dir.path())).await;
        assert_eq!(served(&hosted), None);
        hosted.look().await;
        assert_eq!(served(&hosted), Some(2));
    }
}

#[tokio::test]
async fn what_was_kept_of_another_server_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(&[Says::Metrics(1), Says::Status(500, None)]);
    world.open(Some(dir.path())).await.look().await;
    world.server.store(1, Ordering::SeqCst);
    let hosted = world.open(Some(dir.path())).await;
    assert_eq!(served(&hosted), None);
    assert_eq!(standing(&hosted, TOKEN), UpstreamToken::Unconfirmed);
    hosted.look().await;
    assert_eq!((world.asked(), served(&hosted)), (2, None));
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_loses_nothing_but_the_restart() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let world = World::new(&[Says::Metrics(1)]);
    let hosted = world.open(Some(&file)).await;
    hosted.look().await;
    assert_eq!(served(&hosted), Some(1));
}

#[tokio::test]
async fn tokens_are_neither_kept_nor_shown() {
    let dir = tempfile::tempdir().unwrap();
    let echo = Says::Text("text/plain", format!("# HELP a {TOKEN}\n{TOKEN}\n"));
    let world = World::new(&[Says::Metrics(1), echo, Says::Status(401, None)]);
    let hosted = world.open(Some(dir.path())).await;
    for _ in 0..4 {
        hosted.look().await;
        world.pass(3600);
    }
    let mut texts = vec![format!("{hosted:?}"), own_metrics(&hosted, &world)];
    for file in std::fs::read_dir(dir.path()).unwrap() {
        texts.push(std::fs::read_to_string(file.unwrap().path()).unwrap());
    }
    assert_eq!(texts.len(), 4);
    for text in texts {
        let hash: [u8; 32] = Sha256::digest(TOKEN.as_bytes()).into();
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!text.contains("canary") && !text.contains(&hex), "{text}");
    }
}
