//! Who may read an organization's metrics.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use scout_api::Token;
use scout_envs::OrgName;

use crate::exporter::Exporter;
use crate::failure::Failure;
use crate::stats::Operation;

/// Lets an owner of the organization pass.
///
/// Whether an organization exists is told to holders of a good token only.
pub(crate) async fn authorize(
    exporter: &Exporter,
    org: &OrgName,
    headers: &HeaderMap,
) -> Result<(), Failure> {
    let text = bearer(headers).ok_or(Failure::NoToken)?;
    let token = Token::parse(text).map_err(|reason| {
        tracing::debug!(%org, %reason, "refused a token");
        Failure::InvalidToken
    })?;
    let source = exporter.source();
    let grant = exporter
        .ask(Operation::Token, source.token(&token.hash()))
        .await?
        .ok_or(Failure::InvalidToken)?;
    if grant.org != *org {
        let question = source.org_exists(org);
        let exists = exporter.ask(Operation::Organization, question).await?;
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
