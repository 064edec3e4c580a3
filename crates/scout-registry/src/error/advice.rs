//! What a person should do about a fault.

use crate::client::NEEDS_CREDENTIALS;
use crate::error::Error;

impl Error {
    /// Returns what a person should do about it, a clause that starts in lower case.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Http(error) => error.advice(),
            Self::Unauthorized { advice, .. } if *advice == NEEDS_CREDENTIALS => {
                "give user= and password=, or token="
            }
            Self::Unauthorized { .. } | Self::UnusableCredentials => {
                "check the user and the password or token, and that they are enabled and have not expired"
            }
            Self::Denied { .. } => {
                "give the credentials the right to read it: listing, metadata and pulling"
            }
            Self::NotFound { .. } | Self::UnknownRepository { .. } => {
                "check the name of the repository, and the path of the API"
            }
            Self::NoCatalog { .. } => {
                "name the repositories with repository=, or give the credentials the right to list"
            }
            Self::TooManyRequests { .. } | Self::Unavailable { .. } => "try again later",
            Self::WrongApi { .. } | Self::UnexpectedStatus { .. } | Self::InvalidAnswer { .. } => {
                "check registry= and api=: something else answers there"
            }
            Self::NotPlainHttp { .. } => "check the port, and whether it speaks TLS",
            Self::RefusedRealm { .. } => {
                "if that service is yours, allow-host= approves its host, insecure=true plain http"
            }
            Self::RefusedRedirect { .. } | Self::RefusedLink { .. } => {
                "check registry=; storage on a private host is approved with allow-host="
            }
            Self::NotALayout { .. } | Self::NotAnArchive { .. } | Self::Unreadable { .. } => {
                "check the path"
            }
            Self::NoCluster { .. } | Self::UnknownCluster { .. } => {
                "give the name of a cluster with cluster="
            }
            Self::NoRuntimeApi { .. } => {
                "check that the token is that of the Risk Spotlight integration, or an API token"
            }
            _ => "look at the registry, its content is damaged",
        }
    }
}
