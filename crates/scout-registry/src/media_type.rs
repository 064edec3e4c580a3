//! Media types of manifests, configurations and layers: OCI's and Docker's.

use std::fmt;

/// An OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// A Docker image manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// A Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// The configuration of an OCI image.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The configuration of a Docker image.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// What a manifest request accepts: all four types. With fewer, a registry converts the manifest
/// to one with another digest, or says that there is none; schema 1 is never offered.
pub const ACCEPT_MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// How a layer's bytes are wrapped, by its media type. Some tools write the wrong one, so the
/// first bytes decide where they disagree.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum LayerKind {
    /// A tar archive.
    Tar,
    /// A tar archive compressed with gzip.
    TarGzip,
    /// A tar archive compressed with Zstandard.
    TarZstd,
    /// A layer that the registry does not hold; its bytes are elsewhere and never fetched.
    Foreign,
    /// Not a file system layer that we know.
    Unknown,
}

impl LayerKind {
    /// Returns the kind that a media type names.
    #[must_use]
    pub fn of(media_type: &str) -> Self {
        match essence(media_type) {
            "application/vnd.oci.image.layer.v1.tar"
            | "application/vnd.docker.image.rootfs.diff.tar" => Self::Tar,
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip" => Self::TarGzip,
            "application/vnd.oci.image.layer.v1.tar+zstd"
            | "application/vnd.docker.image.rootfs.diff.tar.zstd" => Self::TarZstd,
            foreign
                if foreign.starts_with("application/vnd.docker.image.rootfs.foreign.diff.tar")
                    || foreign
                        .starts_with("application/vnd.oci.image.layer.nondistributable.v1.tar") =>
            {
                Self::Foreign
            }
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tar => "tar",
            Self::TarGzip => "tar+gzip",
            Self::TarZstd => "tar+zstd",
            Self::Foreign => "foreign",
            Self::Unknown => "unknown",
        })
    }
}

/// Returns a media type without its parameters, `; charset=utf-8` and the like.
pub(crate) fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// Returns whether a media type is an image index or manifest list.
pub(crate) fn is_index(media_type: &str) -> bool {
    matches!(media_type, OCI_INDEX | DOCKER_LIST)
}

/// Returns whether a media type is an image manifest of a form we read.
pub(crate) fn is_image(media_type: &str) -> bool {
    matches!(media_type, OCI_MANIFEST | DOCKER_MANIFEST)
}

/// Returns whether a media type is Docker's manifest schema 1, signed or not.
pub(crate) fn is_schema1(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.docker.distribution.manifest.v1+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_told_by_their_media_type() {
        for (media_type, expected) in [
            ("application/vnd.oci.image.layer.v1.tar", LayerKind::Tar),
            (
                "application/vnd.oci.image.layer.v1.tar+gzip; a=b",
                LayerKind::TarGzip,
            ),
            (
                "application/vnd.oci.image.layer.v1.tar+zstd",
                LayerKind::TarZstd,
            ),
            (
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
                LayerKind::TarGzip,
            ),
            (
                "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                LayerKind::Foreign,
            ),
            (
                "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
                LayerKind::Foreign,
            ),
            (
                "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
                LayerKind::Unknown,
            ),
            ("application/vnd.in-toto+json", LayerKind::Unknown),
            ("", LayerKind::Unknown),
        ] {
            assert_eq!(LayerKind::of(media_type), expected, "{media_type}");
        }
    }
}
