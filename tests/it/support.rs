//! What the tests stand on: programs, data directories, layouts, servers.

pub(crate) mod artifactory;
pub(crate) mod azure;
pub(crate) mod fake;
pub(crate) mod guard;
pub(crate) mod hosted;
pub(crate) mod http;
pub(crate) mod layout;
pub(crate) mod metrics;
pub(crate) mod nginx;
pub(crate) mod openssl;
pub(crate) mod program;
pub(crate) mod prometheus;
pub(crate) mod random;
pub(crate) mod registry;
pub(crate) mod scout;
pub(crate) mod serving;
pub(crate) mod slack;
pub(crate) mod sysdig;
pub(crate) mod testbed;
pub(crate) mod token_server;
pub(crate) mod transcript;
pub(crate) mod truth;
pub(crate) mod web;
pub(crate) mod workspace;
