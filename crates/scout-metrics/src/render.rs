//! Text out of families, byte for byte the same each time.

use std::fmt::Write;

use crate::exposition::Exposition;
use crate::family::{Family, Kind};
use crate::format::Format;

/// About what a series takes in the text, to reserve memory once.
const BYTES_PER_SERIES: usize = 96;

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
        text.push_str("# EOF\n");
    }
    text
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
    for char in value.chars() {
        match char {
            '\\' => text.push_str(r"\\"),
            '"' => text.push_str(r#"\""#),
            '\n' => text.push_str(r"\n"),
            other => text.push(other),
        }
    }
}

/// Help texts in Prometheus text: a quote stays as it is, `\"` would be read as two characters.
fn escape_help(text: &mut String, value: &str) {
    for char in value.chars() {
        match char {
            '\\' => text.push_str(r"\\"),
            '\n' => text.push_str(r"\n"),
            other => text.push(other),
        }
    }
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
}
