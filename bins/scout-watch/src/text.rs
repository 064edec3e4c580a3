//! What a round prints: what was done, what went wrong, and the summary.

use std::fmt::Write as _;

use scout_platform::{RunReport, Summary};
use scout_registry::RegistryIntegration;
use scout_store::ArtifactState;

use crate::settings::Settings;

pub(crate) fn rounds(
    rounds: &[(&dyn RegistryIntegration, &RunReport)],
    summary: &Summary,
    settings: &Settings,
) -> String {
    let mut out = String::new();
    // Of one registry the summary knows how many failed, earlier rounds included.
    let failed = (rounds.len() == 1).then(|| summary.count(ArtifactState::Failed) as u64);
    for (registry, report) in rounds {
        round(&mut out, *registry, report, summary, failed);
    }
    let below = summary.count(ArtifactState::BelowBaseline);
    if below > 0 && !settings.all_images {
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
    if rounds
        .iter()
        .any(|(registry, report)| registry.requires_activation() && report.sweep.repositories == 0)
    {
        let _ = writeln!(
            out,
            "\nNo repository is enabled; `scout repo enable` chooses what is analyzed."
        );
    }
    if !settings.watch.index && summary.count(ArtifactState::Waiting) > 0 {
        let _ = writeln!(
            out,
            "\nNothing is indexed with --sbom=false; run without it to do so."
        );
    }
    if settings.advisories.is_none() && !summary.images.is_empty() {
        let _ = writeln!(
            out,
            "\nNo --advisories were given: only what earlier runs loaded is known of \
             vulnerabilities."
        );
    }
    let _ = write!(out, "\n{summary}");
    out
}

fn round(
    out: &mut String,
    registry: &dyn RegistryIntegration,
    report: &RunReport,
    summary: &Summary,
    failed: Option<u64>,
) {
    if let Some(error) = &report.unlisted {
        let _ = writeln!(out, "{}", scout_platform::chain(error));
        return;
    }
    let (host, sweep) = (registry.host(), &report.sweep);
    let _ = writeln!(
        out,
        "{host} for organization {}: {} tags in {} repositories, {} new; \
         indexed {}, skipped {}, failed {}",
        summary.org,
        sweep.tags,
        sweep.repositories,
        sweep.new_tags,
        report.indexed,
        report.skipped,
        failed.unwrap_or(report.failed),
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
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}
