//! Reads Markdown as far as the tests need: headings, tables, blocks, links.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::workspace;

/// A document of the workspace.
#[derive(Debug)]
pub(crate) struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    /// Reads a document, for instance `docs/metrics.md`.
    #[track_caller]
    pub(crate) fn read(path: impl AsRef<Path>) -> Self {
        let path = workspace::root().join(path);
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self { path, text }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns what stands below a heading, up to the next one that is as high.
    #[track_caller]
    pub(crate) fn section(&self, heading: &str) -> String {
        let level = heading.chars().take_while(|c| *c == '#').count();
        let mut lines = lines(&self.text).skip_while(|(line, _)| *line != heading);
        let name = self.path.display();
        assert!(lines.next().is_some(), "{name} has no {heading:?}");
        let below = lines.take_while(|(line, in_block)| {
            *in_block || !(1..=level).contains(&heading_level(line))
        });
        below.map(|(line, _)| format!("{line}\n")).collect()
    }

    /// Returns the headings, with their marks.
    pub(crate) fn headings(&self) -> Vec<&str> {
        let headings =
            lines(&self.text).filter(|(line, in_block)| !in_block && heading_level(line) > 0);
        headings.map(|(line, _)| line).collect()
    }

    /// Returns the names by which links lead to headings.
    pub(crate) fn anchors(&self) -> BTreeSet<String> {
        self.headings().into_iter().map(anchor).collect()
    }

    /// Returns where links lead.
    pub(crate) fn links(&self) -> Vec<&str> {
        let targets = self.text.split("](").skip(1);
        targets.filter_map(|rest| rest.split(')').next()).collect()
    }

    /// Returns the blocks fenced with a language.
    pub(crate) fn blocks(&self, language: &str) -> Vec<String> {
        // Those in lists are indented and left out.
        let fence = format!("\n```{language}\n");
        let parts = self.text.split(&fence).skip(1);
        parts
            .map(|rest| rest.split("```").next().unwrap().to_owned())
            .collect()
    }
}

/// Returns the rows of all tables in a text, without their headings.
pub(crate) fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut in_table = false;
    for (line, in_block) in lines(text) {
        if in_block || !line.starts_with('|') {
            in_table = false;
        } else if line.trim_matches(['|', '-', ':', ' ']).is_empty() {
            in_table = true;
        } else if in_table {
            rows.push(cells(line));
        }
    }
    rows
}

/// Returns what stands in backticks in a text.
pub(crate) fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn cells(line: &str) -> Vec<String> {
    const BAR: &str = "\u{0}";
    let line = line.trim().replace("\\|", BAR);
    let inner = line.trim_start_matches('|').trim_end_matches('|');
    let cells = inner.split('|');
    cells.map(|cell| cell.trim().replace(BAR, "|")).collect()
}

/// Returns the lines, and whether each stands in a block of code.
fn lines(text: &str) -> impl Iterator<Item = (&str, bool)> {
    text.lines().scan(false, |in_block, line| {
        let is_fence = line.trim_start().starts_with("```");
        *in_block ^= is_fence;
        Some((line, *in_block || is_fence))
    })
}

fn heading_level(line: &str) -> usize {
    let level = line.chars().take_while(|c| *c == '#').count();
    if line[level..].starts_with(' ') {
        level
    } else {
        0
    }
}

/// Returns a heading's name as GitHub makes it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    });
    kept.collect()
}

#[test]
fn pages_are_read_as_they_are_shown() {
    let text = "# A\n\n## `b` c: d\n\n|x|y|\n|---|:-:|\n| `1` | a\\|b |\n\n### E\n\n```sh\n# no\n```\n\n## F\n\n[a](b#c)\n";
    let page = Page {
        path: PathBuf::from("page"),
        text: text.to_owned(),
    };
    assert_eq!(page.headings(), ["# A", "## `b` c: d", "### E", "## F"]);
    let section = page.section("## `b` c: d");
    assert_eq!(rows(&section), [["`1`", "a|b"]]);
    assert!(
        section.contains("# no") && !section.contains("[a]"),
        "{section}"
    );
    let anchors = ["a", "b-c-d", "e", "f"].map(str::to_owned);
    assert_eq!(page.anchors(), BTreeSet::from(anchors));
    assert_eq!(page.links(), ["b#c"]);
    assert_eq!(page.blocks("sh"), ["# no\n"]);
    assert_eq!(code("a `b` c `d`"), ["b", "d"]);
}
