//! What `index.json` says, as repositories and tags.

use std::collections::{BTreeMap, HashMap};
use std::fs::Metadata;
use std::path::Path;
use std::time::SystemTime;

use scout_envs::{Digest, ImageReference, InvalidRepositoryName, RepositoryName, Tag};

use crate::descriptor::Descriptor;
use crate::manifest::Manifest;

/// Where the OCI image specification puts a name.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Where containerd and BuildKit put the whole reference.
const IMAGE_NAME: &str = "io.containerd.image.name";

/// Tells whether a file was written since it was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LayoutVersion {
    modified: Option<SystemTime>,
    length: u64,
}

impl LayoutVersion {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
        }
    }
}

/// The named images of a layout.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    images: BTreeMap<RepositoryName, BTreeMap<Tag, Descriptor>>,
    media_types: HashMap<Digest, String>,
    unusable: usize,
}

impl Layout {
    /// Reads `index.json`; `root` gives images without a repository one. The first of two
    /// entries with one name counts.
    pub(crate) fn parse(bytes: &[u8], root: &Path) -> Result<Self, String> {
        let index = Manifest::parse_layout(bytes)
            .map_err(|reason| format!("index.json cannot be used: {}", reason.whole()))?;
        let home = home(root).map_err(|reason| reason.to_string())?;
        let mut layout = Self {
            unusable: index.unreadable.len(),
            ..Self::default()
        };
        let has_names = index
            .entries
            .iter()
            .any(|entry| is_named(&entry.descriptor));
        for entry in index.entries {
            let descriptor = entry.descriptor;
            if !descriptor.media_type.is_empty() {
                let media_type = descriptor.media_type.clone();
                layout
                    .media_types
                    .insert(descriptor.digest.clone(), media_type);
            }
            // Beside named images, what has no name belongs to them: signatures, attestations.
            if has_names && !is_named(&descriptor) {
                continue;
            }
            match name(&descriptor, &home) {
                Some((repository, tag)) => {
                    let tags = layout.images.entry(repository).or_default();
                    tags.entry(tag).or_insert(descriptor);
                }
                None => layout.unusable += 1,
            }
        }
        Ok(layout)
    }

    pub(crate) fn repositories(&self) -> impl Iterator<Item = &RepositoryName> {
        self.images.keys()
    }

    pub(crate) fn tags(&self, repository: &RepositoryName) -> impl Iterator<Item = &Tag> {
        self.images
            .get(repository)
            .into_iter()
            .flat_map(BTreeMap::keys)
    }

    pub(crate) fn find(&self, repository: &RepositoryName, tag: &Tag) -> Option<&Descriptor> {
        self.images.get(repository)?.get(tag)
    }

    /// Returns the media type that `index.json` gives a manifest.
    pub(crate) fn media_type(&self, digest: &Digest) -> Option<&str> {
        self.media_types.get(digest).map(String::as_str)
    }

    /// Returns how many entries could not be used.
    pub(crate) fn unusable(&self) -> usize {
        self.unusable
    }
}

fn is_named(descriptor: &Descriptor) -> bool {
    let annotations = &descriptor.annotations;
    annotations.contains_key(REF_NAME) || annotations.contains_key(IMAGE_NAME)
}

/// A whole reference names repository and tag; anything else is a tag of the directory itself.
fn name(descriptor: &Descriptor, home: &RepositoryName) -> Option<(RepositoryName, Tag)> {
    let annotation = |key| descriptor.annotations.get(key).map(String::as_str);
    let whole = [IMAGE_NAME, REF_NAME]
        .into_iter()
        .filter_map(annotation)
        .filter_map(|text| text.parse::<ImageReference>().ok())
        .find_map(|image| Some((image.repository().clone(), image.tag()?.clone())));
    if whole.is_some() {
        return whole;
    }
    let tag = match annotation(REF_NAME) {
        Some(text) => sanitized(text),
        None if annotation(IMAGE_NAME).is_some() => "latest".to_owned(),
        None => format!("untagged-{}", descriptor.digest.short()),
    };
    Some((home.clone(), tag.parse().ok()?))
}

/// The specification lets reference names have characters that tags cannot.
fn sanitized(text: &str) -> String {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    text.chars()
        .map(|c| if is_fine(c) { c } else { '_' })
        .collect()
}

/// The repository of images that name none: the directory's own name, made valid.
pub(crate) fn home(root: &Path) -> Result<RepositoryName, InvalidRepositoryName> {
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    let words: Vec<String> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let name = name.parse().or_else(|_| words.join("-").parse());
    name.or_else(|_| "images".parse())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(entries: &[&str]) -> Vec<String> {
        let entries: Vec<_> = entries
            .iter()
            .enumerate()
            .map(|(number, annotations)| {
                format!(
                    r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,
                    "digest":"sha256:{}{number:x}","annotations":{{{annotations}}}}}"#,
                    "a".repeat(63)
                )
            })
            .collect();
        let json = format!(
            r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
            entries.join(",")
        );
        let layout = Layout::parse(json.as_bytes(), Path::new("/x/My Images")).unwrap();
        let mut names = Vec::new();
        for repository in layout.repositories() {
            for tag in layout.tags(repository) {
                names.push(format!("{repository}:{tag}"));
            }
        }
        names
    }

    #[test]
    fn names_come_from_annotations_else_from_the_directory() {
        let ref_name = |name: &str| format!(r#""org.opencontainers.image.ref.name":"{name}""#);
        let both = r#""org.opencontainers.image.ref.name":"1.0","io.containerd.image.name":"docker.io/acme/app:1.0""#;
        for (entries, expected) in [
            (vec![ref_name("debian-12")], vec!["my-images:debian-12"]),
            (vec![ref_name("acme/app:1.0")], vec!["acme/app:1.0"]),
            (
                vec![ref_name("docker.io/library/debian:12")],
                vec!["library/debian:12"],
            ),
            (vec![both.to_owned()], vec!["acme/app:1.0"]),
            (vec![ref_name("1.0+build/7")], vec!["my-images:1.0_build_7"]),
            (vec![ref_name("a"), String::new()], vec!["my-images:a"]),
            (vec![ref_name("a"), ref_name("a")], vec!["my-images:a"]),
            (vec![ref_name("../../etc/passwd")], vec![]),
            (vec![String::new()], vec!["my-images:untagged-aaaaaaaaaaaa"]),
            (vec![], vec![]),
        ] {
            let entries: Vec<_> = entries.iter().map(String::as_str).collect();
            assert_eq!(layout(&entries), expected, "{entries:?}");
        }
    }

    #[test]
    fn directory_names_are_made_valid() {
        for (path, expected) in [
            ("/x/images", "images"),
            ("/x/My Images!", "my-images"),
            ("/x/a.b_c", "a.b_c"),
            ("/x/---", "images"),
            ("/", "images"),
        ] {
            assert_eq!(home(Path::new(path)).unwrap().as_str(), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_index_is_refused_with_the_reason() {
        for (json, word) in [
            ("", "JSON"),
            ("{\"manifests\":[", "EOF"),
            ("{\"config\":{},\"layers\":[]}", "at once"),
            ("[]", "JSON"),
        ] {
            let reason = Layout::parse(json.as_bytes(), Path::new("/x")).unwrap_err();
            assert!(reason.contains(word), "{json}: {reason}");
        }
    }
}
