//! `scout environment compare`: what changes from one stream to another.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use scout_envs::StreamName;
use scout_platform::{
    PolicyLine, Reader, StreamComparison, StreamImage, StreamLine, VulnerabilityChanges,
    VulnerabilityLine,
};

use crate::arguments::{CompareFormat, ExitOn, Org};
use crate::output::{json, print_to, table};

/// Something is worse that was asked about.
const WORSE: u8 = 2;
/// Most vulnerabilities listed of each kind; JSON has all.
const MAX_LINES: usize = 30;
/// Most images or packages named in a line.
const MAX_NAMES: usize = 3;

pub(super) async fn run(
    org: &Org,
    (from, to): (&StreamName, &StreamName),
    format: CompareFormat,
    exit_on: &[ExitOn],
    output: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let compared = Reader::new(store).compare(&organization, from, to).await?;
    let text = match format {
        CompareFormat::Json => json(&compared)?,
        CompareFormat::Table => tables(&compared, &Plain),
        CompareFormat::Markdown => tables(&compared, &Markdown),
    };
    print_to(output, &text)?;
    let is_worse = match compared.has_new_vulnerabilities() {
        _ if !exit_on.contains(&ExitOn::Vulnerability) => false,
        Some(has_new) => has_new,
        None => bail!(
            "{from} and {to} cannot be compared by vulnerabilities: one of them is not judged, \
             which is not clean"
        ),
    };
    let is_worse = is_worse || exit_on.contains(&ExitOn::Policy) && compared.has_worse_policies();
    Ok(match is_worse {
        true => ExitCode::from(WORSE),
        false => ExitCode::SUCCESS,
    })
}

/// How headings and tables look.
trait Style {
    fn heading(&self, text: &str) -> String;
    /// How a word of ours heads a column; names keep their case.
    fn word(&self, word: &str) -> String;
    fn table<const N: usize>(&self, heading: [&str; N], rows: &[[String; N]]) -> String;
}

struct Plain;

impl Style for Plain {
    fn heading(&self, text: &str) -> String {
        format!("\n{text}\n")
    }

    fn word(&self, word: &str) -> String {
        word.to_uppercase()
    }

    fn table<const N: usize>(&self, heading: [&str; N], rows: &[[String; N]]) -> String {
        table(heading, rows)
    }
}

struct Markdown;

impl Style for Markdown {
    fn heading(&self, text: &str) -> String {
        format!("\n### {}\n\n", escaped(text))
    }

    fn word(&self, word: &str) -> String {
        word.to_owned()
    }

    fn table<const N: usize>(&self, heading: [&str; N], rows: &[[String; N]]) -> String {
        let line = |cells: [String; N]| format!("| {} |\n", cells.join(" | "));
        let mut text = line(heading.map(escaped));
        text.push_str(&line(heading.map(|_| "---".to_owned())));
        for row in rows {
            text.push_str(&line(row.each_ref().map(|cell| escaped(cell))));
        }
        text
    }
}

/// Text as it stands in Markdown: a name from a registry is no markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '\\' | '#' | '&'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn tables(compared: &StreamComparison, style: &impl Style) -> String {
    let (from, to) = (&compared.from, &compared.to);
    let mut text = style.heading(&format!("{} → {}", from.stream, to.stream));
    text = text.trim_start_matches('\n').to_owned();
    let rows = [from, to].map(numbers);
    let heading = ["Stream", "Images", "Findings", ""].map(|word| style.word(word));
    text.push_str(&style.table(heading.each_ref().map(String::as_str), &rows));
    text.push_str(&repositories(compared, style));
    text.push_str(&vulnerabilities(compared, style));
    text.push_str(&policies(compared, style));
    text
}

fn numbers(stream: &StreamLine) -> [String; 4] {
    let found = stream
        .vulnerabilities
        .map_or_else(|| "not judged".to_owned(), |counts| counts.to_string());
    let partial = match stream.partial {
        0 => String::new(),
        count => format!("not all is known of {count}"),
    };
    [
        stream.stream.clone(),
        stream.images.to_string(),
        found,
        partial,
    ]
}

