//! Whether what a lock file asks for was installed. Then the installed packages tell what is there,
//! and the lock file nothing more.

use std::collections::BTreeSet;

use crate::path::split;

/// Returns the directory whose `node_modules` holds this file; none of other files.
pub(super) fn module_root(path: &[u8]) -> Option<Vec<u8>> {
    let mut parts = path.split(|&byte| byte == b'/');
    let mut root = Vec::new();
    loop {
        match parts.next()? {
            b"node_modules" => return Some(root.join(&b'/')),
            part => root.push(part),
        }
    }
}

/// Returns whether packages are installed where this lock file would have them: beside it, in a
/// directory above, or in a part of the project below.
pub(super) fn is_carried_out(lock: &[u8], roots: &BTreeSet<Vec<u8>>) -> bool {
    let directory = split(lock).0;
    let mut above = directory;
    loop {
        // The root of the image has its `node_modules` for other reasons.
        if roots.contains(above) && (!above.is_empty() || directory.is_empty()) {
            return true;
        }
        if above.is_empty() {
            break;
        }
        above = split(above).0;
    }
    let below = [directory, b"/"].concat();
    let next = roots.range(below.clone()..).next();
    !directory.is_empty() && next.is_some_and(|root| root.starts_with(&below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_counts_where_nothing_is_installed() {
        let paths = [
            "srv/app/node_modules/a/package.json",
            "srv/mono/web/node_modules/a/package.json",
            "node_modules/b/package.json",
            "usr/lib/x/package.json",
        ];
        let roots: BTreeSet<Vec<u8>> = paths
            .iter()
            .filter_map(|path| module_root(path.as_bytes()))
            .collect();
        assert_eq!(roots.len(), 3);
        for (lock, expected) in [
            ("srv/app/yarn.lock", true),
            ("srv/app/part/yarn.lock", true),
            ("srv/mono/yarn.lock", true),
            ("srv/mono/api/yarn.lock", false),
            ("srv/other/yarn.lock", false),
            ("srv/ap/yarn.lock", false),
            ("yarn.lock", true),
        ] {
            assert_eq!(is_carried_out(lock.as_bytes(), &roots), expected, "{lock}");
        }
    }
}
