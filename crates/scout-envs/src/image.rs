//! What an image's configuration states about it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The recorded part of an image's configuration.
///
/// Names of environment variables are kept, their values never: they hold secrets.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct ImageConfig {
    /// `config.User` as written: name or number, with or without group.
    pub user: Option<String>,
    /// `config.Entrypoint`.
    pub entrypoint: Vec<String>,
    /// `config.Cmd`.
    pub command: Vec<String>,
    /// `config.Labels`.
    pub labels: BTreeMap<String, String>,
    /// `created`; a registry does not check it, so it is a hint.
    pub created: Option<Timestamp>,
    /// `config.ExposedPorts`, for instance `8080/tcp`.
    pub exposed_ports: BTreeSet<String>,
    /// The names in `config.Env`.
    pub environment_names: BTreeSet<String>,
}

impl ImageConfig {
    /// Returns whether the image runs as root unless it is told otherwise: no user, or a user
    /// part that is `root` or the number 0.
    #[must_use]
    pub fn runs_as_root(&self) -> bool {
        let user = self.user.as_deref().unwrap_or_default().trim();
        let name = user.split(':').next().unwrap_or_default();
        let is_zero = !name.is_empty() && name.bytes().all(|byte| byte == b'0');
        name.is_empty() || name == "root" || is_zero
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_recognized_in_all_its_spellings() {
        for (user, expected) in [
            (None, true),
            (Some(""), true),
            (Some("root"), true),
            (Some("0"), true),
            (Some("0:0"), true),
            (Some("root:staff"), true),
            (Some(":1000"), true),
            (Some("1000"), false),
            (Some("1000:0"), false),
            (Some("nonroot"), false),
            (Some("rooty"), false),
        ] {
            let config = ImageConfig {
                user: user.map(str::to_owned),
                ..ImageConfig::default()
            };
            assert_eq!(config.runs_as_root(), expected, "{user:?}");
        }
    }
}
