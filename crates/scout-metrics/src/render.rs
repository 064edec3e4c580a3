//! Text out of families, byte for byte the same each time.

use std::fmt::Write;

use crate::exposition::Exposition;
use crate::family::{Family, Kind};
use crate::format::Format;

/// About what a series takes in the text, to reserve memory once.
const BYTES_PER_SERIES: usize = 96;
/// The last line of OpenMetrics text.
const END: &str = "# EOF\n";

/// Writes the families that have series as text.
///
/// Nothing is written without series; OpenMetrics text then still has its end mark. There are no
/// timestamps: the scraper's own are right, and older ones would be refused.
#[must_use]
pub fn render(exposition: &Exposition, format: Format) -> String {
    let mut text = String::with_capacity(exposition.series_count() * BYTES_PER_SERIES);
    for family in exposition.families().filter(|family| !family.is_empty()) {
        write_head(&mut text, family, format);
        write_samples(&mut text, family);
    }
    if format == Format::OpenMetrics {
        text.push_str(END);
    }
    text
}

/// The text of an exposition, kept so that the other format can be made of it without the families.
///
/// All formats have the same lines with samples, so one text and the heads of the families are
/// enough, and take a third of the memory that the families take.
#[derive(Clone, Debug)]
pub struct Rendered {
    text: String,
    heads: Vec<Head>,
}

/// Where the head of a family stands in the Prometheus text, and what OpenMetrics has instead.
#[derive(Clone, Debug)]
struct Head {
    start: usize,
    end: usize,
    openmetrics: String,
}

impl Rendered {
    /// Writes the families that have series.
    #[must_use]
    pub fn new(exposition: &Exposition) -> Self {
        let mut text = String::with_capacity(exposition.series_count() * BYTES_PER_SERIES);
        let mut heads = Vec::new();
        for family in exposition.families().filter(|family| !family.is_empty()) {
            let start = text.len();
            write_head(&mut text, family, Format::PrometheusText);
            let end = text.len();
            let mut openmetrics = String::new();
            write_head(&mut openmetrics, family, Format::OpenMetrics);
            heads.push(Head {
                start,
                end,
                openmetrics,
            });
            write_samples(&mut text, family);
        }
        // It may be kept for days.
        text.shrink_to_fit();
        Self { text, heads }
    }

    /// Returns the Prometheus text.
    #[must_use]
    pub fn prometheus_text(&self) -> &str {
        &self.text
    }

    /// Makes the OpenMetrics text: little more than a copy.
    #[must_use]
    pub fn openmetrics(&self) -> String {
        let heads: usize = self.heads.iter().map(|head| head.openmetrics.len()).sum();
        let mut openmetrics = String::with_capacity(self.text.len() + heads + END.len());
        let mut done = 0;
        for head in &self.heads {
            openmetrics.push_str(self.text.get(done..head.start).unwrap_or_default());
            openmetrics.push_str(&head.openmetrics);
            done = head.end;
        }
        openmetrics.push_str(self.text.get(done..).unwrap_or_default());
        openmetrics.push_str(END);
        openmetrics
    }
}

fn write_head(text: &mut String, family: &Family, format: Format) {
    match format {
        Format::PrometheusText => {
            write_help(text, family.name(), family.help(), escape_help);
            write_type(text, family.name(), family.kind(), "untyped");
        }
        // The type comes first: the order that the specification recommends.
        Format::OpenMetrics => {
            write_type(text, family.base_name(), family.kind(), "unknown");
            write_help(text, family.base_name(), family.help(), escape);
        }
    }
}

fn write_type(text: &mut String, name: &str, kind: Kind, unknown: &str) {
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Unknown => unknown,
    };
    for part in ["# TYPE ", name, " ", kind, "\n"] {
        text.push_str(part);
    }
}

fn write_help(text: &mut String, name: &str, help: &str, escape: fn(&mut String, &str)) {
    if help.is_empty() {
        return;
    }
    for part in ["# HELP ", name, " "] {
        text.push_str(part);
    }
    escape(text, help);
    text.push('\n');
}

