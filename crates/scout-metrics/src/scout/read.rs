//! The three documented families out of an answer of another server.

use crate::exposition::Exposition;
use crate::family::{Family, GaugeFamily, Kind};
use crate::schema::GaugeSchema;
use crate::scout::{COMPLIANT, EVALUATED, VULNERABILITIES};

/// What every family of Docker Scout begins with; others are not ours to pass on.
const PREFIX: &str = "scout_";

/// Brings what another server said into the form in which we write it.
///
/// The three documented families come first, as gauges, with their labels in the documented order
/// and their help texts; a server that leaves out the type is understood. Other families whose name
/// begins with `scout_` follow as they are, the rest is left out. An answer without any family is
/// one of an organization of which nothing is known.
///
/// # Errors
///
/// If there are families, but none of the documented ones; if a documented one is no gauge, or has
/// not the documented labels.
pub fn documented_families(parsed: &Exposition) -> Result<Exposition, NotDocumented> {
    let mut result = Exposition::new();
    insert(&mut result, parsed, &VULNERABILITIES)?;
    insert(&mut result, parsed, &COMPLIANT)?;
    insert(&mut result, parsed, &EVALUATED)?;
    if result.families().len() == 0 && parsed.families().len() > 0 {
        return Err(NotDocumented::NoneOfThem);
    }
    let is_documented =
        |name: &str| [VULNERABILITIES.name, COMPLIANT.name, EVALUATED.name].contains(&name);
    let others = parsed
        .families()
        .filter(|family| family.name().starts_with(PREFIX) && !is_documented(family.base_name()));
    for family in others {
        result.insert(family.clone());
    }
    Ok(result)
}

/// Why an answer is not one of a Docker Scout.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotDocumented {
    /// There are metrics, but none of the documented ones.
    #[error("there is no scout_stream_vulnerabilities and no scout_policy_..._images in it")]
    NoneOfThem,
    /// A documented family is no gauge.
    #[error("{family} is a counter, and should be a gauge")]
    Kind {
        /// The family.
        family: &'static str,
    },
    /// A documented family lacks a documented label.
    #[error("{family} has no label {label}")]
    Label {
        /// The family.
        family: &'static str,
        /// The label.
        label: &'static str,
    },
}

fn insert<const N: usize>(
    result: &mut Exposition,
    parsed: &Exposition,
    schema: &GaugeSchema<N>,
) -> Result<(), NotDocumented> {
    let name = schema.name;
    let of_name = |family: &&Family| family.base_name() == name;
    let Some(family) = parsed.families().find(of_name) else {
        return Ok(());
    };
    if family.kind() == Kind::Counter {
        return Err(NotDocumented::Kind { family: name });
    }
    let missing = |label: &&&'static str| !family.labels().any(|own| own == **label);
    if let Some(label) = schema.labels.iter().find(missing) {
        let family = name;
        return Err(NotDocumented::Label { family, label });
    }
    if family.labels().len() > N {
        // A label we do not know tells series apart that would be one without it.
        result.insert(family.clone());
        return Ok(());
    }
    let mut documented = GaugeFamily::new(schema);
    for sample in family.samples() {
        let values = schema
            .labels
            .map(|label| sample.label(label).unwrap_or_default());
        documented.set(values, sample.value());
    }
    result.insert(documented);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;
    use crate::parse::parse;

    fn read(text: &str) -> Result<Exposition, NotDocumented> {
        documented_families(&parse(text, Format::PrometheusText).unwrap())
    }

    #[test]
    fn series_come_back_in_the_documented_form() {
        // No types, labels in another order, families too.
        let text = "scout_policy_evaluated_images{streamName=\"prod\",id=\"a\",displayName=\"A\"} 3\n\
                    scout_stream_vulnerabilities{severity=\"LOW\",streamName=\"prod\"} 2\n";
        let families = read(text).unwrap();
        let names: Vec<_> = families.families().map(|f| (f.name(), f.kind())).collect();
        assert_eq!(
            names,
            [
                ("scout_stream_vulnerabilities", Kind::Gauge),
                ("scout_policy_evaluated_images", Kind::Gauge),
            ]
        );
        let family = families.family("scout_stream_vulnerabilities").unwrap();
        assert_eq!(family.help(), "Vulnerabilities in a stream");
        assert_eq!(
            family.labels().collect::<Vec<_>>(),
            ["streamName", "severity"]
        );
        assert_eq!(family.value(&["prod", "LOW"]), Some(2_u64.into()));
    }

    #[test]
    fn more_families_and_labels_are_kept_and_strange_ones_left_out() {
        let text = "# TYPE scout_stream_vulnerabilities gauge\n\
                    scout_stream_vulnerabilities{severity=\"LOW\",streamName=\"a\",x=\"1\"} 2\n\
                    scout_stream_vulnerabilities{severity=\"LOW\",streamName=\"a\",x=\"2\"} 3\n\
                    # TYPE up gauge\nup 1\n\
                    # TYPE scout_new gauge\nscout_new 7\n";
        let families = read(text).unwrap();
        let names: Vec<_> = families.families().map(Family::name).collect();
        assert_eq!(names, ["scout_stream_vulnerabilities", "scout_new"]);
        assert_eq!(families.series_count(), 3);
    }

    #[test]
    fn what_is_not_docker_scouts_is_refused() {
        for (text, expected) in [
            ("", None),
            ("# TYPE up gauge\nup 1\n", Some(NotDocumented::NoneOfThem)),
            (
                "scout_stream_vulnerabilities{streamName=\"a\"} 1\n",
                Some(NotDocumented::Label {
                    family: "scout_stream_vulnerabilities",
                    label: "severity",
                }),
            ),
            (
                "# TYPE scout_stream_vulnerabilities_total counter\n\
                 scout_stream_vulnerabilities_total{streamName=\"a\",severity=\"LOW\"} 1\n",
                Some(NotDocumented::Kind {
                    family: "scout_stream_vulnerabilities",
                }),
            ),
        ] {
            assert_eq!(read(text).err(), expected, "{text}");
        }
    }
}
