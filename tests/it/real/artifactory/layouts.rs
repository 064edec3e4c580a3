//! What is listed and how it is called, in each layout.

use scout_registry::{RegistryCredentials, RegistryIntegration};

use super::{open_as_reader, reader, stocked};
use crate::real::conformance::{basic, check, open, wait};
use crate::support::artifactory::{ACCESS_TOKEN, Artifactory, Login, READER};
use crate::support::http;

/// Asks at the address that people write, as a pull does, and checks that the image is there.
#[track_caller]
fn check_references(integration: &dyn RegistryIntegration) -> Vec<String> {
    let mut references = Vec::new();
    for repository in wait(integration.repositories()).unwrap() {
        let reference = integration.reference(&repository);
        for listed in wait(integration.tags(&repository)).unwrap() {
            let resolved = wait(integration.resolve(&repository, &listed.tag)).unwrap();
            let (host, image) = reference.split_once('/').unwrap();
            let (_, port) = host.rsplit_once(':').unwrap();
            let url = format!(
                "http://127.0.0.1:{port}/v2/{image}/manifests/{}",
                listed.tag
            );
            let token = format!("Bearer {ACCESS_TOKEN}");
            let headers = [
                ("Host", host),
                ("Authorization", &token),
                ("Accept", "application/vnd.oci.image.manifest.v1+json"),
            ];
            let answer = http::get(&url, &headers).unwrap();
            let digest = answer.header("docker-content-digest");
            assert_eq!(
                (answer.status, digest),
                (200, Some(resolved.digest.as_str())),
                "{reference}:{}",
                listed.tag
            );
        }
        references.push(reference);
    }
    references
}

#[track_caller]
fn names(integration: &dyn RegistryIntegration) -> Vec<String> {
    let listed = wait(integration.repositories()).unwrap();
    listed.iter().map(ToString::to_string).collect()
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn every_layout_conforms_and_images_are_where_they_are_said_to_be() {
    let artifactory = stocked(Login::Basic);
    let (host, own_host) = (artifactory.host(), artifactory.own_host());
    let at_own_port = format!(
        "type=artifactory,registry={own_host},api={},layout=port,repository=docker-local",
        artifactory.api()
    );
    let named = |more: &str| artifactory.registry(&format!("{more},repository=docker-local"));
    let subdomain = format!("docker-local.{host}");
    for (text, prefix) in [
        (named(""), format!("{host}/docker-local")),
        (
            named(",subdomain-mode=false"),
            format!("{host}/docker-local"),
        ),
        (named(",subdomain-mode=true"), subdomain.clone()),
        (named(",layout=subdomain"), subdomain),
        (at_own_port, own_host),
    ] {
        let integration = open(&text, reader());
        check(integration.as_ref());
        assert_eq!(
            check_references(integration.as_ref()),
            ["backend", "dta/frontend", "team/frontend"].map(|name| format!("{prefix}/{name}")),
            "{text}"
        );
    }
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn a_token_service_and_access_tokens_let_us_in() {
    let artifactory = stocked(Login::Token);
    check(open_as_reader(&artifactory, ",subdomain-mode=true").as_ref());
    let token = RegistryCredentials::Bearer(ACCESS_TOKEN.into());
    check(open(&artifactory.registry(""), token).as_ref());
    for credentials in [
        basic(READER, "wrong"),
        RegistryCredentials::Bearer("wrong".into()),
        RegistryCredentials::Anonymous,
    ] {
        let refused = wait(open(&artifactory.registry(""), credentials).check()).unwrap_err();
        assert!(!refused.is_retryable(), "{refused:?}");
        assert!(!format!("{refused:?}").contains("wrong"), "{refused:?}");
    }
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn one_key_several_or_all_are_listed_and_globs_choose_among_their_images() {
    let artifactory = stocked(Login::Basic);
    let local = [
        "docker-local/backend",
        "docker-local/dta/frontend",
        "docker-local/team/frontend",
    ];
    let prod = ["docker-prod/billing", "docker-prod/team/frontend"];
    let remote = ["docker-remote/library/worker"];
    let both = [&local[..], &prod].concat();
    let all = [&both[..], &remote].concat();
    for (more, expected) in [
        // What virtual repositories show is in another one already.
        ("", &all[..]),
        (",repository=docker-local", &local),
        (r#","repository=docker-prod,docker-local""#, &both),
        (",repository=docker-remote", &remote),
        (",include=*/frontend*", &[local[1], local[2], prod[1]]),
        (",include=*/frontend*,exclude=*/dta/*", &[local[2], prod[1]]),
        (
            ",includes=*/frontend*,excludes=*/dta/*,repository=docker-local",
            &[local[2]],
        ),
        (",include=nothing", &[]),
    ] {
        let integration = open_as_reader(&artifactory, more);
        assert_eq!(names(integration.as_ref()), expected, "{more}");
        if !expected.is_empty() {
            check(integration.as_ref());
            check_references_of_paths(&artifactory, integration.as_ref());
        }
    }
    let named = open_as_reader(&artifactory, ",repository=docker-all");
    check(named.as_ref());
    let shown = local.map(|name| name.replace("docker-local", "docker-all"));
    assert_eq!(names(named.as_ref()), shown);
}

/// The remote repository's own name shows the other side here, not its cache.
#[track_caller]
fn check_references_of_paths(artifactory: &Artifactory, integration: &dyn RegistryIntegration) {
    let of_remote = |name: &String| name.starts_with("docker-remote/");
    if names(integration).iter().any(of_remote) {
        return;
    }
    let references = check_references(integration);
    let prefix = format!("{}/docker-", artifactory.host());
    assert!(
        references.iter().all(|one| one.starts_with(&prefix)),
        "{references:?}"
    );
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn push_times_are_told_by_search_else_by_storage_else_not() {
    let artifactory = stocked(Login::Basic);
    let pushed = |expected: bool| {
        let integration = open_as_reader(&artifactory, ",repository=docker-local");
        let repository = "docker-local/team/frontend".parse().unwrap();
        let tags = wait(integration.tags(&repository)).unwrap();
        assert_eq!(tags.len(), 2);
        tags.into_iter()
            .map(|listed| {
                let resolved = wait(integration.resolve(&repository, &listed.tag)).unwrap();
                assert_eq!(resolved.pushed_at.is_some(), expected, "{resolved:?}");
                let by_search = listed.resolved.map(|resolved| resolved.pushed_at);
                (by_search, resolved.pushed_at)
            })
            .collect::<Vec<_>>()
    };
    let searched = pushed(true);
    assert!(
        searched
            .iter()
            .all(|(listed, told)| listed.as_ref() == Some(told))
    );
    artifactory.change(|state| state.search_status = Some(403));
    let asked = pushed(true);
    assert!(asked.iter().all(|(listed, _)| listed.is_none()));
    let times = |all: &[(_, Option<_>)]| all.iter().map(|(_, told)| *told).collect::<Vec<_>>();
    assert_eq!(times(&searched), times(&asked));
    assert!(times(&asked).is_sorted(), "{asked:?}");
    artifactory.change(|state| state.storage_status = Some(403));
    pushed(false);
}
