//! The command line.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use scout_config::DEFAULT_DATA_DIR;
use scout_envs::{EnvironmentName, ImageReference, OrgName, Role};

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
    /// List environments; list the images of one; record an image in one
    #[command(visible_alias = "env")]
    Environment {
        /// The environment; it is made if it is new
        #[arg(value_name = "ENVIRONMENT")]
        name: Option<EnvironmentName>,
        /// The image to record: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`; it must be analyzed
        #[arg(value_name = "IMAGE")]
        image: Option<ImageReference>,
        #[command(flatten)]
        org: Org,
    },
    /// List images, with why some are not indexed
    Images {
        /// Only those that failed
        #[arg(long, conflicts_with = "waiting")]
        failed: bool,
        /// Only those that wait to be indexed, or were there before the first sweep
        #[arg(long)]
        waiting: bool,
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        format: TableFormat,
        #[command(flatten)]
        org: Org,
    },
    /// List the packages of an image
    Sbom {
        /// The image: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`
        #[arg(value_name = "IMAGE")]
        image: ImageReference,
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        format: ListFormat,
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
pub(crate) enum TokenCommand {
    /// Make a token; the last line printed is the token, and it is never shown again
    Create {
        /// `owner` reads the metrics, `member` does not
        #[arg(long, default_value = "owner")]
        role: Role,
        #[command(flatten)]
        org: Org,
    },
    /// List tokens, without their secrets
    List {
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
    #[arg(long, value_name = "DIR", env = "SCOUT_DATA_DIR", default_value = DEFAULT_DATA_DIR)]
    pub(crate) data_dir: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Org {
    /// The organization
    #[arg(long, value_name = "ORG", default_value = OrgName::DEFAULT)]
    pub(crate) org: OrgName,
    #[command(flatten)]
    pub(crate) data: DataDir,
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
pub(crate) enum ListFormat {
    /// A list for people
    #[default]
    List,
    /// JSON
    Json,
}
