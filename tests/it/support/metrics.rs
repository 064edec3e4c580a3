//! Reads Prometheus text as far as the tests need: series and their values.

use std::collections::BTreeMap;

/// The samples of one page: `name{labels}`, labels in alphabetical order, and the value.
#[derive(Debug, PartialEq)]
pub(crate) struct Samples(BTreeMap<String, f64>);

impl Samples {
    /// Reads a page; comments are left out.
    pub(crate) fn parse(page: &str) -> Self {
        let samples = page.lines().filter(|line| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#')
        });
        Self(
            samples
                .map(|line| {
                    let (series, value) = line.rsplit_once(' ').unwrap();
                    (sorted(series), value.parse().unwrap())
                })
                .collect(),
        )
    }

    /// Returns the series of a family that carry all of these labels, with their values.
    pub(crate) fn of<'a>(
        &'a self,
        family: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = (&'a str, f64)> {
        self.0
            .iter()
            .filter(move |(series, _)| {
                let name = series.split('{').next().unwrap_or_default();
                let has = |(key, value): &(&str, &str)| {
                    series.contains(&format!("{{{key}=\"{value}\""))
                        || series.contains(&format!(",{key}=\"{value}\""))
                };
                name == family && labels.iter().all(has)
            })
            .map(|(series, value)| (series.as_str(), *value))
    }

    /// Returns the one value of a family with these labels.
    #[track_caller]
    pub(crate) fn value(&self, family: &str, labels: &[(&str, &str)]) -> f64 {
        let found: Vec<_> = self.of(family, labels).collect();
        assert_eq!(found.len(), 1, "{family} {labels:?}: {found:?} in {self:?}");
        found[0].1
    }

    /// Returns the findings of a stream, worst first, as a summary writes them.
    #[track_caller]
    pub(crate) fn severities(&self, stream: &str) -> String {
        ["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNSPECIFIED"]
            .map(|severity| {
                let labels = [("streamName", stream), ("severity", severity)];
                let value = self.value("scout_stream_vulnerabilities", &labels);
                format!("{value}{}", &severity[..1])
            })
            .join(" ")
    }
}

/// Brings the labels of a series in alphabetical order.
fn sorted(series: &str) -> String {
    let Some((name, labels)) = series.split_once('{') else {
        return series.to_owned();
    };
    // Ends with the quote of each value, which is no part of our values.
    let mut labels: Vec<_> = labels
        .trim_end_matches('}')
        .split_inclusive("\",")
        .collect();
    let last = labels.len() - 1;
    let ended = format!("{},", labels[last]);
    labels[last] = &ended;
    labels.sort_unstable();
    format!("{name}{{{}}}", labels.concat().trim_end_matches(','))
}

#[test]
fn reads_series_and_values() {
    let page = "# HELP a b\na{y=\"2, 3\",x=\"1\"} 4\na{x=\"1\",y=\"5\"} 6\nab{x=\"1\"} 7\nc 8\n";
    let samples = Samples::parse(page);
    assert_eq!(
        samples.of("a", &[]).next(),
        Some(("a{x=\"1\",y=\"2, 3\"}", 4.0))
    );
    assert_eq!(samples.value("c", &[]), 8.0);
    assert_eq!(samples.value("a", &[("y", "5")]), 6.0);
    assert_eq!(samples.of("a", &[("x", "1")]).count(), 2);
}
