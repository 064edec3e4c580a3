//! From parameters to a channel one can send notices to.

use scout_envs::IntegrationName;
use scout_notices::{Channel, ChannelOptions, ChannelSpec};
use scout_registry::{InvalidSpec, SecretRef};

use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::patience::{USER_AGENT, read_ca};
use crate::secret::{SecretFiles, read_secret};

/// A channel one can send notices to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenedChannel {
    /// The channel.
    pub channel: Channel,
    /// What it works on. Several may send to one address, each of other repositories: so this is
    /// its kind and its name.
    pub key: String,
    /// The files it was opened from.
    pub files: SecretFiles,
}

/// Returns where the address is kept, and the secret that messages are signed with.
pub(crate) fn secret_refs(
    spec: &ChannelSpec,
) -> std::result::Result<(SecretRef, Option<SecretRef>), InvalidSpec> {
    let parsed = |key, text: &str| {
        text.parse()
            .map_err(|reason| InvalidSpec::Secret { key, reason })
    };
    let secret = spec.secret().map(|text| parsed("secret", text));
    Ok((parsed("url", spec.url())?, secret.transpose()?))
}

/// Opens a channel. Nothing is sent to it yet.
pub(crate) fn open_channel(
    environment: &impl Environment,
    name: &IntegrationName,
    spec: &ChannelSpec,
) -> Result<OpenedChannel> {
    let mut files = SecretFiles::default();
    let (url, secret) = secret_refs(spec).map_err(|source| Error::Build {
        source: source.into(),
    })?;
    let options = ChannelOptions {
        user_agent: USER_AGENT.to_owned(),
        url: read_secret(environment, &mut files, "url", &url)?,
        secret: match &secret {
            Some(secret) => Some(read_secret(environment, &mut files, "secret", secret)?),
            None => None,
        },
        ca_pem: match spec.ca_file() {
            Some(path) => Some(read_ca(path, &mut files)?),
            None => None,
        },
    };
    let channel = Channel::new(spec, options).map_err(|source| Error::Build {
        source: source.into(),
    })?;
    Ok(OpenedChannel {
        key: format!("{}:{name}", spec.kind().as_str()),
        channel,
        files,
    })
}

#[cfg(test)]
mod tests {
    use scout_platform::chain;
    use scout_registry::Parameters;

    use super::*;
    use crate::integration::{OpenedIntegration, open_integration};

    const URL: &str = "https://hooks.slack.com/services/T0/B0/canary";

    fn open(pairs: &[(&str, &str)]) -> Result<OpenedChannel> {
        let pairs = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let parameters = Parameters::new("slack", pairs);
        let environment = [("URL", URL), ("NONE", "canary")];
        let name = "team".parse().unwrap();
        match open_integration(&environment, &name, &parameters)? {
            OpenedIntegration::Channel(opened) => Ok(opened),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_channel_is_opened_by_where_its_address_is_kept() {
        let opened = open(&[("url", "env:URL"), ("repository", "app")]).unwrap();
        assert_eq!(opened.channel.host(), "hooks.slack.com");
        assert_eq!(opened.key, "slack:team");
        let shown = format!("{opened:?}");
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn the_address_is_never_shown() {
        for (pairs, words) in [
            (&[("url", URL)][..], "integration team: url="),
            (&[("url", "env:NONE")], "is not an https address"),
            (&[("url", "env:UNSET")], "url=env:UNSET"),
            (
                &[("url", "env:URL"), ("repo", "a")],
                "\"repo\" is not a key of type=slack",
            ),
        ] {
            let error = open(pairs).unwrap_err();
            let shown = format!("{} {error:?}", chain(&error));
            assert!(shown.contains(words), "{shown}");
            assert!(!shown.contains("canary"), "{shown}");
        }
    }
}
