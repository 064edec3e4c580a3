//! What well-known registries do in their own way.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{anonymous, app, build, password, shown, tag};
use crate::credentials::RegistryCredentials;
use crate::error::Error;
use crate::integration::ListedTag;
use crate::test::test_connection;
use crate::testing::{Asked, Content, Fake, Reply};

fn names(tags: &[ListedTag]) -> Vec<&str> {
    tags.iter().map(|listed| listed.tag.as_str()).collect()
}

fn query(asked: &Asked) -> BTreeMap<String, String> {
    let (_, query) = asked.target.split_once('?').unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// GitHub's container registry: no catalog, and a token also for what is public. Source:
/// oras-project/oras-go issue 621.
#[tokio::test]
async fn ghcr_needs_names_and_a_token_for_everybody() {
    let content = Content::new();
    let fake = Fake::start(move |asked, host| {
        if asked.target.starts_with("/token") {
            let query = query(asked);
            return match query.get("scope").map(String::as_str) {
                Some("repository:team/app:pull") => Reply::new(200, r#"{"token":"djE6"}"#),
                // Of everything else there is a token, too, which opens nothing.
                _ => Reply::new(200, r#"{"token":"none"}"#),
            };
        }
        match asked.authorization.as_deref() {
            Some("Bearer djE6") => content.answer(asked),
            Some("Bearer none") if asked.target == "/v2/" => Reply::new(200, ""),
            Some("Bearer none") => Reply::error(405, "UNSUPPORTED"),
            _ => Reply::error(401, "UNAUTHORIZED").header(
                "www-authenticate",
                format!(r#"Bearer realm="http://{host}/token",service="ghcr.io",scope="repository:user/image:pull""#),
            ),
        }
    })
    .await;
    let error = anonymous(&fake).repositories().await.unwrap_err();
    assert!(matches!(error, Error::NoCatalog { .. }), "{error:?}");
    assert!(
        shown(&error).contains("name them with repository="),
        "{}",
        shown(&error)
    );
    assert_eq!(fake.count("_catalog"), 1, "no smaller page would help");
    let named = build(
        &format!("registry={},repository=team/app", fake.host),
        RegistryCredentials::Anonymous,
    );
    let report = test_connection(&*named).await.unwrap();
    assert_eq!(report.repositories, 1);
    assert!(report.sample.is_some());
}

/// Amazon ECR: a password on every request, an opaque place to go on from, and its own words for
/// a page that is too big. Source: google/go-containerregistry issue 681, docker-archive/migrator
/// issue 96.
#[tokio::test]
async fn ecr_takes_a_password_and_limits_pages() {
    let content = Content::new();
    let fake = Fake::start(move |asked, _| {
        let pair = BASE64_STANDARD.encode("AWS:eyJwYXlsb2FkIjoi");
        if asked.authorization != Some(format!("Basic {pair}")) {
            return Reply::new(401, "Not Authorized\n")
                .header("www-authenticate", "Basic realm=\"https://ecr.example.invalid/\",service=\"ecr.amazonaws.com\"");
        }
        if !asked.target.contains("/tags/list") {
            return content.answer(asked);
        }
        let query = query(asked);
        match (query.get("n").and_then(|n| n.parse::<u32>().ok()), query.get("last")) {
            (Some(501..), _) => Reply::new(
                400,
                r#"{"errors":[{"code":"UNSUPPORTED","message":"Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to 500'"}]}"#,
            ),
            (_, None) => Reply::new(200, r#"{"name":"team/app","tags":["a"]}"#).header(
                "link",
                "<https://ecr.example.invalid/v2/team/app/tags/list?last=hY%2BzQ%3D%3D&n=500>; rel=\"next\""
                    .replace("https://ecr.example.invalid", ""),
            ),
            (_, Some(last)) if last == "hY+zQ==" => {
                Reply::new(200, r#"{"name":"team/app","tags":["1.0"]}"#)
            }
            _ => Reply::error(400, "UNSUPPORTED"),
        }
    })
    .await;
    let credentials = RegistryCredentials::Basic {
        user: "AWS".to_owned(),
        password: "eyJwYXlsb2FkIjoi".into(),
    };
    let registry = build(&fake.host, credentials);
    let tags = registry.tags(&app()).await.unwrap();
    assert_eq!(names(&tags), ["1.0", "a"]);
    assert_eq!(fake.count("n=1000"), 1);
    assert_eq!(fake.count("n=500"), 2);
    registry.resolve(&app(), &tag()).await.unwrap();
    // The password lasts twelve hours.
    let expired = build(&fake.host, password("old"));
    let error = expired.tags(&app()).await.unwrap_err();
    assert!(error.is_unauthorized(), "{}", shown(&error));
}

/// Google's registries say more than the protocol asks for, and once gave all in one page.
/// Source: google/go-containerregistry issues 897 and 1643.
#[tokio::test]
async fn google_says_more_than_it_is_asked() {
    let fake = Fake::start(|asked, _| match asked.target.contains("/tags/list") {
        true => Reply::new(
            200,
            r#"{"child":["nested"],"manifest":{"sha256:abc":{"imageSizeBytes":"1","layerId":"",
            "mediaType":"x","tag":["1.0","latest"],"timeCreatedMs":"1","timeUploadedMs":"2"}},
            "name":"project/app","tags":["latest","1.0"]}"#,
        ),
        false => Reply::new(200, ""),
    })
    .await;
    let tags = anonymous(&fake).tags(&app()).await.unwrap();
    assert_eq!(names(&tags), ["1.0", "latest"]);
    let user = RegistryCredentials::Basic {
        user: "_json_key".to_owned(),
        password: "{\n  \"type\": \"service_account\"\n}".into(),
    };
    build(&fake.host, user).tags(&app()).await.unwrap();
    let sent = fake.asked().last().unwrap().authorization.clone().unwrap();
    let pair = BASE64_STANDARD
        .decode(sent.strip_prefix("Basic ").unwrap())
        .unwrap();
    assert!(pair.starts_with(b"_json_key:{\n"));
}

/// Quay: a word of its own to go on with, small pages, and `true` in place of an error. Source:
/// `deitch/docker_registry2` issues 56 and 106, regclient issue 272.
#[tokio::test]
async fn quay_goes_on_with_a_word_of_its_own() {
    let fake = Fake::start(|asked, host| {
        if asked.target.starts_with("/v2/auth") {
            return Reply::new(200, r#"{"token":"t"}"#);
        }
        if asked.authorization.as_deref() != Some("Bearer t") {
            return Reply::new(401, "true").header(
                "www-authenticate",
                format!(r#"Bearer realm="http://{host}/v2/auth",service="quay.io""#),
            );
        }
        if asked.target == "/v2/" {
            return Reply::new(200, "true");
        }
        let query = query(asked);
        match (
            query.get("next_page").map(String::as_str),
            query.get("last"),
        ) {
            // The place to go on from is in the word alone; `last` is not looked at.
            (None, _) => Reply::new(200, r#"{"name":"ns/app","tags":["1"]}"#).header(
                "link",
                "</v2/team/app/tags/list?n=50&next_page=gAAAAABhX%3D>; rel=\"next\"",
            ),
            (Some("gAAAAABhX="), None) => Reply::new(200, r#"{"name":"ns/app","tags":["2"]}"#),
            _ => Reply::new(400, "true"),
        }
    })
    .await;
    let tags = anonymous(&fake).tags(&app()).await.unwrap();
    assert_eq!(names(&tags), ["1", "2"]);
    let denied = Fake::start(|_, _| Reply::new(401, "true")).await;
    let text = shown(&anonymous(&denied).tags(&app()).await.unwrap_err());
    assert!(
        text.contains("credentials are needed") && !text.contains("true"),
        "{text}"
    );
}

/// Microsoft's registry gives its whole catalog at once, and old releases of distribution all
/// tags. Source: microsoft/containerregistry issue 96, distribution issue 1936.
#[tokio::test]
async fn whole_lists_are_taken_where_pages_were_asked_for() {
    let repositories: Vec<_> = (0..5_000)
        .map(|number| format!("\"dotnet/r{number}\""))
        .collect();
    let tags: Vec<_> = (0..5_000).map(|number| format!("\"t{number}\"")).collect();
    let catalog = format!(r#"{{"repositories":[{}]}}"#, repositories.join(","));
    let list = format!(r#"{{"name":"a","tags":[{}]}}"#, tags.join(","));
    let fake = Fake::start(move |asked, _| match asked.target.as_str() {
        "/v2/_catalog?n=1000" => Reply::new(200, catalog.clone()),
        "/v2/team/app/tags/list?n=1000" => Reply::new(200, list.clone()),
        _ => Reply::new(200, ""),
    })
    .await;
    let registry = anonymous(&fake);
    assert_eq!(registry.repositories().await.unwrap().len(), 5_000);
    assert_eq!(registry.tags(&app()).await.unwrap().len(), 5_000);
    assert_eq!(fake.asked().len(), 3);
}

/// Docker Hub counts manifests that are read, not questions about them, and says in plain text
/// that there were too many. Source: docs.docker.com "Docker Hub pull usage and limits".
#[tokio::test]
async fn docker_hub_is_asked_without_being_pulled_from() {
    let content = Content::new();
    let fake = Fake::start(move |asked, host| {
        let is_pull = asked.method == "GET" && asked.target.contains("/manifests/");
        if is_pull {
            return Reply::new(
                429,
                "You have reached your pull rate limit. You may increase the limit by \
                 authenticating and upgrading: https://www.docker.com/increase-rate-limit",
            )
            .header("content-type", "text/plain")
            .header("retry-after", "3600")
            .header("ratelimit-limit", "100;w=21600")
            .header("ratelimit-remaining", "0;w=21600");
        }
        content.answer_with_token(asked, host, "t")
    })
    .await;
    let registry = build(&fake.host, password("s3cret"));
    let resolved = registry.resolve(&app(), &tag()).await.unwrap();
    let error = registry
        .manifest(&app(), &resolved.digest)
        .await
        .unwrap_err();
    let text = shown(&error);
    assert!(matches!(error, Error::TooManyRequests { .. }), "{text}");
    assert!(
        text.contains("slow down for 3600 s (You have reached your pull rate limit."),
        "{text}"
    );
    assert!(error.concerns_whole_source());
    assert_eq!(
        fake.count("/manifests/sha256"),
        1,
        "it is not asked again at once"
    );
}

/// Docker Hub has no catalog, and its official images have a name that people leave out.
#[tokio::test]
async fn docker_hub_names_are_those_people_write() {
    let registry = build(
        r#"registry=docker.io,"repository=debian,grafana/grafana,library/debian""#,
        RegistryCredentials::Anonymous,
    );
    let names = registry.repositories().await.unwrap();
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["grafana/grafana", "library/debian"]);
    assert_eq!(registry.key(), "oci:docker.io");
    assert!(registry.selects(&"library/debian".parse().unwrap()));
}
