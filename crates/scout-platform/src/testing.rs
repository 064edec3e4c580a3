//! What the tests of this crate stand on: a registry in memory, images made on the spot, and a
//! clock that is set by hand.

mod registry;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use scout_envs::Digest;
use serde_json::json;
use sha2::Digest as _;

use crate::clock::Clock;
pub(crate) use registry::{Log, MemoryRegistry, Tells, Trouble};

/// A clock that is set by hand.
#[derive(Debug)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn new(second: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(second)))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest::sha256(&sha2::Sha256::digest(bytes).into())
}

/// A layer of these files.
pub(crate) fn layer(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap()
}

/// A layer of Debian 12 with these packages.
pub(crate) fn debian(packages: &[(&str, &str)]) -> Vec<u8> {
    let status: String = packages
        .iter()
        .map(|(name, version)| {
            format!(
                "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\n\
                 Version: {version}\n\n"
            )
        })
        .collect();
    layer(&[
        ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
        ("var/lib/dpkg/status", &status),
    ])
}

/// Writes a dump of these OSV records below a directory, as OSV lays them out.
pub(crate) fn write_dump(dir: &Path, ecosystem: &str, records: &[serde_json::Value]) {
    let folder = dir.join(ecosystem);
    fs::create_dir_all(&folder).unwrap();
    let mut dump = zip::ZipWriter::new(fs::File::create(folder.join("all.zip")).unwrap());
    for record in records {
        let name = format!("{}.json", record["id"].as_str().unwrap());
        let options = zip::write::SimpleFileOptions::default();
        dump.start_file(name, options).unwrap();
        dump.write_all(record.to_string().as_bytes()).unwrap();
    }
    dump.finish().unwrap();
}

/// A record of a critical vulnerability in all versions of a Debian 12 package before 2.
pub(crate) fn critical(cve: &str, package: &str) -> serde_json::Value {
    json!({
        "id": format!("DEBIAN-{cve}"), "upstream": [cve],
        "modified": "2024-01-01T00:00:00Z",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [{
            "package": {"ecosystem": "Debian:12", "name": package},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]}],
        }],
    })
}
