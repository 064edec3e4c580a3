//! `scout images` and `scout cves`.

use std::sync::Arc;

use scout_config::SystemClock;
use scout_envs::ImageReference;
use scout_platform::{CveReport, Reader};
use scout_store::ArtifactState;

use crate::arguments::{ImagesArguments, ImagesCommand, Org, TableFormat};
use crate::output::{print, print_json, print_table, short};

pub(crate) async fn run(arguments: ImagesArguments) -> anyhow::Result<()> {
    let ImagesArguments {
        failed,
        waiting,
        format,
        org,
        command,
    } = arguments;
    let Some(ImagesCommand::Retry { image, .. }) = command else {
        return list(&org, failed, waiting, format.unwrap_or_default()).await;
    };
    if failed || waiting || format.is_some() {
        return Err(crate::misused(
            "what stands before `retry` is for the list of images; write `scout images retry \
             --failed` or `scout images retry IMAGE`",
        ));
    }
    retry(&org, image.as_ref()).await
}

/// Enqueues one image, or all that failed.
async fn retry(org: &Org, image: Option<&ImageReference>) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let taken_up = "a running scout-watch takes";
    if let Some(image) = image {
        scout_platform::retry_image(store.as_ref(), &organization, image, &SystemClock).await?;
        return print(&format!("{image} is enqueued; {taken_up} it up.\n"));
    }
    let reader = Reader::new(Arc::clone(&store));
    let failed = [ArtifactState::Failed];
    let before = reader.images(&organization, &failed).await?.len();
    let enqueued =
        scout_platform::retry_failed(store.as_ref(), &organization, &SystemClock).await?;
    let left = reader.images(&organization, &failed).await?.len();
    if before == 0 {
        return print("No image failed.\n");
    }
    let mut text = match enqueued {
        0 => "No image is enqueued".to_owned(),
        1 => format!("1 image is enqueued; {taken_up} it up"),
        several => format!("{several} images are enqueued; {taken_up} them up"),
    };
    if left > 0 {
        text.push_str(&format!(
            "; {left} of {before} are in repositories that are not watched any more"
        ));
    }
    print(&format!("{text}.\n"))
}

async fn list(org: &Org, failed: bool, waiting: bool, format: TableFormat) -> anyhow::Result<()> {
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
            [
                name,
                short(&line.digest),
                line.state.to_owned(),
                line.reason.unwrap_or_default(),
            ]
        })
        .collect();
    print_table(["IMAGE", "DIGEST", "STATE", "REASON"], &rows)
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
    let rows: Vec<[String; 6]> = report
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
                match finding.in_use {
                    Some(true) => "yes".to_owned(),
                    Some(false) => "no".to_owned(),
                    None => String::new(),
                },
                exploited.to_owned(),
            ]
        })
        .collect();
    // The column is there where somebody looked what is loaded at run time.
    let in_use = match rows.iter().any(|[.., in_use, _]| !in_use.is_empty()) {
        true => "IN USE",
        false => "",
    };
    let heading = ["SEVERITY", "VULNERABILITY", "PACKAGE", "FIXED IN"];
    let [severity, vulnerability, package, fixed] = heading;
    if in_use.is_empty() {
        let rows: Vec<[String; 5]> = rows
            .into_iter()
            .map(|[a, b, c, d, _, f]| [a, b, c, d, f])
            .collect();
        print_table([severity, vulnerability, package, fixed, ""], &rows)?;
    } else {
        print_table([severity, vulnerability, package, fixed, in_use, ""], &rows)?;
    }
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
