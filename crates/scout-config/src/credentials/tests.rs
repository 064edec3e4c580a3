//! Which credentials are used, of all there may be.

use secrecy::ExposeSecret;

use super::*;
use scout_platform::chain;

const ARTIFACTORY_USER: &str = "DOCKER_SCOUT_ARTIFACTORY_API_USER";
const ARTIFACTORY_PASSWORD: &str = "DOCKER_SCOUT_ARTIFACTORY_API_PASSWORD";
/// Bob's, as Docker keeps it for `r.example.com`.
const DOCKER_FILE: &str = r#"{"auths":{"r.example.com":{"auth":"ZG9ja2VyOmQ="}}}"#;

/// Returns the credentials as `user:password` or `token`, and where they were found.
fn find(
    environment: &impl Environment,
    text: &str,
    is_only: bool,
) -> Result<(String, CredentialSource)> {
    let spec = RegistrySpec::parse(text).unwrap();
    let mut files = SecretFiles::default();
    let (found, source) = find_credentials(environment, &spec, is_only, &mut files)?;
    let text = match found {
        RegistryCredentials::Basic { user, password } => {
            format!("{user}:{}", password.expose_secret())
        }
        RegistryCredentials::Bearer(token) => token.expose_secret().to_owned(),
        _ => String::new(),
    };
    Ok((text, source))
}

#[test]
fn each_place_comes_before_the_next() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.json"), DOCKER_FILE).unwrap();
    let docker = ("DOCKER_CONFIG", dir.path().to_str().unwrap());
    let all = [
        docker,
        (TOKEN, "t"),
        (USER, "u"),
        (PASSWORD, "p"),
        (ARTIFACTORY_USER, "au"),
        (ARTIFACTORY_PASSWORD, "ap"),
        ("MINE", "m"),
    ];
    let artifactory = "type=artifactory,registry=r.example.com,api=r.example.com/artifactory";
    let own = format!("{artifactory},user=me,password=env:MINE");
    let oci = "r.example.com";
    for (text, is_only, expected, source) in [
        (own.as_str(), true, "me:m", CredentialSource::Parameters),
        (
            "type=oci,registry=r.example.com,token=env:MINE",
            true,
            "m",
            CredentialSource::Parameters,
        ),
        (artifactory, true, "au:ap", CredentialSource::Variables),
        (artifactory, false, "au:ap", CredentialSource::Variables),
        (oci, true, "t", CredentialSource::Variables),
        // Of several registries none gets what is meant for the only one.
        (oci, false, "docker:d", CredentialSource::DockerConfig),
        ("other.example.com", false, "", CredentialSource::Nowhere),
    ] {
        let found = find(&all, text, is_only).unwrap();
        assert_eq!(found, (expected.to_owned(), source), "{text} {is_only}");
    }
    let basic = find(&[docker, (USER, "u"), (PASSWORD, "p")], oci, true).unwrap();
    assert_eq!(basic.0, "u:p");
    // Half of it does not take the other half from another place.
    let found = find(
        &[docker, (ARTIFACTORY_USER, "au"), (PASSWORD, "p")],
        artifactory,
        true,
    );
    assert!(matches!(found, Err(Error::HalfCredentials { .. })));
}

#[test]
fn half_and_double_credentials_are_errors_that_name_both_halves() {
    fn check<const N: usize>(environment: [(&str, &str); N], text: &str, words: [&str; 2]) {
        let error = find(&environment, text, true).unwrap_err();
        assert!(error.is_usage());
        let error = chain(&error);
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    check([(USER, "u")], "r", [USER, PASSWORD]);
    check([(PASSWORD, "p")], "r", [USER, PASSWORD]);
    let artifactory = "type=artifactory,registry=r,api=r/artifactory";
    let both = [ARTIFACTORY_USER, ARTIFACTORY_PASSWORD];
    check([(ARTIFACTORY_USER, "u")], artifactory, both);
    check([(ARTIFACTORY_PASSWORD, "p")], artifactory, both);
    check([], "registry=r,user=u", ["user=", "password="]);
    check(
        [("A", "a")],
        "type=oci,registry=r,password=env:A",
        ["user=", "password="],
    );
    check(
        [("A", "a")],
        "type=oci,registry=r,user=u,token=env:A",
        ["user=", "token="],
    );
    check([(USER, "u"), (PASSWORD, " ")], "r", [PASSWORD, "empty"]);
    check(
        [],
        "type=oci,registry=r,token=env:A",
        ["token=env:A", "not set"],
    );
}

#[test]
fn a_type_may_have_a_user_that_is_meant_when_none_is_named() {
    let acr = "type=acr,registry=example.azurecr.io";
    let user = RegistrySpec::parse(acr).unwrap().default_user().unwrap();
    let own = format!("{acr},password=env:A");
    let found = find(&[("A", "p")], &own, false).unwrap().0;
    assert_eq!(found, format!("{user}:p"));
    let found = find(&[("DOCKER_SCOUT_ACR_PASSWORD", "p")], acr, false)
        .unwrap()
        .0;
    assert_eq!(found, format!("{user}:p"));
    let half = find(&[], &format!("{acr},user=u"), false);
    assert!(matches!(half, Err(Error::HalfCredentials { .. })));
}

#[test]
fn what_is_not_asked_over_the_network_gets_none() {
    let found = find(&[(TOKEN, "t")], "type=oci-dir,path=images", true).unwrap();
    assert_eq!(found.1, CredentialSource::Nowhere);
}
