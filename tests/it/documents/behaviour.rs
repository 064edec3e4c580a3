//! `docs/documented-behaviour.md` names tests that there are.

use std::fs;
use std::sync::OnceLock;

use super::page::{Page, code, rows};
use crate::deploy::under;
use crate::support::workspace;

/// Returns the name of a test without the modules that lead to it.
fn function(name: &str) -> &str {
    name.rsplit("::").next().unwrap()
}

#[test]
fn every_test_that_is_named_is_there() {
    let page = Page::read("docs/documented-behaviour.md");
    let mut count = 0;
    for row in rows(page.text()) {
        let mut file = None::<String>;
        for word in code(&row[1]) {
            if word.ends_with(".rs") {
                let path = workspace::root().join(word);
                let text = fs::read_to_string(&path);
                file = Some(text.unwrap_or_else(|error| panic!("{word}: {error}\n{row:?}")));
            } else if word.contains("::") && !word.contains(' ') {
                // Of a whole module it is the folder that has to be there.
                let name = match word.chars().filter(|c| *c == ':').count() {
                    2 if word.starts_with("real::") => format!("mod {};", function(word)),
                    _ => format!("fn {}(", function(word)),
                };
                // Without a file of its own it is a rule of the store, or was named before.
                let found = file.as_ref().is_some_and(|text| text.contains(&name))
                    || everywhere().contains(&name);
                assert!(found, "there is no {word}:\n{row:?}");
                count += 1;
            }
        }
    }
    assert!(count > 150, "{count}");
}

#[test]
fn every_statement_is_answered() {
    let page = Page::read("docs/documented-behaviour.md");
    for row in &rows(page.text()) {
        let [statement, shown] = row.as_slice() else {
            panic!("{row:?}");
        };
        assert!(!statement.is_empty() && !shown.is_empty(), "{row:?}");
        assert!(!shown.contains("Not yet"), "{row:?}");
    }
}

/// Returns all code in which tests may stand.
fn everywhere() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let root = workspace::root();
        let folders = ["crates", "bins", "tests"];
        let files = folders
            .iter()
            .flat_map(|folder| under(&root.join(folder), &["rs"]));
        files
            .map(|file| fs::read_to_string(file).unwrap())
            .collect()
    })
}
