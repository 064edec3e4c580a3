//! Hosted mode through the real exporter, against a strict imitation of the endpoint.

mod endings;
mod restarts;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::hosted::{Behavior, HostedEndpoint};
use crate::support::http::{self, Answer};
use crate::support::metrics::Samples;
use crate::support::program;
use crate::support::scout::{ORG, Scout};
use crate::support::serving::Serving;

/// The token of the organization's owner. No test may find its end in any output or file.
const TOKEN: &str = "dckr_pat_canary-4f1d";
const CANARY: &str = "canary-";
/// Longest to wait for something that takes a second or two.
const SOON: Duration = Duration::from_secs(60);

/// An endpoint, a token file, and a data directory.
#[derive(Debug)]
struct Walk {
    endpoint: HostedEndpoint,
    scout: Scout,
    folder: TempDir,
}

impl Walk {
    /// `acme` is enrolled here too, so that there are tokens of ours.
    fn new() -> Self {
        let walk = Self {
            endpoint: HostedEndpoint::start(ORG, TOKEN),
            scout: Scout::new(),
            folder: TempDir::new().unwrap(),
        };
        let dir = walk.scout.dir().to_str().unwrap();
        let enroll = program::run("scout", Path::new("/"), ["enroll", ORG, "--data-dir", dir]);
        enroll.expect_code(0);
        fs::write(walk.token_file(), format!("{TOKEN}\n")).unwrap();
        walk
    }

    fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// Returns the command as the documentation writes it, everything logged.
    fn command(&self, more: &[&str]) -> Command {
        self.command_in(self.scout.dir(), more)
    }

    fn command_in(&self, data_dir: &Path, more: &[&str]) -> Command {
        let mut command = program::ours("scout-exporter");
        command
            .args(["--source", "hosted", "--org", ORG, "--token-file"])
            .arg(self.token_file())
            .args(["--api", &self.endpoint.url(), "--data-dir"])
            .arg(data_dir)
            .args(more)
            .env("SCOUT_LOG", "trace");
        command
    }

    fn start(&self, more: &[&str]) -> Serving {
        Serving::exporting(self.command(more))
    }

    /// How many times the endpoint was asked.
    fn asked(&self) -> usize {
        self.endpoint.seen().len()
    }

    /// Checks that the token is nowhere, and ends the exporter.
    #[track_caller]
    fn end(&self, exporter: Serving) {
        let own = own_metrics(&exporter);
        let outcome = exporter.guard.terminate(SOON);
        for text in [&own, &outcome.stdout, &outcome.stderr] {
            if let Some(at) = text.find(CANARY) {
                let around = &text[at.saturating_sub(300)..text.len().min(at + 100)];
                panic!("the token is shown: {around}");
            }
        }
        for file in files_below(self.scout.dir()) {
            let content = fs::read(&file).unwrap();
            let mut windows = content.windows(CANARY.len());
            let found = windows.any(|window| window == CANARY.as_bytes());
            assert!(!found, "{} holds the token", file.display());
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let (folders, mut files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| files_below(folder)));
    files
}

fn own_metrics(exporter: &Serving) -> String {
    http::get(&format!("{}/metrics", exporter.url), &[])
        .unwrap()
        .body
}

/// Returns a number of the exporter's own metrics.
fn own(exporter: &Serving, family: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let samples = Samples::parse(&own_metrics(exporter));
    let found = samples.of(family, labels).next();
    found.map(|(_, value)| value)
}

/// Returns how many reads ended so.
fn reads(exporter: &Serving, outcome: &str) -> f64 {
    let labels = [("org", ORG), ("outcome", outcome)];
    own(exporter, "scout_exporter_hosted_reads_total", &labels).unwrap()
}

/// Waits until so many reads ended so.
#[track_caller]
fn wait_for_reads(exporter: &Serving, outcome: &str, count: f64) {
    program::until(outcome, SOON, || {
        (reads(exporter, outcome) >= count).then_some(())
    });
}

/// Waits until this critical count is served to this token.
#[track_caller]
fn wait_for_critical(exporter: &Serving, token: &str, count: f64) -> Answer {
    program::until(&format!("{count} critical ones"), SOON, || {
        let answer = exporter.ask(token);
        (answer.status == 200 && critical(&answer) == count).then_some(answer)
    })
}

fn critical(answer: &Answer) -> f64 {
    let labels = [("streamName", "production"), ("severity", "CRITICAL")];
    Samples::parse(&answer.body).value("scout_stream_vulnerabilities", &labels)
}

#[test]
fn a_thousand_scrapers_cause_one_read() {
    let walk = Walk::new();
    let exporter = walk.start(&[]);
    wait_for_critical(&exporter, TOKEN, 1.0);
    let (url, ours) = (exporter.url.as_str(), walk.scout.token(&[]));
    thread::scope(|scope| {
        for thread in 0..10 {
            let token = if thread % 2 == 0 { TOKEN } else { &ours };
            scope.spawn(move || {
                for _ in 0..100 {
                    let path = format!("{url}/v1/exporter/org/{ORG}/metrics");
                    let answer = http::get_with_token(&path, token).unwrap();
                    assert_eq!(answer.status, 200, "{answer:?}");
                }
            });
        }
    });
    let seen = walk.endpoint.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].path, format!("/v1/exporter/org/{ORG}/metrics"));
    walk.end(exporter);
}

