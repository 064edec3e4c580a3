//! Hosted mode: which organizations are read from Docker's endpoint, and how.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use scout_api::ScoutClient;
use scout_api::hosted::Pace;
use scout_config::{HostedOrganization, ProcessEnvironment, SecretRef, SystemClock};
use scout_envs::OrgName;
use scout_platform::Clock as _;
use scout_web::{CacheTtl, Hosted, HostedOptions, HostedTimes, Random, TokenReader};
use secrecy::ExposeSecret as _;
use url::Url;

use crate::usage::Usage;

/// Where the last good answers are kept, below the data directory.
const FOLDER: &str = "hosted";
/// What Docker's tokens begin with: personal and organization access tokens.
const DOCKER_TOKENS: [&str; 2] = ["dckr_pat_", "dckr_oat_"];

#[derive(Debug, Args)]
pub(crate) struct HostedArguments {
    /// Where the metrics come from: what scout-watch records, or Docker's hosted endpoint for --org
    /// (and the record beside it, if there is one)
    #[arg(long, value_name = "SOURCE", default_value = "store")]
    source: Source,

    /// Organization to read from the hosted endpoint
    #[arg(long, value_name = "ORG")]
    org: Option<OrgName>,

    /// File with the access token for it; read again when it changes
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    #[arg(
        long,
        value_name = "URL",
        value_parser = scout_config::check_api,
        help = "Address of the endpoint [default: https://api.scout.docker.com]"
    )]
    api: Option<Url>,
}

/// Where the metrics come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Source {
    /// What scout-watch records
    Store,
    /// Docker's hosted endpoint
    Hosted,
}

impl HostedArguments {
    /// Returns the organizations to read: that of the flags, and those of the file.
    pub(crate) fn organizations(
        &self,
        configured: Vec<HostedOrganization>,
    ) -> Result<Vec<HostedOrganization>, Usage> {
        let has_flags = self.org.is_some() || self.token_file.is_some() || self.api.is_some();
        if self.source == Source::Store {
            return if has_flags {
                Err(Usage::new(
                    "--org, --token-file and --api are for --source hosted: add it, or leave them out",
                ))
            } else {
                Ok(configured)
            };
        }
        if self.token_file.as_deref().is_some_and(is_a_token) {
            return Err(Usage::new(
                "--token-file is the name of a file, and what was given looks like a token. Others \
                 may have seen it on this command line: revoke it, and write its successor into a \
                 file",
            ));
        }
        let named = match (&self.org, &self.token_file) {
            (Some(org), Some(file)) => {
                let token = SecretRef::File(file.clone());
                let mut named = HostedOrganization::new(org.clone(), token);
                named.api.clone_from(&self.api);
                Some(named)
            }
            (None, None) if self.api.is_none() && !configured.is_empty() => None,
            (Some(_), None) => {
                return Err(Usage::new(
                    "--org needs --token-file FILE, with an access token of an owner of the \
                     organization",
                ));
            }
            (None, Some(_)) => return Err(Usage::new("--token-file needs --org ORG")),
            (None, None) => {
                return Err(Usage::new(
                    "--source hosted needs --org ORG and --token-file FILE, or [[hosted]] tables \
                     in the file of --config",
                ));
            }
        };
        if let Some(named) = &named
            && configured.iter().any(|other| other.org == named.org)
        {
            return Err(Usage::new(format!(
                "the organization {} is both in --org and under [[hosted]]: leave out one",
                named.org
            )));
        }
        Ok(named.into_iter().chain(configured).collect())
    }

    /// Reads the tokens and takes up what was kept; asks nobody.
    pub(crate) async fn open(
        organizations: Vec<HostedOrganization>,
        data_dir: &Path,
        ttl: CacheTtl,
    ) -> scout_config::Result<Option<Hosted>> {
        if organizations.is_empty() {
            return Ok(None);
        }
        let opened = organizations
            .into_iter()
            .map(|organization| options(organization, data_dir, ttl));
        let opened = opened.collect::<scout_config::Result<Vec<_>>>()?;
        Ok(Some(Hosted::open(opened).await))
    }
}

/// Returns whether a path is a token by its looks.
fn is_a_token(path: &Path) -> bool {
    let text = path.to_str().unwrap_or_default();
    DOCKER_TOKENS.iter().any(|prefix| text.starts_with(prefix)) && !path.exists()
}

fn options(
    organization: HostedOrganization,
    data_dir: &Path,
    ttl: CacheTtl,
) -> scout_config::Result<HostedOptions> {
    let org = organization.org.clone();
    let timeout = organization.timeout(HostedTimes::TIMEOUT);
    let server = organization.server(timeout)?;
    let token = organization.read_token(&ProcessEnvironment)?;
    let token = token.expose_secret();
    let is_docker = organization.api.is_none();
    if is_docker && !DOCKER_TOKENS.iter().any(|prefix| token.starts_with(prefix)) {
        tracing::warn!(
            %org,
            "the token of {org} does not begin with {}, as those of Docker do: {} may refuse it",
            DOCKER_TOKENS.join(" or "),
            ScoutClient::DOCKER
        );
    }
    let read = move || Ok(organization.read_token(&ProcessEnvironment)?);
    let clock = scout_web::Clock::new(|| SystemClock.now());
    let times = HostedTimes::new(Pace::with_ttl(ttl.as_duration()), timeout);
    let token = TokenReader::new(read);
    Ok(
        HostedOptions::new(org, Arc::new(server), token, clock, Random::new(random))
            .with_times(times)
            .with_dir(data_dir.join(FOLDER)),
    )
}

/// Spreads the reads of many exporters; without random bytes they are not spread.
fn random() -> u64 {
    let mut bytes = [0xff; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_be_bytes(bytes),
        Err(_) => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organizations(
        source: Source,
        org: Option<&str>,
        token_file: Option<&str>,
        configured: &[&str],
    ) -> Result<Vec<String>, String> {
        let token = || SecretRef::Env("T".to_owned());
        let configured = configured
            .iter()
            .map(|org| HostedOrganization::new(org.parse().unwrap(), token()));
        let arguments = HostedArguments {
            source,
            org: org.map(|org| org.parse().unwrap()),
            token_file: token_file.map(PathBuf::from),
            api: None,
        };
        let all = arguments.organizations(configured.collect());
        let all = all.map_err(|usage| usage.to_string())?;
        Ok(all.into_iter().map(|one| one.org.to_string()).collect())
    }

    #[test]
    fn flags_and_file_name_the_organizations_together() {
        use Source::{Hosted, Store};
        for (source, org, file, configured, expected) in [
            (Store, None, None, &[][..], Ok(vec![])),
            (Store, None, None, &["b"], Ok(vec!["b"])),
            (Hosted, Some("a"), Some("f"), &["b"], Ok(vec!["a", "b"])),
            (Hosted, None, None, &["b"], Ok(vec!["b"])),
            (Hosted, None, None, &[], Err("needs --org ORG and")),
            (
                Hosted,
                Some("a"),
                None,
                &["b"],
                Err("--org needs --token-file"),
            ),
            (Hosted, None, Some("f"), &[], Err("needs --org ORG")),
            (Hosted, Some("a"), Some("f"), &["a"], Err("leave out one")),
            (
                Store,
                Some("a"),
                Some("f"),
                &[],
                Err("--source hosted: add it"),
            ),
        ] {
            let found = organizations(source, org, file, configured);
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
                (found, expected) => panic!("{found:?}, not {expected:?}"),
            }
        }
    }
}
