//! What an archive is called, where Maven did not leave it: from manifest, file name, and the
//! directory of the classes.

use scout_envs::Certainty;

use super::manifest::Manifest;
use super::properties::Coordinates;

/// The name of a file, split in what looks like a name and what looks like a version.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct FileName {
    stem: String,
    name: String,
    version: Option<String>,
}

impl FileName {
    /// Splits `guava-31.1-jre.jar`. The version starts at a number behind a dash from which on
    /// everything is a part of versions; failing that, at the first number.
    pub(super) fn parse(file_name: &str) -> Self {
        let stem = file_name
            .rsplit_once('.')
            .map_or(file_name, |(stem, _)| stem);
        let parts: Vec<&str> = stem.split('-').collect();
        let is_start = |index: &usize| {
            *index > 0
                && parts
                    .get(*index)
                    .is_some_and(|part| starts_with_digit(part))
        };
        let is_pure = |index: &usize| {
            let rest = parts.get(*index..).unwrap_or_default();
            rest.iter().all(|part| is_of_version(part))
        };
        let starts: Vec<usize> = (0..parts.len()).filter(is_start).collect();
        let start = starts.iter().copied().find(is_pure);
        let Some(start) = start.or_else(|| starts.first().copied()) else {
            return Self {
                stem: stem.to_owned(),
                name: stem.to_owned(),
                version: None,
            };
        };
        let (name, rest) = parts.split_at_checked(start).unwrap_or_default();
        // What is no part of a version behind one says for which machine a file is.
        let count = rest.iter().take_while(|part| is_of_version(part)).count();
        Self {
            stem: stem.to_owned(),
            name: name.join("-"),
            version: rest.get(..count).map(|parts| parts.join("-")),
        }
    }
}

fn starts_with_digit(part: &str) -> bool {
    part.starts_with(|char: char| char.is_ascii_digit())
}

