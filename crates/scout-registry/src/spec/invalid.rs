//! What can be wrong with a registry string.

use scout_envs::InvalidRepositoryName;

use crate::filter::InvalidGlob;

/// Why a text is not a registry string.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSpec {
    /// Nothing there.
    #[error("the registry string is empty; give a host, or type=...,key=value,...")]
    Empty,
    /// Not one CSV record.
    #[error("the registry string is not one line of comma-separated fields")]
    NotOneRecord,
    /// A field without `=`.
    #[error("{field:?} is not key=value (a value with commas is quoted: \"key=a,b\")")]
    NotAPair {
        /// The field.
        field: String,
    },
    /// A type that does not exist.
    #[error("type={name} is not known; the types are {allowed}")]
    UnknownType {
        /// The type.
        name: String,
        /// What is allowed.
        allowed: String,
    },
    /// A key that the type does not have.
    #[error("{key:?} is not a key of type={kind}; the keys are {allowed}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The type.
        kind: &'static str,
        /// What is allowed.
        allowed: String,
    },
    /// A key that the type needs.
    #[error("type={kind} needs {key}=")]
    MissingKey {
        /// The type.
        kind: &'static str,
        /// The key.
        key: &'static str,
    },
    /// A key given twice.
    #[error("{key}= is given more than once")]
    RepeatedKey {
        /// The key.
        key: &'static str,
    },
    /// A key without a value.
    #[error("{key}= has no value")]
    EmptyValue {
        /// The key.
        key: String,
    },
    /// A value that is neither true nor false.
    #[error("{key}={value} is neither true nor false")]
    NotABoolean {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// A value that is not a host.
    #[error(
        "{key}={value} is not a host with an optional port, such as registry.example.com:5000; \
         credentials are no part of it"
    )]
    NotAHost {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// Plain HTTP to another machine.
    #[error(
        "{registry} is plain http, which is used for loopback addresses only; insecure=true allows it"
    )]
    PlainHttp {
        /// The registry.
        registry: String,
    },
    /// A glob that is none.
    #[error(transparent)]
    Glob(#[from] InvalidGlob),
    /// A repository that is none.
    #[error(transparent)]
    Repository(#[from] InvalidRepositoryName),
}

/// A text as it may be shown: what stands before an `@` may be a password.
pub(super) fn without_credentials(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => text.to_owned(),
    }
}
