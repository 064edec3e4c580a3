//! What a round prints: what was done, what went wrong, and the summary.

use std::fmt::Write as _;

use scout_platform::{RunReport, Summary};
use scout_store::ArtifactState;

use crate::fleet::Member;
use crate::settings::Settings;

pub(crate) fn rounds(
    rounds: &[(&Member, &RunReport)],
    summary: &Summary,
    settings: &Settings,
) -> String {
    let mut out = String::new();
    // Of one registry the summary knows how many failed, earlier rounds included.
    let failed = (rounds.len() == 1).then(|| summary.count(ArtifactState::Failed) as u64);
    for (member, report) in rounds {
        let host = member.opened.registry.host();
        let name = match rounds.len() {
            1 => host.to_owned(),
            // Hosts can be alike: all files are at `localhost`.
            _ => format!("{} ({host})", member.name),
        };
        round(&mut out, &name, report, summary, failed);
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
    let has_none_enabled = |member: &Member, report: &RunReport| {
        member.opened.registry.requires_activation() && report.sweep.repositories == 0
    };
    if rounds
        .iter()
        .any(|(member, report)| has_none_enabled(member, report))
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

fn round(out: &mut String, name: &str, report: &RunReport, summary: &Summary, failed: Option<u64>) {
    if let Some(error) = &report.unlisted {
        let _ = writeln!(out, "{}", scout_platform::chain(error));
        return;
    }
    let sweep = &report.sweep;
    let _ = writeln!(
        out,
        "{name} for organization {}: {} in {}, {} new; \
         indexed {}, skipped {}, failed {}",
        summary.org,
        plural(sweep.tags, "tag", "tags"),
        plural(sweep.repositories, "repository", "repositories"),
        sweep.new_tags,
        report.indexed,
        report.skipped,
        failed.unwrap_or(report.failed),
    );
    if sweep.gone_tags > 0 {
        let gone = plural(sweep.gone_tags, "tag is", "tags are");
        let _ = writeln!(out, "{gone} gone from the registry");
    }
    if sweep.problems.total() > 0 {
        let _ = writeln!(
            out,
            "\nNot all could be listed ({}):",
            plural(sweep.problems.total(), "problem", "problems")
        );
        for (message, count) in sweep.problems.iter() {
            let _ = match count {
                1 => writeln!(out, "  {message}"),
                count => writeln!(out, "  {message} ({count} times)"),
            };
        }
    }
}

pub(crate) fn plural(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}
