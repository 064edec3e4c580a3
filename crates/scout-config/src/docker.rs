//! The credentials that Docker's `config.json` holds or that its credential helpers find.
//!
//! As the Docker CLI does it: the helper of `credHelpers` for this host, else that of
//! `credsStore`, else the plain entries of `auths`. What a helper does not find is not looked for
//! in `auths` (docker/cli, `cli/config/configfile/file.go` and `cli/config/credentials`).

mod helper;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scout_registry::RegistryCredentials;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::credentials::CredentialSource;
use crate::docker::helper::Helper;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::file::read_text;
use crate::secret::SecretFiles;

/// Where Docker keeps its configuration, if not in `$HOME/.docker`.
const DOCKER_CONFIG: &str = "DOCKER_CONFIG";
/// Longest `config.json`, in bytes: thousands of entries fit.
const MAX_CONFIG: u64 = 1024 * 1024;
/// Docker Hub's names among hosts.
const HUB: &[&str] = &["docker.io", "index.docker.io", "registry-1.docker.io"];
/// The name under which Docker keeps credentials for Docker Hub.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// The user that stands with a refresh token of Azure Container Registry (Microsoft, "Azure
/// Container Registry authentication": `az acr login --expose-token`).
const ACR_TOKEN_USER: &str = "00000000-0000-0000-0000-000000000000";
/// How hosts of Azure Container Registry end, in the public and the sovereign clouds.
const ACR_HOSTS: &[&str] = &[".azurecr.io", ".azurecr.cn", ".azurecr.us"];

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerFile {
    auths: Option<BTreeMap<String, Entry>>,
    creds_store: Option<String>,
    cred_helpers: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Entry {
    auth: Option<SecretString>,
    username: Option<String>,
    password: Option<SecretString>,
    identitytoken: Option<SecretString>,
}

/// What Docker has for a host.
enum Login {
    Password(String, SecretString),
    IdentityToken(SecretString),
}

/// Returns the credentials that Docker has for the registry's host; nothing if there is no
/// configuration or it has none.
pub(crate) fn docker_credentials(
    environment: &impl Environment,
    kind: &str,
    host: &str,
    files: &mut SecretFiles,
) -> Result<Option<(RegistryCredentials, CredentialSource)>> {
    let Some(path) = config_path(environment) else {
        return Ok(None);
    };
    files.remember(&path);
    let text = match read_text(&path, MAX_CONFIG) {
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
    let file = parse(&text).map_err(|problem| wrong(&path, problem))?;
    let (login, source) = match file.helper(host) {
        Some(name) => {
            let helper = Helper::named(name).ok_or_else(|| wrong(&path, helper::bad_name(name)))?;
            let login = helper.get(environment, helper_key(host), helper::TIMEOUT);
            let login = login.map_err(|source| Error::CredentialHelper {
                program: helper.program().to_owned(),
                host: host.to_owned(),
                source: source.into(),
            })?;
            (login, CredentialSource::CredentialHelper)
        }
        None => {
            let login = file.login(host).map_err(|problem| wrong(&path, problem))?;
            (login, CredentialSource::DockerConfig)
        }
    };
    match login {
        None => Ok(None),
        Some(login) => Ok(Some((usable(login, kind, host)?, source))),
    }
}

fn config_path(environment: &impl Environment) -> Option<PathBuf> {
    let dir = match environment.get(DOCKER_CONFIG) {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(environment.get("HOME")?).join(".docker"),
    };
    Some(dir.join("config.json"))
}

fn wrong(path: &Path, problem: String) -> Error {
    Error::DockerConfig {
        path: path.to_owned(),
        source: problem.into(),
    }
}

fn parse(text: &str) -> Result<DockerFile, String> {
    serde_json::from_str(text).map_err(|error| json_problem(&error))
}

/// What is wrong with a JSON text. The parser's own words may quote a secret.
fn json_problem(error: &serde_json::Error) -> String {
    let problem = match error.classify() {
        serde_json::error::Category::Data => "an unexpected kind of value",
        serde_json::error::Category::Eof => "an end too early",
        _ => "no JSON",
    };
    let (line, column) = (error.line(), error.column());
    format!("there is {problem} at line {line}, column {column}")
}

impl DockerFile {
    /// Returns the name of the helper that is asked for this host, if one is.
    fn helper(&self, host: &str) -> Option<&str> {
        let own = self.cred_helpers.as_ref().and_then(|all| find(all, host));
        let name = own.or(self.creds_store.as_ref())?;
        // Docker takes an empty name for "none, look at the plain entries".
        (!name.is_empty()).then_some(name)
    }

    fn login(self, host: &str) -> Result<Option<Login>, String> {
        let mut auths = self.auths.unwrap_or_default();
        let Some(key) = key_for(&auths, host).cloned() else {
            return Ok(None);
        };
        let Some(entry) = auths.remove(&key) else {
            return Ok(None);
        };
        let has_text = |secret: &SecretString| !secret.expose_secret().is_empty();
        if let Some(token) = entry.identitytoken.filter(has_text) {
            return Ok(Some(Login::IdentityToken(token)));
        }
        if let (Some(user), Some(password)) = (entry.username, entry.password) {
            return Ok(Some(Login::Password(user, password)));
        }
        let Some(auth) = entry.auth.filter(has_text) else {
            return Ok(None);
        };
        let decoded = STANDARD
            .decode(auth.expose_secret().trim())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        match decoded.as_deref().and_then(|text| text.split_once(':')) {
            Some((user, password)) => Ok(Some(Login::Password(
                user.to_owned(),
                password.trim_end_matches('\0').into(),
            ))),
            None => Err(format!(
                "the entry for {host} is not `user:password` in base64"
            )),
        }
    }
}

/// Returns the key that is meant for the host: its own name, else one of the older forms.
fn key_for<'a, T>(entries: &'a BTreeMap<String, T>, host: &str) -> Option<&'a String> {
    let exact = entries.get_key_value(helper_key(host)).map(|(key, _)| key);
    exact.or_else(|| entries.keys().find(|key| is_for(key, host)))
}

fn find<'a, T>(entries: &'a BTreeMap<String, T>, host: &str) -> Option<&'a T> {
    entries.get(key_for(entries, host)?)
}

/// Returns the name by which Docker asks a helper about the host.
fn helper_key(host: &str) -> &str {
    match HUB.contains(&host) {
        true => HUB_KEY,
        false => host,
    }
}

/// Docker writes hosts, with a scheme and a path in older entries.
fn is_for(key: &str, host: &str) -> bool {
    let key = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    let key = key.split('/').next().unwrap_or(key);
    let canonical = |host: &str| match HUB.contains(&host) {
        true => "docker.io".to_owned(),
        false => host.to_ascii_lowercase(),
    };
    canonical(key) == canonical(host)
}

/// Returns what we can use of it. A registry exchanges an identity token for access tokens; of
/// those that give such tokens, only Azure Container Registry takes them as a password, too.
fn usable(login: Login, kind: &str, host: &str) -> Result<RegistryCredentials> {
    match login {
        Login::Password(user, password) => Ok(RegistryCredentials::Basic { user, password }),
        Login::IdentityToken(token)
            if kind == "acr" || ACR_HOSTS.iter().any(|end| host.ends_with(end)) =>
        {
            Ok(RegistryCredentials::Basic {
                user: ACR_TOKEN_USER.to_owned(),
                password: token,
            })
        }
        Login::IdentityToken(_) => Err(Error::IdentityToken {
            host: host.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
