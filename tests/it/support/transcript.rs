//! Replays the commands of a document, and compares what they print with what the document shows.
//!
//! Blocks fenced as `console` hold commands behind `$ `, each followed by what it prints. A line
//! `…` stands for any lines, `…` within a line for anything; runs of spaces count as one, because
//! the names that stand in for the document's have other lengths. Commands run in bash, one after
//! the other, in one folder; what is exported, and `cd`, stay. Comments before a block change how
//! it is replayed:
//!
//! - `<!-- not replayed: REASON -->`
//! - `<!-- fails: STATUS -->`: its last command leaves with this exit status, not with 0
//! - `<!-- within: SECONDS -->`: its only command is repeated until it prints what is shown
//! - `<!-- background: NAME -->`: its only command runs on; what is shown is how its output begins
//! - `<!-- file: NAME -->`: a block of any other kind is written to a file
//!
//! and two stand alone: `<!-- stop: NAME -->` ends what runs on, `<!-- mark: NAME -->` is where
//! [`Session::run_to`] stops.

mod matching;
mod reading;
mod session;

use std::fs;
use std::path::Path;
use std::time::Duration;

pub(crate) use session::Session;

use super::workspace;

/// A document's commands, in order.
#[derive(Clone, Debug)]
pub(crate) struct Transcript {
    /// Its path in the workspace.
    name: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    Run(Run),
    Write { name: String, content: String },
    Stop(String),
    Mark(String),
}

/// A command and what it prints.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Run {
    /// Where it stands in the document.
    line: usize,
    command: String,
    expected: Vec<String>,
    how: How,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum How {
    Once { status: i32 },
    Within(Duration),
    Background(String),
}

impl Transcript {
    /// Reads a document of the workspace, for instance `docs/artifactory.md`.
    #[track_caller]
    pub(crate) fn read(path: &str) -> Self {
        let text = fs::read_to_string(workspace::root().join(path)).unwrap();
        Self::parse(path, &text).unwrap_or_else(|fault| panic!("{path}:{fault}"))
    }

    fn parse(name: &str, text: &str) -> Result<Self, String> {
        Ok(Self {
            name: name.to_owned(),
            steps: reading::steps(text)?,
        })
    }

    /// Replays everything. `replacements` turn the document's names into those of the test's
    /// servers, in commands, files and what is shown; the longest that fits counts. `env` is all
    /// of the environment beside `PATH`, `HOME` and `LANG`.
    #[track_caller]
    pub(crate) fn replay(
        &self,
        replacements: &[(&str, String)],
        env: &[(&str, String)],
        dir: &Path,
    ) {
        self.start(replacements, env, dir).finish();
    }

    /// Begins a replay that stops at marks.
    pub(crate) fn start(
        &self,
        replacements: &[(&str, String)],
        env: &[(&str, String)],
        dir: &Path,
    ) -> Session {
        Session::new(self, replacements, env, dir)
    }
}

/// Replaces what stands in the table; what was put in is not looked at again.
fn replace(text: &str, table: &[(String, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let fitting = table.iter().filter(|(from, _)| rest.starts_with(from));
        match fitting.max_by_key(|(from, _)| from.len()) {
            Some((from, to)) => {
                out.push_str(to);
                rest = &rest[from.len()..];
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

#[test]
fn the_longest_replacement_counts_and_is_not_replaced_again() {
    let table = [("a.b", "x"), ("https://a.b", "http://a.b:1"), ("c", "")];
    let table = table.map(|(from, to)| (from.to_owned(), to.to_owned()));
    assert_eq!(
        replace("https://a.b/ü a.b c.", &table),
        "http://a.b:1/ü x ."
    );
}
