//! Which organizations the bearer of a token may read, for service discovery.

use axum::http::HeaderMap;
use scout_api::Token;
use scout_envs::OrgName;
use sha2::{Digest as _, Sha256};

use super::{bearer, grant, refused};
use crate::auth::failures::Address;
use crate::exporter::Exporter;
use crate::failure::Failure;
use crate::serve::Peer;
use crate::upstream::UpstreamToken;

/// Returns the organizations whose metrics this token reads, at least one: its own, or those that
/// are read from another server with it.
pub(crate) async fn readable_organizations(
    exporter: &Exporter,
    headers: &HeaderMap,
    peer: Option<Peer>,
) -> Result<Vec<OrgName>, Failure> {
    let address = peer.map(Peer::network);
    let found = find(exporter, headers, address).await;
    found.map_err(|failure| refused(exporter, address, failure))
}

async fn find(
    exporter: &Exporter,
    headers: &HeaderMap,
    address: Address,
) -> Result<Vec<OrgName>, Failure> {
    let text = bearer(headers).ok_or(Failure::NoToken)?;
    if let Some(found) = find_upstream(exporter, text) {
        return found;
    }
    let token = Token::parse(text).map_err(|reason| {
        tracing::debug!(%reason, "refused a token");
        Failure::InvalidToken
    })?;
    let granted = grant(exporter, token.hash(), address).await?;
    let granted = granted.ok_or(Failure::InvalidToken)?;
    let now = exporter.now();
    if granted.is_expired(now) {
        return Err(Failure::ExpiredToken);
    }
    exporter.gate().uses.note(token.hash(), now);
    if !granted.role.may_read_metrics() {
        return Err(Failure::NotOwner);
    }
    Ok(vec![granted.org])
}

/// Decides on a token that another server is read with; nothing if it is none.
fn find_upstream(exporter: &Exporter, text: &str) -> Option<Result<Vec<OrgName>, Failure>> {
    let upstream = exporter.upstream()?;
    let hash = Sha256::digest(text.as_bytes()).into();
    let (mut found, mut refusal) = (Vec::new(), None);
    for org in upstream.organizations() {
        match upstream.token(&org, &hash) {
            UpstreamToken::Other => {}
            // It is the one that is configured: that nothing was read yet, its scrape tells.
            UpstreamToken::Accepted | UpstreamToken::Unconfirmed => found.push(org),
            UpstreamToken::Unauthorized => refusal = Some(Failure::InvalidToken),
            UpstreamToken::Forbidden => refusal = Some(Failure::NotOwner),
        }
    }
    match (found.is_empty(), refusal) {
        (false, _) => Some(Ok(found)),
        (true, Some(refusal)) => Some(Err(refusal)),
        (true, None) => None,
    }
}
