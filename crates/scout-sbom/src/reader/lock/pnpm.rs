//! `pnpm-lock.yaml`: the keys below `packages:` name package and version, in three ways over time.
//! Just the lines that pnpm writes are read, not YAML.

use std::io::BufRead;

use super::{add, split_name};
use crate::analysis::Parts;
use crate::limits::Limits;
use crate::reader::Unreadable;
use crate::reader::line::{read_line, text};

pub(super) fn read(input: &mut dyn BufRead, limits: &Limits) -> Result<Parts, Unreadable> {
    let mut parts = Parts::default();
    let mut line = Vec::new();
    let (mut is_old, mut is_inside) = (false, false);
    let mut found: Option<(String, String)> = None;
    let mut keep = |found: Option<(String, String)>| {
        if let Some((name, version)) = found {
            add(&mut parts, &name, &version, limits);
        }
    };
    while read_line(input, &mut line)? {
        let line = text(&line);
        if let Some(version) = line.strip_prefix("lockfileVersion:") {
            is_old = version.trim_matches([' ', '\'', '"']).starts_with('5');
        } else if !line.starts_with(' ') && !line.is_empty() {
            is_inside = line == "packages:";
        } else if is_inside && !line.starts_with("   ") {
            if let Some(key) = line
                .strip_prefix("  ")
                .and_then(|key| key.strip_suffix(':'))
            {
                keep(found.take());
                found = split_key(key.trim_matches(['\'', '"']), is_old);
            }
        } else if is_inside && line.trim() == "dev: true" {
            found = None;
        }
    }
    keep(found);
    Ok(parts)
}

/// `/a/1.0.0_peer@2` (5), `/a@1.0.0(peer@2)` (6), `a@1.0.0` (9).
fn split_key(key: &str, is_old: bool) -> Option<(String, String)> {
    let key = key.strip_prefix('/').unwrap_or(key);
    let (name, version) = if is_old {
        let key = key.split('_').next()?;
        key.rsplit_once('/')?
    } else {
        split_name(key.split('(').next()?)?
    };
    Some((name.to_owned(), version.to_owned()))
}
