//! `docs/configuration.md` has every key, every limit and every variable that the code has, and no
//! other. What the programs refuse is what they know: a refusal lists it.

use std::collections::BTreeSet;
use std::fs;

use regex::Regex;
use tempfile::TempDir;

use super::page::{Page, code, rows};
use crate::deploy::under;
use crate::support::program;
use crate::support::workspace;

const PAGE: &str = "docs/configuration.md";
/// The keys that each integration must have, so that it is looked at closely, and values for them.
const REQUIRED: [(&str, &str); 6] = [
    ("registry", "localhost:1"),
    ("api", "http://localhost:1"),
    ("path", "x"),
    ("token", "env:HOME"),
    ("url", "env:HOME"),
    ("region", "us1"),
];

type Names = BTreeSet<String>;

/// Starts a program with a file that is wrong, and returns what it says.
#[track_caller]
fn refusal(program: &str, file: &str) -> String {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("scout.toml"), file).unwrap();
    let arguments = ["--config", "scout.toml", "--data-dir", "none"];
    let mut command = program::ours(program);
    command.args(arguments).current_dir(folder.path());
    if program == "scout-watch" {
        command.arg("--once");
    }
    program::wait(command, program::DEADLINE)
        .expect_code(64)
        .stderr
}

/// Returns the keys that a refusal of an unknown one lists.
#[track_caller]
fn known(program: &str, table: &str) -> Names {
    let refusal = refusal(program, &format!("{table}colour = 1\n"));
    let (_, keys) = refusal
        .trim()
        .split_once("the keys are ")
        .unwrap_or_else(|| panic!("{table}: {refusal}"));
    keys.split(", ").map(str::to_owned).collect()
}

/// Returns the types of integrations that there are.
fn types() -> Names {
    let refusal = refusal(
        "scout-watch",
        "[[integration]]\nname = \"a\"\ntype = \"colour\"\n",
    );
    let (_, types) = refusal.trim().split_once("the types are ").unwrap();
    types.split(", ").map(str::to_owned).collect()
}

fn table_of(kind: &str) -> String {
    format!("[[integration]]\nname = \"a\"\ntype = \"{kind}\"\n")
}

fn heading_of(kind: &str) -> String {
    format!("### `type = \"{kind}\"`")
}

/// Returns the keys that tables list in their first column.
fn listed(text: &str) -> Names {
    let rows = rows(text);
    let names = rows.iter().flat_map(|row| code(&row[0]));
    names.map(str::to_owned).collect()
}

#[test]
fn the_keys_at_the_top_are_those_of_the_page() {
    let page = Page::read(PAGE);
    let listed = listed(&page.section("### Keys at the top"));
    assert_eq!(listed, known("scout-watch", ""));
    assert_eq!(listed, known("scout-exporter", ""));
}

#[test]
fn the_keys_of_each_type_are_those_of_the_page() {
    let page = Page::read(PAGE);
    let types = types();
    for kind in &types {
        let section = page.section(&heading_of(kind));
        let mut keys = listed(&section);
        let also = section.lines().filter(|line| line.starts_with("Also "));
        keys.extend(also.flat_map(code).map(str::to_owned));
        keys.extend(["name", "type"].map(str::to_owned));
        assert_eq!(keys, known("scout-watch", &table_of(kind)), "{kind}");
    }
    let described: Names = page
        .headings()
        .into_iter()
        .filter_map(|heading| heading.strip_prefix("### `type = \"")?.strip_suffix("\"`"))
        .map(str::to_owned)
        .collect();
    assert_eq!(described, types);
}

#[test]
fn keys_that_must_be_given_are_bold() {
    let page = Page::read(PAGE);
    for kind in types() {
        let section = page.section(&heading_of(&kind));
        let bold: Vec<_> = section.split("**`").skip(1).collect();
        for key in bold.iter().map(|rest| rest.split('`').next().unwrap()) {
            let others = required(&kind, key);
            let refusal = refusal("scout-watch", &format!("{}{others}", table_of(&kind)));
            assert!(refusal.contains(key), "{kind} without {key}: {refusal}");
        }
    }
}

