//! OSV records as they are written (schema 1.7.5), read leniently: what decides whether a package
//! is affected must have the right shape; everything else may be missing, `null` or strange
//! without losing the record.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// One record. Only what matching needs is kept.
#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) modified: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) withdrawn: Option<String>,
    #[serde(default, deserialize_with = "list_or_default")]
    pub(crate) aliases: Vec<String>,
    #[serde(default, deserialize_with = "list_or_default")]
    pub(crate) upstream: Vec<String>,
    #[serde(default, deserialize_with = "list_or_default")]
    pub(crate) related: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) summary: Option<String>,
    #[serde(default, deserialize_with = "list_or_default")]
    pub(crate) severity: Vec<Severity>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) affected: Vec<Affected>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) database_specific: Specific,
}

/// A rating: a CVSS vector, or a distribution's word.
#[derive(Debug, Deserialize)]
pub(crate) struct Severity {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) score: String,
}

/// What a record says of one package.
#[derive(Debug, Deserialize)]
pub(crate) struct Affected {
    #[serde(default)]
    pub(crate) package: Option<Package>,
    #[serde(default, deserialize_with = "list_or_default")]
    pub(crate) severity: Vec<Severity>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) ranges: Vec<Range>,
    #[serde(default, deserialize_with = "list_or_default")]
    pub(crate) versions: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) ecosystem_specific: Specific,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) database_specific: Specific,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) ecosystem: String,
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Range {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) events: Vec<Event>,
}

/// One event of a range; exactly one of the members is there.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    #[serde(default)]
    pub(crate) introduced: Option<String>,
    #[serde(default)]
    pub(crate) fixed: Option<String>,
    #[serde(default)]
    pub(crate) last_affected: Option<String>,
    #[serde(default)]
    pub(crate) limit: Option<String>,
}

/// The few members we read of `database_specific` and `ecosystem_specific`, which every database
/// fills as it likes.
///
/// `urgency` is left out on purpose: in the data at hand it is the urgency of an upload to
/// Debian, and says nothing about one vulnerability.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Specific {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) severity: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) informational: Option<String>,
}

fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).unwrap_or_default())
}

/// Keeps the elements that have the right shape.
fn list_or_default<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    if let Ok(list) = serde_json::from_str(raw.get()) {
        return Ok(list);
    }
    let elements: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
    Ok(elements
        .into_iter()
        .filter_map(|element| serde_json::from_str(element.get()).ok())
        .collect())
}

fn null_is_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strange_fields_do_not_lose_a_record() {
        let record: Record = serde_json::from_str(
            r#"{"id": "X-1", "modified": 7, "aliases": null, "related": ["CVE-2024-0001", 4],
                "summary": {}, "withdrawn": null, "severity": [{"type": "NEW"}, "odd"],
                "database_specific": {"severity": 9.8, "informational": []}, "new_field": [[]],
                "affected": [{"package": {"ecosystem": "Never Heard Of:1", "name": "n"},
                              "ecosystem_specific": [], "versions": null,
                              "ranges": [{"type": "NEW", "events": [{"introduced": "0"}]}]}]}"#,
        )
        .unwrap();
        assert_eq!(record.related, ["CVE-2024-0001"]);
        assert_eq!(record.affected.len(), 1);
        assert!(record.severity.is_empty());
        assert!(record.withdrawn.is_none());
    }

    #[test]
    fn a_record_without_id_or_with_broken_ranges_is_refused() {
        for json in [
            r#"{}"#,
            r#"[]"#,
            r#"{"id": 5}"#,
            r#"{"id": "X-1", "affected": [{"ranges": [{"type": "SEMVER", "events": {}}]}]}"#,
            r#"{"id": "X-1", "affected": [{"ranges": [{"type": "SEMVER", "events": [{"fixed": 1}]}]}]}"#,
            r#"{"id": "X-1""#,
        ] {
            assert!(serde_json::from_str::<Record>(json).is_err(), "{json}");
        }
    }
}
