//! `scout integration list`: all of them in a line each, those of one type with more.

use anyhow::bail;
use scout_envs::IntegrationName;
use scout_store::{IntegrationRecord, RepositoryListing};
use serde_json::json;

use crate::arguments::{Org, TableFormat};
use crate::integrations::azure;
use crate::output::{print, print_json, print_table};

pub(crate) async fn list(
    org: &Org,
    kind: Option<&str>,
    name: Option<&IntegrationName>,
    format: TableFormat,
) -> anyhow::Result<()> {
    if let Some(kind) = kind
        && scout_registry::RegistrySpec::keys_of(kind).is_none()
    {
        let known: Vec<_> = scout_registry::RegistrySpec::kinds().collect();
        bail!(
            "{kind} is no type of integration; the types are {}",
            known.join(", ")
        );
    }
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let mut records = store.integrations(organization.id).await?;
    records.retain(|record| {
        kind.is_none_or(|kind| record.kind == kind) && name.is_none_or(|name| record.name == *name)
    });
    let repositories = store.repositories(organization.id, None).await?;
    let lines: Vec<Line> = records
        .into_iter()
        .map(|record| Line::new(record, &repositories))
        .collect();
    match format {
        TableFormat::Json => print_json(&lines.iter().map(Line::json).collect::<Vec<_>>()),
        TableFormat::Table if lines.is_empty() => print(&format!(
            "Organization {} has no such integration; `scout integration add` makes one.\n",
            org.org
        )),
        TableFormat::Table => {
            let rows: Vec<_> = lines.iter().map(Line::cells).collect();
            print_table(["NAME", "TYPE", "REGISTRY", "ENABLED", "LAST TEST"], &rows)?;
            match kind {
                Some(azure::KIND) => print(&format!("\n{}", azure::SUMMARY_NOTE)),
                _ => Ok(()),
            }
        }
    }
}

struct Line {
    record: IntegrationRecord,
    enabled: usize,
    repositories: usize,
}

impl Line {
    fn new(record: IntegrationRecord, all: &[RepositoryListing]) -> Self {
        let key = &record.registry_key;
        let mut own: Vec<_> = all.iter().collect();
        own.retain(|repository| repository.registry_key == *key && !repository.is_gone);
        Self {
            enabled: own.iter().filter(|repository| repository.enabled).count(),
            repositories: own.len(),
            record,
        }
    }

    fn cells(&self) -> [String; 5] {
        let test = match &self.record.test {
            Some(test) => format!("{} {}", test.at.strftime("%F %H:%MZ"), test.summary),
            None => "never".to_owned(),
        };
        [
            self.record.name.to_string(),
            self.record.kind.clone(),
            host(&self.record),
            format!("{} of {}", self.enabled, self.repositories),
            test,
        ]
    }

    fn json(&self) -> serde_json::Value {
        let parameters: serde_json::Map<String, serde_json::Value> = self
            .record
            .parameters
            .iter()
            .map(|(key, value)| (key.clone(), value.clone().into()))
            .collect();
        json!({
            "name": self.record.name.to_string(),
            "type": self.record.kind,
            "registry": host(&self.record),
            "parameters": parameters,
            "repositories": self.repositories,
            "enabledRepositories": self.enabled,
            "createdAt": self.record.created_at,
            "updatedAt": self.record.updated_at,
            "test": self.record.test.as_ref().map(|test| json!({
                "at": test.at, "summary": test.summary,
            })),
        })
    }
}

/// Returns the registry of this key as people write it: its host, or its path.
pub(crate) fn shown(kind: &str, key: &str) -> String {
    let rest = key.strip_prefix(kind);
    let rest = rest.and_then(|rest| rest.strip_prefix(':'));
    rest.unwrap_or(key).to_owned()
}

/// Returns the registry as people write it.
pub(crate) fn host(record: &IntegrationRecord) -> String {
    shown(&record.kind, &record.registry_key)
}
