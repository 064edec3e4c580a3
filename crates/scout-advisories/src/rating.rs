//! How bad a record says a vulnerability is, and who says so.

use std::str::FromStr;

use cvss::Cvss;
use scout_envs::{Severity, SeveritySource};

use crate::identity::is_security_advisory;
use crate::osv;
use crate::profile::profile_of;

/// A severity with its source. The better source counts, then the higher severity.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Rating {
    pub(crate) source: SeveritySource,
    pub(crate) severity: Severity,
}

impl Rating {
    /// Nobody rated it.
    pub(crate) const NONE: Self = Self {
        source: SeveritySource::None,
        severity: Severity::Unspecified,
    };

    /// Returns the one of the two that counts.
    pub(crate) fn or(self, other: Self) -> Self {
        let order = self
            .source
            .cmp(&other.source)
            .then_with(|| other.severity.cmp(&self.severity));
        if order.is_le() { self } else { other }
    }

    /// Returns what a record says of one package, of the ecosystem with this base name.
    pub(crate) fn of(record: &osv::Record, affected: &osv::Affected, base: &str) -> Self {
        let is_distribution = profile_of(base).is_some_and(|profile| profile.distribution);
        let vectors = record
            .severity
            .iter()
            .chain(&affected.severity)
            .filter_map(Self::of_severity);
        let words = [
            &record.database_specific,
            &affected.database_specific,
            &affected.ecosystem_specific,
        ]
        .into_iter()
        .filter_map(|specific| specific.severity.as_deref())
        .filter_map(|word| {
            Some(Self {
                source: if is_distribution {
                    SeveritySource::Distribution
                } else {
                    SeveritySource::Record
                },
                severity: severity_of_word(word)?,
            })
        });
        vectors
            .chain(words)
            .chain(Self::of_summary(record))
            .fold(Self::NONE, Self::or)
    }

    fn of_severity(severity: &osv::Severity) -> Option<Self> {
        if severity.kind.eq_ignore_ascii_case("Ubuntu") {
            return Some(Self {
                source: SeveritySource::Distribution,
                severity: severity_of_word(&severity.score)?,
            });
        }
        Self::of_vector(&severity.score)
    }

    /// The vector says its version better than the declared type does.
    fn of_vector(vector: &str) -> Option<Self> {
        let vector = vector.trim().trim_matches(['(', ')']);
        // Version 2 has no prefix; some databases write one all the same.
        let vector = vector.strip_prefix("CVSS:2.0/").unwrap_or(vector);
        let cvss = Cvss::from_str(vector).ok()?;
        let source = match cvss {
            Cvss::CvssV40(_) => SeveritySource::CvssV4,
            Cvss::CvssV30(_) | Cvss::CvssV31(_) => SeveritySource::CvssV3,
            Cvss::CvssV20(_) => SeveritySource::CvssV2,
            _ => return None,
        };
        Some(Self {
            source,
            severity: Severity::from_cvss_score(cvss.score()),
        })
    }

    /// Red Hat's relatives rate an advisory in the first word of its summary.
    fn of_summary(record: &osv::Record) -> Option<Self> {
        let (word, _) = record.summary.as_deref()?.split_once(':')?;
        let is_rating = matches!(word, "Critical" | "Important" | "Moderate" | "Low");
        if !is_rating || !is_security_advisory(&record.id) {
            return None;
        }
        Some(Self {
            source: SeveritySource::Distribution,
            severity: severity_of_word(word)?,
        })
    }
}

