//! Licence expressions: reading, normal form, writing.

use std::fmt;

use super::alias::known_name;
use super::dialect::Dialect;
use super::identifier;
use super::parser::Parser;

const REFERENCE: &str = "LicenseRef-";
const DOCUMENT: &str = "DocumentRef-";
/// What stands between a licence and an exception that SPDX does not list, in a reference.
const WITH_MARK: &str = "-with-";

/// An expression of licences, in normal form: no nesting of the same operator, nothing twice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Expression(pub(super) Node);

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Node {
    Term(Term),
    And(Vec<Self>),
    Or(Vec<Self>),
}

/// One licence in an expression.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Term {
    /// An identifier of the SPDX list, or a reference (`LicenseRef-...`).
    pub(super) id: String,
    /// Whether later versions may be chosen, where the identifier itself does not say so.
    pub(super) is_plus: bool,
    pub(super) exception: Option<Exception>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Exception {
    /// One of SPDX' list.
    Listed(String),
    /// Any other, in the letters that a reference may have.
    Other(String),
}

impl Term {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            is_plus: false,
            exception: None,
        }
    }

    /// Returns whether this names a licence that is not on the SPDX list.
    #[must_use]
    pub fn is_reference(&self) -> bool {
        self.id.starts_with(REFERENCE) || self.id.starts_with(DOCUMENT)
    }

    /// Reads one licence as SPDX writes it.
    pub(super) fn parse(name: &str) -> Option<Self> {
        if let Some(rest) = name.strip_prefix(REFERENCE) {
            return parse_reference(name, rest);
        }
        if let Some(rest) = name.strip_prefix(DOCUMENT) {
            let (document, reference) = rest.split_once(':')?;
            let reference = reference.strip_prefix(REFERENCE)?;
            return (is_id_text(document) && is_id_text(reference)).then(|| Self::new(name));
        }
        identifier::license(name)
    }

    pub(super) fn with(mut self, exception: &str) -> Self {
        let known = identifier::exception(exception);
        self.exception = Some(match known {
            Some(known) => Exception::Listed(known.to_owned()),
            None => Exception::Other(to_id_text(exception)),
        });
        self
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plus = if self.is_plus { "+" } else { "" };
        match &self.exception {
            None => write!(f, "{}{plus}", self.id),
            Some(Exception::Listed(name)) => write!(f, "{}{plus} WITH {name}", self.id),
            Some(Exception::Other(name)) if self.is_reference() => {
                write!(f, "{}{WITH_MARK}{name}", self.id)
            }
            Some(Exception::Other(name)) => {
                write!(f, "{REFERENCE}{}{WITH_MARK}{name}", self.id)
            }
        }
    }
}

/// A reference that begins with a listed licence is one of ours: that licence, with an exception
/// that has no name in SPDX.
fn parse_reference(name: &str, rest: &str) -> Option<Term> {
    if !is_id_text(rest) {
        return None;
    }
    if let Some((id, exception)) = rest.split_once(WITH_MARK)
        && let Some(mut term) = identifier::license(id)
        // Written by us it is in normal form; anybody else's name is only a name.
        && term.to_string() == id
        && !exception.is_empty()
    {
        term.exception = Some(Exception::Other(exception.to_owned()));
        return Some(term);
    }
    Some(Term::new(name))
}

impl Expression {
    /// Reads an SPDX expression; `None` if it is none, or names what is not on the list.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_strict = |name: &str| Term::parse(name).map(|term| Self(Node::Term(term)));
        Parser::new(text, Dialect::Spdx).parse(&is_strict)
    }

    /// Makes an expression of a name that SPDX does not list.
    pub(super) fn reference(name: &str) -> Self {
        Self(Node::Term(Term::new(&format!(
            "{REFERENCE}{}",
            to_id_text(name)
        ))))
    }

    pub(super) fn term(term: Term) -> Self {
        Self(Node::Term(term))
    }

    pub(super) fn all_of(parts: Vec<Self>) -> Self {
        let mut flat = Vec::new();
        for Self(part) in parts {
            match part {
                Node::And(inner) => push_new(&mut flat, inner),
                other => push_new(&mut flat, vec![other]),
            }
        }
        Self(single(flat, Node::And))
    }

    pub(super) fn any_of(parts: Vec<Self>) -> Self {
        let mut flat = Vec::new();
        for Self(part) in parts {
            match part {
                Node::Or(inner) => push_new(&mut flat, inner),
                other => push_new(&mut flat, vec![other]),
            }
        }
        Self(single(flat, Node::Or))
    }

    /// Returns every licence in the expression, in order; one may come twice.
    #[must_use]
    pub fn terms(&self) -> Vec<&Term> {
        fn collect<'a>(node: &'a Node, terms: &mut Vec<&'a Term>) {
            match node {
                Node::Term(term) => terms.push(term),
                Node::And(parts) | Node::Or(parts) => {
                    parts.iter().for_each(|part| collect(part, terms));
                }
            }
        }
        let mut terms = Vec::new();
        collect(&self.0, &mut terms);
        terms
    }
}

fn push_new(flat: &mut Vec<Node>, nodes: Vec<Node>) {
    for node in nodes {
        if !flat.contains(&node) {
            flat.push(node);
        }
    }
}

fn single(mut flat: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match flat.len() {
        1 => flat.swap_remove(0),
        _ => many(flat),
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, operator) = match self {
            Self::Term(term) => return term.fmt(f),
            Self::And(parts) => (parts, " AND "),
            Self::Or(parts) => (parts, " OR "),
        };
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                f.write_str(operator)?;
            }
            match part {
                Self::Term(term) => term.fmt(f)?,
                group => write!(f, "({group})")?,
            }
        }
        Ok(())
    }
}

/// Reads a text in which names may have spaces and may be unknown.
pub(super) fn read(text: &str, dialect: Dialect) -> Option<Expression> {
    let known = |name: &str| known_name(name, dialect);
    if let Some(expression) = Parser::new(text, dialect).parse(&known) {
        return Some(expression);
    }
    // Where operators are certain, an unknown name between them is a name all the same.
    let lenient = |name: &str| {
        let is_name = !name.contains(',') && name.contains(char::is_alphanumeric);
        known(name).or_else(|| is_name.then(|| Expression::reference(name)))
    };
    let is_expression = dialect.has_small_operators() || has_large_operator(text);
    let expression = is_expression.then(|| Parser::new(text, dialect).parse(&lenient))??;
    // A single unknown name is better kept as it was written.
    let is_lone = matches!(&expression.0, Node::Term(term) if term.exception.is_none());
    (!is_lone).then_some(expression)
}

fn has_large_operator(text: &str) -> bool {
    text.split_whitespace()
        .any(|word| matches!(word, "AND" | "OR" | "WITH"))
}

fn is_id_text(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    !text.is_empty() && text.bytes().all(is_allowed)
}

/// Writes a name with the letters that a reference may have.
fn to_id_text(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') {
            text.push(c);
        } else if c == '+' {
            text.push_str("-or-later");
        } else if !text.ends_with('-') {
            text.push('-');
        }
    }
    let text = text.trim_matches('-');
    if text.is_empty() {
        "unnamed".to_owned()
    } else {
        text.chars().take(super::MAX_STATED_CHARS).collect()
    }
}
