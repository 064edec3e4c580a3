//! `type=sysdig`: which images run in a cluster, and what of them is in use, as Sysdig knows it.
//!
//! Two of its APIs tell: that of the Risk Spotlight integrations, and the public one.

mod api;
mod region;
mod spec;
mod spotlight;
mod v1;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use scout_http::RedactedUrl;
use tokio::sync::Mutex;

use crate::client::Setup;
use crate::error::{Error, Result};
use crate::integration::{Capabilities, Identity};
use crate::runtime::{RunningImages, RuntimeIntegration};
use crate::stats::{Counters, Stats};
use crate::sysdig::api::Api;
pub(crate) use crate::sysdig::spec::PRODUCT;
use crate::sysdig::v1::Cache;

/// One of the APIs that tell what runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    RiskSpotlight,
    V1,
}

/// Sysdig, asked for one cluster.
#[derive(Debug)]
struct Sysdig {
    identity: Identity,
    cluster: Option<String>,
    api: Api,
    /// The API that the configuration names; else it is found out.
    named: Option<Kind>,
    // Locked while it is found out, so that this happens once.
    found: Mutex<Option<Kind>>,
    cache: Cache,
    counters: Arc<Counters>,
}

impl Sysdig {
    fn new(setup: &Setup, api: Api, named: Option<Kind>, cluster: Option<&str>) -> Self {
        let host = setup.connection.host();
        let id = match cluster {
            Some(cluster) => format!("{host}/{cluster}"),
            None => host.to_owned(),
        };
        Self {
            identity: Identity::new(PRODUCT.kind, id, host, Capabilities::OF_RUNTIME),
            cluster: cluster.map(str::to_owned),
            api,
            named,
            found: Mutex::new(None),
            cache: Cache::default(),
            counters: Arc::clone(&setup.counters),
        }
    }

    /// Returns the API to ask; finds it out if need be.
    async fn kind_to_ask(&self, cluster: &str) -> Result<Kind> {
        if let Some(kind) = self.named {
            return Ok(kind);
        }
        let mut found = self.found.lock().await;
        if let Some(kind) = *found {
            return Ok(kind);
        }
        let kind = self.find(Some(cluster)).await?;
        *found = Some(kind);
        Ok(kind)
    }

    /// Finds out which API answers our token: Risk Spotlight's if it is there.
    async fn find(&self, cluster: Option<&str>) -> Result<Kind> {
        let risk_spotlight = match self.api.probe_spotlight(cluster).await {
            Ok(()) => return Ok(Kind::RiskSpotlight),
            Err(error) if is_not_offered(&error) => error,
            Err(error) => return Err(error),
        };
        match self.api.probe_v1(cluster).await {
            Ok(()) => Ok(Kind::V1),
            Err(error) if is_not_offered(&error) || error.is_unauthorized() => {
                Err(Error::NoRuntimeApi {
                    url: RedactedUrl::from(self.api.base()),
                    risk_spotlight: Box::new(risk_spotlight),
                    source: Box::new(error),
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Tells a cluster in which nothing runs from one that is not known.
    async fn confirm(&self, cluster: &str) -> Result<()> {
        let known = match self.clusters().await {
            Ok(known) => known,
            // The token may not list clusters: what it may list is all there is to know.
            Err(error) if is_not_offered(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        if known.iter().any(|name| name == cluster) {
            return Ok(());
        }
        Err(Error::UnknownCluster {
            host: self.host().to_owned(),
            cluster: cluster.to_owned(),
            known,
        })
    }
}

/// Returns whether an API is not there, or not for us.
fn is_not_offered(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. } | Error::Denied { .. })
}

#[async_trait]
impl RuntimeIntegration for Sysdig {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn cluster(&self) -> Option<&str> {
        self.cluster.as_deref()
    }

    fn stats(&self) -> Stats {
        self.counters.stats()
    }

    async fn check(&self) -> Result<()> {
        let cluster = self.cluster.as_deref();
        let checked = match self.named {
            Some(Kind::RiskSpotlight) => self.api.probe_spotlight(cluster).await,
            Some(Kind::V1) => self.api.probe_v1(cluster).await,
            None => {
                let kind = self.find(cluster).await?;
                // The list of clusters may be missing where that of images is not.
                if cluster.is_some() {
                    *self.found.lock().await = Some(kind);
                }
                Ok(())
            }
        };
        checked.map_err(|error| match error {
            Error::NotFound { .. } => self.api.wrong_api("status 404"),
            error => error,
        })
    }

    async fn clusters(&self) -> Result<Vec<String>> {
        let listed = match self.named {
            Some(Kind::RiskSpotlight) => self.api.spotlight_clusters().await,
            Some(Kind::V1) => self.api.v1_clusters().await,
            None => match self.api.spotlight_clusters().await {
                Err(error) if is_not_offered(&error) => self.api.v1_clusters().await,
                result => result,
            },
        };
        Ok(listed?.into_iter().collect())
    }

    async fn running_images(&self) -> Result<RunningImages> {
        let Some(cluster) = self.cluster.as_deref() else {
            return Err(Error::NoCluster {
                host: self.host().to_owned(),
            });
        };
        let running = match self.kind_to_ask(cluster).await? {
            Kind::RiskSpotlight => self.api.spotlight_images(cluster).await?,
            Kind::V1 => self.api.v1_images(cluster, &self.cache).await?,
        };
        if running.images.is_empty() {
            // Rows that tell of no image are no sign that nothing runs.
            let unusable = running.skipped_rows + running.unidentified;
            if unusable > 0 {
                let detail = format!("none of its rows tells of an image ({unusable})");
                return Err(self.api.wrong_api(&detail));
            }
            self.confirm(cluster).await?;
        }
        Ok(running)
    }
}

#[cfg(test)]
mod tests;
