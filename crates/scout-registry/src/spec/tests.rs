//! Registry strings people write, and slips they make.

use super::*;

fn oci(text: &str) -> OciSpec {
    match RegistrySpec::parse(text) {
        Ok(RegistrySpec::Oci(spec)) => spec,
        other => panic!("{text}: {other:?}"),
    }
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
        assert_eq!((spec.base().as_str(), spec.host()), (base, host), "{text}");
    }
}

#[test]
fn lists_may_be_repeated_and_quoted() {
    let spec = oci(concat!(
        "type=oci, registry=r.example.com ,include=*/frontend*,includes=a/*,",
        r#""exclude=b/*,{c,d}/*",excludes=*/old,"repository=team/a,team/b","#,
        "allow-host=cdn.example.com",
    ));
    let names: Vec<_> = spec
        .repositories()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["team/a", "team/b"]);
    assert_eq!(spec.allowed_hosts(), ["cdn.example.com"]);
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
            spec.filter().selects("r.example.com", &name),
            expected,
            "{name}"
        );
    }
}

#[test]
fn directories_have_a_path() {
    let RegistrySpec::OciDir(spec) =
        RegistrySpec::parse("type=oci-dir,path=./images,include=a*").unwrap()
    else {
        panic!("not a directory");
    };
    assert_eq!(spec.path(), Path::new("./images"));
}

#[test]
fn slips_are_named_with_what_is_allowed() {
    for (text, words) in [
        ("", &["empty", "host"][..]),
        ("  ", &["empty"]),
        ("a\nb", &["one line"]),
        ("type=ocy,registry=x", &["type=ocy", "oci, oci-dir"]),
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