/// The words of GitHub, Red Hat and Ubuntu; nothing for words that decline to rate.
fn severity_of_word(word: &str) -> Option<Severity> {
    const WORDS: [(&str, Severity); 7] = [
        ("critical", Severity::Critical),
        ("high", Severity::High),
        ("important", Severity::High),
        ("medium", Severity::Medium),
        ("moderate", Severity::Medium),
        ("low", Severity::Low),
        ("negligible", Severity::Low),
    ];
    let word = word.trim();
    WORDS
        .into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(word))
        .map(|(_, severity)| severity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, record: &str, affected: &str, source: SeveritySource, severity: Severity) {
        let record: osv::Record = serde_json::from_str(record).unwrap();
        let affected: osv::Affected = serde_json::from_str(affected).unwrap();
        let rating = Rating::of(&record, &affected, base);
        assert_eq!(
            rating,
            Rating { source, severity },
            "{record:?} {affected:?}"
        );
    }

    const V4_CRITICAL: &str = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";
    const V3_CRITICAL: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
    const V3_MEDIUM: &str = "CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:H";
    const V2_HIGH: &str = "AV:N/AC:L/Au:N/C:P/I:P/A:P";

    #[test]
    fn vectors_are_scored_and_the_newest_version_counts() {
        let record = |list: &[(&str, &str)]| {
            let list: Vec<String> = list
                .iter()
                .map(|(kind, score)| format!(r#"{{"type": "{kind}", "score": "{score}"}}"#))
                .collect();
            format!(r#"{{"id": "GHSA-1", "severity": [{}]}}"#, list.join(","))
        };
        for (list, source, severity) in [
            (
                vec![("CVSS_V3", V3_CRITICAL)],
                SeveritySource::CvssV3,
                Severity::Critical,
            ),
            (
                vec![("CVSS_V3", V3_MEDIUM)],
                SeveritySource::CvssV3,
                Severity::Medium,
            ),
            (
                vec![("CVSS_V3", V3_CRITICAL), ("CVSS_V3", V3_MEDIUM)],
                SeveritySource::CvssV3,
                Severity::Critical,
            ),
            (
                vec![("CVSS_V3", V3_MEDIUM), ("CVSS_V4", V4_CRITICAL)],
                SeveritySource::CvssV4,
                Severity::Critical,
            ),
            (
                vec![("CVSS_V2", V2_HIGH)],
                SeveritySource::CvssV2,
                Severity::High,
            ),
            (
                vec![("CVSS_V2", V2_HIGH), ("CVSS_V3", V3_MEDIUM)],
                SeveritySource::CvssV3,
                Severity::Medium,
            ),
            (
                vec![("CVSS_V2", "CVSS:2.0/AV:N/AC:L/Au:N/C:P/I:P/A:P")],
                SeveritySource::CvssV2,
                Severity::High,
            ),
            (
                vec![("CVSS_V2", "(AV:N/AC:L/Au:N/C:P/I:P/A:P)")],
                SeveritySource::CvssV2,
                Severity::High,
            ),
            (
                vec![("CVSS_V3", V4_CRITICAL)],
                SeveritySource::CvssV4,
                Severity::Critical,
            ),
            (
                vec![("CVSS_V3", "high"), ("CVSS_V3", "")],
                SeveritySource::None,
                Severity::Unspecified,
            ),
            (
                vec![("NEW", "9.8")],
                SeveritySource::None,
                Severity::Unspecified,
            ),
        ] {
            check("npm", &record(&list), "{}", source, severity);
        }
    }

    #[test]
    fn words_count_when_no_vector_does() {
        for (word, severity) in [
            ("CRITICAL", Severity::Critical),
            ("HIGH", Severity::High),
            ("MODERATE", Severity::Medium),
            ("Medium", Severity::Medium),
            ("LOW", Severity::Low),
        ] {
            let record =
                format!(r#"{{"id": "GHSA-1", "database_specific": {{"severity": "{word}"}}}}"#);
            check("npm", &record, "{}", SeveritySource::Record, severity);
        }
        let both = format!(
            r#"{{"id": "GHSA-1", "database_specific": {{"severity": "LOW"}},
                 "severity": [{{"type": "CVSS_V3", "score": "{V3_CRITICAL}"}}]}}"#
        );
        check(
            "npm",
            &both,
            "{}",
            SeveritySource::CvssV3,
            Severity::Critical,
        );
        let odd = r#"{"id": "GHSA-1", "database_specific": {"severity": "UNKNOWN"}}"#;
        check(
            "npm",
            odd,
            "{}",
            SeveritySource::None,
            Severity::Unspecified,
        );
    }

    #[test]
    fn ratings_of_one_package_take_part() {
        let affected =
            format!(r#"{{"severity": [{{"type": "CVSS_V3", "score": "{V3_CRITICAL}"}}]}}"#);
        check(
            "npm",
            r#"{"id": "GHSA-1"}"#,
            &affected,
            SeveritySource::CvssV3,
            Severity::Critical,
        );
        let affected = r#"{"ecosystem_specific": {"severity": "Low"}}"#;
        check(
            "Echo",
            r#"{"id": "ECHO-1"}"#,
            affected,
            SeveritySource::Distribution,
            Severity::Low,
        );
    }

    #[test]
    fn a_distribution_outranks_every_vector() {
        for (base, record, severity) in [
            (
                "AlmaLinux",
                r#""id": "ALSA-2024:1", "summary": "Low: curl security update""#,
                Severity::Low,
            ),
            (
                "AlmaLinux",
                r#""id": "ALSA-2024:1", "summary": "Important: x""#,
                Severity::High,
            ),
            (
                "AlmaLinux",
                r#""id": "ALSA-2024:1", "summary": "Moderate: x""#,
                Severity::Medium,
            ),
            (
                "AlmaLinux",
                r#""id": "ALSA-2024:1", "summary": "Critical: x""#,
                Severity::Critical,
            ),
            (
                "openEuler",
                r#""id": "OESA-2024-1", "database_specific": {"severity": "High"}"#,
                Severity::High,
            ),
        ] {
            let record = format!(
                r#"{{{record}, "severity": [{{"type": "CVSS_V3", "score": "{V3_CRITICAL}"}}]}}"#
            );
            check(base, &record, "{}", SeveritySource::Distribution, severity);
        }
    }

    #[test]
    fn ubuntu_rates_with_its_own_type() {
        for (word, source, severity) in [
            ("critical", SeveritySource::Distribution, Severity::Critical),
            ("negligible", SeveritySource::Distribution, Severity::Low),
            ("untriaged", SeveritySource::None, Severity::Unspecified),
        ] {
            let record = format!(
                r#"{{"id": "UBUNTU-CVE-2024-1", "severity": [{{"type": "Ubuntu", "score": "{word}"}}]}}"#
            );
            check("Ubuntu", &record, "{}", source, severity);
        }
    }

    #[test]
    fn the_urgency_of_an_upload_is_no_rating() {
        let affected = r#"{"ecosystem_specific": {"urgency": "high"}}"#;
        let record = r#"{"id": "DEBIAN-CVE-2024-1"}"#;
        check(
            "Debian",
            record,
            affected,
            SeveritySource::None,
            Severity::Unspecified,
        );
    }

    #[test]
    fn a_summary_that_only_looks_like_a_rating_is_none() {
        for record in [
            r#"{"id": "GHSA-1", "summary": "Critical: everything is on fire"}"#,
            r#"{"id": "ALSA-2024:1", "summary": "Bug: x"}"#,
        ] {
            check(
                "npm",
                record,
                "{}",
                SeveritySource::None,
                Severity::Unspecified,
            );
        }
    }
}
