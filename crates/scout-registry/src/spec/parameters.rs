//! `key=value` pairs, before they mean anything.

use crate::spec::InvalidSpec;
use crate::spec::without_credentials;

/// Longest registry string, in bytes: thousands of repositories fit.
const MAX_LEN: usize = 1024 * 1024;

/// The `key=value` pairs that describe a registry, in their order, `type` among them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Returns the parameters of a registry of this type.
    #[must_use]
    pub fn new(kind: &str, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut all = vec![("type".to_owned(), kind.to_owned())];
        all.extend(pairs);
        Self(all)
    }

    /// Splits a registry string; a bare host becomes `registry=HOST`.
    ///
    /// # Errors
    ///
    /// If it is not one CSV record of `key=value`.
    pub fn parse(text: &str) -> Result<Self, InvalidSpec> {
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
        Ok(Self(record.iter().map(pair).collect::<Result<_, _>>()?))
    }

    /// Adds the repositories that are named beside the string (`--repository`).
    ///
    /// # Errors
    ///
    /// If the string names repositories itself.
    pub fn with_repositories(mut self, repositories: &[String]) -> Result<Self, InvalidSpec> {
        if repositories.is_empty() {
            return Ok(self);
        }
        if self.0.iter().any(|(key, _)| key == "repository") {
            return Err(InvalidSpec::RepositoryTwice);
        }
        self.0
            .push(("repository".to_owned(), repositories.join(",")));
        Ok(self)
    }

    /// Returns the type; without one it is the default.
    #[must_use]
    pub fn kind(&self) -> &str {
        let found = self.0.iter().find(|(key, _)| key == "type");
        found.map_or("oci", |(_, kind)| kind.as_str())
    }

    /// Returns the pairs.
    #[must_use]
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}
