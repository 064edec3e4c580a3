//! `docs/sysdig.md`, command by command.

use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;
use crate::support::fake::FakeRegistry;
use crate::support::guard;
use crate::support::registry::steady_port;
use crate::support::transcript::Transcript;

#[test]
fn the_page_on_sysdig_is_true_command_by_command() {
    if !guard::exists("curl") {
        println!("skipped: curl not found");
        return;
    }
    let sysdig = Sysdig::start();
    let of = |image: &str, name| Container {
        name,
        ..running(image)
    };
    let web = Container {
        packages: Some(LOADED.to_vec()),
        ..of("shop/web:1.0", "web")
    };
    let (api, worker) = (of("shop/api:2.1", "api"), of("shop/worker:0.9", "worker"));
    sysdig.run("prod-eu", &[web, api.clone(), stranger()]);
    sysdig.run("prod-us", &[api, worker]);
    sysdig.run("staging", &[]);
    let examples = workspace::root().join("examples");
    let registry = FakeRegistry::start(&examples.join("registry"), Box::new(|_| None));
    let folder = TempDir::new().unwrap();
    let advisories = folder.path().join("advisories");
    symlink(examples.join("advisories"), &advisories).unwrap();
    Transcript::read("docs/sysdig.md").replay(
        &[
            ("region=us1", format!("url={}", sysdig.url())),
            ("secure.sysdig.com", sysdig.host()),
            ("registry.example.com", registry.host()),
            ("9318", steady_port().to_string()),
            ("/srv/advisories", advisories.display().to_string()),
        ],
        &[("RISK_SPOTLIGHT_TOKEN", SPOTLIGHT_TOKEN.to_owned())],
        folder.path(),
    );
}
