//! `scout stream`: streams with their numbers, and the images of one.

use scout_platform::{Reader, SeverityLine, StreamImage, StreamReport};

use crate::arguments::{MemberFormat, StreamArguments, StreamCommand, TableFormat};
use crate::output::{counted, json, print_json, print_table, print_to, short, table};

pub(crate) async fn run(arguments: StreamArguments) -> anyhow::Result<()> {
    let StreamArguments {
        name,
        format,
        output,
        org,
        command,
    } = arguments;
    if command.is_some() && (name.is_some() || format.is_some() || output.is_some()) {
        return Err(crate::misused(
            "only --org and --data-dir may stand before `list`; write -- before a word that is \
             the name of a stream",
        ));
    }
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let reader = Reader::new(store);
    match (command, name) {
        (Some(StreamCommand::List { format }), _) => {
            let streams = reader.streams(&organization).await?;
            if matches!(format, TableFormat::Json) {
                return print_json(&streams);
            }
            let rows: Vec<[String; 5]> = streams
                .iter()
                .map(|stream| {
                    let partial = match stream.partial {
                        0 => String::new(),
                        count => format!("not all is known of {count}"),
                    };
                    [
                        stream.stream.clone(),
                        stream.images.to_string(),
                        findings(stream.vulnerabilities),
                        stream.in_use.map_or_else(String::new, |c| c.to_string()),
                        partial,
                    ]
                })
                .collect();
            print_table(["STREAM", "IMAGES", "FINDINGS", "IN USE", ""], &rows)
        }
        (None, None) => {
            let names = reader.stream_names(&organization).await?;
            let names: String = names.iter().map(|name| format!("{name}\n")).collect();
            print_to(output.as_deref(), &names)
        }
        (None, Some(name)) => {
            let report = reader.stream(&organization, &name).await?;
            let text = match format.unwrap_or_default() {
                MemberFormat::List => report.members.iter().map(line).collect(),
                MemberFormat::Table => tables(&report),
                MemberFormat::Json => json(&report)?,
            };
            print_to(output.as_deref(), &text)
        }
    }
}

/// An image as the list of an environment shows it: `repository:tag@digest`.
fn line(image: &StreamImage) -> String {
    let tag = image.tags.first();
    let tag = tag.map_or_else(String::new, |tag| format!(":{tag}"));
    format!("{}{tag}@{}\n", image.repository, image.digest)
}

fn findings(counts: Option<SeverityLine>) -> String {
    counts.map_or_else(|| "not judged".to_owned(), |counts| counts.to_string())
}

fn tables(report: &StreamReport) -> String {
    let numbers = &report.numbers;
    let mut text = format!(
        "Stream {}: {}, {}\n",
        numbers.stream,
        counted(numbers.images, "image", "images"),
        findings(numbers.vulnerabilities)
    );
    if report.members.is_empty() {
        return text;
    }
    let rows: Vec<[String; 5]> = report
        .members
        .iter()
        .map(|image| {
            let violated: Vec<&str> = image.violated.iter().map(String::as_str).collect();
            [
                image.name(),
                short(&image.digest),
                image.platform.to_string(),
                findings(image.vulnerabilities),
                violated.join(", "),
            ]
        })
        .collect();
    let heading = ["IMAGE", "DIGEST", "PLATFORM", "FINDINGS", "VIOLATES"];
    text.push_str(&format!("\n{}", table(heading, &rows)));
    text
}
