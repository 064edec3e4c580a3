//! What runs where: one interface to everything that knows which images a cluster runs.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod image;
mod merge;
mod spec;
mod test;

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::integration::{Capabilities, Identity};
use crate::stats::Stats;

pub use crate::runtime::image::{
    PackageInUse, RunningContainer, RunningImage, RunningImages, Workload,
};
pub(crate) use crate::runtime::merge::{Limit, Merge};
pub use crate::runtime::spec::RuntimeSpec;
pub(crate) use crate::runtime::spec::{RuntimeProduct, RuntimeSettings};
pub use crate::runtime::test::{
    FailedRuntimeTest, RuntimeTestReport, RuntimeTestStep, test_runtime,
};

/// A source that knows which images run in a cluster.
///
/// # Contract
///
/// - Methods may be called from several tasks at once.
/// - Dropping a returned future stops the work and leaves nothing half done.
/// - A list is complete, or there is an error: who replaces what was known before by it loses
///   nothing to a page that failed.
/// - Every body is bounded, every repeat is bounded. What failed for a passing reason was tried
///   again.
/// - Credentials go to the address that was configured only, and appear in no error, `Debug`
///   output or address.
/// - No clock and no environment is read. Nothing is changed at the source.
///
/// # Examples
///
/// ```
/// use scout_registry::runtime::{RuntimeSpec, test_runtime};
/// use scout_registry::{BuildOptions, Parameters, RegistryCredentials};
/// use secrecy::SecretString;
///
/// let pairs = [("token", "env:SYSDIG_TOKEN"), ("region", "us2"), ("cluster", "prod")];
/// let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
/// let spec = RuntimeSpec::new(&Parameters::new("sysdig", pairs))?;
///
/// // The token is read by whoever owns the environment.
/// let token = RegistryCredentials::Bearer(SecretString::from("from SYSDIG_TOKEN"));
/// let runtime = spec.build(BuildOptions::new("example/1.0").with_credentials(token))?;
/// assert_eq!(runtime.key(), "sysdig:us2.app.sysdig.com/prod");
///
/// let show = async {
///     let report = test_runtime(&*runtime).await?;
///     println!("{report}; clusters: {}", report.clusters.join(", "));
///     for image in runtime.running_images().await?.images {
///         let in_use = match &image.packages_in_use {
///             Some(packages) => format!("{} packages in use", packages.len()),
///             None => "packages in use are not known".to_owned(),
///         };
///         println!("{:?} {:?}: {in_use}", image.image_id, image.workloads);
///     }
///     Ok::<_, Box<dyn std::error::Error>>(())
/// };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[async_trait]
pub trait RuntimeIntegration: fmt::Debug + Send + Sync + 'static {
    /// Returns what this integration is.
    fn identity(&self) -> &Identity;

    /// Returns the kind of this integration, as in `type=`.
    fn kind(&self) -> &'static str {
        self.identity().kind()
    }

    /// Returns the identity under which its share is stored: equal for equal clusters, stable
    /// over restarts, for instance `sysdig:secure.sysdig.com/prod`.
    fn key(&self) -> &str {
        self.identity().key()
    }

    /// Returns the host that is asked.
    fn host(&self) -> &str {
        self.identity().host()
    }

    /// Returns what this integration can do.
    fn capabilities(&self) -> Capabilities {
        self.identity().capabilities()
    }

    /// Returns the cluster whose images are listed, if one was chosen.
    fn cluster(&self) -> Option<&str> {
        None
    }

    /// Returns what was asked for so far.
    fn stats(&self) -> Stats;

    /// Checks the address and the token, without listing anything. See [`test_runtime`] for a
    /// test of everything.
    async fn check(&self) -> Result<()>;

    /// Lists the names of the clusters that are known, sorted, each once.
    async fn clusters(&self) -> Result<Vec<String>>;

    /// Lists all images that run in the cluster.
    ///
    /// A cluster in which nothing runs has an empty list; one that is not known is an error.
    async fn running_images(&self) -> Result<RunningImages>;
}
