//! Which registry an event is from: names in it are compared, and never asked.

/// The names of one registry.
#[derive(Debug)]
pub(super) struct Origin {
    /// Its hosts, in lower case.
    hosts: Vec<String>,
    /// The names of its resource; none if the hosts do not tell.
    names: Vec<String>,
}

impl Origin {
    pub(super) fn new(hosts: impl Iterator<Item = String>) -> Self {
        let hosts: Vec<_> = hosts.map(|host| host.to_ascii_lowercase()).collect();
        Self {
            names: hosts
                .iter()
                .filter_map(|host| resource_name(host))
                .collect(),
            hosts,
        }
    }

    /// Returns whether an event names this registry, where it names one: by the path of a
    /// resource, and by the host that was asked when it happened.
    pub(super) fn is_ours(&self, topic: Option<&str>, host: Option<&str>) -> bool {
        let topic = topic.unwrap_or_default().trim_end_matches('/');
        let name = topic.rsplit('/').next().unwrap_or_default();
        let is_name = name.is_empty()
            || self.names.is_empty()
            || self.names.iter().any(|own| own.eq_ignore_ascii_case(name));
        let host = host.unwrap_or_default().to_ascii_lowercase();
        is_name && (host.is_empty() || self.hosts.iter().any(|own| is_same(own, &host)))
    }
}

/// Returns the name of the resource behind a host, `contoso` for `contoso.azurecr.io` and for
/// `contoso-a1b2c3.azurecr.io`: names have no hyphen, what follows one makes the host unique.
/// Addresses and hosts with a port tell nothing.
fn resource_name(host: &str) -> Option<String> {
    let (label, _) = host.split_once('.')?;
    let is_address = host.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_address || host.contains([':', '[']) {
        return None;
    }
    label.split('-').next().map(str::to_owned)
}

/// Returns whether a host is ours: the same, or one of its regions
/// (`contoso.westeurope.geo.azurecr.io`).
fn is_same(own: &str, host: &str) -> bool {
    if own == host {
        return true;
    }
    let (Some((label, domain)), Some((own_label, own_domain))) =
        (host.split_once('.'), own.split_once('.'))
    else {
        return false;
    };
    let region = domain.strip_suffix(own_domain);
    label == own_label && region.is_some_and(|region| region.ends_with(".geo."))
}
