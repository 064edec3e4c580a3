//! Which repositories are meant: `include` and `exclude` globs.

use crate::repository::RepositoryName;
use globset::{Glob, GlobSet, GlobSetBuilder};

/// Globs over repositories. `*` crosses `/`; each glob is tried on the repository's name and on
/// the name with the registry before it.
#[derive(Clone, Debug, Default)]
pub struct RepositoryFilter {
    include: Option<GlobSet>,
    exclude: GlobSet,
}

impl RepositoryFilter {
    /// Returns the filter made of these globs; without `include`, everything is included.
    ///
    /// # Errors
    ///
    /// The first text that is no glob.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, InvalidGlob> {
        Ok(Self {
            include: match include {
                [] => None,
                globs => Some(compile(globs)?),
            },
            exclude: compile(exclude)?,
        })
    }

    /// Returns whether a repository is selected.
    #[must_use]
    pub fn selects(&self, registry: &str, repository: &RepositoryName) -> bool {
        self.selects_any(&[repository.to_string(), format!("{registry}/{repository}")])
    }

    /// Returns whether something is selected that people know by these names.
    #[must_use]
    pub fn selects_any<S: AsRef<str>>(&self, names: &[S]) -> bool {
        let hit = |set: &GlobSet| names.iter().any(|name| set.is_match(name.as_ref()));
        self.include.as_ref().is_none_or(hit) && !hit(&self.exclude)
    }
}

fn compile(globs: &[String]) -> Result<GlobSet, InvalidGlob> {
    let invalid = |glob: &str, error: &globset::Error| InvalidGlob {
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

/// A text that is no glob.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{glob:?} is not a glob: {reason}")]
pub struct InvalidGlob {
    /// What was given.
    pub glob: String,
    /// What is wrong with it.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_cross_slashes_and_see_the_registry() {
        let all = |globs: &[&str]| {
            globs
                .iter()
                .map(|&glob| glob.to_owned())
                .collect::<Vec<_>>()
        };
        for (include, exclude, repository, expected) in [
            (&[][..], &[][..], "a/b", true),
            (&["*/frontend*"], &[], "team/x/frontend-app", true),
            (&["*/frontend*"], &[], "frontend-app", true),
            (&["frontend*"], &[], "team/frontend", false),
            (&["r.example.com/team/*"], &[], "team/a/b", true),
            (&["team/*", "ops/*"], &[], "ops/a", true),
            (&["team/*"], &["*/dta/*"], "team/dta/x", false),
            (&[], &["*/dta/*"], "dta/x", false),
            (&[], &["library/*"], "library/debian", false),
            (&["app-?"], &[], "app-1", true),
            (&["{a,b}/*"], &[], "b/c", true),
        ] {
            let filter = RepositoryFilter::new(&all(include), &all(exclude)).unwrap();
            let name = repository.parse().unwrap();
            assert_eq!(
                filter.selects("r.example.com", &name),
                expected,
                "{include:?} {exclude:?} {repository}"
            );
        }
    }

    #[test]
    fn a_bad_glob_is_named() {
        let error = RepositoryFilter::new(&["a/[".to_owned()], &[]).unwrap_err();
        assert!(error.to_string().contains("\"a/[\""), "{error}");
    }
}
