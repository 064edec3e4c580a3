//! Platforms of images, and which of an index's platforms is looked at.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An operating system and processor, `os/architecture[/variant]`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Platform {
    /// Returns the platform made of these parts; empty parts are kept as stated.
    #[must_use]
    pub fn new(
        os: impl Into<String>,
        architecture: impl Into<String>,
        variant: Option<String>,
    ) -> Self {
        let variant = variant.filter(|variant| !variant.is_empty());
        Self {
            os: os.into(),
            architecture: architecture.into(),
            variant,
        }
    }

    /// Returns the operating system, for instance `linux`.
    #[must_use]
    pub fn os(&self) -> &str {
        &self.os
    }

    /// Returns the processor architecture in Go's spelling, for instance `amd64`.
    #[must_use]
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Returns the variant of the architecture, for instance `v8`.
    #[must_use]
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    /// Returns whether this is a Linux platform.
    #[must_use]
    pub fn is_linux(&self) -> bool {
        self.os == "linux"
    }

    /// Returns whether an image of this platform is what `wanted` asks for; a variant that
    /// `wanted` leaves out matches any.
    #[must_use]
    pub fn satisfies(&self, wanted: &Self) -> bool {
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (wanted.variant.is_none() || wanted.variant == self.variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> Self {
        platform.to_string()
    }
}

impl FromStr for Platform {
    type Err = InvalidPlatform;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('/');
        let (os, architecture, variant, rest) =
            (parts.next(), parts.next(), parts.next(), parts.next());
        let is_word = |part: &&str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        match (
            os.filter(is_word),
            architecture.filter(is_word),
            variant,
            rest,
        ) {
            (Some(os), Some(architecture), None, None) => Ok(Self::new(os, architecture, None)),
            (Some(os), Some(architecture), Some(variant), None) if is_word(&variant) => {
                Ok(Self::new(os, architecture, Some(variant.to_owned())))
            }
            _ => Err(InvalidPlatform(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Platform {
    type Error = InvalidPlatform;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// A text that is not a platform.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not a platform: os/architecture[/variant], for instance linux/arm64/v8")]
pub struct InvalidPlatform(pub String);

/// Which platforms of an image index become members. The set is closed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PlatformChoice {
    /// The one named; else the index's only Linux platform.
    Prefer(Platform),
    /// Every platform, each a member of its own.
    All,
}

impl PlatformChoice {
    /// Picks from the platforms of an index; returns the positions of the chosen ones.
    ///
    /// Several entries that satisfy the wish (variants of one architecture) give the first.
    #[must_use]
    pub fn pick(&self, platforms: &[Platform]) -> Vec<usize> {
        let linux = || {
            platforms
                .iter()
                .enumerate()
                .filter(|(_, p)| p.is_linux())
                .map(|(index, _)| index)
        };
        match self {
            Self::All => (0..platforms.len()).collect(),
            Self::Prefer(wanted) => {
                let exact = platforms.iter().position(|p| p.satisfies(wanted));
                let only = || {
                    let mut candidates = linux();
                    candidates.next().filter(|_| candidates.next().is_none())
                };
                exact.or_else(only).into_iter().collect()
            }
        }
    }
}

impl Default for PlatformChoice {
    fn default() -> Self {
        Self::Prefer(Platform::new("linux", "amd64", None))
    }
}

impl fmt::Display for PlatformChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefer(platform) => platform.fmt(f),
            Self::All => f.write_str("all"),
        }
    }
}

impl FromStr for PlatformChoice {
    type Err = InvalidPlatform;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self::All),
            _ => text.parse().map(Self::Prefer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platforms(texts: &[&str]) -> Vec<Platform> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn picks_the_wish_else_the_only_linux() {
        for (choice, index, expected) in [
            (
                "linux/amd64",
                &["linux/arm64/v8", "linux/amd64"][..],
                vec![1],
            ),
            ("linux/amd64", &["linux/arm64/v8", "windows/amd64"], vec![0]),
            ("linux/amd64", &["linux/arm64", "linux/s390x"], vec![]),
            ("linux/arm64", &["linux/arm64/v8", "linux/amd64"], vec![0]),
            ("linux/arm64/v7", &["linux/arm64/v8", "linux/amd64"], vec![]),
            ("all", &["linux/arm64", "windows/amd64"], vec![0, 1]),
            ("linux/amd64", &[], vec![]),
        ] {
            let choice: PlatformChoice = choice.parse().unwrap();
            assert_eq!(
                choice.pick(&platforms(index)),
                expected,
                "{choice} of {index:?}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_platform() {
        for bad in ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/a b"] {
            assert!(bad.parse::<Platform>().is_err(), "{bad}");
        }
    }
}
