//! The adapter against a strict imitation of Nexus.

mod imitation;

use super::*;
use crate::conformance;
use crate::credentials::RegistryCredentials;
use crate::nexus::tests::imitation::{Imitation, Search};
use crate::spec::{BuildOptions, RegistrySpec};
use crate::test::test_connection;
use crate::testing::{Fake, Reply, basic, build};

fn person(password: &str) -> RegistryCredentials {
    basic("user", password)
}

fn nexus(fake: &Fake, more: &str) -> Arc<dyn RegistryIntegration> {
    build(
        &format!("type=nexus,registry={}{more}", fake.host),
        person("s3cret"),
    )
}

/// The registry string with these Nexus repositories, by path.
fn by_path(fake: &Fake, repositories: &str) -> Arc<dyn RegistryIntegration> {
    let more = format!(r#",api=http://{},"repository={repositories}""#, fake.host);
    nexus(fake, &more)
}

fn below(fake: &Fake, path: &str) -> usize {
    let asked = fake.asked();
    let below = asked.iter().filter(|asked| asked.target.starts_with(path));
    below.count()
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

#[tokio::test]
async fn conforms_in_every_way_to_reach_it() {
    for more in ["", ",api=", ",repository=docker-a"] {
        let fake = Imitation::default().start().await;
        let more = match more {
            ",api=" => format!(",api=http://{}", fake.host),
            more => more.to_owned(),
        };
        conformance::check_all(&*nexus(&fake, &more)).await.unwrap();
        assert_eq!(below(&fake, "/repository/"), 0, "at the connector");
    }
    for repositories in ["docker-a", "docker-a,docker-b", "docker-b,docker-proxy"] {
        let fake = Imitation::default().start().await;
        conformance::check_all(&*by_path(&fake, repositories))
            .await
            .unwrap();
        let at_connector = fake
            .asked()
            .iter()
            .filter(|asked| asked.target.starts_with("/v2/"))
            .count();
        assert_eq!(at_connector, 0, "all by path");
    }
}

#[tokio::test]
async fn images_carry_their_repository_only_beside_others() {
    for (repositories, expected) in [
        ("docker-a", vec!["team/app"]),
        (
            "docker-b,docker-a",
            vec!["docker-a/team/app", "docker-b/team/app"],
        ),
    ] {
        let fake = Imitation::default().start().await;
        let nexus = by_path(&fake, repositories);
        let names = nexus.repositories().await.unwrap();
        let names: Vec<_> = names.iter().map(RepositoryName::as_str).collect();
        assert_eq!(names, expected);
        assert!(nexus.lists_all());
        assert!(!nexus.selects(&name("elsewhere/team/app")) || repositories == "docker-a");
        let host = &fake.host;
        let reference = nexus.reference(&name(expected[0]));
        assert_eq!(reference, format!("{host}/{}", expected[0]));
    }
}

#[tokio::test]
async fn a_listing_tells_digest_and_push_time_of_hosted_repositories() {
    for (repository, search, tells) in [
        ("docker-a", Search::Works, true),
        ("docker-a", Search::KnowsNothing, false),
        ("docker-a", Search::Fails, false),
        ("docker-a", Search::Loops, false),
        // A proxy may hold another manifest than the one it would give now.
        ("docker-proxy", Search::Works, false),
    ] {
        let imitation = Imitation {
            search,
            stale_tags: 120,
            ..Imitation::default()
        };
        let fake = imitation.start().await;
        let tags = by_path(&fake, repository)
            .tags(&name("team/app"))
            .await
            .unwrap();
        // Tags are those that exist; the search only adds what it knows of them.
        let [tag] = tags.as_slice() else {
            panic!("{tags:?}")
        };
        assert_eq!(tag.resolved.is_some(), tells, "{repository}");
        if let Some(resolved) = &tag.resolved {
            let expected = "2026-03-31T07:21:38.547Z".parse().unwrap();
            assert_eq!(resolved.pushed_at, Some(expected));
            assert_eq!(fake.count("/search?"), 3, "pages of 50");
        }
    }
}

#[tokio::test]
async fn a_page_may_be_wrong_in_every_way() {
    for body in [
        r#"{"items":[{}]}"#,
        r#"{"items":[{"format":"docker","name":"team/app","version":"1.0"}]}"#,
        r#"{"items":[{"format":"docker","name":"team/app","version":"1.0","assets":[
            {"path":"/v2/team/app/manifests/2.0","checksum":{"sha256":"ab"}}]}]}"#,
        r#"{"items":[{"format":"docker","name":"team/app","version":"1.0","assets":[
            {"path":"v2/team/app/manifests/1.0","checksum":{"sha1":"ab"}}]}]}"#,
        r#"{"items":[{"format":"docker","name":"team/app","version":"1.0","assets":[
            {"path":"v2/team/app/manifests/1.0","checksum":{"sha256":"not hexadecimal"}}]}]}"#,
        r#"{"items":{}}"#,
        "<html>",
    ] {
        let fake = Fake::start(move |asked, _| match asked.target.as_str() {
            target if target.contains("/search") => Reply::new(200, body),
            target if target.contains("/rest/") => {
                Reply::new(200, r#"{"format":"docker","type":"hosted"}"#)
            }
            _ => Reply::new(200, r#"{"tags":["1.0"]}"#),
        })
        .await;
        let tags = by_path(&fake, "docker-a")
            .tags(&name("team/app"))
            .await
            .unwrap();
        assert_eq!(tags[0].resolved, None, "{body}");
    }
}

#[tokio::test]
async fn a_test_says_what_failed_and_what_to_do() {
    let fake = Imitation::default().start().await;
    let host = &fake.host;
    let report = test_connection(&*by_path(&fake, "docker-a,docker-b"))
        .await
        .unwrap();
    assert_eq!(report.repositories, 2);
    let api = format!("type=nexus,registry={host},api=http://{host}");
    for (text, password, words) in [
        (
            format!("type=nexus,registry={host}"),
            "wr0ng",
            &["connecting failed", "check the user and the password"][..],
        ),
        (
            api.clone(),
            "wr0ng",
            &["connecting failed", "check the user and the password"],
        ),
        (
            format!("{api}/nexus"),
            "s3cret",
            &[
                "connecting failed",
                "is not the API of a Nexus",
                "api= is the address",
                "404",
            ],
        ),
        (
            format!("{api},repository=docker-c"),
            "s3cret",
            &[
                "connecting failed",
                "the Nexus repository docker-c does not exist",
                "check the name",
            ],
        ),
        (
            format!("{api},repository=hidden"),
            "s3cret",
            &[
                "connecting failed",
                "may not read the Nexus repository hidden",
                "right to read",
            ],
        ),
        (
            format!("{api},repository=maven-releases"),
            "s3cret",
            &["connecting failed", "its format is \"maven2\""],
        ),
        (
            format!("{api},repository=docker-a,exclude=team/*"),
            "s3cret",
            &["no repository that is selected"],
        ),
    ] {
        let error = test_connection(&*build(&text, person(password)))
            .await
            .unwrap_err();
        let mut shown = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(deeper) = cause {
            shown.push_str(&format!(": {deeper}"));
            cause = deeper.source();
        }
        for word in words {
            assert!(shown.contains(word), "{text}: {shown}");
        }
        assert!(!shown.contains("wr0ng"), "{shown}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_tried_as_seldom_as_can_be() {
    // After three wrong ones Nexus locks the account for a while.
    let fake = Imitation::default().start().await;
    let text = format!(
        "type=nexus,registry={0},api=http://{0},repository=docker-a",
        fake.host
    );
    let nexus = build(&text, person("wr0ng"));
    nexus.check().await.unwrap_err();
    let tried = fake
        .asked()
        .iter()
        .filter(|asked| asked.authorization.is_some())
        .count();
    assert_eq!(tried, 1);
}

#[test]
fn the_documented_string_and_its_slips() {
    let text = "type=nexus,registry=localhost:8082,api=http://localhost:8081,include=*/foo/*,\
                exclude=*/bar/*,\"repository=docker-test1,docker-test2\",port=9000";
    let spec = RegistrySpec::parse(text).unwrap();
    assert_eq!(spec.webhook().port, Some(9000));
    let variables = spec.variables().unwrap();
    assert_eq!(variables.user, "DOCKER_SCOUT_NEXUS_API_USER");
    assert_eq!(variables.password, "DOCKER_SCOUT_NEXUS_API_PASSWORD");
    assert_eq!(
        variables.webhook_secret,
        Some("DOCKER_SCOUT_NEXUS_WEBHOOK_SECRET")
    );
    let nexus = spec.build(BuildOptions::new("test")).unwrap();
    assert_eq!(nexus.key(), "nexus:localhost:8082");
    for (image, expected) in [
        ("docker-test1/foo/x", true),
        ("docker-test2/a/foo/x", true),
        ("docker-test3/foo/x", false),
        ("docker-test1/bar/foo/x", false),
        ("foo/x", false),
    ] {
        assert_eq!(nexus.selects(&name(image)), expected, "{image}");
    }
    RegistrySpec::parse("type=nexus,registry=h,api=https://h,repository=Docker.Hosted_1").unwrap();
    for (text, words) in [
        ("type=nexus", &["type=nexus needs registry="][..]),
        (
            "type=nexus,registry=h,path=x",
            &["\"path\"", "type=nexus", "api, repository"],
        ),
        (
            "type=nexus,registry=h,api=https://u:p@h",
            &["api=…@h", "not an address"],
        ),
        (
            "type=nexus,registry=h,\"repository=a,b\"",
            &["repository= is given without api="],
        ),
        (
            "type=nexus,registry=h,repository=a/b",
            &["repository=a/b", "Nexus repository"],
        ),
        (
            "type=nexus,registry=h,repository=_a",
            &["repository=_a", "Nexus repository"],
        ),
        (
            "type=nexus,registry=h,repository=a%2Fb",
            &["repository=a%2Fb"],
        ),
        (
            "type=nexus,registry=h,api=https://h,\"repository=Docker-A,docker-b\"",
            &["repository=Docker-A", "lower case"],
        ),
        (
            "type=nexus,registry=h,webhook-secret=hunter2",
            &["webhook-secret=", "env:NAME"],
        ),
    ] {
        let error = RegistrySpec::parse(text).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{text}: {error}");
        }
        assert!(!error.contains("hunter2"), "{error}");
    }
}
