//! Notifications of distribution, the registry behind most others.
//!
//! Source: distribution's documents, "Work with notifications".

use scout_envs::RepositoryName;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::events::{Event, EventAction, digest, event_id, sender_id, tag};
use crate::media_type::{essence, is_image, is_index};
use crate::oci::events::Told;
use crate::rest;

#[derive(Deserialize)]
struct Notification {
    #[serde(default)]
    id: String,
    #[serde(default)]
    timestamp: String,
    #[serde(default)]
    action: String,
    target: Target,
}

/// `url` is not read: where the registry is, the configuration says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    repository: String,
    #[serde(default)]
    tag: String,
}

/// Reads a batch. What is damaged in it does not spoil the rest.
pub(super) fn read(events: &[&RawValue], name: impl Fn(&str) -> Option<RepositoryName>) -> Told {
    let mut told = Told::default();
    for raw in events {
        let notification = serde_json::from_str::<Notification>(raw.get()).ok();
        told.add(notification.and_then(|notification| event(&notification, &name)));
    }
    told
}

fn event(
    notification: &Notification,
    name: impl Fn(&str) -> Option<RepositoryName>,
) -> Option<Event> {
    let target = &notification.target;
    let media_type = essence(&target.media_type);
    let is_manifest = is_image(media_type) || is_index(media_type);
    let action = match notification.action.as_str() {
        // Layers raise these, too.
        "push" | "mount" if is_manifest => EventAction::Pushed,
        // Deletions state no type.
        "delete" if is_manifest || media_type.is_empty() => EventAction::Deleted,
        _ => return None,
    };
    let manifest = digest(&target.digest);
    let tag = tag(&target.tag);
    if manifest.is_none() && tag.is_none() {
        return None;
    }
    let id = sender_id(&notification.id).unwrap_or_else(|| {
        event_id(&[
            &notification.timestamp,
            &notification.action,
            &target.repository,
            &target.tag,
            &target.digest,
        ])
    });
    let mut event = Event::new(id, action, name(&target.repository)?);
    event.tag = tag;
    event.digest = manifest;
    event.occurred_at = rest::time(&notification.timestamp);
    Some(event)
}
