//! Where things are on the server.

use scout_envs::OrgName;

/// The path of the metrics endpoint, with `{org}` for the organization.
pub const METRICS_ROUTE: &str = "/v1/exporter/org/{org}/metrics";
/// The path of the metrics endpoint as it was first documented; it still works.
pub const OLDER_METRICS_ROUTE: &str = "/v1/exporter/org/{org}";

/// Returns the path of an organization's metrics.
#[must_use]
pub fn metrics_path(org: &OrgName) -> String {
    // The letters of an organization's name need no escaping.
    METRICS_ROUTE.replace("{org}", org.as_str())
}

/// Returns the path of an organization's metrics as it was first documented.
#[must_use]
pub fn older_metrics_path(org: &OrgName) -> String {
    OLDER_METRICS_ROUTE.replace("{org}", org.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_documentation() {
        let org = "dockerscoutpolicy".parse().unwrap();
        assert_eq!(
            metrics_path(&org),
            "/v1/exporter/org/dockerscoutpolicy/metrics"
        );
        assert_eq!(
            older_metrics_path(&org),
            "/v1/exporter/org/dockerscoutpolicy"
        );
    }
}
