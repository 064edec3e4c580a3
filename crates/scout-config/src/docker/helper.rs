//! Docker's credential helpers: programs that look into a store of secrets.
//!
//! The protocol is that of the Docker CLI ("docker login", section "Credential helper protocol",
//! and docker/docker-credential-helpers): `docker-credential-NAME get`, the server's name on
//! standard input, and on standard output a JSON object with `Username` and `Secret`, or a message
//! and a failure status. Nothing that a helper writes is shown: it may be the secret.

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::SecretString;
use serde::Deserialize;

use crate::docker::Login;
use crate::environment::Environment;

/// How long a helper may take. Stores in the cloud answer within some seconds; one that waits for
/// a person will not be answered here.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer, in bytes. Tokens of cloud registries have some kilobytes.
const MAX_ANSWER: usize = 64 * 1024;
/// How often we look whether a helper has ended.
const POLL: Duration = Duration::from_millis(2);
/// How long we wait for what a stopped helper leaves behind.
const GRACE: Duration = Duration::from_secs(1);
/// What a helper's name is put behind.
const PREFIX: &str = "docker-credential-";
/// The user that stands for "the secret is an identity token".
const TOKEN_USER: &str = "<token>";
/// What helpers answer, with a failure status, if they have nothing for the server.
const NOT_FOUND: &str = "credentials not found";

/// A credential helper.
pub(super) struct Helper {
    program: String,
}

/// Why a helper gave no credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum HelperFault {
    #[error(
        "it is in no directory of PATH; install it there, or give this registry a user and \
         password of its own"
    )]
    NotInPath,
    #[error("it cannot be run")]
    CannotRun(#[source] io::Error),
    #[error(
        "it did not answer within {seconds} s and was stopped; it may wait for somebody to unlock \
         its store: {try_it}"
    )]
    TimedOut { seconds: u64, try_it: String },
    #[error("it failed ({status}); {try_it}")]
    Failed { status: ExitStatus, try_it: String },
    #[error("it answered more than 64 KiB; {try_it}")]
    TooLong { try_it: String },
    #[error("its answer is no JSON object with Username and Secret; {try_it}")]
    BadAnswer { try_it: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: SecretString,
}

/// Returns what is wrong with a name that is none.
pub(super) fn bad_name(name: &str) -> String {
    format!(
        "{name:?} is not the name of a credential helper: letters, digits, '-', '_' and '.', what \
         stands behind {PREFIX} in the program's name"
    )
}

impl Helper {
    /// Returns the helper of this name; nothing if it could name a program elsewhere.
    pub(super) fn named(name: &str) -> Option<Self> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_name = !name.is_empty() && name.len() <= 64 && name.chars().all(is_word);
        is_name.then(|| Self {
            program: format!("{PREFIX}{name}"),
        })
    }

    pub(super) fn program(&self) -> &str {
        &self.program
    }

    /// Asks the helper about a server. Blocks, for `timeout` and a little more at most.
    pub(super) fn get(
        &self,
        environment: &impl Environment,
        server: &str,
        timeout: Duration,
    ) -> Result<Option<Login>, HelperFault> {
        let path = self.find(environment).ok_or(HelperFault::NotInPath)?;
        let try_it = || {
            let program = &self.program;
            format!("to see why, run: echo {server} | {program} get")
        };
        let output =
            run(Command::new(path).arg("get"), server, timeout).map_err(HelperFault::CannotRun)?;
        let Some((status, bytes)) = output else {
            return Err(HelperFault::TimedOut {
                seconds: timeout.as_secs(),
                try_it: try_it(),
            });
        };
        if bytes.len() > MAX_ANSWER {
            return Err(HelperFault::TooLong { try_it: try_it() });
        }
        if !status.success() {
            let is_not_found = bytes.trim_ascii().starts_with(NOT_FOUND.as_bytes());
            return match is_not_found {
                true => Ok(None),
                false => Err(HelperFault::Failed {
                    status,
                    try_it: try_it(),
                }),
            };
        }
        // The parser's words may quote the secret; they end here.
        let answer: Option<Answer> = serde_json::from_slice(&bytes).ok();
        let answer = answer.ok_or_else(|| HelperFault::BadAnswer { try_it: try_it() })?;
        Ok(login(answer))
    }

    /// Looks for the program where the shell would, but never in the current directory.
    fn find(&self, environment: &impl Environment) -> Option<PathBuf> {
        let path = environment.get("PATH")?;
        let candidates = env::split_paths(&path)
            .filter(|dir| dir.is_absolute())
            .map(|dir| dir.join(&self.program));
        let is_program = |path: &PathBuf| {
            fs::metadata(path)
                .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        };
        candidates.into_iter().find(is_program)
    }
}

fn login(answer: Answer) -> Option<Login> {
    use secrecy::ExposeSecret;
    match answer {
        Answer { secret, .. } if secret.expose_secret().is_empty() => None,
        Answer { username, secret } if username == TOKEN_USER => Some(Login::IdentityToken(secret)),
        Answer { username, secret } => Some(Login::Password(username, secret)),
    }
}

/// Runs a program to its end, or to the timeout: then nothing is returned, and it and what it has
/// started are killed. Of its output, one byte more than the limit is kept at most.
fn run(
    command: &mut Command,
    input: &str,
    timeout: Duration,
) -> io::Result<Option<(ExitStatus, Vec<u8>)>> {
    let end = Instant::now() + timeout;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let stdout = child.stdout.take();
    let output = stdout.map_or_else(|| mpsc::channel().1, read_aside);
    if let Some(mut stdin) = child.stdin.take() {
        // Shorter than a pipe holds, so this does not wait. A helper may end without reading it.
        let _ = writeln!(stdin, "{input}");
    }
    let left = || end.saturating_duration_since(Instant::now());
    let status = loop {
        match child.try_wait()? {
            None if left().is_zero() => break None,
            None => thread::sleep(POLL),
            status => break status,
        }
    };
    if let Some(status) = status
        && let Ok(bytes) = output.recv_timeout(left().max(POLL))
    {
        return Ok(Some((status, bytes)));
    }
    // It runs still, or something that it started holds its output.
    stop(&mut child);
    let _ = output.recv_timeout(GRACE);
    Ok(None)
}

/// Reads on a thread of its own, which ends with the output.
fn read_aside(output: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let limit = u64::try_from(MAX_ANSWER).unwrap_or(u64::MAX);
        let _ = output.take(limit + 1).read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

/// Kills the program with all it has started, and takes its status so that nothing is left.
fn stop(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}
