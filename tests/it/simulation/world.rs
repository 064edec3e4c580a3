//! What can be pushed: small images of every kind, made once, with what is right to find in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use scout_store::ArtifactState;
use serde_json::{Value, json};

use crate::support::layout::{digest, gzip, stanza, tar};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const HELM: &str = "application/vnd.cncf.helm.config.v1+json";
const HELM_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// How many good images of one platform there are; they come first.
pub(crate) const IMAGES: usize = 8;
/// What no script pushes: it is pushed at the end, when all is quiet.
pub(crate) const LAST: usize = IMAGES;

/// Everything that can be pushed.
pub(crate) static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// Manifests and blobs, and what they are.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) manifests: BTreeMap<String, Manifest>,
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    /// The layers that can be read; each must be read once.
    pub(crate) layers: BTreeSet<String>,
}

/// A manifest's bytes and type.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// Something a tag can point to.
#[derive(Debug)]
pub(crate) struct Artifact {
    pub(crate) name: String,
    pub(crate) digest: String,
    /// Manifests that are pushed with it.
    pub(crate) children: Vec<String>,
    /// What it must turn out to be if it is wanted.
    pub(crate) state: ArtifactState,
    /// The image that is looked at in it: digest of its manifest, packages, when it was created.
    pub(crate) image: Option<Image>,
}

/// An image, as it is to be found.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) manifest: String,
    pub(crate) packages: BTreeSet<String>,
    pub(crate) created: i64,
}

impl World {
    fn new() -> Self {
        let mut world = Self::default();
        for number in 0..=IMAGES {
            let name = format!("image {number}");
            let mut packages = BTreeSet::from([format!("p{number}"), "base".to_owned()]);
            packages.insert(format!("p{}", number / 2));
            // Some are as old as others.
            let created = 1_600_000_000 + (number as i64 % 3) * 1_000;
            let image = world.image("amd64", &packages, created);
            world.add(&name, ArtifactState::Indexed, image);
        }
        let other = world.image("arm64", &BTreeSet::from(["arm".to_owned()]), 1_600_000_000);
        let amd = (world.artifacts[1].clone_image(), "amd64");
        let arm = (other.clone(), "arm64");
        world.add_index("index of two", ArtifactState::Indexed, &[arm.clone(), amd]);
        world.add_index("index of arm64", ArtifactState::Indexed, &[arm]);
        let s390 = (world.image("s390x", &BTreeSet::new(), 0), "s390x");
        let arm = (other.clone(), "arm64");
        world.add_index(
            "index of others",
            ArtifactState::OtherPlatform,
            &[s390, arm],
        );
        world.add("image of arm64", ArtifactState::Indexed, other);
        world.add_chart();
        world.add_damaged();
        world
    }

    fn blob(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let digest = digest(&bytes);
        let descriptor = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
        self.blobs.insert(digest, bytes);
        descriptor
    }

    fn manifest(&mut self, media_type: &'static str, manifest: &Value) -> String {
        let bytes = manifest.to_string().into_bytes();
        let digest = digest(&bytes);
        self.manifests
            .insert(digest.clone(), Manifest { media_type, bytes });
        digest
    }

    /// Adds an image of two layers, the lower of which all have.
    fn image(&mut self, platform: &str, packages: &BTreeSet<String>, created: i64) -> Image {
        let status: String = packages.iter().map(|name| stanza(name, "1")).collect();
        let os = b"ID=debian\nVERSION_ID=\"12\"\n".as_slice();
        let tars = [
            tar(&[("etc/os-release", os)]),
            tar(&[("var/lib/dpkg/status", status.as_bytes())]),
        ];
        let layers = tars.each_ref().map(|tar| self.blob(LAYER, gzip(tar)));
        let names = layers.iter().filter_map(|layer| layer["digest"].as_str());
        self.layers.extend(names.map(str::to_owned));
        let diff_ids = tars.each_ref().map(|tar| digest(tar));
        let manifest = self.image_of(platform, &layers, &diff_ids, created);
        Image {
            manifest,
            packages: packages.clone(),
            created,
        }
    }

