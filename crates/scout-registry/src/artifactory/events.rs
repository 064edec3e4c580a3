//! Webhooks of Artifactory: the domain `docker` with the events `pushed`, `deleted`, `promoted`.
//!
//! Sources: JFrog, "Webhooks", "Domain: Docker"; the signature is the one that the vendor's check
//! computes (`openssl sha256 -hmac`). The sender tries again when it gets no answer or one of 500
//! and above; every 4xx is final.

use std::sync::Arc;

use scout_envs::{Digest, Tag};
use scout_http::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::artifactory::keys::Keys;
use crate::events::{self, Delivery, Event, EventAction, EventSource, Reception, WebhookSecrets};

/// Holds the secret as it is, or the signature of the body.
const AUTH_HEADER: &str = "x-jfrog-event-auth";
/// The only domain read.
const DOMAIN: &str = "docker";

/// Reads the webhooks of one Artifactory.
#[derive(Debug)]
pub(super) struct Events {
    secrets: WebhookSecrets,
    must_be_signed: bool,
    keys: Arc<Keys>,
}

/// A delivery. `jpd_origin`, `source` and `userContext` are not read.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    domain: Option<String>,
    #[serde(default)]
    event_type: Option<String>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    subscription_key: Option<String>,
}

/// What happened. The vendor's examples show it alone, without the envelope.
#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    event_type: Option<String>,
    repo_key: String,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    image_name: Option<String>,
    #[serde(default)]
    tag: Option<String>,
    /// Of the manifest, in bare hexadecimal.
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    target_repo: Option<String>,
    #[serde(default)]
    target_tag: Option<String>,
}

impl Data {
    /// Returns image and tag as the path `<image>/<tag>/<file>` has them.
    fn of_path(&self) -> Option<(&str, &str)> {
        let (folder, _) = self.path.as_deref()?.rsplit_once('/')?;
        folder.rsplit_once('/')
    }

    /// Returns the image. Of `foo/bar/app` Artifactory sends only `app` as the name, so that a path
    /// that ends so tells more (deliveries shown in akuity/kargo #4498 and #4899).
    fn image(&self) -> Option<&str> {
        let of_path = self.of_path().map(|(image, _)| image);
        let Some(name) = self.image_name.as_deref().filter(|name| !name.is_empty()) else {
            return of_path;
        };
        let is_folder = |rest: &str| rest.is_empty() || rest.ends_with('/');
        let whole = of_path.filter(|path| path.strip_suffix(name).is_some_and(is_folder));
        Some(whole.unwrap_or(name))
    }

    fn tag(&self) -> Option<&str> {
        let tag = self.tag.as_deref().filter(|tag| !tag.is_empty());
        tag.or_else(|| self.of_path().map(|(_, tag)| tag))
    }
}

impl Events {
    /// Returns nothing if there is no secret.
    pub(super) fn new(
        secrets: Vec<SecretString>,
        must_be_signed: bool,
        keys: Arc<Keys>,
    ) -> Option<Self> {
        Some(Self {
            secrets: WebhookSecrets::new(secrets)?,
            must_be_signed,
            keys,
        })
    }

    fn is_genuine(&self, shown: &str, body: &[u8]) -> bool {
        // Both are always computed.
        let is_signed = self.secrets.signed_sha256(shown, body);
        let is_plain = self.secrets.matches(shown);
        is_signed | (is_plain & !self.must_be_signed)
    }

    fn read(&self, data: &Data, kind: &str, subscription: &str) -> Reception {
        let Some(image) = data.image() else {
            return Reception::malformed("the event names no image");
        };
        let digest = data.sha256.as_deref().and_then(events::digest);
        let tag = data.tag().and_then(events::tag);
        let mut reading = Reading {
            keys: &self.keys,
            kind,
            subscription,
            digest,
            events: Vec::new(),
            ignored: 0,
        };
        match kind {
            "pushed" => reading.add(EventAction::Pushed, &data.repo_key, image, tag),
            "deleted" => reading.add(EventAction::Deleted, &data.repo_key, image, tag),
            "promoted" => {
                let target = data.target_tag.as_deref().filter(|tag| !tag.is_empty());
                let target = target.map_or_else(|| tag.clone(), events::tag);
                if let Some(repo_key) = &data.target_repo {
                    reading.add(EventAction::Pushed, repo_key, image, target);
                }
                // The image was copied or moved: whether it is gone is for the registry to say.
                reading.add(EventAction::Deleted, &data.repo_key, image, tag);
            }
            _ => return Reception::ignored("not a kind of event that is watched for"),
        }
        Reception::Events {
            events: reading.events,
            ignored: reading.ignored,
        }
    }
}

/// The events of one delivery while they are made.
struct Reading<'a> {
    keys: &'a Keys,
    kind: &'a str,
    subscription: &'a str,
    digest: Option<Digest>,
    events: Vec<Event>,
    ignored: usize,
}

impl Reading<'_> {
    fn add(&mut self, action: EventAction, repo_key: &str, image: &str, tag: Option<Tag>) {
        let Some(tag) = tag else {
            // Manifests without a tag come before the index that they belong to.
            self.ignored += 1;
            return;
        };
        let repositories = self.keys.concerned(repo_key, image);
        self.ignored += usize::from(repositories.is_empty());
        for repository in repositories {
            // There is no id and no time: a repetition says the same. So does a second push of
            // the same manifest; how long ids are remembered bounds what is taken for one.
            let id = events::event_id(&[
                self.subscription,
                self.kind,
                repository.as_str(),
                tag.as_str(),
                self.digest.as_ref().map_or("", Digest::as_str),
            ]);
            let mut event = Event::new(id, action, repository);
            event.tag = Some(tag.clone());
            event.digest.clone_from(&self.digest);
            self.events.push(event);
        }
    }
}

impl EventSource for Events {
    fn receive(&self, delivery: &Delivery<'_>) -> Reception {
        if delivery.method != Method::POST {
            return Reception::wrong_method();
        }
        let Some(shown) = delivery.header(AUTH_HEADER) else {
            return Reception::unauthorized();
        };
        let Some(body) = delivery.body else {
            return Reception::too_large();
        };
        if !self.is_genuine(shown, body) {
            return Reception::unauthorized();
        }
        let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(body) else {
            return Reception::malformed("the body is not an event of Artifactory");
        };
        if envelope
            .domain
            .as_deref()
            .is_some_and(|domain| domain != DOMAIN)
        {
            return Reception::ignored("not an event of the domain docker");
        }
        let data = match envelope.data {
            Some(data) => serde_json::from_str::<Data>(data.get()),
            None => serde_json::from_slice(body),
        };
        let Ok(data) = data else {
            return Reception::malformed("the data is not that of an event of the domain docker");
        };
        let kind = envelope.event_type.or_else(|| data.event_type.clone());
        let Some(kind) = kind else {
            return Reception::malformed("the event has no event_type");
        };
        let subscription = envelope.subscription_key.unwrap_or_default();
        self.read(&data, &kind, &subscription)
    }
}
