//! Families out of text, strictly, through the crate `openmetrics-parser` (LGPL-3.0).
//!
//! That crate sees a family piece by piece, so that time and memory stay in proportion to the text.

mod split;

use std::collections::HashMap;
use std::fmt;

use openmetrics_parser::{
    MetricFamily, MetricNumber, OpenMetricsValue, PrometheusValue, RenderableMetricValue,
    openmetrics::parse_openmetrics, prometheus::parse_prometheus,
};

use self::split::{Block, Piece, split};
use crate::exposition::Exposition;
use crate::family::{Family, Kind, label_value};
use crate::format::Format;
use crate::number::Number;
use crate::schema::{InvalidSchema, TOTAL};

/// Longest text that is parsed, in bytes: twice what 100,000 series have.
pub const MAX_PARSED_BYTES: usize = 32 << 20;
/// Most samples that are parsed: ten times the series of a large organization. They take about 3 s.
pub const MAX_PARSED_SAMPLES: usize = 300_000;
/// Most samples of a histogram, a summary and the like that are parsed: such families can only be
/// parsed whole, and are then not kept.
const MAX_WHOLE_SAMPLES: usize = 1_000;

/// Reads an exposition in one of the two formats.
///
/// Label names come back sorted, and timestamps, exemplars and units are dropped; of several
/// points of one series the first is kept. Families stand in the order of the text. The time grows
/// with the length of the text: 10,000 samples take 0.1 s, so call it where blocking is allowed.
///
/// # Errors
///
/// If the text is over the limits, is not in the format to the letter, has the same series twice or
/// different labels in one family, or has a family that is not a counter, a gauge or untyped.
pub fn parse(text: &str, format: Format) -> Result<Exposition, ParseError> {
    if text.len() > MAX_PARSED_BYTES {
        return Err(ParseError::TooLong { len: text.len() });
    }
    let blocks = split(text, format)?;
    let samples = blocks.iter().map(Block::len).sum();
    if samples > MAX_PARSED_SAMPLES {
        return Err(ParseError::TooManySamples { count: samples });
    }
    let mut exposition = Exposition::new();
    for block in blocks {
        // Without samples a family is nothing to us, as when it is written.
        let Some(family) = parse_block(&block, format)? else {
            continue;
        };
        if exposition.insert(family).is_some() {
            let reason = "two families whose samples have one name";
            return Err(ParseError::malformed(block.first_line(), reason));
        }
    }
    Ok(exposition)
}

fn parse_block(block: &Block<'_>, format: Format) -> Result<Option<Family>, ParseError> {
    if !block.is_simple() && block.len() > MAX_WHOLE_SAMPLES {
        return Err(ParseError::UnsupportedKind {
            family: block.name.to_owned(),
        });
    }
    let mut whole: Option<Family> = None;
    for piece in block.pieces(format) {
        let Some(part) = parse_piece(&piece, format)? else {
            continue;
        };
        match &mut whole {
            None => whole = Some(part),
            Some(whole) => whole.append(part).map_err(|reason| {
                let line = block.first_line();
                ParseError::malformed(line, reason)
            })?,
        }
    }
    Ok(whole)
}

/// Returns the one family of a piece, if it has samples.
fn parse_piece(piece: &Piece, format: Format) -> Result<Option<Family>, ParseError> {
    let malformed = |reason: openmetrics_parser::ParseError| ParseError::of_parser(&reason, piece);
    match format {
        Format::PrometheusText => {
            let parsed = parse_prometheus(&piece.text).map_err(malformed)?;
            collect(&parsed.families, prometheus_value, "")
        }
        Format::OpenMetrics => {
            let parsed = parse_openmetrics(&piece.text).map_err(malformed)?;
            collect(&parsed.families, openmetrics_value, TOTAL)
        }
    }
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
    #[error("the text is not in the format it claims, at or after line {line}")]
    Malformed {
        /// The line, from 1; of a rule that several lines break together, the first of them.
        line: usize,
        /// What is wrong.
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
    fn malformed(line: usize, reason: &str) -> Self {
        let source = reason.to_owned().into();
        Self::Malformed { line, source }
    }

    /// Says on one line what the parser says on several, without quoting the text.
    fn of_parser(reason: &openmetrics_parser::ParseError, piece: &Piece) -> Self {
        let text = reason.to_string();
        // A fault of grammar: ` --> LINE:COLUMN`, the line, and `= expected this or that`.
        let place = text.split_once("--> ").and_then(|(_, rest)| {
            let (line, _) = rest.split_once(':')?;
            let index = line.parse::<usize>().ok()?.checked_sub(1)?;
            piece.lines.get(index)
        });
        let line = place.or_else(|| piece.lines.first()).copied();
        let last = text.lines().last().unwrap_or_default();
        let said = last.trim().trim_start_matches("= ");
        Self::malformed(line.unwrap_or(1), said)
    }
}

/// Returns the family; there is one, for a piece has the lines of one.
fn collect<T, V>(
    families: &HashMap<String, MetricFamily<T, V>>,
    convert: fn(&V) -> Option<(Kind, Number)>,
    counter_suffix: &str,
) -> Result<Option<Family>, ParseError>
where
    T: Clone + fmt::Display,
    V: RenderableMetricValue + Clone,
{
    let mut result: Option<Family> = None;
    for family in families.values() {
        let unsupported = || ParseError::UnsupportedKind {
            family: family.family_name.clone(),
        };
        for sample in family.iter_samples() {
            let (kind, value) = convert(&sample.value).ok_or_else(unsupported)?;
            let labels = sample
                .get_labelset()
                .map_err(|reason| ParseError::malformed(1, &reason.to_string()))?;
            let values = labels.iter_values().map(|value| label_value(value));
            let values = values.collect();
            let target = match &mut result {
                Some(target) => target,
                none => none.insert(head(family, kind, counter_suffix)?),
            };
            target.set(values, value);
        }
    }
    Ok(result)
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
    Family::with_names(kind, name, &family.help, family.get_label_names()).map_err(|source| {
        ParseError::UnsupportedName {
            family: family.family_name.clone(),
            source,
        }
    })
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

#[cfg(test)]
mod tests;
