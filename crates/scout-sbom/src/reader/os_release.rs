//! os-release: shell-like assignments that name the distribution.

use std::io::BufRead;

use scout_envs::Distribution;

use super::Unreadable;
use super::line::{read_line, text};
use crate::analysis::Finding;

pub(super) fn read(input: &mut dyn BufRead) -> Result<Finding, Unreadable> {
    let mut distribution = Distribution::default();
    let mut has_any = false;
    let mut line = Vec::new();
    while read_line(input, &mut line)? {
        let line = text(&line);
        let Some((key, value)) = line.trim().split_once('=') else {
            continue;
        };
        has_any = true;
        let value = unquote(value);
        let filled = (!value.is_empty()).then(|| value.clone());
        match key {
            "ID" => distribution.id = value.to_lowercase(),
            "ID_LIKE" => {
                distribution.id_like = value.split_whitespace().map(str::to_lowercase).collect();
            }
            "VERSION_ID" => distribution.version_id = filled,
            "VERSION_CODENAME" => distribution.codename = filled,
            "PRETTY_NAME" => distribution.pretty_name = filled,
            "CPE_NAME" => distribution.cpe_name = filled,
            _ => {}
        }
    }
    if !has_any {
        return Ok(Finding::Nothing);
    }
    if distribution.id.is_empty() {
        // The default of os-release(5).
        "linux".clone_into(&mut distribution.id);
    }
    Ok(Finding::Distribution(distribution))
}

/// Takes the quotes and backslashes off a value, as a shell would.
fn unquote(value: &str) -> String {
    let value = value.trim();
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    let mut quote = None;
    while let Some(char) = chars.next() {
        match (quote, char) {
            (None, '"' | '\'') => quote = Some(char),
            (Some(open), _) if open == char => quote = None,
            (Some('\''), _) => out.push(char),
            (_, '\\') => out.extend(chars.next()),
            (None, '#') if out.ends_with(' ') => break,
            _ => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_quoted_and_plain_values() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n# x=y\nID=debian\nVERSION_ID='12'\n\
                    VERSION_CODENAME=bookworm\nID_LIKE=\"rhel  Fedora\"\nCPE_NAME=\"cpe:/o:a\\\"b\"\nEMPTY=\n";
        let finding = read(&mut text.as_bytes()).unwrap();
        let Finding::Distribution(distribution) = finding else {
            panic!("a distribution");
        };
        assert_eq!(distribution.id, "debian");
        assert_eq!(distribution.id_like, ["rhel", "fedora"]);
        assert_eq!(distribution.version_id.as_deref(), Some("12"));
        assert_eq!(distribution.codename.as_deref(), Some("bookworm"));
        assert_eq!(distribution.cpe_name.as_deref(), Some("cpe:/o:a\"b"));
        assert_eq!(
            distribution.pretty_name.as_deref(),
            Some("Debian GNU/Linux 12 (bookworm)")
        );
    }

    #[test]
    fn an_empty_file_names_nothing_and_a_missing_id_is_linux() {
        assert_eq!(
            read(&mut &b"\n# only a comment\n"[..]).unwrap(),
            Finding::Nothing
        );
        let Finding::Distribution(distribution) = read(&mut &b"NAME=x\n"[..]).unwrap() else {
            panic!("a distribution");
        };
        assert_eq!(distribution.id, "linux");
    }
}
