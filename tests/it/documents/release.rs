//! `deploy/release`: the bills of materials are complete and well-formed, and the same every time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use regex::bytes::Regex;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::guard;
use crate::support::program::{self, DEADLINE};
use crate::support::workspace;

const PROGRAMS: [&str; 3] = ["scout", "scout-exporter", "scout-watch"];

/// Writes the bills into a folder; says so if it is skipped.
fn write(folder: &Path, more: &[&str]) -> Option<()> {
    let mut probe = Command::new("python3");
    probe.args(["-c", "import tomllib"]);
    if !guard::exists("python3") || program::wait(probe, DEADLINE).code != Some(0) {
        println!("skipped: python3 (3.11) not found");
        return None;
    }
    let mut command = Command::new(workspace::root().join("deploy/release/bill"));
    command
        .arg("--out")
        .arg(folder)
        .args(more)
        .env("CARGO_NET_OFFLINE", "true");
    program::wait(command, DEADLINE).expect_code(0);
    Some(())
}

fn read(folder: &Path, program: &str) -> Value {
    let text = fs::read(folder.join(format!("{program}.cdx.json"))).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// Returns name and version of each component.
fn components(bill: &Value) -> BTreeSet<String> {
    let components = bill["components"].as_array().unwrap().iter();
    components
        .map(|one| {
            format!(
                "{} {}",
                one["name"].as_str().unwrap(),
                one["version"].as_str().unwrap()
            )
        })
        .collect()
}

/// Returns what cargo says that a program is linked from, without the program.
fn linked(program: &str) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "tree",
        "--locked",
        "--offline",
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
    ]);
    cargo.args(["--format", "{p}", "--no-dedupe", "--package", program]);
    let tree = program::wait(cargo, DEADLINE).expect_code(0).stdout;
    let packages = tree.lines().filter(|line| !line.is_empty()).map(|line| {
        let mut words = line.split(' ');
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        format!("{name} {}", version.trim_start_matches('v'))
    });
    let own = format!("{program} {}", env!("CARGO_PKG_VERSION"));
    packages.filter(|package| *package != own).collect()
}

#[test]
fn bills_hold_what_cargo_links() {
    let folder = TempDir::new().unwrap();
    let Some(()) = write(folder.path(), &[]) else {
        return;
    };
    for program in PROGRAMS {
        let bill = read(folder.path(), program);
        let found = components(&bill);
        let linked = linked(program);
        // Building the three together may turn on a feature for one of them.
        let missing: Vec<_> = linked.difference(&found).collect();
        assert!(missing.is_empty(), "{program}: {missing:?}");
        let union: BTreeSet<_> = PROGRAMS
            .iter()
            .flat_map(|program| self::linked(program))
            .collect();
        let foreign: Vec<_> = found.difference(&union).collect();
        assert!(foreign.is_empty(), "{program}: {foreign:?}");
        assert!(found.len() > 100, "{program}: {}", found.len());
        for known in ["libsqlite3-sys", "rustls", "aws-lc-sys"] {
            assert!(
                found.iter().any(|one| one.starts_with(known)),
                "{program}: {known}"
            );
        }
        // What runs while building is no part of a program.
        for build in ["cc ", "syn ", "serde_derive ", "clap_derive "] {
            assert!(
                !found.iter().any(|one| one.starts_with(build)),
                "{program}: {build}"
            );
        }
    }
}

#[test]
fn whatever_a_program_carries_traces_of_is_in_its_bill() {
    let folder = TempDir::new().unwrap();
    // The programs of the tests are built with all features.
    let Some(()) = write(folder.path(), &["--all-features"]) else {
        return;
    };
    let source = Regex::new(
        r"/registry/src/[^/]+/([A-Za-z0-9_-]+)-([0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*)/",
    )
    .unwrap();
    for program in PROGRAMS {
        let found = components(&read(folder.path(), program));
        // Messages of panics name the files of the packages they come from.
        let content = fs::read(workspace::program(program)).unwrap();
        let traces: BTreeSet<_> = source
            .captures_iter(&content)
            .map(|trace| {
                let part = |i| String::from_utf8_lossy(&trace[i]).into_owned();
                format!("{} {}", part(1), part(2))
            })
            .collect();
        assert!(traces.len() > 40, "{program}: {traces:?}");
        let missing: Vec<_> = traces.difference(&found).collect();
        assert!(missing.is_empty(), "{program} has {missing:?}");
    }
}

