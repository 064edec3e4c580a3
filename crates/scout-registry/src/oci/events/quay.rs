//! Quay's notifications of pushes.
//!
//! Source: Red Hat Quay, "Repository notifications"; older releases list the tags as a map.

use std::collections::BTreeMap;

use scout_envs::RepositoryName;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::events::{Event, EventAction, event_id, tag};
use crate::oci::events::Told;

/// The tags: a list of names, or a map of names to ids of images that mean nothing to others.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tags {
    List(Vec<String>),
    Map(BTreeMap<String, IgnoredAny>),
}

/// Reads a notification. `repository` is nothing if it is not looked at.
pub(super) fn read(tags: &RawValue, repository: Option<&RepositoryName>) -> Option<Told> {
    let tags = match serde_json::from_str(tags.get()).ok()? {
        Tags::List(tags) => tags,
        Tags::Map(tags) => tags.into_keys().collect(),
    };
    let mut told = Told::default();
    for text in tags {
        let event = tag(&text).zip(repository).map(|(tag, repository)| {
            // There is neither an id nor a time.
            let id = event_id(&[repository.as_str(), &text]);
            let mut event = Event::new(id, EventAction::Pushed, repository.clone());
            event.tag = Some(tag);
            event
        });
        told.add(event);
    }
    Some(told)
}
