//! The Docker API of the imitation: a registry below each repository.

use std::collections::{BTreeMap, BTreeSet};

use scout_envs::Tag;
use serde_json::json;

use super::{BASIC, BEARER, File, Login, PAGE, State, V2_TOKEN, query, rest_error};
use crate::testing::{Asked, Reply};

impl State {
    pub(super) fn docker(&self, path: &str, asked: &Asked, host: &str) -> Reply {
        let Some((key, rest)) = path.split_once("/v2/") else {
            return rest_error(400, "Unsupported docker repository request");
        };
        let keys = self.keys_behind(key);
        if keys.is_empty() {
            return rest_error(404, "not a Docker repository");
        }
        if rest == "token" {
            return match asked.authorization.as_deref() {
                Some(BASIC) => Reply::new(200, r#"{"token":"docker-token","expires_in":3600}"#),
                _ => rest_error(401, "Bad credentials"),
            };
        }
        let authorization = asked.authorization.as_deref();
        let is_let_in = match self.login {
            Login::Basic => matches!(authorization, Some(BASIC | BEARER)),
            Login::Token => matches!(authorization, Some(V2_TOKEN | BEARER)),
            Login::Anonymous => rest.is_empty() || matches!(authorization, Some(BASIC | BEARER)),
        };
        if !is_let_in {
            let realm = format!("http://{host}/artifactory/api/docker/{key}/v2/token");
            let challenge = match self.login {
                Login::Token => format!(r#"Bearer realm="{realm}",service="{host}",scope="x:y:z""#),
                _ => r#"Basic realm="Artifactory Realm""#.to_owned(),
            };
            // Where anonymous access is on, what it may not see does not exist.
            return match self.login {
                Login::Anonymous => Reply::error(404, "NAME_UNKNOWN"),
                _ => Reply::error(401, "UNAUTHORIZED").header("www-authenticate", challenge),
            };
        }
        if !matches!(asked.method.as_str(), "GET" | "HEAD") {
            return rest_error(405, "Method Not Allowed");
        }
        self.registry(&keys, rest, &query(&asked.target))
    }

    fn registry(&self, keys: &[String], rest: &str, query: &BTreeMap<String, String>) -> Reply {
        // Key, image, tag, file.
        let held: Vec<(&str, &str, &str, &File)> = self
            .files
            .iter()
            .filter_map(|(path, file)| {
                let (folder, _) = path.rsplit_once('/')?;
                let (folder, tag) = folder.rsplit_once('/')?;
                let (key, image) = folder.split_once('/')?;
                Some((key, image, tag, file))
            })
            .filter(|(key, ..)| keys.iter().any(|own| own == key))
            .collect();
        if rest.is_empty() {
            return Reply::new(200, "{}");
        }
        if rest == "_catalog" {
            let images = held
                .iter()
                .map(|(_, image, ..)| (*image).to_owned())
                .collect();
            return page("repositories", rest, images, query);
        }
        if let Some(image) = rest.strip_suffix("/tags/list") {
            let tags = held.iter().filter(|(_, it, ..)| *it == image);
            let tags = tags.map(|(_, _, tag, _)| (*tag).to_owned());
            let tags: BTreeSet<String> = tags.filter(|tag| tag.parse::<Tag>().is_ok()).collect();
            return match tags.is_empty() {
                true => Reply::error(404, "NAME_UNKNOWN"),
                false => page("tags", rest, tags, query),
            };
        }
        if let Some((image, reference)) = rest.split_once("/manifests/") {
            let mut found: Vec<_> = held
                .iter()
                .filter(|(_, it, tag, file)| {
                    *it == image && (*tag == reference || file.digest() == reference)
                })
                .collect();
            // The newest counts.
            found.sort_by_key(|(.., file)| &file.updated);
            return match found.last() {
                None => Reply::error(404, "MANIFEST_UNKNOWN"),
                Some((.., file)) => Reply::new(200, file.body.clone())
                    .header("content-type", file.media_type)
                    .header("docker-content-digest", file.digest()),
            };
        }
        match rest.split_once("/blobs/") {
            Some((_, digest)) if self.blobs.contains_key(digest) => {
                Reply::new(200, self.blobs[digest].clone())
            }
            Some(_) => Reply::error(404, "BLOB_UNKNOWN"),
            None => rest_error(404, "Not Found"),
        }
    }
}

/// A page of a list, with the link that Artifactory's registry writes: without the path that is
/// before it outside.
fn page(
    field: &str,
    rest: &str,
    names: BTreeSet<String>,
    query: &BTreeMap<String, String>,
) -> Reply {
    let Some(wanted) = query.get("n").and_then(|n| n.parse::<usize>().ok()) else {
        return Reply::error(400, "PAGINATION_NUMBER_INVALID");
    };
    let last = query.get("last").cloned().unwrap_or_default();
    let mut left: Vec<String> = names.into_iter().filter(|name| *name > last).collect();
    // Large lists come in larger pages, to keep tests fast.
    let size = wanted.min(PAGE.max(left.len() / 3));
    let is_last = left.len() <= size;
    left.truncate(size);
    let link = left.last().map(|name| {
        let last: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        format!("</v2/{rest}?last={last}&n={wanted}>; rel=\"next\"")
    });
    let reply = Reply::new(200, json!({ "name": rest, field: left }).to_string());
    match link.filter(|_| !is_last) {
        Some(link) => reply.header("link", link),
        None => reply,
    }
}
