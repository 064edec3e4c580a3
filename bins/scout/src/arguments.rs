//! The command line.

mod environments;

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use regex::Regex;
use scout_config::{DEFAULT_DATA_DIR, Shell};
use scout_envs::{ImageReference, IntegrationName, OrgName, Role};

use crate::tokens::{ExpiryTime, Lifetime};
pub(crate) use environments::{
    CompareFormat, EnvironmentArguments, EnvironmentCommand, ExitOn, ImagesArguments,
    ImagesCommand, MemberFormat, StreamArguments, StreamCommand,
};
use environments::{ENVIRONMENT_HELP, STREAM_HELP};

/// Organizations, tokens, environments and reports of a Scout data directory.
#[derive(Debug, clap::Parser)]
#[command(name = "scout", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create an organization
    Enroll {
        /// Its name
        #[arg(value_name = "ORG")]
        org: OrgName,
        #[command(flatten)]
        data: DataDir,
    },
    /// Make, list and revoke access tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Set up the registries, runtimes and channels that scout-watch works with
    #[command(subcommand)]
    Integration(IntegrationCommand),
    /// List repositories, and choose which are analyzed
    #[command(subcommand)]
    Repo(RepoCommand),
    /// Print the script by which a shell completes this command line
    #[command(after_help = COMPLETIONS_HELP)]
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print the version
    Version,
    /// List environments; list the images of one; record an image in one
    #[command(visible_alias = "env", after_help = ENVIRONMENT_HELP)]
    Environment(Box<EnvironmentArguments>),
    /// List streams: latest-indexed, and every environment; list the images of one
    #[command(after_help = STREAM_HELP)]
    Stream(StreamArguments),
    /// List images, with why some are not indexed; try those that failed again
    Images(ImagesArguments),
    /// List the packages of an image, or write its bill of materials
    Sbom {
        /// The image: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`
        #[arg(value_name = "IMAGE")]
        image: ImageReference,
        /// How to write them
        #[arg(long, value_enum, default_value_t)]
        format: SbomFormat,
        /// Write to this file instead of standard output
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        org: Org,
    },
    /// List the vulnerabilities of an image
    Cves {
        /// The image: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`
        #[arg(value_name = "IMAGE")]
        image: ImageReference,
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        format: TableFormat,
        #[command(flatten)]
        org: Org,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum IntegrationCommand {
    /// Test the connection, and save the integration if it is good
    #[command(visible_alias = "configure", after_help = INTEGRATION_HELP)]
    Add {
        /// What it is: `acr`, `artifactory`, `harbor`, `nexus`, `oci`, `slack`, `sysdig`, …
        #[arg(value_name = "TYPE")]
        kind: String,
        /// A name of your choice, by which it is listed; webhooks are sent to `/NAME`
        #[arg(long, value_name = "NAME")]
        name: IntegrationName,
        /// A setting of this type; may be repeated. Secrets are `env:NAME` or `file:PATH`
        #[arg(long, value_name = "KEY=VALUE", value_parser = Parameter)]
        parameter: Vec<(String, String)>,
        /// Save nothing; wait at `port=` until the sender of webhooks asks whether they are wanted
        /// (Event Grid does, while the template is deployed), and say yes
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        org: Org,
    },
    /// List integrations; of one type with more about each
    List {
        /// Only those of this type
        #[arg(value_name = "TYPE")]
        kind: Option<String>,
        /// Only this one
        #[arg(long, value_name = "NAME")]
        name: Option<IntegrationName>,
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        format: TableFormat,
        #[command(flatten)]
        org: Org,
    },
    /// Test the connection of an integration again
    Test {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        org: Org,
    },
    /// Change settings of an integration; the connection is tested before they are saved
    Update {
        #[command(flatten)]
        which: Which,
        /// A setting to add or to change; may be repeated
        #[arg(long, value_name = "KEY=VALUE", value_parser = Parameter)]
        parameter: Vec<(String, String)>,
        /// A setting to take away; may be repeated
        #[arg(long, value_name = "KEY")]
        unset: Vec<String>,
        #[command(flatten)]
        org: Org,
    },
    /// Remove an integration: its registry is not watched any more, what runs in its cluster leaves
    /// the environment
    #[command(visible_alias = "delete")]
    Remove {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        org: Org,
    },
    /// Print the template that makes what an integration needs on the other side
    Template {
        /// `acr`
        #[arg(value_name = "TYPE", value_parser = ["acr"])]
        kind: String,
    },
}

const COMPLETIONS_HELP: &str = "\
The other two programs do the same with --completions. For this session:

  source <(scout completions bash)
  source <(scout-watch --completions bash)
  source <(scout-exporter --completions bash)

docs/command-line.md says where to put the scripts so that they are always there.";

const INTEGRATION_HELP: &str = "\
The connection is tested first: addresses, credentials, listing, reading an image. If the test
fails, it says what to do, and nothing is saved. Of sysdig, leave cluster out to list the clusters.

  scout integration add artifactory --name main --parameter registry=example.jfrog.io \
    --parameter api=https://example.jfrog.io/artifactory --parameter repository=docker-local \
    --parameter user=reader --parameter password=file:/run/secrets/artifactory

  scout integration add sysdig --name prod-eu --parameter token=env:SYSDIG_TOKEN \
    --parameter region=eu1 --parameter cluster=prod-eu --parameter environment=production

  scout integration add slack --name team --parameter url=file:/run/secrets/slack-url \
    --parameter repository=shop/web

docs/configuration.md lists the settings of each type; a wrong one is answered with them, too.";

/// Reads `KEY=VALUE`, without white space around either. What is not of that form may be a secret,
/// so it is not shown.
#[derive(Clone, Debug)]
struct Parameter;

impl TypedValueParser for Parameter {
    type Value = (String, String);

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let pair = value.to_str().and_then(|text| text.split_once('='));
        match pair.map(|(key, value)| (key.trim(), value.trim())) {
            Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
            _ => Err(command.clone().error(
                ErrorKind::ValueValidation,
                "a --parameter is not KEY=VALUE, such as registry=registry.example.com",
            )),
        }
    }
}

