//! The keys of `type=docker-archive`.

use std::path::PathBuf;
use std::sync::Arc;

use scout_envs::{RepositoryFilter, RepositoryName};

use crate::docker_archive::DockerArchive;
use crate::error::Result;
use crate::integration::RegistryIntegration;
use crate::oci_dir::HOST;
use crate::selection::Selection;
use crate::spec::{BuildOptions, Fields, InvalidSpec, Product, Settings, Shared};

/// What `type=docker-archive` is.
pub(crate) static PRODUCT: Product = Product {
    kind: "docker-archive",
    keys: &["path", "repository"],
    is_remote: false,
    sends_events: false,
    variables: None,
    read: |fields, shared| Ok(Arc::new(DockerArchiveSettings::read(fields, shared)?)),
};

#[derive(Debug)]
struct DockerArchiveSettings {
    path: PathBuf,
    filter: RepositoryFilter,
    repositories: Vec<RepositoryName>,
}

impl DockerArchiveSettings {
    fn read(fields: &Fields, shared: &Shared) -> Result<Self, InvalidSpec> {
        Ok(Self {
            path: PathBuf::from(fields.required(PRODUCT.kind, "path")?),
            filter: shared.filter.clone(),
            repositories: fields.repositories()?,
        })
    }
}

impl Settings for DockerArchiveSettings {
    fn host(&self) -> &str {
        HOST
    }

    fn build(&self, _: BuildOptions) -> Result<Arc<dyn RegistryIntegration>> {
        let selection = Selection::new(HOST, self.filter.clone(), self.repositories.clone());
        Ok(Arc::new(DockerArchive::new(&self.path, selection)?))
    }
}
