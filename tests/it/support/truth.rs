//! What is really installed in an image: asked of the image's own tools on an unpacked copy.
//! Only the two formats without a tool in Debian (apk, `status.d`) are parsed here.

mod language;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use language::has_tool;

use super::program;
use super::testbed::{TestImage, Testbed};

/// Longest that unpacking or asking may take.
const DEADLINE: Duration = Duration::from_secs(180);

/// Name, version and, where the tool tells it, architecture.
pub(crate) type Packages = BTreeSet<(String, String, Option<String>)>;

/// An unpacked image.
#[derive(Debug)]
pub(crate) struct Unpacked {
    _folder: TempDir,
    root: PathBuf,
}

impl Unpacked {
    /// Unpacks an image of the test bed; of an index, the image for `linux/amd64`.
    pub(crate) fn new(testbed: &Testbed, image: &TestImage) -> Self {
        let folder = TempDir::new().unwrap();
        let layout = testbed.layout();
        let source = if image.layout_tag == "app-multi" {
            let copy = folder.path().join("layout");
            let mut skopeo = Command::new("skopeo");
            skopeo
                .args([
                    "--insecure-policy",
                    "--override-os=linux",
                    "--override-arch=amd64",
                ])
                .args(["copy", "-q"])
                .arg(format!("oci:{}:{}", layout.display(), image.layout_tag))
                .arg(format!("oci:{}:one", copy.display()));
            run(skopeo);
            format!("{}:one", copy.display())
        } else {
            format!("{}:{}", layout.display(), image.layout_tag)
        };
        let bundle = folder.path().join("bundle");
        let root = bundle.join("rootfs");
        if image.layout_tag == "app-zstd" {
            // umoci does not know zstd. The image has one layer and no whiteouts.
            fs::create_dir_all(&root).unwrap();
            let mut tar = Command::new("tar");
            tar.args(["--zstd", "-xf"])
                .arg(only_layer(&layout, &image.layout_tag))
                .arg("-C")
                .arg(&root);
            run(tar);
        } else {
            let mut umoci = Command::new("umoci");
            umoci.args(["unpack", "--image", &source]).arg(&bundle);
            run(umoci);
        }
        Self {
            _folder: folder,
            root,
        }
    }

    /// Returns the packages of one kind; none if the image has no database of that kind.
    pub(crate) fn packages(&self, kind: &str) -> Packages {
        match kind {
            "apk" => self.apk(),
            "deb" => self.dpkg().into_iter().chain(self.status_d()).collect(),
            "npm" => self.npm(),
            "pypi" => self.pip(),
            "rpm" => self.rpm(),
            "golang" => self.go(),
            "cargo" => self.cargo(),
            "maven" => self.maven(),
            other => panic!("no tool for {other}"),
        }
    }

    fn dpkg(&self) -> Packages {
        let admin = self.root.join("var/lib/dpkg");
        if !admin.join("status").exists() {
            return Packages::new();
        }
        let mut query = Command::new("dpkg-query");
        query
            .arg(format!("--admindir={}", admin.display()))
            .args(["-W", "-f"])
            .arg("${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\n");
        rows(&run(query))
            .filter_map(|row| match row[..] {
                ["installed", name, version, architecture] => {
                    Some(package(name, version, architecture))
                }
                _ => None,
            })
            .collect()
    }

