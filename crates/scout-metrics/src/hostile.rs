//! Whatever a label value or a help text is, a strict parser reads it back as it was set.

#![cfg(feature = "openmetrics-parser")]

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::family::{Family, Kind, label_value};
use crate::{Exposition, Format, Rendered, parse};

/// Any text, and more often than by chance what the formats give a meaning to.
fn texts() -> impl Strategy<Value = String> {
    let meaningful = r#"[\\"\n{}=,# \t\r\u{2028}\u{85}\u{feff}nN+a-eE0-9.é]{0,12}"#;
    prop_oneof![any::<String>(), meaningful]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        values in prop::collection::vec((texts(), texts()), 1..100),
        help in texts(),
        number in any::<f64>(),
    ) {
        let labels = ["a".to_owned(), "b".to_owned()];
        let mut family = Family::with_names(Kind::Gauge, "x".to_owned(), &help, &labels).unwrap();
        let mut series = BTreeSet::new();
        for (a, b) in values {
            let values = vec![label_value(&a), label_value(&b)];
            series.insert(values.clone());
            family.set(values, number.into());
        }
        let mut written = Exposition::new();
        written.insert(family.clone());
        let rendered = Rendered::new(&written);
        let openmetrics = rendered.openmetrics();
        for (text, format) in [
            (rendered.prometheus_text(), Format::PrometheusText),
            (openmetrics.as_str(), Format::OpenMetrics),
        ] {
            let lines = text.lines().filter(|line| line.starts_with("x{")).count();
            prop_assert_eq!(lines, series.len());
            let read = parse(text, format);
            let read = read.map_err(|error| TestCaseError::fail(format!("{error:?}\n{text}")))?;
            let read = read.family("x").unwrap();
            prop_assert_eq!(read.help(), family.help());
            prop_assert_eq!(read.len(), series.len());
            for (ours, theirs) in family.samples().zip(read.samples()) {
                prop_assert_eq!(ours.labels().collect::<Vec<_>>(), theirs.labels().collect::<Vec<_>>());
                let (ours, theirs) = (ours.value().as_f64(), theirs.value().as_f64());
                prop_assert!(ours == theirs || (ours.is_nan() && theirs.is_nan()), "{ours} {theirs}");
            }
        }
    }
}
