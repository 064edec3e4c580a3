//! How a registry's webhooks are received.

use std::path::PathBuf;

use crate::spec::InvalidSpec;
use crate::spec::field::Fields;
use crate::spec::secret::SecretRef;

/// The keys of a [`WebhookSpec`].
pub(super) const KEYS: &[&str] = &[
    "port",
    "webhook-secret",
    "webhook-secret-previous",
    "webhook-cert",
    "webhook-key",
];

/// How a registry's webhooks are received.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct WebhookSpec {
    /// The local port; without one nothing is received.
    pub port: Option<u16>,
    /// What the sender authenticates itself with.
    pub secret: Option<SecretRef>,
    /// The secret before it, accepted too while the sender is being changed.
    pub previous_secret: Option<SecretRef>,
    /// Certificate chain and key, PEM, for TLS; both or none.
    pub tls: Option<(PathBuf, PathBuf)>,
}

impl WebhookSpec {
    pub(super) fn read(fields: &Fields) -> Result<Self, InvalidSpec> {
        let port = match fields.optional("port")? {
            None => None,
            Some(text) => match text.parse() {
                Ok(port @ 1..) => Some(port),
                _ => {
                    return Err(InvalidSpec::NotAPort {
                        value: text.to_owned(),
                    });
                }
            },
        };
        let path = |key| Ok::<_, InvalidSpec>(fields.optional(key)?.map(PathBuf::from));
        let tls = match (path("webhook-cert")?, path("webhook-key")?) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            (Some(_), None) => {
                return Err(InvalidSpec::OneWithoutOther {
                    one: "webhook-cert",
                    other: "webhook-key",
                });
            }
            (None, Some(_)) => {
                return Err(InvalidSpec::OneWithoutOther {
                    one: "webhook-key",
                    other: "webhook-cert",
                });
            }
        };
        Ok(Self {
            port,
            secret: fields.secret("webhook-secret")?,
            previous_secret: fields.secret("webhook-secret-previous")?,
            tls,
        })
    }
}
