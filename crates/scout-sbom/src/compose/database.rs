//! The databases of distributions: which are visible, what they list, and which layer brought
//! each package.

use std::collections::{HashMap, HashSet};

use scout_envs::{Gap, GapKind, Package};

use super::Database;
use super::apply::{Applied, Tracked};
use super::gaps::Gaps;
use crate::analysis::{Evidence, Finding, LayerAnalysis, PathList, Record};
use crate::path::{display, split};
use crate::reader::Class;
use crate::tree::NodeKind;

/// Where a database is looked for even if a link leads there from a place that was not read.
const WELL_KNOWN: [(&[u8], Class); 8] = [
    (b"var/lib/dpkg/status", Class::DebStatus),
    (b"lib/apk/db/installed", Class::ApkInstalled),
    (b"usr/lib/apk/db/installed", Class::ApkInstalled),
    (b"var/lib/rpm/rpmdb.sqlite", Class::RpmSqlite),
    (b"usr/lib/sysimage/rpm/rpmdb.sqlite", Class::RpmSqlite),
    (b"var/lib/rpm/Packages", Class::RpmBerkeley),
    (b"var/lib/rpm/Packages.db", Class::RpmNdb),
    (b"usr/lib/sysimage/rpm/Packages.db", Class::RpmNdb),
];

/// The name of pacman's lists of files.
const PACMAN_FILES: &[u8] = b"files";