    fn status_d(&self) -> Packages {
        let Ok(entries) = fs::read_dir(self.root.join("var/lib/dpkg/status.d")) else {
            return Packages::new();
        };
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_none_or(|extension| extension != "md5sums")
            })
            .map(|path| {
                let text = fs::read_to_string(path).unwrap();
                let field = |name: &str| {
                    let mut lines = text.lines();
                    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                };
                package(
                    field("Package").unwrap(),
                    field("Version").unwrap(),
                    field("Architecture").unwrap(),
                )
            })
            .collect()
    }

    fn rpm(&self) -> Packages {
        // Debian's rpm writes sqlite and reads Berkeley DB, but knows no ndb.
        let copy = tempfile::tempdir().unwrap();
        let folder = self.root.join("var/lib/rpm");
        let ndb = self.root.join("usr/lib/sysimage/rpm/Packages.db");
        let (folder, backend) = if folder.join("rpmdb.sqlite").exists() {
            (folder, "sqlite")
        } else if folder.join("Packages").exists() {
            (folder, "bdb_ro")
        } else if ndb.exists() {
            from_ndb(&ndb, copy.path());
            (copy.path().to_owned(), "sqlite")
        } else {
            return Packages::new();
        };
        let mut query = Command::new("rpm");
        query
            .args(["--define", &format!("_db_backend {backend}"), "--dbpath"])
            .arg(folder)
            .args(["-qa", "--qf"])
            .arg("%{NAME}\t%{EPOCHNUM}\t%{VERSION}-%{RELEASE}\t%{ARCH}\n");
        rows(&run(query))
            .filter_map(|row| match row[..] {
                [name, "0", version, architecture] => Some(package(name, version, architecture)),
                [name, epoch, version, architecture] => {
                    Some(package(name, &format!("{epoch}:{version}"), architecture))
                }
                _ => None,
            })
            .collect()
    }

    fn apk(&self) -> Packages {
        let Ok(database) = fs::read_to_string(self.root.join("lib/apk/db/installed")) else {
            return Packages::new();
        };
        database
            .split("\n\n")
            .filter(|stanza| !stanza.trim().is_empty())
            .map(|stanza| {
                let field = |key: &str| stanza.lines().find_map(|line| line.strip_prefix(key));
                package(
                    field("P:").unwrap(),
                    field("V:").unwrap(),
                    field("A:").unwrap(),
                )
            })
            .collect()
    }

    /// Asks pip for every folder that holds records of installed distributions.
    fn pip(&self) -> Packages {
        let mut packages = Packages::new();
        for folder in parents_of(&self.root, |name| {
            name.ends_with(".dist-info") || name.ends_with(".egg-info")
        }) {
            let mut pip = Command::new("python3");
            pip.args(["-m", "pip", "--disable-pip-version-check", "list", "--path"])
                .arg(folder)
                .args(["--format", "json"]);
            let list: Value = serde_json::from_str(&run(pip)).unwrap();
            packages.extend(list.as_array().unwrap().iter().map(|entry| {
                let name = entry["name"].as_str().unwrap();
                let version = entry["version"].as_str().unwrap();
                (normalized(name), version.to_owned(), None)
            }));
        }
        packages
    }

    /// Asks npm in the folder of the application.
    fn npm(&self) -> Packages {
        let folder = self.root.join("srv/app");
        let mut packages = Packages::new();
        if folder.join("node_modules").exists() {
            let mut npm = Command::new("npm");
            npm.args(["ls", "--all", "--json"])
                .env("npm_config_update_notifier", "false")
                .current_dir(folder);
            // It ends with 1 where a peer dependency is missing; the list is complete all the same.
            let outcome = program::wait(npm, DEADLINE);
            let tree: Value = serde_json::from_str(&outcome.stdout)
                .unwrap_or_else(|error| panic!("{error}\n{outcome}"));
            dependencies(&tree, &mut packages);
        }
        packages
    }
}

fn dependencies(node: &Value, packages: &mut Packages) {
    let Some(children) = node["dependencies"].as_object() else {
        return;
    };
    for (name, child) in children {
        // An optional dependency that is not installed is listed without a version.
        if let Some(version) = child["version"].as_str() {
            packages.insert((name.clone(), version.to_owned(), None));
        }
        dependencies(child, packages);
    }
}

/// Returns a Python package's name in the form in which names are compared (PEP 503).
pub(crate) fn normalized(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}

fn package(name: &str, version: &str, architecture: &str) -> (String, String, Option<String>) {
    (
        name.to_owned(),
        version.to_owned(),
        Some(architecture.to_owned()),
    )
}

fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().map(|line| line.split('\t').collect())
}

fn run(command: Command) -> String {
    program::wait(command, DEADLINE).expect_code(0).stdout
}

/// Returns the folders that hold an entry with such a name. Links are not followed.
fn parents_of(root: &Path, wanted: impl Fn(&str) -> bool + Copy) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            if wanted(&entry.file_name().to_string_lossy()) {
                found.insert(folder.clone());
            } else if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            }
        }
    }
    found
}

/// Returns the file of the only layer of an image.
fn only_layer(layout: &Path, tag: &str) -> PathBuf {
    let blob = |digest: &str| {
        let hex = digest.strip_prefix("sha256:").unwrap().to_owned();
        layout.join("blobs/sha256").join(hex)
    };
    let json =
        |path: PathBuf| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let index = json(layout.join("index.json"));
    let manifests = index["manifests"].as_array().unwrap();
    let entry = manifests
        .iter()
        .find(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] == tag)
        .unwrap();
    let manifest = json(blob(entry["digest"].as_str().unwrap()));
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1, "{tag}");
    blob(layers[0]["digest"].as_str().unwrap())
}

/// Puts the headers of an ndb database into one that every rpm reads.
fn from_ndb(database: &Path, folder: &Path) {
    const COPY: &str = "
import sqlite3, struct, sys
data = open(sys.argv[1], 'rb').read()
pages = struct.unpack_from('<I', data, 12)[0]
out = sqlite3.connect(sys.argv[2])
for slot in range(32, pages * 4096, 16):
    magic, package, block, _ = struct.unpack_from('<4sIII', data, slot)
    if magic == b'Slot' and package and block:
        start = block * 16
        length = struct.unpack_from('<I', data, start + 12)[0]
        blob = data[start + 16:start + 16 + length]
        out.execute('insert into Packages values (?, ?)', (package, blob))
out.commit()
";
    let mut create = Command::new("rpm");
    create
        .args(["--define", "_db_backend sqlite", "--initdb", "--dbpath"])
        .arg(folder);
    run(create);
    let mut copy = Command::new("python3");
    copy.args(["-c", COPY])
        .arg(database)
        .arg(folder.join("rpmdb.sqlite"));
    run(copy);
}
