//! What kinds of failures there are, for who counts them.

use scout_registry::Error;

/// What went wrong with a registry or with something in it. The set is closed, so that a label of
/// it is bounded.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ErrorKind {
    /// No usable answer came, or it broke off.
    Unreachable,
    /// The credentials are wrong, or do not allow it.
    Unauthorized,
    /// There is no such thing.
    NotFound,
    /// Fewer requests are wanted.
    Throttled,
    /// The server is out of order.
    Unavailable,
    /// What was read is damaged, contradicts itself, or is over a limit.
    Damaged,
    /// The answer is not one that such a server gives.
    Unexpected,
}

impl ErrorKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Unreachable,
        Self::Unauthorized,
        Self::NotFound,
        Self::Throttled,
        Self::Unavailable,
        Self::Damaged,
        Self::Unexpected,
    ];

    /// Returns the name shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not-found",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Damaged => "damaged",
            Self::Unexpected => "unexpected",
        }
    }

    /// Returns the kind of an integration's error.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        match error {
            Error::Http(_) | Error::BrokenOff { .. } => Self::Unreachable,
            Error::Unauthorized { .. } | Error::UnusableCredentials | Error::Denied { .. } => {
                Self::Unauthorized
            }
            Error::NotFound { .. } | Error::UnknownRepository { .. } => Self::NotFound,
            Error::NoCatalog { source, .. } => Self::of(source),
            Error::TooManyRequests { .. } => Self::Throttled,
            Error::Unavailable { .. } => Self::Unavailable,
            Error::DigestMismatch { .. }
            | Error::SizeMismatch { .. }
            | Error::TooLarge { .. }
            | Error::InvalidManifest { .. } => Self::Damaged,
            _ => Self::Unexpected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_without_a_catalog_is_told_by_its_cause() {
        let cause = Error::UnusableCredentials;
        let error = Error::NoCatalog {
            registry: "r.test".to_owned(),
            source: Box::new(cause),
        };
        assert_eq!(ErrorKind::of(&error), ErrorKind::Unauthorized);
    }

    #[test]
    fn each_kind_has_its_own_place_and_name() {
        for (place, kind) in ErrorKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place, "{kind:?}");
        }
        let names: std::collections::BTreeSet<_> =
            ErrorKind::ALL.into_iter().map(ErrorKind::as_str).collect();
        assert_eq!(names.len(), ErrorKind::ALL.len());
    }
}
