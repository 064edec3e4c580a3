//! One table of a configuration file, while it is read.

use std::fmt;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::config_file::invalid::{InvalidConfigFile, Located};

/// A table, with where it stands.
pub(super) struct Section<'t> {
    pub(super) text: &'t str,
    pub(super) line: usize,
    table: &'t DeTable<'t>,
}

/// A key and its value.
pub(super) struct Entry<'t> {
    pub(super) key: &'t str,
    pub(super) value: &'t DeValue<'t>,
    line: usize,
}

impl<'t> Section<'t> {
    pub(super) fn new(text: &'t str, table: &'t DeTable<'t>, line: usize) -> Self {
        Self { text, line, table }
    }

    /// Returns the entries in the order of the file.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'t>> {
        let mut all: Vec<_> = self.table.iter().collect();
        all.sort_by_key(|(key, _)| key.span().start);
        let entry = |(key, value): (&'t Spanned<_>, &'t Spanned<_>)| self.entry_of(key, value);
        all.into_iter().map(entry).collect::<Vec<_>>().into_iter()
    }

    pub(super) fn entry(&self, key: &str) -> Option<Entry<'t>> {
        self.entries().find(|entry| entry.key == key)
    }

    pub(super) fn check_keys(&self, place: &str, allowed: &[&str]) -> Result<(), Located> {
        match self.entries().find(|entry| !allowed.contains(&entry.key)) {
            None => Ok(()),
            Some(entry) => Err(entry.located(InvalidConfigFile::UnknownKey {
                key: entry.key.to_owned(),
                place: place.to_owned(),
                allowed: allowed.join(", "),
            })),
        }
    }

    pub(super) fn string(&self, key: &str) -> Result<Option<&'t str>, Located> {
        match self.entry(key) {
            None => Ok(None),
            Some(entry) => match entry.value {
                DeValue::String(text) => Ok(Some(text)),
                _ => Err(entry.wrong_type("a text in quotes")),
            },
        }
    }

    pub(super) fn parsed<T>(&self, key: &'static str) -> Result<Option<T>, Located>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let Some(text) = self.string(key)? else {
            return Ok(None);
        };
        let problem = match text.parse() {
            _ if text.is_empty() => "it is empty".to_owned(),
            Ok(value) => return Ok(Some(value)),
            Err(reason) => T::Err::to_string(&reason),
        };
        Err(self.located(key, InvalidConfigFile::Value { key, problem }))
    }

    pub(super) fn number(&self, key: &'static str, max: u64) -> Result<Option<u64>, Located> {
        let Some(entry) = self.entry(key) else {
            return Ok(None);
        };
        let DeValue::Integer(number) = entry.value else {
            return Err(entry.wrong_type("a whole number"));
        };
        let number = integer(number).and_then(|number| u64::try_from(number).ok());
        match number {
            Some(number) if (1..=max).contains(&number) => Ok(Some(number)),
            _ => Err(entry.located(InvalidConfigFile::OutOfRange { key, max })),
        }
    }

    pub(super) fn flag(&self, key: &'static str) -> Result<Option<bool>, Located> {
        match self.entry(key) {
            None => Ok(None),
            Some(entry) => match entry.value {
                DeValue::Boolean(value) => Ok(Some(*value)),
                _ => Err(entry.wrong_type("true or false")),
            },
        }
    }

    /// Returns what is wrong with a key, at its line; at the table's if the key is not there.
    pub(super) fn located(&self, key: &str, reason: InvalidConfigFile) -> Located {
        let line = self.entry(key).map_or(self.line, |entry| entry.line);
        Located { line, reason }
    }

    /// Returns the line of a place in the text, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        line_at(self.text, offset)
    }

    fn entry_of<K: AsRef<str>>(
        &self,
        key: &'t Spanned<K>,
        value: &'t Spanned<DeValue<'t>>,
    ) -> Entry<'t> {
        Entry {
            key: key.get_ref().as_ref(),
            value: value.get_ref(),
            line: self.line(key.span().start),
        }
    }
}

impl Entry<'_> {
    /// Returns the value as a parameter's: lists become comma lists.
    pub(super) fn parameter(&self) -> Result<String, Located> {
        let wrong = || {
            self.wrong_type("a text in quotes, a whole number, true or false, or a list of these")
        };
        match self.value {
            DeValue::Array(items) => {
                let mut texts = Vec::new();
                for item in items.iter() {
                    let text = scalar(item.get_ref()).ok_or_else(wrong)?;
                    if has_bare_comma(&text) {
                        let key = self.key.to_owned();
                        return Err(self.located(InvalidConfigFile::CommaInItem { key }));
                    }
                    texts.push(text);
                }
                Ok(texts.join(","))
            }
            value => scalar(value).ok_or_else(wrong),
        }
    }

    pub(super) fn wrong_type(&self, expected: &'static str) -> Located {
        self.located(InvalidConfigFile::WrongType {
            key: self.key.to_owned(),
            expected,
            found: match self.value {
                DeValue::String(_) => "a text",
                DeValue::Integer(_) => "a whole number",
                DeValue::Float(_) => "a number with a fraction",
                DeValue::Boolean(_) => "true or false",
                DeValue::Datetime(_) => "a date or time",
                DeValue::Array(_) => "a list",
                DeValue::Table(_) => "a table",
            },
        })
    }

    pub(super) fn located(&self, reason: InvalidConfigFile) -> Located {
        Located {
            line: self.line,
            reason,
        }
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => integer(number).map(|number| number.to_string()),
        DeValue::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// Returns whether there is a comma that is not part of a glob's `{a,b}`.
fn has_bare_comma(text: &str) -> bool {
    let mut depth = 0_usize;
    text.chars().any(|character| {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
}

/// Returns the line of a place in a text, from 1.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    let before = text.bytes().take(offset);
    1 + before.filter(|&byte| byte == b'\n').count()
}
