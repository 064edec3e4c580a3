//! Who gets credentials, how often, and what is said when they do not help.

use futures_util::future::join_all;

use super::{anonymous, app, build, password, shown, tag};
use crate::credentials::RegistryCredentials;
use crate::error::Error;
use crate::testing::{Content, Fake, Reply, demand_token};

#[tokio::test]
async fn sixteen_first_requests_make_one_token_request() {
    let content = Content::new();
    let fake = Fake::start(move |asked, host| content.answer_with_token(asked, host, "t")).await;
    let registry = build(&fake.host, password("s3cret"));
    let (app, tag) = (app(), tag());
    let all = join_all((0..16).map(|_| registry.resolve(&app, &tag))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(fake.count("/token"), 1);
    assert_eq!(registry.stats().token_requests, 1);
    let asked = fake.asked();
    let token_request = asked
        .iter()
        .find(|asked| asked.target.starts_with("/token"));
    assert_eq!(
        token_request.unwrap().target,
        "/token?service=fake%2C+inc&scope=repository%3Ateam%2Fapp%3Apull"
    );
}

#[tokio::test]
async fn the_catalog_has_a_scope_of_its_own() {
    let content = Content::new();
    let fake = Fake::start(move |asked, host| content.answer_with_token(asked, host, "t")).await;
    let registry = build(&fake.host, password("s3cret"));
    assert_eq!(registry.repositories().await.unwrap(), [app()]);
    assert_eq!(fake.count("scope=registry%3Acatalog%3A*"), 1);
}

#[tokio::test]
async fn a_wrong_password_is_said_once_with_who_and_what_next() {
    let content = Content::new();
    let fake = Fake::start(move |asked, host| content.answer_with_token(asked, host, "t")).await;
    let registry = build(&fake.host, password("wr0ng"));
    let (app, tag) = (app(), tag());
    let all = join_all((0..16).map(|_| registry.resolve(&app, &tag))).await;
    assert_eq!(fake.count("/token"), 1, "an account must not be locked");
    for result in all {
        let error = result.unwrap_err();
        let expected = format!(
            "http://{}/token?… does not accept user \"user\": check the user and the password \
             (incorrect username or password)",
            fake.host
        );
        assert_eq!(shown(&error), expected);
        assert!(error.is_unauthorized() && error.concerns_whole_source());
        assert!(!format!("{error:?}{registry:?}").contains("wr0ng"));
    }
}

#[tokio::test]
async fn an_aged_token_is_replaced_and_a_fresh_one_that_is_refused_is_a_denial() {
    let content = Content::new();
    let fake = Fake::start(move |asked, host| {
        if asked.target.starts_with("/token") {
            return Reply::new(200, format!(r#"{{"access_token":"t{}"}}"#, asked.before));
        }
        match (asked.target.as_str(), asked.authorization.as_deref()) {
            ("/v2/team/app/manifests/1.0", Some("Bearer t0")) if asked.before == 0 => {
                content.answer(asked)
            }
            ("/v2/team/app/manifests/1.0", Some("Bearer t1")) => content.answer(asked),
            _ => demand_token(host),
        }
    })
    .await;
    let registry = anonymous(&fake);
    registry.resolve(&app(), &tag()).await.unwrap();
    registry.resolve(&app(), &tag()).await.unwrap();
    assert_eq!(fake.count("/token"), 2);
    // The cached token is refused, so is the new one.
    let error = registry.tags(&app()).await.unwrap_err();
    assert_eq!(fake.count("/token"), 3);
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    let text = shown(&error);
    assert!(
        text.starts_with("anonymous may not read 127.0.0.1:"),
        "{text}"
    );
    assert!(text.contains("/team/app at http"), "{text}");
}

#[tokio::test]
async fn the_scope_that_a_registry_demands_is_asked_for_too() {
    let content = Content::new();
    let fake = Fake::start(move |asked, host| {
        if asked.target.starts_with("/token") {
            let token = if asked.target.contains("special") { "big" } else { "small" };
            return Reply::new(200, format!(r#"{{"token":"{token}"}}"#));
        }
        if asked.authorization.as_deref() == Some("Bearer big") {
            return content.answer(asked);
        }
        Reply::new(401, "").header(
            "www-authenticate",
            format!(r#"Bearer realm="http://{host}/token",scope="special:a,b",error="insufficient_scope""#),
        )
    })
    .await;
    anonymous(&fake).tags(&app()).await.unwrap();
    assert_eq!(fake.count("/token"), 2);
}

#[tokio::test]
async fn passwords_go_along_where_the_registry_asks_for_them_or_for_nothing() {
    for asks in [true, false] {
        let content = Content::new();
        let fake = Fake::start(move |asked, _| {
            if asked.authorization.as_deref() == Some("Basic dXNlcjpzM2NyZXQ=") {
                return content.answer(asked);
            }
            if asked.target == "/v2/" && !asks {
                return Reply::new(200, "");
            }
            // Private content that is hidden, not guarded.
            let reply = Reply::error(if asks { 401 } else { 404 }, "NO");
            reply.header("www-authenticate", "Basic realm=\"x\"")
        })
        .await;
        build(&fake.host, password("s3cret"))
            .tags(&app())
            .await
            .unwrap();
        let wrong = build(&fake.host, password("wr0ng")).tags(&app()).await;
        let before = fake.asked().len();
        assert_eq!(wrong.unwrap_err().is_unauthorized(), asks);
        let nobody = anonymous(&fake).tags(&app()).await.unwrap_err();
        assert!(!asks || shown(&nobody).contains("anonymous: credentials are needed"));
        assert!(fake.asked().len() - before <= 2, "asked once only");
    }
}

#[tokio::test]
async fn a_given_token_is_sent_as_it_is() {
    let content = Content::new();
    let fake =
        Fake::start(move |asked, host| content.answer_with_token(asked, host, "given")).await;
    let with = |token: &str| build(&fake.host, RegistryCredentials::Bearer(token.into()));
    with("given").tags(&app()).await.unwrap();
    let error = with("0ther").tags(&app()).await.unwrap_err();
    assert!(
        shown(&error).contains("the given token: check the token"),
        "{error}"
    );
    assert_eq!(fake.count("/token"), 0);
    let error = with("line\nbreak").tags(&app()).await.unwrap_err();
    assert!(matches!(error, Error::UnusableCredentials));
}

#[tokio::test]
async fn a_strange_token_service_gets_nothing() {
    for (realm, reason) in [
        ("https://10.0.0.1/token", "another host"),
        ("http://203.0.113.1/token", "plain http"),
        ("https://auth.evil.invalid/token", "another host"),
        ("http://user:pass@127.0.0.1/token", "user of its own"),
        ("http://[", "not an address"),
    ] {
        let fake = Fake::start(move |_, _| {
            Reply::new(401, "").header("www-authenticate", format!("Bearer realm=\"{realm}\""))
        })
        .await;
        let registry = build(&fake.host, password("s3cret"));
        let error = registry.tags(&app()).await.unwrap_err();
        assert!(matches!(error, Error::RefusedRealm { .. }), "{error:?}");
        let text = shown(&error);
        assert!(
            text.contains(reason) && !text.contains("pass@"),
            "{realm}: {text}"
        );
        assert!(
            fake.asked()
                .iter()
                .all(|asked| asked.authorization.is_none())
        );
    }
}

#[tokio::test]
async fn a_token_service_that_answers_nonsense_is_named() {
    for (status, body, expected) in [
        (200, "<html>", "not a token"),
        (200, "{}", "not a token"),
        (403, r#"{"errors":[{"code":"DENIED"}]}"#, "may not read"),
        (307, "", "status 307"),
    ] {
        let fake = Fake::start(move |asked, host| {
            if asked.target.starts_with("/token") {
                return Reply::new(status, body).header("location", "http://127.0.0.1:1/");
            }
            demand_token(host)
        })
        .await;
        let error = anonymous(&fake).tags(&app()).await.unwrap_err();
        assert!(
            shown(&error).contains(expected),
            "{status}: {}",
            shown(&error)
        );
    }
}
