//! The keys of `type=oci-dir`.

use std::path::PathBuf;
use std::sync::Arc;

use scout_envs::{RepositoryFilter, RepositoryName};

use crate::error::Result;
use crate::integration::RegistryIntegration;
use crate::oci_dir::{HOST, OciDirectory};
use crate::selection::Selection;
use crate::spec::{BuildOptions, Fields, InvalidSpec, Product, Settings, Shared};

/// What `type=oci-dir` is.
pub(crate) static PRODUCT: Product = Product {
    kind: "oci-dir",
    keys: &["path", "repository"],
    is_remote: false,
    sends_events: false,
    variables: None,
    read: |fields, shared| Ok(Arc::new(OciDirSettings::read(fields, shared)?)),
};

#[derive(Debug)]
struct OciDirSettings {
    path: PathBuf,
    filter: RepositoryFilter,
    repositories: Vec<RepositoryName>,
}

impl OciDirSettings {
    fn read(fields: &Fields, shared: &Shared) -> Result<Self, InvalidSpec> {
        Ok(Self {
            path: PathBuf::from(fields.required(PRODUCT.kind, "path")?),
            filter: shared.filter.clone(),
            repositories: fields.repositories()?,
        })
    }
}

impl Settings for OciDirSettings {
    fn host(&self) -> &str {
        HOST
    }

    fn build(&self, _: BuildOptions) -> Result<Arc<dyn RegistryIntegration>> {
        let selection = Selection::new(HOST, self.filter.clone(), self.repositories.clone());
        Ok(Arc::new(OciDirectory::new(&self.path, selection)?))
    }
}
