//! `scout environment`: names, images, and recording one; its verbs are below.

mod comparison;
mod removal;
mod sync;
mod view;

use std::path::PathBuf;
use std::process::ExitCode;

use scout_config::SystemClock;
use scout_envs::{EnvironmentName, ImageReference, Platform};
use scout_platform::Reader;

use crate::arguments::{EnvironmentArguments, EnvironmentCommand, MemberFormat, Org};
use crate::output::{json, note, print_to};

pub(crate) async fn run(arguments: EnvironmentArguments) -> anyhow::Result<ExitCode> {
    let EnvironmentArguments {
        name,
        image,
        format,
        platform,
        output,
        org,
        command,
    } = arguments;
    let Some(command) = command else {
        match (name, image) {
            (None, _) => names(&org, output).await,
            (Some(name), None) => {
                let format = format.unwrap_or_default();
                show(&org, &name, format, platform.as_ref(), output).await
            }
            (Some(name), Some(image)) => {
                record(&org, &name, &image, platform.as_ref(), output).await
            }
        }?;
        return Ok(ExitCode::SUCCESS);
    };
    if let Some(name) = &name {
        return Err(crate::misused(&format!(
            "there is a command behind the environment {name}; write the command first, or -- \
             before a word that is a name"
        )));
    }
    if format.is_some() || platform.is_some() || output.is_some() {
        return Err(crate::misused(
            "of options only --org and --data-dir may stand before a command; write the others \
             behind it",
        ));
    }
    match command {
        EnvironmentCommand::Sync {
            name,
            from,
            source,
            allow_empty,
            format,
        } => {
            let wanted = sync::Wanted {
                name: &name,
                from: &from,
                source: &source,
                allow_empty,
            };
            sync::run(&org, wanted, format).await?;
            Ok(ExitCode::SUCCESS)
        }
        EnvironmentCommand::Remove {
            name,
            image,
            source,
            ..
        } => {
            removal::run(&org, &name, image.as_ref(), source.as_deref()).await?;
            Ok(ExitCode::SUCCESS)
        }
        EnvironmentCommand::Compare {
            from,
            to,
            format,
            exit_on,
            output,
        } => {
            let file = output.as_deref();
            comparison::run(&org, (&from, &to), format, &exit_on, file).await
        }
    }
}

async fn names(org: &Org, output: Option<PathBuf>) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let streams = store.environments(organization.id).await?;
    let names: String = streams
        .iter()
        .map(|environment| format!("{}\n", environment.name))
        .collect();
    print_to(output.as_deref(), &names)?;
    let known = scout_platform::known_environments(store.as_ref(), &organization).await?;
    let is_listed = |name: &EnvironmentName| streams.iter().any(|stream| stream.name == *name);
    let waiting: Vec<&str> = known
        .iter()
        .filter(|name| !is_listed(name))
        .map(EnvironmentName::as_str)
        .collect();
    match (names.is_empty(), waiting.as_slice()) {
        (true, []) => note(
            "There is no environment yet; `scout environment NAME IMAGE` records an image in one, \
             `scout environment sync` a whole list.\n",
        ),
        (_, []) => {}
        (_, waiting) => note(&format!(
            "Without an analyzed image yet, so not listed: {}\n",
            waiting.join(", ")
        )),
    }
    Ok(())
}

async fn show(
    org: &Org,
    name: &EnvironmentName,
    format: MemberFormat,
    platform: Option<&Platform>,
    output: Option<PathBuf>,
) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let reader = Reader::new(store);
    let mut report = reader.known_environment(&organization, name).await?;
    let all = report.images.len();
    if let Some(wanted) = platform {
        let is_wanted = |own: &Platform| own.satisfies(wanted);
        report.images.retain(|image| {
            let mut platforms = image.platforms.iter();
            platforms.any(|one| is_wanted(&one.platform))
        });
    }
    let text = match format {
        MemberFormat::List => report
            .images
            .iter()
            .map(|image| format!("{}\n", image.image))
            .collect(),
        MemberFormat::Table => view::tables(&report),
        MemberFormat::Json => json(&report)?,
    };
    print_to(output.as_deref(), &text)?;
    if let (Some(platform), true, true) = (platform, report.images.is_empty(), all > 0) {
        note(&format!(
            "No image in environment {name} is for {platform}.\n"
        ));
    }
    if matches!(format, MemberFormat::List) {
        note(&view::notes(&report, all > 0, &org.flag()));
    }
    Ok(())
}

async fn record(
    org: &Org,
    name: &EnvironmentName,
    image: &ImageReference,
    platform: Option<&Platform>,
    output: Option<PathBuf>,
) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let digests = scout_platform::assign_platform(
        store.as_ref(),
        &organization,
        name,
        image,
        platform,
        &SystemClock,
    )
    .await?;
    crate::judge(store).await?;
    let text = format!(
        "{image} ({}) is recorded in environment {name}.\n",
        digests.join(", ")
    );
    print_to(output.as_deref(), &text)
}
