//! The plain credentials in Docker's `config.json`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scout_registry::RegistryCredentials;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::environment::Environment;
use crate::error::{Error, Result};

/// Where Docker keeps its configuration, if not in `$HOME/.docker`.
const DOCKER_CONFIG: &str = "DOCKER_CONFIG";

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    auth: Option<SecretString>,
    username: Option<String>,
    password: Option<SecretString>,
}

/// Returns the credentials that Docker's configuration holds for the registry's host; nothing if
/// there is no file or no plain entry.
pub(crate) fn docker_credentials(
    environment: &impl Environment,
    host: &str,
) -> Result<Option<RegistryCredentials>> {
    let Some(path) = config_path(environment) else {
        return Ok(None);
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::File {
                action: "read",
                path,
                source,
            });
        }
    };
    parse(&text, host, &path)
}

fn config_path(environment: &impl Environment) -> Option<PathBuf> {
    let dir = match environment.get(DOCKER_CONFIG) {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(environment.get("HOME")?).join(".docker"),
    };
    Some(dir.join("config.json"))
}

fn parse(text: &str, host: &str, path: &Path) -> Result<Option<RegistryCredentials>> {
    let wrong = |source| Error::DockerConfig {
        path: path.to_owned(),
        source,
    };
    let file: ConfigFile = serde_json::from_str(text).map_err(|error| wrong(error.into()))?;
    let Some((_, entry)) = file.auths.into_iter().find(|(key, _)| is_for(key, host)) else {
        return Ok(None);
    };
    if let (Some(user), Some(password)) = (entry.username, entry.password) {
        return Ok(Some(RegistryCredentials::Basic { user, password }));
    }
    let Some(auth) = entry.auth.filter(|auth| !auth.expose_secret().is_empty()) else {
        return Ok(None);
    };
    let decoded = STANDARD
        .decode(auth.expose_secret().trim())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded.as_deref().and_then(|text| text.split_once(':')) {
        Some((user, password)) => Ok(Some(RegistryCredentials::Basic {
            user: user.to_owned(),
            password: password.trim_end_matches('\0').into(),
        })),
        None => Err(wrong(
            format!("the entry for {host} is not `user:password` in base64").into(),
        )),
    }
}

/// Docker writes hosts, with a scheme and a path in older entries.
fn is_for(key: &str, host: &str) -> bool {
    let key = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    let key = key.split('/').next().unwrap_or(key);
    let canonical = |host: &str| match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        other => other.to_ascii_lowercase(),
    };
    canonical(key) == canonical(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, host: &str, expected: Option<(&str, &str)>) {
        let found = parse(text, host, Path::new("config.json")).unwrap();
        let found = found.map(|credentials| match credentials {
            RegistryCredentials::Basic { user, password } => {
                (user, password.expose_secret().to_owned())
            }
            other => panic!("{other:?}"),
        });
        let found = found
            .as_ref()
            .map(|(user, password)| (user.as_str(), password.as_str()));
        assert_eq!(found, expected, "{text} {host}");
    }

    #[test]
    fn finds_the_host_in_the_ways_docker_writes_it() {
        let auth = STANDARD.encode("me:se:cret");
        for key in [
            "r.example.com",
            "https://r.example.com",
            "https://r.example.com/v2/",
        ] {
            let text = format!("{{\"auths\":{{\"{key}\":{{\"auth\":\"{auth}\"}}}}}}");
            check(&text, "r.example.com", Some(("me", "se:cret")));
            check(&text, "other.example.com", None);
        }
        let hub =
            format!("{{\"auths\":{{\"https://index.docker.io/v1/\":{{\"auth\":\"{auth}\"}}}}}}");
        check(&hub, "docker.io", Some(("me", "se:cret")));
        check(
            "{\"auths\":{\"r\":{\"username\":\"u\",\"password\":\"p\"}}}",
            "r",
            Some(("u", "p")),
        );
        check("{\"auths\":{\"r\":{}},\"credsStore\":\"pass\"}", "r", None);
        check("{}", "r", None);
    }

    #[test]
    fn a_damaged_file_is_named_and_its_content_is_not() {
        let error = parse(
            "{\"auths\":{\"r\":{\"auth\":\"secret!\"}}}",
            "r",
            Path::new("c.json"),
        );
        let error = format!("{:?}", error.unwrap_err());
        assert!(
            error.contains("c.json") && !error.contains("secret!"),
            "{error}"
        );
    }
}
