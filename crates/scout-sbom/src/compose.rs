//! From layers to an image: which files are there in the end, and what they say is installed.

use std::collections::{BTreeSet, HashMap};

use scout_envs::license::License;
use scout_envs::{Certainty, Distribution, Gap, Package, PackageType};

mod apply;
mod database;
mod gaps;
mod lock;
mod owner;

use apply::{Applied, Tracked};
use gaps::Gaps;
use owner::Owners;

use crate::analysis::{Evidence, Finding, LayerAnalysis, Part};
use crate::path::display;
use crate::reader::Class;

/// What an image holds.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Composition {
    /// What the image's os-release file says.
    pub distribution: Option<Distribution>,
    /// Everything installed, each package once, sorted.
    pub packages: Vec<InstalledPackage>,
    /// What could not be read; databases first. Bounded: the last one says how many more.
    pub gaps: Vec<Gap>,
    /// The package databases of distributions that were found.
    pub databases: Vec<Database>,
}

/// One package in an image.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct InstalledPackage {
    /// The package.
    pub package: Package,
    /// The absolute paths of the files that tell of it, sorted; inside of an archive what
    /// stands behind `!/`.
    pub paths: Vec<String>,
    /// The index of the layer that brought it, from the bottom.
    pub layer: usize,
    /// The distribution package whose files these are, for a language's package.
    pub owner: Option<String>,
    /// How sure it is that the package is this one.
    pub certainty: Certainty,
}

/// One package database of a distribution.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Database {
    /// Its absolute path; of a directory of one-package files, the directory.
    pub path: String,
    /// The kind of packages in it.
    pub package_type: PackageType,
    /// Whether it could be read, at least in part; if not fully, there is a gap too.
    pub is_read: bool,
}

/// Applies layers from the bottom up and selects what is visible in the end.
#[must_use]
pub fn compose(layers: &[LayerAnalysis]) -> Composition {
    let mut applied = apply::apply(layers);
    let mut gaps = Gaps::default();
    for layer in layers {
        gaps.extend(layer.gaps.iter().cloned());
    }
    gaps.extend(applied.gaps.drain(..));

    let distribution = applied.distribution(layers);
    let found = database::select(layers, &mut applied, &mut gaps);
    let mut installed = Installed::default();
    for (record, path, layer) in found.records {
        let mut package = record.package.clone();
        if package.package_type == PackageType::Deb {
            package.license = applied.debian_license(layers, &package.name);
        }
        let part = Part::stated(package);
        installed.add(&part, path, layer, None);
    }

    let candidates = applied.candidates(layers);
    let owners = Owners::of(&candidates, &found.lists, &mut applied.tree);
    for (tracked, evidence) in candidates {
        let owner = owners.get(tracked.node);
        let path = applied.tree.path(tracked.node);
        match evidence {
            Some(Evidence {
                finding: Finding::Package(package),
                ..
            }) => {
                let part = Part::stated(package.clone());
                installed.add(&part, display(&path), tracked.layer, owner);
            }
            Some(Evidence {
                finding: Finding::Packages(parts),
                class,
            }) => {
                // Another name of a distribution's file is the distribution's too.
                let owner = owner.or_else(|| owners.of_content(tracked.content));
                for part in &parts.packages {
                    installed.add(part, display(&path), tracked.layer, owner);
                }
                if let Some(reason) = parts.incomplete.as_ref().filter(|_| owner.is_none()) {
                    gaps.add_incomplete(*class, &path, tracked.content, reason);
                }
            }
            // What a distribution ships, its own advisories judge.
            _ if owner.is_some() || owners.of_content(tracked.content).is_some() => {}
            Some(evidence) => gaps.add_evidence(evidence, &path, tracked.content),
            None => gaps.add_hard_link(&path),
        }
    }
    Composition {
        distribution,
        packages: installed.finish(),
        gaps: gaps.finish(),
        databases: found.databases,
    }
}

/// Packages found so far: the same one at several places is one.
#[derive(Default)]
struct Installed {
    found: HashMap<(Package, Option<String>), Places>,
}

