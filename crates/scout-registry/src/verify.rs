//! Checks content against its digest and length, whole or as it streams by.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use scout_envs::{Digest, DigestAlgorithm};
use sha2::{Digest as _, Sha256, Sha512};

use crate::error::{Error, Result};

/// A running hash of the kind a digest names.
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    pub(crate) fn new(algorithm: DigestAlgorithm) -> Self {
        match algorithm {
            DigestAlgorithm::Sha256 => Self::Sha256(Sha256::new()),
            DigestAlgorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        match self {
            Self::Sha256(hasher) => Digest::sha256(&hasher.finalize().into()),
            Self::Sha512(hasher) => Digest::sha512(&hasher.finalize().into()),
        }
    }
}

/// Returns the digest of these bytes, computed the way `like` was.
pub(crate) fn digest_of(bytes: &[u8], algorithm: DigestAlgorithm) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

/// Checks that bytes have the digest they were asked for by.
pub(crate) fn check_digest(what: &str, bytes: &[u8], expected: &Digest) -> Result<()> {
    let actual = digest_of(bytes, expected.algorithm());
    if actual == *expected {
        return Ok(());
    }
    Err(Error::DigestMismatch {
        what: what.to_owned(),
        expected: expected.clone(),
        actual,
    })
}

/// Passes bytes on while they are counted and hashed, and ends with an error unless both length
/// and digest are as they should be. Never passes on more than the length.
pub(crate) struct VerifiedStream<S> {
    inner: Pin<Box<S>>,
    what: String,
    expected: Digest,
    size: u64,
    received: u64,
    // Taken when the stream has ended.
    hasher: Option<Hasher>,
}

impl<S> VerifiedStream<S> {
    pub(crate) fn new(inner: S, what: String, expected: Digest, size: u64) -> Self {
        let hasher = Some(Hasher::new(expected.algorithm()));
        Self {
            inner: Box::pin(inner),
            what,
            expected,
            size,
            received: 0,
            hasher,
        }
    }

    fn finish(&mut self, hasher: Hasher) -> Option<Result<Bytes>> {
        let what = self.what.clone();
        if self.received < self.size {
            return Some(Err(Error::BrokenOff {
                what,
                received: self.received,
                expected: self.size,
            }));
        }
        let actual = hasher.finish();
        if actual == self.expected {
            return None;
        }
        Some(Err(Error::DigestMismatch {
            what,
            expected: self.expected.clone(),
            actual,
        }))
    }
}

impl<S: Stream<Item = Result<Bytes>>> Stream for VerifiedStream<S> {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(hasher) = &mut this.hasher else {
            return Poll::Ready(None);
        };
        let item = match ready!(this.inner.as_mut().poll_next(cx)) {
            Some(Ok(chunk)) => {
                this.received += chunk.len() as u64;
                if this.received <= this.size {
                    hasher.update(&chunk);
                    return Poll::Ready(Some(Ok(chunk)));
                }
                this.hasher = None;
                Some(Err(Error::SizeMismatch {
                    what: this.what.clone(),
                    expected: this.size,
                    actual: None,
                }))
            }
            Some(Err(error)) => {
                this.hasher = None;
                Some(Err(error))
            }
            None => match this.hasher.take() {
                Some(hasher) => this.finish(hasher),
                None => None,
            },
        };
        Poll::Ready(item)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    async fn pass(chunks: &[&'static str], size: u64, digest_of_text: &str) -> Vec<String> {
        let expected = digest_of(digest_of_text.as_bytes(), DigestAlgorithm::Sha256);
        let items: Vec<Result<Bytes>> = chunks
            .iter()
            .map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())))
            .collect();
        VerifiedStream::new(stream::iter(items), "blob x".to_owned(), expected, size)
            .map(|item| match item {
                Ok(chunk) => String::from_utf8(chunk.to_vec()).unwrap(),
                Err(error) => error.to_string().chars().take(24).collect(),
            })
            .collect()
            .await
    }

    #[tokio::test]
    async fn ends_well_only_with_the_right_length_and_digest() {
        assert_eq!(pass(&["ab", "c"], 3, "abc").await, ["ab", "c"]);
        assert_eq!(pass(&[], 0, "").await, Vec::<String>::new());
        let text = pass(&["ab"], 3, "abc").await.join("|");
        assert_eq!(text, "ab|blob x broke off after 2");
        let text = pass(&["ab", "cd"], 3, "abc").await.join("|");
        assert_eq!(text, "ab|blob x is damaged: it sh");
        let text = pass(&["ab", "d"], 3, "abc").await.join("|");
        assert_eq!(text, "ab|d|blob x is damaged: it ha");
    }

    #[test]
    fn both_hash_functions_are_known() {
        let empty = digest_of(b"", DigestAlgorithm::Sha512);
        assert!(empty.as_str().starts_with("sha512:cf83e1357eefb8bd"));
        assert!(check_digest("x", b"", &empty).is_ok());
        assert!(check_digest("x", b"y", &empty).is_err());
    }
}
