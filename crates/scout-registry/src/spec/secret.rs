//! References to secrets: where a secret is kept, never the secret.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a secret is kept: `env:NAME` or `file:PATH`.
///
/// Configuration holds references only, so that it can be shown, stored and passed on. Who
/// builds an integration reads what they point to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SecretRef {
    /// An environment variable of the process.
    Env(String),
    /// A file; white space around its content does not count.
    File(PathBuf),
}

impl FromStr for SecretRef {
    type Err = InvalidSecretRef;

    fn from_str(text: &str) -> Result<Self, InvalidSecretRef> {
        match text.split_once(':') {
            Some(("env", name)) if is_variable(name) => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            _ => Err(InvalidSecretRef),
        }
    }
}

fn is_variable(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(is_word) && !name.starts_with(|c: char| c.is_ascii_digit())
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// A text that is no reference; it may be the secret itself, so it is not kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a secret is never written here, only where it is kept: env:NAME (an environment variable) \
     or file:PATH (a file)"
)]
pub struct InvalidSecretRef;
