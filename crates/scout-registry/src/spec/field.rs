//! The fields of a registry string, before they mean anything.

use scout_envs::{RepositoryFilter, RepositoryName};

use crate::spec::InvalidSpec;
use crate::spec::parameters::Parameters;
use crate::spec::secret::SecretRef;

/// Parameters while they are read.
#[derive(Debug)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(crate) fn new(parameters: &Parameters) -> Result<Self, InvalidSpec> {
        let pairs = parameters.pairs();
        match pairs.iter().find(|(_, value)| value.is_empty()) {
            Some((key, _)) => Err(InvalidSpec::EmptyValue { key: key.clone() }),
            None => Ok(Self(pairs.to_vec())),
        }
    }

    /// Returns the type; without one it is the default.
    pub(crate) fn kind(&self) -> Result<&str, InvalidSpec> {
        Ok(self.optional("type")?.unwrap_or("oci"))
    }

    pub(crate) fn check_keys(
        &self,
        kind: &'static str,
        allowed: &[&str],
    ) -> Result<(), InvalidSpec> {
        match self
            .0
            .iter()
            .find(|(key, _)| !allowed.contains(&key.as_str()))
        {
            None => Ok(()),
            Some((key, _)) => Err(InvalidSpec::UnknownKey {
                key: key.clone(),
                kind,
                allowed: allowed.join(", "),
            }),
        }
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let pairs = self.0.iter().filter(move |(key, _)| key == name);
        pairs.map(|(_, value)| value.as_str())
    }

    pub(crate) fn optional(&self, key: &'static str) -> Result<Option<&str>, InvalidSpec> {
        let mut values = self.all(key);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(InvalidSpec::RepeatedKey { key }),
        }
    }

    pub(crate) fn required(
        &self,
        kind: &'static str,
        key: &'static str,
    ) -> Result<&str, InvalidSpec> {
        self.optional(key)?
            .ok_or(InvalidSpec::MissingKey { kind, key })
    }

    pub(crate) fn flag(&self, key: &'static str) -> Result<bool, InvalidSpec> {
        match self.optional(key)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(value) => Err(InvalidSpec::NotABoolean {
                key,
                value: value.to_owned(),
            }),
        }
    }

    /// Returns a whole number from 1 to `max`.
    pub(crate) fn number(&self, key: &'static str, max: u32) -> Result<Option<u32>, InvalidSpec> {
        let Some(text) = self.optional(key)? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if (1..=max).contains(&number) => Ok(Some(number)),
            _ => Err(InvalidSpec::NotInRange {
                key,
                value: text.to_owned(),
                max,
            }),
        }
    }

    /// Returns where a secret is kept.
    pub(crate) fn secret(&self, key: &'static str) -> Result<Option<SecretRef>, InvalidSpec> {
        let Some(text) = self.optional(key)? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(found) => Ok(Some(found)),
            Err(reason) => Err(InvalidSpec::Secret { key, reason }),
        }
    }

    /// Returns the items of all these keys, each of which may hold a comma list. A comma within
    /// braces belongs to a glob.
    pub(crate) fn list(&self, keys: &[&str]) -> Vec<String> {
        let values = self
            .0
            .iter()
            .filter(|(key, _)| keys.contains(&key.as_str()));
        let mut items = Vec::new();
        for (_, value) in values {
            let (mut depth, mut start) = (0_usize, 0);
            for (index, character) in value.char_indices() {
                match character {
                    '{' => depth += 1,
                    '}' => depth = depth.saturating_sub(1),
                    ',' if depth == 0 => {
                        items.extend(value.get(start..index).map(str::to_owned));
                        start = index + 1;
                    }
                    _ => {}
                }
            }
            items.extend(value.get(start..).map(str::to_owned));
        }
        let trimmed = items.iter().map(|item| item.trim().to_owned());
        trimmed.filter(|item| !item.is_empty()).collect()
    }

    /// Returns the repositories that are named.
    pub(crate) fn repositories(&self) -> Result<Vec<RepositoryName>, InvalidSpec> {
        let names = self.list(&["repository"]).into_iter();
        Ok(names
            .map(RepositoryName::try_from)
            .collect::<Result<_, _>>()?)
    }

    pub(crate) fn filter(&self) -> Result<RepositoryFilter, InvalidSpec> {
        let include = self.list(&["include", "includes"]);
        let exclude = self.list(&["exclude", "excludes"]);
        Ok(RepositoryFilter::new(&include, &exclude)?)
    }
}
