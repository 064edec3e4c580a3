//! What is in an archive: its named images, and where their parts are.
//!
//! Two forms: `manifest.json`, as Docker always wrote it (source: moby `image/spec/v1.2.md`), and
//! an OCI image layout, which newer releases write beside it and which counts where it is there:
//! only it has the manifests themselves.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use scout_envs::{Digest, ImageReference, RepositoryName, Tag};
use serde::Deserialize;
use tokio::sync::{Mutex, OnceCell};

use crate::descriptor::Descriptor;
use crate::docker_archive::tar::{Member, Members};
use crate::integration::ManifestDocument;
use crate::manifest::Manifest;
use crate::oci_dir::layout::{Layout, home};

/// Most images in `manifest.json`.
const MAX_IMAGES: usize = 10_000;

/// The images of an archive.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) members: Members,
    images: BTreeMap<RepositoryName, BTreeMap<Tag, Target>>,
    /// The images of `manifest.json`; none of a layout.
    saved: Vec<SavedImage>,
    layout: Option<Layout>,
    /// What was hashed so far: images share layers. Locked while one is hashed, so that each is
    /// read once.
    pub(super) hashes: Mutex<HashMap<Member, Hashed>>,
    /// How many names could not be used.
    pub(super) unusable: usize,
}

/// What is known of a member that was read.
#[derive(Clone, Debug)]
pub(super) struct Hashed {
    pub(super) digest: Digest,
    /// The media type of a layer that starts as it does.
    pub(super) layer_type: &'static str,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// A manifest of the layout.
    Described(Descriptor),
    /// An image of `manifest.json`, by its position.
    Saved(usize),
}

/// An image of `manifest.json`, which has no manifest.
#[derive(Debug)]
pub(super) struct SavedImage {
    pub(super) config: String,
    pub(super) layers: Vec<String>,
    /// The manifest that is made for it, and where its parts are.
    pub(super) made: OnceCell<MadeManifest>,
}

