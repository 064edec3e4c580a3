//! The integration against an imitation of Azure that refuses what Azure refuses.

mod imitation;
mod reading;
mod refusals;
mod spec;

use std::sync::Arc;
use std::time::Duration;

use scout_envs::RepositoryName;
use scout_http::RetryPolicy;

use crate::credentials::RegistryCredentials;
use crate::error::Error;
use crate::integration::RegistryIntegration;
use crate::spec::{BuildOptions, RegistrySpec};

const ENTRA_TENANT: &str = "409520d4-8100-4d1d-ad47-72432ddcc120";

fn build(spec: &str, credentials: RegistryCredentials) -> Arc<dyn RegistryIntegration> {
    let options = BuildOptions::new("test")
        .with_credentials(credentials)
        .with_retry(RetryPolicy {
            base: Duration::from_millis(1),
            ..RetryPolicy::default()
        });
    RegistrySpec::parse(spec).unwrap().build(options).unwrap()
}

fn basic(user: &str, password: &str) -> RegistryCredentials {
    RegistryCredentials::Basic {
        user: user.to_owned(),
        password: password.into(),
    }
}

fn app() -> RepositoryName {
    "team/app".parse().unwrap()
}

/// Shows an error with its causes, as a person sees it.
fn shown(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text.push_str(&format!(": {deeper}"));
        cause = deeper.source();
    }
    text
}

fn is_denied(error: &Error) -> bool {
    matches!(error, Error::Denied { .. })
}
