//! Runs the commands of a document.

use std::collections::{BTreeMap, VecDeque};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::matching::{is_beginning, is_whole};
use super::{How, Run, Step, Transcript, replace};
use crate::support::guard::Guarded;
use crate::support::program::{self, Outcome};
use crate::support::workspace;

/// Longest that one command may take: some index images in a development build.
const COMMAND: Duration = Duration::from_secs(120);
/// Longest that what runs on may take to print what is shown, and to end.
const BACKGROUND: Duration = Duration::from_secs(60);
/// Between two tries of what is repeated.
const AGAIN: Duration = Duration::from_millis(200);

/// Runs a command as if it was typed: with the exports and in the folder of those before.
const SCRIPT: &str = r#"
cd "$(cat "$1/cwd")" && . "$1/exports" || exit 125
eval "$2" 2>&1
status=$?
export -p >"$1/exports"; pwd >"$1/cwd"
exit $status
"#;
/// The same for a command that runs on: it takes the place of the shell.
const BACKGROUND_SCRIPT: &str = r#"
cd "$(cat "$1/cwd")" && . "$1/exports" || exit 125
eval "exec $2" 2>&1
"#;

/// A replay under way. What runs on ends with it.
#[derive(Debug)]
pub(crate) struct Session {
    document: String,
    steps: VecDeque<Step>,
    replacements: Vec<(String, String)>,
    env: Vec<(String, String)>,
    /// Where commands leave what they export, and where they are.
    state: TempDir,
    dir: PathBuf,
    background: BTreeMap<String, Guarded>,
}

impl Session {
    pub(super) fn new(
        transcript: &Transcript,
        replacements: &[(&str, String)],
        env: &[(&str, String)],
        dir: &Path,
    ) -> Self {
        let owned = |pairs: &[(&str, String)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect()
        };
        let state = TempDir::new().unwrap();
        fs::write(state.path().join("exports"), "").unwrap();
        fs::write(state.path().join("cwd"), dir.to_str().unwrap()).unwrap();
        Self {
            document: transcript.name.clone(),
            steps: transcript.steps.clone().into(),
            replacements: owned(replacements),
            env: owned(env),
            state,
            dir: dir.to_owned(),
            background: BTreeMap::new(),
        }
    }

    /// Replays what stands before a mark.
    #[track_caller]
    pub(crate) fn run_to(&mut self, mark: &str) {
        while let Some(step) = self.steps.pop_front() {
            match step {
                Step::Mark(found) if found == mark => return,
                step => self.take(step),
            }
        }
        panic!("{}: no mark {mark} is left", self.document);
    }

