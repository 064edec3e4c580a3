//! Registry strings of `type=artifactory`, and slips in them.

use crate::artifactory::naming::Layout;
use crate::spec::{BuildOptions, RegistrySpec};

fn parse(more: &str) -> Result<RegistrySpec, String> {
    let text = format!(
        "type=artifactory,registry=example.jfrog.io,api=https://example.jfrog.io/artifactory{more}"
    );
    RegistrySpec::parse(&text).map_err(|error| error.to_string())
}

#[test]
fn the_documented_string_is_read() {
    let spec = RegistrySpec::parse(concat!(
        "type=artifactory,registry=example.jfrog.io,api=https://example.jfrog.io/artifactory,",
        "include=*/frontend*,exclude=*/dta/*,repository=docker-local,port=9000,",
        "subdomain-mode=true"
    ))
    .unwrap();
    assert_eq!(
        (spec.kind(), spec.host()),
        ("artifactory", "example.jfrog.io")
    );
    assert_eq!(spec.webhook().port, Some(9000));
    let variables = spec.variables().unwrap();
    assert_eq!(variables.user, "DOCKER_SCOUT_ARTIFACTORY_API_USER");
    assert_eq!(variables.password, "DOCKER_SCOUT_ARTIFACTORY_API_PASSWORD");
    assert_eq!(
        variables.webhook_secret,
        Some("DOCKER_SCOUT_ARTIFACTORY_WEBHOOK_SECRET")
    );
    let integration = spec.build(BuildOptions::new("test")).unwrap();
    assert_eq!(integration.key(), "artifactory:example.jfrog.io");
    assert!(integration.lists_all(), "keys are named, images are listed");
    for (name, expected) in [
        ("docker-local/frontend", true),
        ("docker-local/team/frontend-web", true),
        ("docker-local/dta/frontend", false),
        ("docker-local/backend", false),
        ("docker-prod/frontend", false),
    ] {
        let name = name.parse().unwrap();
        assert_eq!(integration.selects(&name), expected, "{name}");
    }
    let name = "docker-local/frontend".parse().unwrap();
    let reference = integration.reference(&name);
    assert_eq!(reference, "docker-local.example.jfrog.io/frontend");
    assert!(integration.events().is_none(), "there is no secret");
}

#[test]
fn all_keys_are_listed_in_the_documented_order() {
    let keys = RegistrySpec::keys_of("artifactory").unwrap();
    let documented = [
        "type",
        "registry",
        "api",
        "repository",
        "include",
        "includes",
    ];
    assert!(keys.starts_with(&documented), "{keys:?}");
    for key in [
        "exclude",
        "excludes",
        "port",
        "subdomain-mode",
        "layout",
        "webhook-auth",
        "insecure",
        "ca",
        "allow-host",
        "max-requests",
        "rate",
        "user",
        "password",
        "token",
        "webhook-secret",
        "webhook-secret-previous",
        "webhook-cert",
        "webhook-key",
    ] {
        let count = keys.iter().filter(|known| **known == key).count();
        assert_eq!(count, 1, "{key}");
    }
}

#[test]
fn layouts_are_read_and_may_not_contradict() {
    for (more, expected) in [
        ("", Ok(Layout::RepositoryPath)),
        (",subdomain-mode=false", Ok(Layout::RepositoryPath)),
        (",subdomain-mode=true", Ok(Layout::Subdomain)),
        (",layout=subdomain", Ok(Layout::Subdomain)),
        (
            ",layout=subdomain,subdomain-mode=true",
            Ok(Layout::Subdomain),
        ),
        (",layout=repository-path", Ok(Layout::RepositoryPath)),
        (
            ",layout=repository-path,subdomain-mode=false",
            Ok(Layout::RepositoryPath),
        ),
        (",layout=port,repository=docker-local", Ok(Layout::Port)),
        (
            ",layout=port,repository=a,subdomain-mode=false",
            Ok(Layout::Port),
        ),
        (
            ",layout=subdomain,subdomain-mode=false",
            Err("layout= contradicts subdomain-mode="),
        ),
        (
            ",layout=repository-path,subdomain-mode=true",
            Err("contradicts"),
        ),
        (
            ",layout=port,repository=a,subdomain-mode=true",
            Err("contradicts"),
        ),
        (",layout=port", Err("exactly one repository=")),
        (
            r#",layout=port,"repository=a,b""#,
            Err("exactly one repository="),
        ),
        (
            ",layout=path",
            Err("layout=path is none of repository-path, subdomain, port"),
        ),
        (
            ",subdomain-mode=yes",
            Err("subdomain-mode=yes is neither true nor false"),
        ),
    ] {
        let found = parse(more).map(|spec| format!("{spec:?}"));
        match (expected, found) {
            (Ok(layout), Ok(found)) => {
                assert!(found.contains(&format!("layout: {layout:?}")), "{found}");
            }
            (Err(words), Err(found)) => assert!(found.contains(words), "{more}: {found}"),
            (expected, found) => panic!("{more}: {expected:?} {found:?}"),
        }
    }
}