/// Returns lines with all keys that the type must have, or knows, but one.
fn required(kind: &str, but: &str) -> String {
    let known = known("scout-watch", &table_of(kind));
    let lines = REQUIRED
        .iter()
        .filter(|(key, _)| known.contains(*key) && *key != but);
    let lines = lines.filter(|(key, _)| kind != "sysdig" || !["url", "api"].contains(key));
    lines
        .map(|(key, value)| format!("{key} = \"{value}\"\n"))
        .collect()
}

#[test]
fn the_keys_of_hosted_organizations_are_those_of_the_page() {
    let section = Page::read(PAGE).section("## Hosted organizations");
    let (_, table) = section
        .split_once("Keys in **bold** must be given.")
        .unwrap();
    let table = table.split("\n|\n").next().unwrap();
    let table = table.trim_start().split("\n\n").next().unwrap();
    let listed = listed(table);
    for program in ["scout-exporter", "scout-watch"] {
        assert_eq!(listed, known(program, "[[hosted]]\n"), "{program}");
    }
}

#[test]
fn limits_are_those_of_the_page() {
    let page = Page::read(PAGE);
    let limits = Regex::new(r"^number, (\d+) to (\d+)").unwrap();
    let mut count = 0;
    let mut check = |program: &str, table: &str, row: &[String]| {
        let Some(found) = limits.captures(&row[1]) else {
            return;
        };
        let key = code(&row[0])[0];
        let refusal = refusal(program, &format!("{table}{key} = 0\n"));
        let expected = format!("between {} and {}", &found[1], &found[2]);
        assert!(
            refusal.contains(key) && refusal.contains(&expected),
            "{row:?}: {refusal}"
        );
        count += 1;
    };
    for row in rows(&page.section("### Keys at the top")) {
        check("scout-watch", "", &row);
    }
    let hosted = "[[hosted]]\norg = \"a\"\ntoken = \"env:HOME\"\n";
    for row in rows(&page.section("## Hosted organizations")) {
        check("scout-exporter", hosted, &row);
    }
    let oci = format!("{}{}", table_of("oci"), required("oci", ""));
    let types = page.section("## Types and their keys");
    for row in rows(types.split("\n### ").next().unwrap()) {
        check("scout-watch", &oci, &row);
    }
    assert!(count >= 7, "{count}");
}

/// Returns the variables that are named in code that is not a test's.
fn variables() -> Names {
    let root = workspace::root();
    let literal = Regex::new(
        r#""((?:DOCKER_)?SCOUT_[A-Z_]+[A-Z])"|(?:\bget\(|CONFIG: &str = )"([A-Z][A-Z_]+)""#,
    )
    .unwrap();
    let mut found = Names::new();
    for folder in ["crates", "bins"] {
        for file in under(&root.join(folder), &["rs"]) {
            let name = file.strip_prefix(root).unwrap().to_str().unwrap();
            if !name.contains("/src/") || name.contains("test") || name.contains("conformance") {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            let names = literal.captures_iter(text);
            let names = names.map(|found| found.get(1).or_else(|| found.get(2)).unwrap());
            found.extend(names.map(|name| name.as_str().to_owned()));
        }
    }
    found
}

#[test]
fn the_variables_are_those_of_the_page() {
    let of_tests = listed(&fs::read_to_string(workspace::root().join("tests/README.md")).unwrap());
    let of_tests: Names = of_tests
        .iter()
        .map(|name| name.split('=').next().unwrap().to_owned())
        .collect();
    let listed = listed(&Page::read(PAGE).section("## Variables"));
    let read: Names = variables().difference(&of_tests).cloned().collect();
    let missing: Vec<_> = read.difference(&listed).collect();
    assert!(missing.is_empty(), "not in {PAGE}: {missing:?}");
    // Those of the HTTP library, and those that have a suffix of ours behind one of the others.
    let elsewhere = [
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ];
    let unread: Vec<_> = listed
        .difference(&read)
        .filter(|name| !elsewhere.contains(&name.as_str()))
        .collect();
    assert!(unread.is_empty(), "in {PAGE}, but nothing reads {unread:?}");
}
