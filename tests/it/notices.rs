//! Notices from end to end: real programs, a strict imitation of Slack, advisories and pushes that
//! bring something new.

mod delivery;
mod news;
mod setup;

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::layout::{self, Layout};
use crate::support::program::{self, Outcome};
use crate::support::scout::Scout;
use crate::support::slack::{HOOK_SECRET, Receiver};

/// A registry in a folder, advisories, and somebody who wants to be told.
struct House {
    scout: Scout,
    layout: Layout,
    advisories: TempDir,
    slack_url: String,
    hook_url: String,
}

impl House {
    /// Returns a house whose registry was watched already: `team/app:1` has a vulnerability.
    fn watched(receiver: &Receiver) -> Self {
        let mut house = Self {
            scout: Scout::new(),
            layout: Layout::new(),
            advisories: TempDir::new().unwrap(),
            slack_url: receiver.slack_url(),
            hook_url: receiver.hook_url(),
        };
        house.advise(1);
        house.push("team/app:1", "1", "first");
        house.watch().expect_code(0);
        house
    }

    /// Pushes an image with one package in this version; `mark` makes it another than others.
    fn push(&mut self, name: &str, version: &str, mark: &str) {
        let mark = layout::tar(&[("srv/mark", mark.as_bytes())]);
        let layers = [layout::debian("openssl", version), mark];
        self.layout.image(name, &layers);
    }

    /// Replaces the advisories: so many critical vulnerabilities in the package before version 2.
    fn advise(&self, vulnerabilities: usize) {
        let folder = self.advisories.path().join("Debian");
        fs::create_dir_all(&folder).unwrap();
        let mut dump = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for number in 0..vulnerabilities {
            let cve = format!("CVE-2026-{}", 10_000 + number);
            let record = json!({
                "id": format!("DEBIAN-{cve}"), "upstream": [cve],
                "modified": "2026-01-01T00:00:00Z",
                "severity": [{
                    "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
                }],
                "affected": [{
                    "package": {"ecosystem": "Debian:12", "name": "openssl"},
                    "ranges": [{
                        "type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}],
                    }],
                }],
            });
            let options = zip::write::SimpleFileOptions::default();
            dump.start_file(format!("DEBIAN-{cve}.json"), options)
                .unwrap();
            dump.write_all(record.to_string().as_bytes()).unwrap();
        }
        let bytes = dump.finish().unwrap().into_inner();
        fs::write(folder.join("all.zip"), bytes).unwrap();
    }

    /// The command of a watcher, without `--once`.
    fn watch_command(&self) -> Command {
        let advisories: PathBuf = self.advisories.path().to_owned();
        let mut command = self
            .scout
            .watch_command(&self.layout.registry(), &["--all-images", "--advisories"]);
        command.arg(advisories);
        self.with_secrets(&mut command);
        command
    }

    fn with_secrets(&self, command: &mut Command) {
        command
            .env("SLACK_URL", &self.slack_url)
            .env("HOOK_URL", &self.hook_url)
            .env("HOOK_SECRET", HOOK_SECRET);
    }

    /// Watches once.
    fn watch(&self) -> Outcome {
        let mut command = self.watch_command();
        command.arg("--once");
        let outcome = program::wait(command, program::DEADLINE);
        assert_silent(&outcome);
        outcome
    }

    /// Runs `scout integration`.
    fn integration(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.scout.command(&[&["integration"], arguments].concat());
        self.with_secrets(&mut command);
        let outcome = program::wait(command, program::DEADLINE);
        assert_silent(&outcome);
        outcome
    }

    /// Adds a channel for Slack.
    fn add_slack(&self, more: &[&str]) -> Outcome {
        let mut arguments = vec!["add", "slack", "--name", "team"];
        for parameter in [&["url=env:SLACK_URL"], more].concat() {
            arguments.extend(["--parameter", parameter]);
        }
        self.integration(&arguments)
    }

    /// Adds a channel that takes JSON.
    fn add_hook(&self) -> Outcome {
        self.integration(&[
            "add",
            "webhook",
            "--name",
            "hook",
            "--parameter",
            "url=env:HOOK_URL",
            "--parameter",
            "secret=env:HOOK_SECRET",
        ])
    }

    /// How the only channel stands.
    fn channel(&self) -> Value {
        let listed = self
            .integration(&["list", "--format", "json"])
            .expect_code(0);
        let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
        listed[0].clone()
    }
}

/// Checks that no secret was told.
#[track_caller]
fn assert_silent(outcome: &Outcome) {
    assert!(!outcome.to_string().contains("canary"), "{outcome}");
}

/// The title of a message, and whether it is the only one.
#[track_caller]
fn only_title(messages: &[Value]) -> String {
    let [message] = messages else {
        panic!("one message was expected: {messages:#?}");
    };
    message["blocks"][0]["text"]["text"]
        .as_str()
        .unwrap()
        .to_owned()
}
