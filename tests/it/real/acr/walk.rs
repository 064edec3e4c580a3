//! A new user: the template, its deployment, the password, the integration, its repositories, and
//! the removal. What the program prints for the user to type is typed as it stands.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::azure::{Azure, Fate, HOST};
use crate::support::guard::Guarded;
use crate::support::program::{self, Outcome};
use crate::support::registry::steady_port;
use crate::support::scout::{Image, ORG, Scout};
use crate::support::serving::Serving;
use crate::support::workspace;

/// Longest that something may take that is to happen at once.
pub(super) const AT_ONCE: Duration = Duration::from_secs(20);
/// The address that Event Grid is told.
pub(super) const WEBHOOK: &str = "https://scout.example.com/contoso";
/// The secret of the webhooks.
pub(super) const SECRET: &str = "canary-webhook";

/// A user with a registry in Azure, and a folder to work in.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) azure: Azure,
    pub(super) scout: Scout,
    pub(super) folder: TempDir,
    pub(super) port: u16,
}

impl Walk {
    /// Begins with images in two repositories; in one of them, the lower version came last.
    pub(super) fn begin() -> Self {
        let walk = Self {
            azure: Azure::start(),
            scout: Scout::new(),
            folder: TempDir::new().unwrap(),
            port: steady_port(),
        };
        walk.azure.grid().publish("scout.example.com", walk.port);
        walk.write("webhook-secret", SECRET);
        walk.push("shop/web:1.1", "shop/web:1.1");
        walk.push("shop/web:1.0", "shop/web:1.0");
        walk.push("shop/worker:0.9", "shop/worker:0.9");
        walk
    }

    pub(super) fn write(&self, name: &str, content: &str) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    pub(super) fn push(&self, image: &str, name: &str) {
        let layout = workspace::root().join("examples/registry");
        self.azure.push(&layout, image, name);
    }

    /// Makes a command one of this user, behind the proxy that leads to the registry.
    pub(super) fn at_home(&self, mut command: Command) -> Command {
        command
            .current_dir(self.folder.path())
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .envs(self.azure.env());
        command
    }

    /// Runs `scout`. It never says a secret.
    pub(super) fn run(&self, arguments: &[&str]) -> Outcome {
        let command = self.at_home(self.scout.command(arguments));
        let outcome = program::wait(command, program::DEADLINE);
        assert!(!outcome.to_string().contains("canary"), "{outcome}");
        outcome
    }

    /// What is said of the integration, without the password.
    fn parameters(&self) -> Vec<String> {
        vec![
            "registry=contoso".to_owned(),
            format!("port={}", self.port),
            "webhook-secret=file:webhook-secret".to_owned(),
            format!("webhook-url={WEBHOOK}"),
        ]
    }

    fn add_command(&self, more: &[&str]) -> Command {
        let mut command = self
            .scout
            .command(&["integration", "add", "acr", "--name", "contoso"]);
        for parameter in self.parameters() {
            command.args(["--parameter", &parameter]);
        }
        command.args(more);
        self.at_home(command)
    }

    /// Adds the integration.
    pub(super) fn add(&self, more: &[&str]) -> Outcome {
        let outcome = program::wait(self.add_command(more), program::DEADLINE);
        assert!(!outcome.to_string().contains("canary"), "{outcome}");
        outcome
    }

    /// Adds it with the password that was made.
    pub(super) fn add_with_password(&self) -> Outcome {
        self.add(&["--parameter", "password=file:acr-password"])
    }

    /// Types what was printed, in a shell.
    #[track_caller]
    pub(super) fn type_in(&self, text: &str) -> String {
        let mut bash = Command::new("bash");
        bash.args(["-e", "-c", text]);
        let outcome = program::wait(self.at_home(bash), program::DEADLINE).expect_code(0);
        outcome.stdout
    }

    /// Deploys the template and makes the password, as we are told.
    #[track_caller]
    pub(super) fn deploy(&self) {
        let told = self.add(&[]).expect_code(1).stdout;
        let [deployment, password, _] = printed(&told).try_into().unwrap();
        let waiting = self.add_command(&["--wait"]);
        let waiting = Guarded::start(&waiting, self.folder.path());
        waiting.wait_for("readiness", AT_ONCE, |text| {
            text.contains("Waiting to be asked").then_some(())
        });
        assert_eq!(self.type_in(&deployment), "Succeeded\n");
        waiting.wait_for("the question", AT_ONCE, |text| {
            text.contains("The question came").then_some(())
        });
        program::until("end of waiting", AT_ONCE, || {
            (!waiting.is_running()).then_some(())
        });
        self.type_in(&password);
    }

