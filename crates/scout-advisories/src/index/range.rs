//! Which versions a record says are affected.
//!
//! Events are evaluated in one pass without sorting them: of all events at or below a version,
//! the last one decides. So events may come in any order, and an order of versions that is not
//! total for broken versions can do no harm.

use std::cmp::Ordering;

use super::strings::{StringId, Strings};
use crate::version::Order;

/// One event of a range.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Event {
    /// Affected from the first version on: `introduced: "0"`.
    Beginning,
    /// Affected from this version on.
    Introduced(StringId),
    /// Not affected from this version on.
    Fixed(StringId),
    /// Not affected behind this version.
    LastAffected(StringId),
    /// Nothing is said from this version on.
    Limit(StringId),
}

/// The versions that a range speaks of.
pub(super) type Range = Box<[Event]>;

/// An installed version, as it is compared with those of records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Installed<'a> {
    pub(super) version: &'a str,
    pub(super) order: Order,
    /// Compares without epochs: the name of a source rpm, where versions of source packages come
    /// from, has none.
    pub(super) ignores_epoch: bool,
}

impl Installed<'_> {
    /// Compares the installed version with one of a record.
    pub(super) fn compare(&self, version: &str) -> Ordering {
        let version = match version.split_once(':') {
            Some((_, rest)) if self.ignores_epoch => rest,
            _ => version,
        };
        self.order.compare(self.version, version)
    }
}

/// What a range says of an installed version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer<'a> {
    NotAffected,
    /// Affected, and the version that ends it, if one does.
    Affected {
        fixed: Option<&'a str>,
    },
}

/// Asks one range about an installed version.
pub(super) fn ask<'a>(
    range: &[Event],
    strings: &'a Strings,
    installed: &Installed<'_>,
) -> Answer<'a> {
    let at_or_above = |version: StringId| installed.compare(strings.get(version)).is_ge();
    let mut is_affected = false;
    let mut decided_by: Option<(StringId, &Event)> = None;
    let mut end: Option<(&'a str, bool)> = None;
    let mut limited = None;
    for event in range {
        let (version, starts, is_passed) = match *event {
            Event::Beginning => {
                is_affected |= decided_by.is_none();
                continue;
            }
            Event::Limit(version) => {
                limited = Some(limited.unwrap_or(true) && at_or_above(version));
                continue;
            }
            Event::Introduced(version) => (version, true, at_or_above(version)),
            Event::Fixed(version) => (version, false, at_or_above(version)),
            Event::LastAffected(version) => (
                version,
                false,
                installed.compare(strings.get(version)).is_gt(),
            ),
        };
        let text = strings.get(version);
        if is_passed {
            let order = decided_by.map_or(Ordering::Greater, |(last, _)| {
                installed.order.compare(text, strings.get(last))
            });
            // Of two events at one version the later one counts, but what is last affected is
            // never reopened by its own introduction.
            let reopens = matches!(
                (event, decided_by),
                (Event::Introduced(_), Some((_, Event::LastAffected(_))))
            );
            if order.is_gt() || (order.is_eq() && !reopens) {
                decided_by = Some((version, event));
                is_affected = starts;
            }
        } else if !starts
            && end.is_none_or(|(nearest, _)| installed.order.compare(text, nearest).is_lt())
        {
            end = Some((text, matches!(event, Event::Fixed(_))));
        }
    }
    if !is_affected || limited == Some(true) {
        return Answer::NotAffected;
    }
    Answer::Affected {
        fixed: end.filter(|(_, is_fix)| *is_fix).map(|(text, _)| text),
    }
}

/// Returns the nearest fix above an installed version, for a package that is affected because a
/// record lists its version.
pub(super) fn nearest_fix<'a>(
    range: &[Event],
    strings: &'a Strings,
    installed: &Installed<'_>,
) -> Option<&'a str> {
    range
        .iter()
        .filter_map(|event| match event {
            Event::Fixed(version) => Some(strings.get(*version)),
            _ => None,
        })
        .filter(|version| installed.compare(version).is_lt())
        .reduce(|nearest, version| {
            if installed.order.compare(version, nearest).is_lt() {
                version
            } else {
                nearest
            }
        })
}