/// What the databases of an image say.
#[derive(Default)]
pub(super) struct Found<'a> {
    pub(super) databases: Vec<Database>,
    /// Each package with the path of its database and its layer.
    pub(super) records: Vec<(&'a Record, String, usize)>,
    /// The files of each package, by its name.
    pub(super) lists: Vec<(String, &'a PathList)>,
}

pub(super) fn select<'a>(
    layers: &'a [LayerAnalysis],
    applied: &mut Applied,
    gaps: &mut Gaps,
) -> Found<'a> {
    let mut found = Found::default();
    let mut file_lists = Vec::new();
    let visible: Vec<Tracked> = applied
        .tracked
        .iter()
        .filter(|tracked| applied.tree.is_alive(tracked.node))
        .cloned()
        .collect();
    let mut seen = HashSet::new();
    for tracked in &visible {
        let path = applied.tree.path(tracked.node);
        let evidence = applied.evidence(layers, tracked);
        let class = evidence.map(|evidence| evidence.class).or(tracked.class);
        let Some(class) = class else {
            continue;
        };
        if matches!(class, Class::DebList | Class::DebSums | Class::PacmanFiles) {
            if let Some(Evidence {
                finding: Finding::FileList(files),
                ..
            }) = evidence
            {
                file_lists.push((path, files));
            }
            continue;
        }
        if class.database().is_none() {
            if class == Class::OsRelease
                && let Some(Evidence {
                    finding: Finding::Damaged(reason),
                    ..
                }) = evidence
            {
                gaps.add(unread(&path, reason));
            }
            continue;
        }
        seen.insert(tracked.node);
        found.take(layers, class, &path, tracked, evidence, gaps);
    }
    for (path, class) in WELL_KNOWN {
        if let Ok(Some(node)) = applied.tree.find(path, true)
            && matches!(applied.tree.kind(node), Some(NodeKind::File(_)))
            && seen.insert(node)
        {
            gaps.add(unread(path, "reached through a symbolic link, not read"));
            found.note(class, path, false);
        }
    }
    found.take_file_lists(&file_lists);
    found.databases.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl<'a> Found<'a> {
    fn take(
        &mut self,
        layers: &'a [LayerAnalysis],
        class: Class,
        path: &[u8],
        tracked: &Tracked,
        evidence: Option<&'a Evidence>,
        gaps: &mut Gaps,
    ) {
        match evidence.map(|evidence| &evidence.finding) {
            Some(Finding::Database(records)) => {
                self.note(class, path, true);
                if let Some(reason) = &records.incomplete {
                    gaps.add(unread(path, &format!("read in part: {reason}")));
                }
                let origins = if class.is_one_of_many() {
                    HashMap::new()
                } else {
                    origins(layers, class, tracked.layer)
                };
                for record in &records.packages {
                    let layer = origins.get(&record.package).copied();
                    let layer = layer.unwrap_or(tracked.layer);
                    self.records.push((record, display(path), layer));
                    if class.database().is_some() && !record.files.bytes().is_empty() {
                        let name = record.package.name.clone();
                        self.lists.push((name, &record.files));
                    }
                }
            }
            Some(Finding::Nothing) => {}
            Some(Finding::Damaged(reason)) => {
                self.note(class, path, false);
                gaps.add(unread(path, reason));
            }
            Some(_) => {
                if class != Class::RpmSqliteLog {
                    self.note(class, path, false);
                }
                gaps.add(unread(path, class.unread_reason()));
            }
            None => {
                self.note(class, path, false);
                gaps.add(unread(path, "a hard link to content that was not read"));
            }
        }
    }

    fn note(&mut self, class: Class, path: &[u8], is_read: bool) {
        let Some(package_type) = class.database() else {
            return;
        };
        let path = match class {
            Class::DebStatusPart => display(split(path).0),
            Class::PacmanRecord => display(split(split(path).0).0),
            _ => display(path),
        };
        if let Some(known) = self.databases.iter_mut().find(|known| known.path == path) {
            known.is_read |= is_read;
            return;
        }
        self.databases.push(Database {
            path,
            package_type,
            is_read,
        });
    }

    /// Adds dpkg's lists. Those of removed packages stay on disk but own nothing.
    fn take_file_lists(&mut self, file_lists: &[(Vec<u8>, &'a PathList)]) {
        let mut installed: HashSet<(&str, Option<&str>)> = HashSet::new();
        for (record, _, _) in &self.records {
            let package = &record.package;
            installed.insert((&package.name, None));
            installed.insert((&package.name, package.architecture.as_deref()));
        }
        for (path, files) in file_lists {
            let (directory, file_name) = split(path);
            if file_name == PACMAN_FILES {
                let directory = String::from_utf8_lossy(split(directory).1);
                // The directory is called NAME-VERSION-RELEASE.
                if let Some(name) = directory.rsplitn(3, '-').nth(2)
                    && installed.contains(&(name, None))
                {
                    self.lists.push((name.to_owned(), files));
                }
                continue;
            }
            let file_name = String::from_utf8_lossy(file_name);
            let name = file_name
                .strip_suffix(".list")
                .or_else(|| file_name.strip_suffix(".md5sums"))
                .unwrap_or(&file_name);
            let (name, architecture) = match name.split_once(':') {
                Some((name, architecture)) => (name, Some(architecture)),
                None => (name, None),
            };
            if installed.contains(&(name, architecture)) {
                self.lists.push((name.to_owned(), files));
            }
        }
    }
}

fn unread(path: &[u8], reason: &str) -> Gap {
    Gap {
        kind: GapKind::PackageDatabase,
        path: display(path),
        reason: reason.to_owned(),
    }
}

/// Returns the layer from which on each package was in every version of the database. Layers
/// rewrite a database as a whole, so without this all packages would seem to be the top one's.
fn origins(layers: &[LayerAnalysis], class: Class, top: usize) -> HashMap<&Package, usize> {
    let mut origins = HashMap::new();
    let mut above = None;
    for (index, layer) in layers.iter().enumerate().take(top + 1).rev() {
        let of_class = layer
            .evidence
            .iter()
            .rev()
            .find(|evidence| evidence.class == class);
        let Some(Evidence {
            finding: Finding::Database(records),
            ..
        }) = of_class
        else {
            continue;
        };
        let listed: HashSet<&Package> = records.packages.iter().map(|r| &r.package).collect();
        match above {
            None => origins.extend(listed.into_iter().map(|package| (package, index))),
            Some(above) => {
                for (package, origin) in &mut origins {
                    // Only what was in every version so far can be older still.
                    if *origin == above && listed.contains(package) {
                        *origin = index;
                    }
                }
            }
        }
        above = Some(index);
    }
    origins
}