    /// Replays the rest, and ends what still runs on.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        while let Some(step) = self.steps.pop_front() {
            self.take(step);
        }
    }

    /// Runs a command of the test's own, as if it stood in the document.
    #[track_caller]
    pub(crate) fn run(&self, command: &str) -> Outcome {
        let mut bash = self.bash(SCRIPT);
        bash.arg(replace(command, &self.replacements));
        program::wait(bash, COMMAND)
    }

    /// Returns what a command that runs on has printed.
    #[track_caller]
    pub(crate) fn output_of(&self, name: &str) -> String {
        let found = self.background.get(name);
        found
            .unwrap_or_else(|| panic!("{}: no {name} runs", self.document))
            .stdout()
    }

    #[track_caller]
    fn take(&mut self, step: Step) {
        match step {
            Step::Mark(_) => {}
            Step::Write { name, content } => {
                let content = replace(&content, &self.replacements);
                fs::write(self.dir.join(name), content).unwrap();
            }
            Step::Stop(name) => {
                let running = self.background.remove(&name);
                let running =
                    running.unwrap_or_else(|| panic!("{}: no {name} runs", self.document));
                running.terminate(BACKGROUND);
            }
            Step::Run(run) => self.type_in(&run),
        }
    }

    #[track_caller]
    fn type_in(&mut self, run: &Run) {
        let shown = run.expected.iter();
        let shown: Vec<_> = shown
            .map(|line| replace(line, &self.replacements))
            .collect();
        match &run.how {
            How::Once { status } => {
                let outcome = self.run(&run.command);
                let is_right = outcome.code == Some(*status) && is_whole(&shown, &outcome.stdout);
                self.check(is_right, run, &shown, &outcome.to_string());
            }
            How::Within(limit) => {
                let start = Instant::now();
                loop {
                    let outcome = self.run(&run.command);
                    if outcome.code == Some(0) && is_whole(&shown, &outcome.stdout) {
                        return;
                    }
                    let is_in_time = start.elapsed() < *limit;
                    self.check(is_in_time, run, &shown, &outcome.to_string());
                    std::thread::sleep(AGAIN);
                }
            }
            How::Background(name) => {
                let command = run.command.trim_end().trim_end_matches('&');
                let mut bash = self.bash(BACKGROUND_SCRIPT);
                bash.arg(replace(command, &self.replacements));
                let guard = Guarded::start(&bash, &self.state.path().join(name));
                let start = Instant::now();
                loop {
                    let output = guard.stdout();
                    if is_beginning(&shown, &output) {
                        break;
                    }
                    let goes_on = guard.is_running() && start.elapsed() < BACKGROUND;
                    self.check(goes_on, run, &shown, &output);
                    std::thread::sleep(program::POLL);
                }
                self.background.insert(name.clone(), guard);
            }
        }
    }

    #[track_caller]
    fn check(&self, is_right: bool, run: &Run, shown: &[String], output: &str) {
        assert!(
            is_right,
            "{}:{}: another output than is shown\n$ {}\n--- shown ({:?})\n{}\n--- is\n{output}",
            self.document,
            run.line,
            replace(&run.command, &self.replacements),
            run.how,
            shown.join("\n"),
        );
    }

    fn bash(&self, script: &str) -> Command {
        let programs = workspace::program("scout");
        let programs = programs.parent().unwrap().display();
        let path = env::var("PATH").unwrap_or_default();
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-c", script, "bash"])
            .arg(self.state.path())
            .env_clear()
            .env("PATH", format!("{programs}:{path}"))
            .env("HOME", &self.dir)
            .env("LANG", "C.UTF-8")
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .current_dir(&self.dir);
        bash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(text: &str, dir: &Path) -> Session {
        let transcript = Transcript::parse("test.md", text).unwrap();
        transcript.start(
            &[("example.com", "127.0.0.1:1".to_owned())],
            &[("GREETING", "hello".to_owned())],
            dir,
        )
    }

    #[test]
    fn exports_folders_files_and_background_commands_last() {
        let dir = TempDir::new().unwrap();
        let text = "```console\n$ export WHO=world\n$ mkdir below && cd below\n```\n\
                    <!-- file: name -->\n```text\nexample.com\n```\n```console\n\
                    $ echo \"$GREETING $WHO\"; cat ../name; pwd\nhello world\nexample.com\n…/below\n```\n\
                    <!-- background: b -->\n```console\n$ bash -c 'echo up; echo >>log; exec sleep 60' &\nup\n```\n\
                    <!-- within: 10 -->\n```console\n$ wc -l <log; echo >>log\n3\n```\n\
                    <!-- mark: half -->\n<!-- stop: b -->\n\
                    <!-- fails: 3 -->\n```console\n$ echo to stderr >&2; (exit 3)\nto stderr\n```\n";
        let mut session = start(text, dir.path());
        session.run_to("half");
        assert_eq!(session.output_of("b"), "up\n");
        assert_eq!(
            session.run("echo $WHO example.com").stdout,
            "world 127.0.0.1:1\n"
        );
        session.finish();
    }

    #[test]
    #[should_panic(expected = "test.md:2: another output than is shown")]
    fn another_output_is_refused() {
        let dir = TempDir::new().unwrap();
        start("```console\n$ echo a\nb\n```\n", dir.path()).finish();
    }

    #[test]
    #[should_panic(expected = "test.md:2: another output than is shown")]
    fn another_status_is_refused() {
        let dir = TempDir::new().unwrap();
        start("```console\n$ false\n```\n", dir.path()).finish();
    }

    #[test]
    #[should_panic(expected = "another output than is shown")]
    fn a_background_command_that_ends_early_is_refused() {
        let dir = TempDir::new().unwrap();
        let text = "<!-- background: b -->\n```console\n$ echo a\nb\n```\n";
        start(text, dir.path()).finish();
    }
}
