//! The metrics endpoint: who is let in, and what is sent.

use std::io::Read;

use axum::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderName, IF_NONE_MATCH};
use axum::http::{Method, StatusCode};
use flate2::read::GzDecoder;
use scout_api::{ErrorBody, ErrorCode, Token};
use scout_envs::{Role, Severity};

use super::fake::{Answer, acme, ask, snapshot};
use crate::Exporter;

const PATH: &str = "/v1/exporter/org/acme/metrics";

const GOLDEN: &str = r#"# HELP scout_stream_vulnerabilities Vulnerabilities in a stream
# TYPE scout_stream_vulnerabilities gauge
scout_stream_vulnerabilities{streamName="latest-indexed",severity="CRITICAL"} 0
scout_stream_vulnerabilities{streamName="latest-indexed",severity="HIGH"} 1
scout_stream_vulnerabilities{streamName="latest-indexed",severity="MEDIUM"} 0
scout_stream_vulnerabilities{streamName="latest-indexed",severity="LOW"} 0
scout_stream_vulnerabilities{streamName="latest-indexed",severity="UNSPECIFIED"} 0
# HELP scout_policy_compliant_images Compliant images for a policy in a stream
# TYPE scout_policy_compliant_images gauge
scout_policy_compliant_images{id="default-non-root-user",displayName="Default non-root user",streamName="latest-indexed"} 1
# HELP scout_policy_evaluated_images Total images evaluated against a policy in a stream
# TYPE scout_policy_evaluated_images gauge
scout_policy_evaluated_images{id="default-non-root-user",displayName="Default non-root user",streamName="latest-indexed"} 2
"#;

fn bearer(token: &Token) -> String {
    format!("Bearer {}", token.expose())
}

async fn get(exporter: &Exporter, token: &Token, more: &[(HeaderName, &str)]) -> Answer {
    let bearer = bearer(token);
    let mut headers = vec![(AUTHORIZATION, bearer.as_str())];
    headers.extend_from_slice(more);
    ask(exporter, Method::GET, PATH, &headers).await
}

