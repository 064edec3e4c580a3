//! The integration against an imitation of Azure that refuses what Azure refuses.

mod imitation;
mod reading;
mod refusals;
mod spec;

use scout_envs::RepositoryName;

use crate::error::Error;
use crate::testing::{basic, build, shown};

const ENTRA_TENANT: &str = "409520d4-8100-4d1d-ad47-72432ddcc120";

fn app() -> RepositoryName {
    "team/app".parse().unwrap()
}

fn is_denied(error: &Error) -> bool {
    matches!(error, Error::Denied { .. })
}