/// A manifest that was made for an image without one.
#[derive(Clone, Debug)]
pub(super) struct MadeManifest {
    pub(super) document: ManifestDocument,
    pub(super) parts: HashMap<Digest, Member>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawImage {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// The file that says what is in the archive.
pub(super) enum Table {
    Layout(Vec<u8>),
    Saved(Vec<u8>),
}

impl Archive {
    /// Reads the table of an archive; `path` names images that have no name.
    pub(super) fn new(members: Members, table: &Table, path: &Path) -> Result<Self, String> {
        let mut archive = Self {
            members,
            images: BTreeMap::new(),
            saved: Vec::new(),
            layout: None,
            hashes: Mutex::default(),
            unusable: 0,
        };
        match table {
            Table::Layout(bytes) => archive.read_layout(bytes, path)?,
            Table::Saved(bytes) => archive.read_saved(bytes, path)?,
        }
        Ok(archive)
    }

    fn read_layout(&mut self, bytes: &[u8], path: &Path) -> Result<(), String> {
        let layout = Layout::parse(bytes, &path.with_extension(""))?;
        self.unusable = layout.unusable();
        for repository in layout.repositories() {
            for tag in layout.tags(repository) {
                if let Some(descriptor) = layout.find(repository, tag) {
                    let target = Target::Described(descriptor.clone());
                    self.name(familiar(repository), tag.clone(), target);
                }
            }
        }
        self.layout = Some(layout);
        Ok(())
    }

    fn read_saved(&mut self, bytes: &[u8], path: &Path) -> Result<(), String> {
        let raw: Vec<RawImage> = serde_json::from_slice(bytes)
            .map_err(|reason| format!("its manifest.json cannot be used: {reason}"))?;
        if raw.len() > MAX_IMAGES {
            return Err(format!("it has more than {MAX_IMAGES} images"));
        }
        let home = home(&path.with_extension("")).map_err(|reason| reason.to_string())?;
        for (position, image) in raw.into_iter().enumerate() {
            let layers = image.layers.unwrap_or_default();
            if layers.len() > Manifest::MAX_LAYERS {
                return Err(format!(
                    "an image in it has more than {} layers",
                    Manifest::MAX_LAYERS
                ));
            }
            let names = image.repo_tags.unwrap_or_default();
            if names.is_empty() {
                match untagged(&image.config).parse() {
                    Ok(tag) => self.name(home.clone(), tag, Target::Saved(position)),
                    Err(_) => self.unusable += 1,
                }
            }
            for text in names {
                let reference = text.parse::<ImageReference>().ok();
                let tag = reference.as_ref().and_then(|image| image.tag().cloned());
                match reference.zip(tag) {
                    Some((image, tag)) => {
                        let repository = familiar(image.repository());
                        self.name(repository, tag, Target::Saved(position));
                    }
                    None => self.unusable += 1,
                }
            }
            self.saved.push(SavedImage {
                config: image.config,
                layers,
                made: OnceCell::new(),
            });
        }
        Ok(())
    }

    /// The first of two with one name counts.
    fn name(&mut self, repository: RepositoryName, tag: Tag, target: Target) {
        let tags = self.images.entry(repository).or_default();
        tags.entry(tag).or_insert(target);
    }

    pub(super) fn repositories(&self) -> impl Iterator<Item = &RepositoryName> {
        self.images.keys()
    }

    pub(super) fn has(&self, repository: &RepositoryName) -> bool {
        self.images.contains_key(repository)
    }

    pub(super) fn tags(&self, repository: &RepositoryName) -> impl Iterator<Item = &Tag> {
        let tags = self.images.get(repository).into_iter();
        tags.flat_map(BTreeMap::keys)
    }

    pub(super) fn find(&self, repository: &RepositoryName, tag: &Tag) -> Option<&Target> {
        self.images.get(repository)?.get(tag)
    }

    pub(super) fn saved(&self, position: usize) -> Option<&SavedImage> {
        self.saved.get(position)
    }

    /// Returns the images of a repository that have no manifest of their own.
    pub(super) fn saved_in(
        &self,
        repository: &RepositoryName,
    ) -> impl Iterator<Item = (&Tag, &SavedImage)> {
        let targets = self.images.get(repository).into_iter().flatten();
        targets.filter_map(|(tag, target)| match target {
            Target::Saved(position) => Some((tag, self.saved.get(*position)?)),
            Target::Described(_) => None,
        })
    }

    /// Returns where the layout has what has this digest.
    pub(super) fn layout_blob(&self, digest: &Digest) -> Option<Member> {
        self.layout.as_ref()?;
        let algorithm = digest.as_str().split(':').next().unwrap_or_default();
        self.members
            .find(&format!("blobs/{algorithm}/{}", digest.hex()))
    }

    pub(super) fn media_type(&self, digest: &Digest) -> Option<&str> {
        self.layout.as_ref()?.media_type(digest)
    }
}

/// The tag of an image without one, by its configuration, whose name has its hash.
fn untagged(config: &str) -> String {
    let name = config.rsplit('/').next().unwrap_or_default();
    let hash: String = name.chars().take(12).collect();
    format!("untagged-{hash}")
}

/// Docker leaves `library` out where people see names, and newer archives do not.
fn familiar(repository: &RepositoryName) -> RepositoryName {
    let short = repository.as_str().strip_prefix("library/");
    let short = short.and_then(|name| name.parse().ok());
    short.unwrap_or_else(|| repository.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(table: &Table) -> Result<Vec<String>, String> {
        let archive = Archive::new(Members::default(), table, Path::new("/x/My App.tar"))?;
        let images = archive.repositories().flat_map(|repository| {
            let tags = archive.tags(repository);
            tags.map(move |tag| format!("{repository}:{tag}"))
        });
        Ok(images.collect())
    }

    #[test]
    fn names_are_those_docker_shows() {
        for (tags, expected) in [
            (r#"["alpine:3.21"]"#, vec!["alpine:3.21"]),
            (r#"["docker.io/library/alpine:3.21"]"#, vec!["alpine:3.21"]),
            (r#"["localhost:5000/team/app:1"]"#, vec!["team/app:1"]),
            (r#"["a:1","b:2","a:1"]"#, vec!["a:1", "b:2"]),
            ("null", vec!["my-app:untagged-0123456789ab"]),
            ("[]", vec!["my-app:untagged-0123456789ab"]),
            (r#"["../../etc:1","UPPER:1","no-tag",""]"#, vec![]),
        ] {
            let json =
                format!(r#"[{{"Config":"blobs/sha256/0123456789abcdef","RepoTags":{tags}}}]"#);
            assert_eq!(
                names(&Table::Saved(json.into_bytes())).unwrap(),
                expected,
                "{tags}"
            );
        }
    }

    #[test]
    fn tables_that_are_none_are_refused_with_the_reason() {
        let many_layers = format!(
            r#"[{{"Config":"c","Layers":[{}"l"]}}]"#,
            r#""l","#.repeat(4096)
        );
        let many_images = format!(
            "[{}{{\"Config\":\"c\"}}]",
            "{\"Config\":\"c\"},".repeat(10_000)
        );
        for (json, word) in [
            ("", "EOF"),
            ("{}", "manifest.json cannot be used"),
            (r#"[{"RepoTags":["a:1"]}]"#, "Config"),
            (r#"[{"Config":7}]"#, "manifest.json cannot be used"),
            (&many_layers, "more than 4096 layers"),
            (&many_images, "more than 10000 images"),
        ] {
            let reason = names(&Table::Saved(json.as_bytes().to_vec())).unwrap_err();
            assert!(reason.contains(word), "{reason}");
        }
    }
}
