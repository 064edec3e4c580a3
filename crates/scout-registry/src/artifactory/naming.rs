//! How images are named: inside the integration, by people, and in globs.

use scout_envs::{RepositoryFilter, RepositoryName};

/// How a registry's addresses lead to repositories of Artifactory.
///
/// Source: JFrog, "Docker Repository URL Formats" and "Reverse proxy configuration" (repository
/// path prefix, subdomain, port per repository).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Layout {
    /// `host/<key>/<image>`
    RepositoryPath,
    /// `<key>.host/<image>`
    Subdomain,
    /// `host:port/<image>`, the port being that of one repository.
    Port,
}

/// How images are named, and which of them are selected.
///
/// Inside the integration an image is called `<key>/<image>`, whatever the layout: that is unique
/// over the keys of one Artifactory.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    pub(super) host: String,
    pub(super) layout: Layout,
    /// The keys that are named; none is all of them.
    pub(super) keys: Vec<String>,
    pub(super) filter: RepositoryFilter,
}

impl Naming {
    /// Returns the name of an image; nothing if it would break the grammar.
    pub(super) fn name(key: &str, image: &str) -> Option<RepositoryName> {
        // The key is one component of the name.
        let is_whole = !key.contains('/');
        is_whole.then(|| format!("{key}/{image}").parse().ok())?
    }

    /// Returns key and image.
    pub(super) fn split(name: &RepositoryName) -> Option<(&str, &str)> {
        name.as_str().split_once('/')
    }

    /// Returns what stands before an image of this key in a pull command.
    pub(super) fn prefix(&self, key: &str) -> String {
        match self.layout {
            Layout::RepositoryPath => format!("{}/{key}", self.host),
            Layout::Subdomain => format!("{key}.{}", self.host),
            Layout::Port => self.host.clone(),
        }
    }

    /// Returns how people write an image.
    pub(super) fn reference(&self, name: &RepositoryName) -> String {
        match Self::split(name) {
            Some((key, image)) => format!("{}/{image}", self.prefix(key)),
            None => format!("{}/{name}", self.host),
        }
    }

    /// Returns whether the configuration selects an image. Globs are tried on the image, on
    /// `<key>/<image>` and on what people write.
    pub(super) fn selects(&self, name: &RepositoryName) -> bool {
        let Some((key, image)) = Self::split(name) else {
            return false;
        };
        let is_named = self.keys.is_empty() || self.keys.iter().any(|named| named == key);
        let names = [image.to_owned(), name.to_string(), self.reference(name)];
        is_named && self.filter.selects_any(&names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(layout: Layout, include: &str, exclude: &str) -> Naming {
        let list = |glob: &str| match glob {
            "" => Vec::new(),
            glob => vec![glob.to_owned()],
        };
        Naming {
            host: "r.example.com".to_owned(),
            layout,
            keys: vec!["docker-local".to_owned()],
            filter: RepositoryFilter::new(&list(include), &list(exclude)).unwrap(),
        }
    }

    #[test]
    fn references_follow_the_layout() {
        let name = Naming::name("docker-local", "team/app").unwrap();
        assert_eq!(name.as_str(), "docker-local/team/app");
        for (layout, expected) in [
            (
                Layout::RepositoryPath,
                "r.example.com/docker-local/team/app",
            ),
            (Layout::Subdomain, "docker-local.r.example.com/team/app"),
            (Layout::Port, "r.example.com/team/app"),
        ] {
            assert_eq!(naming(layout, "", "").reference(&name), expected);
        }
    }

    #[test]
    fn names_that_break_the_grammar_are_none() {
        for (key, image) in [
            ("Docker-Local", "app"),
            ("a/b", "app"),
            ("docker-local", "App"),
            ("docker-local", "../x"),
            ("docker-local", ""),
            ("", "app"),
            ("key with space", "app"),
        ] {
            assert_eq!(Naming::name(key, image), None, "{key} {image}");
        }
    }

    #[test]
    fn globs_see_the_image_the_key_and_the_reference() {
        for (layout, include, exclude, name, expected) in [
            (Layout::Subdomain, "", "", "docker-local/a", true),
            (Layout::Subdomain, "", "", "docker-other/a", false),
            (Layout::Subdomain, "", "", "docker-local", false),
            (
                Layout::Subdomain,
                "*/frontend*",
                "",
                "docker-local/frontend-web",
                true,
            ),
            (
                Layout::Port,
                "*/frontend*",
                "",
                "docker-local/team/frontend",
                true,
            ),
            (Layout::Port, "*/frontend*", "", "docker-local/back", false),
            (Layout::Port, "", "*/dta/*", "docker-local/dta/x", false),
            (
                Layout::RepositoryPath,
                "",
                "*/dta/*",
                "docker-local/x",
                true,
            ),
            (
                Layout::RepositoryPath,
                "team/*",
                "",
                "docker-local/team/x",
                true,
            ),
            (
                Layout::RepositoryPath,
                "docker-local/team/*",
                "",
                "docker-local/team/x",
                true,
            ),
            (
                Layout::Subdomain,
                "docker-local.r.example.com/team/*",
                "",
                "docker-local/team/x",
                true,
            ),
            (
                Layout::Port,
                "r.example.com/team/*",
                "",
                "docker-local/team/x",
                true,
            ),
        ] {
            let naming = naming(layout, include, exclude);
            let name = name.parse().unwrap();
            assert_eq!(naming.selects(&name), expected, "{naming:?} {name}");
        }
    }
}
