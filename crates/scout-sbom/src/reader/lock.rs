//! JavaScript's lock files: what npm, yarn and pnpm were to install. They count only where nothing
//! is installed, since they may name what is not there.

mod npm;
mod pnpm;
mod yarn;

use std::io::BufRead;

use scout_envs::{Certainty, Package, PackageType};

use super::Unreadable;
use crate::analysis::{Part, Parts};
use crate::limits::Limits;

/// Reads `package-lock.json`.
pub(super) fn read_npm(input: &mut dyn BufRead, limits: &Limits) -> Result<Parts, Unreadable> {
    npm::read(input, limits)
}

/// Reads `yarn.lock`, of yarn 1 and of those after it.
pub(super) fn read_yarn(input: &mut dyn BufRead, limits: &Limits) -> Result<Parts, Unreadable> {
    yarn::read(input, limits)
}

/// Reads `pnpm-lock.yaml`.
pub(super) fn read_pnpm(input: &mut dyn BufRead, limits: &Limits) -> Result<Parts, Unreadable> {
    pnpm::read(input, limits)
}

fn add(parts: &mut Parts, name: &str, version: &str, limits: &Limits) {
    // What comes from a directory, an archive or a repository has no version of the registry.
    if name.is_empty() || !version.starts_with(|char: char| char.is_ascii_digit()) {
        return;
    }
    let part = Part {
        package: Package::new(PackageType::Npm, name, version),
        place: None,
        certainty: Certainty::Locked,
    };
    parts.push(part, limits);
}

/// Splits `@scope/name@rest` at the `@` behind the name.
fn split_name(text: &str) -> Option<(&str, &str)> {
    let at = text.get(1..)?.find('@')? + 1;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests;
