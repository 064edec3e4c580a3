//! Registry strings people write, and slips they make.

use super::*;

fn oci(text: &str) -> RegistrySpec {
    let spec = RegistrySpec::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(spec.kind(), "oci");
    spec
}

#[test]
fn addresses_get_their_scheme_by_rule() {
    for (text, base, host) in [
        (
            "registry.example.com",
            "https://registry.example.com/",
            "registry.example.com",
        ),
        (
            "Registry.Example.com:443",
            "https://registry.example.com/",
            "registry.example.com",
        ),
        (
            "registry.example.com:5000",
            "https://registry.example.com:5000/",
            "registry.example.com:5000",
        ),
        (
            "https://registry.example.com/",
            "https://registry.example.com/",
            "registry.example.com",
        ),
        ("127.0.0.1:5000", "http://127.0.0.1:5000/", "127.0.0.1:5000"),
        ("localhost:443", "http://localhost:443/", "localhost:443"),
        ("[::1]:5000", "http://[::1]:5000/", "[::1]:5000"),
        (
            "https://localhost:5000",
            "https://localhost:5000/",
            "localhost:5000",
        ),
        (
            "type=oci,registry=localhost:5000,ca=ca.pem",
            "https://localhost:5000/",
            "localhost:5000",
        ),
        (
            "type=oci,registry=http://localhost:5000,ca=ca.pem",
            "http://localhost:5000/",
            "localhost:5000",
        ),
        (
            "registry=10.0.0.1:5000,insecure=true",
            "http://10.0.0.1:5000/",
            "10.0.0.1:5000",
        ),
        (
            "registry=http://10.0.0.1:80,insecure=true",
            "http://10.0.0.1/",
            "10.0.0.1",
        ),
        (
            "registry=https://10.0.0.1,insecure=true",
            "https://10.0.0.1/",
            "10.0.0.1",
        ),
        ("docker.io", "https://registry-1.docker.io/", "docker.io"),
        (
            "index.docker.io",
            "https://registry-1.docker.io/",
            "docker.io",
        ),
        (
            "registry-1.docker.io",
            "https://registry-1.docker.io/",
            "docker.io",
        ),
    ] {
        let spec = oci(text);
        assert_eq!(
            (spec.connection().unwrap().base().as_str(), spec.host()),
            (base, host),
            "{text}"
        );
    }
}

#[test]
fn limits_are_those_given_or_the_usual_ones() {
    for (text, expected) in [
        ("r.example.com", (None, None)),
        ("type=oci,registry=r,max-requests=4", (Some(4), None)),
        (
            "type=oci,registry=r,max-requests=256,rate=1",
            (Some(256), Some(1.0)),
        ),
        ("type=harbor,registry=r,rate=1000", (None, Some(1000.0))),
    ] {
        let spec = RegistrySpec::parse(text).unwrap();
        let limits = spec.connection().unwrap().limits();
        assert_eq!((limits.max_requests, limits.rate), expected, "{text}");
    }
}

#[test]
fn lists_may_be_repeated_and_quoted() {
    let spec = oci(concat!(
        "type=oci, registry=r.example.com ,include=*/frontend*,includes=a/*,",
        r#""exclude=b/*,{c,d}/*",excludes=*/old,"repository=team/a,team/b","#,
        "allow-host=cdn.example.com",
    ));
    let integration = spec.build(BuildOptions::new("test")).unwrap();
    assert!(!integration.lists_all());
    assert_eq!(
        spec.connection().unwrap().allowed_hosts(),
        ["cdn.example.com"]
    );
    for (name, expected) in [
        ("team/frontend-1", true),
        ("a/x", true),
        ("b/frontend", false),
        ("d/frontend", false),
        ("a/old", false),
        ("e/x", false),
    ] {
        let name = name.parse().unwrap();
        assert_eq!(
            spec.shared.filter.selects("r.example.com", &name),
            expected,
            "{name}"
        );
    }
}

