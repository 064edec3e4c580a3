//! What a family is called and labeled, checked before there is a family.

use crate::family::{CounterFamily, GaugeFamily, Kind};

/// Everything about a family that does not change while a program runs: what a document says of it.
///
/// ```
/// use scout_metrics::{DOCUMENTED_FAMILIES, Kind};
///
/// let first = &DOCUMENTED_FAMILIES[0];
/// assert_eq!(first.name, "scout_stream_vulnerabilities");
/// assert_eq!(first.kind, Kind::Gauge);
/// assert_eq!(first.labels, ["streamName", "severity"]);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FamilyDescription {
    /// The name to query; that of a counter ends in `_total`.
    pub name: &'static str,
    /// What the series are.
    pub kind: Kind,
    /// The help text.
    pub help: &'static str,
    /// The label names, in the order in which they are written.
    pub labels: &'static [&'static str],
}

/// The name, help text and label names of a gauge family with `N` labels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GaugeSchema<const N: usize> {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) labels: [&'static str; N],
}

impl<const N: usize> GaugeSchema<N> {
    /// Checks the names. [`gauge!`](crate::gauge) does it at compile time.
    ///
    /// # Errors
    ///
    /// If a name is not one that Prometheus and OpenMetrics accept without quotes, or if a label
    /// is named twice.
    pub const fn new(
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
    ) -> Result<Self, InvalidSchema> {
        match check(Kind::Gauge, name, &labels) {
            Some(reason) => Err(reason),
            None => Ok(Self { name, help, labels }),
        }
    }

    /// Returns the description of a schema that is a `static`, or a promoted constant.
    #[must_use]
    pub const fn description(&'static self) -> FamilyDescription {
        FamilyDescription {
            name: self.name,
            kind: Kind::Gauge,
            help: self.help,
            labels: &self.labels,
        }
    }

    /// Returns the family, still without series.
    #[must_use]
    pub fn family(&self) -> GaugeFamily<N> {
        GaugeFamily::new(self)
    }
}

/// The name, help text and label names of a counter family with `N` labels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CounterSchema<const N: usize> {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) labels: [&'static str; N],
}

impl<const N: usize> CounterSchema<N> {
    /// Checks the names. [`counter!`](crate::counter) does it at compile time.
    ///
    /// The name is the one to query, so it ends in `_total`.
    ///
    /// # Errors
    ///
    /// If a name is not one that Prometheus and OpenMetrics accept without quotes, if the family's
    /// name does not end in `_total`, or if a label is named twice.
    pub const fn new(
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
    ) -> Result<Self, InvalidSchema> {
        match check(Kind::Counter, name, &labels) {
            Some(reason) => Err(reason),
            None => Ok(Self { name, help, labels }),
        }
    }

    /// Returns the description of a schema that is a `static`, or a promoted constant.
    #[must_use]
    pub const fn description(&'static self) -> FamilyDescription {
        FamilyDescription {
            name: self.name,
            kind: Kind::Counter,
            help: self.help,
            labels: &self.labels,
        }
    }

    /// Returns the family, still without series.
    #[must_use]
    pub fn family(&self) -> CounterFamily<N> {
        CounterFamily::new(self)
    }
}

/// Makes a [`GaugeSchema`] from literals; a bad name does not compile.
///
/// ```compile_fail
/// const BAD: scout_metrics::GaugeSchema<1> = scout_metrics::gauge!("a", "Help", ["b c"]);
/// ```
#[macro_export]
macro_rules! gauge {
    ($name:expr, $help:expr, [$($label:expr),* $(,)?]) => {
        const {
            match $crate::GaugeSchema::new($name, $help, [$($label),*]) {
                Ok(schema) => schema,
                Err(reason) => panic!("{}", reason.as_str()),
            }
        }
    };
}

/// Makes a [`CounterSchema`] from literals; a bad name does not compile.
///
/// ```compile_fail
/// const BAD: scout_metrics::CounterSchema<0> = scout_metrics::counter!("requests", "Help", []);
/// ```
#[macro_export]
macro_rules! counter {
    ($name:expr, $help:expr, [$($label:expr),* $(,)?]) => {
        const {
            match $crate::CounterSchema::new($name, $help, [$($label),*]) {
                Ok(schema) => schema,
                Err(reason) => panic!("{}", reason.as_str()),
            }
        }
    };
}

/// Why names do not make a family.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", self.as_str())]
#[non_exhaustive]
pub enum InvalidSchema {
    /// The family's name is not `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    Name,
    /// A counter that does not end in `_total`, or ends in nothing else.
    NotTotal,
    /// A family that ends in `_total` without being a counter.
    Total,
    /// A label is not `[a-zA-Z_][a-zA-Z0-9_]*`, or starts with `__`, which Prometheus keeps for
    /// itself.
    Label,
    /// A label is named twice.
    RepeatedLabel,
}

