//! Strings stored once: versions and names repeat thousands of times in a feed.

use std::collections::HashMap;
use std::sync::Arc;

/// A string of one [`Strings`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct StringId(u32);

/// The strings of one feed.
#[derive(Debug, Default)]
pub(super) struct Strings(Vec<Arc<str>>);

impl Strings {
    pub(super) fn get(&self, id: StringId) -> &str {
        // Ids are made by the interner of the same feed only, so there is always one.
        self.0.get(id.0 as usize).map_or("", |string| string)
    }
}

/// Strings while they are collected.
#[derive(Debug, Default)]
pub(super) struct Interner {
    strings: Strings,
    ids: HashMap<Arc<str>, StringId>,
}

impl Interner {
    /// Returns the id of a string; nothing when there are four billion already.
    pub(super) fn intern(&mut self, string: &str) -> Option<StringId> {
        if let Some(id) = self.ids.get(string) {
            return Some(*id);
        }
        let id = StringId(u32::try_from(self.strings.0.len()).ok()?);
        let string: Arc<str> = string.into();
        self.strings.0.push(Arc::clone(&string));
        self.ids.insert(string, id);
        Some(id)
    }

    pub(super) fn finish(self) -> Strings {
        self.strings
    }
}
