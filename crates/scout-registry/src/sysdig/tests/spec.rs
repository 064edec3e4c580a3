//! Parameters people give, and slips they make.

use std::path::Path;

use crate::runtime::RuntimeSpec;
use crate::spec::{BuildOptions, InvalidSpec, Parameters, SecretRef};

fn spec(text: &str) -> Result<RuntimeSpec, InvalidSpec> {
    RuntimeSpec::new(&Parameters::parse(text).unwrap())
}

#[test]
fn an_address_comes_from_the_region_or_is_given() {
    for (given, base, key) in [
        (
            "region=us1",
            "https://secure.sysdig.com/",
            "sysdig:secure.sysdig.com/prod",
        ),
        (
            "region=us1-alt",
            "https://secure.sysdig.com/",
            "sysdig:secure.sysdig.com/prod",
        ),
        (
            "url=https://secure.sysdig.com",
            "https://secure.sysdig.com/",
            "sysdig:secure.sysdig.com/prod",
        ),
        (
            "url=secure.sysdig.com",
            "https://secure.sysdig.com/",
            "sysdig:secure.sysdig.com/prod",
        ),
        (
            "region=eu1",
            "https://eu1.app.sysdig.com/",
            "sysdig:eu1.app.sysdig.com/prod",
        ),
        (
            "url=https://eu1.app.sysdig.com/secure/",
            "https://eu1.app.sysdig.com/",
            "sysdig:eu1.app.sysdig.com/prod",
        ),
        (
            "url=https://s.example.com:8443/api",
            "https://s.example.com:8443/",
            "sysdig:s.example.com:8443/prod",
        ),
        (
            "url=https://s.example.com/at/home",
            "https://s.example.com/",
            "sysdig:s.example.com/prod",
        ),
        (
            "url=http://10.0.0.1,insecure=true",
            "http://10.0.0.1/",
            "sysdig:10.0.0.1/prod",
        ),
        (
            "url=127.0.0.1:1",
            "http://127.0.0.1:1/",
            "sysdig:127.0.0.1:1/prod",
        ),
    ] {
        let spec = spec(&format!("type=sysdig,token=env:T,cluster=prod,{given}"));
        let spec = spec.unwrap_or_else(|error| panic!("{given}: {error}"));
        assert_eq!(spec.connection().base().as_str(), base, "{given}");
        let runtime = spec.build(BuildOptions::new("test")).unwrap();
        assert_eq!(runtime.key(), key, "{given}");
    }
}

#[test]
fn what_is_given_is_there() {
    let spec = spec(concat!(
        "type=sysdig,token=file:/run/secrets/sysdig,region=us2,cluster=生产 1,environment=staging,",
        "ca=/etc/ca.pem,allow-host=other.example.com,api=v1,ibm-instance=1234-ab",
    ))
    .unwrap();
    assert_eq!(spec.kind(), "sysdig");
    let path = Path::new("/run/secrets/sysdig").to_owned();
    assert_eq!(*spec.token(), SecretRef::File(path));
    assert_eq!(spec.cluster(), Some("生产 1"));
    assert_eq!(spec.environment().unwrap().as_str(), "staging");
    assert_eq!(spec.ca_file(), Some(Path::new("/etc/ca.pem")));
    assert_eq!(spec.host(), "us2.app.sysdig.com");
    assert_eq!(spec.connection().allowed_hosts(), ["other.example.com"]);
    let keys = RuntimeSpec::keys_of("sysdig").unwrap();
    let shared = [
        "token",
        "cluster",
        "environment",
        "insecure",
        "ca",
        "allow-host",
    ];
    assert_eq!(keys[..5], ["type", "region", "url", "api", "ibm-instance"]);
    assert_eq!(keys[5..], shared);
    assert_eq!(RuntimeSpec::keys_of("oci"), None);
    assert_eq!(RuntimeSpec::kinds().collect::<Vec<_>>(), ["sysdig"]);
}

#[test]
fn a_cluster_and_an_environment_may_be_left_out() {
    let spec = spec("type=sysdig,token=env:T,region=us1").unwrap();
    assert_eq!((spec.cluster(), spec.environment()), (None, None));
    let runtime = spec.build(BuildOptions::new("test")).unwrap();
    assert_eq!(
        (runtime.cluster(), runtime.key()),
        (None, "sysdig:secure.sysdig.com")
    );
}

#[test]
fn slips_are_named_with_what_is_allowed() {
    let long = format!("token=env:T,region=us1,cluster={}", "x".repeat(257));
    for (text, words) in [
        ("region=us1", &["type=sysdig needs token="][..]),
        ("token=env:T", &["type=sysdig needs region= or url="]),
        (
            "token=env:T,region=us1,url=x",
            &["region= and url= cannot both"],
        ),
        (
            "token=env:T,region=us9",
            &["region=us9", "us1, us2", "eu1", "-alt", "us-south", "url="],
        ),
        ("token=env:T,region=US1", &["region=US1"]),
        ("token=env:T,region=custom", &["url="]),
        ("token=env:T,region=", &["region= has no value"]),
        (
            "token=s3cret,region=us1",
            &["token=", "env:NAME", "file:PATH"],
        ),
        (
            "token=env:T,region=us1,clutser=a",
            &["\"clutser\"", "type=sysdig", "cluster"],
        ),
        ("token=env:T,region=us1,include=a", &["\"include\""]),
        (
            "token=env:T,region=us1,cluster=a,cluster=b",
            &["cluster= is given more than once"],
        ),
        (
            "token=env:T,region=us1,\"cluster=a\u{7}b\"",
            &["cluster=a\\u{7}b", "a cluster"],
        ),
        (&long, &["at most 256"]),
        (
            "token=env:T,region=us1,environment=latest-indexed",
            &["latest-indexed"],
        ),
        (
            "token=env:T,region=us1,api=v2",
            &["api=v2", "risk-spotlight, v1"],
        ),
        (
            "token=env:T,region=us1,ibm-instance=a b",
            &["ibm-instance=a b", "GUID"],
        ),
        ("token=env:T,region=us1,insecure=yes", &["insecure=yes"]),
        ("token=env:T,region=us1,allow-host=a/b", &["allow-host=a/b"]),
        (
            "token=env:T,url=http://s.example.com",
            &["plain http", "insecure=true"],
        ),
        (
            "token=env:T,url=ftp://s.example.com",
            &["url=ftp", "https://secure.sysdig.com"],
        ),
        (
            "token=env:T,url=a b",
            &["url=a b", "https://secure.sysdig.com"],
        ),
        (
            "token=env:T,url=https://s.example.com/?a=b",
            &["url=", "secure.sysdig.com"],
        ),
        (
            "token=env:T,url=https://bob:s3cret@s.example.com",
            &["url=…@s.example.com"],
        ),
    ] {
        let error = spec(&format!("type=sysdig,{text}"))
            .unwrap_err()
            .to_string();
        for word in words {
            assert!(error.contains(word), "{text}: {error}");
        }
        assert!(!error.contains("s3cret"), "{error}");
    }
    for (text, word) in [
        (
            "type=sysdigg,token=env:T",
            "type=sysdigg is not known; the types are sysdig",
        ),
        ("type=oci,registry=x", "the types are sysdig"),
    ] {
        let error = spec(text).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}
