//! `yarn.lock`: blocks that start with what was asked for (`a@^1.0.0, a@^1.1.0:`) and tell what it
//! was resolved to. What is only for development is not told apart.

use std::io::BufRead;

use super::{add, split_name};
use crate::analysis::Parts;
use crate::limits::Limits;
use crate::reader::Unreadable;
use crate::reader::line::{read_line, text};

pub(super) fn read(input: &mut dyn BufRead, limits: &Limits) -> Result<Parts, Unreadable> {
    let mut parts = Parts::default();
    let (mut line, mut name) = (Vec::new(), None);
    while read_line(input, &mut line)? {
        let line = text(&line);
        if !line.starts_with([' ', '#']) {
            name = line.strip_suffix(':').and_then(asked_for);
            continue;
        }
        let Some(field) = line.strip_prefix("  ") else {
            continue;
        };
        // yarn 1 writes `version "1.0.0"`, later ones `version: 1.0.0`.
        if let Some(version) = field.strip_prefix("version")
            && let Some(name) = name.take()
        {
            let version = version.trim_matches([':', ' ', '"']);
            add(&mut parts, &name, version, limits);
        }
    }
    Ok(parts)
}

/// Returns the package of a block; none for what is not from a registry.
fn asked_for(line: &str) -> Option<String> {
    let first = line.trim_start_matches('"').split(['"', ',']).next()?;
    let (name, range) = split_name(first)?;
    if range.starts_with("workspace:") || range.starts_with("patch:") {
        return None;
    }
    // `a@npm:b@^1.0.0` is `b` under another name.
    let other = range.strip_prefix("npm:").and_then(split_name);
    let name = other.map_or(name, |(other, _)| other);
    Some(name.to_owned())
}
