//! Servers that end with the test, however the test ends.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::program::{self, Outcome};

/// A server in the background. A shell stands between: it ends the server when our end of its
/// standard input closes, which happens even if this process is killed.
#[derive(Debug)]
pub(crate) struct Guarded {
    shell: Child,
    folder: PathBuf,
}

/// Runs a server until standard input closes; then ends it and removes a folder, if there is one.
const SCRIPT: &str = r#"
pidfile=$1; clean=$2; shift 2
"$@" </dev/null & pid=$!
echo "$pid" >"$pidfile"
read -r _
kill -KILL "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
[ -z "$clean" ] || rm -rf "$clean"
"#;

impl Guarded {
    /// Starts a command; its output goes to `stdout` and `stderr` in the folder.
    pub(crate) fn start(command: &Command, folder: &Path) -> Self {
        Self::start_and_clean(command, folder, Path::new(""))
    }

    /// Starts a command as [`Guarded::start`] does; the second folder is removed in the end, also
    /// for a server that is kept in a `static` and so is never dropped.
    pub(crate) fn start_and_clean(command: &Command, folder: &Path, clean: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(SCRIPT)
            .arg("guard")
            .arg(folder.join("pid"))
            .arg(clean)
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::piped())
            .stdout(File::create(folder.join("stdout")).unwrap())
            .stderr(File::create(folder.join("stderr")).unwrap());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(key, value),
                None => shell.env_remove(key),
            };
        }
        if let Some(current) = command.get_current_dir() {
            shell.current_dir(current);
        }
        let shell = shell.spawn().unwrap();
        let folder = folder.to_owned();
        Self { shell, folder }
    }

    /// Returns what the server has written to standard output so far.
    pub(crate) fn stdout(&self) -> String {
        read(&self.folder.join("stdout"))
    }

    /// Returns what the server has written to standard error so far.
    pub(crate) fn stderr(&self) -> String {
        read(&self.folder.join("stderr"))
    }

    /// Returns the first answer that `find` gives on standard output or standard error.
    #[track_caller]
    pub(crate) fn wait_for<T>(
        &self,
        what: &str,
        deadline: Duration,
        find: impl Fn(&str) -> Option<T>,
    ) -> T {
        program::until(what, deadline, || {
            let found = find(&self.stdout()).or_else(|| find(&self.stderr()));
            if found.is_none() && !self.is_running() {
                // One more look: it may have spoken between the two questions.
                let said = find(&self.stdout()).or_else(|| find(&self.stderr()));
                assert!(
                    said.is_some(),
                    "ended before it said {what}\n{}\n{}",
                    self.stdout(),
                    self.stderr()
                );
                return said;
            }
            found
        })
    }

    /// Returns the server's process id.
    pub(crate) fn pid(&self) -> u32 {
        program::until("process id", program::DEADLINE, || {
            read(&self.folder.join("pid")).trim().parse().ok()
        })
    }

    /// Returns whether the server runs.
    pub(crate) fn is_running(&self) -> bool {
        let status = read(Path::new(&format!("/proc/{}/stat", self.pid())));
        // A process that ended but that nobody asked about yet is in state Z.
        status
            .rsplit_once(')')
            .is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
    }

    /// Sends a signal by its name, for instance `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(status.unwrap().success());
    }

    /// Asks the server to end and waits for it. The exit status is not known.
    #[track_caller]
    pub(crate) fn terminate(self, deadline: Duration) -> Outcome {
        self.signal("TERM");
        program::until("end after SIGTERM", deadline, || {
            (!self.is_running()).then_some(())
        });
        Outcome {
            code: None,
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().unwrap();
    }
}

fn read(path: &Path) -> String {
    fs::read(path).map_or_else(
        |_| String::new(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
}

/// Returns whether a program can be found.
pub(crate) fn exists(program: impl AsRef<OsStr>) -> bool {
    Command::new("sh")
        .args(["-c", "command -v \"$1\" >/dev/null", "exists"])
        .arg(program)
        .status()
        .unwrap()
        .success()
}
