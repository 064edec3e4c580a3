//! Who may read an organization's metrics.
//!
//! A good token is never refused for what others do: the limit on failures counts refusals alone,
//! and who is over it is still let in with a token that the store has.

mod failures;
mod grants;
mod known;
mod readable;
mod stats;
mod uses;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use scout_api::Token;
use scout_envs::OrgName;
use scout_metrics::Exposition;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::auth::failures::{Address, Failures};
use crate::auth::grants::Grants;
use crate::auth::known::Known;
pub(crate) use crate::auth::readable::readable_organizations;
use crate::auth::stats::GateStats;
pub(crate) use crate::auth::stats::{CHECKED, REFUSED};
use crate::auth::uses::Uses;
use crate::exporter::{Exporter, POLL_TIMEOUT, REQUEST_TIMEOUT, in_time};
use crate::failure::Failure;
use crate::lookup::Lookups;
use crate::serve::Peer;
use crate::source::TokenGrant;
use crate::stats::Operation;
use crate::upstream::UpstreamToken;

/// What an exporter knows of those who ask.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    lookups: Lookups,
    grants: Grants,
    failures: Failures,
    known: Known,
    uses: Uses,
    stats: GateStats,
}

impl Gate {
    /// Adds what was counted.
    pub(crate) fn insert_into(&self, exposition: &mut Exposition) {
        self.stats.insert_into(exposition);
    }
}

/// Lets an owner of the organization pass.
///
/// Whether an organization exists is told to holders of a good token only.
pub(crate) async fn authorize(
    exporter: &Exporter,
    org: &OrgName,
    headers: &HeaderMap,
    peer: Option<Peer>,
) -> Result<(), Failure> {
    let address = peer.map(Peer::network);
    let checked = check(exporter, org, headers, address).await;
    checked.map_err(|failure| refused(exporter, address, failure))
}

/// Counts a failure, and returns what is answered.
fn refused(exporter: &Exporter, address: Address, failure: Failure) -> Failure {
    let gate = exporter.gate();
    let failure = match failure {
        Failure::TooManyFailures { .. } | Failure::Unavailable => failure,
        refusal => match gate.failures.count(address, Instant::now()) {
            Ok(()) => refusal,
            Err(wait) => Failure::too_many(wait),
        },
    };
    if let Some(refusal) = failure.refusal() {
        gate.stats.count_refusal(refusal);
    }
    failure
}

async fn check(
    exporter: &Exporter,
    org: &OrgName,
    headers: &HeaderMap,
    address: Address,
) -> Result<(), Failure> {
    let text = bearer(headers).ok_or(Failure::NoToken)?;
    if let Some(answer) = check_upstream(exporter, org, text) {
        return answer;
    }
    let token = Token::parse(text).map_err(|reason| {
        tracing::debug!(%org, %reason, "refused a token");
        Failure::InvalidToken
    })?;
    let hash = token.hash();
    let grant = grant(exporter, hash, address).await?;
    let grant = grant.ok_or(Failure::InvalidToken)?;
    let now = exporter.now();
    if grant.is_expired(now) {
        return Err(Failure::ExpiredToken);
    }
    exporter.gate().uses.note(hash, now);
    if grant.org != *org {
        if let Some(wait) = too_often(exporter, address) {
            return Err(wait);
        }
        let question = exporter.source().org_exists(org);
        let exists = exporter.ask(Operation::Organization, question).await?
            || exporter
                .upstream()
                .is_some_and(|upstream| upstream.organizations().contains(org));
        return Err(if exists {
            Failure::OtherOrganization
        } else {
            Failure::UnknownOrganization
        });
    }
    if !grant.role.may_read_metrics() {
        return Err(Failure::NotOwner);
    }
    Ok(())
}

/// Returns what a token grants: out of memory if nothing was committed since it was looked up, else
/// looked up, together with the requests that come with it at the same time.
async fn grant(
    exporter: &Exporter,
    hash: [u8; 32],
    address: Address,
) -> Result<Option<TokenGrant>, Failure> {
    let gate = exporter.gate();
    let mark = exporter.source().change_mark();
    if let Some(grant) = mark.and_then(|mark| gate.grants.get(mark, &hash)) {
        gate.stats.count_in_memory();
        return Ok(Some(grant));
    }
    if let Some(wait) = too_often(exporter, address)
        && !gate.known.may_be(exporter, &hash).await?
    {
        return Err(wait);
    }
    let asked = exporter.clone();
    let look = async move {
        let (gate, source) = (asked.gate(), asked.source());
        // Before the look: a grant that is kept under it is of the mark or younger.
        let mark = source.change_mark();
        let found = asked.ask(Operation::Token, source.token(&hash)).await?;
        gate.stats.count_in_store();
        if let (Some(mark), Some(grant)) = (mark, &found) {
            gate.grants.keep(mark, hash, grant.clone());
        }
        Ok(found)
    };
    gate.lookups.find(hash, REQUEST_TIMEOUT, look).await
}

/// Returns the answer for an address that is refused too often, if it is.
fn too_often(exporter: &Exporter, address: Address) -> Option<Failure> {
    let wait = exporter.gate().failures.wait(address, Instant::now());
    wait.map(Failure::too_many)
}

/// Decides on a token that another server knows; nothing if it is none.
fn check_upstream(exporter: &Exporter, org: &OrgName, text: &str) -> Option<Result<(), Failure>> {
    let upstream = exporter.upstream()?;
    let hash = Sha256::digest(text.as_bytes()).into();
    match upstream.token(org, &hash) {
        UpstreamToken::Other => None,
        UpstreamToken::Accepted => Some(Ok(())),
        UpstreamToken::Unconfirmed => Some(Err(Failure::Unavailable)),
        UpstreamToken::Unauthorized => Some(Err(Failure::InvalidToken)),
        UpstreamToken::Forbidden => Some(Err(Failure::NotOwner)),
    }
}

impl Exporter {
    /// Records which tokens were used since it was last called. What fails is tried again later,
    /// and harms no request.
    pub(crate) async fn record_uses(&self) {
        let uses = &self.gate().uses;
        let taken = uses.take(Instant::now());
        if taken.is_empty() {
            return;
        }
        let question = self.source().record_token_uses(taken.clone());
        let recorded = in_time(POLL_TIMEOUT, question).await;
        uses.took(&taken, recorded, Instant::now());
    }
}

/// Returns the bearer token without the white space around it: token files end with a line feed,
/// and some scrapers send what they read.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.trim().split_once([' ', '\t'])?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&'static str], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        assert_eq!(bearer(&headers), expected, "{values:?}");
    }

    #[test]
    fn finds_the_token_of_one_bearer_header() {
        check(&["Bearer abc"], Some("abc"));
        check(&["bearer abc"], Some("abc"));
        check(&["BEARER \t abc \t"], Some("abc"));
        check(&["Bearer a b"], Some("a b"));
        for none in [
            &[][..],
            &[""],
            &["Bearer"],
            &["Bearer  "],
            &["Basic abc"],
            &["abc"],
        ] {
            check(none, None);
        }
        check(&["Bearer abc", "Bearer abd"], None);
        check(&["Bearerabc"], None);
    }
}
