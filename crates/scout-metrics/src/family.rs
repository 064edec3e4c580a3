//! Families of series. A family holds each set of label values once.

use std::borrow::Cow;

use indexmap::IndexMap;

use crate::number::Number;
use crate::schema::{CounterSchema, GaugeSchema, InvalidSchema, TOTAL, check};

/// What the series of a family are. The set is closed: histograms and summaries are not kept here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A value that only grows while the process lives.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// A value of which nobody said what it is.
    Unknown,
}

/// All series of one name, in the order in which they were first set.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    kind: Kind,
    name: Cow<'static, str>,
    help: Cow<'static, str>,
    labels: Vec<Cow<'static, str>>,
    series: IndexMap<Vec<String>, Number>,
}

impl Family {
    /// Returns a family whose names are known only at run time.
    ///
    /// # Errors
    ///
    /// If the names break the rules of [`GaugeSchema::new`] or [`CounterSchema::new`].
    #[cfg_attr(
        not(feature = "openmetrics-parser"),
        expect(dead_code, reason = "only what is parsed has such names")
    )]
    pub(crate) fn with_names(
        kind: Kind,
        name: String,
        help: &str,
        labels: &[String],
    ) -> Result<Self, InvalidSchema> {
        let names: Vec<&str> = labels.iter().map(String::as_str).collect();
        if let Some(reason) = check(kind, &name, &names) {
            return Err(reason);
        }
        Ok(Self {
            kind,
            name: name.into(),
            help: label_value(help).into(),
            labels: labels.iter().cloned().map(Cow::Owned).collect(),
            series: IndexMap::new(),
        })
    }

    fn of_schema(
        kind: Kind,
        name: &'static str,
        help: &'static str,
        labels: &[&'static str],
    ) -> Self {
        Self {
            kind,
            name: name.into(),
            help: help.into(),
            labels: labels.iter().copied().map(Cow::Borrowed).collect(),
            series: IndexMap::new(),
        }
    }

    /// Sets one series. `values` has as many entries as the family has labels. Returns the value
    /// it had before.
    pub(crate) fn set(&mut self, values: Vec<String>, value: Number) -> Option<Number> {
        self.series.insert(values, value)
    }

    /// Adds the series of another piece of the same family; says why it cannot be one.
    #[cfg_attr(
        not(feature = "openmetrics-parser"),
        expect(dead_code, reason = "only what is parsed comes in pieces")
    )]
    pub(crate) fn append(&mut self, other: Self) -> Result<(), &'static str> {
        if self.kind != other.kind {
            return Err("a family of two kinds");
        }
        if self.labels != other.labels {
            return Err("different labels in one family");
        }
        for (values, value) in other.series {
            if self.set(values, value).is_some() {
                return Err("a series that was there before");
            }
        }
        Ok(())
    }

    /// Returns what the series are.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the name of the samples, with `_total` if they are counters.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name OpenMetrics gives the family: that of a counter has no `_total`.
    #[must_use]
    pub fn base_name(&self) -> &str {
        match self.kind {
            Kind::Counter => self.name.strip_suffix(TOTAL).unwrap_or(&self.name),
            Kind::Gauge | Kind::Unknown => &self.name,
        }
    }

    /// Returns the help text; empty if there is none.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Returns the label names, in the order in which they are written.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = &str> {
        self.labels.iter().map(AsRef::as_ref)
    }

    /// Returns how many series there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Returns whether there are no series; such a family is not written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Returns the series in the order in which they were first set.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = Sample<'_>> {
        self.series.iter().map(|(values, value)| Sample {
            labels: &self.labels,
            values,
            value: *value,
        })
    }

    /// Returns the value of the series that has exactly these label values, in the family's order.
    #[must_use]
    pub fn value(&self, values: &[&str]) -> Option<Number> {
        let key: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
        self.series.get(&key).copied()
    }
}

/// One series of a family with its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    labels: &'a [Cow<'static, str>],
    values: &'a [String],
    value: Number,
}

