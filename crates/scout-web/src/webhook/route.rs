//! Which path belongs to which integration.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use scout_registry::RegistryIntegration;
use scout_registry::events::EventSource;

use crate::webhook::stats::WebhookStats;

/// An integration and the path at which its webhooks come.
#[derive(Clone)]
pub struct WebhookRoute {
    name: String,
    integration: Arc<dyn RegistryIntegration>,
}

impl WebhookRoute {
    /// Returns the route `/<name>` of an integration.
    #[must_use]
    pub fn new(name: impl Into<String>, integration: Arc<dyn RegistryIntegration>) -> Self {
        Self {
            name: name.into(),
            integration,
        }
    }
}

impl fmt::Debug for WebhookRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookRoute")
            .field("name", &self.name)
            .field("kind", &self.integration.kind())
            .finish()
    }
}

/// Why integrations cannot share a port.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRoutes {
    /// There is no integration.
    #[error("no integration receives webhooks at this port")]
    Empty,
    /// Two integrations have one name.
    #[error("two integrations are named {name}; their webhooks could not be told apart")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// The name cannot stand in a path as it is.
    #[error(
        "webhooks cannot be sent to an integration named {name:?}; use letters, digits, `-`, `_` \
         and `.`"
    )]
    NotASegment {
        /// The name.
        name: String,
    },
    /// The integration accepts no webhook.
    #[error("integration {name} accepts no webhook; give it a webhook-secret")]
    NoEvents {
        /// The name.
        name: String,
    },
}

/// The integrations of one port.
#[derive(Debug)]
pub(super) struct Routes(Vec<Target>);

/// Where deliveries go.
pub(super) struct Target {
    pub(super) index: usize,
    route: WebhookRoute,
    stats: Mutex<WebhookStats>,
}

impl Routes {
    pub(super) fn new(routes: Vec<WebhookRoute>) -> Result<Self, InvalidRoutes> {
        if routes.is_empty() {
            return Err(InvalidRoutes::Empty);
        }
        let mut targets = Vec::<Target>::new();
        for (index, route) in routes.into_iter().enumerate() {
            let name = || route.name.clone();
            if !is_segment(&route.name) {
                return Err(InvalidRoutes::NotASegment { name: name() });
            }
            if targets.iter().any(|known| known.name() == route.name) {
                return Err(InvalidRoutes::Duplicate { name: name() });
            }
            if route.integration.events().is_none() {
                return Err(InvalidRoutes::NoEvents { name: name() });
            }
            targets.push(Target {
                index,
                route,
                stats: Mutex::default(),
            });
        }
        Ok(Self(targets))
    }

    /// Returns whose path this is. A `/` more at its end is what people type.
    pub(super) fn find(&self, path: &str) -> Option<&Target> {
        let segment = path.strip_prefix('/')?;
        if segment.is_empty() {
            return match self.0.as_slice() {
                [only] => Some(only),
                _ => None,
            };
        }
        let name = segment.strip_suffix('/').unwrap_or(segment);
        self.0.iter().find(|target| target.name() == name)
    }

    pub(super) fn stats(&self) -> BTreeMap<String, WebhookStats> {
        let targets = self.0.iter();
        targets
            .map(|target| (target.name().to_owned(), *target.counts()))
            .collect()
    }
}

impl Target {
    pub(super) fn name(&self) -> &str {
        &self.route.name
    }

    /// Returns the integration, for work on another thread.
    pub(super) fn integration(&self) -> Arc<dyn RegistryIntegration> {
        Arc::clone(&self.route.integration)
    }

    /// Returns what reads its deliveries.
    pub(super) fn source(&self) -> Option<&dyn EventSource> {
        self.route.integration.events()
    }

    pub(super) fn counts(&self) -> MutexGuard<'_, WebhookStats> {
        // A panic between two additions leaves numbers that are still numbers.
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.route.fmt(f)
    }
}

/// Whether a name is the same in a path, written in whatever way (RFC 3986, 2.3), and no relative
/// one.
fn is_segment(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.bytes().all(is_plain) && name.bytes().any(|byte| byte != b'.')
}