/// Whether a part between dashes is of a version: a number, or a word that makers put behind one.
fn is_of_version(part: &str) -> bool {
    const WORDS: [&str; 24] = [
        "alpha",
        "android",
        "atlassian",
        "b",
        "beta",
        "build",
        "cr",
        "dev",
        "ea",
        "empty",
        "final",
        "ga",
        "incubating",
        "jdk",
        "jre",
        "m",
        "milestone",
        "pre",
        "preview",
        "rc",
        "redhat",
        "release",
        "snapshot",
        "sp",
    ];
    let word = part.trim_end_matches(|char: char| char.is_ascii_digit() || char == '.');
    starts_with_digit(part) || WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Returns which of the coordinates in an archive are its own.
pub(super) fn own(
    stated: &[(&str, Coordinates)],
    file: &FileName,
    manifest: &Manifest,
) -> Option<usize> {
    let is_file = |coordinates: &Coordinates| {
        let rest = file.stem.strip_prefix(&coordinates.artifact);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let with_version = |coordinates: &Coordinates| {
        is_file(coordinates) && file.stem.contains(&coordinates.version)
    };
    let is_titled = |coordinates: &Coordinates| {
        let names = [manifest.get("implementation-title"), manifest.bundle()];
        let is_named = |name: &str| {
            name == coordinates.artifact || name.ends_with(&format!(".{}", coordinates.artifact))
        };
        names.into_iter().flatten().any(is_named)
    };
    let find = |test: &dyn Fn(&Coordinates) -> bool| {
        // The longest name: `log4j-core` before `log4j`.
        let fitting = stated
            .iter()
            .enumerate()
            .filter(|(_, (_, found))| test(found));
        let longest = fitting.max_by_key(|(_, (_, found))| found.artifact.len());
        longest.map(|(index, _)| index)
    };
    let by_name = find(&with_version).or_else(|| find(&is_file));
    let version = manifest.version();
    let by_version = || {
        let is_of_version = |(_, (_, found)): &(usize, &(&str, Coordinates))| {
            version.map_or(stated.len() == 1, |version| found.version == version)
        };
        let mut fitting = stated.iter().enumerate().filter(is_of_version);
        let (index, _) = fitting.next()?;
        fitting.next().is_none().then_some(index)
    };
    by_name.or_else(|| find(&is_titled)).or_else(by_version)
}

/// Returns name, version and how sure they are; `None` if nothing tells a version.
pub(super) fn derive(
    file: &FileName,
    manifest: &Manifest,
    root: Option<&str>,
) -> Option<(String, String, Certainty)> {
    let (version, certainty) = match (manifest.version(), &file.version) {
        // Both, and they differ: OSGi has its own way of writing versions, the file has not.
        (Some(_), Some(version)) => (version.as_str(), Certainty::Derived),
        (Some(version), None) => (version, Certainty::Derived),
        (None, Some(version)) => (version.as_str(), Certainty::FileName),
        (None, None) => return None,
    };
    let artifact = artifact(file, manifest)?;
    let name = match group(&artifact, manifest, root) {
        Some(group) => format!("{group}:{artifact}"),
        None => artifact,
    };
    Some((name, version.to_owned(), certainty))
}

fn artifact(file: &FileName, manifest: &Manifest) -> Option<String> {
    let is_name = |text: &&str| !text.contains(char::is_whitespace) && !text.contains(':');
    let stated = ["artifact-id", "short-name"];
    let stated = stated.into_iter().find_map(|name| manifest.get(name));
    let of_file = (file.version.is_some() && !file.name.is_empty()).then_some(file.name.as_str());
    let titles = ["implementation-title", "extension-name"];
    let title = titles.into_iter().filter_map(|name| manifest.get(name));
    // `org.a.b` is a name of a module; the last part of it is what files are called by.
    let title = title
        .filter(is_name)
        .find_map(|title| title.rsplit('.').next());
    stated
        .filter(is_name)
        .or(of_file)
        .or(title)
        .or(Some(file.stem.as_str()))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

/// Returns the group under which an archive was most likely published.
fn group(artifact: &str, manifest: &Manifest, root: Option<&str>) -> Option<String> {
    let is_group = |text: &&str| {
        let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_');
        text.contains('.') && text.chars().all(is_part) && !text.starts_with('.')
    };
    let stated = ["group-id", "implementation-vendor-id"];
    let stated = stated.into_iter().find_map(|name| manifest.get(name));
    if let Some(group) = stated.filter(is_group) {
        return Some(group.to_owned());
    }
    let of_bundle = manifest.bundle().and_then(|name| of_bundle(artifact, name));
    if let Some(group) = of_bundle.filter(is_group) {
        return Some(group.to_owned());
    }
    of_root(artifact, root?)
}

/// What Maven makes a bundle's name of, backwards: `org.a:b` is `org.a.b`, and `org.a:a-b` is that
/// too.
fn of_bundle<'a>(artifact: &str, name: &'a str) -> Option<&'a str> {
    if let Some(group) = name.strip_suffix(artifact) {
        return group.strip_suffix('.');
    }
    let (group, rest) = name.rsplit_once('.')?;
    let last = group.rsplit('.').next()?;
    let of_artifact = artifact.strip_prefix(last)?.strip_prefix('-')?;
    (of_artifact == rest).then_some(group)
}

/// The owner's domain, two parts, and those that the artifact's name begins with as well:
/// `spring-boot-test` with classes in `org/springframework/boot/test` is of
/// `org.springframework.boot`.
fn of_root(artifact: &str, root: &str) -> Option<String> {
    const DOMAIN_PARTS: usize = 2;
    let parts: Vec<&str> = root.split('/').filter(|part| !part.is_empty()).collect();
    if parts.len() < DOMAIN_PARTS {
        return None;
    }
    let mut words: Vec<&str> = artifact.split('-').collect();
    words.pop();
    let further = parts.iter().skip(DOMAIN_PARTS);
    let further = further.take_while(|part| words.contains(*part)).count();
    Some(parts.get(..DOMAIN_PARTS + further)?.join("."))
}

/// Whether an entry is a class of the archive itself, not of what it carries or of other releases
/// of Java.
pub(super) fn is_class(name: &[u8]) -> bool {
    const APART: [&[u8]; 3] = [b"META-INF/", b"BOOT-INF/", b"WEB-INF/"];
    name.ends_with(b".class")
        && name.contains(&b'/')
        && !APART.iter().any(|apart| name.starts_with(apart))
}

/// Returns the directory that the one so far and a further class have in common.
pub(super) fn common_root(root: Option<String>, class: &[u8]) -> Option<String> {
    let directory = String::from_utf8_lossy(crate::path::split(class).0);
    let Some(mut root) = root else {
        return Some(directory.into_owned());
    };
    let is_in = |root: &str| {
        let rest = directory.strip_prefix(root);
        rest.is_some_and(|rest| root.is_empty() || rest.is_empty() || rest.starts_with('/'))
    };
    while !is_in(&root) {
        let parent = root.rfind('/').unwrap_or(0);
        root.truncate(parent);
    }
    Some(root)
}

#[cfg(test)]
mod tests;
