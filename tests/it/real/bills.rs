//! Bills of materials as documents: valid for the formats' own checkers, the same each time, and
//! read back as they were.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use scout_sbom::Document;

use super::fixture::{Indexed, one_at_a_time};
use crate::support::program;
use crate::support::workspace;

/// Longest that installing the checkers, or checking all documents, may take.
const LONG: Duration = Duration::from_secs(600);
/// CycloneDX' own library has the official JSON schemas; SPDX' own tools check a document.
const CHECKERS: [&str; 2] = [
    "cyclonedx-python-lib[json-validation]==11.12.0",
    "spdx-tools==0.8.5",
];
/// Prints a line for each fault of the files that it is given.
const CHECK: &str = r"
import logging, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

logging.disable(logging.CRITICAL)
strict = JsonStrictValidator(SchemaVersion.V1_6)
for name in sys.argv[1:]:
    if name.endswith('.spdx.json'):
        faults = [m.validation_message for m in validate_full_spdx_document(parse_file(name))]
    else:
        fault = strict.validate_str(open(name, encoding='utf-8').read())
        faults = [] if fault is None else [str(fault)]
    for fault in faults[:5]:
        print(name, fault[:400].replace('\n', ' '))
";

#[test]
#[ignore = "needs real servers; run tests/run"]
fn documents_are_valid_the_same_each_time_and_read_back_as_they_were() {
    let _turn = one_at_a_time();
    let Some(indexed) = Indexed::get() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    let mut licensed = BTreeMap::<String, [usize; 2]>::new();
    for (number, image) in indexed.pushed.testbed.images().iter().enumerate() {
        let write = |format: &str| {
            let file = folder.path().join(format!("{number}.{format}.json"));
            let path = file.to_str().unwrap();
            let arguments = ["sbom", &image.name, "--format", format];
            let printed = indexed.scout.scout(&arguments).expect_code(0).stdout;
            let written = [&arguments[..], &["--output", path]].concat();
            indexed.scout.scout(&written).expect_code(0);
            assert_eq!(
                fs::read_to_string(&file).unwrap(),
                printed,
                "{}",
                image.name
            );
            (file, Document::read(printed.as_bytes()).unwrap())
        };
        let (_, own) = write("json");
        assert!(
            !own.packages.is_empty() || !own.gaps.is_empty(),
            "{}",
            image.name
        );
        for package in own.packages.iter().map(|found| &found.package) {
            let [with, all] = licensed
                .entry(package.package_type.to_string())
                .or_default();
            *all += 1;
            *with += usize::from(package.license.is_some());
        }
        for format in ["cyclonedx", "spdx"] {
            let (file, document) = write(format);
            assert_eq!(document, own, "{} {format}", image.name);
            files.push(file);
        }
    }
    println!("packages with a licence, of all: {licensed:?}");
    let faults = check(&files);
    assert!(faults.is_empty(), "{faults}");
    println!("{} documents are valid", files.len());
}

/// Returns what the formats' own checkers say of the files; nothing if they are valid.
fn check(files: &[PathBuf]) -> String {
    let python = checkers(&workspace::root().join("target/document-checkers"));
    let mut command = Command::new(python);
    command.args(["-c", CHECK]).args(files);
    program::wait(command, LONG).expect_code(0).stdout
}

/// Returns a Python that has the checkers.
fn checkers(cache: &Path) -> PathBuf {
    let python = cache.join("bin/python3");
    let is_ready = cache.join("ready");
    if !is_ready.exists() {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(cache);
        program::wait(make, LONG).expect_code(0);
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "-q", "--disable-pip-version-check"]);
        install.args(CHECKERS);
        program::wait(install, LONG).expect_code(0);
        fs::write(is_ready, "").unwrap();
    }
    python
}
