//! Images, each made from its number: what is in them is known without looking.

use std::collections::BTreeMap;

use bytes::Bytes;
use scout_envs::Digest;
use serde_json::{Value, json};

use crate::support::layout::{digest, gzip, stanza, tar};
use crate::support::random::Random;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// How many names packages have.
pub(crate) const NAMES: u64 = 400;
/// How many versions each has.
pub(crate) const VERSIONS: u64 = 4;
/// How many packages an image has at most.
const PACKAGES: u64 = 30;
/// How many images share their packages: they differ in their configuration alone.
const ALIKE: u64 = 3;
/// Every so manieth image runs as root.
const ROOT: u64 = 3;

/// An image.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// The digest of its manifest.
    pub(crate) manifest: Digest,
    /// Names with versions.
    pub(crate) packages: BTreeMap<String, u64>,
    /// Whether it runs as somebody else than root.
    pub(crate) has_user: bool,
    /// What there is to be fetched, by digest; the manifest too.
    pub(crate) blobs: Vec<(Digest, Bytes)>,
}

impl Image {
    /// Makes the image of this number.
    pub(crate) fn new(number: u64) -> Self {
        let mut random = Random::of(number / ALIKE);
        let packages: BTreeMap<String, u64> = (0..1 + random.below(PACKAGES))
            .map(|_| {
                let name = format!("p{}", random.below(NAMES));
                (name, 1 + random.below(VERSIONS))
            })
            .collect();
        let has_user = !number.is_multiple_of(ROOT);
        let mut image = Self {
            manifest: parsed(&digest(b"")),
            packages,
            has_user,
            blobs: Vec::new(),
        };
        let status: String = image
            .packages
            .iter()
            .map(|(name, version)| stanza(name, &version.to_string()))
            .collect();
        let os = b"ID=debian\nVERSION_ID=\"12\"\n".as_slice();
        let tars = [
            tar(&[("etc/os-release", os)]),
            tar(&[("var/lib/dpkg/status", status.as_bytes())]),
        ];
        let layers = tars.each_ref().map(|tar| image.put(LAYER, gzip(tar)));
        let user = if has_user { "1000" } else { "" };
        let config = json!({
            "architecture": "amd64", "os": "linux", "created": "2024-01-01T00:00:00Z",
            "config": {"User": user, "Labels": {"number": number.to_string()}},
            "rootfs": {"type": "layers", "diff_ids": tars.each_ref().map(|tar| digest(tar))},
        });
        let config = image.put(CONFIG, config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        });
        image.put(MANIFEST, manifest.to_string().into_bytes());
        let last = image.blobs.last().unwrap();
        image.manifest = last.0.clone();
        image
    }

    /// Makes an image whose only layer is no archive: it can never be read.
    pub(crate) fn damaged(number: u64) -> Self {
        let mut image = Self::new(number);
        image.blobs.clear();
        let layer = image.put(LAYER, format!("no archive {number}").into_bytes());
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(b"?")]},
        });
        let config = image.put(CONFIG, config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
        });
        image.put(MANIFEST, manifest.to_string().into_bytes());
        image.manifest = image.blobs.last().unwrap().0.clone();
        image
    }

    /// Adds content; returns its descriptor.
    fn put(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let digest = digest(&bytes);
        let descriptor = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
        self.blobs.push((parsed(&digest), bytes.into()));
        descriptor
    }
}

fn parsed(digest: &str) -> Digest {
    digest.parse().unwrap()
}
