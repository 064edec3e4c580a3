//! An exporter, or a watcher that serves, and how to ask it.

use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::guard::Guarded;
use super::http::{self, Answer};
use super::metrics::Samples;
use super::program;
use super::registry::free_port;
use super::scout::{ORG, Scout};

/// Longest that a server may take to say where it listens.
const START: Duration = Duration::from_secs(30);

/// A server and its address.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) guard: Guarded,
    pub(crate) url: String,
    /// Keeps the folder of its output alive.
    _folder: TempDir,
}

impl Serving {
    /// Starts `scout-exporter` on a free port.
    pub(crate) fn exporter(scout: &Scout) -> Self {
        let mut command = program::ours("scout-exporter");
        command
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(scout.dir());
        Self::start(&command, |text| address_after(text, "listening on "))
    }

    /// Starts the exporter of a command, and waits as [`Serving::exporter`] does.
    pub(crate) fn exporting(mut command: Command) -> Self {
        command.args(["--listen", "127.0.0.1:0"]);
        Self::start(&command, |text| address_after(text, "listening on "))
    }

    /// Starts a watcher that serves too, and waits for the `curl` line it prints.
    pub(crate) fn watcher(scout: &Scout, registry: &str, more: &[&str]) -> Self {
        Self::watching(scout.watch_command(registry, more))
    }

    /// Starts the watcher of a command, and waits as [`Serving::watcher`] does.
    pub(crate) fn watching(mut command: Command) -> Self {
        command.args(["--serve", "127.0.0.1:0"]);
        Self::start(&command, |text| {
            let line = text.lines().find(|line| line.contains("curl -H"))?;
            address_after(line, "")
        })
    }

    /// Starts the watcher of a command, and waits no longer than until it serves: its first round
    /// goes on.
    pub(crate) fn watching_from_the_start(mut command: Command) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        command.args(["--serve", &address]);
        let url = format!("http://{address}");
        let folder = TempDir::new().unwrap();
        let guard = Guarded::start(&command, folder.path());
        program::until("server", START, || {
            assert!(guard.is_running(), "{}", guard.stderr());
            http::get(&url, &[])
        });
        Self {
            guard,
            url,
            _folder: folder,
        }
    }

    fn start(command: &Command, find: impl Fn(&str) -> Option<String>) -> Self {
        let folder = TempDir::new().unwrap();
        let guard = Guarded::start(command, folder.path());
        let url = guard.wait_for("address", START, find);
        Self {
            guard,
            url,
            _folder: folder,
        }
    }

    /// Asks for the metrics of the organization.
    #[track_caller]
    pub(crate) fn ask(&self, token: &str) -> Answer {
        let url = format!("{}/v1/exporter/org/{ORG}/metrics", self.url);
        http::get_with_token(&url, token).unwrap()
    }

    /// Reads the metrics of the organization.
    #[track_caller]
    pub(crate) fn samples(&self, token: &str) -> Samples {
        let answer = self.ask(token);
        assert_eq!(answer.status, 200, "{answer:?}");
        Samples::parse(&answer.body)
    }
}

/// Returns `http://HOST:PORT` out of a text, behind a mark and before any path.
fn address_after(text: &str, mark: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("{mark}http://")).or_else(|| {
        let (_, rest) = text.split_once(mark)?;
        rest.split_once("http://")
    })?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || ".:-[]".contains(c)))?;
    Some(format!("http://{}", rest[..end].trim_end_matches('.')))
}
