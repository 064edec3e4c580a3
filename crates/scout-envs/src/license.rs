//! Licences: what a package states, as an SPDX expression wherever that can be said for certain.
//!
//! The grammar is that of SPDX 2.3, annex D; identifiers and exceptions come from the SPDX
//! licence list in the `spdx` crate. What is not understood is kept as it was stated.

mod alias;
mod dialect;
mod evaluate;
mod expression;
mod identifier;
mod parser;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use dialect::Dialect;
pub use evaluate::{Permission, is_listable};
pub use expression::{Expression, Term};

use alias::known_name;

/// Most characters of a licence kept as stated: 256, a long name. Some packages put the whole
/// text of a licence where its name belongs; its beginning tells which it is.
const MAX_STATED_CHARS: usize = 256;
/// Most bytes of a text that is read as an expression: 64 KiB; Chromium's in Debian has 4.
const MAX_EXPRESSION_BYTES: usize = 64 << 10;

/// The licence of a package: an SPDX expression in its normal form, or, where it is none, the
/// text that the package states.
///
/// ```
/// use scout_envs::license::{Dialect, License};
///
/// let license = License::stated("GPLv2+ and MIT", Dialect::Fedora).unwrap();
/// assert_eq!(license.as_str(), "GPL-2.0-or-later AND MIT");
/// assert!(license.expression().is_some());
///
/// let license = License::stated("see the file COPYING", Dialect::Spdx).unwrap();
/// assert_eq!(license.as_str(), "see the file COPYING");
/// assert!(license.expression().is_none());
/// ```
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct License(String);

impl License {
    /// Reads what a package states; `None` if that is nothing, or a word for "not known".
    #[must_use]
    pub fn stated(text: &str, dialect: Dialect) -> Option<Self> {
        let text = text.trim();
        if is_nothing(text) {
            return None;
        }
        if text.len() <= MAX_EXPRESSION_BYTES
            && let Some(expression) = understand(text, dialect)
        {
            return Some(Self::from(&expression));
        }
        Some(Self(shorten(text)))
    }

    /// Returns a licence from the text that [`License::as_str`] gave, without reading it again.
    #[must_use]
    pub fn recorded(text: String) -> Self {
        Self(text)
    }

    /// Joins several statements that hold at the same time; the same one twice counts once.
    #[must_use]
    pub fn all_of(licenses: impl IntoIterator<Item = Self>) -> Option<Self> {
        Self::join(licenses, Expression::all_of)
    }

    /// Joins several statements of which one may be chosen.
    #[must_use]
    pub fn any_of(licenses: impl IntoIterator<Item = Self>) -> Option<Self> {
        Self::join(licenses, Expression::any_of)
    }

    fn join(
        licenses: impl IntoIterator<Item = Self>,
        join: fn(Vec<Expression>) -> Expression,
    ) -> Option<Self> {
        let mut licenses: Vec<Self> = licenses.into_iter().collect();
        if licenses.len() < 2 {
            return licenses.pop();
        }
        let parts = licenses.iter().map(Self::to_expression).collect();
        Some(Self::from(&join(parts)))
    }

    /// Returns the text: an expression, or what was stated.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the expression, or `None` if this is only what was stated.
    #[must_use]
    pub fn expression(&self) -> Option<Expression> {
        Expression::parse(&self.0)
    }

    /// Returns the expression; for what was only stated, a reference made of its text
    /// (`LicenseRef-...`).
    #[must_use]
    pub fn to_expression(&self) -> Expression {
        self.expression()
            .unwrap_or_else(|| Expression::reference(&self.0))
    }
}

impl From<&Expression> for License {
    fn from(expression: &Expression) -> Self {
        Self(expression.to_string())
    }
}

impl fmt::Display for License {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The whole text as one name comes first: `GNU GPL v2 or later` is no choice.
fn understand(text: &str, dialect: Dialect) -> Option<Expression> {
    Expression::parse(text)
        .or_else(|| known_name(text, dialect))
        .or_else(|| expression::read(text, dialect))
        // What no dialect of its own explains is read as everybody else would read it.
        .or_else(|| (dialect != Dialect::Spdx).then(|| understand(text, Dialect::Spdx))?)
}

fn is_nothing(text: &str) -> bool {
    const NOTHING: [&str; 8] = [
        "",
        "-",
        "UNKNOWN",
        "NONE",
        "N/A",
        "NULL",
        "NOASSERTION",
        "UNDEFINED",
    ];
    NOTHING.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn shorten(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= MAX_STATED_CHARS {
        return line;
    }
    let mut short: String = line.chars().take(MAX_STATED_CHARS - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests;
