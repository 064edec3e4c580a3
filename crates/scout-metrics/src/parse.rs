//! Families out of text, strictly, through the crate `openmetrics-parser` (LGPL-3.0).
//!
//! For checks and small answers. That crate compares each sample with all before it in its family,
//! so what goes in is bounded.

use std::collections::HashMap;
use std::fmt;

use openmetrics_parser::{
    MetricFamily, MetricNumber, OpenMetricsValue, PrometheusValue, RenderableMetricValue,
    openmetrics::parse_openmetrics, prometheus::parse_prometheus,
};

use crate::exposition::Exposition;
use crate::family::{Family, Kind};
use crate::format::Format;
use crate::number::Number;
use crate::schema::{InvalidSchema, TOTAL};

/// Longest text that is parsed, in bytes: the grammar builds a tree many times the text's size.
pub const MAX_PARSED_BYTES: usize = 1 << 20;
/// Most lines with samples that are parsed: the time grows with the square of a family's samples,
/// 5,000 take about 0.1 s, 100,000 took two minutes.
pub const MAX_PARSED_SAMPLES: usize = 5_000;

/// Reads an exposition in one of the two formats.
///
/// Label names come back sorted, and timestamps, exemplars and units are dropped. Families stand in
/// the order of the text. May take 0.1 s: call it where blocking is allowed.
///
/// # Errors
///
/// If the text is over the limits, is not in the format to the letter, has the same series twice or
/// different labels in one family, or has a family that is not a counter, a gauge or untyped.
pub fn parse(text: &str, format: Format) -> Result<Exposition, ParseError> {
    if text.len() > MAX_PARSED_BYTES {
        return Err(ParseError::TooLong { len: text.len() });
    }
    let samples = text.lines().filter(|line| is_sample(line)).count();
    if samples > MAX_PARSED_SAMPLES {
        return Err(ParseError::TooManySamples { count: samples });
    }
    // The grammar demands a family; a scrape without any is a right answer.
    let empty = match format {
        Format::PrometheusText => "",
        Format::OpenMetrics => "# EOF\n",
    };
    if text == empty {
        return Ok(Exposition::new());
    }
    let families = match format {
        Format::PrometheusText => {
            let parsed = parse_prometheus(text).map_err(|reason| ParseError::malformed(&reason))?;
            collect(parsed.families, prometheus_value, "")?
        }
        Format::OpenMetrics => {
            let parsed =
                parse_openmetrics(text).map_err(|reason| ParseError::malformed(&reason))?;
            collect(parsed.families, openmetrics_value, TOTAL)?
        }
    };
    Ok(in_order_of(text, families))
}

/// Why a text was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The text is longer than [`MAX_PARSED_BYTES`].
    #[error("the text has {len} bytes, {MAX_PARSED_BYTES} at most are parsed")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// The text has more samples than [`MAX_PARSED_SAMPLES`].
    #[error("the text has {count} samples, {MAX_PARSED_SAMPLES} at most are parsed")]
    TooManySamples {
        /// How many it has.
        count: usize,
    },
    /// The text breaks a rule of its format.
    #[error("the text is not in the format it claims")]
    Malformed {
        /// What the parser says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A family is a histogram, a summary or another kind that is not kept here.
    #[error("family {family:?} is neither a counter nor a gauge")]
    UnsupportedKind {
        /// The family's name.
        family: String,
    },
    /// A family has a name or a label that only quotes could hold.
    #[error("family {family:?} has a name that is not supported")]
    UnsupportedName {
        /// The family's name.
        family: String,
        /// What is wrong with it.
        source: InvalidSchema,
    },
}

impl ParseError {
    fn malformed(reason: &openmetrics_parser::ParseError) -> Self {
        // That type is no `Error`, only its text can be kept.
        let source = reason.to_string().into();
        Self::Malformed { source }
    }
}

fn is_sample(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

fn collect<T, V>(
    families: HashMap<String, MetricFamily<T, V>>,
    convert: fn(&V) -> Option<(Kind, Number)>,
    counter_suffix: &str,
) -> Result<Vec<Family>, ParseError>
where
    T: Clone + fmt::Display,
    V: RenderableMetricValue + Clone,
{
    let converted = families.into_values().map(|family| {
        let unsupported = || ParseError::UnsupportedKind {
            family: family.family_name.clone(),
        };
        let mut result: Option<Family> = None;
        for sample in family.iter_samples() {
            let (kind, value) = convert(&sample.value).ok_or_else(unsupported)?;
            let values = sample
                .get_labelset()
                .map_err(|reason| ParseError::malformed(&reason))?
                .iter_values()
                .cloned()
                .collect();
            let target = match &mut result {
                Some(target) => target,
                none => none.insert(head(&family, kind, counter_suffix)?),
            };
            target.set(values, value);
        }
        Ok(result)
    });
    // Without samples a family is nothing to us, as when it is written.
    converted.filter_map(Result::transpose).collect()
}

/// `counter_suffix` is what the format leaves out of a counter family's name.
fn head<T, V>(
    family: &MetricFamily<T, V>,
    kind: Kind,
    counter_suffix: &str,
) -> Result<Family, ParseError>
where
    T: Clone,
    V: RenderableMetricValue + Clone,
{
    let mut name = family.family_name.clone();
    if kind == Kind::Counter {
        name.push_str(counter_suffix);
    }
    Family::with_names(kind, name, family.help.clone(), family.get_label_names()).map_err(
        |source| ParseError::UnsupportedName {
            family: family.family_name.clone(),
            source,
        },
    )
}

fn prometheus_value(value: &PrometheusValue) -> Option<(Kind, Number)> {
    match value {
        PrometheusValue::Counter(counter) => Some((Kind::Counter, number(&counter.value))),
        PrometheusValue::Gauge(value) => Some((Kind::Gauge, number(value))),
        PrometheusValue::Unknown(value) => Some((Kind::Unknown, number(value))),
        PrometheusValue::Histogram(_) | PrometheusValue::Summary(_) => None,
    }
}

fn openmetrics_value(value: &OpenMetricsValue) -> Option<(Kind, Number)> {
    match value {
        OpenMetricsValue::Counter(counter) => Some((Kind::Counter, number(&counter.value))),
        OpenMetricsValue::Gauge(value) => Some((Kind::Gauge, number(value))),
        OpenMetricsValue::Unknown(value) => Some((Kind::Unknown, number(value))),
        _ => None,
    }
}

fn number(value: &MetricNumber) -> Number {
    match value {
        MetricNumber::Int(value) => Number::from(*value),
        MetricNumber::Float(value) => Number::from(*value),
    }
}

/// The parser hands families over in no order; the text has one.
fn in_order_of(text: &str, mut families: Vec<Family>) -> Exposition {
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (place, line) in text.lines().filter(|line| is_sample(line)).enumerate() {
        let name = line.split(['{', ' ', '\t']).next().unwrap_or(line);
        places.entry(name).or_insert(place);
    }
    families.sort_by_key(|family| places.get(family.name()).copied());
    let mut exposition = Exposition::new();
    for family in families {
        exposition.insert(family);
    }
    exposition
}

#[cfg(test)]
mod tests;