fn repositories(compared: &StreamComparison, style: &impl Style) -> String {
    let same = compared.same_repositories;
    if compared.repositories.is_empty() {
        return style.heading("The images are the same");
    }
    let mut rows: Vec<[String; 3]> = Vec::new();
    for change in &compared.repositories {
        let mut same_name = compared.repositories.iter();
        let is_alone = same_name
            .all(|one| one.repository != change.repository || one.registry == change.registry);
        let name = match is_alone {
            true => change.repository.clone(),
            false => format!("{}/{}", change.registry, change.repository),
        };
        rows.push([name, versions(&change.from), versions(&change.to)]);
    }
    let heading = match same {
        0 => "Images".to_owned(),
        1 => "Images (1 more repository has the same in both)".to_owned(),
        same => format!("Images ({same} more repositories have the same in both)"),
    };
    let mut text = style.heading(&heading);
    let (from, to) = (&compared.from.stream, &compared.to.stream);
    text.push_str(&style.table([&style.word("Repository"), from, to], &rows));
    text
}

/// The versions of a repository, with digests where tags do not tell them apart.
fn versions(images: &[StreamImage]) -> String {
    if images.is_empty() {
        return "-".to_owned();
    }
    let versions: Vec<String> = images
        .iter()
        .map(|image| {
            let digest: String = image.digest.chars().take("sha256:".len() + 7).collect();
            match image.tags.is_empty() {
                true => digest,
                false => format!("{}@{digest}", image.version().trim_start_matches(':')),
            }
        })
        .collect();
    versions.join(", ")
}

fn vulnerabilities(compared: &StreamComparison, style: &impl Style) -> String {
    let (from, to) = (&compared.from.stream, &compared.to.stream);
    let Some(changes) = &compared.vulnerabilities else {
        return style.heading("Vulnerabilities: one of the two is not judged, so nothing is known");
    };
    let kinds = [
        (format!("New in {to}"), &changes.new),
        (format!("Fixed or gone in {to}"), &changes.fixed),
        (format!("Worse in {to} than in {from}"), &changes.worse),
    ];
    let mut text = String::new();
    for (what, lines) in kinds {
        if lines.is_empty() {
            continue;
        }
        let counts = VulnerabilityChanges::counts(lines);
        text.push_str(&style.heading(&format!("{what}: {counts}")));
        let rows: Vec<[String; 4]> = lines.iter().take(MAX_LINES).map(vulnerability).collect();
        let heading = ["Severity", "Vulnerability", "Package", "Image"];
        let heading = heading.map(|word| style.word(word));
        text.push_str(&style.table(heading.each_ref().map(String::as_str), &rows));
        if let rest @ 1.. = lines.len().saturating_sub(MAX_LINES) {
            text.push_str(&format!("\nand {rest} more; --format json has all\n"));
        }
    }
    match text.is_empty() {
        true => style.heading("The vulnerabilities are the same"),
        false => text,
    }
}

fn vulnerability(line: &VulnerabilityLine) -> [String; 4] {
    [
        line.severity.to_string(),
        line.vulnerability.to_string(),
        some(line.packages.iter()),
        some(line.images.iter()),
    ]
}

fn some<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> String {
    let count = names.len();
    let named: Vec<&str> = names.take(MAX_NAMES).map(String::as_str).collect();
    match count.saturating_sub(named.len()) {
        0 => named.join(", "),
        rest => format!("{} and {rest} more", named.join(", ")),
    }
}

fn policies(compared: &StreamComparison, style: &impl Style) -> String {
    if compared.policies.is_empty() {
        return style.heading("The policies have the same results");
    }
    let (from, to) = (&compared.from.stream, &compared.to.stream);
    let rows: Vec<[String; 4]> = compared
        .policies
        .iter()
        .map(|policy| {
            let worse = if policy.is_worse { "worse" } else { "" };
            [
                policy.display_name.clone(),
                compliance(policy.from.as_ref()),
                compliance(policy.to.as_ref()),
                worse.to_owned(),
            ]
        })
        .collect();
    let mut text = style.heading("Policies, compliant of evaluated images");
    text.push_str(&style.table([&style.word("Policy"), from, to, ""], &rows));
    text
}

fn compliance(policy: Option<&PolicyLine>) -> String {
    match policy {
        None => "no data".to_owned(),
        Some(policy) if policy.evaluated == 0 => "no data".to_owned(),
        Some(policy) => {
            let no_data = match policy.no_data {
                0 => String::new(),
                count => format!(", no data for {count}"),
            };
            format!("{} of {}{no_data}", policy.compliant, policy.evaluated)
        }
    }
}
