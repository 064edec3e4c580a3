//! What an opened integration has, and what keeps it from being opened.

use scout_platform::chain;

use super::*;
use crate::credentials::CredentialSource;

fn parameters(kind: &str, pairs: &[(&str, &str)]) -> Parameters {
    let pairs = pairs.iter();
    let pairs = pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Parameters::new(kind, pairs)
}

#[test]
fn an_integration_is_named_in_its_errors() {
    let name = "docker-local".parse().unwrap();
    let pairs = |value: &str| {
        let pairs = [
            ("registry", "r.example.com"),
            ("user", "u"),
            ("password", value),
        ];
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned()))
    };
    for (value, words, is_usage) in [
        (
            "hunter2",
            ["integration docker-local: password=", "env:NAME"],
            true,
        ),
        (
            "env:UNSET",
            ["integration docker-local: password=env:UNSET", "not set"],
            true,
        ),
        (
            "file:/nonexistent/f",
            ["integration docker-local: cannot read password=file:", "f"],
            false,
        ),
    ] {
        let parameters = Parameters::new("oci", pairs(value));
        let error = open_integration(&[], &name, &parameters).unwrap_err();
        assert_eq!(error.is_usage(), is_usage, "{value}");
        let shown = format!("{} {error:?}", chain(&error));
        assert!(words.iter().all(|word| shown.contains(word)), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let parameters = Parameters::new("oci", pairs("env:A"));
    let opened = open_integration(&[("A", "a")], &name, &parameters).unwrap();
    assert_eq!((opened.kind(), opened.key()), ("oci", "oci:r.example.com"));
    assert_eq!(opened.family(), IntegrationFamily::Registry);
    let OpenedIntegration::Registry(opened) = opened else {
        panic!("{opened:?}");
    };
    assert_eq!(opened.credentials, CredentialSource::Parameters);
}

#[test]
fn a_runtime_is_one_cluster_with_the_token_meant_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "one").unwrap();
    let name = "prod".parse().unwrap();
    let token = format!("file:{}", path.display());
    let pairs = [
        ("token", token.as_str()),
        ("region", "us2"),
        ("cluster", "a b"),
    ];
    let mut opened = open_integration(&[], &name, &parameters("sysdig", &pairs)).unwrap();
    assert_eq!(opened.family(), IntegrationFamily::Runtime);
    assert_eq!(opened.kind(), "sysdig");
    assert_eq!(opened.key(), "sysdig:us2.app.sysdig.com/a b");
    assert_eq!(opened.renew_after(), None);
    assert_eq!(opened.files().paths().collect::<Vec<_>>(), [path.as_path()]);
    assert!(!opened.has_changed());
    std::fs::write(&path, "two, and longer").unwrap();
    assert!(opened.has_changed());
    opened.ignore_changes();
    assert!(!opened.has_changed());
}

#[test]
fn what_is_wrong_with_a_runtime_is_told_with_what_is_allowed() {
    let name = "prod".parse().unwrap();
    let valid = [("token", "env:T"), ("region", "us1")];
    for (change, words) in [
        (("token", "hunter2"), &["token=", "env:NAME"][..]),
        (("token", "env:UNSET"), &["env:UNSET", "not set"]),
        (("region", "us9"), &["us9", "us1", "url="]),
        (("url", "https://s.example.com"), &["region=", "url="]),
        (("cluster", "a\nb"), &["cluster="]),
        (("environment", "latest-indexed"), &["latest-indexed"]),
        (("registry", "r"), &["registry", "cluster, environment"]),
    ] {
        let mut pairs: Vec<_> = valid.into();
        pairs.retain(|(key, _)| *key != change.0);
        pairs.push(change);
        let parameters = parameters("sysdig", &pairs);
        let error = open_integration(&[("T", "t")], &name, &parameters).unwrap_err();
        assert!(error.is_usage(), "{change:?}");
        let shown = format!("{} {error:?}", chain(&error));
        assert!(shown.starts_with("integration prod: "), "{shown}");
        assert!(words.iter().all(|word| shown.contains(word)), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_type_that_does_not_exist_is_told_with_all_that_do() {
    let error = IntegrationSpec::new(&parameters("sysdog", &[])).unwrap_err();
    let told = error.to_string();
    for kind in IntegrationSpec::kinds() {
        assert!(told.contains(kind), "{told}");
        assert!(IntegrationSpec::keys_of(kind).is_some(), "{kind}");
    }
    assert!(told.contains("sysdog") && told.contains("sysdig"), "{told}");
    assert_eq!(IntegrationSpec::keys_of("sysdog"), None);
}
