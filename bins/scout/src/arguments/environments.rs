//! The command line of `scout environment`, `scout stream` and `scout images`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use scout_envs::{EnvironmentName, ImageReference, IntegrationName, Platform, StreamName};

use super::{Org, TableFormat};

#[derive(Args, Debug)]
pub(crate) struct EnvironmentArguments {
    /// The environment; it is made if it is new
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) name: Option<EnvironmentName>,
    /// The image to record: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`; it must be analyzed
    #[arg(value_name = "IMAGE")]
    pub(crate) image: Option<ImageReference>,
    /// How to print the images [default: list]
    #[arg(long, value_enum, requires = "name", conflicts_with = "image")]
    pub(crate) format: Option<MemberFormat>,
    /// Only the image of this platform, such as linux/amd64
    #[arg(long, value_name = "OS/ARCH", requires = "name")]
    pub(crate) platform: Option<Platform>,
    /// Write to this file, not to the terminal
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) org: Org,
    #[command(subcommand)]
    pub(crate) command: Option<EnvironmentCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnvironmentCommand {
    /// Say what runs in an environment: it replaces what the last such list said
    #[command(after_help = SYNC_HELP)]
    Sync {
        /// The environment; it is made if it is new
        #[arg(value_name = "ENVIRONMENT")]
        name: EnvironmentName,
        /// Where the list is: the output of `kubectl get pods -A -o json`, or an image a line;
        /// `-` is standard input
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// The name of this list, if several fill the environment; each replaces its own
        #[arg(
            long,
            value_name = "NAME",
            default_value = scout_platform::LIST_SOURCE,
            value_parser = list_name
        )]
        source: String,
        /// Take a list in which nothing runs for the truth
        #[arg(long)]
        allow_empty: bool,
        /// How to print what came of it
        #[arg(long, value_enum, default_value_t)]
        format: TableFormat,
    },
    /// Take an image that was recorded by hand, or a list, out of an environment
    #[command(
        group = ArgGroup::new("meant").required(true).args(["image", "source", "all"]),
        override_usage = "scout environment remove [OPTIONS] <ENVIRONMENT> <IMAGE|--source <NAME>|--all>"
    )]
    Remove {
        /// The environment
        #[arg(value_name = "ENVIRONMENT")]
        name: EnvironmentName,
        /// The image, as it was recorded: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`
        #[arg(value_name = "IMAGE")]
        image: Option<ImageReference>,
        /// All that this source put there: `list`, another list's name, or `manual` for what was
        /// recorded by hand
        #[arg(long, value_name = "NAME")]
        source: Option<String>,
        /// Everything but what integrations say
        #[arg(long)]
        all: bool,
    },
    /// Tell what changes from one environment or stream to another
    #[command(after_help = COMPARE_HELP)]
    Compare {
        /// The one that is left: an environment, or latest-indexed
        #[arg(value_name = "FROM")]
        from: StreamName,
        /// The one that is come to
        #[arg(value_name = "TO")]
        to: StreamName,
        /// How to print it
        #[arg(long, value_enum, default_value_t)]
        format: CompareFormat,
        /// Leave with status 2 if one of these is worse; several with commas
        #[arg(
            short = 'x',
            long,
            value_enum,
            value_delimiter = ',',
            value_name = "WHAT"
        )]
        exit_on: Vec<ExitOn>,
        /// Write to this file, not to the terminal
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

pub(super) const ENVIRONMENT_HELP: &str = "\
  scout environment                            names, one a line
  scout environment production                 its images, repository:tag@digest, one a line
  scout environment production --format table  with who runs them, moved tags, and what waits
  scout environment production shop/web:1.0    records an image
  kubectl get pods -A -o json | scout environment sync production --from -

Behind -- a word is a name, not a command: `scout environment -- sync` lists the images of an
environment that is called sync.";

const SYNC_HELP: &str = "\
  kubectl get pods -A -o json | scout environment sync production --from -
  docker ps --no-trunc --format '{{.Image}}' | scout environment sync docker-host --from -

Images that are not analyzed wait, and join the environment when they are. Nothing is changed if
the list is empty, cut or not a list. One of pods in which nothing runs is taken only with
--allow-empty: a wrong context or namespace gives the same.";

const COMPARE_HELP: &str = "\
  scout environment compare production latest-indexed
  scout environment compare production staging --exit-on vulnerability,policy

New is what TO has and FROM has not. Exit status: 2 if with --exit-on there are new or worse
vulnerabilities, or more images violate a policy; 1 if that is not known, as one is not judged.";

pub(super) const STREAM_HELP: &str = "\
Behind -- a word is a name, not a command: `scout stream -- list` lists the images of a stream
that is called list.";

#[derive(Args, Debug)]
pub(crate) struct StreamArguments {
    /// The stream: latest-indexed, or an environment
    #[arg(value_name = "STREAM")]
    pub(crate) name: Option<StreamName>,
    /// How to print the images [default: list]
    #[arg(long, value_enum, requires = "name")]
    pub(crate) format: Option<MemberFormat>,
    /// Write to this file, not to the terminal
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) org: Org,
    #[command(subcommand)]
    pub(crate) command: Option<StreamCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StreamCommand {
    /// List streams with how many images and vulnerabilities they have
    List {
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        format: TableFormat,
    },
}

#[derive(Args, Debug)]
pub(crate) struct ImagesArguments {
    /// Only those that failed
    #[arg(long, conflicts_with = "waiting")]
    pub(crate) failed: bool,
    /// Only those that wait to be indexed, or were there before the first sweep
    #[arg(long)]
    pub(crate) waiting: bool,
    /// How to print them [default: table]
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
    #[command(flatten)]
    pub(crate) org: Org,
    #[command(subcommand)]
    pub(crate) command: Option<ImagesCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImagesCommand {
    /// Try to index an image that failed again, or all of them
    #[command(group = ArgGroup::new("meant").required(true).args(["image", "failed"]))]
    Retry {
        /// The image: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`
        #[arg(value_name = "IMAGE")]
        image: Option<ImageReference>,
        /// All images that failed
        #[arg(long, visible_alias = "all")]
        failed: bool,
    },
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum MemberFormat {
    /// One image a line, `repository:tag@digest`
    #[default]
    List,
    /// Tables for people, with all that is known
    Table,
    /// JSON
    Json,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum CompareFormat {
    /// Tables for people
    #[default]
    Table,
    /// JSON
    Json,
    /// Markdown, for a comment
    Markdown,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ExitOn {
    /// New or worse vulnerabilities
    Vulnerability,
    /// More images that violate a policy
    Policy,
}

/// Reads the name of a list: such a one as integrations have, so that it has no colon, which the
/// shares of integrations have.
fn list_name(name: &str) -> Result<String, String> {
    match name.parse::<IntegrationName>() {
        Ok(_) => Ok(name.to_owned()),
        Err(_) => Err(
            "the name of a list is 1 to 64 lower-case letters, digits, '-', '_' or '.', starting \
             with a letter or digit"
                .to_owned(),
        ),
    }
}
