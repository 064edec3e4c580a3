//! Merges what runs in each container by image.

use std::collections::{BTreeMap, BTreeSet};

use scout_envs::Digest;

use crate::runtime::image::{
    PackageInUse, RunningContainer, RunningImage, RunningImages, Workload,
};

/// What tells images apart: the image ID, else the manifest, else what was pulled.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Key {
    Id(Digest),
    Manifest(Digest),
    Reference(String),
}

/// Something of which there is too much.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Limit {
    pub(crate) limit: usize,
    /// What is counted.
    pub(crate) unit: &'static str,
}

/// Images while containers are merged into them.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    images: BTreeMap<Key, Merged>,
    /// The counts; its images are empty until the end.
    pub(crate) counts: RunningImages,
    packages: usize,
}

#[derive(Debug, Default)]
struct Merged {
    manifest: Option<Digest>,
    reference: Option<String>,
    workloads: BTreeSet<Workload>,
    packages: BTreeSet<PackageInUse>,
}

impl Merge {
    /// Adds what one container runs.
    pub(crate) fn add(&mut self, container: RunningContainer) {
        self.counts.containers += 1;
        let key = match (
            container.image_id,
            &container.manifest,
            &container.reference,
        ) {
            (Some(id), _, _) => Key::Id(id),
            (None, Some(manifest), _) => Key::Manifest(manifest.clone()),
            (None, None, Some(reference)) => Key::Reference(reference.clone()),
            (None, None, None) => {
                self.counts.unidentified += 1;
                return;
            }
        };
        let image = self.images.entry(key).or_default();
        keep_smallest(&mut image.manifest, container.manifest);
        keep_smallest(&mut image.reference, container.reference);
        image.workloads.insert(container.workload);
        for package in container.packages_in_use.unwrap_or_default() {
            self.packages += usize::from(image.packages.insert(package));
        }
    }

    /// Checks that there are not too many images and packages.
    pub(crate) fn check(&self, max_images: usize, max_packages: usize) -> Result<(), Limit> {
        for (count, limit, unit) in [
            (self.images.len(), max_images, "images"),
            (self.packages, max_packages, "packages in use"),
        ] {
            if count > limit {
                return Err(Limit { limit, unit });
            }
        }
        Ok(())
    }

    /// Returns the images.
    pub(crate) fn finish(self) -> RunningImages {
        let images = self.images.into_iter().map(|(key, merged)| {
            let (image_id, manifest, reference) = match key {
                Key::Id(id) => (Some(id), merged.manifest, merged.reference),
                Key::Manifest(_) | Key::Reference(_) => (None, merged.manifest, merged.reference),
            };
            // A container that runs has loaded something: an empty list says that nobody looked.
            let is_observed = !merged.packages.is_empty();
            RunningImage {
                image_id,
                manifest,
                reference,
                workloads: merged.workloads.into_iter().collect(),
                packages_in_use: is_observed.then(|| merged.packages.into_iter().collect()),
            }
        });
        RunningImages {
            images: images.collect(),
            ..self.counts
        }
    }
}

fn keep_smallest<T: Ord>(kept: &mut Option<T>, found: Option<T>) {
    if let Some(found) = found
        && kept.as_ref().is_none_or(|kept| found < *kept)
    {
        *kept = Some(found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(byte: u8) -> Digest {
        Digest::sha256(&[byte; 32])
    }

    fn container(name: &str, change: impl FnOnce(&mut RunningContainer)) -> RunningContainer {
        let mut container =
            RunningContainer::new(Workload::new("Deployment", "prod", name, "main"));
        change(&mut container);
        container
    }

    #[test]
    fn containers_of_one_image_become_one() {
        let package = |name: &str| PackageInUse::new(name, "1");
        let merged = RunningImages::merged([
            container("b", |it| {
                it.image_id = Some(digest(1));
                it.reference = Some("r/b:1".to_owned());
                it.packages_in_use = Some(vec![package("z"), package("a")]);
            }),
            container("a", |it| {
                it.image_id = Some(digest(1));
                it.manifest = Some(digest(9));
                it.reference = Some("r/a:1".to_owned());
                it.packages_in_use = Some(vec![package("m"), package("a")]);
            }),
            container("a", |it| {
                it.image_id = Some(digest(1));
                it.manifest = Some(digest(8));
            }),
        ]);
        assert_eq!((merged.containers, merged.unidentified), (3, 0));
        let [image] = merged.images.as_slice() else {
            panic!("{merged:?}");
        };
        assert_eq!(image.image_id, Some(digest(1)));
        assert_eq!(image.manifest, Some(digest(8)), "the smallest");
        assert_eq!(image.reference.as_deref(), Some("r/a:1"), "the first");
        let names: Vec<_> = image.workloads.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let names = image.packages_in_use.iter().flatten();
        let names: Vec<_> = names.map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["a", "m", "z"]);
    }

    #[test]
    fn unknown_is_not_unused() {
        for (packages, expected) in [
            (None, None),
            (Some(vec![]), None),
            (Some(vec![PackageInUse::new("a", "1")]), Some(1)),
        ] {
            let merged = RunningImages::merged([container("a", |it| {
                it.image_id = Some(digest(1));
                it.packages_in_use = packages;
            })]);
            let found = merged.images[0].packages_in_use.as_ref().map(Vec::len);
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn what_has_no_image_id_goes_by_another_name() {
        let merged = RunningImages::merged([
            container("a", |it| it.manifest = Some(digest(2))),
            container("b", |it| it.manifest = Some(digest(2))),
            container("c", |it| it.reference = Some("r/c:1".to_owned())),
            container("d", |_| ()),
        ]);
        assert_eq!(merged.images.len(), 2);
        assert_eq!(merged.images[0].workloads.len(), 2);
        assert_eq!(merged.images[1].reference.as_deref(), Some("r/c:1"));
        assert_eq!((merged.containers, merged.unidentified), (4, 1));
    }

    #[test]
    fn what_grows_has_bounds() {
        let mut merge = Merge::default();
        merge.add(container("a", |it| {
            it.image_id = Some(digest(1));
            it.packages_in_use = Some(vec![PackageInUse::new("a", "1"); 5]);
        }));
        assert_eq!(merge.check(1, 1), Ok(()), "a package counts once");
        merge.add(container("a", |it| it.image_id = Some(digest(2))));
        let unit = "images";
        assert_eq!(merge.check(1, 1), Err(Limit { limit: 1, unit }));
        let unit = "packages in use";
        assert_eq!(merge.check(2, 0), Err(Limit { limit: 0, unit }));
    }
}
