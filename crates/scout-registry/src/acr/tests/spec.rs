//! Keys that people write, and slips they make.

use crate::spec::{BuildOptions, RegistrySpec};

#[test]
fn a_name_is_enough() {
    for (registry, host) in [
        ("contoso", "contoso.azurecr.io"),
        ("Contoso", "contoso.azurecr.io"),
        ("https://contoso", "contoso.azurecr.io"),
        ("contoso.azurecr.io", "contoso.azurecr.io"),
        ("contoso-a1b2.azurecr.io", "contoso-a1b2.azurecr.io"),
        ("contoso.azurecr.cn", "contoso.azurecr.cn"),
        ("contoso.azurecr.us", "contoso.azurecr.us"),
        ("contoso:5000", "contoso:5000"),
        ("localhost", "localhost"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
    ] {
        let spec = RegistrySpec::parse(&format!("type=acr,registry={registry}")).unwrap();
        assert_eq!(spec.host(), host, "{registry}");
        let base = spec.connection().unwrap().base().to_string();
        assert!(base.ends_with(&format!("//{host}/")), "{base}");
        let integration = spec.build(BuildOptions::new("test")).unwrap();
        assert_eq!(integration.key(), format!("acr:{host}"));
        let app = "team/app".parse().unwrap();
        assert_eq!(integration.reference(&app), format!("{host}/team/app"));
    }
}

#[test]
fn keys_of_the_deployment_are_kept_and_checked() {
    let spec = RegistrySpec::parse(concat!(
        "type=acr,registry=contoso,include=team/*,exclude=*/old,port=9000,",
        "webhook-secret=env:A,webhook-secret-previous=env:B,password=file:/run/secrets/acr,",
        "event-subscription=image-change-2,resource-group=rg_(1).x,",
        "webhook-url=https://scout.example.com/contoso",
    ))
    .unwrap();
    assert_eq!(spec.webhook().port, Some(9000));
    assert_eq!(spec.default_user(), Some("docker-scout-readonly-token"));
    let variables = spec.variables().unwrap();
    assert_eq!(variables.user, "DOCKER_SCOUT_ACR_USER");
    assert_eq!(variables.password, "DOCKER_SCOUT_ACR_PASSWORD");
    let secret = Some("DOCKER_SCOUT_ACR_WEBHOOK_SECRET");
    assert_eq!(variables.webhook_secret, secret);
    let entra = "type=acr,registry=contoso,tenant=contoso.onmicrosoft.com,token=env:ENTRA";
    assert_eq!(RegistrySpec::parse(entra).unwrap().default_user(), None);
}

#[test]
fn events_need_a_secret() {
    let spec = RegistrySpec::parse("type=acr,registry=contoso").unwrap();
    let build = |secret: &str| {
        let options = BuildOptions::new("test").with_webhook_secrets(vec![secret.into()]);
        spec.build(options).unwrap()
    };
    assert!(build("s3cret").events().is_some());
    assert!(build(" ").events().is_none());
    let without = spec.build(BuildOptions::new("test")).unwrap();
    assert!(without.events().is_none() && without.capabilities().receives_events);
    assert!(!format!("{:?}", build("s3cret")).contains("s3cret"));
}

#[test]
fn slips_are_named() {
    for (text, words) in [
        ("", &["needs registry="][..]),
        (
            "registry=contoso,api=https://x",
            &["\"api\" is not a key of type=acr", "tenant"],
        ),
        ("registry=contoso,tenant=a b", &["tenant=a b", "Entra"]),
        (
            "registry=contoso,tenant=t.example.com,password=env:A",
            &["tenant= and password= cannot both be given"],
        ),
        (
            "registry=contoso,tenant=t.example.com,user=me",
            &["tenant= and user= cannot both be given"],
        ),
        (
            "registry=contoso,event-subscription=a",
            &["event-subscription=a", "3 to 64"],
        ),
        (
            "registry=contoso,event-subscription=a;rm",
            &["letters, digits"],
        ),
        (
            "registry=contoso,resource-group=$(id)",
            &["resource-group=", "up to 90"],
        ),
        ("registry=contoso,resource-group=a\"b", &["resource groups"]),
        (
            "registry=contoso,webhook-url=http://scout.example.com",
            &["webhook-url=http://scout.example.com", "https"],
        ),
        (
            "registry=contoso,webhook-url=https://scout.example.com/?secret=hunter2",
            &[
                "webhook-url=https://scout.example.com/ is",
                "without user and query",
            ],
        ),
        (
            "registry=contoso,webhook-url=https://bob:hunter2@scout.example.com/",
            &["…@scout.example.com"],
        ),
        ("registry=contoso/app", &["not a host"]),
        ("registry=contoso,repository=A", &["repository name"]),
        ("registry=contoso,password=hunter2", &["env:NAME"]),
        ("registry=contoso,port=0", &["port=0"]),
    ] {
        let text = format!("type=acr,{text}").trim_end_matches(',').to_owned();
        let error = RegistrySpec::parse(&text).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
        for word in words {
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
