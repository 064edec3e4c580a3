//! A data directory and the programs that work on it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::program::{self, Outcome};
use super::workspace;

/// The organization of all tests.
pub(crate) const ORG: &str = "acme";

/// A data directory of one test.
#[derive(Debug)]
pub(crate) struct Scout {
    /// Keeps a temporary directory alive.
    _parent: Option<TempDir>,
    dir: PathBuf,
}

impl Scout {
    /// Takes a fresh data directory, which does not exist yet.
    pub(crate) fn new() -> Self {
        let parent = TempDir::new().unwrap();
        Self {
            dir: parent.path().join("data"),
            _parent: Some(parent),
        }
    }

    /// Takes a data directory that somebody else keeps.
    pub(crate) fn at(dir: &Path) -> Self {
        Self {
            _parent: None,
            dir: dir.to_owned(),
        }
    }

    /// Returns a copy of the data directory. No program may have it open.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        let mut cp = Command::new("cp");
        cp.arg("-a").arg(&self.dir).arg(&copy.dir);
        assert!(cp.status().unwrap().success());
        copy
    }

    /// Returns the data directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the command of one sweep; it runs in the workspace's folder.
    pub(crate) fn watch_command(&self, registry: &str, more: &[&str]) -> Command {
        let mut command = program::ours("scout-watch");
        command
            .args(["--org", ORG, "--registry", registry, "--data-dir"])
            .arg(&self.dir)
            .args(more)
            .current_dir(workspace::root());
        command
    }

    /// Sweeps once, all images.
    pub(crate) fn sweep(&self, registry: &str, more: &[&str]) -> Outcome {
        let mut command = self.watch_command(registry, &["--all-images", "--once"]);
        command.args(more);
        program::wait(command, program::DEADLINE)
    }

    /// Returns the `scout` command with the organization and the data directory.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program::ours("scout");
        command
            .args(arguments)
            .args(["--org", ORG, "--data-dir"])
            .arg(&self.dir);
        command
    }

    /// Runs `scout` with the organization and the data directory.
    pub(crate) fn scout(&self, arguments: &[&str]) -> Outcome {
        program::wait(self.command(arguments), program::DEADLINE)
    }

    /// Runs `scout`, which must succeed, and reads its JSON.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let outcome = self.scout(&[arguments, &["--format", "json"]].concat());
        let outcome = outcome.expect_code(0);
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}\n{outcome}"))
    }

    /// Returns the images and where they stand.
    #[track_caller]
    pub(crate) fn images(&self) -> Vec<Image> {
        let Value::Array(images) = self.json(&["images"]) else {
            panic!("`scout images --format json` is not an array");
        };
        images.into_iter().map(Image).collect()
    }

    /// Returns the image that has this repository and tag.
    #[track_caller]
    pub(crate) fn image(&self, name: &str) -> Image {
        let images = self.images();
        let names: Vec<_> = images.iter().flat_map(Image::names).collect();
        let found = images.into_iter().find(|image| image.is(name));
        found.unwrap_or_else(|| panic!("no {name} among {names:?}"))
    }

    /// Returns the bill of materials of an image.
    #[track_caller]
    pub(crate) fn sbom(&self, name: &str) -> Value {
        self.json(&["sbom", name])
    }

    /// Returns the findings of an image.
    #[track_caller]
    pub(crate) fn cves(&self, name: &str) -> Value {
        self.json(&["cves", name])
    }

    /// Makes a token; returns it.
    #[track_caller]
    pub(crate) fn token(&self, more: &[&str]) -> String {
        let outcome = self.scout(&[&["token", "create"], more].concat());
        let outcome = outcome.expect_code(0);
        outcome.stdout.lines().last().unwrap().trim().to_owned()
    }
}

/// One row of `scout images --format json`.
#[derive(Debug)]
pub(crate) struct Image(pub(crate) Value);

impl Image {
    /// Returns `REPOSITORY:TAG` for each tag.
    pub(crate) fn names(&self) -> Vec<String> {
        let repository = self.text("repository");
        let tags = self.0["tags"].as_array().unwrap();
        tags.iter()
            .map(|tag| format!("{repository}:{}", tag.as_str().unwrap()))
            .collect()
    }

    /// Returns whether one of the names is this one.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.names().iter().any(|own| own == name)
    }

    /// Returns a text; empty where there is none.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }
}
