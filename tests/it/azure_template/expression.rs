//! Expressions of Azure Resource Manager templates, such as `[concat(parameters('a'), '/b')]`.
//!
//! Grammar: "Syntax and expressions in ARM templates",
//! `https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions`.

use std::iter::Peekable;
use std::str::Chars;
use std::vec::IntoIter;

/// What stands between the brackets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Expression {
    /// `'text'`, in which two quotes stand for one.
    Text(String),
    /// An integer.
    Number(i64),
    /// `function(argument, …)`.
    Call(String, Vec<Self>),
    /// `object.member`, `object['member']` or `array[0]`.
    Member(Box<Self>, Box<Self>),
}

/// Parses a string of a template; none when it is plain text.
///
/// # Errors
///
/// Says what is wrong with an expression, or with text that looks as if it should be one.
pub(super) fn of(text: &str) -> Result<Option<Expression>, String> {
    // Two brackets are how a template writes text that begins with one.
    if text.starts_with("[[") {
        return Ok(None);
    }
    match (text.strip_prefix('['), text.strip_suffix(']')) {
        (None, None) if text.contains("('") => Err("a call outside of brackets".to_owned()),
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Parser::parse(&text[1..text.len() - 1]).map(Some),
        (Some(_), None) => Err("the bracket is not closed".to_owned()),
        (None, Some(_)) => Err("the bracket was not opened".to_owned()),
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Token {
    Text(String),
    Number(i64),
    Name(String),
    Sign(char),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&next) = chars.peek() {
        if next == '\'' {
            tokens.push(Token::Text(quoted(&mut chars)?));
        } else if next == '-' || next.is_ascii_digit() {
            let digits = word(&mut chars);
            let number = digits.parse();
            tokens.push(Token::Number(
                number.map_err(|_not_one| format!("not a number: {digits}"))?,
            ));
        } else if next == '_' || next.is_ascii_alphabetic() {
            tokens.push(Token::Name(word(&mut chars)));
        } else {
            chars.next();
            match next {
                ' ' => {}
                '(' | ')' | '[' | ']' | ',' | '.' => tokens.push(Token::Sign(next)),
                _ => return Err(format!("unexpected character {next:?}")),
            }
        }
    }
    Ok(tokens)
}

fn quoted(chars: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    chars.next();
    let mut text = String::new();
    while let Some(next) = chars.next() {
        if next != '\'' {
            text.push(next);
        } else if chars.next_if_eq(&'\'').is_some() {
            text.push('\'');
        } else {
            return Ok(text);
        }
    }
    Err(format!("the quote is not closed: '{text}"))
}

fn word(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut word = String::new();
    while let Some(next) =
        chars.next_if(|next| matches!(next, '-' | '_') || next.is_ascii_alphanumeric())
    {
        word.push(next);
    }
    word
}

struct Parser {
    tokens: Peekable<IntoIter<Token>>,
}

impl Parser {
    fn parse(text: &str) -> Result<Expression, String> {
        let tokens = tokens(text)?.into_iter().peekable();
        let mut parser = Self { tokens };
        let expression = parser.expression()?;
        match parser.tokens.next() {
            None => Ok(expression),
            Some(token) => Err(format!("unexpected {token:?} after the expression")),
        }
    }

    fn expression(&mut self) -> Result<Expression, String> {
        let mut expression = match self.tokens.next() {
            Some(Token::Text(text)) => Expression::Text(text),
            Some(Token::Number(number)) => Expression::Number(number),
            Some(Token::Name(name)) => {
                self.sign('(')?;
                Expression::Call(name, self.arguments()?)
            }
            other => return Err(format!("expected an expression, found {other:?}")),
        };
        loop {
            let member = if self.is_next('.') {
                match self.tokens.next() {
                    Some(Token::Name(name)) => Expression::Text(name),
                    other => return Err(format!("expected a member, found {other:?}")),
                }
            } else if self.is_next('[') {
                let index = self.expression()?;
                self.sign(']')?;
                index
            } else {
                return Ok(expression);
            };
            expression = Expression::Member(Box::new(expression), Box::new(member));
        }
    }

    fn arguments(&mut self) -> Result<Vec<Expression>, String> {
        let mut arguments = Vec::new();
        if self.is_next(')') {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            if !self.is_next(',') {
                self.sign(')')?;
                return Ok(arguments);
            }
        }
    }

    /// Takes a sign if it is the next token.
    fn is_next(&mut self, sign: char) -> bool {
        self.tokens.next_if_eq(&Token::Sign(sign)).is_some()
    }

    fn sign(&mut self, sign: char) -> Result<(), String> {
        match self.tokens.next() {
            Some(Token::Sign(found)) if found == sign => Ok(()),
            other => Err(format!("expected {sign:?}, found {other:?}")),
        }
    }
}

mod tests {
    use super::{Expression, of};

    fn text(text: &str) -> Expression {
        Expression::Text(text.to_owned())
    }

    fn call(function: &str, arguments: &[Expression]) -> Expression {
        Expression::Call(function.to_owned(), arguments.to_vec())
    }

    #[test]
    fn expressions_are_read_and_text_is_left_alone() {
        let group = call("resourceGroup", &[]);
        let member = |of: Expression, member| Expression::Member(Box::new(of), Box::new(member));
        let cases = [
            ("plain", None),
            ("", None),
            ("[[not an expression]", None),
            ("['it''s']", Some(text("it's"))),
            ("['a]b(']", Some(text("a]b("))),
            ("[ -7 ]", Some(Expression::Number(-7))),
            ("[resourceGroup()]", Some(group.clone())),
            (
                "[resourceGroup().Id]",
                Some(member(group.clone(), text("Id"))),
            ),
            ("[resourceGroup()['Id']]", Some(member(group, text("Id")))),
            (
                "[f(a('x') , 1)]",
                Some(call("f", &[call("a", &[text("x")]), Expression::Number(1)])),
            ),
        ];
        for (written, expected) in cases {
            assert_eq!(of(written), Ok(expected), "{written}");
        }
    }

    #[test]
    fn what_is_not_balanced_is_refused() {
        let cases = [
            ("[", "not closed"),
            ("[f('a')", "not closed"),
            ("f('a')]", "not opened"),
            ("f('a')", "outside of brackets"),
            ("[]", "expected an expression"),
            ("[f('a']", "expected ')'"),
            ("[f('a'))]", "after the expression"),
            ("[f('a]", "quote is not closed"),
            ("[f('it's')]", "quote is not closed"),
            ("[f('a',)]", "expected an expression"),
            ("[f('a' 'b')]", "expected ')'"),
            ("[f(a)]", "expected '('"),
            ("[f()[0]", "expected ']'"),
            ("[f().]", "expected a member"),
            ("[f(\"a\")]", "unexpected character"),
            ("[1x]", "not a number"),
        ];
        for (written, expected) in cases {
            let refused = of(written).unwrap_err();
            assert!(refused.contains(expected), "{written}: {refused}");
        }
    }
}
