//! Registry strings: `type=oci,registry=registry.example.com,include=team/*`.
//!
//! One CSV record of `key=value`, as `docker scout watch` takes it; a bare host means `type=oci`.

mod field;
mod invalid;
mod options;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use scout_envs::RepositoryName;
use scout_http::rule;
use url::Url;

use crate::error::Result;
use crate::filter::Filter;
use crate::integration::RegistryIntegration;
use crate::oci::OciRegistry;
use crate::oci_dir::OciDirectory;
use crate::spec::field::Fields;
pub use crate::spec::invalid::InvalidSpec;
use crate::spec::invalid::without_credentials;
pub use crate::spec::options::BuildOptions;

/// A registry string that was read and checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RegistrySpec {
    /// `type=oci`: a registry that speaks the OCI distribution protocol.
    Oci(OciSpec),
    /// `type=oci-dir`: an OCI image layout in a directory.
    OciDir(OciDirSpec),
}

/// The types that can be named.
const TYPES: &[&str] = &["oci", "oci-dir"];
/// The keys of `type=oci`.
const OCI_KEYS: &[&str] = &[
    "type",
    "registry",
    "include",
    "includes",
    "exclude",
    "excludes",
    "repository",
    "insecure",
    "ca",
    "allow-host",
];
/// The keys of `type=oci-dir`.
const OCI_DIR_KEYS: &[&str] = &["type", "path", "include", "includes", "exclude", "excludes"];

impl RegistrySpec {
    /// Reads a registry string.
    ///
    /// # Errors
    ///
    /// [`InvalidSpec`] names what is wrong, and what is allowed.
    pub fn parse(text: &str) -> Result<Self, InvalidSpec> {
        let fields = Fields::parse(text)?;
        match fields.kind()? {
            "oci" => OciSpec::from_fields(&fields).map(Self::Oci),
            "oci-dir" => OciDirSpec::from_fields(&fields).map(Self::OciDir),
            unknown => Err(InvalidSpec::UnknownType {
                name: without_credentials(unknown),
                allowed: TYPES.join(", "),
            }),
        }
    }

    /// Returns the file with extra certificate authorities, which the caller reads into
    /// [`BuildOptions::with_ca_pem`].
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        match self {
            Self::Oci(spec) => spec.ca.as_deref(),
            Self::OciDir(_) => None,
        }
    }

    /// Makes the integration; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// When the options cannot be used with it.
    pub fn build(&self, options: BuildOptions) -> Result<Arc<dyn RegistryIntegration>> {
        Ok(match self {
            Self::Oci(spec) => Arc::new(OciRegistry::new(spec, options)?),
            Self::OciDir(spec) => Arc::new(OciDirectory::new(spec, options)?),
        })
    }
}

/// `type=oci`, checked.
#[derive(Clone, Debug)]
pub struct OciSpec {
    base: Url,
    host: String,
    filter: Filter,
    repositories: Vec<RepositoryName>,
    insecure: bool,
    ca: Option<PathBuf>,
    allowed_hosts: Vec<String>,
}

impl OciSpec {
    fn from_fields(fields: &Fields) -> Result<Self, InvalidSpec> {
        fields.check_keys("oci", OCI_KEYS)?;
        let insecure = fields.flag("insecure")?;
        let ca = fields.optional("ca")?.map(PathBuf::from);
        let (base, host) = address(fields.required("oci", "registry")?, insecure, ca.is_some())?;
        let repositories = fields
            .list(&["repository"])
            .into_iter()
            .map(RepositoryName::try_from)
            .collect::<Result<_, _>>()?;
        let allowed_hosts = fields.list(&["allow-host"]);
        let is_host = |host: &&String| {
            Url::parse(&format!("https://{host}/")).is_ok_and(|url| {
                url.path() == "/" && url.username().is_empty() && url.query().is_none()
            })
        };
        if let Some(bad) = allowed_hosts.iter().find(|host| !is_host(host)) {
            return Err(InvalidSpec::NotAHost {
                key: "allow-host",
                value: without_credentials(bad),
            });
        }
        Ok(Self {
            base,
            host,
            filter: fields.filter()?,
            repositories,
            insecure,
            ca,
            allowed_hosts: allowed_hosts
                .into_iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
        })
    }

    /// Returns the address that is asked.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Returns the registry as people write it, `host[:port]`; `docker.io` for Docker Hub.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns which repositories are looked at.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Returns the repositories that are named.
    #[must_use]
    pub fn repositories(&self) -> &[RepositoryName] {
        &self.repositories
    }

    /// Returns whether plain HTTP to other machines was allowed.
    #[must_use]
    pub fn allows_plain_http(&self) -> bool {
        self.insecure
    }

    /// Returns the other hosts that were approved, `host` or `host:port`.
    #[must_use]
    pub fn allowed_hosts(&self) -> &[String] {
        &self.allowed_hosts
    }
}

/// Docker Hub's names, and the host that serves its images.
const DOCKER_HUB: &[&str] = &["docker.io", "index.docker.io", "registry-1.docker.io"];
const DOCKER_HUB_SERVER: &str = "registry-1.docker.io";

/// Reads `[scheme://]host[:port]`. Without a scheme it is https; but http for a registry on this
/// machine, unless a certificate authority is named, and with `insecure=true`.
fn address(text: &str, insecure: bool, has_ca: bool) -> Result<(Url, String), InvalidSpec> {
    let bad = || InvalidSpec::NotAHost {
        key: "registry",
        value: without_credentials(text),
    };
    let is_explicit = text.contains("://");
    let mut url = if is_explicit {
        Url::parse(text)
    } else {
        Url::parse(&format!("https://{text}"))
    }
    .ok()
    .filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
    })
    .ok_or_else(bad)?;
    if !is_explicit && (insecure || (rule::is_loopback(&url) && !has_ca)) {
        // Parsed again: the port that is left out depends on the scheme.
        url = Url::parse(&format!("http://{text}")).ok().ok_or_else(bad)?;
    }
    if !rule::is_scheme_allowed(&url, insecure) {
        return Err(InvalidSpec::PlainHttp {
            registry: text.to_owned(),
        });
    }
    let host = url.host_str().ok_or_else(bad)?.to_owned();
    if DOCKER_HUB.contains(&host.as_str()) && url.port().is_none() {
        url.set_host(Some(DOCKER_HUB_SERVER)).ok().ok_or_else(bad)?;
        return Ok((url, "docker.io".to_owned()));
    }
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    };
    Ok((url, host))
}

/// `type=oci-dir`, checked.
#[derive(Clone, Debug)]
pub struct OciDirSpec {
    path: PathBuf,
    filter: Filter,
}

impl OciDirSpec {
    fn from_fields(fields: &Fields) -> Result<Self, InvalidSpec> {
        fields.check_keys("oci-dir", OCI_DIR_KEYS)?;
        Ok(Self {
            path: PathBuf::from(fields.required("oci-dir", "path")?),
            filter: fields.filter()?,
        })
    }

    /// Returns the directory, as it was written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns which repositories are looked at.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }
}

#[cfg(test)]
mod tests;
