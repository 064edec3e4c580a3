//! What one scrape answers: families, each once.

use indexmap::IndexMap;

use crate::family::Family;

/// Families in the order in which they were first inserted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposition {
    // By the name without `_total`: a gauge `a` and a counter `a_total` are one family to
    // OpenMetrics.
    families: IndexMap<String, Family>,
}

impl Exposition {
    /// Returns an exposition without families.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Inserts a family and returns the one of the same name that it replaces.
    pub fn insert(&mut self, family: impl Into<Family>) -> Option<Family> {
        let family = family.into();
        self.families.insert(family.base_name().to_owned(), family)
    }

    /// Returns the families in order, with those that have no series.
    pub fn families(&self) -> impl ExactSizeIterator<Item = &Family> {
        self.families.values()
    }

    /// Returns the family whose samples have this name.
    #[must_use]
    pub fn family(&self, name: &str) -> Option<&Family> {
        self.families().find(|family| family.name() == name)
    }

    /// Returns how many series there are in all families.
    #[must_use]
    pub fn series_count(&self) -> usize {
        self.families().map(Family::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{counter, gauge};

    #[test]
    fn a_name_stands_for_one_family_only() {
        let mut exposition = Exposition::new();
        assert!(
            exposition
                .insert(gauge!("a", "first", []).family())
                .is_none()
        );
        let replaced = exposition.insert(counter!("a_total", "second", []).family());
        assert_eq!(replaced.unwrap().help(), "first");
        assert_eq!(exposition.families().len(), 1);
        assert!(exposition.family("a").is_none());
        assert!(exposition.family("a_total").is_some());
    }
}
