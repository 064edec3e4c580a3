//! What Docker has for a host: plain entries, and helpers made for the test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use scout_platform::chain;

/// A directory with helpers and a `config.json`; what `PATH` and `DOCKER_CONFIG` name.
struct Docker {
    dir: TempDir,
    /// A program that is still open for writing cannot be run, and a program started meanwhile
    /// inherits it open: one such test at a time.
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

impl Docker {
    fn new(config: &str) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("config.json"), config).unwrap();
        Self { dir, _alone: alone }
    }

    fn with_helper(self, name: &str, script: &str) -> Self {
        let path = self.dir.path().join(format!("docker-credential-{name}"));
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Returns `user:password`, and where it was found.
    fn ask(&self, kind: &str, host: &str) -> Result<Option<(String, CredentialSource)>> {
        let dir = self.dir.path().to_str().unwrap();
        let path = format!("relative:/nonexistent:{dir}");
        let environment = [("PATH", path.as_str()), ("DOCKER_CONFIG", dir)];
        let mut files = SecretFiles::default();
        let found = docker_credentials(&environment, kind, host, &mut files)?;
        assert_eq!(files.paths().count(), 1);
        Ok(found.map(|(credentials, source)| match credentials {
            RegistryCredentials::Basic { user, password } => {
                (format!("{user}:{}", password.expose_secret()), source)
            }
            other => panic!("{other:?}"),
        }))
    }
}

#[track_caller]
fn check_plain(text: &str, host: &str, expected: Option<&str>) {
    let found = Docker::new(text).ask("oci", host).unwrap();
    let expected = expected.map(|text| (text.to_owned(), CredentialSource::DockerConfig));
    assert_eq!(found, expected, "{text} {host}");
}

#[test]
fn plain_entries_are_found_in_the_ways_docker_writes_them() {
    let auth = STANDARD.encode("me:se:cret");
    for key in [
        "r.example.com",
        "https://r.example.com",
        "https://r.example.com/v2/",
    ] {
        let text = format!("{{\"auths\":{{\"{key}\":{{\"auth\":\"{auth}\"}}}}}}");
        check_plain(&text, "r.example.com", Some("me:se:cret"));
        check_plain(&text, "other.example.com", None);
        check_plain(&text, "r.example.com:5000", None);
    }
    let hub = format!("{{\"auths\":{{\"https://index.docker.io/v1/\":{{\"auth\":\"{auth}\"}}}}}}");
    check_plain(&hub, "docker.io", Some("me:se:cret"));
    let named = r#"{"auths":{"r":{"username":"u","password":"p"}}}"#;
    check_plain(named, "r", Some("u:p"));
    // The host's own name comes before older forms of it.
    let both = r#"{"auths":{"http://r/v1/":{"username":"old","password":"p"},
        "r":{"username":"u","password":"p"}}}"#;
    check_plain(both, "r", Some("u:p"));
    for nothing in [
        "{}",
        r#"{"auths":null}"#,
        r#"{"auths":{"r":{}}}"#,
        r#"{"credsStore":""}"#,
    ] {
        check_plain(nothing, "r", None);
    }
}

#[test]
fn a_damaged_file_is_named_and_its_content_is_not() {
    for text in [
        r#"{"auths":{"r":{"auth":"canary!"}}}"#,
        r#"{"auths":{"r":"canary"}}"#,
        r#"{"auths":{"r":{"auth":["canary"]}}}"#,
        r#"{"auths":{"r":{"password":123454321,"auth":"canary"}}}"#,
        r#"{"auths":{"r":{"auth":"canary"#,
        r#"{"credsStore":{"canary":1}}"#,
        "canary",
    ] {
        let error = Docker::new(text).ask("oci", "r").unwrap_err();
        let shown = format!("{} {error:?}", chain(&error));
        assert!(shown.contains("config.json"), "{shown}");
        assert!(
            !shown.contains("canary") && !shown.contains("123454321"),
            "{shown}"
        );
    }
}

/// Answers with what it was asked about, so that the test sees it.
const ECHO: &str = r#"read server; test "$1" = get || exit 9
printf '{"ServerURL":"%s","Username":"%s","Secret":"%s"}' "$server" "$0" "$server" |
    sed 's|"Username":"[^"]*/|"Username":"|'"#;

#[test]
fn the_helper_of_the_host_comes_before_the_store_and_the_store_before_plain_entries() {
    let config = r#"{"auths":{"a.example.com":{"username":"u","password":"p"},
        "plain.example.com":{"username":"u","password":"p"}},
        "credsStore":"store","credHelpers":{"a.example.com":"own","plain.example.com":""}}"#;
    let docker = Docker::new(config)
        .with_helper("own", ECHO)
        .with_helper("store", ECHO);
    let helper = CredentialSource::CredentialHelper;
    for (host, expected, source) in [
        (
            "a.example.com",
            "docker-credential-own:a.example.com",
            helper,
        ),
        (
            "b.example.com:5000",
            "docker-credential-store:b.example.com:5000",
            helper,
        ),
        (
            "docker.io",
            "docker-credential-store:https://index.docker.io/v1/",
            helper,
        ),
        ("plain.example.com", "u:p", CredentialSource::DockerConfig),
    ] {
        let found = docker.ask("oci", host).unwrap();
        assert_eq!(found, Some((expected.to_owned(), source)), "{host}");
    }
}

