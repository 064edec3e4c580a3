//! The documented expression by which scanners find tokens.

use std::fs;

use regex::Regex;

use super::enrolled;
use crate::support::workspace;

/// Returns the documentation of tokens.
fn page() -> String {
    fs::read_to_string(workspace::root().join("docs/tokens.md")).unwrap()
}

fn documented() -> Regex {
    let page = page();
    let (_, rest) = page.split_once("regex = '''").unwrap();
    let (regex, _) = rest.split_once("'''").unwrap();
    Regex::new(regex).unwrap()
}

#[test]
fn the_documented_expression_finds_tokens_that_are_made() {
    let regex = documented();
    let scout = enrolled();
    for _ in 0..10 {
        let token = scout.token(&[]);
        for text in [
            token.clone(),
            format!("TOKEN={token}\n"),
            format!("curl -H 'Authorization: Bearer {token}' https://example.com"),
            format!("{{\"token\":\"{token}\"}}"),
        ] {
            let found = regex.captures(&text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(&found[1], token, "{text}");
        }
    }
}

#[test]
fn the_documented_expression_finds_nothing_else() {
    let regex = documented();
    let page = page();
    let example = page.split('`').find(|word| regex.is_match(word)).unwrap();
    for text in [
        &example[..example.len() - 1],
        &format!("{example}x"),
        &format!("x{example}"),
        &example.replace("scout_pat_", "dckr_pat_"),
        "scout_pat_...",
        "scout_pat_AbCd…",
    ] {
        assert!(!regex.is_match(text), "{text}");
    }
}
