//! `scout integration list`: all of them in a line each, by family.

use anyhow::bail;
use scout_config::IntegrationSpec;
use scout_envs::IntegrationName;
use scout_store::{
    ChannelRecord, IntegrationFamily, IntegrationRecord, RepositoryListing, ShareRecord,
};
use serde_json::json;

use crate::arguments::{Org, TableFormat};
use crate::integrations::azure;
use crate::integrations::notices::Delivery;
use crate::output::{print, print_json, print_table};

pub(crate) async fn list(
    org: &Org,
    kind: Option<&str>,
    name: Option<&IntegrationName>,
    format: TableFormat,
) -> anyhow::Result<()> {
    if let Some(kind) = kind
        && IntegrationSpec::keys_of(kind).is_none()
    {
        let known: Vec<_> = IntegrationSpec::kinds().collect();
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
    let known = Known {
        repositories: store.repositories(organization.id, None).await?,
        shares: store.shares(organization.id).await?,
        channels: store.channels(organization.id).await?,
    };
    let lines: Vec<Line<'_>> = records
        .into_iter()
        .map(|record| Line::new(record, &known))
        .collect();
    match format {
        TableFormat::Json => print_json(&lines.iter().map(Line::json).collect::<Vec<_>>()),
        TableFormat::Table if lines.is_empty() => print(&format!(
            "Organization {} has no such integration; `scout integration add` makes one.\n",
            org.org
        )),
        TableFormat::Table => {
            print_tables(&lines)?;
            match kind {
                Some(azure::KIND) => print(&format!("\n{}", azure::SUMMARY_NOTE)),
                _ => Ok(()),
            }
        }
    }
}

/// Prints one table for each family that there is something of.
fn print_tables(lines: &[Line<'_>]) -> anyhow::Result<()> {
    let mut is_first = true;
    for family in IntegrationFamily::ALL {
        let own = lines.iter().filter(|line| line.record.family == family);
        let rows: Vec<_> = own.map(Line::cells).collect();
        if rows.is_empty() {
            continue;
        }
        if !is_first {
            print("\n")?;
        }
        is_first = false;
        let headings = match family {
            IntegrationFamily::Registry => ["REGISTRY", "ENABLED", "LAST TEST"],
            IntegrationFamily::Runtime => ["CLUSTER", "ENVIRONMENT", "LAST SYNC"],
            IntegrationFamily::Channel => ["CHANNEL", "WAITING", "LAST MESSAGE"],
        };
        let [place, covered, last] = headings;
        print_table(["NAME", "TYPE", place, covered, last], &rows)?;
    }
    Ok(())
}

/// What integrations brought.
struct Known {
    repositories: Vec<RepositoryListing>,
    shares: Vec<ShareRecord>,
    channels: Vec<ChannelRecord>,
}

struct Line<'a> {
    record: IntegrationRecord,
    enabled: usize,
    repositories: usize,
    share: Option<ShareRecord>,
    delivery: Delivery<'a>,
}

impl<'a> Line<'a> {
    fn new(record: IntegrationRecord, known: &'a Known) -> Self {
        let mut own: Vec<_> = known.repositories.iter().collect();
        own.retain(|repository| repository.registry_key == record.key && !repository.is_gone);
        let source = IntegrationRecord::share_source(&record.kind, &record.name);
        let mut shares = known.shares.iter();
        Self {
            enabled: own.iter().filter(|repository| repository.enabled).count(),
            repositories: own.len(),
            delivery: Delivery::of(&record, &known.channels),
            share: shares.find(|share| share.source == source).cloned(),
            record,
        }
    }

    fn cells(&self) -> [String; 5] {
        let test = match &self.record.test {
            Some(test) => format!("{} {}", test.at.strftime("%F %H:%MZ"), test.summary),
            None => "never".to_owned(),
        };
        let (covered, last) = match self.record.family {
            IntegrationFamily::Registry => {
                (format!("{} of {}", self.enabled, self.repositories), test)
            }
            IntegrationFamily::Runtime => (self.setting("environment").to_owned(), self.sync()),
            IntegrationFamily::Channel => (self.delivery.waiting(), self.delivery.last()),
        };
        let place = match self.record.family {
            // The address itself is a secret.
            IntegrationFamily::Channel => self.setting("url").to_owned(),
            IntegrationFamily::Registry | IntegrationFamily::Runtime => host(&self.record),
        };
        [
            self.record.name.to_string(),
            self.record.kind.clone(),
            place,
            covered,
            last,
        ]
    }

    fn setting(&self, key: &str) -> &str {
        let mut pairs = self.record.parameters.iter();
        let found = pairs.find(|(known, _)| known == key);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Says when it was last found out what runs, and what was found.
    fn sync(&self) -> String {
        let Some(share) = &self.share else {
            return "never".to_owned();
        };
        let (running, analyzed) = (share.images, share.images.saturating_sub(share.waiting));
        let good = share.synced_at.map_or_else(
            || "never".to_owned(),
            |at| {
                let at = at.strftime("%F %H:%MZ");
                format!("{at} {analyzed} of {running} running images analyzed")
            },
        );
        match (share.failed_at, &share.failure) {
            (Some(at), Some(why)) => {
                format!("{good}; failed {}: {why}", at.strftime("%F %H:%MZ"))
            }
            _ => good,
        }
    }

    fn json(&self) -> serde_json::Value {
        let parameters: serde_json::Map<String, serde_json::Value> = self
            .record
            .parameters
            .iter()
            .map(|(key, value)| (key.clone(), value.clone().into()))
            .collect();
        let mut line = json!({
            "name": self.record.name.to_string(),
            "type": self.record.kind,
            "family": self.record.family.as_str(),
            "parameters": parameters,
            "createdAt": self.record.created_at,
            "updatedAt": self.record.updated_at,
            "test": self.record.test.as_ref().map(|test| json!({
                "at": test.at, "summary": test.summary,
            })),
        });
        let more = match self.record.family {
            IntegrationFamily::Registry => json!({
                "registry": host(&self.record),
                "repositories": self.repositories,
                "enabledRepositories": self.enabled,
            }),
            IntegrationFamily::Runtime => json!({
                "cluster": self.setting("cluster"),
                "environment": self.setting("environment"),
                "sync": self.share.as_ref().map(|share| json!({
                    "images": share.images,
                    "waiting": share.waiting,
                    "syncedAt": share.synced_at,
                    "failedAt": share.failed_at,
                    "failure": share.failure,
                })),
            }),
            IntegrationFamily::Channel => self.delivery.json(),
        };
        if let (Some(line), serde_json::Value::Object(more)) = (line.as_object_mut(), more) {
            line.extend(more);
        }
        line
    }
}

/// Returns what has this key as people write it: a registry's host or path, a runtime's host and
/// cluster.
pub(crate) fn shown(kind: &str, key: &str) -> String {
    let rest = key.strip_prefix(kind);
    let rest = rest.and_then(|rest| rest.strip_prefix(':'));
    rest.unwrap_or(key).to_owned()
}

/// Returns what it works on as people write it.
pub(crate) fn host(record: &IntegrationRecord) -> String {
    shown(&record.kind, &record.key)
}