#[test]
fn what_a_helper_does_not_find_is_not_looked_for_elsewhere() {
    let config = r#"{"auths":{"r":{"username":"u","password":"p"}},"credsStore":"x"}"#;
    for script in [
        "echo 'credentials not found in native keychain'; exit 1",
        r#"echo '{"ServerURL":"r","Username":"","Secret":""}'"#,
    ] {
        let docker = Docker::new(config).with_helper("x", script);
        assert_eq!(docker.ask("oci", "r").unwrap(), None, "{script}");
    }
}

#[test]
fn an_identity_token_is_used_with_azure_only() {
    let helper = r#"echo '{"ServerURL":"","Username":"<token>","Secret":"canary"}'"#;
    let by_helper = Docker::new(r#"{"credsStore":"x"}"#).with_helper("x", helper);
    let expected = format!("{ACR_TOKEN_USER}:canary");
    for (kind, host, is_used) in [
        ("acr", "registry.example.com", true),
        ("oci", "example.azurecr.io", true),
        ("oci", "azurecr.io.example.com", false),
        ("oci", "registry.example.com", false),
    ] {
        let found = by_helper.ask(kind, host);
        match is_used {
            true => assert_eq!(found.unwrap().unwrap().0, expected, "{kind} {host}"),
            false => {
                let error = found.unwrap_err();
                let shown = format!("{} {error:?}", chain(&error));
                assert!(
                    shown.contains(host) && shown.contains("identity token"),
                    "{shown}"
                );
                assert!(!shown.contains("canary"), "{shown}");
            }
        }
    }
    drop(by_helper);
    let plain = r#"{"auths":{"x.azurecr.io":{"auth":"MDAwOg==","identitytoken":"canary"}}}"#;
    check_plain(plain, "x.azurecr.io", Some(&expected));
}

#[test]
fn a_helper_that_fails_is_named_with_what_to_do_and_its_words_are_not_shown() {
    let long = "yes canary | head -c 200000";
    for (script, words) in [
        (
            "echo canary; echo canary >&2; exit 3",
            &["exit status: 3", "echo r | docker-credential-x get"][..],
        ),
        ("echo canary", &["JSON", "docker-credential-x get"]),
        (r#"echo '{"Username":"u","Secret":["canary"]}'"#, &["JSON"]),
        (r#"echo '{"Secret":"canary"}'"#, &["JSON"]),
        ("true", &["JSON"]),
        (long, &["64 KiB"]),
    ] {
        let docker = Docker::new(r#"{"credsStore":"x"}"#).with_helper("x", script);
        let error = docker.ask("oci", "r").unwrap_err();
        let shown = format!("{} {error:?}", chain(&error));
        for word in words.iter().chain(&["docker-credential-x", "for r"]) {
            assert!(shown.contains(word), "{script}: {shown}");
        }
        assert!(!shown.contains("canary"), "{script}: {shown}");
    }
    let missing = Docker::new(r#"{"credsStore":"x"}"#);
    // A file that cannot be run is no program.
    fs::write(missing.dir.path().join("docker-credential-x"), "").unwrap();
    let shown = chain(&missing.ask("oci", "r").unwrap_err());
    assert!(
        shown.contains("docker-credential-x") && shown.contains("PATH"),
        "{shown}"
    );
}

#[test]
fn a_name_that_could_lead_elsewhere_is_refused() {
    for name in ["../x", "a/b", "/bin/sh", "a b", "x;y", "ä", &"a".repeat(65)] {
        let docker = Docker::new(&format!("{{\"credsStore\":\"{name}\"}}"));
        let shown = chain(&docker.ask("oci", "r").unwrap_err());
        assert!(
            shown.contains("config.json") && shown.contains("credential helper"),
            "{shown}"
        );
    }
}

/// Returns what a helper said within the time; the test fails if it is not stopped in time.
fn ask_briefly(docker: &Docker) -> String {
    let path = docker.dir.path().to_str().unwrap();
    let started = Instant::now();
    let helper = Helper::named("x").unwrap();
    let result = helper.get(&[("PATH", path)], "r", Duration::from_millis(200));
    assert!(started.elapsed() < Duration::from_secs(30));
    result.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_helper_that_hangs_is_stopped_with_all_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    let note = format!("echo $$ >> {}", pids.display());
    for script in [
        format!("{note}\nexec sleep 600"),
        // Its child holds the output; the helper itself waits.
        format!("sh -c '{note}; exec sleep 600' &\nwait"),
        // The helper has ended, its child holds the output still.
        format!(
            "sh -c '{note}; exec sleep 600' &\nuntil test -s {}; do :; done",
            pids.display()
        ),
    ] {
        let _ = fs::remove_file(&pids);
        let docker = Docker::new("{}").with_helper("x", &script);
        let error = ask_briefly(&docker);
        assert!(error.contains("did not answer"), "{script}: {error}");
        // What was killed may be a zombie until its new parent looks.
        for pid in fs::read_to_string(&pids)
            .unwrap_or_default()
            .split_whitespace()
        {
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            assert!(command.is_empty(), "{script}: {pid} runs");
        }
    }
}
