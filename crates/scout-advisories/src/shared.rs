//! Where tests find the data that is shared between projects and not part of a plain checkout.

use std::path::PathBuf;

/// Returns a folder of the shared data; nothing, and says so, where this is a plain checkout.
pub(crate) fn shared_folder(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("SCOUT_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let folder = shared.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    let required = std::env::var_os("SCOUT_REQUIRE_SHARED").is_some_and(|value| value == "1");
    assert!(!required, "{} not found", folder.display());
    println!("skipped: {} not found", folder.display());
    None
}
