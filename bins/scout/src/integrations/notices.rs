//! Integrations that are channels: where notices are sent.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use scout_config::{OpenedChannel, SystemClock};
use scout_envs::OrgName;
use scout_platform::{Clock as _, Organization};
use scout_store::{
    ChannelKey, ChannelRecord, IntegrationFamily, IntegrationRecord, IntegrationUpdate, Store,
};
use serde_json::json;

use super::{Draft, test_record};
use crate::output::print;

pub(super) async fn add(draft: &Draft<'_>, opened: &OpenedChannel) -> anyhow::Result<ExitCode> {
    let (org, name) = (&draft.org.org, &draft.name);
    let report = tested(draft, opened).await?;
    let store = scout_config::open_store(&draft.org.data.data_dir)?;
    let now = SystemClock.now();
    store.enroll(org, now).await?;
    let organization = scout_platform::organization(store.as_ref(), org).await?;
    let what = (IntegrationFamily::Channel, opened.key.as_str());
    draft
        .add(store.as_ref(), &organization, what, report.clone())
        .await?;
    // From now on, whether a watcher runs already or not.
    if let Some(record) = store.integration(organization.id, name).await? {
        let key = ChannelKey::Integration(record.id);
        store.open_channels(organization.id, &[key], now).await?;
    }
    print(&format!(
        "{}: {report}.\nIntegration {name} is saved. A scout-watch, once it runs, tells of what \
         is new from now on.\n{}",
        opened.channel.host(),
        chosen(store.as_ref(), &organization, opened).await?
    ))?;
    Ok(ExitCode::SUCCESS)
}

async fn tested(draft: &Draft<'_>, opened: &OpenedChannel) -> anyhow::Result<String> {
    test(opened, &draft.org.org)
        .await
        .with_context(|| format!("integration {}: nothing was saved", draft.name))
}

pub(super) async fn test(opened: &OpenedChannel, org: &OrgName) -> anyhow::Result<String> {
    opened.channel.test(org).await?;
    Ok("a test message was taken".to_owned())
}

pub(super) async fn update(
    draft: &Draft<'_>,
    opened: &OpenedChannel,
    (store, organization): (Arc<dyn Store>, &Organization),
) -> anyhow::Result<()> {
    let report = tested(draft, opened).await?;
    let update = IntegrationUpdate {
        parameters: draft.pairs.clone(),
        key: opened.key.clone(),
        environment: None,
        test: Some(test_record(report.clone())),
    };
    draft.update(store.as_ref(), organization, update).await?;
    print(&format!(
        "{}: {report}.\nIntegration {} is changed; a running scout-watch takes it up.\n{}",
        opened.channel.host(),
        draft.name,
        chosen(store.as_ref(), organization, opened).await?
    ))
}

pub(super) fn removed(record: &IntegrationRecord) -> String {
    format!(
        "Integration {} is removed: nobody is told of what is new there any more. The webhook \
         itself stays, until you delete it where it was made.\n",
        record.name
    )
}

/// Says of how many repositories it tells; a name with a slip tells of none.
async fn chosen(
    store: &dyn Store,
    organization: &Organization,
    opened: &OpenedChannel,
) -> anyhow::Result<String> {
    let mut known = store.repositories(organization.id, None).await?;
    known.retain(|repository| !repository.is_gone);
    let selection = opened.channel.selection();
    let is_chosen = |reference: &str| selection.selects_repository(reference);
    let chosen = known.iter().filter(|one| is_chosen(&one.reference)).count();
    Ok(match (chosen, known.as_slice()) {
        (_, []) => String::new(),
        (0, [first, ..]) => format!(
            "None of the {} repositories known so far is chosen: they are written like {}.\n",
            known.len(),
            first.reference
        ),
        (chosen, all) => format!(
            "Chosen are {chosen} of the {} repositories known so far.\n",
            all.len()
        ),
    })
}

/// How a channel stands, as `scout integration list` shows it.
#[derive(Clone, Debug)]
pub(super) struct Delivery<'a>(Option<&'a ChannelRecord>);

impl<'a> Delivery<'a> {
    pub(super) fn of(record: &IntegrationRecord, channels: &'a [ChannelRecord]) -> Self {
        let key = ChannelKey::Integration(record.id);
        Self(channels.iter().find(|channel| channel.key == key))
    }

    /// How many notices wait.
    pub(super) fn waiting(&self) -> String {
        self.0.map_or(0, |channel| channel.pending).to_string()
    }

    /// When a message last arrived, and why the next does not.
    pub(super) fn last(&self) -> String {
        let Some(channel) = self.0 else {
            return "never".to_owned();
        };
        let sent = channel.last_sent_at.map_or_else(
            || "never".to_owned(),
            |at| at.strftime("%F %H:%MZ").to_string(),
        );
        match &channel.failure {
            None => sent,
            Some(failure) => format!(
                "{sent}; failed {}: {}",
                failure.at.strftime("%F %H:%MZ"),
                failure.reason
            ),
        }
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let channel = self.0;
        let failure = channel.and_then(|channel| channel.failure.as_ref());
        json!({
            "waiting": channel.map_or(0, |channel| channel.pending),
            "dropped": channel.map_or(0, |channel| channel.dropped),
            "lastSentAt": channel.and_then(|channel| channel.last_sent_at),
            "failure": failure.map(|failure| json!({
                "at": failure.at, "reason": failure.reason, "nextAt": failure.not_before,
            })),
        })
    }
}
