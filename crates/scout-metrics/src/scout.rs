//! The three families of Docker Scout's metrics endpoint, names and texts as documented; and,
//! apart, those beyond them.

mod extended;
mod read;

use scout_envs::{Severity, Snapshot};

use crate::exposition::Exposition;
use crate::gauge;
use crate::schema::{FamilyDescription, GaugeSchema};

pub use extended::{EXTENDED_FAMILIES, InvalidSeriesBudget, SeriesBudget, extended_families};
pub use read::{NotDocumented, documented_families};

static VULNERABILITIES: GaugeSchema<2> = gauge!(
    "scout_stream_vulnerabilities",
    "Vulnerabilities in a stream",
    ["streamName", "severity"]
);
static COMPLIANT: GaugeSchema<3> = gauge!(
    "scout_policy_compliant_images",
    "Compliant images for a policy in a stream",
    ["id", "displayName", "streamName"]
);
static EVALUATED: GaugeSchema<3> = gauge!(
    "scout_policy_evaluated_images",
    "Total images evaluated against a policy in a stream",
    ["id", "displayName", "streamName"]
);

/// The families that Docker documents, in the order in which they are written.
pub const DOCUMENTED_FAMILIES: &[FamilyDescription] = &[
    VULNERABILITIES.description(),
    COMPLIANT.description(),
    EVALUATED.description(),
];

/// Returns everything the metrics endpoint says of an organization: exactly three families.
///
/// A stream has the series of all five severities, or none while nothing in it was judged: no data
/// is not zero. A policy that had data for no image of a stream has no series there. The compliant
/// and the evaluated family always have the same label sets, as dashboards divide one by the other.
#[must_use]
pub fn scout_families(snapshot: &Snapshot) -> Exposition {
    let mut vulnerabilities = VULNERABILITIES.family();
    let mut compliant = COMPLIANT.family();
    let mut evaluated = EVALUATED.family();
    for stream in &snapshot.streams {
        let name = stream.name.as_str();
        if let Some(counts) = &stream.vulnerabilities {
            for severity in Severity::ALL {
                vulnerabilities.set([name, severity.as_str()], counts.of(severity));
            }
        }
        for policy in stream.policies.iter().filter(|policy| policy.evaluated > 0) {
            let labels = [policy.id.as_str(), policy.display_name.as_str(), name];
            compliant.set(labels, policy.compliant);
            evaluated.set(labels, policy.evaluated);
        }
    }
    let mut exposition = Exposition::new();
    exposition.insert(vulnerabilities);
    exposition.insert(compliant);
    exposition.insert(evaluated);
    exposition
}

#[cfg(test)]
mod tests;