#[test]
fn there_is_one_read_each_ttl_however_many_scrape() {
    let walk = Walk::new();
    let exporter = walk.start(&["--cache-ttl", "2s"]);
    wait_for_critical(&exporter, TOKEN, 1.0);
    for count in 2..=3 {
        walk.endpoint.behave(Behavior::OpenMetrics(count));
        #[expect(clippy::cast_precision_loss, reason = "2 and 3")]
        wait_for_critical(&exporter, TOKEN, count as f64);
    }
    let times: Vec<Instant> = walk.endpoint.seen().iter().map(|seen| seen.at).collect();
    for pair in times.windows(2) {
        let pause = pair[1] - pair[0];
        assert!(pause >= Duration::from_millis(1900), "{pause:?}");
    }
    walk.end(exporter);
}

#[test]
fn scrapers_send_the_configured_token_or_one_of_ours() {
    let walk = Walk::new();
    let exporter = walk.start(&[]);
    let ours = walk.scout.token(&[]);
    let answer = wait_for_critical(&exporter, TOKEN, 1.0);
    assert_eq!(exporter.ask(&ours).body, answer.body);
    let member = walk.scout.token(&["--role", "member"]);
    for (path, token, expected) in [
        (format!("/v1/exporter/org/{ORG}"), TOKEN, 200),
        (
            format!("/v1/exporter/org/{ORG}/metrics"),
            "dckr_pat_another",
            401,
        ),
        (format!("/v1/exporter/org/{ORG}/metrics"), &member, 403),
        ("/v1/exporter/org/other/metrics".to_owned(), TOKEN, 401),
        ("/v1/exporter/org/other/metrics".to_owned(), &ours, 404),
    ] {
        let answer = http::get_with_token(&format!("{}{path}", exporter.url), token).unwrap();
        assert_eq!(answer.status, expected, "{path}: {answer:?}");
    }
    let url = format!("{}/v1/exporter/org/{ORG}/metrics", exporter.url);
    assert_eq!(http::get(&url, &[]).unwrap().status, 401);
    assert_eq!(walk.asked(), 1, "wrong tokens never go to the endpoint");
    walk.end(exporter);
}

#[test]
fn the_families_are_those_of_the_endpoint_in_both_formats() {
    let walk = Walk::new();
    let exporter = walk.start(&[]);
    let text = wait_for_critical(&exporter, TOKEN, 1.0);
    assert!(
        text.header("content-type")
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    let expected = crate::support::hosted::metrics(1);
    assert_eq!(Samples::parse(&text.body), Samples::parse(&expected));
    let heads = |text: &str| -> Vec<String> {
        let comments = text.lines().filter(|line| line.starts_with('#'));
        let mut all: Vec<_> = comments.map(str::to_owned).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(heads(&text.body), heads(&expected));
    let url = format!("{}/v1/exporter/org/{ORG}/metrics", exporter.url);
    let bearer = format!("Bearer {TOKEN}");
    let accept = "application/openmetrics-text;version=1.0.0";
    let headers = [("Authorization", bearer.as_str()), ("Accept", accept)];
    let openmetrics = http::get(&url, &headers).unwrap();
    assert!(openmetrics.body.ends_with("# EOF\n"), "{openmetrics:?}");
    assert_eq!(
        Samples::parse(&openmetrics.body),
        Samples::parse(&text.body)
    );
    walk.end(exporter);
}

#[test]
fn a_redirect_takes_the_token_nowhere() {
    let walk = Walk::new();
    let elsewhere = HostedEndpoint::start(ORG, TOKEN);
    let location = format!(
        "Location: {}/v1/exporter/org/acme/metrics\r\n",
        elsewhere.url()
    );
    walk.endpoint
        .behave(Behavior::Status(302, Box::leak(location.into_boxed_str())));
    let exporter = walk.start(&["--cache-ttl", "1s"]);
    wait_for_reads(&exporter, "unexpected_status", 2.0);
    assert!(elsewhere.seen().is_empty());
    assert_eq!(exporter.ask(TOKEN).status, 503);
    walk.end(exporter);
}

#[test]
fn hosted_organizations_stand_beside_our_own() {
    let (scout, _) = crate::examples::indexed();
    let folder = TempDir::new().unwrap();
    let endpoint = HostedEndpoint::start("first", TOKEN);
    endpoint.own(&[("first", TOKEN), ("second", "dckr_pat_canary-2nd")]);
    fs::write(folder.path().join("first"), TOKEN).unwrap();
    let config = folder.path().join("scout.toml");
    let text = format!(
        "data-dir = {:?}\n\n\
         [[hosted]]\norg = \"first\"\ntoken = \"file:{}\"\napi = {:?}\n\n\
         [[hosted]]\norg = \"second\"\ntoken = \"env:SECOND\"\napi = {:?}\n",
        scout.dir(),
        folder.path().join("first").display(),
        endpoint.url(),
        endpoint.url(),
    );
    fs::write(&config, text).unwrap();
    let mut command = program::ours("scout-exporter");
    command
        .arg("--config")
        .arg(&config)
        .env("SECOND", "dckr_pat_canary-2nd");
    let exporter = Serving::exporting(command);
    let ask = |org: &str, token: &str| {
        let url = format!("{}/v1/exporter/org/{org}/metrics", exporter.url);
        http::get_with_token(&url, token).unwrap()
    };
    for (org, token) in [("first", TOKEN), ("second", "dckr_pat_canary-2nd")] {
        program::until(org, SOON, || (ask(org, token).status == 200).then_some(()));
    }
    assert_eq!(ask("first", "dckr_pat_canary-2nd").status, 401);
    assert_eq!(ask("second", TOKEN).status, 401);
    let ours = scout.token(&[]);
    assert_eq!(ask(ORG, TOKEN).status, 401);
    let own = Samples::parse(&ask(ORG, &ours).body);
    assert_eq!(own.severities("latest-indexed"), crate::examples::LATEST);
    assert_eq!(ask("first", &ours).status, 403);
    assert!(!exporter.guard.stderr().contains(CANARY));
}
