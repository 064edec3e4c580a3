//! Catalogs and tag lists in pages, some of which lead nowhere good.

use super::{anonymous, app, build, shown};
use crate::credentials::RegistryCredentials;
use crate::error::Error;
use crate::testing::{Fake, Reply};

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let fake = Fake::start(|asked, _| match asked.target.as_str() {
        "/v2/" => Reply::new(200, ""),
        "/v2/_catalog?n=1000" => Reply::new(200, r#"{"repositories":["b","a"]}"#).header(
            "link",
            "</elsewhere/v2/_catalog?last=a%2Fb&n=2>; rel=\"next\"",
        ),
        "/v2/_catalog?last=a%2Fb&n=2" => {
            Reply::new(200, r#"{"repositories":["c","a","Not Valid"]}"#)
                .header("link", "<?last=c>; rel=\"next\"")
        }
        "/v2/_catalog?last=c" => Reply::new(200, r#"{"repositories":null}"#),
        _ => Reply::error(404, "NAME_UNKNOWN"),
    })
    .await;
    let registry = anonymous(&fake);
    let names: Vec<_> = registry
        .repositories()
        .await
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
    let stats = registry.stats();
    assert_eq!((stats.catalog_requests, stats.invalid_names), (3, 1));
    let some = build(
        &format!("registry={},include=a*,exclude={}/b", fake.host, fake.host),
        RegistryCredentials::Anonymous,
    );
    assert_eq!(some.repositories().await.unwrap().len(), 1);
}

#[tokio::test]
async fn named_repositories_need_no_catalog() {
    let fake = Fake::start(|_, _| Reply::error(404, "UNSUPPORTED")).await;
    let named = build(
        &format!(r#"registry={},"repository=z,a/b,z",exclude=a/*"#, fake.host),
        RegistryCredentials::Anonymous,
    );
    assert_eq!(named.repositories().await.unwrap(), ["z".parse().unwrap()]);
    assert!(fake.asked().is_empty());
    let error = anonymous(&fake).repositories().await.unwrap_err();
    let text = shown(&error);
    assert!(matches!(error, Error::NoCatalog { .. }), "{text}");
    assert!(text.contains("name them with repository="), "{text}");
    assert!(text.contains("UNSUPPORTED: in words"), "{text}");
}

#[tokio::test]
async fn smaller_pages_are_tried_when_the_registry_says_so() {
    let fake = Fake::start(|asked, _| match asked.target.as_str() {
        "/v2/team/app/tags/list?n=250" => Reply::new(200, r#"{"tags":["2","1"]}"#),
        target if target.contains("?n=") => Reply::error(400, "PAGINATION_NUMBER_INVALID"),
        _ => Reply::new(200, ""),
    })
    .await;
    assert_eq!(anonymous(&fake).tags(&app()).await.unwrap().len(), 2);
    assert_eq!(fake.count("tags/list"), 3);
}

#[tokio::test]
async fn links_that_lead_astray_are_refused() {
    for (link, reason) in [
        (
            "<https://evil.example.invalid/v2/_catalog?last=x>; rel=\"next\"",
            "another host",
        ),
        ("</v2/_catalog?n=1000>; rel=\"next\"", "read before"),
        ("</v2/_catalog?last=loop>; rel=\"next\"", "read before"),
    ] {
        let fake = Fake::start(move |_, _| {
            Reply::new(200, r#"{"repositories":["a"]}"#).header("link", link)
        })
        .await;
        let error = anonymous(&fake).repositories().await.unwrap_err();
        assert!(matches!(error, Error::RefusedLink { .. }), "{error:?}");
        assert!(shown(&error).contains(reason), "{}", shown(&error));
        assert!(fake.asked().len() <= 4);
    }
}

#[tokio::test]
async fn what_is_no_list_does_not_pass_for_an_empty_one() {
    for body in ["", "<html>", "[]", "{}", r#"{"repositories":"a"}"#, "null"] {
        let fake = Fake::start(move |_, _| Reply::new(200, body)).await;
        let error = anonymous(&fake).repositories().await.unwrap_err();
        assert!(
            matches!(error, Error::InvalidAnswer { .. }),
            "{body}: {error:?}"
        );
    }
    let huge = vec![b' '; 16 * 1024 * 1024 + 1];
    let fake = Fake::start(move |_, _| Reply::new(200, huge.clone())).await;
    let error = anonymous(&fake).repositories().await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn a_listing_never_leaves_the_registry() {
    let fake = Fake::start(|asked, _| match asked.target.as_str() {
        "/v2/" => Reply::new(200, ""),
        _ => Reply::redirect("https://catalog.example.invalid/v2/_catalog"),
    })
    .await;
    let error = anonymous(&fake).repositories().await.unwrap_err();
    assert!(shown(&error).contains("another host"), "{}", shown(&error));
}
