//! What a watcher works on.

use std::sync::Arc;

use scout_registry::RegistryIntegration;
use scout_store::{OrgId, Store};

use crate::clock::Clock;

/// One registry watched for one organization, and where that is recorded. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Where everything is recorded.
    pub store: Arc<dyn Store>,
    /// The registry.
    pub registry: Arc<dyn RegistryIntegration>,
    /// The organization it is watched for.
    pub org: OrgId,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}