    /// Returns the integrations; none where nothing was ever recorded.
    pub(super) fn integrations(&self) -> Vec<String> {
        if !self.scout.dir().exists() {
            return Vec::new();
        }
        let listed = self.run(&["integration", "list", "--format", "json"]);
        if listed.code != Some(0) {
            listed.says("organization acme");
            return Vec::new();
        }
        let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
        let names = listed.as_array().unwrap().iter();
        names
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Starts a watcher of all integrations that sweeps once an hour.
    pub(super) fn watch(&self) -> Serving {
        let mut command = program::ours("scout-watch");
        command
            .args(["--org", ORG, "--interval", "3600", "--data-dir"])
            .arg(self.scout.dir())
            .args(["--webhook-address", "127.0.0.1", "--advisories"])
            .arg(workspace::root().join("examples/advisories"));
        Serving::watching(self.at_home(command))
    }

    /// Returns the images that are indexed, sorted.
    pub(super) fn indexed(&self) -> Vec<String> {
        let images = self.scout.images();
        let indexed = images
            .iter()
            .filter(|image| image.text("state") == "indexed");
        let mut names: Vec<_> = indexed.flat_map(Image::names).collect();
        names.sort();
        names
    }

    /// Waits until just these images are indexed.
    #[track_caller]
    pub(super) fn until_indexed(&self, watcher: &Serving, names: &[&str]) {
        program::until(&format!("{names:?} indexed"), AT_ONCE, || {
            assert!(watcher.guard.is_running(), "{}", watcher.guard.stderr());
            (self.indexed() == names).then_some(())
        });
    }

    /// Waits until all events that Event Grid has were accepted.
    #[track_caller]
    pub(super) fn until_delivered(&self) {
        program::until("delivery", AT_ONCE, || {
            let sent = self.azure.grid().sent();
            let is_done = sent.iter().all(|event| event.fate == Fate::Delivered);
            is_done.then_some(())
        });
    }
}

/// Returns the blocks that are indented, for people to type.
pub(super) fn printed(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        match line.strip_prefix("  ") {
            Some(line) if is_inside => {
                let block = blocks.last_mut().unwrap();
                *block += &format!("\n{line}");
            }
            // A line of a list that goes on is no command.
            Some(line) if !line.starts_with(' ') => {
                blocks.push(line.to_owned());
                is_inside = true;
            }
            _ => is_inside = false,
        }
    }
    blocks
}

