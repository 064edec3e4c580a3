//! From a package URL back to a package, as we and others write them.

use std::borrow::Cow;
use std::str::FromStr;

use packageurl::PackageUrl;
use scout_envs::{Package, PackageType, SourcePackage};

use crate::reader::split_source_rpm;

/// Makes a package of its URL. Name, version and licence are taken from `stated`, which the
/// document tells apart from the URL and as they are; URLs write names in small letters.
///
/// `None` if the URL is none, or of a type that no reader finds.
pub(super) fn package(purl: &str, stated: &Package) -> Option<Package> {
    let parts = Parts::parse(purl)?;
    let mut package = Package::new(parts.kind, stated.name.clone(), stated.version.clone());
    package.license.clone_from(&stated.license);
    parts.complete(&mut package);
    Some(package)
}

/// What a package URL tells.
pub(super) struct Parts {
    pub(super) kind: PackageType,
    namespace: Option<String>,
    name: String,
    version: String,
    architecture: Option<String>,
    epoch: Option<String>,
    module: Option<String>,
    upstream: Option<String>,
}

impl Parts {
    pub(super) fn parse(purl: &str) -> Option<Self> {
        let url = PackageUrl::from_str(purl).ok()?;
        let qualifier = |name: &str| {
            let value = url.qualifiers().get(&Cow::Borrowed(name));
            value
                .map(|value| value.to_string())
                .filter(|v| !v.is_empty())
        };
        Some(Self {
            kind: url.ty().parse().ok()?,
            namespace: url.namespace().map(str::to_owned),
            name: url.name().to_owned(),
            version: url.version().unwrap_or_default().to_owned(),
            architecture: qualifier("arch"),
            epoch: qualifier("epoch").filter(|epoch| epoch != "0"),
            module: qualifier("rpmmod"),
            upstream: qualifier("upstream"),
        })
    }

    /// Returns the name that our readers give, of a name that a document tells beside the URL.
    pub(super) fn name(&self, group: Option<&str>, name: Option<&str>) -> String {
        let separator = match self.kind {
            PackageType::Npm | PackageType::Composer | PackageType::Golang => '/',
            PackageType::Maven => ':',
            _ => return name.unwrap_or(&self.name).to_owned(),
        };
        let group = group
            .filter(|group| !group.is_empty())
            .or(self.namespace.as_deref());
        let name = name.unwrap_or(&self.name);
        match group {
            Some(group) if !name.contains(separator) => format!("{group}{separator}{name}"),
            _ => name.to_owned(),
        }
    }

    /// Returns the version that our readers give.
    pub(super) fn version(&self, version: Option<&str>) -> String {
        let version = version.filter(|version| !version.is_empty());
        let version = version.unwrap_or(&self.version);
        if self.kind != PackageType::Rpm {
            return version.to_owned();
        }
        match (version.split_once(':'), &self.epoch) {
            (Some(("0", rest)), _) => rest.to_owned(),
            (None, Some(epoch)) => format!("{epoch}:{version}"),
            _ => version.to_owned(),
        }
    }

    fn complete(self, package: &mut Package) {
        if !self.kind.is_distribution() {
            return;
        }
        package.architecture = self.architecture;
        package.module = self.module;
        let version = package.version.as_str();
        package.source = self
            .upstream
            .map(|upstream| source(&upstream, version, self.epoch.as_deref()))
            .filter(|source| (&source.name, &source.version) != (&package.name, &package.version));
    }
}

/// Reads `NAME@VERSION`, as we write it, `NAME`, or the file name of a source rpm.
fn source(upstream: &str, version: &str, epoch: Option<&str>) -> SourcePackage {
    if let Some((name, version)) = split_source_rpm(upstream) {
        return SourcePackage {
            name: name.to_owned(),
            version: match epoch {
                Some(epoch) => format!("{epoch}:{version}"),
                None => version.to_owned(),
            },
        };
    }
    let (name, version) = upstream.rsplit_once('@').unwrap_or((upstream, version));
    SourcePackage {
        name: name.to_owned(),
        version: version.to_owned(),
    }
}
