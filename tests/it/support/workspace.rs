//! Where things are: the workspace, the shared folder, the programs.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Returns the folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Returns a folder below the shared one, or says why the test is skipped.
///
/// # Panics
///
/// When there is none and `SCOUT_REQUIRE_SHARED=1` demands one.
pub(crate) fn shared(below: &str) -> Option<PathBuf> {
    let shared = env::var_os("SCOUT_SHARED")
        .map_or_else(|| root().join("../shared"), PathBuf::from)
        .join(below);
    if shared.exists() {
        return Some(shared.canonicalize().unwrap());
    }
    assert!(
        env::var_os("SCOUT_REQUIRE_SHARED").is_none_or(|value| value != "1"),
        "{} not found",
        shared.display()
    );
    println!("skipped: ../shared not found ({})", shared.display());
    None
}

/// Returns the path of one of our programs, built with the profile of the tests.
pub(crate) fn program(name: &str) -> PathBuf {
    if let Some(folder) = env::var_os("SCOUT_BIN_DIR") {
        return Path::new(&folder).canonicalize().unwrap().join(name);
    }
    static PROGRAMS: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let programs = PROGRAMS.get_or_init(build);
    programs
        .get(name)
        .unwrap_or_else(|| panic!("the workspace has no program {name}"))
        .clone()
}

/// Builds all programs. `cargo test` has built everything but the last link already.
fn build() -> BTreeMap<String, PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--workspace", "--bins", "--offline"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(root());
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| {
            let executable = message["executable"].as_str()?;
            let name = message["target"]["name"].as_str()?;
            Some((name.to_owned(), PathBuf::from(executable)))
        })
        .collect()
}
