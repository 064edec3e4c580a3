//! Standard output: tables and JSON; notes go to standard error.

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;
use scout_config::{Shell, SystemClock};
use scout_platform::Clock as _;
use serde::Serialize;

use crate::arguments::Arguments;

/// Prints to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    scout_config::write_text(&mut std::io::stdout().lock(), text)
        .context("cannot write to standard output")
}

/// Prints the script by which a shell completes the command line, to the letter.
pub(crate) fn print_completions(shell: Shell) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    scout_config::write_completions(&mut out, Arguments::command(), shell)
        .context("cannot write to standard output")
}

/// Prints to standard output, or to the file that was asked for.
pub(crate) fn print_to(file: Option<&Path>, text: &str) -> anyhow::Result<()> {
    match file {
        None => print(text),
        Some(path) => std::fs::File::create(path)
            .and_then(|mut file| scout_config::write_text(&mut file, text))
            .with_context(|| format!("cannot write to {}", path.display())),
    }
}

/// Tells a person something that is no part of the answer: on standard error, so that a script
/// reads the answer alone.
pub(crate) fn note(text: &str) {
    // Nobody who could be told reads on.
    let _ = scout_config::write_text(&mut std::io::stderr().lock(), text);
}

/// Returns a value as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<String> {
    let mut text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    text.push('\n');
    Ok(text)
}

/// Prints a value as indented JSON.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&json(value)?)
}

/// Prints a table.
pub(crate) fn print_table<const N: usize>(
    heading: [&str; N],
    rows: &[[String; N]],
) -> anyhow::Result<()> {
    print(&table(heading, rows))
}

/// Returns a table: columns as wide as their widest cell, the last as it is.
pub(crate) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = heading.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    let mut line = |cells: [&str; N]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        out.push_str(padded.join("  ").trim_end());
        out.push('\n');
    };
    line(heading);
    for row in rows {
        line(row.each_ref().map(String::as_str));
    }
    out
}

/// Returns the beginning of a digest: enough for people to tell one from another.
pub(crate) fn short(digest: &str) -> String {
    digest.chars().take("sha256:".len() + 12).collect()
}

/// Returns a number with its noun.
pub(crate) fn counted(count: u64, one: &str, several: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {several}"),
    }
}

/// Returns how long ago something was, in the unit that says it best.
pub(crate) fn ago(then: jiff::Timestamp) -> String {
    let seconds = SystemClock.now().duration_since(then).as_secs().max(0);
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural} ago")
}
