//! Severities of vulnerabilities, in the spelling of the metrics endpoint.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How bad a vulnerability is. Ordered: `Unspecified < Low < … < Critical`. The set is closed,
/// these are the five values of the `severity` label.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Nobody rated it.
    #[default]
    Unspecified,
    /// CVSS 0.1 to 3.9.
    Low,
    /// CVSS 4.0 to 6.9.
    Medium,
    /// CVSS 7.0 to 8.9.
    High,
    /// CVSS 9.0 to 10.0.
    Critical,
}

impl Severity {
    /// All severities, worst first, as they are shown.
    pub const ALL: [Self; 5] = [
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Unspecified,
    ];

    /// Returns the value of the `severity` label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "CRITICAL",
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
            Self::Low => "LOW",
            Self::Unspecified => "UNSPECIFIED",
        }
    }

    /// Returns the severity of a CVSS base score (0.0 to 10.0), by the bands of CVSS 3 and 4.
    #[must_use]
    pub fn from_cvss_score(score: f64) -> Self {
        match score {
            score if score >= 9.0 => Self::Critical,
            score if score >= 7.0 => Self::High,
            score if score >= 4.0 => Self::Medium,
            score if score > 0.0 => Self::Low,
            _ => Self::Unspecified,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownSeverity(text.to_owned()))
    }
}

/// A text that names no severity.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not a severity: CRITICAL, HIGH, MEDIUM, LOW or UNSPECIFIED")]
pub struct UnknownSeverity(pub String);

/// How many vulnerabilities there are of each severity.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct SeverityCounts([u64; 5]);

impl SeverityCounts {
    /// Counts one more vulnerability of this severity.
    pub fn add(&mut self, severity: Severity) {
        self.0[severity as usize] += 1;
    }

    /// Adds other counts, severity by severity.
    pub fn add_all(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own += other;
        }
    }

    /// Returns how many there are of this severity.
    #[must_use]
    pub fn of(&self, severity: Severity) -> u64 {
        self.0[severity as usize]
    }

    /// Returns how many there are in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl FromIterator<Severity> for SeverityCounts {
    fn from_iter<I: IntoIterator<Item = Severity>>(severities: I) -> Self {
        let mut counts = Self::default();
        severities
            .into_iter()
            .for_each(|severity| counts.add(severity));
        counts
    }
}

/// Shows `1C 2H 3M 4L 5U`, the order used on Scout's screens.
impl fmt::Display for SeverityCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}C {}H {}M {}L {}U",
            self.of(Severity::Critical),
            self.of(Severity::High),
            self.of(Severity::Medium),
            self.of(Severity::Low),
            self.of(Severity::Unspecified)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_those_of_cvss() {
        for (score, expected) in [
            (0.0, Severity::Unspecified),
            (0.1, Severity::Low),
            (3.9, Severity::Low),
            (4.0, Severity::Medium),
            (6.9, Severity::Medium),
            (7.0, Severity::High),
            (8.9, Severity::High),
            (9.0, Severity::Critical),
            (10.0, Severity::Critical),
        ] {
            assert_eq!(Severity::from_cvss_score(score), expected, "{score}");
        }
    }

    #[test]
    fn names_parse_in_any_case_and_print_in_upper_case() {
        for severity in Severity::ALL {
            assert_eq!(severity.as_str().to_lowercase().parse(), Ok(severity));
            let json = serde_json::to_string(&severity).unwrap();
            assert_eq!(json, format!("\"{severity}\""));
        }
        assert!("MODERATE".parse::<Severity>().is_err());
    }

    #[test]
    fn counts_print_worst_first() {
        let counts: SeverityCounts = [Severity::Low, Severity::Critical, Severity::Low]
            .into_iter()
            .collect();
        assert_eq!(counts.to_string(), "1C 0H 0M 2L 0U");
        assert_eq!(counts.total(), 3);
    }
}
