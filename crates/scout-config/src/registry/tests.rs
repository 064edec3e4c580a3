//! What an opened registry has, and what keeps it from being opened.

use super::*;
use scout_platform::chain;

const SECRET: &str = "DOCKER_SCOUT_ARTIFACTORY_WEBHOOK_SECRET";
const WITH_PORT: &str = "type=artifactory,registry=r.example.com,api=r.example.com,port=9000";

fn flags(environment: &impl Environment, text: &str) -> Result<OpenedRegistry> {
    open_registry(environment, text, [""; 0])
}

#[test]
fn repositories_beside_the_string_are_the_ones_looked_at() {
    let opened = open_registry(&[], "r.example.com", ["team/app"]).unwrap();
    assert!(!opened.registry.lists_all());
    assert!(opened.registry.selects(&"team/app".parse().unwrap()));
    assert!(flags(&[], "r.example.com").unwrap().registry.lists_all());
    let twice = "type=oci,registry=r.example.com,repository=a";
    let error = open_registry(&[], twice, ["b"]).unwrap_err();
    assert!(error.is_usage());
    let error = chain(&error);
    assert!(
        error.starts_with("--registry: ") && error.contains("--repository"),
        "{error}"
    );
}

#[test]
fn a_port_needs_a_secret() {
    let error = flags(&[], WITH_PORT).unwrap_err();
    assert!(error.is_usage());
    let error = chain(&error);
    for word in ["port=9000", SECRET, "webhook-secret=env:NAME", "file:PATH"] {
        assert!(error.contains(word), "{error}");
    }
    // A secret that is there but empty would let everybody in; it is no secret.
    assert!(flags(&[(SECRET, " ")], WITH_PORT).is_err());
    let opened = flags(&[(SECRET, "s")], WITH_PORT).unwrap();
    assert_eq!(
        opened.webhook,
        Some(WebhookSettings {
            port: 9000,
            tls: None
        })
    );
    assert!(opened.registry.events().is_some());
    let own = format!("{WITH_PORT},webhook-secret=env:A");
    assert!(flags(&[("A", "s")], &own).unwrap().webhook.is_some());
    let error = chain(&flags(&[(SECRET, "s")], &own).unwrap_err());
    assert!(error.contains("webhook-secret=env:A"), "{error}");
    // Without a port nothing is received.
    let quiet = "type=artifactory,registry=r.example.com,api=r.example.com";
    assert_eq!(flags(&[(SECRET, "s")], quiet).unwrap().webhook, None);
}

#[test]
fn both_secrets_are_read_from_parameters_else_from_variables() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    std::fs::write(&path, "from-file\n").unwrap();
    let previous = format!("{SECRET}_PREVIOUS");
    let variables = [(SECRET, "one"), (previous.as_str(), "two"), ("A", "three")];
    for (more, expected) in [
        (String::new(), ["one", "two"]),
        (",webhook-secret=env:A".to_owned(), ["three", "two"]),
        (
            ",webhook-secret-previous=env:A".to_owned(),
            ["one", "three"],
        ),
        (
            format!(",webhook-secret=file:{}", path.display()),
            ["from-file", "two"],
        ),
    ] {
        let spec = RegistrySpec::parse(&format!("{WITH_PORT}{more}")).unwrap();
        let mut files = SecretFiles::default();
        let secrets = webhook_secrets(&variables, &spec, &mut files).unwrap();
        let secrets: Vec<_> = secrets
            .iter()
            .map(secrecy::ExposeSecret::expose_secret)
            .collect();
        assert_eq!(secrets, expected, "{more}");
    }
}

#[test]
fn a_changed_file_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let paths = ["password", "secret", "cert.pem", "key.pem"].map(|name| dir.path().join(name));
    for path in &paths {
        std::fs::write(path, "one").unwrap();
    }
    let [password, secret, cert, key] = paths.each_ref().map(|path| path.display());
    let text = format!(
        "{WITH_PORT},user=u,password=file:{password},webhook-secret=file:{secret},\
         webhook-cert={cert},webhook-key={key}"
    );
    for path in &paths {
        let opened = flags(&[], &text).unwrap();
        assert!(!opened.has_changed());
        std::fs::write(path, "two, and longer").unwrap();
        assert!(opened.has_changed(), "{}", path.display());
    }
    assert_eq!(flags(&[], &text).unwrap().renew_after(), None);
}

#[test]
fn a_runtime_is_no_registry_of_flags() {
    let error = flags(&[("T", "t")], "type=sysdig,region=us1,token=env:T").unwrap_err();
    assert!(error.is_usage());
    let error = chain(&error);
    for word in ["--registry", "sysdig", "scout integration add sysdig"] {
        assert!(error.contains(word), "{error}");
    }
}
