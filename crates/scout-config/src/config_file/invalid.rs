//! What can be wrong with a configuration file.

use scout_envs::{IntegrationName, OrgName};

use crate::config_file::section::line_at;
use crate::integration::InvalidIntegration;

/// Why a line of a configuration file is refused. No value is told that could be a secret.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConfigFile {
    /// It is not TOML.
    #[error("this is not TOML: {problem}")]
    Syntax {
        /// The problem, without the text.
        problem: String,
    },
    /// A key that does not exist there.
    #[error("{key:?} is not a key{place}; the keys are {allowed}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Where, if not at the top.
        place: String,
        /// What is allowed.
        allowed: String,
    },
    /// A value of another kind than the key takes.
    #[error("{key} is {found}, but takes {expected}")]
    WrongType {
        /// The key.
        key: String,
        /// What it takes.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A number out of its range.
    #[error("{key} is not between 1 and {max}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// The largest value.
        max: u64,
    },
    /// A value that the key does not take.
    #[error("{key}: {problem}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong, and what is allowed.
        problem: String,
    },
    /// A key that every integration has.
    #[error("the integration has no {key}: add {key} = \"...\"")]
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// An item of a list that would become two.
    #[error("{key}: a comma stands between the items of a list, not within one")]
    CommaInItem {
        /// The key.
        key: String,
    },
    /// Two integrations of the same name.
    #[error("there is an integration {name} at line {first_line} already")]
    NameTwice {
        /// The name.
        name: IntegrationName,
        /// Where the other one begins.
        first_line: usize,
    },
    /// A key that every hosted organization has.
    #[error(
        "[[hosted]] has no {key}: add {key} = {}",
        if *key == "token" { "\"file:PATH\" or \"env:NAME\"" } else { "\"...\"" }
    )]
    HostedKey {
        /// The key.
        key: &'static str,
    },
    /// Two hosted organizations of the same name.
    #[error("the organization {org} is under [[hosted]] at line {first_line} already")]
    HostedTwice {
        /// The name.
        org: OrgName,
        /// Where the other one begins.
        first_line: usize,
    },
    /// Parameters that are not those of its type.
    #[error("integration {name}")]
    Integration {
        /// The integration.
        name: IntegrationName,
        /// What is wrong.
        source: InvalidIntegration,
    },
}

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Located {
    /// The line, from 1.
    pub(super) line: usize,
    /// What is wrong.
    pub(super) reason: InvalidConfigFile,
}

impl Located {
    /// Only the parser's fixed words are taken: what it prints as a whole shows the line.
    pub(super) fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map_or(0, |span| span.start);
        Self {
            line: line_at(text, start),
            reason: InvalidConfigFile::Syntax {
                problem: error.message().to_owned(),
            },
        }
    }
}
