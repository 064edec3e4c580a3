//! `package-lock.json`: since npm 7 an object of places (`node_modules/a`), before that a tree.
//! What is only for development is left out.

use std::fmt;
use std::io::BufRead;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{add, split_name};
use crate::analysis::Parts;
use crate::limits::Limits;
use crate::reader::{Unreadable, json};

#[derive(Deserialize)]
struct Lock {
    packages: Option<json::Map<Place>>,
    #[serde(default)]
    dependencies: Tree,
}

/// An entry of the newer form.
#[derive(Deserialize)]
struct Place {
    name: Option<String>,
    version: Option<String>,
    #[serde(default)]
    dev: bool,
    #[serde(default)]
    link: bool,
}

/// The older form, laid flat: names and versions.
#[derive(Default)]
struct Tree(Vec<(String, String)>);

/// An entry of it; beside such, the newer form has mere ranges of versions.
struct Branch(Option<Entry>);

#[derive(Deserialize)]
struct Entry {
    version: Option<String>,
    #[serde(default)]
    dev: bool,
    #[serde(default)]
    dependencies: Tree,
}

pub(super) fn read(input: &mut dyn BufRead, limits: &Limits) -> Result<Parts, Unreadable> {
    let lock: Lock = json::read(input, "package-lock.json")?;
    let mut parts = Parts::default();
    let Some(places) = lock.packages else {
        for (name, version) in lock.dependencies.0 {
            // `npm:other@1.0.0` is another package under this name.
            match version.strip_prefix("npm:").and_then(split_name) {
                Some((other, version)) => add(&mut parts, other, version, limits),
                None => add(&mut parts, &name, &version, limits),
            }
        }
        return Ok(parts);
    };
    for (path, place) in places.0 {
        // What is not in such a folder is part of the project itself.
        let Some((_, name)) = path.rsplit_once("node_modules/") else {
            continue;
        };
        if !place.dev && !place.link {
            let name = place.name.as_deref().unwrap_or(name);
            let version = place.version.as_deref().unwrap_or_default();
            add(&mut parts, name, version, limits);
        }
    }
    Ok(parts)
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of packages")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut found = Vec::new();
        while let Some((name, Branch(entry))) = map.next_entry::<String, Branch>()? {
            let Some(entry) = entry.filter(|entry| !entry.dev) else {
                continue;
            };
            found.push((name, entry.version.unwrap_or_default()));
            found.extend(entry.dependencies.0);
            json::check_count::<A::Error>(found.len())?;
        }
        Ok(Tree(found))
    }
}

impl<'de> Deserialize<'de> for Branch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BranchVisitor)
    }
}

struct BranchVisitor;

impl<'de> Visitor<'de> for BranchVisitor {
    type Value = Branch;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a package or a range of versions")
    }

    fn visit_str<E>(self, _range: &str) -> Result<Branch, E> {
        Ok(Branch(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Branch, A::Error> {
        let entry = Entry::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Branch(Some(entry)))
    }
}
