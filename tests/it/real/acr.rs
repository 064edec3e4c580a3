//! Azure Container Registry, on an imitation of it in front of a real registry: what every
//! integration must do, and the way of a new user from the template to the removal.

mod events;
mod refusals;
mod walk;
mod walkthrough;

use scout_registry::{RegistryCredentials, test_connection};

use super::conformance::{basic, check, open, wait};
use crate::examples::IMAGES;
use crate::support::azure::{
    ADMIN, ADMIN_PASSWORD, Azure, ENTRA_TOKEN, PRINCIPAL, REFRESH_TOKEN, REFRESH_USER, Rights,
    TENANT, TOKEN,
};
use crate::support::workspace;

/// What the scope map of the template allows.
const READ: [&str; 2] = ["content/read", "metadata/read"];

/// Starts a registry with the images of the examples and the token of the template.
fn filled() -> Azure {
    let azure = Azure::start();
    let layout = workspace::root().join("examples/registry");
    for (image, _) in IMAGES {
        azure.push(&layout, image, image);
    }
    azure.make_token(TOKEN, "canary-password", Rights::on_all(&READ));
    azure
}

/// The ways to log in: more of the registry string, and what is given beside it.
fn logins() -> Vec<(String, RegistryCredentials)> {
    let tenant = format!(",tenant={TENANT}");
    vec![
        (String::new(), basic(TOKEN, "canary-password")),
        (String::new(), basic("", "canary-password")),
        (String::new(), basic(ADMIN, ADMIN_PASSWORD)),
        (String::new(), basic(PRINCIPAL, "canary-principal")),
        (String::new(), basic(REFRESH_USER, REFRESH_TOKEN)),
        (
            tenant.clone(),
            RegistryCredentials::Bearer(ENTRA_TOKEN.into()),
        ),
        (tenant, basic("", ENTRA_TOKEN)),
    ]
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn acr_conforms_with_every_way_to_log_in() {
    let azure = filled();
    for (more, credentials) in logins() {
        let text = format!("type=acr,registry={}{more}", azure.address());
        let registry = open(&text, credentials);
        check(registry.as_ref());
        let report = wait(test_connection(registry.as_ref())).unwrap();
        assert_eq!(report.repositories, 3, "{more}");
    }
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn acr_conforms_with_a_scope_map_for_named_repositories() {
    for refuses in [false, true] {
        let azure = filled();
        if refuses {
            azure.refuse_scopes();
        }
        // One that is not there may be named, too.
        let rights = Rights::on(&["shop/web", "no/such/repository"], &READ);
        azure.make_token("own", "canary-own", rights);
        let text = format!("type=acr,registry={},repository=shop/web", azure.address());
        check(open(&text, basic("own", "canary-own")).as_ref());
        let all = format!("type=acr,registry={}", azure.address());
        let refused = wait(open(&all, basic("own", "canary-own")).repositories());
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("repository="), "{refused}");
    }
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn acr_conforms_while_it_is_busy() {
    for part in [
        "/oauth2/token",
        "/_catalog",
        "/_tags",
        "/manifests/",
        "/blobs/",
    ] {
        let azure = filled();
        azure.be_busy(part);
        let text = format!("type=acr,registry={}", azure.address());
        let registry = open(&text, basic(TOKEN, "canary-password"));
        check(registry.as_ref());
        assert!(registry.stats().throttled > 0, "{part}");
    }
}
