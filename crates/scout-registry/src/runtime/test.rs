//! A test of a runtime from end to end: what a person wants to know before saving it.

use std::fmt;

use crate::error::Error;
use crate::runtime::{RunningImages, RuntimeIntegration};

/// What a test found.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RuntimeTestReport {
    /// The clusters that are known, sorted. None if they could not be listed, but what runs in
    /// the chosen one could.
    pub clusters: Vec<String>,
    /// What runs in the chosen cluster, if one is chosen.
    pub running: Option<RunningImages>,
}

impl fmt::Display for RuntimeTestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(running) = &self.running else {
            return write!(f, "{}", counted(self.clusters.len(), "cluster"));
        };
        let workloads: usize = running.images.iter().map(|it| it.workloads.len()).sum();
        let profiled = running.images.iter();
        let profiled = profiled.filter(|it| it.packages_in_use.is_some()).count();
        write!(
            f,
            "{} in {}; packages in use are known of {profiled}",
            counted(running.images.len(), "running image"),
            counted(workloads, "container"),
        )
    }
}

fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// What a test was doing when it failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RuntimeTestStep {
    /// Reaching the address, and being let in.
    Connect,
    /// Listing the clusters.
    ListClusters,
    /// Listing what runs in the cluster.
    ListImages,
}

impl fmt::Display for RuntimeTestStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::ListClusters => "listing the clusters",
            Self::ListImages => "listing the running images",
        })
    }
}

/// Why a test failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{step} failed; {}", advice(.source))]
#[non_exhaustive]
pub struct FailedRuntimeTest {
    /// The step.
    pub step: RuntimeTestStep,
    /// How it failed.
    pub source: Error,
}

/// Says what to do, a clause that starts in lower case.
fn advice(error: &Error) -> &'static str {
    match error {
        Error::Unauthorized { .. } | Error::UnusableCredentials => {
            "check token=, and that it was made in this region"
        }
        Error::Denied { .. } => "give the token the right to read it, or use another token",
        Error::WrongApi { .. }
        | Error::UnexpectedStatus { .. }
        | Error::InvalidAnswer { .. }
        | Error::NotFound { .. }
        | Error::RefusedRedirect { .. } => "check region= or url=: something else answers there",
        error => error.advice(),
    }
}

/// Tests everything that is needed later: address, token, clusters and, if a cluster is chosen,
/// that it is known and what runs in it can be listed.
///
/// # Errors
///
/// The first step that failed, with what to do next.
pub async fn test_runtime(
    runtime: &dyn RuntimeIntegration,
) -> Result<RuntimeTestReport, FailedRuntimeTest> {
    let at = |step| move |source| FailedRuntimeTest { step, source };
    let checked = runtime.check().await;
    checked.map_err(at(RuntimeTestStep::Connect))?;
    let clusters = runtime.clusters().await;
    let Some(cluster) = runtime.cluster() else {
        return Ok(RuntimeTestReport {
            clusters: clusters.map_err(at(RuntimeTestStep::ListClusters))?,
            running: None,
        });
    };
    // A token may read one cluster and not the list of all.
    let clusters = clusters.unwrap_or_default();
    if !clusters.is_empty() && !clusters.iter().any(|known| known == cluster) {
        return Err(at(RuntimeTestStep::ListImages)(Error::UnknownCluster {
            host: runtime.host().to_owned(),
            cluster: cluster.to_owned(),
            known: clusters,
        }));
    }
    let running = runtime.running_images().await;
    Ok(RuntimeTestReport {
        clusters,
        running: Some(running.map_err(at(RuntimeTestStep::ListImages))?),
    })
}
