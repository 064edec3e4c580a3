//! Who may read an organization's metrics.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use scout_api::Token;
use scout_envs::OrgName;
use sha2::{Digest, Sha256};

use crate::exporter::Exporter;
use crate::failure::Failure;
use crate::stats::Operation;
use crate::upstream::UpstreamToken;

/// Lets an owner of the organization pass.
///
/// Whether an organization exists is told to holders of a good token only.
pub(crate) async fn authorize(
    exporter: &Exporter,
    org: &OrgName,
    headers: &HeaderMap,
) -> Result<(), Failure> {
    let text = bearer(headers).ok_or(Failure::NoToken)?;
    if let Some(answer) = authorize_upstream(exporter, org, text) {
        return answer;
    }
    let token = Token::parse(text).map_err(|reason| {
        tracing::debug!(%org, %reason, "refused a token");
        Failure::InvalidToken
    })?;
    let source = exporter.source();
    let grant = exporter.grant(token.hash()).await?;
    let grant = grant.ok_or(Failure::InvalidToken)?;
    if grant.org != *org {
        let question = source.org_exists(org);
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

/// Decides on a token that another server knows; nothing if it is none.
fn authorize_upstream(
    exporter: &Exporter,
    org: &OrgName,
    text: &str,
) -> Option<Result<(), Failure>> {
    let hash = Sha256::digest(text.as_bytes()).into();
    match exporter.upstream()?.token(org, &hash) {
        UpstreamToken::Other => None,
        UpstreamToken::Accepted => Some(Ok(())),
        UpstreamToken::Unconfirmed => Some(Err(Failure::Unavailable)),
        UpstreamToken::Unauthorized => Some(Err(Failure::InvalidToken)),
        UpstreamToken::Forbidden => Some(Err(Failure::NotOwner)),
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
