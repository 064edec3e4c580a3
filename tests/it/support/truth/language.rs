//! What programs and archives hold, asked of the tools that made them: `go version -m`, binutils
//! for the section of cargo-auditable, and the `zip` crate for `pom.properties`.

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use zip::ZipArchive;

use super::{Packages, Unpacked, run};

const ARCHIVES: [&str; 3] = [".jar", ".war", ".ear"];

/// Returns whether the tool for a kind of package is there.
pub(crate) fn has_tool(kind: &str) -> bool {
    let tool = match kind {
        "golang" => "go",
        "cargo" => "objcopy",
        _ => return true,
    };
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|path| path.join(tool).exists())
}

impl Unpacked {
    /// The modules of all programs, replaced ones by their replacement.
    pub(super) fn go(&self) -> Packages {
        let mut found = Packages::new();
        let mut version = Command::new("go");
        version.args(["version", "-m"]).arg(&self.root);
        let mut replaced = None;
        for line in run(version).lines() {
            let fields: Vec<&str> = line.split('\t').skip(1).collect();
            let module = |name: &str, version: Option<&&str>| {
                let version = version.filter(|version| !version.is_empty());
                let version = version.map_or("(devel)", |version| version);
                (name.to_owned(), version.to_owned(), None)
            };
            match fields[..] {
                [] => {
                    if let Some((_, go)) = line.rsplit_once(": go") {
                        let go = go.split(' ').next().unwrap();
                        found.insert(module("stdlib", Some(&go)));
                    }
                }
                ["mod" | "dep", name, ref rest @ ..] => {
                    let entry = module(name, rest.first());
                    replaced = Some(entry.clone());
                    found.insert(entry);
                }
                ["=>", name, ref rest @ ..] => {
                    let old = replaced.take().unwrap();
                    found.remove(&old);
                    let name = if name.starts_with(['.', '/']) {
                        &old.0
                    } else {
                        name
                    };
                    found.insert(module(name, rest.first()));
                }
                _ => {}
            }
        }
        found
    }

    /// The crates of all programs built with cargo-auditable.
    pub(super) fn cargo(&self) -> Packages {
        let mut found = Packages::new();
        let section = self.root.join("../section");
        let copy = self.root.join("../copy");
        for file in files(&self.root) {
            let content = fs::read(&file).unwrap();
            let is_auditable = content.windows(7).any(|part| part == b".dep-v0");
            if !content.starts_with(b"\x7fELF") || !is_auditable {
                continue;
            }
            let _ = fs::remove_file(&section);
            let mut objcopy = Command::new("objcopy");
            objcopy
                .arg(format!("--dump-section=.dep-v0={}", section.display()))
                .arg(&file)
                .arg(&copy);
            run(objcopy);
            // A program may name the section without having it, as those do that read it.
            let Ok(packed) = fs::read(&section) else {
                continue;
            };
            let mut json = String::new();
            let mut decoder = flate2::read::ZlibDecoder::new(&packed[..]);
            decoder.read_to_string(&mut json).unwrap();
            let list: Value = serde_json::from_str(&json).unwrap();
            for package in list["packages"].as_array().unwrap() {
                if package["kind"] != "build" {
                    let text = |key: &str| package[key].as_str().unwrap().to_owned();
                    found.insert((text("name"), text("version"), None));
                }
            }
        }
        found
    }

    /// The coordinates in all Java archives, however deep.
    pub(super) fn maven(&self) -> Packages {
        let mut found = Packages::new();
        for file in files(&self.root) {
            if is_archive(&file.to_string_lossy()) {
                coordinates(fs::read(&file).unwrap(), &mut found);
            }
        }
        found
    }
}

fn is_archive(name: &str) -> bool {
    ARCHIVES.iter().any(|suffix| name.ends_with(suffix))
}

fn coordinates(content: Vec<u8>, found: &mut Packages) {
    let Ok(mut archive) = ZipArchive::new(Cursor::new(content)) else {
        return;
    };
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        let mut content = Vec::new();
        if is_archive(&name) {
            entry.read_to_end(&mut content).unwrap();
            coordinates(content, found);
        } else if name.starts_with("META-INF/maven/") && name.ends_with("/pom.properties") {
            entry.read_to_end(&mut content).unwrap();
            let text = String::from_utf8(content).unwrap();
            let field = |key: &str| {
                let mut lines = text.lines().filter_map(|line| line.split_once('='));
                lines
                    .find(|(known, _)| *known == key)
                    .map(|(_, value)| value.trim())
            };
            if let (Some(group), Some(artifact), Some(version)) =
                (field("groupId"), field("artifactId"), field("version"))
            {
                found.insert((format!("{group}:{artifact}"), version.to_owned(), None));
            }
        }
    }
}

/// All regular files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found
}
