//! Regions of Sysdig, as `global.sysdig.region` has them, and the hosts of their API.
//!
//! Source: sysdiglabs/charts, `secure_api_endpoint` of `_regions.tpl` (2026-08-21), which has all
//! but the two that say otherwise.

/// Sysdig's own regions. Each also exists with `-alt` behind its name: another way in for the
/// agents, the same API.
const REGIONS: &[(&str, &str)] = &[
    ("us1", "secure.sysdig.com"),
    ("us2", "us2.app.sysdig.com"),
    ("us3", "app.us3.sysdig.com"),
    ("us4", "app.us4.sysdig.com"),
    ("eu1", "eu1.app.sysdig.com"),
    ("eu2", "app.eu2.sysdig.com"),
    ("au1", "app.au1.sysdig.com"),
    ("in1", "app.in1.sysdig.com"),
    // Sysdig's list of regions and addresses, through public copies only.
    ("jp1", "app.jp1.sysdig.com"),
    ("me2", "app.me2.sysdig.com"),
];

/// Regions of IBM Cloud, where Sysdig is called Workload Protection. The chart writes them with
/// `-secure` or `-monitor` behind, and `-private` before that for the private network.
const IBM_REGIONS: &[&str] = &[
    "au-syd", "br-sao", "ca-tor", "eu-de", // IBM's page of endpoints only.
    "eu-es", "eu-gb", "jp-osa", "jp-tok", "us-east", "us-south",
];

/// What stands behind the name of a region in the host at IBM.
const IBM_DOMAIN: &str = "security-compliance-secure.cloud.ibm.com";

/// Returns the host of a region's API.
pub(super) fn host(region: &str) -> Option<String> {
    let own = region.strip_suffix("-alt").unwrap_or(region);
    if let Some((_, host)) = REGIONS.iter().find(|(name, _)| *name == own) {
        return Some((*host).to_owned());
    }
    let name = ["-secure", "-monitor"]
        .iter()
        .find_map(|tail| region.strip_suffix(tail))
        .unwrap_or(region);
    let (name, network) = match name.strip_suffix("-private") {
        Some(name) => (name, "private."),
        None => (name, ""),
    };
    IBM_REGIONS
        .contains(&name)
        .then(|| format!("{network}{name}.{IBM_DOMAIN}"))
}

/// Returns the regions for people.
pub(super) fn known() -> String {
    let own: Vec<_> = REGIONS.iter().map(|(name, _)| *name).collect();
    let (own, ibm) = (own.join(", "), IBM_REGIONS.join(", "));
    format!("{own} (or with -alt), and of IBM Cloud {ibm} (or with -private, -secure, -monitor)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_those_of_the_agents() {
        for (region, expected) in [
            ("us1", Some("secure.sysdig.com")),
            ("us1-alt", Some("secure.sysdig.com")),
            ("us2", Some("us2.app.sysdig.com")),
            ("us4", Some("app.us4.sysdig.com")),
            ("eu1-alt", Some("eu1.app.sysdig.com")),
            (
                "us-south-secure",
                Some("us-south.security-compliance-secure.cloud.ibm.com"),
            ),
            (
                "eu-de-monitor",
                Some("eu-de.security-compliance-secure.cloud.ibm.com"),
            ),
            (
                "jp-tok-private-secure",
                Some("private.jp-tok.security-compliance-secure.cloud.ibm.com"),
            ),
            (
                "eu-gb",
                Some("eu-gb.security-compliance-secure.cloud.ibm.com"),
            ),
            ("us5", None),
            ("US1", None),
            ("custom", None),
            ("us1-secure", None),
            ("us-south-alt", None),
            ("evil.example.com/", None),
            ("", None),
        ] {
            assert_eq!(host(region).as_deref(), expected, "{region}");
        }
    }
}
