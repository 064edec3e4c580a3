//! Ruby: what RubyGems writes to `specifications` for each gem that it installs.
//!
//! Such a file is a program, but always written by the same few lines of Ruby: its first comment
//! names gem, version and platform, and each field is a line of its own.

use std::io::BufRead;

use scout_envs::license::{Dialect, License};
use scout_envs::{Package, PackageType};

use super::Unreadable;
use super::line::{read_line, text};

pub(super) fn read(input: &mut dyn BufRead) -> Result<Package, Unreadable> {
    let (mut name, mut version, mut licenses) = (None, None, Vec::new());
    let mut line = Vec::new();
    while read_line(input, &mut line)? {
        let line = line.trim_ascii();
        if let Some(stub) = line.strip_prefix(b"# stub: ") {
            let mut words = stub.split(|&byte| byte == b' ').map(text);
            name = name.or_else(|| words.next());
            version = version.or_else(|| words.next());
            continue;
        }
        let Some((field, value)) = split_assignment(line) else {
            continue;
        };
        match field {
            b"name" => name = name.or_else(|| quoted(value).into_iter().next()),
            b"version" => version = version.or_else(|| quoted(value).into_iter().next()),
            b"licenses" => licenses = quoted(value),
            _ => {}
        }
    }
    let filled = |text: &String| !text.is_empty();
    let (Some(name), Some(version)) = (name.filter(filled), version.filter(filled)) else {
        return Err(Unreadable::new("a gem without name or version"));
    };
    let mut package = Package::new(PackageType::Gem, name, version);
    // Several licences are to choose from.
    package.license = License::any_of(
        licenses
            .iter()
            .filter_map(|license| License::stated(license, Dialect::Spdx)),
    );
    Ok(package)
}

/// Splits `s.name = "rake".freeze`, whatever the variable is called.
fn split_assignment(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = memchr::memchr(b'=', line)?;
    let (target, value) = line.split_at(equals);
    let dot = memchr::memchr(b'.', target)?;
    let variable = target.get(..dot)?;
    let is_plain = variable.iter().all(u8::is_ascii_alphanumeric);
    is_plain.then_some((target.get(dot + 1..)?.trim_ascii(), value.get(1..)?))
}

/// Returns the texts between quotes.
fn quoted(value: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = value;
    while let Some(start) = rest.iter().position(|byte| matches!(byte, b'"' | b'\'')) {
        let quote = rest.get(start).copied().unwrap_or_default();
        let behind = rest.get(start + 1..).unwrap_or_default();
        let Some(end) = memchr::memchr(quote, behind) else {
            break;
        };
        texts.push(text(behind.get(..end).unwrap_or_default()));
        rest = behind.get(end + 1..).unwrap_or_default();
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gems_are_read_with_or_without_the_comment() {
        let stub = "# -*- encoding: utf-8 -*-\n# stub: nokogiri 1.13.6 x86_64-linux lib\n\n\
            Gem::Specification.new do |s|\n  s.name = \"nokogiri\".freeze\n  s.version = \"1.13.6\"\n\n\
            \x20 s.licenses = [\"MIT\".freeze, \"Ruby\".freeze]\n  s.summary = \"a == b\".freeze\nend\n";
        let plain = "Gem::Specification.new do |spec|\n  spec.name = 'rake'\n  spec.version = Gem::Version.new(\"13.0\")\nend\n";
        for (text, expected) in [
            (stub, Some(("nokogiri", "1.13.6", Some("MIT OR Ruby")))),
            (plain, Some(("rake", "13.0", None))),
            ("s.name = \"a\"\ns.version = A::VERSION\n", None),
            ("# stub: a\n", None),
            ("", None),
        ] {
            let found = read(&mut text.as_bytes()).ok();
            let found = found.as_ref().map(|package| {
                let license = package.license.as_ref().map(License::as_str);
                (package.name.as_str(), package.version.as_str(), license)
            });
            assert_eq!(found, expected, "{text}");
        }
    }
}
