//! Reading expressions: the operators of SPDX and of Debian, with names between them.

use super::alias;
use super::dialect::Dialect;
use super::expression::{Expression, Node};
use super::identifier;

/// Deepest nesting of parentheses: 32; people write two.
const MAX_DEPTH: usize = 32;

/// Reads one text.
pub(super) struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    dialect: Dialect,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Token<'a> {
    Open,
    Close,
    And,
    Or,
    With,
    /// Debian's: what follows binds less than anything before.
    Comma,
    Name(&'a str),
}

/// What a name between operators means; `None` ends the reading.
pub(super) type Meaning<'m> = &'m dyn Fn(&str) -> Option<Expression>;

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, dialect: Dialect) -> Self {
        Self {
            tokens: tokens(text, dialect),
            at: 0,
            dialect,
        }
    }

    pub(super) fn parse(mut self, meaning: Meaning<'_>) -> Option<Expression> {
        let expression = self.sequence(meaning, MAX_DEPTH)?;
        (self.at == self.tokens.len()).then_some(expression)
    }

    /// `A and B, or C` is `(A and B) or C`.
    fn sequence(&mut self, meaning: Meaning<'_>, depth: usize) -> Option<Expression> {
        let mut left = self.choice(meaning, depth)?;
        while self.peek() == Some(Token::Comma) {
            self.at += 1;
            let operator = self.peek()?;
            self.at += 1;
            let right = self.choice(meaning, depth)?;
            left = match operator {
                Token::And => Expression::all_of(vec![left, right]),
                Token::Or => Expression::any_of(vec![left, right]),
                _ => return None,
            };
        }
        Some(left)
    }

    fn choice(&mut self, meaning: Meaning<'_>, depth: usize) -> Option<Expression> {
        let mut parts = vec![self.conjunction(meaning, depth)?];
        while self.peek() == Some(Token::Or) {
            self.at += 1;
            parts.push(self.conjunction(meaning, depth)?);
        }
        Some(Expression::any_of(parts))
    }

    fn conjunction(&mut self, meaning: Meaning<'_>, depth: usize) -> Option<Expression> {
        let mut parts = vec![self.operand(meaning, depth)?];
        while self.peek() == Some(Token::And) {
            self.at += 1;
            parts.push(self.operand(meaning, depth)?);
        }
        Some(Expression::all_of(parts))
    }

    fn operand(&mut self, meaning: Meaning<'_>, depth: usize) -> Option<Expression> {
        let token = self.peek()?;
        self.at += 1;
        match token {
            Token::Open => {
                let inner = self.sequence(meaning, depth.checked_sub(1)?)?;
                (self.peek() == Some(Token::Close)).then_some(())?;
                self.at += 1;
                Some(inner)
            }
            Token::Name(name) => {
                let license = meaning(name)?;
                if self.peek() != Some(Token::With) {
                    return Some(license);
                }
                self.at += 1;
                let Some(Token::Name(exception)) = self.peek() else {
                    return None;
                };
                self.at += 1;
                self.join(license, exception)
            }
            _ => None,
        }
    }

    fn join(&self, license: Expression, exception: &str) -> Option<Expression> {
        let Node::Term(term) = license.0 else {
            return None;
        };
        let exception = match self.dialect {
            Dialect::Spdx if identifier::exception(exception).is_none() => return None,
            Dialect::Spdx => exception,
            _ => alias::exception(exception),
        };
        (term.exception.is_none()).then(|| Expression::term(term.with(exception)))
    }

    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).copied()
    }
}

/// Splits a text at parentheses and operators; what is between them is a name, with its spaces.
fn tokens(text: &str, dialect: Dialect) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut name: Option<(usize, usize)> = None;
    let mut flush = |name: &mut Option<(usize, usize)>, token: Option<Token<'static>>| {
        let span = name.take().and_then(|(start, end)| text.get(start..end));
        tokens.extend(span.map(Token::Name));
        tokens.extend(token);
    };
    for (start, word) in words(text) {
        let token = match word {
            "(" => Some(Token::Open),
            ")" => Some(Token::Close),
            "," if dialect == Dialect::Debian => Some(Token::Comma),
            "AND" | "and" | "And" => Some(Token::And),
            "OR" | "or" | "Or" => Some(Token::Or),
            "WITH" | "with" | "With" => Some(Token::With),
            "/" if dialect == Dialect::Spdx => Some(Token::Or),
            _ => None,
        };
        if token.is_some() {
            flush(&mut name, token);
        } else {
            let first = name.map_or(start, |(first, _)| first);
            name = Some((first, start + word.len()));
        }
    }
    flush(&mut name, None);
    tokens
}

/// Splits at white space and around parentheses, commas and slashes, with positions.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        let tail = text.get(rest..)?;
        let skipped = tail.len() - tail.trim_start().len();
        let (start, tail) = (rest + skipped, tail.trim_start());
        let first = tail.chars().next()?;
        let is_mark = |c: char| matches!(c, '(' | ')' | ',' | '/');
        let length = if is_mark(first) {
            first.len_utf8()
        } else {
            tail.find(|c: char| is_mark(c) || c.is_whitespace())
                .unwrap_or(tail.len())
        };
        rest = start + length;
        Some((start, tail.get(..length)?))
    })
}
