//! Which notices a channel wants: of which repositories, and how bad.

use globset::{Glob, GlobSet, GlobSetBuilder};
use scout_envs::Severity;

use crate::error::InvalidChannel;
use crate::notice::Notice;

/// How bad something must be for a channel to hear of it. The set is closed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Minimum {
    /// Critical and high vulnerabilities, and failed policies.
    #[default]
    High,
    /// Critical vulnerabilities, and failed policies.
    Critical,
}

/// Which notices a channel wants.
///
/// Globs are read as those of registries: `*` crosses `/`, and each is tried on the repository's
/// name and on the name with the registry before it. A name without wildcards is a glob, too.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    include: Option<GlobSet>,
    exclude: GlobSet,
    minimum: Minimum,
}

impl Selection {
    /// Returns the selection made of these globs; without `include`, every repository counts.
    ///
    /// # Errors
    ///
    /// The first text that is no glob.
    pub fn new(
        include: &[String],
        exclude: &[String],
        minimum: Minimum,
    ) -> Result<Self, InvalidChannel> {
        Ok(Self {
            include: match include {
                [] => None,
                globs => Some(compile(globs)?),
            },
            exclude: compile(exclude)?,
            minimum,
        })
    }

    /// Returns whether a repository, written `registry/name`, is selected.
    #[must_use]
    pub fn selects_repository(&self, reference: &str) -> bool {
        let name = reference.split_once('/').map(|(_, name)| name);
        let hit =
            |set: &GlobSet| set.is_match(reference) || name.is_some_and(|name| set.is_match(name));
        self.include.as_ref().is_none_or(hit) && !hit(&self.exclude)
    }

    /// Returns whether a notice is wanted.
    #[must_use]
    pub fn selects(&self, notice: &Notice) -> bool {
        let least = match self.minimum {
            Minimum::High => Severity::High,
            Minimum::Critical => Severity::Critical,
        };
        notice.severity() >= least && self.selects_repository(&notice.repository)
    }
}

fn compile(globs: &[String]) -> Result<GlobSet, InvalidChannel> {
    let invalid = |glob: &str, error: &globset::Error| InvalidChannel::Glob {
        glob: glob.to_owned(),
        reason: error.kind().to_string(),
    };
    let mut set = GlobSetBuilder::new();
    for text in globs {
        set.add(Glob::new(text).map_err(|error| invalid(text, &error))?);
    }
    set.build()
        .map_err(|error| invalid(&globs.join(","), &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::tests::{policy, vulnerability};

    #[test]
    fn names_and_globs_select_repositories() {
        let all = |globs: &[&str]| globs.iter().map(|&g| g.to_owned()).collect::<Vec<_>>();
        for (include, exclude, reference, expected) in [
            (&[][..], &[][..], "r.example.com/team/app", true),
            (&["team/app"], &[], "r.example.com/team/app", true),
            (&["app"], &[], "r.example.com/team/app", false),
            (&["*/app"], &[], "r.example.com/team/app", true),
            (
                &["r.example.com/team/*"],
                &[],
                "r.example.com/team/a/b",
                true,
            ),
            (&["r.other.com/*"], &[], "r.example.com/team/app", false),
            (
                &["team/*"],
                &["*/test*"],
                "r.example.com/team/test-app",
                false,
            ),
            (&[], &["team/app"], "r.example.com/team/app", false),
        ] {
            let selection = Selection::new(&all(include), &all(exclude), Minimum::High).unwrap();
            let selected = selection.selects_repository(reference);
            assert_eq!(selected, expected, "{include:?} {exclude:?} {reference}");
        }
    }

    #[test]
    fn the_minimum_lets_failed_policies_through() {
        let high = vulnerability("r/a", "CVE-2026-1000", Severity::High);
        let critical = vulnerability("r/a", "CVE-2026-1000", Severity::Critical);
        for (minimum, expected) in [
            (Minimum::High, [true, true, true]),
            (Minimum::Critical, [false, true, true]),
        ] {
            let selection = Selection::new(&[], &[], minimum).unwrap();
            let found = [&high, &critical, &policy("r/a")].map(|one| selection.selects(one));
            assert_eq!(found, expected, "{minimum:?}");
        }
    }
}
