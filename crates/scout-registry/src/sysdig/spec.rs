//! The keys of `type=sysdig`.

use std::sync::Arc;

use scout_http::HeaderValue;
use url::Url;

use crate::client::Setup;
use crate::error::Result;
use crate::runtime::{RuntimeIntegration, RuntimeProduct, RuntimeSettings};
use crate::spec::{BuildOptions, Connection, Fields, InvalidSpec};
use crate::sysdig::api::{Api, Limits};
use crate::sysdig::{Kind, Sysdig, region};

/// What `type=sysdig` is.
pub(crate) static PRODUCT: RuntimeProduct = RuntimeProduct {
    kind: "sysdig",
    keys: &["region", "url", "api", "ibm-instance"],
    read: |fields| Ok(Arc::new(SysdigSettings::read(fields)?)),
};

#[derive(Debug)]
pub(super) struct SysdigSettings {
    connection: Connection,
    base: Url,
    kind: Option<Kind>,
    instance: Option<HeaderValue>,
    limits: Limits,
}

impl SysdigSettings {
    fn read(fields: &Fields) -> Result<Self, InvalidSpec> {
        let (connection, base) = address(fields)?;
        Ok(Self {
            connection,
            base,
            kind: kind(fields)?,
            instance: instance(fields)?,
            limits: Limits::default(),
        })
    }

    /// Returns settings with other limits, for tests of them.
    #[cfg(test)]
    pub(super) fn for_test(fields: &Fields, limits: Limits) -> Self {
        Self {
            limits,
            ..Self::read(fields).unwrap()
        }
    }
}

fn address(fields: &Fields) -> Result<(Connection, Url), InvalidSpec> {
    let text = match (fields.optional("region")?, fields.optional("url")?) {
        (Some(_), Some(_)) => {
            return Err(InvalidSpec::Both {
                one: "region",
                other: "url",
            });
        }
        (Some(name), None) => {
            let unknown = || InvalidSpec::UnknownRegion {
                value: crate::spec::without_credentials(name),
                known: region::known(),
            };
            format!("https://{}", region::host(name).ok_or_else(unknown)?)
        }
        (None, Some(url)) => url.to_owned(),
        (None, None) => {
            return Err(InvalidSpec::MissingOneOf {
                kind: PRODUCT.kind,
                one: "region",
                other: "url",
            });
        }
    };
    let (connection, mut base) =
        Connection::with_path("url", &text, fields).map_err(|error| match error {
            InvalidSpec::NotAHost { key: "url", value }
            | InvalidSpec::NotAnAddress { key: "url", value } => InvalidSpec::NotAName {
                key: "url",
                value,
                expected: "an address such as https://secure.sysdig.com; the token is no part of it",
            },
            error => error,
        })?;
    // People copy the address of the web interface, or that of the API as its documents show it.
    for tail in ["secure/", "api/"] {
        if let Some(path) = base.path().strip_suffix(tail) {
            let path = path.to_owned();
            base.set_path(&path);
            break;
        }
    }
    Ok((connection, base))
}

fn kind(fields: &Fields) -> Result<Option<Kind>, InvalidSpec> {
    match fields.optional("api")? {
        None => Ok(None),
        Some("risk-spotlight") => Ok(Some(Kind::RiskSpotlight)),
        Some("v1") => Ok(Some(Kind::V1)),
        Some(value) => Err(InvalidSpec::NotOneOf {
            key: "api",
            value: value.to_owned(),
            allowed: "risk-spotlight, v1",
        }),
    }
}

fn instance(fields: &Fields) -> Result<Option<HeaderValue>, InvalidSpec> {
    let Some(value) = fields.optional("ibm-instance")? else {
        return Ok(None);
    };
    let is_guid = value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let header = HeaderValue::from_str(value).ok().filter(|_| is_guid);
    header.map(Some).ok_or_else(|| InvalidSpec::NotAName {
        key: "ibm-instance",
        value: value.escape_debug().to_string(),
        expected: "the GUID of an instance, such as 12345678-1234-1234-1234-123456789012",
    })
}

impl RuntimeSettings for SysdigSettings {
    fn connection(&self) -> &Connection {
        &self.connection
    }

    fn build(
        &self,
        cluster: Option<&str>,
        options: BuildOptions,
    ) -> Result<Arc<dyn RuntimeIntegration>> {
        let setup = Setup::new(&self.connection, options)?;
        let (base, instance) = (self.base.clone(), self.instance.clone());
        let api = Api::new(&setup, base, instance, self.limits);
        Ok(Arc::new(Sysdig::new(&setup, api, self.kind, cluster)))
    }
}
