//! Which notices a channel wants: of which repositories, and how bad.

use scout_envs::{RepositoryFilter, Severity};

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
    repositories: RepositoryFilter,
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
            repositories: RepositoryFilter::new(include, exclude)?,
            minimum,
        })
    }

    /// Returns whether a repository, written `registry/name`, is selected.
    #[must_use]
    pub fn selects_repository(&self, reference: &str) -> bool {
        match reference.split_once('/') {
            Some((_, name)) => self.repositories.selects_any(&[reference, name]),
            None => self.repositories.selects_any(&[reference]),
        }
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
