//! Environments: recorded by hand or told by lists, as streams, and as `scout` shows them.

mod cluster;
mod comparing;
mod listing;
mod removing;
mod retrying;
mod slips;
mod syncing;
mod walkthrough;

use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use crate::examples::{self, IMAGES};
use crate::support::program::{self, Outcome};
use crate::support::scout::{ORG, Scout};
use crate::support::serving::Serving;

/// Usage faults end with this status.
const USAGE: i32 = 64;

/// Returns a data directory of its own in which the examples are indexed. They are indexed once.
fn indexed() -> Scout {
    static INDEXED: OnceLock<Scout> = OnceLock::new();
    INDEXED.get_or_init(|| examples::indexed().0).copy()
}

impl Scout {
    /// Runs `scout`, which must succeed; returns what it printed, a line each.
    #[track_caller]
    fn lines(&self, arguments: &[&str]) -> Vec<String> {
        let outcome = self.scout(arguments).expect_code(0);
        outcome.stdout.lines().map(str::to_owned).collect()
    }

    /// Runs `scout` with this on its standard input.
    fn scout_given(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A program that refuses before it has read all closes the pipe.
        let _ = std::io::Write::write_all(&mut stdin, input);
        drop(stdin);
        program::finish(child, program::DEADLINE, &format!("{command:?}"))
    }

    /// Replaces what runs in an environment by a list, which must be taken.
    #[track_caller]
    fn sync(&self, environment: &str, list: &str) -> Outcome {
        let arguments = ["environment", "sync", environment, "--from", "-"];
        let outcome = self.scout_given(&arguments, list.as_bytes());
        outcome.expect_code(0)
    }

    /// Runs `scout` with arguments behind `--`.
    fn behind_dashes(&self, command: &str, names: &[&str]) -> Outcome {
        let dir = self.dir().to_str().unwrap();
        let options = [command, "--org", ORG, "--data-dir", dir, "--"];
        program::run("scout", self.dir(), [&options, names].concat())
    }
}

#[test]
fn an_environment_is_a_stream_once_it_has_an_analyzed_image() {
    let scout = indexed();
    let exporter = Serving::exporter(&scout);
    let token = scout.token(&[]);
    let streams = |name: &str| {
        let samples = exporter.samples(&token);
        let labels = [("streamName", name)];
        samples.of("scout_stream_vulnerabilities", &labels).count()
    };
    assert_eq!(streams("production"), 0);
    scout
        .scout(&["environment", "production", "shop/web:1.0"])
        .expect_code(0);
    // The judge may be whoever runs next; the exporter looks once a second.
    program::until("series of the environment", Duration::from_secs(20), || {
        (streams("production") == 5).then_some(())
    });
    let samples = exporter.samples(&token);
    assert_eq!(samples.severities("production"), IMAGES[0].1);
    for (policy, compliant) in [
        ("default-non-root-user", 0.0),
        ("fixable-vulnerabilities", 0.0),
        ("high-profile-vulnerabilities", 0.0),
    ] {
        let labels = [("streamName", "production"), ("id", policy)];
        let value = |family| samples.value(family, &labels);
        assert_eq!(value("scout_policy_evaluated_images"), 1.0, "{policy}");
        assert_eq!(
            value("scout_policy_compliant_images"),
            compliant,
            "{policy}"
        );
    }
    let list = scout.scout(&["environment"]).expect_code(0);
    list.says("production");
    let images = scout.scout(&["environment", "production"]).expect_code(0);
    images.says("shop/web");
}
