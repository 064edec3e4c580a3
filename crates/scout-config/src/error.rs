//! What can be wrong with a configuration.

use std::io;
use std::path::PathBuf;

use scout_envs::{IntegrationName, OrgName};

use crate::config_file::InvalidConfigFile;

/// The result of reading a configuration.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a program cannot start as it was told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that was named, or that belongs to the program, cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A line of a configuration file is refused.
    #[error("{}, line {line}", path.display())]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there, and what is allowed.
        source: Box<InvalidConfigFile>,
    },
    /// Docker's configuration is not what Docker writes.
    #[error("{} is not a Docker configuration", path.display())]
    DockerConfig {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: BoxError,
    },
    /// A credential helper of Docker gave no credentials.
    #[error("the Docker credential helper {program} gave no credentials for {host}")]
    CredentialHelper {
        /// The program.
        program: String,
        /// The registry.
        host: String,
        /// The cause, with what to do.
        source: BoxError,
    },
    /// Docker has an identity token where we need a user and a password.
    #[error(
        "what Docker has for {host} is an identity token, which is used with Azure Container \
         Registry only; give this registry a user and an access token of its own"
    )]
    IdentityToken {
        /// The registry.
        host: String,
    },
    /// One half of a user name and password is missing.
    #[error("{present} is given but {missing} is not; give both, or none")]
    HalfCredentials {
        /// The variable or key that is given.
        present: &'static str,
        /// The one that is missing.
        missing: &'static str,
    },
    /// Two ways to say who we are.
    #[error("{one} and {other} cannot both be given; keep one of them")]
    TwoCredentials {
        /// The key.
        one: &'static str,
        /// The other key.
        other: &'static str,
    },
    /// A variable that a secret should be in does not exist.
    #[error("{key}=env:{name}: the environment variable {name} is not set, or is empty")]
    MissingVariable {
        /// The key that names it.
        key: &'static str,
        /// The variable.
        name: String,
    },
    /// A file that a secret should be in cannot be read.
    #[error("cannot read {key}=file:{}", path.display())]
    SecretFile {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A secret that is none.
    #[error("{what} is empty")]
    EmptySecret {
        /// The variable, or the key and what it points to.
        what: String,
    },
    /// Webhooks without anything that authenticates them.
    #[error(
        "port={port} is given without a secret, so anybody could send webhooks to it: {variable}\
         give webhook-secret=env:NAME or webhook-secret=file:PATH"
    )]
    NoWebhookSecret {
        /// The port.
        port: u16,
        /// What to do with the type's variable, if it has one.
        variable: String,
    },
    /// A configured integration cannot be used.
    #[error("integration {name}")]
    Integration {
        /// The integration.
        name: IntegrationName,
        /// The cause.
        source: BoxError,
    },
    /// What should be an access token cannot be one.
    #[error(
        "what is in token={reference} is not an access token: that is one word, such as \
         dckr_pat_..."
    )]
    NotAToken {
        /// Where it should be.
        reference: String,
    },
    /// The token of a hosted organization would be sent unencrypted to another machine.
    #[error(
        "the organization {org} cannot be read from {host} over plain http, which shows its token \
         to the network: write https, or insecure = true under [[hosted]]"
    )]
    HostedPlainHttp {
        /// The organization.
        org: OrgName,
        /// The machine.
        host: String,
    },
    /// A hosted organization cannot be read as it is configured.
    #[error("the organization {org} cannot be read from its server")]
    Hosted {
        /// The organization.
        org: OrgName,
        /// The cause.
        source: BoxError,
    },
    /// A registry cannot be used with what its parameters point to.
    #[error("it cannot be used as it is configured")]
    Build {
        /// The cause.
        source: BoxError,
    },
    /// The registry string cannot be understood or used.
    #[error("--registry")]
    Registry {
        /// The cause.
        source: BoxError,
    },
    /// An integration that is no registry, where one is meant.
    #[error(
        "--registry: type={kind} is no registry; set it up with `scout integration add {kind}`, or \
         in scout.toml, and leave --registry out"
    )]
    NoRegistry {
        /// The type.
        kind: &'static str,
    },
    /// No random bytes could be had from the operating system.
    #[error("the operating system gave no random bytes")]
    Random {
        /// The cause.
        source: BoxError,
    },
    /// The data directory holds nothing yet.
    #[error(
        "nothing is recorded in {} yet: scout-watch --data-dir records into it, and \
         scout enroll prepares it",
        path.display()
    )]
    NoStore {
        /// The directory.
        path: PathBuf,
    },
    /// The store failed.
    #[error("the record could not be read or written")]
    Store {
        /// The cause.
        source: BoxError,
    },
}

impl Error {
    /// Returns whether the fault is in what was written, not in the machine or the data.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Registry { .. }
            | Self::NoRegistry { .. }
            | Self::ConfigFile { .. }
            | Self::HalfCredentials { .. }
            | Self::TwoCredentials { .. }
            | Self::MissingVariable { .. }
            | Self::EmptySecret { .. }
            | Self::NoWebhookSecret { .. }
            | Self::HostedPlainHttp { .. } => true,
            // Without an error of ours it is a parameter that is wrong.
            Self::Integration { source, .. } => {
                source.downcast_ref::<Self>().is_none_or(Self::is_usage)
            }
            _ => false,
        }
    }
}