fn write_samples(text: &mut String, family: &Family) {
    for sample in family.samples() {
        text.push_str(family.name());
        let mut separator = '{';
        for (name, value) in sample.labels() {
            text.push(separator);
            text.push_str(name);
            text.push_str("=\"");
            escape(text, value);
            text.push('"');
            separator = ',';
        }
        if separator == ',' {
            text.push('}');
        }
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, " {}", sample.value());
    }
}

/// Label values in both formats, and help texts in OpenMetrics: `\`, `"` and line feeds.
fn escape(text: &mut String, value: &str) {
    escape_these(text, value, |byte| matches!(byte, b'\\' | b'"' | b'\n'));
}

/// Help texts in Prometheus text: a quote stays as it is, `\"` would be read as two characters.
fn escape_help(text: &mut String, value: &str) {
    escape_these(text, value, |byte| matches!(byte, b'\\' | b'\n'));
}

/// Writes what stands between such bytes, which are all ASCII, as a whole: most values have none.
fn escape_these(text: &mut String, value: &str, is_escaped: impl Fn(u8) -> bool) {
    let mut rest = value;
    while let Some(index) = rest.bytes().position(&is_escaped) {
        let (plain, found) = rest.split_at(index);
        text.push_str(plain);
        let mut chars = found.chars();
        text.push_str(match chars.next() {
            Some('\\') => r"\\",
            Some('"') => r#"\""#,
            _ => r"\n",
        });
        rest = chars.as_str();
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{counter, gauge};

    fn sample() -> Exposition {
        let mut gauges = gauge!("a_gauge", "Say \"a\\b\"\nin two lines", ["x"]).family();
        gauges.set(["q\"b\\n\n,{}é"], 1.5);
        gauges.set([""], f64::INFINITY);
        let mut counters = counter!("seen_total", "Seen", []).family();
        counters.set([], 7);
        let mut exposition = Exposition::new();
        exposition.insert(gauges);
        exposition.insert(gauge!("never_set", "Not written", ["x"]).family());
        exposition.insert(counters);
        exposition
    }

    #[test]
    fn prometheus_text_is_byte_exact() {
        assert_eq!(
            render(&sample(), Format::PrometheusText),
            r#"# HELP a_gauge Say "a\\b"\nin two lines
# TYPE a_gauge gauge
a_gauge{x="q\"b\\n\n,{}é"} 1.5
a_gauge{x=""} +Inf
# HELP seen_total Seen
# TYPE seen_total counter
seen_total 7
"#
        );
    }

    #[test]
    fn openmetrics_is_byte_exact() {
        assert_eq!(
            render(&sample(), Format::OpenMetrics),
            r#"# TYPE a_gauge gauge
# HELP a_gauge Say \"a\\b\"\nin two lines
a_gauge{x="q\"b\\n\n,{}é"} 1.5
a_gauge{x=""} +Inf
# TYPE seen counter
# HELP seen Seen
seen_total 7
# EOF
"#
        );
    }

    #[test]
    fn nothing_is_nothing_but_the_end_mark() {
        assert_eq!(render(&Exposition::new(), Format::PrometheusText), "");
        assert_eq!(render(&Exposition::new(), Format::OpenMetrics), "# EOF\n");
    }

    #[test]
    fn what_is_kept_gives_both_texts() {
        let mut unlabeled = gauge!("unlabeled", "", []).family();
        unlabeled.set([], 1_u64);
        let mut more = sample();
        more.insert(unlabeled);
        for exposition in [Exposition::new(), sample(), more] {
            let kept = Rendered::new(&exposition);
            let text = render(&exposition, Format::PrometheusText);
            assert_eq!(kept.prometheus_text(), text);
            let openmetrics = render(&exposition, Format::OpenMetrics);
            assert_eq!(kept.openmetrics(), openmetrics);
        }
    }

    #[test]
    fn label_values_split_no_line_for_any_reader() {
        let mut family = gauge!("a", "", ["x"]).family();
        family.set(
            ["\r \u{b} \u{c} \u{1c} \u{1d} \u{1e} \u{85} \u{2028} \u{2029} \0 \u{7f} \t"],
            1_u64,
        );
        let mut exposition = Exposition::new();
        exposition.insert(family);
        let replaced = "\u{fffd} ".repeat(11);
        assert_eq!(
            render(&exposition, Format::PrometheusText),
            format!("# TYPE a gauge\na{{x=\"{replaced}\t\"}} 1\n")
        );
    }
}
