//! The page about configuration says what the programs take, no more and no less.

use std::collections::{BTreeMap, BTreeSet};

use scout_registry::RegistrySpec;

use super::*;

const PAGE: &str = include_str!("../../../../docs/configuration.md");

/// Returns what stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns the first cell of a row of a table.
fn first_cell(line: &str) -> Option<&str> {
    line.strip_prefix('|')?.split('|').next()
}

/// Returns the part of the page below a heading.
fn section(heading: &str) -> &'static str {
    let start = PAGE.find(&format!("\n{heading}\n"));
    let rest = &PAGE[start.unwrap_or_else(|| panic!("{heading}")) + 1 + heading.len()..];
    rest.split("\n#").next().unwrap()
}

/// Returns the keys that the page gives each type.
fn documented() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let sections = PAGE.split("\n### `type = \"").skip(1);
    let keys_of = |section: &'static str| {
        let body = section.split("\n#").next().unwrap();
        let cells = body.lines().filter_map(first_cell);
        let also = body.lines().filter(|line| line.starts_with("Also *"));
        let keys = cells.chain(also).flat_map(quoted).collect();
        (section.split('"').next().unwrap(), keys)
    };
    sections.map(keys_of).collect()
}

#[test]
fn each_type_has_a_section_with_its_keys_and_no_others() {
    let expected: BTreeMap<_, BTreeSet<_>> = IntegrationSpec::kinds()
        .map(|kind| {
            let keys = IntegrationSpec::keys_of(kind).unwrap();
            (kind, keys.into_iter().filter(|key| *key != TYPE).collect())
        })
        .collect();
    assert_eq!(documented(), expected);
}

#[test]
fn each_key_at_the_top_has_a_row() {
    let rows = section("### Keys at the top")
        .lines()
        .filter_map(first_cell);
    let documented: Vec<_> = rows.flat_map(quoted).collect();
    assert_eq!(documented, KEYS);
}

#[test]
fn each_type_with_variables_has_a_row_of_them() {
    let rows = section("## Credentials")
        .lines()
        .filter(|line| line.starts_with("| `"));
    let documented: BTreeSet<Vec<_>> = rows.map(|row| quoted(row).collect()).collect();
    let variables = |kind| {
        let pairs = [("registry", "r"), ("api", "https://r"), ("path", "p")];
        let keys = RegistrySpec::keys_of(kind).unwrap();
        let pairs = pairs.into_iter().filter(|(key, _)| keys.contains(key));
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let spec = RegistrySpec::new(&Parameters::new(kind, pairs)).unwrap();
        let names = spec.variables()?;
        Some(vec![
            kind,
            names.user,
            names.password,
            names.webhook_secret?,
        ])
    };
    assert_eq!(
        documented,
        RegistrySpec::kinds().filter_map(variables).collect()
    );
}

#[test]
fn the_example_is_one() {
    let example = PAGE.split("```toml\n").nth(1).unwrap();
    let file = ConfigFile::parse(example.split("```").next().unwrap()).unwrap();
    assert_eq!(file.integrations.len(), 2);
}