#[tokio::test]
async fn each_caller_gets_the_status_that_is_due() {
    let (fake, exporter, owner) = acme();
    fake.enroll("other", None);
    let member = bearer(&fake.token(2, "acme", Role::Member));
    let stranger = bearer(&fake.token(3, "other", Role::Owner));
    let unknown = bearer(&Token::from_random(&[9; 32]));
    let owner = bearer(&owner);
    let mistyped = owner.replace("scout_pat_", "scout_pat_x");
    let (lower, padded) = (owner.replace("Bearer", "bearer"), format!("{owner}\t "));
    assert!(exporter.refresh().await);

    let realm = Some("Bearer realm=\"scout\"");
    let invalid = Some("Bearer realm=\"scout\", error=\"invalid_token\"");
    let scope = Some("Bearer realm=\"scout\", error=\"insufficient_scope\"");
    let older = "/v1/exporter/org/acme";
    for (path, authorization, status, code, challenge) in [
        (PATH, Some(owner.as_str()), 200, None, None),
        (older, Some(&owner), 200, None, None),
        (PATH, Some(&lower), 200, None, None),
        (PATH, Some(&padded), 200, None, None),
        (PATH, None, 401, Some(ErrorCode::Unauthorized), realm),
        (
            PATH,
            Some("Basic YTpi"),
            401,
            Some(ErrorCode::Unauthorized),
            realm,
        ),
        (
            PATH,
            Some("Bearer"),
            401,
            Some(ErrorCode::Unauthorized),
            realm,
        ),
        (
            PATH,
            Some("Bearer a b"),
            401,
            Some(ErrorCode::InvalidToken),
            invalid,
        ),
        (
            PATH,
            Some("Bearer dckr_pat_x"),
            401,
            Some(ErrorCode::InvalidToken),
            invalid,
        ),
        (
            PATH,
            Some(&mistyped),
            401,
            Some(ErrorCode::InvalidToken),
            invalid,
        ),
        (
            PATH,
            Some(&unknown),
            401,
            Some(ErrorCode::InvalidToken),
            invalid,
        ),
        (PATH, Some(&stranger), 403, Some(ErrorCode::Forbidden), None),
        (PATH, Some(&member), 403, Some(ErrorCode::Forbidden), scope),
        // Which organizations exist is not told to everybody.
        (
            "/v1/exporter/org/nobody/metrics",
            None,
            401,
            Some(ErrorCode::Unauthorized),
            realm,
        ),
        (
            "/v1/exporter/org/nobody/metrics",
            Some(&unknown),
            401,
            Some(ErrorCode::InvalidToken),
            invalid,
        ),
        (
            "/v1/exporter/org/nobody/metrics",
            Some(&owner),
            404,
            Some(ErrorCode::NotFound),
            None,
        ),
        (
            "/v1/exporter/org/nobody",
            Some(&owner),
            404,
            Some(ErrorCode::NotFound),
            None,
        ),
        (
            "/v1/exporter/org/ACME/metrics",
            Some(&owner),
            404,
            Some(ErrorCode::NotFound),
            None,
        ),
        (
            "/v1/exporter/org/%2e%2e/metrics",
            Some(&owner),
            404,
            Some(ErrorCode::NotFound),
            None,
        ),
        (
            "/v1/exporter/org/a%2Fb/metrics",
            Some(&owner),
            404,
            Some(ErrorCode::NotFound),
            None,
        ),
        (
            "/v1/exporter/org/%ff/metrics",
            Some(&owner),
            404,
            Some(ErrorCode::NotFound),
            None,
        ),
        (
            "/v1/exporter/org//metrics",
            Some(&owner),
            404,
            Some(ErrorCode::NotFound),
            None,
        ),
        (
            "/v1/exporter/org/acme/metrics/",
            Some(&owner),
            404,
            Some(ErrorCode::NotFound),
            None,
        ),
        ("/", None, 404, Some(ErrorCode::NotFound), None),
    ] {
        let headers: Vec<_> = authorization
            .map(|value| (AUTHORIZATION, value))
            .into_iter()
            .collect();
        let answer = ask(&exporter, Method::GET, path, &headers).await;
        let case = format!("{path} {authorization:?}");
        assert_eq!(answer.status, status, "{case}");
        assert_eq!(answer.header("www-authenticate"), challenge, "{case}");
        match code {
            None => assert_eq!(answer.body, GOLDEN, "{case}"),
            Some(code) => {
                assert_eq!(
                    answer.header("content-type"),
                    Some("application/json"),
                    "{case}"
                );
                let body: ErrorBody = serde_json::from_str(&answer.body).unwrap();
                assert_eq!(body.errors[0].code, code, "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_revoked_token_stops_working_at_once() {
    let (fake, exporter, owner) = acme();
    exporter.refresh().await;
    assert_eq!(get(&exporter, &owner, &[]).await.status, StatusCode::OK);
    fake.know().tokens.clear();
    assert_eq!(
        get(&exporter, &owner, &[]).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn the_format_is_the_one_that_was_asked_for() {
    let (_, exporter, owner) = acme();
    exporter.refresh().await;
    let text = "text/plain; version=0.0.4; charset=utf-8";
    let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    for (accept, expected) in [
        (&[][..], text),
        (&["text/plain"], text),
        (&["image/png"], text),
        (
            &["application/openmetrics-text;version=1.0.0,*/*;q=0.1"],
            openmetrics,
        ),
        (
            &["text/plain;q=0.5", "application/openmetrics-text"],
            openmetrics,
        ),
    ] {
        let accept: Vec<_> = accept.iter().map(|value| (ACCEPT, *value)).collect();
        let answer = get(&exporter, &owner, &accept).await;
        assert_eq!(answer.header("content-type"), Some(expected), "{accept:?}");
        assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert_eq!(answer.body.ends_with("# EOF\n"), expected == openmetrics);
    }
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let (_, exporter, owner) = acme();
    exporter.refresh().await;
    let bearer = bearer(&owner);
    let answer = ask(&exporter, Method::HEAD, PATH, &[(AUTHORIZATION, &bearer)]).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
    let length = GOLDEN.len().to_string();
    assert_eq!(answer.header("content-length"), Some(length.as_str()));
    assert!(answer.header("etag").is_some());
}

#[tokio::test]
async fn what_the_caller_has_is_not_sent_again() {
    let (fake, exporter, owner) = acme();
    exporter.refresh().await;
    let etag = get(&exporter, &owner, &[])
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    let weak = format!("\"x\", W/{etag}");
    for (tags, status) in [
        (etag.as_str(), 304),
        (&weak, 304),
        ("*", 304),
        ("\"x\"", 200),
        ("", 200),
    ] {
        let answer = get(&exporter, &owner, &[(IF_NONE_MATCH, tags)]).await;
        assert_eq!(answer.status, status, "{tags}");
        assert_eq!(answer.header("etag"), Some(etag.as_str()), "{tags}");
        assert_eq!(answer.body.is_empty(), status == 304, "{tags}");
    }
    let openmetrics = [
        (IF_NONE_MATCH, etag.as_str()),
        (ACCEPT, "application/openmetrics-text"),
    ];
    assert_eq!(
        get(&exporter, &owner, &openmetrics).await.status,
        StatusCode::OK
    );
    fake.know().tokens.clear();
    let answer = get(&exporter, &owner, &[(IF_NONE_MATCH, etag.as_str())]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

/// Decodes with what the answer says it is in.
fn decoded(answer: &Answer) -> String {
    let mut text = String::new();
    match answer.header("content-encoding") {
        None => text.push_str(&answer.body),
        Some("gzip") => {
            let mut decoder = GzDecoder::new(answer.bytes.as_slice());
            decoder.read_to_string(&mut text).unwrap();
        }
        Some("zstd") => {
            let bytes = zstd::bulk::decompress(&answer.bytes, 1 << 20).unwrap();
            text = String::from_utf8(bytes).unwrap();
        }
        Some(other) => panic!("{other}"),
    }
    text
}

#[tokio::test]
async fn the_coding_is_the_one_that_was_asked_for() {
    let (_, exporter, owner) = acme();
    exporter.refresh().await;
    for (accepted, expected) in [
        (&[][..], None),
        (&["gzip"], Some("gzip")),
        (&["gzip, deflate"], Some("gzip")),
        (&["br;q=0.1", "gzip;q=0.2, zstd;q=0.3"], Some("zstd")),
        (&["identity;q=0, *"], Some("gzip")),
        (&["br"], None),
    ] {
        let accepted: Vec<_> = accepted.iter().map(|v| (ACCEPT_ENCODING, *v)).collect();
        let answer = get(&exporter, &owner, &accepted).await;
        let case = format!("{accepted:?}");
        assert_eq!(answer.status, StatusCode::OK, "{case}");
        assert_eq!(answer.header("content-encoding"), expected, "{case}");
        assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
        assert_eq!(decoded(&answer), GOLDEN, "{case}");
        let length = answer.bytes.len().to_string();
        assert_eq!(answer.header("content-length"), Some(length.as_str()));
    }
    let nothing = [(ACCEPT_ENCODING, "identity;q=0")];
    let answer = get(&exporter, &owner, &nothing).await;
    assert_eq!(answer.status, StatusCode::NOT_ACCEPTABLE);
    assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
    let body: ErrorBody = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body.errors[0].code, ErrorCode::NotAcceptable);
}

#[tokio::test]
async fn each_representation_has_a_tag_of_its_own() {
    let (_, exporter, owner) = acme();
    exporter.refresh().await;
    let formats = ["text/plain", "application/openmetrics-text"];
    let codings = ["identity", "gzip", "zstd"];
    let pairs = || {
        let of = |format| codings.map(|coding| [(ACCEPT, format), (ACCEPT_ENCODING, coding)]);
        formats.into_iter().flat_map(of)
    };
    let mut tags = Vec::new();
    for pair in pairs() {
        let answer = get(&exporter, &owner, &pair).await;
        let tag = answer.header("etag").unwrap().to_owned();
        assert!(!tags.contains(&tag), "{pair:?}");
        tags.push(tag);
    }
    for (place, pair) in pairs().enumerate() {
        for (other, tag) in tags.iter().enumerate() {
            let headers = [&pair[..], &[(IF_NONE_MATCH, tag.as_str())]].concat();
            let answer = get(&exporter, &owner, &headers).await;
            let status = if place == other { 304 } else { 200 };
            assert_eq!(answer.status, status, "{pair:?} {tag}");
            assert_eq!(answer.header("etag"), Some(tags[place].as_str()));
            assert_eq!(answer.header("content-type").is_some(), status == 200);
        }
    }
}

#[tokio::test]
async fn a_body_is_made_once_however_often_it_is_sent() {
    let (fake, exporter, owner) = acme();
    let made = async |format: &str, encoding: &str| {
        let page = ask(&exporter, Method::GET, "/metrics", &[]).await.body;
        let labels = format!("{{format=\"{format}\",encoding=\"{encoding}\"}} ");
        let line = page.lines().find_map(|line| {
            let rest = line.strip_prefix("scout_exporter_bodies_made_total")?;
            rest.strip_prefix(labels.as_str()).map(str::to_owned)
        });
        line.unwrap_or_else(|| panic!("{page}"))
    };
    exporter.refresh().await;
    let gzip = [(ACCEPT_ENCODING, "gzip")];
    for _ in 0..5 {
        assert_eq!(get(&exporter, &owner, &gzip).await.status, StatusCode::OK);
        assert!(exporter.refresh().await);
    }
    assert_eq!(made("text", "gzip").await, "1");
    assert_eq!(made("text", "identity").await, "0");
    // What is asked for is ready before the next scrape asks.
    fake.enroll("acme", Some(snapshot(4, "latest-indexed", &[])));
    assert!(exporter.refresh().await);
    assert_eq!(made("text", "gzip").await, "2");
    assert_eq!(get(&exporter, &owner, &gzip).await.status, StatusCode::OK);
    assert_eq!(made("text", "gzip").await, "2");
}

#[tokio::test]
async fn other_methods_are_refused_with_the_right_ones() {
    let (_, exporter, _) = acme();
    for (method, path) in [
        (Method::POST, PATH),
        (Method::DELETE, "/v1/exporter/org/acme"),
        (Method::PUT, "/healthz"),
        (Method::OPTIONS, "/metrics"),
    ] {
        let answer = ask(&exporter, method, path, &[]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.header("allow"), Some("GET,HEAD"), "{path}");
        let body: ErrorBody = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body.errors[0].code, ErrorCode::MethodNotAllowed, "{path}");
    }
}

#[tokio::test]
async fn odd_names_of_streams_are_escaped() {
    let (fake, exporter, owner) = acme();
    fake.enroll(
        "acme",
        Some(snapshot(4, "eu \"west\" \\n {a=b}", &[Severity::Low])),
    );
    exporter.refresh().await;
    let answer = get(&exporter, &owner, &[]).await;
    let line =
        r#"scout_stream_vulnerabilities{streamName="eu \"west\" \\n {a=b}",severity="LOW"} 1"#;
    assert!(
        answer.body.lines().any(|found| found == line),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn an_organization_without_a_snapshot_has_an_empty_page() {
    let (fake, exporter, owner) = acme();
    fake.enroll("acme", None);
    exporter.refresh().await;
    for younger_than_the_poll in [false, true] {
        if younger_than_the_poll {
            fake.know().orgs.clear();
            exporter.refresh().await;
            fake.enroll("acme", None);
        }
        let answer = get(&exporter, &owner, &[]).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
        let accept = [(ACCEPT, "application/openmetrics-text")];
        assert_eq!(get(&exporter, &owner, &accept).await.body, "# EOF\n");
    }
}