#[test]
fn slips_are_named_with_what_is_allowed() {
    for (text, words) in [
        (
            "type=artifactory,registry=r.example.com",
            &["type=artifactory needs api="][..],
        ),
        (
            "type=artifactory,api=https://r.example.com/artifactory",
            &["type=artifactory needs registry="],
        ),
        (
            "type=artifactory,registry=r,api=https://u:p@r/artifactory",
            &["api=…@r/artifactory", "credentials are no part of it"],
        ),
        (
            "type=artifactory,registry=r,api=ftp://r/artifactory",
            &[
                "api=ftp://r/artifactory",
                "https://example.jfrog.io/artifactory",
            ],
        ),
        (
            "type=artifactory,registry=r,api=http://r.example.com/artifactory",
            &["plain http", "insecure=true"],
        ),
        (
            "type=artifactory,registry=r,api=https://r/artifactory?x=y",
            &["not an address"],
        ),
        (
            "type=artifactory,registry=r,api=https://r/a,api=https://r/b",
            &["api= is given more than once"],
        ),
    ] {
        let error = RegistrySpec::parse(text).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{text}: {error}");
        }
    }
    for (more, words) in [
        (
            ",repository=docker-local/team/app",
            &["repository=docker-local/team/app", "include="][..],
        ),
        (
            ",repository=Docker-Local",
            &["repository=Docker-Local", "lower-case"],
        ),
        (",repository=", &["repository= has no value"]),
        (
            ",webhook-auth=hmac",
            &["webhook-auth=hmac is none of signed, any"],
        ),
        (",port=0", &["port=0"]),
        (",port=https", &["port=https"]),
        (",webhook-secret=hunter22", &["webhook-secret=", "env:NAME"]),
        (
            ",webhook-cert=a.pem",
            &["webhook-cert= is given without webhook-key="],
        ),
        (",password=env:A,token=env:B", &["token= and password="]),
        (
            ",repo=docker-local",
            &[
                "\"repo\" is not a key of type=artifactory",
                "repository",
                "subdomain-mode",
            ],
        ),
    ] {
        let error = parse(more).unwrap_err();
        for word in words {
            assert!(error.contains(word), "{more}: {error}");
        }
        assert!(!error.contains("hunter22"), "{error}");
    }
}

#[test]
fn the_whole_registry_is_watched_unless_keys_are_named() {
    let all = parse("").unwrap().build(BuildOptions::new("test")).unwrap();
    assert!(all.selects(&"any-key/app".parse().unwrap()));
    let some = parse(r#","repository=docker-prod, docker-local,docker-prod""#).unwrap();
    let some = some.build(BuildOptions::new("test")).unwrap();
    assert!(some.selects(&"docker-prod/app".parse().unwrap()));
    assert!(!some.selects(&"any-key/app".parse().unwrap()));
}

#[test]
fn the_host_of_the_api_is_approved() {
    let spec = RegistrySpec::parse(
        "type=artifactory,registry=docker.example.com,api=artifactory.example.org/artifactory/",
    )
    .unwrap();
    let shown = format!("{spec:?}");
    assert!(
        shown.contains("allowed_hosts: [\"artifactory.example.org\"]"),
        "{shown}"
    );
}
