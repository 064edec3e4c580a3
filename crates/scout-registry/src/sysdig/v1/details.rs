//! What the public API knows of one image: its digests, and which of its packages run.

use std::collections::BTreeMap;

use scout_envs::Digest;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::runtime::{PackageInUse, RunningContainer};
use crate::sysdig::wire::{are_texts, digest, filled, is_text};

/// What is known of one image.
#[derive(Debug, Default)]
pub(super) struct Details {
    image_id: Option<Digest>,
    manifest: Option<Digest>,
    reference: Option<String>,
    packages_in_use: Option<Vec<PackageInUse>>,
    pub(super) skipped_packages: usize,
}

#[derive(Default, Deserialize)]
struct Scan<'a> {
    /// Older versions had everything in here.
    #[serde(borrow, default)]
    result: Option<Box<Self>>,
    #[serde(default)]
    metadata: Option<Metadata>,
    /// An object with names that mean nothing; a list in older versions.
    #[serde(borrow, default)]
    packages: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    image_id: Option<String>,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    pull_string: Option<String>,
    #[serde(default)]
    architecture: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    is_running: Option<bool>,
}

impl Details {
    /// Reads a result; nothing if it is none. `is_observed` tells whether packages in use are
    /// looked for at all.
    pub(super) fn parse(body: &[u8], is_observed: bool) -> Option<Self> {
        let mut scan: Scan<'_> = serde_json::from_slice(body).ok()?;
        if let Some(inner) = scan.result.take() {
            scan = *inner;
        }
        if scan.metadata.is_none() && scan.packages.is_none() {
            return None;
        }
        let metadata = scan.metadata.unwrap_or_default();
        let mut details = Self {
            image_id: digest(&metadata.image_id.unwrap_or_default()),
            manifest: digest(&metadata.digest.unwrap_or_default()),
            reference: filled(metadata.pull_string).filter(|text| is_text(text)),
            ..Self::default()
        };
        if let Some(packages) = scan.packages.filter(|_| is_observed) {
            let architecture = filled(metadata.architecture).filter(|text| is_text(text));
            details.read_packages(packages, architecture.as_deref());
        }
        Some(details)
    }

    fn read_packages(&mut self, packages: &RawValue, architecture: Option<&str>) {
        let is_list = packages.get().starts_with('[');
        let rows: Vec<&RawValue> = match is_list {
            true => serde_json::from_str(packages.get()).unwrap_or_default(),
            false => serde_json::from_str::<BTreeMap<String, &RawValue>>(packages.get())
                .unwrap_or_default()
                .into_values()
                .collect(),
        };
        let mut in_use = Vec::new();
        for row in rows {
            let Ok(wire) = serde_json::from_str::<Package>(row.get()) else {
                self.skipped_packages += 1;
                continue;
            };
            if wire.is_running != Some(true) {
                continue;
            }
            match wire.into_package(architecture) {
                Some(package) => in_use.push(package),
                None => self.skipped_packages += 1,
            }
        }
        in_use.sort();
        in_use.dedup();
        self.packages_in_use = (!in_use.is_empty()).then_some(in_use);
    }

    /// Returns how many packages are in use.
    pub(super) fn count(&self) -> usize {
        self.packages_in_use.iter().flatten().count()
    }

    /// Tells a container what is known of its image. The packages are told to the first container
    /// only: they are merged by image later.
    pub(super) fn complete(&self, container: &mut RunningContainer, is_first: bool) {
        let or_known = |known: &Option<Digest>| known.clone();
        let container_id = container.image_id.take();
        container.image_id = container_id.or_else(|| or_known(&self.image_id));
        container.manifest = or_known(&self.manifest);
        if container.reference.is_none() {
            container.reference.clone_from(&self.reference);
        }
        if is_first {
            container.packages_in_use.clone_from(&self.packages_in_use);
        }
    }
}

impl Package {
    fn into_package(self, architecture: Option<&str>) -> Option<PackageInUse> {
        let mut package = PackageInUse::new(filled(self.name)?, self.version.unwrap_or_default());
        package.kind = filled(self.kind);
        package.path = filled(self.path);
        package.architecture = architecture.map(str::to_owned);
        let texts = [
            Some(package.name.as_str()),
            Some(package.version.as_str()),
            package.kind.as_deref(),
            package.path.as_deref(),
        ];
        are_texts(texts.into_iter().flatten()).then_some(package)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(details: &Details) -> Option<Vec<&str>> {
        let packages = details.packages_in_use.as_ref()?;
        Some(packages.iter().map(|it| it.name.as_str()).collect())
    }

    #[test]
    fn results_are_read_in_all_their_shapes() {
        let running = r#"{"name":"openssl","version":"1","type":"os","isRunning":true}"#;
        let idle = r#"{"name":"bash","version":"5","isRunning":false,"isRemoved":false}"#;
        let some = Some(Some(vec!["openssl"]));
        for (body, is_observed, expected) in [
            (
                format!(r#"{{"packages":{{"a":{running},"b":{idle}}}}}"#),
                true,
                some.clone(),
            ),
            (
                format!(r#"{{"packages":[{running},{idle},{running}]}}"#),
                true,
                some.clone(),
            ),
            (
                format!(r#"{{"result":{{"packages":{{"a":{running}}}}}}}"#),
                true,
                some.clone(),
            ),
            (
                format!(r#"{{"packages":{{"a":{running},"b":7,"c":null}}}}"#),
                true,
                some,
            ),
            // Unknown: not looked for, not told, or nothing seen yet.
            (
                format!(r#"{{"packages":{{"a":{running}}}}}"#),
                false,
                Some(None),
            ),
            (
                format!(r#"{{"packages":{{"b":{idle}}}}}"#),
                true,
                Some(None),
            ),
            (
                r#"{"packages":{"b":{"name":"bash"}}}"#.to_owned(),
                true,
                Some(None),
            ),
            (r#"{"metadata":{}}"#.to_owned(), true, Some(None)),
            (r#"{"packages":"none"}"#.to_owned(), true, Some(None)),
            ("{}".to_owned(), true, None),
            ("[]".to_owned(), true, None),
            ("<html>".to_owned(), true, None),
        ] {
            let details = Details::parse(body.as_bytes(), is_observed);
            assert_eq!(details.as_ref().map(names), expected, "{body}");
        }
    }
}
