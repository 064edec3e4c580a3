//! Files people write, slips they make, and secrets that must not be shown.

use super::*;
use scout_platform::chain;

const EXAMPLE: &str = r#"
org = "acme"
data-dir = "scout-data"
workers = 3
interval = 60
all-images = false
refresh-registry = true
advisories = "advisories"
platform = "linux/arm64"

[[integration]]
name = "docker-local"
type = "artifactory"
registry = "example.jfrog.io"
api = "https://example.jfrog.io/artifactory"
repository = ["docker-local", "other-local"]
include = ["*/{a,b}", "c*"]
port = 9_000
subdomain-mode = true
user = "scout"
password = "file:/run/secrets/artifactory"

[[integration]]
name = "images"
type = "oci-dir"
path = "images"
"#;

fn load(text: &str) -> Result<ConfigFile> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("scout.toml");
    std::fs::write(&path, text).unwrap();
    ConfigFile::load(&path)
}

#[test]
fn everything_that_is_documented_is_read() {
    let file = load(EXAMPLE).unwrap();
    let defaults = &file.defaults;
    assert_eq!(defaults.org.as_ref().unwrap().as_str(), "acme");
    assert_eq!(defaults.data_dir, Some("scout-data".into()));
    assert_eq!(defaults.workers, Some(3));
    assert_eq!(defaults.interval_seconds, Some(60));
    assert_eq!(defaults.all_images, Some(false));
    assert_eq!(defaults.refresh_registry, Some(true));
    assert_eq!(defaults.advisories, Some("advisories".into()));
    assert_eq!(
        defaults.platform.as_ref().unwrap().to_string(),
        "linux/arm64"
    );
    let [artifactory, images] = file.integrations.as_slice() else {
        panic!("{file:?}");
    };
    assert_eq!(artifactory.name.as_str(), "docker-local");
    assert_eq!(artifactory.spec.kind(), "artifactory");
    let IntegrationSpec::Registry(spec) = &artifactory.spec else {
        panic!("{artifactory:?}");
    };
    assert_eq!(spec.webhook().port, Some(9000));
    let expected = [
        ("type", "artifactory"),
        ("registry", "example.jfrog.io"),
        ("api", "https://example.jfrog.io/artifactory"),
        ("repository", "docker-local,other-local"),
        ("include", "*/{a,b},c*"),
        ("port", "9000"),
        ("subdomain-mode", "true"),
        ("user", "scout"),
        ("password", "file:/run/secrets/artifactory"),
    ];
    let pairs = artifactory.parameters.pairs();
    assert_eq!(
        pairs,
        expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
    assert_eq!(images.parameters.kind(), "oci-dir");
    let empty = load("").unwrap();
    assert!(empty.integrations.is_empty() && empty.defaults.workers.is_none());
}

/// Checks that the text is refused at this line, and that the error has these words.
fn check(text: &str, line: usize, words: &[&str]) {
    let error = load(text).unwrap_err();
    assert!(error.is_usage(), "{text}");
    let shown = chain(&error);
    let place = format!("scout.toml, line {line}: ");
    for word in words.iter().chain(&[place.as_str()]) {
        assert!(shown.contains(word), "{text}\n{word}\n{shown}");
    }
}

#[test]
fn slips_outside_of_integrations_are_named_with_their_line() {
    check(
        "org = \"a\"\nworker = 3\n",
        2,
        &["\"worker\"", "org, data-dir, workers"],
    );
    check(
        "\n[integrations]\n",
        2,
        &["\"integrations\"", "platform, integration"],
    );
    check(
        "workers = \"3\"",
        1,
        &["workers is a text", "a whole number"],
    );
    check("workers = 0", 1, &["workers is not between 1 and 64"]);
    check("workers = -1", 1, &["workers is not between 1 and 64"]);
    check(
        "\n\ninterval = 604801",
        3,
        &["interval is not between 1 and 604800"],
    );
    check(
        "interval = 99999999999999999999",
        1,
        &["interval is not between"],
    );
    check(
        "all-images = \"yes\"",
        1,
        &["all-images is a text", "true or false"],
    );
    check(
        "data-dir = 7",
        1,
        &["data-dir is a whole number", "a text in quotes"],
    );
    check("data-dir = \"\"", 1, &["data-dir: it is empty"]);
    check(
        "org = \"A B\"",
        1,
        &["org: \"A B\" is not an organization name"],
    );
    check("platform = \"linux\"", 1, &["platform: "]);
    check("org = \"a\"\norg = \"b\"", 2, &["not TOML: duplicate key"]);
    check("org = acme", 1, &["not TOML: ", "quoted"]);
    check(
        "integration = 1",
        1,
        &["integration is a whole number", "[[integration]]"],
    );
    check("integration = [1]", 1, &["[[integration]]"]);
    check(
        "[integration]\nname = \"a\"",
        1,
        &["integration is a table", "[[integration]]"],
    );
}

#[test]
fn slips_in_integrations_are_named_with_the_integration() {
    let check_own = |own: &str, line: usize, words: &[&str]| {
        let text = format!("org = \"a\"\n\n[[integration]]\nname = \"reg\"\n{own}");
        check(&text, line, words);
    };
    let oci = "type = \"oci\"\nregistry = \"r\"\n";
    check_own("", 3, &["no type", "type = "]);
    check_own(
        "type = \"ocy\"",
        3,
        &["integration reg", "type=ocy", "the types are ", "oci-dir"],
    );
    check_own("type = 1", 5, &["type is a whole number"]);
    check_own("type = \"oci\"", 3, &["integration reg", "needs registry="]);
    check_own(
        &format!("{oci}regisry = 1"),
        7,
        &["\"regisry\"", "type \"oci\"", "name, type, registry"],
    );
    check_own(
        &format!("{oci}tenant = 1"),
        7,
        &["\"tenant\"", "type \"oci\""],
    );
    check_own(
        &format!("{oci}insecure = 1.5"),
        7,
        &["insecure is a number with a fraction"],
    );
    check_own(
        &format!("{oci}insecure = 2000-01-01"),
        7,
        &["insecure is a date"],
    );
    check_own(
        &format!("{oci}include = [[\"a\"]]"),
        7,
        &["include is a list", "list of these"],
    );
    check_own(
        &format!("{oci}include = {{ a = 1 }}"),
        7,
        &["include is a table"],
    );
    check_own(
        &format!("{oci}include = [\"a,b\"]"),
        7,
        &["include", "comma"],
    );
    check_own(
        &format!("{oci}include = []"),
        3,
        &["integration reg", "include= has no value"],
    );
    check_own(
        &format!("{oci}insecure = 3"),
        3,
        &["integration reg", "insecure=3"],
    );
    check_own(
        &format!("{oci}user = \"\""),
        3,
        &["integration reg", "user= has no value"],
    );
    let again = format!("{oci}\n[[integration]]\ntype=\"oci\"\nregistry=\"r\"\nname=\"reg\"");
    check_own(&again, 11, &["integration reg at line 3 already"]);
    check("[[integration]]\ntype = \"oci\"\n", 1, &["no name"]);
    check("[[integration]]\nname = \"A/B\"", 2, &["name: \"A/B\""]);
}

#[test]
fn a_secret_in_the_file_is_refused_and_never_shown() {
    let start = "[[integration]]\nname = \"reg\"\ntype = \"harbor\"\nregistry = \"r\"\n";
    for literal in [
        "password = \"canary\"",
        "token = \"canary\"",
        "webhook-secret = \"canary\"",
        "webhook-secret-previous = \"canary\"",
        "password = [\"canary\"]",
    ] {
        let text = format!("{start}{literal}\n");
        check(&text, 1, &["integration reg", "env:NAME", "file:PATH"]);
    }
    for slip in [
        "password = \"canary\"",
        "password = canary",
        "password = \"canary",
        "password = 'canary\"",
        "password = \"\"\"canary",
        "password = \"canary\" canary",
        "password = \"canary\\q\"",
        "password = [\"canary\", 1.5]",
        "password = { canary = \"canary\" }",
        "password = [\"canary\"",
        "password \"canary\"",
        "password: canary",
        "passwrd = \"canary\"",
        "password.file = \"canary\"",
        "password = \"env:canary canary\"",
        "password = env:canary",
        "password = \"a\"\npassword = \"canary\"",
        "password = \"a\"\npassword.canary = \"canary\"",
        "password = 2000-01-01canary",
        "password = 1canary",
        "password = 0xcanary",
        "registry-password = \"canary\"",
        "api = \"https://bob:canary@r/\"",
        "registry = \"bob:canary@r\"",
        "allow-host = \"bob:canary@r\"",
        "\"canary",
    ] {
        let start = match slip.starts_with("registry =") {
            true => start.replace("registry = \"r\"\n", ""),
            false => start.to_owned(),
        };
        let error = load(&format!("{start}{slip}\n")).unwrap_err();
        let shown = format!("{} {error:?} {error:#?}", chain(&error));
        assert!(!shown.contains("canary"), "{slip}: {shown}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = ConfigFile::load(Path::new("/nonexistent/scout.toml")).unwrap_err();
    let shown = chain(&error);
    assert!(
        shown.starts_with("cannot read /nonexistent/scout.toml: "),
        "{shown}"
    );
    let long = "#".repeat(usize::try_from(MAX_LEN).unwrap() + 1);
    assert!(chain(&load(&long).unwrap_err()).contains("longer than 1024 KiB"));
}
