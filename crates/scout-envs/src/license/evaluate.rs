//! Whether an expression holds against a list of licences that are not wanted.

use super::expression::{Exception, Expression, Node, Term};

/// Whether one may use what has a licence, given a list of licences that are not wanted. The set
/// is closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Permission {
    /// It can be used without any of the listed licences.
    Permitted,
    /// A listed licence applies, and no alternative is offered.
    Forbidden,
    /// A licence that is not understood decides.
    Unknown,
}

impl Expression {
    /// Evaluates the expression: of alternatives (`OR`) one that is not listed is enough, of
    /// licences that apply together (`AND`) none may be listed.
    ///
    /// The list holds SPDX identifiers, deprecated ones too, each perhaps `WITH` an exception. An
    /// entry without exception speaks of the licence with any exception. An entry `X` speaks of
    /// `X+` too, but `GPL-2.0-only` does not speak of `GPL-2.0-or-later`, whose later versions
    /// are alternatives: a list names both.
    #[must_use]
    pub fn permission(&self, listed: &[Term]) -> Permission {
        permission(&self.0, listed)
    }
}

fn permission(node: &Node, listed: &[Term]) -> Permission {
    match node {
        Node::Term(term) if listed.iter().any(|entry| speaks_of(entry, term)) => {
            Permission::Forbidden
        }
        Node::Term(term) if term.is_reference() => Permission::Unknown,
        Node::Term(_) => Permission::Permitted,
        Node::And(parts) => decide(parts, listed, Permission::Forbidden, Permission::Permitted),
        Node::Or(parts) => decide(parts, listed, Permission::Permitted, Permission::Forbidden),
    }
}

/// Returns `strong` if any part is so, else unknown if any part is, else `weak`.
fn decide(parts: &[Node], listed: &[Term], strong: Permission, weak: Permission) -> Permission {
    let mut result = weak;
    for part in parts {
        let of_part = permission(part, listed);
        if of_part == strong {
            return strong;
        }
        if of_part == Permission::Unknown {
            result = Permission::Unknown;
        }
    }
    result
}

fn speaks_of(entry: &Term, term: &Term) -> bool {
    let fits = match (&entry.exception, &term.exception) {
        (None, _) => true,
        (Some(Exception::Listed(entry)), Some(Exception::Listed(term))) => entry == term,
        _ => false,
    };
    fits && entry.id == term.id && (!entry.is_plus || term.is_plus)
}

impl Term {
    /// Reads an entry of a list: an identifier, perhaps `WITH` an exception. `None` if it is not
    /// on the SPDX list and no reference.
    #[must_use]
    pub fn listed(entry: &str) -> Option<Self> {
        match Expression::parse(entry)?.0 {
            Node::Term(term) => Some(term),
            Node::And(_) | Node::Or(_) => None,
        }
    }
}

/// Returns whether a text can stand in a list of licences.
#[must_use]
pub fn is_listable(entry: &str) -> bool {
    Term::listed(entry).is_some()
}
