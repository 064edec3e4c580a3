//! Every link within the repository leads somewhere, and every page can be found.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::page::Page;
use crate::deploy::under;
use crate::support::workspace;

/// Returns every document of the repository.
fn documents() -> Vec<PathBuf> {
    let root = workspace::root();
    let folders = ["docs", "deploy", "crates", "examples", "benches", "tests"];
    let mut files: Vec<_> = folders
        .iter()
        .flat_map(|folder| under(&root.join(folder), &["md"]))
        .collect();
    for file in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        files.push(root.join(file));
    }
    files
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_there_are() {
    let mut count = 0;
    for file in documents() {
        let page = Page::read(&file);
        let local =
            |target: &&str| !target.contains("://") && !target.contains(char::is_whitespace);
        for target in page.links().into_iter().filter(local) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let linked = match path {
                "" => file.clone(),
                path => file.parent().unwrap().join(path),
            };
            let place = format!("{}: {target}", file.display());
            assert!(linked.exists(), "{place}: there is no such file");
            if !anchor.is_empty() && linked.extension().is_some_and(|ending| ending == "md") {
                let anchors = Page::read(&linked).anchors();
                assert!(anchors.contains(anchor), "{place}: not among {anchors:?}");
            }
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn every_page_of_docs_is_linked_from_the_readme() {
    let readme = Page::read("README.md");
    let linked: BTreeSet<_> = readme.links().into_iter().map(Path::new).collect();
    for page in under(&workspace::root().join("docs"), &["md"]) {
        let name = page.strip_prefix(workspace::root()).unwrap();
        assert!(
            linked.contains(name),
            "{} is not in README.md",
            name.display()
        );
    }
}
