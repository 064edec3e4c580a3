//! The adapter against a strict imitation of Harbor.

mod imitation;

use std::sync::Arc;

use scout_envs::RepositoryName;

use super::*;
use crate::conformance;
use crate::credentials::RegistryCredentials;
use crate::harbor::tests::imitation::Imitation;
use crate::spec::{BuildOptions, RegistrySpec};
use crate::test::test_connection;
use crate::testing::{Fake, Reply, basic, build, shown};

fn person() -> RegistryCredentials {
    basic("user", "s3cret")
}

fn robot() -> RegistryCredentials {
    basic("robot$team+ci", "s3cret")
}

fn harbor(fake: &Fake, credentials: RegistryCredentials) -> Arc<dyn RegistryIntegration> {
    build(&format!("type=harbor,registry={}", fake.host), credentials)
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

async fn listed(harbor: &dyn RegistryIntegration) -> Vec<String> {
    let names = harbor.repositories().await.unwrap();
    names.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn conforms_as_a_person_and_as_a_robot() {
    for credentials in [person(), robot()] {
        let fake = Imitation::default().start().await;
        conformance::check_all(&*harbor(&fake, credentials))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_listing_tells_digest_and_push_time() {
    let fake = Imitation::default().start().await;
    let harbor = harbor(&fake, person());
    let tags = harbor.tags(&name("team/nested/app")).await.unwrap();
    let tag = &tags[0];
    let resolved = tag.resolved.clone().unwrap();
    let asked = harbor
        .resolve(&name("team/nested/app"), &tag.tag)
        .await
        .unwrap();
    assert_eq!(resolved.digest, asked.digest);
    assert_eq!(resolved.media_type, asked.media_type);
    let expected = "2026-03-31T07:21:38.547Z".parse().unwrap();
    assert_eq!(resolved.pushed_at, Some(expected));
    assert!(harbor.capabilities().tells_push_times);
    // One repository, one page of artifacts.
    assert_eq!(fake.count("/artifacts"), 1);
    assert_eq!(fake.count("team/repositories/nested%252Fapp/artifacts"), 1);
}

#[tokio::test]
async fn robots_see_what_older_releases_do_not_list_for_them() {
    for lists_for_robots in [true, false] {
        let imitation = Imitation {
            lists_for_robots,
            ..Imitation::default()
        };
        let fake = imitation.start().await;
        let found = listed(&*harbor(&fake, robot())).await;
        assert_eq!(found, ["public/app", "team/app", "team/nested/app"]);
        assert_eq!(fake.count("/users/current"), 1);
    }
}

#[tokio::test]
async fn every_page_is_read() {
    let imitation = Imitation {
        repositories: 250,
        ..Imitation::default()
    };
    let fake = imitation.start().await;
    let harbor = harbor(&fake, person());
    assert_eq!(listed(&*harbor).await.len(), 252);
    assert_eq!(fake.count("/api/v2.0/repositories?"), 3);
    assert_eq!(harbor.stats().invalid_names, 1);
}

#[tokio::test]
async fn named_repositories_need_no_listing() {
    let fake = Imitation::default().start().await;
    let text = format!(
        r#"type=harbor,registry={},"repository=team/app,public/app",exclude=public/*"#,
        fake.host
    );
    let harbor = build(&text, person());
    assert_eq!(listed(&*harbor).await, ["team/app"]);
    assert!(!harbor.lists_all());
    assert!(fake.asked().is_empty());
}

#[tokio::test]
async fn tags_are_listed_by_the_registry_where_the_api_is_closed() {
    let imitation = Imitation {
        hides_artifacts: true,
        ..Imitation::default()
    };
    let fake = imitation.start().await;
    let tags = harbor(&fake, robot())
        .tags(&name("team/app"))
        .await
        .unwrap();
    assert_eq!(tags.len(), 1);
    assert_eq!(tags[0].resolved, None);
}

#[tokio::test]
async fn what_is_secret_is_told_from_what_does_not_exist() {
    let fake = Imitation::default().start().await;
    let harbor = harbor(&fake, person());
    for (repository, is_not_found) in [
        ("secret/app", false),
        ("missing/app", true),
        ("team/missing", true),
        ("lonely", true),
    ] {
        let error = harbor.tags(&name(repository)).await.unwrap_err();
        assert_eq!(error.is_not_found(), is_not_found, "{repository}: {error}");
    }
}

#[tokio::test]
async fn a_test_says_what_failed_and_what_to_do() {
    let fake = Imitation::default().start().await;
    let host = &fake.host;
    let report = test_connection(&*harbor(&fake, robot())).await.unwrap();
    assert_eq!(report.repositories, 3);
    assert!(report.sample.is_some());
    let registry = format!("type=harbor,registry={host}");
    for (text, credentials, words) in [
        (
            registry.clone(),
            basic("user", "wr0ng"),
            &["connecting failed", "check the user and the password"][..],
        ),
        (
            format!("{registry},api=http://{host}/harbor"),
            person(),
            &[
                "connecting failed",
                "is not the API of a Harbor",
                "api= is the address",
                "404",
            ],
        ),
        (
            format!("{registry},api=http://{host}/portal"),
            person(),
            &["connecting failed", "is not the API of a Harbor"],
        ),
        (
            format!("{registry},api=http://{host}/login"),
            person(),
            &[
                "is not the API of a Harbor",
                "redirects to https://sso.example.invalid/",
            ],
        ),
        (
            format!("{registry},include=none/*"),
            person(),
            &["no repository that is selected"],
        ),
        (
            format!("{registry},repository=secret/app"),
            person(),
            &["listing tags failed", "may not read", "right to read"],
        ),
        (
            format!("{registry},repository=team/missing"),
            person(),
            &["listing tags failed", "does not exist", "check the name"],
        ),
    ] {
        let error = test_connection(&*build(&text, credentials))
            .await
            .unwrap_err();
        let shown = shown(&error);
        for word in words {
            assert!(shown.contains(word), "{text}: {shown}");
        }
        assert!(!shown.contains("wr0ng"), "{shown}");
    }
}

#[tokio::test]
async fn answers_that_are_no_harbors_are_refused() {
    for (path, body) in [
        ("repositories", "<html>"),
        ("repositories", "{}"),
        ("artifacts", r#"[{"tags":[{"name":"1"}]}]"#),
        ("artifacts", r#"{"digest":"x"}"#),
    ] {
        let fake = Fake::start(
            move |asked, _| match asked.target.contains("users/current") {
                true => Reply::new(200, "{}"),
                false => Reply::new(200, body),
            },
        )
        .await;
        let harbor = harbor(&fake, person());
        let error = match path {
            "repositories" => harbor.repositories().await.unwrap_err(),
            _ => harbor.tags(&name("team/app")).await.unwrap_err(),
        };
        assert!(
            matches!(error, Error::InvalidAnswer { .. }),
            "{body}: {error}"
        );
    }
}

#[tokio::test]
async fn of_a_tag_seen_twice_the_later_push_counts() {
    let (old, new) = ("a".repeat(64), "b".repeat(64));
    let artifact = |hash: &str, time: &str| {
        format!(
            r#"{{"digest":"sha256:{hash}","tags":[{{"name":"latest","push_time":"{time}"}},
            {{"name":"not a tag"}}]}}"#
        )
    };
    let newer = artifact(&new, "2026-02-02T00:00:00.000Z");
    let older = artifact(&old, "2026-01-01T00:00:00.000Z");
    for pair in [[&newer, &older], [&older, &newer]] {
        let body = format!(
            "[{},{},{{\"digest\":\"bad\",\"tags\":[{{\"name\":\"x\"}}]}}]",
            pair[0], pair[1]
        );
        let fake = Fake::start(move |_, _| Reply::new(200, body.clone())).await;
        let harbor = harbor(&fake, person());
        let tags = harbor.tags(&name("team/app")).await.unwrap();
        assert_eq!(tags.len(), 1);
        assert_eq!(tags[0].resolved.as_ref().unwrap().digest.hex(), new);
        assert_eq!(harbor.stats().invalid_names, 3);
    }
}

#[test]
fn the_documented_string_and_its_slips() {
    let text = "type=harbor,registry=demo.goharbor.io,api=https://demo.goharbor.io,\
                include=*/foo/*,exclude=*/bar/*,port=9000";
    let spec = RegistrySpec::parse(text).unwrap();
    assert_eq!(spec.host(), "demo.goharbor.io");
    assert_eq!(spec.webhook().port, Some(9000));
    let variables = spec.variables().unwrap();
    assert_eq!(variables.user, "DOCKER_SCOUT_HARBOR_API_USER");
    assert_eq!(variables.password, "DOCKER_SCOUT_HARBOR_API_PASSWORD");
    assert_eq!(
        variables.webhook_secret,
        Some("DOCKER_SCOUT_HARBOR_WEBHOOK_AUTH")
    );
    let harbor = spec.build(BuildOptions::new("test")).unwrap();
    assert_eq!(harbor.key(), "harbor:demo.goharbor.io");
    assert!(harbor.selects(&name("x/foo/y")) && !harbor.selects(&name("x/bar/y")));
    assert!(
        harbor.events().is_none(),
        "without a secret nothing is received"
    );
    for (text, words) in [
        ("type=harbor", &["type=harbor needs registry="][..]),
        (
            "type=harbor,registry=h,path=x",
            &["\"path\"", "type=harbor", "api, repository"],
        ),
        ("type=harbor,registry=h,api=", &["api= has no value"]),
        (
            "type=harbor,registry=h,api=https://u:p@h",
            &["api=…@h", "not an address"],
        ),
        (
            "type=harbor,registry=h,api=ftp://h",
            &["api=ftp://h", "not an address"],
        ),
        (
            "type=harbor,registry=h,api=http://h",
            &["plain http", "insecure=true"],
        ),
        (
            "type=harbor,registry=h,api=https://h,api=https://i",
            &["api=", "more than once"],
        ),
        (
            "type=harbor,registry=h,repository=A/b",
            &["\"A/b\"", "repository name"],
        ),
        ("type=harbor,registry=h,port=0", &["port=0"]),
        (
            "type=harbor,registry=h,password=hunter2",
            &["password=", "env:NAME"],
        ),
        (
            "type=harbor,registry=h,webhook-secret=token foo",
            &["webhook-secret=", "env:NAME"],
        ),
        ("type=harbor,registry=https://h/harbor", &["not a host"]),
    ] {
        let error = RegistrySpec::parse(text).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{text}: {error}");
        }
        assert!(
            !error.contains("hunter2") && !error.contains("token foo"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_api_may_be_given_as_its_documents_show_it() {
    for tail in ["", "/", "/api/v2.0", "/api/v2.0/", "/api"] {
        let fake = Imitation::default().start().await;
        let text = format!("type=harbor,registry={0},api=http://{0}{tail}", fake.host);
        build(&text, person()).check().await.unwrap();
        assert_eq!(fake.count("/api/v2.0/ping"), 1, "{tail}");
    }
}
