//! Which repositories are watched, and where their images come from.

use super::{build, name, shown, tag};
use crate::artifactory::tests::fake::Server;
use crate::test::test_connection;

async fn listed(server: &Server, more: &str) -> Vec<String> {
    let fake = server.start().await;
    let found = build(&fake, more).repositories().await.unwrap();
    found.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn the_whole_registry_is_all_that_hold_images_each_once() {
    let server = Server::with_images();
    assert_eq!(
        listed(&server, "").await,
        [
            "docker-fed/fed",
            "docker-local/base",
            "docker-local/frontend",
            "docker-local/team/app",
            "docker-remote/library/nginx",
            "oci-local/chart",
        ]
    );
}

#[tokio::test]
async fn named_keys_are_watched_as_what_they_are() {
    let server = Server::with_images();
    for (more, expected) in [
        (
            ",repository=docker-remote",
            &["docker-remote/library/nginx"][..],
        ),
        (
            ",repository=docker-remote-cache",
            &["docker-remote-cache/library/nginx"],
        ),
        (
            ",repository=docker-virtual",
            &[
                "docker-virtual/base",
                "docker-virtual/frontend",
                "docker-virtual/library/nginx",
                "docker-virtual/team/app",
            ],
        ),
        (
            r#","repository=oci-local,docker-fed""#,
            &["docker-fed/fed", "oci-local/chart"],
        ),
        (
            ",repository=docker-local,include=*/frontend*",
            &["docker-local/frontend"],
        ),
        (
            ",repository=docker-local,exclude=*/team/*,exclude=base",
            &["docker-local/frontend"],
        ),
    ] {
        assert_eq!(listed(&server, more).await, expected, "{more}");
    }
}

#[tokio::test]
async fn the_registry_behind_a_remote_is_never_asked_for() {
    let fake = Server::with_images().start().await;
    let all = build(&fake, "");
    test_connection(&*all).await.unwrap();
    all.tags(&name("docker-remote/library/nginx"))
        .await
        .unwrap();
    assert_eq!(fake.count("/docker/docker-remote/"), 0);
    assert!(fake.count("/docker/docker-remote-cache/") > 0);
}

#[tokio::test]
async fn a_remote_without_a_cache_keeps_no_other_from_being_listed() {
    let server = Server::with_images();
    server.state.lock().unwrap().has_caches = false;
    let found = listed(&server, "").await;
    assert_eq!(found.len(), 5, "{found:?}");
    let fake = server.start().await;
    let named = build(&fake, ",repository=docker-remote");
    let error = named.repositories().await.unwrap_err();
    assert!(
        shown(&error).contains("docker-remote does not list"),
        "{}",
        shown(&error)
    );
}

#[tokio::test]
async fn keys_that_docker_cannot_write_are_counted_and_left_out() {
    let server = Server::with_images();
    for key in ["Docker-Upper", "with space", "a__b", "a___b"] {
        server.add_repository(key, "LOCAL", "Docker", &[]);
        server.push(key, "app", "1", "x");
    }
    server.push("docker-local", "Bad_Image_", "1", "x");
    let fake = server.start().await;
    let integration = build(&fake, "");
    let found = integration.repositories().await.unwrap();
    assert!(found.contains(&name("a__b/app")));
    assert_eq!(found.len(), 7, "{found:?}");
    assert_eq!(integration.stats().invalid_names, 4);
}

#[tokio::test]
async fn old_servers_without_package_types_are_understood() {
    let fake = crate::testing::Fake::start(|asked, _| {
        use crate::testing::Reply;
        match asked.target.as_str() {
            "/artifactory/api/repositories?packageType=docker" => {
                Reply::new(200, r#"[{"key":"docker-local"}]"#)
            }
            "/artifactory/api/repositories?packageType=oci" => Reply::new(
                400,
                r#"{"errors":[{"status":400,"message":"no such type"}]}"#,
            ),
            "/artifactory/api/docker/docker-local/v2/" => Reply::new(200, "{}"),
            target if target.starts_with("/artifactory/api/docker/docker-local/v2/_catalog") => {
                Reply::new(200, r#"{"repositories":["app"]}"#)
            }
            _ => Reply::error(404, "NOT_FOUND"),
        }
    })
    .await;
    let found = build(&fake, "").repositories().await.unwrap();
    assert_eq!(found, [name("docker-local/app")]);
}

#[tokio::test]
async fn an_image_in_several_members_of_a_virtual_repository_is_asked_for() {
    let server = Server::with_images();
    server.push("docker-remote-cache", "team/app", "1.0", "z");
    let fake = server.start().await;
    let integration = build(&fake, ",repository=docker-virtual");
    let tags = integration
        .tags(&name("docker-virtual/team/app"))
        .await
        .unwrap();
    let open: Vec<_> = tags
        .iter()
        .filter(|listed| listed.resolved.is_none())
        .collect();
    assert_eq!(open.len(), 1, "{tags:?}");
    assert_eq!(open[0].tag, tag("1.0"));
}