impl<'a> Sample<'a> {
    /// Returns label names with their values, in the family's order.
    pub fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let names = self.labels.iter().map(AsRef::as_ref);
        names.zip(self.values.iter().map(String::as_str))
    }

    /// Returns the value of the label of this name.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&'a str> {
        self.labels()
            .find_map(|(label, value)| (label == name).then_some(value))
    }

    /// Returns the sample's value.
    #[must_use]
    pub fn value(&self) -> Number {
        self.value
    }
}

/// Returns a label value, or a help text, that no reader takes for several lines.
///
/// Of what ends a line, the formats can escape the line feed only. Datadog's check splits the
/// answer with Python's `str.splitlines`, which also ends lines at the other characters here, and
/// then loses the whole scrape; other control characters end the text for readers written in C.
/// Each becomes U+FFFD. It is done before values are compared, so no two series can become one.
pub(crate) fn label_value(value: &str) -> String {
    let misread = |char: char| {
        (char.is_control() && char != '\n' && char != '\t')
            || matches!(char, '\u{2028}' | '\u{2029}')
    };
    value.replace(misread, "\u{fffd}")
}

/// A family of gauges with `N` labels.
#[derive(Clone, Debug, PartialEq)]
pub struct GaugeFamily<const N: usize>(Family);

impl<const N: usize> GaugeFamily<N> {
    /// Returns the family of this schema, still without series.
    #[must_use]
    pub fn new(schema: &GaugeSchema<N>) -> Self {
        let GaugeSchema { name, help, labels } = schema;
        Self(Family::of_schema(Kind::Gauge, name, help, labels))
    }

    /// Sets the series that has these label values, in the order of the schema.
    pub fn set(&mut self, values: [&str; N], value: impl Into<Number>) {
        self.0.set(values.map(label_value).into(), value.into());
    }
}

/// A family of counters with `N` labels.
#[derive(Clone, Debug, PartialEq)]
pub struct CounterFamily<const N: usize>(Family);

impl<const N: usize> CounterFamily<N> {
    /// Returns the family of this schema, still without series.
    #[must_use]
    pub fn new(schema: &CounterSchema<N>) -> Self {
        let CounterSchema { name, help, labels } = schema;
        Self(Family::of_schema(Kind::Counter, name, help, labels))
    }

    /// Sets what the series that has these label values has counted so far.
    pub fn set(&mut self, values: [&str; N], count: u64) {
        self.0.set(values.map(label_value).into(), count.into());
    }
}

impl<const N: usize> From<GaugeFamily<N>> for Family {
    fn from(family: GaugeFamily<N>) -> Self {
        family.0
    }
}

impl<const N: usize> From<CounterFamily<N>> for Family {
    fn from(family: CounterFamily<N>) -> Self {
        family.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{counter, gauge};

    #[test]
    fn a_series_set_twice_stays_one_in_its_first_place() {
        let mut family = gauge!("a", "", ["x", "y"]).family();
        family.set(["1", "2"], 1_u64);
        family.set(["0", "0"], 2_u64);
        family.set(["1", "2"], 3_u64);
        let family = Family::from(family);
        let seen: Vec<_> = family
            .samples()
            .map(|sample| (sample.label("x"), sample.label("z"), sample.value()))
            .collect();
        assert_eq!(
            seen,
            [
                (Some("1"), None, 3_u64.into()),
                (Some("0"), None, 2_u64.into())
            ]
        );
        assert_eq!(family.value(&["1", "2"]), Some(3_u64.into()));
        assert_eq!(family.value(&["1"]), None);
    }

    #[test]
    fn values_that_are_written_alike_are_one_series() {
        let mut family = gauge!("a", "", ["x"]).family();
        family.set(["eu\u{2028}west"], 1_u64);
        family.set(["eu\u{2029}west"], 2_u64);
        family.set(["eu\nwest"], 3_u64);
        let family = Family::from(family);
        assert_eq!(family.len(), 2);
        assert_eq!(family.value(&["eu\u{fffd}west"]), Some(2_u64.into()));
    }

    #[test]
    fn a_counter_is_called_without_total_in_openmetrics() {
        let mut family = counter!("a_total", "", []).family();
        family.set([], 1);
        let family = Family::from(family);
        assert_eq!((family.name(), family.base_name()), ("a_total", "a"));
    }
}