#[test]
fn secrets_are_references() {
    let spec = oci("type=oci,registry=r,user=bob,password=env:PASSWORD");
    assert_eq!(spec.credentials().user.as_deref(), Some("bob"));
    assert_eq!(
        spec.credentials().password,
        Some(SecretRef::Env("PASSWORD".to_owned()))
    );
    let spec = oci("type=oci,registry=r,token=file:/run/secrets/token");
    let path = Path::new("/run/secrets/token").to_owned();
    assert_eq!(spec.credentials().token, Some(SecretRef::File(path)));
    for literal in ["hunter2", "env:", "env:1A", "file:", "ENV:A", "env:A B"] {
        let text = format!("type=oci,registry=r,user=bob,password={literal}");
        let error = RegistrySpec::parse(&text).unwrap_err().to_string();
        for word in ["password=", "env:NAME", "file:PATH"] {
            assert!(error.contains(word), "{error}");
        }
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn repositories_are_named_in_one_place() {
    let names = ["team/a".to_owned(), "team/b".to_owned()];
    let parameters = Parameters::parse("r.example.com").unwrap();
    let spec = RegistrySpec::new(&parameters.with_repositories(&names).unwrap()).unwrap();
    let integration = spec.build(BuildOptions::new("test")).unwrap();
    assert!(integration.selects(&"team/b".parse().unwrap()));
    assert!(!integration.selects(&"team/c".parse().unwrap()));
    let parameters = Parameters::parse("type=oci,registry=r,repository=a").unwrap();
    assert_eq!(
        parameters.with_repositories(&names),
        Err(InvalidSpec::RepositoryTwice)
    );
}

#[test]
fn slips_are_named_with_what_is_allowed() {
    for (text, words) in [
        ("", &["empty", "host"][..]),
        ("  ", &["empty"]),
        ("a\nb", &["one line"]),
        ("type=ocy,registry=x", &["type=ocy", "acr, oci,", "oci-dir"]),
        (
            "type=oci,registry=x,includ=a",
            &["\"includ\"", "type=oci", "include, includes"],
        ),
        (
            "type=oci-dir,path=x,registry=y",
            &["\"registry\"", "type=oci-dir", "path"],
        ),
        (
            "bob:hunter2@host:5000",
            &["registry=…@host:5000", "credentials"],
        ),
        ("bob:hunter2@host:5000,include=a", &["…@host:5000"]),
        ("type=oci", &["type=oci needs registry="]),
        ("type=oci-dir", &["needs path="]),
        ("type=oci,registry=", &["registry= has no value"]),
        (
            "type=oci,registry=a,registry=b",
            &["registry=", "more than once"],
        ),
        ("type=oci,type=oci-dir", &["type=", "more than once"]),
        (
            "type=oci,registry=x,insecure=yes",
            &["insecure=yes", "true nor false"],
        ),
        ("type=oci,registry=x,include=a[", &["\"a[\"", "glob"]),
        (
            "type=oci,registry=x,repository=A",
            &["\"A\"", "repository name"],
        ),
        ("type=oci,registry=x,bare", &["\"bare\"", "key=value"]),
        (
            "registry.example.com/team/app",
            &["registry=registry.example.com/team/app", "not a host"],
        ),
        ("https://u:p@registry.example.com", &["not a host"]),
        ("ftp://registry.example.com", &["not a host"]),
        ("registry=a b", &["not a host"]),
        (
            "type=oci,registry=x,allow-host=a/b",
            &["allow-host=a/b", "not a host"],
        ),
        (
            "type=oci,registry=x,max-requests=0",
            &["max-requests=0", "between 1 and 256"],
        ),
        (
            "type=oci,registry=x,max-requests=257",
            &["max-requests=257"],
        ),
        (
            "type=oci,registry=x,rate=0.5",
            &["rate=0.5", "whole number"],
        ),
        (
            "type=oci,registry=x,rate=1001",
            &["rate=1001", "between 1 and 1000"],
        ),
        ("type=oci-dir,path=x,rate=1", &["\"rate\" is not a key"]),
        (
            "http://registry.example.com",
            &["plain http", "insecure=true"],
        ),
    ] {
        let error = RegistrySpec::parse(text).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
