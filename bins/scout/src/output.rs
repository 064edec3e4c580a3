//! Standard output: tables and JSON.

use anyhow::Context as _;
use serde::Serialize;

/// Prints to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    scout_config::write_text(&mut std::io::stdout().lock(), text)
        .context("cannot write to standard output")
}

/// Prints a value as indented JSON.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    text.push('\n');
    print(&text)
}

/// Prints a table: columns as wide as their widest cell, the last as it is.
pub(crate) fn print_table<const N: usize>(
    heading: [&str; N],
    rows: &[[String; N]],
) -> anyhow::Result<()> {
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
    print(&out)
}
