//! Which files belong to packages of the distribution.

use std::collections::{HashMap, HashSet};

use super::apply::Tracked;
use crate::analysis::{Evidence, PathList};
use crate::path::split;
use crate::tree::{NodeId, Tree};

/// The owners of the files that were asked about.
#[derive(Default)]
pub(super) struct Owners {
    names: HashMap<NodeId, String>,
    contents: HashMap<u32, String>,
}

impl Owners {
    /// Looks the candidates up in all lists of files. The lists name files by the paths of the
    /// time they were written, so each is resolved: `/lib/x` may be `/usr/lib/x` by now.
    pub(super) fn of(
        candidates: &[(Tracked, Option<&Evidence>)],
        lists: &[(String, &PathList)],
        tree: &mut Tree,
    ) -> Self {
        let mut contents_of: HashMap<NodeId, Option<u32>> = HashMap::new();
        // Most listed files are no candidate: their last name tells, without a look at the tree.
        let mut last_names: HashSet<Vec<u8>> = HashSet::new();
        for (tracked, _) in candidates {
            contents_of.insert(tracked.node, tracked.content);
            last_names.insert(split(&tree.path(tracked.node)).1.to_vec());
        }
        let mut owners = Self::default();
        if candidates.is_empty() {
            return owners;
        }
        for (owner, files) in lists {
            files.for_each(|path| {
                if !last_names.contains(split(path).1) {
                    return;
                }
                if let Ok(Some(node)) = tree.find(path, false)
                    && let Some(content) = contents_of.get(&node)
                {
                    owners.names.entry(node).or_insert_with(|| owner.clone());
                    if let Some(content) = *content {
                        let named = owners.contents.entry(content);
                        named.or_insert_with(|| owner.clone());
                    }
                }
            });
        }
        owners
    }

    /// Returns the distribution package that has this file.
    pub(super) fn get(&self, node: NodeId) -> Option<&str> {
        self.names.get(&node).map(String::as_str)
    }

    /// Returns the distribution package that has this content under another name.
    pub(super) fn of_content(&self, content: Option<u32>) -> Option<&str> {
        self.contents.get(&content?).map(String::as_str)
    }
}
