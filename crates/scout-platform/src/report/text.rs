//! The summary as text for a terminal.

use std::fmt;

use scout_envs::{PolicyCounts, SeverityCounts, StreamSnapshot};
use scout_store::ArtifactState;

use super::Summary;

/// Most images listed; a registry of thousands is read with `scout images`.
const MAX_IMAGES: usize = 60;
/// Most things listed as unknown, and most artifacts listed as failed.
const MAX_LINES: usize = 20;
/// Most images named in one line.
const MAX_NAMES: usize = 3;

/// Lines for people: images, streams, policies, then what is not known and what to do about it.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.images(f)?;
        self.streams(f)?;
        self.policies(f)?;
        self.not_indexed(f)?;
        self.unknown(f)
    }
}

fn findings(counts: Option<SeverityCounts>) -> String {
    counts.map_or_else(|| "not judged".to_owned(), |counts| counts.to_string())
}

fn more(f: &mut fmt::Formatter<'_>, all: usize, shown: usize) -> fmt::Result {
    match all.saturating_sub(shown) {
        0 => Ok(()),
        rest => writeln!(f, "  and {rest} more"),
    }
}

impl Summary {
    fn images(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.images.is_empty() {
            return writeln!(f, "No image is indexed.");
        }
        let width = |texts: &mut dyn Iterator<Item = usize>, least: usize| {
            texts.max().unwrap_or_default().max(least)
        };
        let shown = || self.images.iter().take(MAX_IMAGES);
        let name = width(&mut shown().map(|image| image.name.len()), 5);
        let platform = width(&mut shown().map(|image| image.platform.len()), 8);
        writeln!(
            f,
            "{:name$}  {:platform$}  PACKAGES  FINDINGS",
            "IMAGE", "PLATFORM"
        )?;
        for image in shown() {
            let partial = if image.partial {
                "  (not all is known)"
            } else {
                ""
            };
            writeln!(
                f,
                "{:name$}  {:platform$}  {:>8}  {}{partial}",
                image.name,
                image.platform,
                image.packages,
                findings(image.vulnerabilities)
            )?;
        }
        more(f, self.images.len(), MAX_IMAGES)
    }

    fn streams(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.streams.is_empty() {
            return Ok(());
        }
        let name = |stream: &StreamSnapshot| stream.name.as_str().chars().count();
        let width = self
            .streams
            .iter()
            .map(name)
            .max()
            .unwrap_or_default()
            .max(6);
        writeln!(f, "\n{:width$}  IMAGES  FINDINGS", "STREAM")?;
        for stream in &self.streams {
            let counts = findings(stream.vulnerabilities);
            writeln!(
                f,
                "{:width$}  {:>6}  {counts}",
                stream.name.as_str(),
                stream.members
            )?;
        }
        Ok(())
    }

    fn policies(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for stream in self
            .streams
            .iter()
            .filter(|stream| !stream.policies.is_empty())
        {
            writeln!(f, "\nPolicies in {}:", stream.name)?;
            for policy in &stream.policies {
                writeln!(f, "  {:45} {}", policy.display_name, compliance(policy))?;
            }
        }
        Ok(())
    }

    fn not_indexed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (state, heading) in [
            (ArtifactState::Failed, "Failed"),
            (ArtifactState::Waiting, "Waiting"),
            (ArtifactState::OtherPlatform, "For other platforms"),
            (ArtifactState::Skipped, "Skipped"),
        ] {
            let lines = self
                .not_indexed
                .get(&state)
                .map(Vec::as_slice)
                .unwrap_or_default();
            if lines.is_empty() {
                continue;
            }
            writeln!(f, "\n{heading} ({}):", lines.len())?;
            for (name, reason) in lines.iter().take(MAX_LINES) {
                match reason {
                    Some(reason) => writeln!(f, "  {name}: {reason}")?,
                    None => writeln!(f, "  {name}")?,
                }
            }
            more(f, lines.len(), MAX_LINES)?;
        }
        Ok(())
    }

    fn unknown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.unknown.is_empty() {
            writeln!(
                f,
                "\nUnknown, and never counted as clean ({}):",
                self.unknown.len()
            )?;
            for line in self.unknown.iter().take(MAX_LINES) {
                let named: Vec<&str> = line
                    .images
                    .iter()
                    .take(MAX_NAMES)
                    .map(String::as_str)
                    .collect();
                let rest = match line.images.len().saturating_sub(MAX_NAMES) {
                    0 => String::new(),
                    rest => format!(" and {rest} more"),
                };
                writeln!(f, "  {} ({}{rest})", line.reason, named.join(", "))?;
            }
            more(f, self.unknown.len(), MAX_LINES)?;
        }
        if !self.missing_feeds.is_empty() {
            writeln!(
                f,
                "\nFetch the missing advisories, then run again with --advisories advisories:"
            )?;
            for feed in &self.missing_feeds {
                writeln!(
                    f,
                    "  curl -fsSL --create-dirs -o 'advisories/{}/all.zip' '{}'",
                    feed.folder, feed.url
                )?;
            }
        }
        if !self.kev_loaded && !self.images.is_empty() {
            writeln!(
                f,
                "\nKnown exploited vulnerabilities are not loaded; fetch the catalog:"
            )?;
            writeln!(
                f,
                "  curl -fsSL --create-dirs -o advisories/kev.json '{KEV_URL}'"
            )?;
        }
        Ok(())
    }
}

/// Where CISA publishes the catalog of known exploited vulnerabilities.
const KEV_URL: &str =
    "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json";

fn compliance(policy: &PolicyCounts) -> String {
    let no_data = match policy.no_data {
        0 => String::new(),
        count => format!(", no data for {count}"),
    };
    if policy.evaluated == 0 {
        return format!("no data for {}", policy.no_data);
    }
    format!(
        "{} of {} compliant{no_data}",
        policy.compliant, policy.evaluated
    )
}