#[test]
fn bills_are_well_formed_and_come_out_the_same_again() {
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let binaries = workspace::program("scout");
    let binaries = binaries.parent().unwrap().to_str().unwrap();
    let Some(()) = write(first.path(), &["--binaries", binaries]) else {
        return;
    };
    write(second.path(), &["--binaries", binaries]).unwrap();
    let lock = fs::read_to_string(workspace::root().join("Cargo.lock")).unwrap();
    for program in PROGRAMS {
        let name = format!("{program}.cdx.json");
        let bytes = fs::read(first.path().join(&name)).unwrap();
        assert!(
            bytes == fs::read(second.path().join(&name)).unwrap(),
            "{program}"
        );
        let bill = read(first.path(), program);
        assert_eq!(bill["bomFormat"], "CycloneDX");
        assert_eq!(bill["specVersion"], "1.6");
        assert!(
            bill["serialNumber"]
                .as_str()
                .unwrap()
                .starts_with("urn:uuid:")
        );
        let main = &bill["metadata"]["component"];
        assert_eq!(
            (&main["type"], &main["name"]),
            (&"application".into(), &program.into())
        );
        let mut sha256sum = Command::new("sha256sum");
        sha256sum.arg(workspace::program(program));
        let sum = program::wait(sha256sum, DEADLINE).expect_code(0).stdout;
        assert!(
            sum.starts_with(main["hashes"][0]["content"].as_str().unwrap()),
            "{sum}"
        );
        check(&bill, &lock);
    }
    let texts = fs::read_to_string(first.path().join("LICENSES.txt")).unwrap();
    assert!(texts.contains("GNU LESSER GENERAL PUBLIC LICENSE"));
    let text = fs::read_to_string(workspace::root().join("LICENSE")).unwrap();
    assert!(texts.contains(text.trim()));
}

/// Checks that all parts refer to one another, and that each component has what it must have.
fn check(bill: &Value, lock: &str) {
    let mut references = BTreeMap::new();
    let main = &bill["metadata"]["component"];
    let components = bill["components"].as_array().unwrap();
    for component in components.iter().chain([main]) {
        let reference = component["bom-ref"].as_str().unwrap();
        let before = references.insert(reference, component);
        assert!(before.is_none(), "{reference} twice");
        let license = &component["licenses"][0];
        assert!(
            license["expression"].is_string() || license["license"]["name"].is_string(),
            "{component}"
        );
    }
    for component in components {
        assert_eq!(component["type"], "library");
        let (name, version) = (
            component["name"].as_str().unwrap(),
            component["version"].as_str().unwrap(),
        );
        if name.starts_with("scout-") {
            assert!(component["purl"].is_null(), "{component}");
            continue;
        }
        assert_eq!(
            component["purl"],
            format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
        );
        let entry = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        let (_, rest) = lock.split_once(&entry).unwrap();
        let sum = component["hashes"][0]["content"].as_str().unwrap();
        assert!(
            rest.split("\n\n")
                .next()
                .unwrap()
                .contains(&format!("checksum = \"{sum}\"")),
            "{component}"
        );
    }
    let mut described = BTreeSet::new();
    for dependency in bill["dependencies"].as_array().unwrap() {
        let reference = dependency["ref"].as_str().unwrap();
        assert!(references.contains_key(reference), "{reference}");
        described.insert(reference);
        for on in dependency["dependsOn"].as_array().unwrap() {
            assert!(
                references.contains_key(on.as_str().unwrap()),
                "{reference}: {on}"
            );
        }
    }
    assert!(
        described.iter().eq(references.keys()),
        "not all are described"
    );
}
