//! `type=artifactory` on real registries behind a real nginx, in all layouts.

mod canaries;
mod layouts;
mod rounds;
mod walkthrough;
mod webhooks;

use std::sync::Arc;

use scout_registry::{RegistryCredentials, RegistryIntegration};

use super::conformance::{basic, open};
use crate::support::artifactory::{Artifactory, Login, READER};
use crate::support::workspace;

/// The reader's password.
const PASSWORD: &str = "reader-password";

/// What is pushed: an image of the examples, a key and a name. No two keys hold the same.
const PUSHED: [(&str, &str, &str); 7] = [
    ("shop/web:1.0", "docker-local", "team/frontend:1.0"),
    ("shop/web:1.1", "docker-local", "team/frontend:1.1"),
    ("shop/worker:0.9", "docker-local", "dta/frontend:0.1"),
    ("shop/api:2.1", "docker-local", "backend:2.1"),
    ("shop/web:1.1", "docker-prod", "team/frontend:1.1"),
    ("shop/api:2.1", "docker-prod", "billing:1.0"),
    (
        "shop/worker:0.9",
        "docker-remote-cache",
        "library/worker:0.9",
    ),
];

/// Starts an Artifactory with images in it.
fn stocked(login: Login) -> Artifactory {
    let artifactory = Artifactory::start(login, PASSWORD);
    let layout = workspace::root().join("examples/registry");
    for (image, key, name) in PUSHED {
        artifactory.push(&layout, image, key, name);
    }
    artifactory
}

fn reader() -> RegistryCredentials {
    basic(READER, PASSWORD)
}

/// Opens an Artifactory as its reader, with more keys.
fn open_as_reader(artifactory: &Artifactory, more: &str) -> Arc<dyn RegistryIntegration> {
    open(&artifactory.registry(more), reader())
}
