//! What a round prints: what was done, what went wrong, and the summary.

use std::fmt::Write as _;

use scout_platform::{RunReport, Summary};
use scout_store::ArtifactState;

use crate::arguments::Arguments;

pub(crate) fn round(
    report: &RunReport,
    summary: &Summary,
    host: &str,
    arguments: &Arguments,
) -> String {
    let sweep = &report.sweep;
    let mut out = format!(
        "{host} for organization {}: {} tags in {} repositories, {} new; \
         indexed {}, skipped {}, failed {}\n",
        summary.org,
        sweep.tags,
        sweep.repositories,
        sweep.new_tags,
        report.indexed,
        report.skipped,
        summary.count(ArtifactState::Failed),
    );
    if sweep.gone_tags > 0 {
        let _ = writeln!(out, "{} tags are gone from the registry", sweep.gone_tags);
    }
    if sweep.problems.total() > 0 {
        let _ = writeln!(
            out,
            "\nNot all could be listed ({}):",
            plural(sweep.problems.total(), "problem")
        );
        for (message, count) in sweep.problems.iter() {
            let _ = match count {
                1 => writeln!(out, "  {message}"),
                count => writeln!(out, "  {message} ({count} times)"),
            };
        }
    }
    let below = summary.count(ArtifactState::BelowBaseline);
    if below > 0 && !arguments.all_images {
        let images = if below == 1 {
            "1 image was"
        } else {
            &format!("{below} images were")
        };
        let _ = writeln!(
            out,
            "\n{images} in the registry before the first sweep and not indexed; \
             later pushes are. Run with --all-images to index everything."
        );
    }
    if !arguments.sbom && summary.count(ArtifactState::Waiting) > 0 {
        let _ = writeln!(
            out,
            "\nNothing is indexed with --sbom=false; run without it to do so."
        );
    }
    if arguments.advisories.is_none() && !summary.images.is_empty() {
        let _ = writeln!(
            out,
            "\nNo --advisories were given: only what earlier runs loaded is known of \
             vulnerabilities."
        );
    }
    let _ = write!(out, "\n{summary}");
    out
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}
