//! The routes.

use axum::extract::rejection::PathRejection;
use axum::extract::{MatchedPath, Path, Request, State};
use axum::http::HeaderMap;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use scout_api::{METRICS_ROUTE, OLDER_METRICS_ROUTE};
use scout_envs::OrgName;

use crate::discovery::{DISCOVERY_ROUTE, discover};
use crate::exporter::Exporter;
use crate::failure::Failure;
use crate::health::{page, told};
use crate::scrape::scrape;
use crate::serve::Peer;

impl Exporter {
    /// Returns the routes. No request body is read by any of them.
    pub fn router(&self) -> Router {
        Router::new()
            .route(METRICS_ROUTE, get(metrics))
            .route(OLDER_METRICS_ROUTE, get(metrics))
            .route(DISCOVERY_ROUTE, get(discover))
            .route("/healthz", get(health))
            .route("/metrics", get(own_metrics))
            .fallback(async || Failure::NotFound)
            .method_not_allowed_fallback(async || Failure::MethodNotAllowed)
            .layer(middleware::from_fn_with_state(self.clone(), count))
            .with_state(self.clone())
    }
}

/// The metrics of an organization.
async fn metrics(
    State(exporter): State<Exporter>,
    org: Result<Path<String>, PathRejection>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    // Anybody may know that such a name cannot exist.
    let org = org.ok().and_then(|Path(name)| name.parse::<OrgName>().ok());
    let org = org.ok_or(Failure::UnknownOrganization)?;
    let peer = peer.map(|Extension(peer)| peer);
    scrape(&exporter, &org, peer, &headers).await
}

/// Whether the source answers, asked now.
async fn health(State(exporter): State<Exporter>) -> Response {
    let answer = exporter.check_health().await;
    told(answer.map_err(|error| error.to_string()))
}

/// The server's own metrics.
async fn own_metrics(State(exporter): State<Exporter>, headers: HeaderMap) -> Response {
    let now = exporter.now();
    let mut exposition = exporter
        .stats()
        .exposition(exporter.version(), &exporter.state(), now);
    let upstream = exporter.upstream();
    for family in upstream
        .map(|upstream| upstream.families(now))
        .unwrap_or_default()
    {
        exposition.insert(family);
    }
    exporter.maker().insert_into(&mut exposition);
    exporter.gate().insert_into(&mut exposition);
    for family in exporter.other_families(now) {
        exposition.insert(family);
    }
    page(&exposition, &headers)
}

/// Counts every answer, under the route as it is written here and never under the path that came.
async fn count(State(exporter): State<Exporter>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("other", MatchedPath::as_str);
    exporter.stats().count_request(route, response.status());
    response
}