#[track_caller]
fn check_stream(watcher: &Serving, token: &str, stream: &str, expected: &str) {
    let mut last = String::new();
    let found = program::until(&format!("{stream} {expected}"), AT_ONCE, || {
        let samples = watcher.samples(token);
        let labels = [("streamName", stream)];
        if samples
            .of("scout_stream_vulnerabilities", &labels)
            .next()
            .is_some()
        {
            last = samples.severities(stream);
        }
        (last == expected).then(|| last.clone())
    });
    assert_eq!(found, expected);
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn from_the_template_to_the_removal() {
    let walk = Walk::begin();
    let template = run_without_org(&["integration", "template", "acr"]);
    let own = fs::read_to_string(workspace::root().join("deploy/azure/template.json"));
    assert_eq!(template.stdout, own.unwrap());

    // Without a password the deployment is printed, filled in, and nothing is saved.
    let told = walk.add(&[]).expect_code(1);
    told.says("Not saved")
        .says("RegistryName=contoso")
        .says(WEBHOOK);
    assert_eq!(walk.integrations(), Vec::<String>::new());
    walk.deploy();
    assert_eq!(walk.integrations(), Vec::<String>::new());

    let added = walk.add_with_password().expect_code(0);
    added.says("Connected to contoso.azurecr.io: 2 repositories");
    added.says("No repository is analyzed yet");
    let summary = walk.run(&["integration", "list", "acr"]).expect_code(0);
    summary
        .says("contoso.azurecr.io")
        .says("0 of 2")
        .says("can be read");
    let listed = walk.run(&["repo", "list"]).expect_code(0);
    listed
        .says("contoso.azurecr.io/shop/web")
        .says("contoso.azurecr.io/shop/worker");
    assert_eq!(listed.stdout.matches("disabled").count(), 2, "{listed}");

    let watcher = walk.watch();
    let token = walk.scout.token(&[]);
    watcher.guard.wait_for("advice", AT_ONCE, |text| {
        text.contains("No repository is enabled").then_some(())
    });
    assert_eq!(walk.scout.images().len(), 0);

    // The most recently pushed one, not the highest version, and without --all-images.
    walk.run(&["repo", "enable", "shop/web"]).expect_code(0);
    walk.until_indexed(&watcher, &["shop/web:1.0"]);
    check_stream(&watcher, &token, "latest-indexed", "1C 5H 0M 0L 0U");
    let summary = walk.run(&["integration", "list", "acr"]).expect_code(0);
    summary.says("1 of 2");
    let image = format!("{HOST}/shop/web:1.0");
    walk.run(&["env", "production", &image]).expect_code(0);
    check_stream(&watcher, &token, "production", "1C 5H 0M 0L 0U");

    // The watcher sweeps once an hour: it is the event that tells.
    walk.push("shop/worker:0.9", "shop/web:1.2");
    walk.until_indexed(&watcher, &["shop/web:1.0", "shop/web:1.2"]);
    check_stream(&watcher, &token, "latest-indexed", "0C 0H 2M 0L 0U");
    walk.push("shop/web:1.1", "shop/worker:1.0");
    walk.push("shop/api:2.1", "shop/web:1.3");
    let indexed = ["shop/web:1.0", "shop/web:1.2", "shop/web:1.3"];
    walk.until_indexed(&watcher, &indexed);
    walk.until_delivered();
    assert_eq!(walk.indexed(), indexed);
    check_stream(&watcher, &token, "latest-indexed", "1C 2H 4M 0L 1U");

    for (image, left) in [
        ("shop/web:1.3", "0C 0H 2M 0L 0U"),
        ("shop/web:1.2", "1C 5H 0M 0L 0U"),
    ] {
        walk.type_in(&format!(
            "az acr repository delete --name contoso --image {image} --yes"
        ));
        check_stream(&watcher, &token, "latest-indexed", left);
    }

    walk.run(&["repo", "disable", "shop/web"]).expect_code(0);
    program::until("metrics without the repository", AT_ONCE, || {
        let samples = watcher.samples(&token);
        let labels = [("streamName", "latest-indexed")];
        let mut found = samples.of("scout_stream_vulnerabilities", &labels);
        found.all(|(_, value)| value == 0.0).then_some(())
    });
    check_stream(&watcher, &token, "production", "1C 5H 0M 0L 0U");

    let removed = walk
        .run(&["integration", "remove", "acr", "--name", "contoso"])
        .expect_code(0);
    removed
        .says("docker-scout-readonly-token")
        .says("docker-scout-repository");
    assert_eq!(walk.integrations(), Vec::<String>::new());
    program::until("closed port", AT_ONCE, || {
        let address = ("127.0.0.1", walk.port);
        std::net::TcpStream::connect(address).is_err().then_some(())
    });
    check_stream(&watcher, &token, "production", "1C 5H 0M 0L 0U");
    for commands in printed(&removed.stdout) {
        walk.type_in(&commands);
    }
    let again = walk.add_with_password().expect_code(1);
    again.says("check the user");

    let outcome = watcher.guard.terminate(AT_ONCE);
    assert!(!outcome.to_string().contains("canary"), "{outcome}");
    check_no_secret(walk.scout.dir());
}

fn run_without_org(arguments: &[&str]) -> Outcome {
    let mut command = program::ours("scout");
    command.args(arguments);
    program::wait(command, program::DEADLINE).expect_code(0)
}

/// Checks that no file holds a secret: all of ours have the same word in them.
#[track_caller]
pub(super) fn check_no_secret(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            check_no_secret(&path);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let found = bytes.windows(6).any(|bytes| bytes == b"canary");
        assert!(!found, "{}", path.display());
    }
}