    fn image_of(
        &mut self,
        platform: &str,
        layers: &[Value],
        diff_ids: &[String],
        created: i64,
    ) -> String {
        let created = jiff::Timestamp::from_second(created).unwrap().to_string();
        let config = json!({
            "architecture": platform, "os": "linux", "created": created,
            "config": {"User": "1000"},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = self.blob(CONFIG, config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        });
        self.manifest(MANIFEST, &manifest)
    }

    fn add(&mut self, name: &str, state: ArtifactState, image: Image) {
        self.artifacts.push(Artifact {
            name: name.to_owned(),
            digest: image.manifest.clone(),
            children: Vec::new(),
            state,
            image: (state == ArtifactState::Indexed).then_some(image),
        });
    }

    /// Adds an index; the last image in it is the one to be looked at.
    fn add_index(&mut self, name: &str, state: ArtifactState, images: &[(Image, &str)]) {
        let entries: Vec<_> = images
            .iter()
            .map(|(image, platform)| {
                json!({
                    "mediaType": MANIFEST, "digest": image.manifest,
                    "size": self.manifests[&image.manifest].bytes.len(),
                    "platform": {"os": "linux", "architecture": platform},
                })
            })
            .collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        let digest = self.manifest(INDEX, &index);
        let children: Vec<_> = images
            .iter()
            .map(|(image, _)| image.manifest.clone())
            .collect();
        let last = images.last().map(|(image, _)| image.clone());
        self.artifacts.push(Artifact {
            name: name.to_owned(),
            digest,
            children,
            state,
            image: last.filter(|_| state == ArtifactState::Indexed),
        });
    }

    /// Adds a Helm chart, which is no image.
    fn add_chart(&mut self) {
        let config = self.blob(HELM, b"{\"name\":\"chart\"}".to_vec());
        let layer = self.blob(HELM_LAYER, gzip(b"chart"));
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
        });
        let digest = self.manifest(MANIFEST, &manifest);
        self.artifacts.push(Artifact {
            name: "chart".to_owned(),
            digest,
            children: Vec::new(),
            state: ArtifactState::Skipped,
            image: None,
        });
    }

    /// Adds images that can never be read: a layer that is no archive, and one of another image.
    fn add_damaged(&mut self) {
        let garbage = self.blob(LAYER, b"\x1f\x8b this is no archive at all".to_vec());
        let first = self.image_of("amd64", &[garbage], &[digest(b"?")], 0);
        let honest = self.blob(LAYER, gzip(&tar(&[("srv/x", b"x".as_slice())])));
        let second = self.image_of("amd64", &[honest], &[digest(b"another")], 0);
        for (name, manifest) in [("damaged image", first), ("lying image", second)] {
            self.artifacts.push(Artifact {
                name: name.to_owned(),
                digest: manifest,
                children: Vec::new(),
                state: ArtifactState::Failed,
                image: None,
            });
        }
    }

    /// Returns what has this digest.
    pub(crate) fn artifact(&self, digest: &str) -> Option<&Artifact> {
        self.artifacts.iter().find(|one| one.digest == digest)
    }
}

impl Artifact {
    fn clone_image(&self) -> Image {
        self.image.clone().unwrap()
    }
}

/// Returns whether a package is vulnerable: the advisories say so of half of them.
pub(crate) fn is_vulnerable(package: &str) -> bool {
    package == "base" || package.ends_with(['1', '3', '5', '7'])
}

/// Writes a dump of the advisories below a directory, as OSV lays them out: one critical
/// vulnerability for each package that has one.
pub(crate) fn write_advisories(directory: &Path) {
    let packages = (0..=IMAGES).map(|number| format!("p{number}"));
    let packages = packages.chain(["base".to_owned(), "arm".to_owned()]);
    let folder = directory.join("Debian");
    fs::create_dir_all(&folder).unwrap();
    let mut dump = zip::ZipWriter::new(fs::File::create(folder.join("all.zip")).unwrap());
    for (number, package) in packages.filter(|name| is_vulnerable(name)).enumerate() {
        let id = format!("CVE-2024-{:04}", number + 1);
        let record = json!({
            "id": format!("DEBIAN-{id}"), "upstream": [id], "modified": "2024-01-01T00:00:00Z",
            "severity": [{
                "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            }],
            "affected": [{
                "package": {"ecosystem": "Debian:12", "name": package},
                "ranges": [{
                    "type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}],
                }],
            }],
        });
        let options = zip::write::SimpleFileOptions::default();
        dump.start_file(format!("DEBIAN-{id}.json"), options)
            .unwrap();
        dump.write_all(record.to_string().as_bytes()).unwrap();
    }
    dump.finish().unwrap();
}
