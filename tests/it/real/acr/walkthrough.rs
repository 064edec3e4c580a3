//! `docs/acr.md`, command by command.

use std::os::unix::fs::symlink;

use tempfile::TempDir;

use crate::support::azure::Azure;
use crate::support::registry::steady_port;
use crate::support::transcript::Transcript;
use crate::support::workspace;

#[test]
#[ignore = "needs real servers; run tests/run"]
fn the_page_is_true() {
    let azure = Azure::start();
    let folder = TempDir::new().unwrap();
    let examples = workspace::root().join("examples");
    symlink(
        examples.join("advisories"),
        folder.path().join("advisories"),
    )
    .unwrap();
    let layout = examples.join("registry");
    for (image, name) in [
        ("shop/web:1.1", "shop/web:1.1"),
        ("shop/web:1.0", "shop/web:1.0"),
        ("shop/worker:0.9", "shop/worker:0.9"),
    ] {
        azure.push(&layout, image, name);
    }
    azure.write_docker(
        &layout,
        &[
            ("shop/worker:1.0", "shop/worker:0.9"),
            ("shop/web:1.2", "shop/api:2.1"),
        ],
    );
    let port = steady_port();
    azure.grid().publish("scout.example.com", port);
    let serve = steady_port();
    let advisories = folder.path().join("advisories");
    Transcript::read("docs/acr.md").replay(
        &[
            ("9000", port.to_string()),
            ("9318", serve.to_string()),
            ("/srv/advisories", advisories.display().to_string()),
        ],
        &azure.env(),
        folder.path(),
    );
}
