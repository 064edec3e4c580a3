//! Service discovery for Prometheus (`http_sd_configs`): one target for each organization that the
//! bearer of a token may read.
//!
//! Format: <https://prometheus.io/docs/prometheus/latest/http_sd/>.

mod address;

use axum::Extension;
use axum::extract::State;
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use scout_api::{ErrorBody, metrics_path};
use scout_envs::OrgName;
use serde::Serialize;

pub use address::{InvalidPublicAddress, PublicAddress};

use crate::auth::readable_organizations;
use crate::exporter::Exporter;
use crate::failure::Failure;
use crate::serve::Peer;

/// Where Prometheus finds the targets.
pub const DISCOVERY_ROUTE: &str = "/v1/sd";

/// Targets with the same labels, as Prometheus reads them.
#[derive(Debug, Serialize)]
struct TargetGroup<'a> {
    targets: [&'a str; 1],
    labels: Labels<'a>,
}

/// What is known of a target. Labels that begin with two underscores say how to scrape it and end
/// with relabelling; `org` stays, and tells the targets at one address apart.
#[derive(Debug, Serialize)]
struct Labels<'a> {
    #[serde(rename = "__scheme__")]
    scheme: &'static str,
    #[serde(rename = "__metrics_path__")]
    path: String,
    org: &'a OrgName,
}

/// Lists the organizations that the token may read, each as a target.
pub(crate) async fn discover(
    State(exporter): State<Exporter>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let peer = peer.map(|Extension(peer)| peer);
    let organizations = readable_organizations(&exporter, &headers, peer).await?;
    let Some(address) = address(&exporter, &headers) else {
        return Ok(no_address());
    };
    let groups: Vec<_> = organizations
        .iter()
        .map(|org| TargetGroup {
            targets: [address.authority()],
            labels: Labels {
                scheme: address.scheme_or(exporter.scheme()),
                path: metrics_path(org),
                org,
            },
        })
        .collect();
    // Names and a checked address: they are text whatever they are.
    let body = serde_json::to_string(&groups).map_err(|_impossible| Failure::Unavailable)?;
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let varies = [(VARY, AUTHORIZATION.as_str()), (VARY, HOST.as_str())];
    Ok((headers, axum::response::AppendHeaders(varies), body).into_response())
}

/// Returns at which address this server is reached: that of `--public-address`, else what the
/// caller wrote. Who lies about it misleads nobody but itself: no answer is kept anywhere.
fn address(exporter: &Exporter, headers: &HeaderMap) -> Option<PublicAddress> {
    if let Some(address) = exporter.public_address() {
        return Some(address.clone());
    }
    let mut values = headers.get_all(HOST).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    PublicAddress::of_host(value.to_str().ok()?)
}

fn no_address() -> Response {
    let message = "send one Host header with the address of this server, or start it with \
                   --public-address";
    let body = ErrorBody::new(scout_api::ErrorCode::NotFound, message);
    let body = serde_json::to_string(&body).unwrap_or_default();
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (StatusCode::BAD_REQUEST, headers, body).into_response()
}
