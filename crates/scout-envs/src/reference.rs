//! How a person writes an image: `[registry/]repository[:tag][@digest]`.

use std::fmt;
use std::str::FromStr;

use crate::digest::{Digest, InvalidDigest};
use crate::repository::{InvalidRepositoryName, InvalidTag, RepositoryName, Tag};

/// A reference to one image.
///
/// The first segment is a registry only when it looks like a host, by Docker's rule: it has a
/// dot or a port, or is `localhost`. No default registry, namespace or tag is filled in; who
/// resolves the reference decides.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ImageReference {
    registry: Option<String>,
    repository: RepositoryName,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl ImageReference {
    /// Returns the registry's `host[:port]`, if the reference names one.
    #[must_use]
    pub fn registry(&self) -> Option<&str> {
        self.registry.as_deref()
    }

    /// Returns the repository.
    #[must_use]
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// Returns the tag, if the reference names one.
    #[must_use]
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// Returns the digest, if the reference names one.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(registry) = &self.registry {
            write!(f, "{registry}/")?;
        }
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for ImageReference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let (registry, rest) = match rest.split_once('/') {
            Some((first, rest)) if is_host(first) => (Some(first.to_ascii_lowercase()), rest),
            _ => (None, rest),
        };
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag.parse()?)),
            _ => (rest, None),
        };
        Ok(Self {
            registry,
            repository: repository.parse()?,
            tag,
            digest,
        })
    }
}

fn is_host(segment: &str) -> bool {
    segment == "localhost" || segment.contains('.') || segment.contains(':')
}

/// Why a text is not an image reference.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidReference {
    /// The repository part is not a repository's name.
    #[error(transparent)]
    Repository(#[from] InvalidRepositoryName),
    /// The tag part is not a tag.
    #[error(transparent)]
    Tag(#[from] InvalidTag),
    /// The digest part is not a digest.
    #[error(transparent)]
    Digest(#[from] InvalidDigest),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_what_people_write() {
        let hex = "0".repeat(64);
        for (text, registry, repository, tag) in [
            ("debian", None, "debian", None),
            ("debian:12", None, "debian", Some("12")),
            ("library/debian:12", None, "library/debian", Some("12")),
            (
                "127.0.0.1:5000/acme/app:1",
                Some("127.0.0.1:5000"),
                "acme/app",
                Some("1"),
            ),
            ("localhost/app", Some("localhost"), "app", None),
            ("r.example.com/app", Some("r.example.com"), "app", None),
        ] {
            let image: ImageReference = text.parse().unwrap();
            assert_eq!(image.registry(), registry, "{text}");
            assert_eq!(image.repository().as_str(), repository, "{text}");
            assert_eq!(image.tag().map(Tag::as_str), tag, "{text}");
            assert_eq!(image.to_string(), text);
            let pinned = format!("{text}@sha256:{hex}");
            assert_eq!(
                pinned.parse::<ImageReference>().unwrap().to_string(),
                pinned
            );
        }
        for bad in ["", "a:", ":a", "a@", "a@sha256:0", "A", "r.example.com/"] {
            assert!(bad.parse::<ImageReference>().is_err(), "{bad}");
        }
    }
}
