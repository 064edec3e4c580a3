//! Secrets stay where they are: not a byte of them is in what the programs print, log at the most
//! talkative level, record or serve.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::examples::ADVISORIES;
use crate::support::artifactory::{Artifactory, Delivered, Login, READER, signature};
use crate::support::http;
use crate::support::program::{self, Outcome};
use crate::support::registry::free_port;
use crate::support::scout::{ORG, Scout};
use crate::support::serving::Serving;
use crate::support::workspace;

const PASSWORD: &str = "canary-password-5b0c";
const WRONG_PASSWORD: &str = "canary-mistyped-91de";
const SECRET: &str = "canary-webhook-secret-c41f-0123456789-0123456789-0123456789-0123456789";
const PREVIOUS: &str = "canary-previous-secret-77aa-0123456789-0123456789-0123456789-012345";
const GUESSED: &str = "canary-guessed-secret-e2e2";

/// Longest that an image may take to be shown.
const SHOWN: Duration = Duration::from_secs(60);

/// Everything that must be nowhere, in the forms in which it could be.
fn canaries() -> Vec<String> {
    let secrets = [PASSWORD, WRONG_PASSWORD, SECRET, PREVIOUS, GUESSED];
    let plain = secrets.map(str::to_owned);
    let encoded = secrets.map(|secret| STANDARD.encode(secret));
    let basic =
        [PASSWORD, WRONG_PASSWORD].map(|password| STANDARD.encode(format!("{READER}:{password}")));
    [&plain[..], &encoded, &basic].concat()
}

/// What was said so far, with where.
#[derive(Default)]
struct Said(Vec<(String, Vec<u8>)>);

impl Said {
    fn add(&mut self, place: &str, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.to_owned(), bytes.into()));
    }

    fn outcome(&mut self, place: &str, outcome: Outcome) {
        self.add(&format!("{place}, stdout"), outcome.stdout);
        self.add(&format!("{place}, stderr"), outcome.stderr);
    }

    /// Adds every file below a folder, and its name.
    fn files(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.files(&path);
            } else {
                let name = path.display().to_string();
                self.add(&name, name.as_bytes());
                // One that has just been removed holds nothing.
                self.add(&name, fs::read(&path).unwrap_or_default());
            }
        }
    }

    #[track_caller]
    fn check(&self) {
        for (place, bytes) in &self.0 {
            for canary in canaries() {
                let found = bytes
                    .windows(canary.len())
                    .any(|window| window == canary.as_bytes());
                assert!(!found, "{canary} is in {place}");
            }
        }
    }
}

fn with_secrets(command: &mut Command) {
    command
        .env("SCOUT_LOG", "trace")
        .env("RUST_LOG", "trace")
        .env("API_PASSWORD", PASSWORD)
        .env("MISTYPED", WRONG_PASSWORD)
        .env("HOOK", SECRET)
        .env("HOOK_BEFORE", PREVIOUS)
        .env("DOCKER_SCOUT_ARTIFACTORY_API_USER", READER)
        .env("DOCKER_SCOUT_ARTIFACTORY_API_PASSWORD", PASSWORD)
        .env("DOCKER_SCOUT_ARTIFACTORY_WEBHOOK_SECRET", SECRET);
}

