//! The fields of a registry string, before they mean anything.

use crate::filter::Filter;
use crate::spec::InvalidSpec;
use crate::spec::invalid::without_credentials;

/// Longest registry string, in bytes: thousands of repositories fit.
const MAX_LEN: usize = 1024 * 1024;

/// `key=value` pairs in their order.
#[derive(Debug)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidSpec> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidSpec::Empty);
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut records = reader.records();
        let record = match (records.next(), records.next()) {
            (Some(Ok(record)), None) if text.len() <= MAX_LEN => record,
            _ => return Err(InvalidSpec::NotOneRecord),
        };
        let pair = |field: &str| match field.split_once('=') {
            Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
            None if record.len() == 1 => Ok(("registry".to_owned(), field.to_owned())),
            None => Err(InvalidSpec::NotAPair {
                field: without_credentials(field),
            }),
        };
        let pairs: Vec<_> = record.iter().map(pair).collect::<Result<_, _>>()?;
        match pairs.iter().find(|(_, value)| value.is_empty()) {
            Some((key, _)) => Err(InvalidSpec::EmptyValue { key: key.clone() }),
            None => Ok(Self(pairs)),
        }
    }

    /// Returns the type; without one it is the default.
    pub(super) fn kind(&self) -> Result<&str, InvalidSpec> {
        Ok(self.optional("type")?.unwrap_or("oci"))
    }

    pub(super) fn check_keys(
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

    pub(super) fn optional(&self, key: &'static str) -> Result<Option<&str>, InvalidSpec> {
        let mut values = self.all(key);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(InvalidSpec::RepeatedKey { key }),
        }
    }

    pub(super) fn required(
        &self,
        kind: &'static str,
        key: &'static str,
    ) -> Result<&str, InvalidSpec> {
        self.optional(key)?
            .ok_or(InvalidSpec::MissingKey { kind, key })
    }

    pub(super) fn flag(&self, key: &'static str) -> Result<bool, InvalidSpec> {
        match self.optional(key)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(value) => Err(InvalidSpec::NotABoolean {
                key,
                value: value.to_owned(),
            }),
        }
    }

    /// Returns the items of all these keys, each of which may hold a comma list. A comma within
    /// braces belongs to a glob.
    pub(super) fn list(&self, keys: &[&str]) -> Vec<String> {
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

    pub(super) fn filter(&self) -> Result<Filter, InvalidSpec> {
        let include = self.list(&["include", "includes"]);
        let exclude = self.list(&["exclude", "excludes"]);
        Ok(Filter::new(&include, &exclude)?)
    }
}
