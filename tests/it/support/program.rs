//! Runs a program to its end, within a deadline, and keeps what it said.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::workspace;

/// Longest that a program may run in a hermetic test. Generous: other tests run beside it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Looks at a process or a page this often while it waits.
pub(crate) const POLL: Duration = Duration::from_millis(10);

/// How a program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit status; none if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Checks the exit status; shows everything if it is another.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Checks that standard output or standard error has this text.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(
            self.stdout.contains(text) || self.stderr.contains(text),
            "no {text:?} in\n{self}"
        );
        self
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "status {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}

/// Returns the command that starts one of our programs, without what our environment may add.
pub(crate) fn ours(name: &str) -> Command {
    let mut command = Command::new(workspace::program(name));
    for variable in [
        "DOCKER_CONFIG",
        "DOCKER_SCOUT_REGISTRY_PASSWORD",
        "DOCKER_SCOUT_REGISTRY_TOKEN",
        "DOCKER_SCOUT_REGISTRY_USER",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "RUST_LOG",
        "SCOUT_DATA_DIR",
        "https_proxy",
        "http_proxy",
    ] {
        command.env_remove(variable);
    }
    // A directory without a Docker configuration: credentials of the person who tests stay out.
    command.env("HOME", "/nonexistent");
    command
}

/// Runs one of our programs in a folder.
pub(crate) fn run<S: AsRef<OsStr>>(
    name: &str,
    folder: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> Outcome {
    let mut command = ours(name);
    command.args(arguments).current_dir(folder);
    wait(command, DEADLINE)
}

/// Starts a command and waits for its end.
pub(crate) fn wait(mut command: Command, deadline: Duration) -> Outcome {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    finish(child, deadline, &format!("{command:?}"))
}

/// Waits for the end of a child whose pipes nobody reads yet.
pub(crate) fn finish(mut child: Child, deadline: Duration, what: &str) -> Outcome {
    let stdout = reader(child.stdout.take().unwrap());
    let stderr = reader(child.stderr.take().unwrap());
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
            panic!("{what} still ran after {deadline:?}\n{stdout}\n{stderr}");
        }
        thread::sleep(POLL);
    };
    Outcome {
        code: status.code(),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    }
}

fn reader(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Asks until there is an answer, or panics with what was waited for.
#[track_caller]
pub(crate) fn until<T>(what: &str, deadline: Duration, mut answer: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(
            start.elapsed() < deadline,
            "{what}: not within {deadline:?}"
        );
        thread::sleep(POLL);
    }
}
