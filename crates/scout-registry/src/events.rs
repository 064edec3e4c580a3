//! Webhooks: what registries tell by themselves, verified and read.
//!
//! An event is a hint. It says where to look, never what is there: the registry is asked before
//! anything is recorded, and hosts and addresses in a body are not read at all. So a repeated,
//! late or forged event costs a request, and no more.

mod name;
mod secret;

use std::fmt;

use jiff::Timestamp;
use scout_envs::{Digest, RepositoryName, Tag};
use scout_http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

pub use name::CONTENT_ID_PREFIX;
pub(crate) use name::{digest, event_id, repository, sender_id, tag};
pub use secret::WebhookSecrets;

/// Longest body of a webhook, in bytes. Event Grid sends up to 1 MB; the others send less.
pub const MAX_BODY: usize = 1024 * 1024;
/// Most events of one delivery. Event Grid and distribution batch up to some hundreds.
pub const MAX_EVENTS: usize = 1_000;

/// A request that came to the listener.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// `POST`, or `OPTIONS` of a handshake.
    pub method: &'a Method,
    /// The query, as it came. It may hold a secret.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The raw body, of at most [`MAX_BODY`] bytes; nothing if it was longer. One that did not
    /// arrive whole is no delivery.
    pub body: Option<&'a [u8]>,
}

impl Delivery<'_> {
    /// Returns a header's value, if it is text: senders write secrets that are not ASCII as UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        str::from_utf8(self.headers.get(name)?.as_bytes()).ok()
    }

    /// Returns the first value that the query has for this name.
    #[must_use]
    pub fn query_value(&self, name: &str) -> Option<String> {
        let query = self.query?;
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Returns whether the first value that the query has for this name is one of the secrets;
    /// nothing if it has none.
    ///
    /// A `+` may stand for a space, as in a form, or for itself: secrets in Base64 hold some, and
    /// are pasted into addresses as they are.
    #[must_use]
    pub fn shows_in_query(&self, name: &str, secrets: &WebhookSecrets) -> Option<bool> {
        let value = self.query_value(name)?;
        Some(secrets.matches(&value) | secrets.matches(&value.replace(' ', "+")))
    }
}

impl fmt::Debug for Delivery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("method", &self.method)
            .field("body_bytes", &self.body.map(<[u8]>::len))
            .finish_non_exhaustive()
    }
}

/// What reads the webhooks of one integration.
pub trait EventSource: Send + Sync {
    /// Verifies and reads a delivery. The signature is checked over the raw bytes, before
    /// anything else is read of them.
    fn receive(&self, delivery: &Delivery<'_>) -> Reception;
}

/// What a delivery was.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Reception {
    /// It is genuine. Answer 200 once `events` are stored, and 503 if they cannot be stored now.
    Events {
        /// What it tells, at most [`MAX_EVENTS`]. May be empty.
        events: Vec<Event>,
        /// How many things in it were not for us: other kinds, pulls, layers, names that are
        /// none.
        ignored: usize,
    },
    /// Answer this at once; there is nothing to store.
    Answer(Answer),
}

impl Reception {
    /// Returns the answer to a sender that did not show the secret: 401, and nothing else is
    /// told.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::Answer(Answer::new(
            StatusCode::UNAUTHORIZED,
            "the webhook's secret or signature is missing or wrong",
        ))
    }

    /// Returns the answer to a genuine delivery in which there is nothing for us, of which a
    /// repetition would not help: 200.
    #[must_use]
    pub fn ignored(note: &'static str) -> Self {
        Self::Answer(Answer::new(StatusCode::OK, note))
    }

    /// Returns the answer to a delivery that is too long, for senders that give up at 4xx: 413.
    #[must_use]
    pub fn too_large() -> Self {
        Self::Answer(Answer::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is longer than 1 MiB",
        ))
    }

    /// Returns the answer to a method other than POST, where nothing else is sent: 405.
    #[must_use]
    pub fn wrong_method() -> Self {
        Self::Answer(Answer::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "webhooks are sent with POST",
        ))
    }

    /// Returns the answer to a body that is not what the sender documents, for senders that give
    /// up at 4xx: 400.
    #[must_use]
    pub fn malformed(note: &'static str) -> Self {
        Self::Answer(Answer::new(StatusCode::BAD_REQUEST, note))
    }
}

/// An answer to a delivery.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The status: what makes this sender stop or try again, as it should.
    pub status: StatusCode,
    /// Headers of the answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body. Text for people, or JSON of a handshake.
    pub body: String,
}

impl Answer {
    /// Returns an answer that says this.
    #[must_use]
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: text.into(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// What happened to an image, as its registry tells it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// What a repetition of the event has, too, at most 256 bytes: the sender's id, or
    /// [`CONTENT_ID_PREFIX`] and a hash of what it says.
    pub id: String,
    /// What happened.
    pub action: EventAction,
    /// The repository, as the integration names it.
    pub repository: RepositoryName,
    /// The tag, if it concerns one.
    pub tag: Option<Tag>,
    /// The manifest, if it is told.
    pub digest: Option<Digest>,
    /// When it happened, by the registry's clock, if it is told.
    pub occurred_at: Option<Timestamp>,
}

impl Event {
    /// Returns an event that tells no more than this.
    #[must_use]
    pub fn new(id: String, action: EventAction, repository: RepositoryName) -> Self {
        Self {
            id,
            action,
            repository,
            tag: None,
            digest: None,
            occurred_at: None,
        }
    }
}

/// What happened to an image.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum EventAction {
    /// It was pushed, or a tag was moved to it.
    Pushed,
    /// A tag, or a manifest with all its tags, was deleted.
    Deleted,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery<'a>(query: Option<&'a str>, headers: &'a HeaderMap) -> Delivery<'a> {
        Delivery {
            method: &Method::POST,
            query,
            headers,
            body: None,
        }
    }

    #[test]
    fn a_secret_in_a_query_is_written_as_in_a_form_or_as_it_is() {
        let secrets = WebhookSecrets::new(vec!["a+b/c==".into(), "d e".into()]).unwrap();
        let headers = HeaderMap::new();
        for (query, expected) in [
            ("secret=a+b/c==", Some(true)),
            ("secret=a%2Bb%2Fc%3D%3D", Some(true)),
            ("x=1&secret=d%20e", Some(true)),
            ("secret=d+e", Some(true)),
            ("secret=a+b/c", Some(false)),
            ("secret=d%2Be", Some(false)),
            ("secret=x&secret=d+e", Some(false)),
            ("secret", Some(false)),
            ("SECRET=d+e", None),
            ("", None),
        ] {
            let delivery = delivery(Some(query), &headers);
            let shown = delivery.shows_in_query("secret", &secrets);
            assert_eq!(shown, expected, "{query}");
        }
    }

    #[test]
    fn a_header_is_text_or_nothing() {
        let texts: [(&[u8], _); 2] = [(b"s\xc3\xa9cret", Some("s\u{e9}cret")), (b"s\xe9", None)];
        for (value, expected) in texts {
            let mut headers = HeaderMap::new();
            headers.insert("x-secret", HeaderValue::from_bytes(value).unwrap());
            assert_eq!(delivery(None, &headers).header("x-secret"), expected);
        }
    }
}
