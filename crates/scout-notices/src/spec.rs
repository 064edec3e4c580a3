//! Parameters of channels: `type=slack`, `url=env:NAME`, `repository=app,web`.

use std::path::{Path, PathBuf};

use crate::error::InvalidChannel;
use crate::selection::{Minimum, Selection};

/// What takes the messages. The set is closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChannelKind {
    /// An incoming webhook of Slack, or of what understands the same: Mattermost, Rocket.Chat.
    Slack,
    /// A program that takes JSON.
    Webhook,
}

impl ChannelKind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Slack, Self::Webhook];

    /// Returns the value of `type=`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Webhook => "webhook",
        }
    }

    /// Returns the keys that it takes.
    #[must_use]
    pub fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Slack => SLACK_KEYS,
            Self::Webhook => WEBHOOK_KEYS,
        }
    }

    /// Returns the kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

const SLACK_KEYS: &[&str] = &[
    "type",
    "url",
    "repository",
    "include",
    "includes",
    "exclude",
    "excludes",
    "severity",
    "insecure",
    "ca",
];
const WEBHOOK_KEYS: &[&str] = &[
    "type",
    "url",
    "secret",
    "repository",
    "include",
    "includes",
    "exclude",
    "excludes",
    "severity",
    "insecure",
    "ca",
];

/// The parameters of a channel, read and checked.
///
/// Where the address and the secret are kept is told as written, `env:NAME` or `file:PATH`: who
/// makes the channel reads them.
#[derive(Clone, Debug)]
pub struct ChannelSpec {
    kind: ChannelKind,
    url: String,
    secret: Option<String>,
    selection: Selection,
    insecure: bool,
    ca: Option<PathBuf>,
}

impl ChannelSpec {
    /// Checks `key=value` pairs, `type` among them.
    ///
    /// # Errors
    ///
    /// [`InvalidChannel`] names what is wrong, and what is allowed.
    pub fn new(pairs: &[(String, String)]) -> Result<Self, InvalidChannel> {
        let fields = Fields(pairs);
        let name = fields.optional("type")?.unwrap_or_default();
        let kind = ChannelKind::named(name).ok_or_else(|| InvalidChannel::UnknownKind {
            name: name.to_owned(),
        })?;
        fields.check(kind)?;
        let minimum = match fields.optional("severity")? {
            None => Minimum::default(),
            Some(word) if word.eq_ignore_ascii_case("high") => Minimum::High,
            Some(word) if word.eq_ignore_ascii_case("critical") => Minimum::Critical,
            Some(word) => {
                let value = word.to_owned();
                return Err(InvalidChannel::Severity { value });
            }
        };
        let include = fields.list(&["repository", "include", "includes"]);
        let exclude = fields.list(&["exclude", "excludes"]);
        let missing = InvalidChannel::MissingUrl {
            kind: kind.as_str(),
        };
        Ok(Self {
            kind,
            url: fields.optional("url")?.ok_or(missing)?.to_owned(),
            secret: fields.optional("secret")?.map(str::to_owned),
            selection: Selection::new(&include, &exclude, minimum)?,
            insecure: fields.flag("insecure")?,
            ca: fields.optional("ca")?.map(PathBuf::from),
        })
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> ChannelKind {
        self.kind
    }

    /// Returns where the address is kept, as written.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns where the secret is kept that messages are signed with, as written.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        self.secret.as_deref()
    }

    /// Returns which notices are wanted.
    #[must_use]
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Returns whether plain http to other machines is allowed.
    #[must_use]
    pub fn allows_plain_http(&self) -> bool {
        self.insecure
    }

    /// Returns the file with extra certificate authorities.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca.as_deref()
    }
}

/// Parameters while they are read.
struct Fields<'a>(&'a [(String, String)]);

impl<'a> Fields<'a> {
    fn check(&self, kind: ChannelKind) -> Result<(), InvalidChannel> {
        for (key, value) in self.0 {
            if !kind.keys().contains(&key.as_str()) {
                return Err(InvalidChannel::UnknownKey {
                    key: key.clone(),
                    kind: kind.as_str(),
                    allowed: kind.keys().join(", "),
                });
            }
            if value.trim().is_empty() {
                return Err(InvalidChannel::EmptyValue { key: key.clone() });
            }
        }
        Ok(())
    }

    fn optional(&self, key: &'static str) -> Result<Option<&'a str>, InvalidChannel> {
        let mut values = self.0.iter().filter(|(known, _)| known == key);
        match (values.next(), values.next()) {
            (found, None) => Ok(found.map(|(_, value)| value.as_str())),
            _ => Err(InvalidChannel::RepeatedKey { key }),
        }
    }

    fn flag(&self, key: &'static str) -> Result<bool, InvalidChannel> {
        match self.optional(key)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(value) => Err(InvalidChannel::NotABoolean {
                key,
                value: value.to_owned(),
            }),
        }
    }

    /// Returns the items of these keys, each a comma list. A comma within braces belongs to a
    /// glob.
    fn list(&self, keys: &[&str]) -> Vec<String> {
        let mut items = Vec::new();
        for (_, value) in self
            .0
            .iter()
            .filter(|(key, _)| keys.contains(&key.as_str()))
        {
            let mut depth = 0_usize;
            let is_end = |character: char| {
                match character {
                    '{' => depth += 1,
                    '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                character == ',' && depth == 0
            };
            items.extend(value.split(is_end).map(|item| item.trim().to_owned()));
        }
        items.retain(|item| !item.is_empty());
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> Result<ChannelSpec, InvalidChannel> {
        let pairs: Vec<_> = text
            .split(';')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        ChannelSpec::new(&pairs)
    }

    #[test]
    fn what_is_given_is_read() {
        let spec = spec(
            "type=webhook;url=env:U;secret=file:/s;repository=a,{b,c}/*;severity=critical;ca=/c",
        )
        .unwrap();
        assert_eq!(spec.kind(), ChannelKind::Webhook);
        assert_eq!((spec.url(), spec.secret()), ("env:U", Some("file:/s")));
        assert_eq!(spec.ca_file(), Some(Path::new("/c")));
        for (reference, expected) in [("r/a", true), ("r/c/x", true), ("r/d", false)] {
            assert_eq!(spec.selection().selects_repository(reference), expected);
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        for (text, words) in [
            ("", &["slack and webhook"][..]),
            ("type=teams;url=env:U", &["\"teams\"", "slack"]),
            ("type=slack", &["url=", "env:NAME"]),
            (
                "type=slack;url=env:U;secret=env:S",
                &["\"secret\"", "severity"],
            ),
            (
                "type=slack;url=env:U;url=env:V",
                &["url= is given more than once"],
            ),
            (
                "type=slack;url=env:U;repository= ",
                &["repository= has no value"],
            ),
            (
                "type=slack;url=env:U;severity=low",
                &["severity=low", "critical"],
            ),
            ("type=slack;url=env:U;insecure=yes", &["insecure=yes"]),
            ("type=slack;url=env:U;include=a/[", &["\"a/[\""]),
        ] {
            let error = spec(text).unwrap_err().to_string();
            for word in words {
                assert!(error.contains(word), "{text}: {error}");
            }
        }
    }
}