/// Delivers good and bad webhooks; the bad ones show secrets where they do not belong.
fn deliver(artifactory: &Artifactory, port: u16) {
    let good = program::until("delivery", SHOWN, || {
        artifactory.delivered().into_iter().next()
    });
    assert_eq!(good.status, Some(200), "{good:?}");
    let body = String::from_utf8(good.body).unwrap();
    let send = |auth: &str, body: &str, path: &str| {
        let delivery = Delivered {
            url: format!("http://127.0.0.1:{port}{path}"),
            auth: Some(auth.to_owned()),
            body: body.as_bytes().to_vec(),
            status: None,
        };
        delivery.send()
    };
    let long = format!("{body}{}", " ".repeat(2 << 20));
    for (auth, body, path, expected) in [
        (SECRET, &*body, "/main", 200),
        (PREVIOUS, &body, "/main", 200),
        (&signature(PREVIOUS, body.as_bytes()), &body, "/", 200),
        (GUESSED, &body, "/main", 401),
        (&signature(GUESSED, body.as_bytes()), &body, "/main", 401),
        (SECRET, &long, "/main", 413),
        (SECRET, &body[..40], "/main", 400),
        // Secrets where they do not belong: in the body, and in the address.
        (SECRET, SECRET, "/main", 400),
        (GUESSED, &body, &format!("/main?secret={SECRET}"), 401),
        (GUESSED, &body, &format!("/{SECRET}"), 404),
    ] {
        assert_eq!(send(auth, body, path), Some(expected), "{path} {auth}");
    }
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn no_secret_is_printed_logged_recorded_or_served() {
    let artifactory = Artifactory::start(Login::Basic, PASSWORD);
    let layout = workspace::root().join("examples/registry");
    artifactory.push(&layout, "shop/web:1.0", "docker-local", "team/frontend:1.0");
    let scout = Scout::new();
    let mut said = Said::default();
    let port = free_port();
    let run = |said: &mut Said, arguments: &[&str], code: i32| {
        let mut command = scout.command(arguments);
        with_secrets(&mut command);
        let outcome = program::wait(command, program::DEADLINE).expect_code(code);
        said.outcome(&arguments.join(" "), outcome);
    };
    let (host, api) = (
        format!("registry={}", artifactory.host()),
        format!("api={}", artifactory.api()),
    );
    let port_key = format!("port={port}");
    let add = |password: &'static str, more: &[&'static str]| -> Vec<String> {
        let mut arguments: Vec<_> = ["integration", "add", "artifactory", "--name", "main"].into();
        for parameter in [&host, &api, password, "user=scout-reader"] {
            arguments.extend(["--parameter", parameter]);
        }
        arguments.extend(more);
        arguments.into_iter().map(str::to_owned).collect()
    };
    let run_owned = |said: &mut Said, arguments: Vec<String>, code: i32| {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        run(said, &arguments, code);
    };
    run_owned(&mut said, add("password=env:MISTYPED", &[]), 1);
    // A key that does not exist, and a port without secret; both with all the rest in place.
    let slip = ["--parameter", "pasword=env:API_PASSWORD"];
    run_owned(&mut said, add("password=env:API_PASSWORD", &slip), 64);
    run_owned(&mut said, add("password=env:API_PASSWORD", &[]), 0);
    for arguments in [
        &["integration", "test", "--name", "main"][..],
        &[
            "integration",
            "update",
            "--name",
            "main",
            "--parameter",
            &port_key,
            "--parameter",
            "webhook-secret=env:HOOK",
            "--parameter",
            "webhook-secret-previous=env:HOOK_BEFORE",
        ],
        &["integration", "list", "--format", "json"],
        &["integration", "list"],
    ] {
        run(&mut said, arguments, 0);
    }

    let mut command = program::ours("scout-watch");
    command
        .args(["--org", ORG, "--all-images", "--interval", "3600"])
        .args(["--webhook-address", "127.0.0.1", "--data-dir"])
        .arg(scout.dir())
        .args(ADVISORIES)
        .current_dir(workspace::root());
    with_secrets(&mut command);
    let watcher = Serving::watching(command);
    let token = scout.token(&[]);
    let url = format!("http://127.0.0.1:{port}/main");
    artifactory.subscribe(&url, SECRET, true);
    artifactory.push(&layout, "shop/web:1.1", "docker-local", "team/frontend:1.1");
    program::until("the image that was pushed", SHOWN, || {
        assert!(watcher.guard.is_running(), "{}", watcher.guard.stderr());
        let images = scout.images();
        let is_it = |image: &crate::support::scout::Image| {
            image.is("docker-local/team/frontend:1.1") && image.text("state") == "indexed"
        };
        images.iter().any(is_it).then_some(())
    });
    deliver(&artifactory, port);
    said.add("the metrics", watcher.ask(&token).body);
    let page = http::get(&format!("{}/", watcher.url), &[]);
    said.add(
        "the start page",
        page.map(|page| page.body).unwrap_or_default(),
    );
    let arguments: PathBuf = format!("/proc/{}/cmdline", watcher.guard.pid()).into();
    said.add("the command line", fs::read(arguments).unwrap());
    // With the record still open: what is not in the database yet is in its log.
    said.files(scout.dir());
    let log = watcher.guard.stderr();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "{log}");
    said.outcome("scout-watch", watcher.guard.terminate(SHOWN));
    said.files(scout.dir());
    run(&mut said, &["images", "--format", "json"], 0);
    run(&mut said, &["integration", "remove", "--name", "main"], 0);
    said.files(scout.dir());
    said.check();
    // The search does find: where the password is, not what it is, is recorded.
    let reference = b"env:API_PASSWORD";
    let is_there = |(_, bytes): &(String, Vec<u8>)| {
        let mut windows = bytes.windows(reference.len());
        windows.any(|window| window == reference)
    };
    assert!(
        said.0
            .iter()
            .filter(|said| said.0.contains("scout.db"))
            .any(is_there)
    );
}
