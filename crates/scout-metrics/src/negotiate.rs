//! Which format an `Accept` header asks for.

use crate::format::Format;
use crate::quality::parse_quality;

/// Picks the format to answer with.
///
/// OpenMetrics 1.0.0 is the answer when its quality is higher. Prometheus text is the answer to
/// everything else: without a header, to `text/plain` and `*/*`, and to what cannot be written here
/// (a scraper that gets 406 shows nothing at all).
///
/// Several `Accept` headers are to be joined with commas before.
#[must_use]
pub fn negotiate(accept: Option<&str>) -> Format {
    let Some(accept) = accept else {
        return Format::PrometheusText;
    };
    let quality = |format| {
        let matching = accept
            .split(',')
            .filter_map(Range::parse)
            .filter_map(|range| Some((range.specificity_for(format)?, range.quality)));
        // The most specific range decides (RFC 9110, 12.5.1); of equal ones the kindest.
        matching.max().map_or(0, |(_, quality)| quality)
    };
    if quality(Format::OpenMetrics) > quality(Format::PrometheusText) {
        Format::OpenMetrics
    } else {
        Format::PrometheusText
    }
}

/// One entry of an `Accept` header.
struct Range<'a> {
    media_type: &'a str,
    version: Option<&'a str>,
    /// In thousandths.
    quality: u16,
}

impl<'a> Range<'a> {
    /// Returns nothing for an entry that is not understood: it then asks for nothing.
    fn parse(entry: &'a str) -> Option<Self> {
        let mut parts = entry.split(';').map(str::trim);
        let media_type = parts.next().filter(|name| !name.is_empty())?;
        let mut range = Self {
            media_type,
            version: None,
            quality: 1000,
        };
        for parameter in parts {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches('"');
            match name.trim() {
                name if name.eq_ignore_ascii_case("q") => range.quality = parse_quality(value)?,
                name if name.eq_ignore_ascii_case("version") => range.version = Some(value),
                // `escaping` and `charset` change nothing: our names need no escaping.
                _ => {}
            }
        }
        Some(range)
    }

    /// Returns how closely the range names this format, if it includes it.
    fn specificity_for(&self, format: Format) -> Option<u8> {
        let (media_type, any_subtype, version) = match format {
            Format::PrometheusText => ("text/plain", "text/*", "0.0.4"),
            Format::OpenMetrics => ("application/openmetrics-text", "application/*", "1.0.0"),
        };
        let is = |name: &str| self.media_type.eq_ignore_ascii_case(name);
        match self.version {
            Some(wanted) if is(media_type) => (wanted == version).then_some(3),
            None if is(media_type) => Some(2),
            _ if is(any_subtype) => Some(1),
            _ if is("*/*") => Some(0),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMETHEUS_2_42: &str = "application/openmetrics-text;version=1.0.0,\
        application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,\
        */*;q=0.1";
    const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;\
        escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
        text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,\
        */*;q=0.1";

    #[test]
    fn text_unless_openmetrics_is_wanted_more() {
        use Format::{OpenMetrics, PrometheusText};
        for (accept, expected) in [
            ("", PrometheusText),
            ("text/plain", PrometheusText),
            ("TEXT/PLAIN; charset=utf-8", PrometheusText),
            ("*/*", PrometheusText),
            ("*/*;q=0.1", PrometheusText),
            ("application/json", PrometheusText),
            ("text/html,application/xhtml+xml,*/*;q=0.8", PrometheusText),
            (PROMETHEUS_2_42, OpenMetrics),
            (PROMETHEUS_3, OpenMetrics),
            ("application/openmetrics-text", OpenMetrics),
            // Datadog with `use_latest_spec`.
            (
                "application/openmetrics-text;version=1.0.0,\
                 application/openmetrics-text;version=0.0.1",
                OpenMetrics,
            ),
            (
                "application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=1",
                OpenMetrics,
            ),
            // Versions that are not written here.
            (
                "application/openmetrics-text;version=2.0.0,text/plain;q=0.1",
                PrometheusText,
            ),
            ("application/openmetrics-text;version=0.0.1", PrometheusText),
            ("text/plain;version=1.0.0", PrometheusText),
            // Equal wishes: the format everything reads.
            ("application/openmetrics-text,text/plain", PrometheusText),
            (
                "application/openmetrics-text;q=0.3,text/plain;q=0.7",
                PrometheusText,
            ),
            (
                "application/openmetrics-text;q=0.7,text/plain;q=0.3",
                OpenMetrics,
            ),
            ("application/openmetrics-text;q=0", PrometheusText),
            ("text/plain;q=0,*/*", OpenMetrics),
            ("application/openmetrics-text;q=0,*/*", PrometheusText),
            // Not understood, so not asked for.
            ("application/openmetrics-text;q=high", PrometheusText),
            ("application/openmetrics-text;q=1.5", PrometheusText),
            ("application/openmetrics-text;q=-1", PrometheusText),
            (";;;,,,=;q", PrometheusText),
        ] {
            assert_eq!(negotiate(Some(accept)), expected, "{accept:?}");
        }
        assert_eq!(negotiate(None), PrometheusText);
    }
}