struct Places {
    paths: Vec<String>,
    layer: usize,
    certainty: Certainty,
}

impl Installed {
    fn add(&mut self, part: &Part, mut path: String, layer: usize, owner: Option<&str>) {
        if let Some(place) = &part.place {
            path.push_str("!/");
            path.push_str(place);
        }
        let places = self
            .found
            .entry((part.package.clone(), owner.map(str::to_owned)))
            .or_insert_with(|| Places {
                paths: Vec::new(),
                layer,
                certainty: part.certainty,
            });
        places.paths.push(path);
        places.layer = layer.min(places.layer);
        // What one place states, another one need not guess.
        places.certainty = part.certainty.min(places.certainty);
    }

    fn finish(self) -> Vec<InstalledPackage> {
        let mut packages: Vec<InstalledPackage> = self
            .found
            .into_iter()
            .map(|((package, owner), mut places)| {
                places.paths.sort_unstable();
                places.paths.dedup();
                InstalledPackage {
                    package,
                    paths: places.paths,
                    layer: places.layer,
                    owner,
                    certainty: places.certainty,
                }
            })
            .collect();
        packages.sort_by(|a, b| (&a.package, &a.owner).cmp(&(&b.package, &b.owner)));
        packages
    }
}

/// The class of an evidence file, as its own path states it.
fn is_candidate(class: Class) -> bool {
    class != Class::OsRelease && !class.is_companion() && class.database().is_none()
}

impl Applied {
    /// Returns what os-release says, read as os-release(5) demands: `/etc` first.
    fn distribution(&mut self, layers: &[LayerAnalysis]) -> Option<Distribution> {
        for path in [
            &b"etc/os-release"[..],
            b"usr/lib/os-release",
            b"lib/os-release",
        ] {
            if let Some(Evidence {
                finding: Finding::Distribution(distribution),
                ..
            }) = self.evidence_at(layers, path)
            {
                return Some(distribution.clone());
            }
        }
        None
    }

    /// Returns the licence in a package's copyright file. Packages of one source often share one,
    /// by links of their directories.
    fn debian_license(&mut self, layers: &[LayerAnalysis], name: &str) -> Option<License> {
        let path = format!("usr/share/doc/{name}/copyright");
        match &self.evidence_at(layers, path.as_bytes())?.finding {
            Finding::License(license) => Some(license.clone()),
            _ => None,
        }
    }

    /// Returns the visible evidence files that are no part of a distribution's database, and the
    /// hard links in such places whose content was not read.
    fn candidates<'a>(
        &mut self,
        layers: &'a [LayerAnalysis],
    ) -> Vec<(Tracked, Option<&'a Evidence>)> {
        let linked = self.linked_manifests();
        let installed = self.module_roots(layers);
        self.tracked
            .iter()
            .filter(|tracked| self.tree.is_alive(tracked.node))
            .filter(|tracked| match self.class(layers, tracked) {
                Some(Class::NpmLocal) => linked.contains(&tracked.node),
                Some(class) if class.is_lock() => {
                    !lock::is_carried_out(&self.tree.path(tracked.node), &installed)
                }
                class => class != Some(Class::NpmStored),
            })
            .filter_map(|tracked| match self.evidence(layers, tracked) {
                Some(evidence) if !is_candidate(evidence.class) => None,
                Some(Evidence {
                    finding: Finding::Nothing,
                    ..
                }) => None,
                None if tracked.class.is_some_and(|class| !is_candidate(class)) => None,
                evidence => Some((tracked.clone(), evidence)),
            })
            .collect()
    }
}

impl Applied {
    /// Returns the directories whose `node_modules` holds packages.
    fn module_roots(&self, layers: &[LayerAnalysis]) -> BTreeSet<Vec<u8>> {
        self.tracked
            .iter()
            .filter(|tracked| self.tree.is_alive(tracked.node))
            .filter(|tracked| self.class(layers, tracked) == Some(Class::NpmManifest))
            .filter_map(|tracked| lock::module_root(&self.tree.path(tracked.node)))
            .collect()
    }
}

#[cfg(test)]
mod tests;
