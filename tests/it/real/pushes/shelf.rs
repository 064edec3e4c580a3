//! Small images in a real registry, each different, pushed with the distribution's own requests.

use std::thread;

use serde_json::json;

use crate::support::http::{self, Answer};
use crate::support::layout::{debian, digest, gzip};
use crate::support::registry::Registry;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// How many tags each repository of the back-fill has.
const TAGS: usize = 20;
/// How many images are pushed at once to fill a registry.
const AT_ONCE: usize = 4;

/// The images of one registry.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    host: String,
}

/// An image whose blobs are there, and whose manifest is not.
#[derive(Debug)]
pub(super) struct Prepared {
    repository: String,
    tag: String,
    manifest: Vec<u8>,
}

impl Shelf {
    pub(super) fn of(registry: &Registry) -> Self {
        Self {
            host: registry.host(),
        }
    }

    /// Pushes so many images in repositories `bulk/…`: each with a package of its own, in which
    /// nothing is to be found.
    pub(super) fn fill(&self, images: usize) {
        thread::scope(|scope| {
            for first in 0..AT_ONCE {
                scope.spawn(move || {
                    for number in (first..images).step_by(AT_ONCE) {
                        let repository = format!("bulk/app-{}", number / TAGS);
                        let tag = format!("1.{}", number % TAGS);
                        let package = format!("tool-{number}");
                        self.image(&repository, &tag, &package, "1.0-1")
                            .push(&self.host);
                    }
                });
            }
        });
    }

    /// Makes the only image of a repository of its own, with a critical finding that has a fix, and
    /// sends all but its manifest.
    pub(super) fn prepare(&self, kind: &str, number: usize) -> Prepared {
        // What stands behind the last hyphen is the revision.
        let version = format!("7.80.0-1.{}.{number}", kind.replace('-', "."));
        self.image(&format!("{kind}/app-{number}"), "1.0", "curl", &version)
    }

    fn image(&self, repository: &str, tag: &str, package: &str, version: &str) -> Prepared {
        let tar = debian(package, version);
        let layer = gzip(&tar);
        let config = json!({
            "architecture": "amd64", "os": "linux", "created": "2024-01-01T00:00:00Z",
            "config": {"User": "1000"},
            "rootfs": {"type": "layers", "diff_ids": [digest(&tar)]},
        });
        let config = config.to_string().into_bytes();
        self.put(repository, &layer);
        self.put(repository, &config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest(&config), "size": config.len()},
            "layers": [{"mediaType": LAYER, "digest": digest(&layer), "size": layer.len()}],
        });
        Prepared {
            repository: repository.to_owned(),
            tag: tag.to_owned(),
            manifest: manifest.to_string().into_bytes(),
        }
    }

    /// Sends a blob in two requests (OCI Distribution Specification 1.1, "POST then PUT").
    fn put(&self, repository: &str, blob: &[u8]) {
        let url = format!("http://{}/v2/{repository}/blobs/uploads/", self.host);
        let begun = http::send("POST", &url, &[("Content-Length", "0")], b"");
        let begun = expect(begun, 202);
        let place = begun.header("location").unwrap();
        let joined = if place.contains('?') { '&' } else { '?' };
        let url = format!("{place}{joined}digest={}", digest(blob));
        let headers = [("Content-Type", "application/octet-stream")];
        expect(http::send("PUT", &url, &headers, blob), 201);
    }
}

impl Prepared {
    pub(super) fn repository(&self) -> &str {
        &self.repository
    }

    /// Pushes it: returns with the registry's answer to its manifest.
    pub(super) fn push_to(&self, registry: &Registry) {
        self.push(&registry.host());
    }

    fn push(&self, host: &str) {
        let Self {
            repository,
            tag,
            manifest,
        } = self;
        let url = format!("http://{host}/v2/{repository}/manifests/{tag}");
        let headers = [("Content-Type", MANIFEST)];
        expect(http::send("PUT", &url, &headers, manifest), 201);
    }
}

fn expect(answer: Option<Answer>, status: u16) -> Answer {
    let answer = answer.unwrap();
    assert_eq!(answer.status, status, "{answer:?}");
    answer
}