/// One integration.
#[derive(Args, Debug)]
pub(crate) struct Which {
    /// Its type, if you want it checked
    #[arg(value_name = "TYPE")]
    pub(crate) kind: Option<String>,
    /// Its name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: IntegrationName,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RepoCommand {
    /// Analyze these repositories: the most recently pushed image at once, then what is pushed
    Enable {
        #[command(flatten)]
        which: Repositories,
        #[command(flatten)]
        org: Org,
    },
    /// Analyze these repositories no more; they leave the metrics, environments keep what runs
    Disable {
        #[command(flatten)]
        which: Repositories,
        #[command(flatten)]
        org: Org,
    },
    /// List repositories
    List {
        /// Only those whose name matches this regular expression
        #[arg(long, value_name = "REGEX")]
        filter: Option<Regex>,
        /// Only enabled ones
        #[arg(long, conflicts_with = "only_disabled")]
        only_enabled: bool,
        /// Only disabled ones
        #[arg(long)]
        only_disabled: bool,
        /// Only those of this registry, as its host is written
        #[arg(long, value_name = "HOST")]
        only_registry: Option<String>,
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        format: TableFormat,
        #[command(flatten)]
        org: Org,
    },
}

/// Which repositories to change.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("meant").required(true).args(["repository", "all", "filter"]))]
pub(crate) struct Repositories {
    /// One repository, with or without its registry
    #[arg(value_name = "REPOSITORY")]
    pub(crate) repository: Option<String>,
    /// All of them
    #[arg(long)]
    pub(crate) all: bool,
    /// Those whose name matches this regular expression
    #[arg(long, value_name = "REGEX")]
    pub(crate) filter: Option<Regex>,
    /// Only those of this integration: its name or its type
    #[arg(long, value_name = "NAME")]
    pub(crate) integration: Option<String>,
    /// Only those of this registry, as its host is written
    #[arg(long, value_name = "HOST")]
    pub(crate) registry: Option<String>,
}

const TOKEN_HELP: &str = "\
  scout token create --org acme --expires-in 90d
  scout token create --org acme --output prometheus/token

docs/tokens.md tells how tokens look, how leaked ones are found, and how they are replaced.";

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token; the last line printed is the token, and it is never shown again
    #[command(after_help = TOKEN_HELP)]
    Create {
        /// `owner` reads the metrics, `member` does not
        #[arg(long, default_value = "owner")]
        role: Role,
        /// How long it is good, as in 90d, 12h or 6months; without it, it does not expire
        #[arg(long, value_name = "TIME", conflicts_with = "expires_at")]
        expires_in: Option<Lifetime>,
        /// Until when it is good: 2027-06-30 (the beginning of that day, UTC) or
        /// 2027-06-30T12:00:00Z
        #[arg(long, value_name = "TIME")]
        expires_at: Option<ExpiryTime>,
        /// Write the token to this file, which its owner alone can read, and do not print it
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        org: Org,
    },
    /// List tokens, without their secrets: until when they are good, and when they were last used
    List {
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        format: TableFormat,
        #[command(flatten)]
        org: Org,
    },
    /// Revoke a token at once
    Revoke {
        /// The token's number, as listed, or the token itself
        #[arg(value_name = "TOKEN")]
        token: String,
        #[command(flatten)]
        org: Org,
    },
}

#[derive(Args, Debug)]
pub(crate) struct DataDir {
    /// Directory that scout-watch records into
    // Global, so that it may stand before and behind the verb of a command that has some.
    #[arg(
        long,
        value_name = "DIR",
        env = "SCOUT_DATA_DIR",
        default_value = DEFAULT_DATA_DIR,
        global = true
    )]
    pub(crate) data_dir: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Org {
    /// The organization
    #[arg(long, value_name = "ORG", default_value = OrgName::DEFAULT, global = true)]
    pub(crate) org: OrgName,
    #[command(flatten)]
    pub(crate) data: DataDir,
}

impl Org {
    /// Returns how a command that is suggested names the organization: not at all, if it is the
    /// default.
    pub(crate) fn flag(&self) -> String {
        match self.org.as_str() {
            OrgName::DEFAULT => String::new(),
            org => format!(" --org {org}"),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum TableFormat {
    /// A table for people
    #[default]
    Table,
    /// JSON
    Json,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum SbomFormat {
    /// A list for people
    #[default]
    List,
    /// Scout's own JSON
    Json,
    /// CycloneDX 1.6, JSON
    Cyclonedx,
    /// SPDX 2.3, JSON
    Spdx,
}
