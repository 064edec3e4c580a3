//! What a real registry holds, read from where it keeps it: as Artifactory's own storage would
//! tell of it.
//!
//! Source: JFrog, "Repository layout" of Docker repositories: `<image>/<tag>/manifest.json`, or
//! `list.manifest.json` for an index.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

/// The manifest that a tag points to, as a file.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) image: String,
    pub(super) tag: String,
    pub(super) name: &'static str,
    /// In bare hexadecimal.
    pub(super) sha256: String,
    pub(super) size: u64,
    pub(super) modified: Timestamp,
}

impl File {
    /// Returns the folder it is in.
    pub(super) fn folder(&self) -> String {
        format!("{}/{}", self.image, self.tag)
    }

    /// Returns when it came, as Artifactory writes it.
    pub(super) fn time(&self) -> String {
        self.modified.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
    }
}

/// Lists the manifests of all tags below `.../docker/registry/v2`.
pub(super) fn files(root: &Path) -> Vec<File> {
    let mut found = Vec::new();
    walk(root, &root.join("repositories"), &mut found);
    found
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<File>) {
    for entry in entries(folder) {
        let path = folder.join(&entry);
        if entry == "_manifests" {
            let image = folder.strip_prefix(root.join("repositories")).unwrap();
            let image = image.to_str().unwrap();
            let tags = path.join("tags");
            let files = entries(&tags).into_iter();
            found.extend(files.filter_map(|tag| file(root, &tags, image, tag)));
        } else if !entry.starts_with('_') && path.is_dir() {
            walk(root, &path, found);
        }
    }
}

fn entries(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// A tag that is just being written, or removed, is none.
fn file(root: &Path, tags: &Path, image: &str, tag: String) -> Option<File> {
    let link = tags.join(&tag).join("current/link");
    let digest = fs::read_to_string(&link).ok()?;
    let modified = fs::metadata(&link).ok()?.modified().ok()?;
    let sha256 = digest.trim().strip_prefix("sha256:")?.to_owned();
    let (name, size) = manifest(root, &sha256)?;
    Some(File {
        image: image.to_owned(),
        tag,
        name,
        sha256,
        size,
        modified: modified.try_into().ok()?,
    })
}

/// Returns what a manifest is called, and its length.
pub(super) fn manifest(root: &Path, sha256: &str) -> Option<(&'static str, u64)> {
    let blob = root.join("blobs/sha256").join(&sha256[..2]).join(sha256);
    let content = fs::read(blob.join("data")).ok()?;
    let manifest: Value = serde_json::from_slice(&content).ok()?;
    let name = match manifest.get("manifests") {
        Some(_) => "list.manifest.json",
        None => "manifest.json",
    };
    Some((name, content.len() as u64))
}
