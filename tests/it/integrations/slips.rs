//! What only shows when a registry is asked, or when integrations meet each other.

use super::*;

#[test]
fn repositories_of_which_none_exists_are_refused() {
    let (registry, scout) = (examples(), Scout::new());
    let added = add(&scout, "oci", &registry.host(), &["repository=nope,nada"]);
    check_refused(&scout, added, 1, &["listing tags failed", "does not exist"]);
    let some = add(
        &scout,
        "oci",
        &registry.host(),
        &["repository=nope,shop/web"],
    );
    some.expect_code(0).says("2 repositories; shop/web");
}

#[test]
fn what_is_no_registry_and_a_missing_password_are_told() {
    let cases = [
        (
            "404 Not Found",
            &["something else answers there", "not the API of a registry"][..],
        ),
        (
            "302 Found\r\nLocation: https://login.example.invalid/sso",
            &["it redirects to https://login.example.invalid/sso"],
        ),
        (
            "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"",
            &["credentials are needed", "give user= and password="],
        ),
        ("403 Forbidden", &["may not read the registry at http://"]),
    ];
    for (status, words) in cases {
        let (server, scout) = (stubborn(status, "<html>"), Scout::new());
        let added = add(&scout, "oci", &server.host(), &[]);
        check_refused(&scout, added, 1, words);
    }
}

#[test]
fn commands_that_are_suggested_name_the_organization() {
    let (registry, scout) = (examples(), Scout::new());
    let added = add(&scout, "oci", &registry.host(), &[]).expect_code(0);
    added.says(&format!("scout integration update --org {ORG} --name it"));
    let again = add(&scout, "oci", &registry.host(), &[]).expect_code(1);
    again.says(&format!("scout integration update --org {ORG} --name it"));
    watch(&scout, &["--once", "--integration", "nobody"])
        .expect_code(USAGE)
        .says("there is no integration nobody")
        .says(&format!("scout integration list --org {ORG}"));
}

#[test]
fn a_certificate_that_cannot_be_used_is_not_saved() {
    let (registry, scout) = (examples(), Scout::new());
    let file = workspace::root().join("Cargo.toml");
    let own = |key: &str| format!("{key}={}", file.display());
    let added = add(
        &scout,
        "oci",
        &registry.host(),
        &[
            "port=9000",
            "webhook-secret=env:TEST_PASSWORD",
            &own("webhook-cert"),
            &own("webhook-key"),
        ],
    );
    check_refused(&scout, added, 1, &["nothing was saved", "no certificate"]);
}

#[test]
fn a_directory_is_named_by_its_path_and_its_repositories_are_found() {
    let scout = Scout::new();
    let path = workspace::root().join("examples/registry");
    let path = fs::canonicalize(path).unwrap();
    let parameter = format!("path={}", path.display());
    let add = |name: &str| {
        let arguments = ["integration", "add", "oci-dir", "--name", name];
        scout.scout(&[&arguments[..], &["--parameter", &parameter]].concat())
    };
    let shown = path.display().to_string();
    add("dir").expect_code(0).says(&format!("Read {shown}: 3"));
    let twin = add("twin").expect_code(1);
    twin.says(&format!("integration dir watches {shown} already"));
    watch(&scout, &["--all-images", "--once"]).expect_code(0);
    assert_eq!(scout.json(&["integration", "list"])[0]["repositories"], 3);
    scout
        .scout(&["repo", "disable", "--all", "--integration", "dir"])
        .expect_code(0)
        .says("3 repositories disabled");
}

#[test]
fn what_is_no_pair_is_not_shown_since_it_may_be_a_secret() {
    let scout = Scout::new();
    let add = ["integration", "add", "oci", "--name", "it", "--parameter"];
    for slip in ["hunter2-canary", "=hunter2-canary", " = hunter2-canary"] {
        let refused = scout.scout(&[&add[..], &[slip]].concat());
        let refused = refused.expect_code(USAGE);
        refused.says("KEY=VALUE");
        assert!(!refused.stderr.contains("canary"), "{refused}");
    }
}
