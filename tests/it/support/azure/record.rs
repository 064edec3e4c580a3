//! What was pushed, and when: the imitation's own record, since the registry behind it has none.
//!
//! Source: data-plane API description 2021-07-01; answers as recorded in azure-sdk-for-js,
//! `sdk/containerregistry`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::accounts::error;
use super::wire::{Asked, Reply, only, pairs};

/// Names on a page at most, whatever is asked for; little, so that pages are followed.
const PAGE: usize = 2;

#[derive(Clone, Debug)]
struct Tag {
    digest: String,
    created: Timestamp,
    updated: Timestamp,
}

#[derive(Clone, Debug)]
struct Manifest {
    media_type: String,
    size: usize,
    created: Timestamp,
}

#[derive(Debug, Default)]
struct Repository {
    tags: BTreeMap<String, Tag>,
    manifests: BTreeMap<String, Manifest>,
}

/// All repositories.
#[derive(Debug, Default)]
pub(super) struct Record(BTreeMap<String, Repository>);

impl Record {
    /// Takes up a push, by tag or by digest.
    pub(super) fn push(&mut self, name: &str, reference: &str, digest: &str, asked: &Asked) {
        let now = Timestamp::now();
        let repository = self.0.entry(name.to_owned()).or_default();
        let manifest = || Manifest {
            media_type: asked.header("content-type").to_owned(),
            size: asked.body.len(),
            created: now,
        };
        let manifests = &mut repository.manifests;
        manifests.entry(digest.to_owned()).or_insert_with(manifest);
        if reference == digest {
            return;
        }
        let tags = &mut repository.tags;
        let tag = tags.entry(reference.to_owned()).or_insert_with(|| Tag {
            digest: digest.to_owned(),
            created: now,
            updated: now,
        });
        (tag.digest, tag.updated) = (digest.to_owned(), now);
    }

    /// Forgets a manifest and the tags that point to it; returns its media type.
    pub(super) fn delete(&mut self, name: &str, digest: &str) -> Option<String> {
        let repository = self.0.get_mut(name)?;
        let manifest = repository.manifests.remove(digest)?;
        repository.tags.retain(|_, tag| tag.digest != digest);
        if repository.manifests.is_empty() {
            self.0.remove(name);
        }
        Some(manifest.media_type)
    }

    /// Forgets a tag; its manifest stays.
    pub(super) fn untag(&mut self, name: &str, tag: &str) -> Option<()> {
        self.0.get_mut(name)?.tags.remove(tag).map(drop)
    }

    /// Returns the digest that a tag points to, or that is given.
    pub(super) fn digest(&self, name: &str, reference: &str) -> Option<String> {
        let repository = self.0.get(name)?;
        if repository.manifests.contains_key(reference) {
            return Some(reference.to_owned());
        }
        Some(repository.tags.get(reference)?.digest.clone())
    }

    /// `_catalog`.
    pub(super) fn catalog(&self, asked: &Asked) -> Reply {
        let names: Vec<_> = self
            .0
            .keys()
            .map(|name| (name.clone(), Value::Null))
            .collect();
        let (page, link) = page(&names, asked);
        let names: Vec<_> = page.into_iter().map(|(name, _)| name).collect();
        linked(&json!({ "repositories": names }), link)
    }

    /// `/v2/<name>/tags/list`.
    pub(super) fn tags(&self, name: &str, asked: &Asked) -> Reply {
        let Some(repository) = self.0.get(name) else {
            return name_unknown();
        };
        let tags = repository.tags.keys();
        let tags: Vec<_> = tags.map(|tag| (tag.clone(), Value::Null)).collect();
        let (page, link) = page(&tags, asked);
        let tags: Vec<_> = page.into_iter().map(|(tag, _)| tag).collect();
        linked(&json!({"name": name, "tags": tags}), link)
    }

    /// `/acr/v1/<name>/_tags`.
    pub(super) fn described_tags(&self, name: &str, asked: &Asked) -> Reply {
        let Some(repository) = self.0.get(name) else {
            return name_unknown();
        };
        let described = |(name, tag): (&String, &Tag)| {
            let tag = json!({
                "name": name, "digest": tag.digest, "createdTime": tag.created,
                "lastUpdateTime": tag.updated, "signed": false,
                "changeableAttributes": attributes(),
            });
            (name.clone(), tag)
        };
        described_page(
            "tags",
            name,
            repository.tags.iter().map(described).collect(),
            asked,
        )
    }

    /// `/acr/v1/<name>/_manifests`.
    pub(super) fn described_manifests(&self, name: &str, asked: &Asked) -> Reply {
        let Some(repository) = self.0.get(name) else {
            return name_unknown();
        };
        let described = |(digest, manifest): (&String, &Manifest)| {
            let tags = repository
                .tags
                .iter()
                .filter(|(_, tag)| tag.digest == *digest);
            let tags: Vec<_> = tags.map(|(name, _)| name).collect();
            let manifest = json!({
                "digest": digest, "imageSize": manifest.size, "createdTime": manifest.created,
                "lastUpdateTime": manifest.created, "mediaType": manifest.media_type,
                "tags": tags, "changeableAttributes": attributes(),
            });
            (digest.clone(), manifest)
        };
        let manifests = repository.manifests.iter().map(described).collect();
        described_page("manifests", name, manifests, asked)
    }
}

fn described_page(what: &str, name: &str, mut items: Vec<(String, Value)>, asked: &Asked) -> Reply {
    let time = |item: &(String, Value)| item.1["lastUpdateTime"].to_string();
    match only(&pairs(asked.query.as_bytes()), "orderby") {
        "" => {}
        "timedesc" => items.sort_by_key(|item| std::cmp::Reverse(time(item))),
        "timeasc" => items.sort_by_key(time),
        _ => return error(400, "UNSUPPORTED", "The operation is unsupported."),
    }
    let (page, link) = page(&items, asked);
    let items: Vec<_> = page.into_iter().map(|(_, item)| item).collect();
    let body = json!({"registry": asked.host(), "imageName": name, what: items});
    linked(&body, link)
}

fn attributes() -> Value {
    json!({"deleteEnabled": true, "writeEnabled": true, "readEnabled": true, "listEnabled": true})
}

fn name_unknown() -> Reply {
    error(404, "NAME_UNKNOWN", "repository name not known to registry")
}

fn linked(body: &Value, link: Option<String>) -> Reply {
    let reply = Reply::json(200, body);
    match link {
        Some(link) => reply.header("link", &link),
        None => reply,
    }
}

/// Returns what stands behind `last`, as much as fits on a page, and how to get the next one.
fn page(items: &[(String, Value)], asked: &Asked) -> (Vec<(String, Value)>, Option<String>) {
    let query = pairs(asked.query.as_bytes());
    let last = only(&query, "last");
    let behind = match items.iter().position(|(name, _)| name == last) {
        Some(position) => position + 1,
        None => 0,
    };
    let mut rest = items[behind..].to_vec();
    let size = only(&query, "n").parse().unwrap_or(100).min(PAGE);
    if rest.len() <= size {
        return (rest, None);
    }
    rest.truncate(size);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("last", &rest[size - 1].0)
        .append_pair("n", &size.to_string())
        .append_pair("orderby", only(&query, "orderby"))
        .finish();
    let link = format!("<{}?{query}>; rel=\"next\"", asked.path);
    (rest, Some(link))
}
