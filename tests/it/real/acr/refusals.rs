//! Whatever is wrong is said, with what to do about it; and nothing is saved then.

use super::READ;
use super::walk::Walk;
use crate::support::azure::{Azure, Rights, TOKEN};
use crate::support::program::{self, Outcome};
use crate::support::registry::{Auth, Registry, free_port};

/// Adds an integration of this registry, with more parameters, behind the proxy or not.
fn add(walk: &Walk, registry: &str, more: &[&str], is_behind_proxy: bool) -> Outcome {
    let registry = format!("registry={registry}");
    let mut arguments = vec!["integration", "add", "acr", "--name", "contoso"];
    for parameter in [&[registry.as_str()], more].concat() {
        arguments.extend(["--parameter", parameter]);
    }
    let mut command = walk.scout.command(&arguments);
    command.current_dir(walk.folder.path());
    if is_behind_proxy {
        command = walk.at_home(command);
    }
    program::wait(command, program::DEADLINE)
}

#[track_caller]
fn check_refused(walk: &Walk, outcome: Outcome, words: &[&str]) {
    let outcome = outcome.expect_code(1);
    for word in words {
        outcome.says(word);
    }
    outcome.says("nothing was saved");
    assert!(!outcome.to_string().contains("canary"), "{outcome}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
    assert_eq!(walk.integrations(), Vec::<String>::new());
    println!("{words:?}\n{}", outcome.stderr);
}

const PASSWORD: &str = "password=file:acr-password";

#[test]
#[ignore = "needs real servers; run tests/run"]
fn credentials_and_rights_that_are_not_enough() {
    let walk = Walk::begin();
    walk.deploy();
    walk.write("wrong", "canary-wrong");
    let with = |more: &[&str]| add(&walk, "contoso", more, true);
    let wrong = ["check the user and the password", TOKEN];
    check_refused(&walk, with(&["password=file:wrong"]), &wrong);
    let somebody = with(&["user=somebody", PASSWORD]);
    check_refused(&walk, somebody, &["check the user", "somebody"]);

    let status = |status: &str| {
        let token = ["--name", TOKEN, "--registry", "contoso"];
        let words = [
            &["acr", "token", "update"][..],
            &token,
            &["--status", status],
        ]
        .concat();
        walk.azure.az(&words, walk.folder.path()).expect_code(0);
    };
    status("disabled");
    check_refused(&walk, with(&[PASSWORD]), &["enabled", TOKEN]);
    status("enabled");

    for refuses in [false, true] {
        if refuses {
            walk.azure.refuse_scopes();
        }
        // All of `_repositories_pull`, which lists nothing.
        walk.azure.limit(TOKEN, Rights::on_all(&["content/read"]));
        let words = ["_repositories_pull_metadata_read", "repository="];
        check_refused(&walk, with(&[PASSWORD]), &words);
        let named = [PASSWORD, "repository=shop/web"];
        let words = ["needs repositories/shop/web/metadata/read"];
        check_refused(&walk, with(&named), &words);
        walk.azure.limit(TOKEN, Rights::on_all(&["metadata/read"]));
        let words = ["reading an image", "/content/read"];
        check_refused(&walk, with(&[PASSWORD]), &words);
        walk.azure.limit(TOKEN, Rights::on(&["shop/web"], &READ));
        check_refused(&walk, with(&[PASSWORD]), &["repository="]);
        let other = [PASSWORD, "repository=shop/worker"];
        let words = ["needs repositories/shop/worker/metadata/read"];
        check_refused(&walk, with(&other), &words);
    }
    // And with what is enough, the same words save it.
    with(&[PASSWORD, "repository=shop/web"]).expect_code(0);
    assert_eq!(walk.integrations(), ["contoso"]);
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn addresses_that_are_not_this_registry() {
    let walk = Walk::begin();
    walk.deploy();
    let other = Registry::start(Auth::None);
    let nobody = format!("127.0.0.1:{}", free_port());
    let empty = Azure::start();
    empty.make_token(TOKEN, "canary-empty", Rights::on_all(&READ));
    walk.write("empty-password", "canary-empty");
    let not_azure = ["check registry=", "NAME.azurecr.io"];
    for (registry, password, is_behind_proxy, words) in [
        (
            "nowhere.invalid",
            PASSWORD,
            false,
            &["nowhere.invalid", "check the host's name"][..],
        ),
        (&nobody, PASSWORD, false, &[&nobody, "check host and port"]),
        ("contosi", PASSWORD, true, &["contosi.azurecr.io", "check"]),
        (&other.host(), PASSWORD, false, &not_azure),
        (
            empty.address(),
            "password=file:empty-password",
            false,
            &["no repository is there yet"],
        ),
    ] {
        let outcome = add(&walk, registry, &[password], is_behind_proxy);
        check_refused(&walk, outcome, words);
    }
    // The registry is the right one, but nobody we know vouches for it.
    let strange = walk.azure.ca();
    std::fs::write(strange, "").unwrap();
    let outcome = add(&walk, "contoso", &[PASSWORD], true);
    check_refused(&walk, outcome, &["ca=", "certificate"]);
}
