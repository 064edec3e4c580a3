//! Docker Hub's webhooks.
//!
//! Source: docs.docker.com, "Webhooks". `callback_url` is never called.

use jiff::Timestamp;
use scout_envs::RepositoryName;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::events::{Event, EventAction, event_id, tag};
use crate::oci::events::Told;

#[derive(Deserialize)]
struct Push<'a> {
    tag: String,
    /// Seconds, which the documents also write as `1.417566161e+09`.
    #[serde(borrow, default)]
    pushed_at: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Repository {
    repo_name: String,
}

/// Reads a webhook.
pub(super) fn read(
    push: &RawValue,
    repository: &RawValue,
    name: impl Fn(&str) -> Option<RepositoryName>,
) -> Option<Told> {
    let push: Push<'_> = serde_json::from_str(push.get()).ok()?;
    let repository: Repository = serde_json::from_str(repository.get()).ok()?;
    let tag = tag(&push.tag)?;
    let pushed_at = push.pushed_at.map(RawValue::get).unwrap_or_default();
    let id = event_id(&[pushed_at, &repository.repo_name, &push.tag]);
    let mut event = Event::new(id, EventAction::Pushed, name(&repository.repo_name)?);
    event.tag = Some(tag);
    event.occurred_at = seconds(pushed_at);
    let mut told = Told::default();
    told.add(Some(event));
    Some(told)
}

fn seconds(text: &str) -> Option<Timestamp> {
    let seconds: f64 = text.parse().ok()?;
    let duration = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    Timestamp::try_from(std::time::UNIX_EPOCH.checked_add(duration)?).ok()
}
