//! The images of the test bed: built once, kept, pushed into a registry.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use super::program;
use super::registry::Registry;
use super::workspace;

/// Longest that building all images may take. It takes three minutes on two cores.
const BUILD: Duration = Duration::from_secs(20 * 60);

/// The images, in an OCI layout.
#[derive(Clone, Debug)]
pub(crate) struct Testbed {
    dir: PathBuf,
}

/// One image of the test bed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TestImage {
    /// Its name in the layout, for instance `app-python`.
    pub(crate) layout_tag: String,
    /// `REPOSITORY:TAG` in the registry.
    pub(crate) name: String,
}

impl Testbed {
    /// Returns the images; builds them if nobody did yet. None without the shared folder.
    pub(crate) fn open() -> Option<Self> {
        let script = workspace::shared("testbed/make-images.sh")?;
        let dir = env::var_os("SCOUT_TESTBED_DIR")
            .map_or_else(|| workspace::root().join("target/testbed"), PathBuf::from);
        static BUILDING: Mutex<()> = Mutex::new(());
        let _building = BUILDING.lock().unwrap_or_else(|error| error.into_inner());
        let testbed = Self { dir };
        if !testbed.is_complete() {
            println!("building the images of the test bed: about three minutes");
            let mut command = Command::new("bash");
            command.arg(script).arg(&testbed.dir);
            program::wait(command, BUILD).expect_code(0);
        }
        assert!(testbed.is_complete(), "{testbed:?}");
        Some(testbed)
    }

    /// A build that was broken off leaves its scratch folder, or lacks the last image.
    fn is_complete(&self) -> bool {
        let list = fs::read_to_string(self.dir.join("images.txt")).unwrap_or_default();
        list.contains("app-multi ") && !self.dir.join("work").exists()
    }

    /// Returns the layout's folder.
    pub(crate) fn layout(&self) -> PathBuf {
        self.dir.join("images")
    }

    /// Returns the images, in the order in which they were made.
    pub(crate) fn images(&self) -> Vec<TestImage> {
        let list = fs::read_to_string(self.dir.join("images.txt")).unwrap();
        let image = |line: &str| {
            let mut words = line.split_whitespace();
            Some(TestImage {
                layout_tag: words.next()?.to_owned(),
                name: words.next()?.to_owned(),
            })
        };
        list.lines().filter_map(image).collect()
    }

    /// Returns the digests of all layers: of every manifest among the blobs.
    pub(crate) fn layers(&self) -> BTreeSet<String> {
        // No manifest of the test bed is larger; a layer is not JSON anyway.
        const MANIFEST: u64 = 64 * 1024;
        fs::read_dir(self.layout().join("blobs/sha256"))
            .unwrap()
            .map(Result::unwrap)
            .filter(|entry| entry.metadata().unwrap().len() <= MANIFEST)
            .filter_map(|entry| {
                let bytes = fs::read(entry.path()).unwrap();
                let manifest: Value = serde_json::from_slice(&bytes).ok()?;
                Some(manifest["layers"].as_array()?.clone())
            })
            .flatten()
            .map(|layer| layer["digest"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Pushes everything; `debian:12` a second time in Docker's own manifest format.
    pub(crate) fn push(&self, registry: &Registry) {
        for image in self.images() {
            // The index with its attestations, not only our platform's image.
            let all: &[&str] = if image.layout_tag == "app-multi" {
                &["--all"]
            } else {
                &[]
            };
            registry.push(&self.layout(), &image.layout_tag, &image.name, all);
        }
        let docker = ["--format", "v2s2"];
        registry.push(&self.layout(), "debian-12", DOCKER_FORMAT, &docker);
    }
}

/// The name of `debian:12` in Docker's manifest format.
pub(crate) const DOCKER_FORMAT: &str = "library/debian:12-docker";

/// Returns the arguments that name the shared advisories.
pub(crate) fn advisories() -> Option<[String; 2]> {
    let folder = workspace::shared("advisories")?;
    Some(["--advisories".to_owned(), path(&folder)])
}

fn path(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