impl InvalidSchema {
    /// Returns the reason as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "the family's name is not [a-zA-Z_:][a-zA-Z0-9_:]*",
            Self::NotTotal => "a counter's name ends in _total",
            Self::Total => "only a counter's name ends in _total",
            Self::Label => "a label's name is not [a-zA-Z_][a-zA-Z0-9_]* or starts with __",
            Self::RepeatedLabel => "a label is named twice",
        }
    }
}

/// What counters end in, as OpenMetrics demands and Prometheus recommends.
pub(crate) const TOTAL: &str = "_total";

/// Returns what is wrong with the names, if anything is.
pub(crate) const fn check(kind: Kind, name: &str, labels: &[&str]) -> Option<InvalidSchema> {
    if !is_name(name.as_bytes(), true) {
        return Some(InvalidSchema::Name);
    }
    let total = ends_with(name.as_bytes(), TOTAL.as_bytes());
    match kind {
        Kind::Counter if !total || name.len() == TOTAL.len() => {
            return Some(InvalidSchema::NotTotal);
        }
        Kind::Gauge | Kind::Unknown if total => return Some(InvalidSchema::Total),
        _ => {}
    }
    let mut rest = labels;
    while let [label, others @ ..] = rest {
        if !is_name(label.as_bytes(), false) || matches!(label.as_bytes(), [b'_', b'_', ..]) {
            return Some(InvalidSchema::Label);
        }
        let mut later = others;
        while let [other, tail @ ..] = later {
            if is_equal(label.as_bytes(), other.as_bytes()) {
                return Some(InvalidSchema::RepeatedLabel);
            }
            later = tail;
        }
        rest = others;
    }
    None
}

const fn is_name(name: &[u8], colon_allowed: bool) -> bool {
    if name.is_empty() || matches!(name, [b'0'..=b'9', ..]) {
        return false;
    }
    let mut rest = name;
    while let [byte, tail @ ..] = rest {
        let fits =
            byte.is_ascii_alphanumeric() || *byte == b'_' || (colon_allowed && *byte == b':');
        if !fits {
            return false;
        }
        rest = tail;
    }
    true
}

const fn is_equal(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && ends_with(left, right)
}

const fn ends_with(name: &[u8], suffix: &[u8]) -> bool {
    let (mut name, mut suffix) = (name, suffix);
    loop {
        match (suffix.split_last(), name.split_last()) {
            (None, _) => return true,
            (Some((a, suffix_rest)), Some((b, name_rest))) if *a == *b => {
                suffix = suffix_rest;
                name = name_rest;
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_of(kind: Kind, name: &str, labels: &[&str], expected: Option<InvalidSchema>) {
        assert_eq!(check(kind, name, labels), expected, "{name} {labels:?}");
    }

    #[test]
    fn refuses_what_a_scraper_would() {
        use InvalidSchema as Bad;
        for (kind, name, labels, expected) in [
            (
                Kind::Gauge,
                "scout_stream_vulnerabilities",
                &["streamName", "severity"][..],
                None,
            ),
            (Kind::Gauge, "a:b", &[], None),
            (Kind::Gauge, "", &[], Some(Bad::Name)),
            (Kind::Gauge, "9a", &[], Some(Bad::Name)),
            (Kind::Gauge, "a-b", &[], Some(Bad::Name)),
            (Kind::Gauge, "ä", &[], Some(Bad::Name)),
            (Kind::Gauge, "a_total", &[], Some(Bad::Total)),
            (Kind::Unknown, "a_total", &[], Some(Bad::Total)),
            (Kind::Counter, "a_total", &["b"], None),
            (Kind::Counter, "a", &[], Some(Bad::NotTotal)),
            (Kind::Counter, "_total", &[], Some(Bad::NotTotal)),
            (Kind::Gauge, "a", &[""], Some(Bad::Label)),
            (Kind::Gauge, "a", &["b:c"], Some(Bad::Label)),
            (Kind::Gauge, "a", &["__name__"], Some(Bad::Label)),
            (Kind::Gauge, "a", &["b", "c", "b"], Some(Bad::RepeatedLabel)),
            (Kind::Gauge, "a", &["b", "ab"], None),
        ] {
            check_of(kind, name, labels, expected);
        }
    }

    #[test]
    fn the_checked_doors_use_the_same_rules() {
        assert_eq!(GaugeSchema::new("a b", "", []), Err(InvalidSchema::Name));
        assert_eq!(
            CounterSchema::new("a", "", []),
            Err(InvalidSchema::NotTotal)
        );
        assert_eq!(
            InvalidSchema::NotTotal.to_string(),
            InvalidSchema::NotTotal.as_str()
        );
    }
}
