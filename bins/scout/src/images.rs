//! `scout images`, `scout sbom` and `scout cves`.

use scout_envs::ImageReference;
use scout_platform::{CveReport, Reader, SbomReport};
use scout_store::ArtifactState;

use crate::arguments::{ListFormat, Org, TableFormat};
use crate::output::{print, print_json, print_table};

pub(crate) async fn list(
    org: &Org,
    failed: bool,
    waiting: bool,
    format: TableFormat,
) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let states = match (failed, waiting) {
        (true, _) => &[ArtifactState::Failed][..],
        (_, true) => &[ArtifactState::Waiting, ArtifactState::BelowBaseline],
        _ => &[],
    };
    let lines = Reader::new(store).images(&organization, states).await?;
    if matches!(format, TableFormat::Json) {
        return print_json(&lines);
    }
    let rows: Vec<[String; 4]> = lines
        .into_iter()
        .map(|line| {
            let name = line.name();
            let digest = line.digest.chars().take("sha256:".len() + 12).collect();
            [
                name,
                digest,
                line.state.to_owned(),
                line.reason.unwrap_or_default(),
            ]
        })
        .collect();
    print_table(["IMAGE", "DIGEST", "STATE", "REASON"], &rows)
}

pub(crate) async fn sbom(
    org: &Org,
    image: &ImageReference,
    format: ListFormat,
) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let reports = Reader::new(store).sbom(&organization, image).await?;
    if matches!(format, ListFormat::Json) {
        return match reports.as_slice() {
            [only] => print_json(only),
            several => print_json(&several),
        };
    }
    for report in &reports {
        print_sbom(report)?;
    }
    Ok(())
}

fn print_sbom(report: &SbomReport) -> anyhow::Result<()> {
    let system = report.distribution.as_ref().map_or_else(
        || "no distribution".to_owned(),
        scout_envs::Distribution::display_name,
    );
    print(&format!(
        "{} {} ({system})\n\n",
        report.image, report.platform
    ))?;
    let rows: Vec<[String; 4]> = report
        .packages
        .iter()
        .map(|found| {
            [
                found.package.package_type.to_string(),
                found.package.name.clone(),
                found.package.version.clone(),
                found
                    .owner
                    .as_ref()
                    .map(|owner| format!("part of {owner}"))
                    .unwrap_or_default(),
            ]
        })
        .collect();
    print_table(["TYPE", "NAME", "VERSION", ""], &rows)?;
    if report.gaps.is_empty() {
        return Ok(());
    }
    let gaps: String = report.gaps.iter().map(|gap| format!("  {gap}\n")).collect();
    print(&format!("\nNot read:\n{gaps}"))
}

pub(crate) async fn cves(
    org: &Org,
    image: &ImageReference,
    format: TableFormat,
) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let reports = Reader::new(store).cves(&organization, image).await?;
    if matches!(format, TableFormat::Json) {
        return match reports.as_slice() {
            [only] => print_json(only),
            several => print_json(&several),
        };
    }
    for report in &reports {
        print_cves(report)?;
    }
    Ok(())
}

fn print_cves(report: &CveReport) -> anyhow::Result<()> {
    let counts = report
        .counts()
        .map_or_else(|| "not judged".to_owned(), |counts| counts.to_string());
    print(&format!("{}  {counts}\n\n", report.image))?;
    let rows: Vec<[String; 5]> = report
        .findings
        .iter()
        .map(|finding| {
            let package = finding
                .packages
                .first()
                .map(|package| format!("{} {}", package.name, package.version))
                .unwrap_or_default();
            let package = match finding.packages.len() {
                0 | 1 => package,
                several => format!("{package} and {} more", several - 1),
            };
            let fixed: Vec<&str> = finding.fixed_versions.iter().map(String::as_str).collect();
            let exploited = if finding.known_exploited == Some(true) {
                "exploited"
            } else {
                ""
            };
            [
                finding.severity.to_string(),
                finding.vulnerability.to_string(),
                package,
                if fixed.is_empty() {
                    "no fix".to_owned()
                } else {
                    fixed.join(", ")
                },
                exploited.to_owned(),
            ]
        })
        .collect();
    print_table(
        ["SEVERITY", "VULNERABILITY", "PACKAGE", "FIXED IN", ""],
        &rows,
    )?;
    if report.coverage.unknown.is_empty() {
        return Ok(());
    }
    let unknown: String = report
        .coverage
        .unknown
        .iter()
        .map(|unknown| format!("  {unknown}\n"))
        .collect();
    print(&format!(
        "\nUnknown, and never counted as clean:\n{unknown}"
    ))
}
