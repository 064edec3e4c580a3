//! What can be wrong with a registry string.

use scout_envs::{InvalidEnvironmentName, InvalidGlob, InvalidRepositoryName};

use crate::spec::InvalidSecretRef;

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
    /// Two keys of which one is needed.
    #[error("type={kind} needs {one}= or {other}=")]
    MissingOneOf {
        /// The type.
        kind: &'static str,
        /// The key that most people use.
        one: &'static str,
        /// The other key.
        other: &'static str,
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
    /// A value that is not a whole number, or not one in range.
    #[error("{key}={value} is not a whole number between 1 and {max}")]
    NotInRange {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// The greatest that is allowed.
        max: u32,
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
    /// A value that is not an address of an API.
    #[error(
        "{key}={value} is not an address such as https://example.jfrog.io/artifactory; credentials \
         are no part of it"
    )]
    NotAnAddress {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// A value that is not a port.
    #[error("port={value} is not a port between 1 and 65535")]
    NotAPort {
        /// The value.
        value: String,
    },
    /// A value that is none of those allowed.
    #[error("{key}={value} is none of {allowed}")]
    NotOneOf {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A region that is not known.
    #[error(
        "region={value} is not known; the regions are {known}; the address of any other is given \
         with url= instead"
    )]
    UnknownRegion {
        /// The value.
        value: String,
        /// What is known.
        known: String,
    },
    /// A value that is not a name of the kind that is expected.
    #[error("{key}={value} is not {expected}")]
    NotAName {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What is expected, with an example.
        expected: &'static str,
    },
    /// A secret, or something else that is no reference to one.
    #[error("{key}=: {reason}")]
    Secret {
        /// The key.
        key: &'static str,
        /// What is allowed.
        reason: InvalidSecretRef,
    },
    /// Two keys of which only one can be used.
    #[error("{one}= and {other}= cannot both be given")]
    Both {
        /// The key.
        one: &'static str,
        /// The other key.
        other: &'static str,
    },
    /// A key that means nothing without another.
    #[error("{one}= is given without {other}=")]
    OneWithoutOther {
        /// The key that is given.
        one: &'static str,
        /// The key that is missing.
        other: &'static str,
    },
    /// Two keys that say opposite things.
    #[error("{one}= contradicts {other}=; keep one of them")]
    Contradiction {
        /// The key.
        one: &'static str,
        /// The other key.
        other: &'static str,
    },
    /// A value that is not the key of a repository of Artifactory, as Docker can write it.
    #[error(
        "repository={value} is not a repository key of Artifactory that Docker can write: \
         lower-case letters and digits, joined by '.', '_' or '-'; images in it are selected with \
         include="
    )]
    NotARepositoryKey {
        /// The value.
        value: String,
    },
    /// A layout in which the registry's address leads to one repository only.
    #[error(
        "layout=port needs exactly one repository=: the registry's port leads to one repository"
    )]
    NotOneRepository,
    /// Repositories named in the string and beside it.
    #[error("repository= and --repository cannot both be given; keep one of them")]
    RepositoryTwice,
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
    /// An environment that is none.
    #[error(transparent)]
    Environment(#[from] InvalidEnvironmentName),
    /// A repository that is none.
    #[error(transparent)]
    Repository(#[from] InvalidRepositoryName),
}

/// A text as it may be shown: what stands before an `@` may be a password.
pub(crate) fn without_credentials(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => text.to_owned(),
    }
}
