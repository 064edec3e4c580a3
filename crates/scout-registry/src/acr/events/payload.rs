//! What Event Grid and a registry's webhooks send, as far as we read it. Addresses and hosts in
//! it are compared at most.

use serde::Deserialize;
use serde_json::Value;

use crate::events::EventAction;

/// What stands before the names of events in most versions of the documentation.
const PREFIX: &str = "Microsoft.ContainerRegistry.";
const VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";

/// One thing that a delivery tells.
pub(super) enum Notice {
    /// The question whether we want events.
    Validation {
        /// What proves that we do.
        code: String,
    },
    /// An image was pushed or deleted.
    Image(Box<Image>),
    /// Something else, or something that is not as it is documented.
    Other,
}

/// What happened to an image, and who says so.
pub(super) struct Image {
    pub(super) id: Option<String>,
    pub(super) action: EventAction,
    /// The registry, by its resource path.
    pub(super) topic: Option<String>,
    /// When Event Grid got it.
    pub(super) time: Option<String>,
    pub(super) content: Content,
}

/// What happened, in the registry's own words: the body of its webhooks, and the data of events.
#[derive(Debug, Deserialize)]
pub(super) struct Content {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    pub(super) timestamp: Option<String>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    pub(super) target: Option<Target>,
    #[serde(default)]
    pub(super) request: Option<Request>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Target {
    #[serde(default)]
    pub(super) digest: Option<String>,
    #[serde(default)]
    pub(super) repository: Option<String>,
    #[serde(default)]
    pub(super) tag: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Request {
    #[serde(default)]
    pub(super) host: Option<String>,
}

/// An event around its data. The first names are those of Event Grid's own schema, the aliases
/// those of CloudEvents 1.0.
#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(default)]
    id: Option<String>,
    #[serde(rename = "eventType", alias = "type")]
    kind: String,
    #[serde(default, alias = "source")]
    topic: Option<String>,
    #[serde(rename = "eventTime", alias = "time", default)]
    time: Option<String>,
    #[serde(default)]
    data: Value,
}

#[derive(Debug, Deserialize)]
struct Validation {
    #[serde(rename = "validationCode")]
    code: String,
}

/// Reads a body: an object, or an array of them.
pub(super) fn read(body: &[u8]) -> Result<Vec<Notice>, &'static str> {
    let value: Value = serde_json::from_slice(body).or(Err("the body is not JSON"))?;
    let items = match value {
        Value::Array(items) => items,
        item @ Value::Object(_) => vec![item],
        _ => return Err("the body is neither an event nor a list of events"),
    };
    let read: Vec<_> = items.into_iter().map(notice).collect();
    if !read.is_empty() && read.iter().all(Option::is_none) {
        return Err("the body is neither of Event Grid, nor a CloudEvent, nor of the registry");
    }
    let read = read.into_iter();
    Ok(read.map(|notice| notice.unwrap_or(Notice::Other)).collect())
}

/// Reads one item; nothing if it is not as it is documented.
fn notice(item: Value) -> Option<Notice> {
    if item.get("eventType").is_none() && item.get("type").is_none() {
        return native(Content::deserialize(item).ok()?);
    }
    let envelope = Envelope::deserialize(item).ok()?;
    if envelope.kind == VALIDATION {
        let Validation { code } = Validation::deserialize(envelope.data).ok()?;
        return Some(Notice::Validation { code });
    }
    let kind = envelope.kind.strip_prefix(PREFIX).unwrap_or(&envelope.kind);
    let action = match kind {
        "ImagePushed" => EventAction::Pushed,
        "ImageDeleted" => EventAction::Deleted,
        _ => return Some(Notice::Other),
    };
    Some(Notice::Image(Box::new(Image {
        id: envelope.id,
        action,
        topic: envelope.topic,
        time: envelope.time,
        content: Content::deserialize(envelope.data).ok()?.complete()?,
    })))
}

/// Reads the body of a webhook. Beside these two there are `ping`, `quarantine`, `chart_push`
/// and `chart_delete`.
fn native(mut content: Content) -> Option<Notice> {
    let action = match content.action.as_deref()? {
        "push" => EventAction::Pushed,
        "delete" => EventAction::Deleted,
        _ => return Some(Notice::Other),
    };
    Some(Notice::Image(Box::new(Image {
        id: content.id.take(),
        action,
        topic: None,
        time: None,
        content: content.complete()?,
    })))
}

impl Content {
    /// Returns it if it names a repository; else it is not as it is documented.
    fn complete(self) -> Option<Self> {
        self.target.as_ref()?.repository.as_ref()?;
        Some(self)
    }
}
