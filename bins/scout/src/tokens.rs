//! `scout token`.

use anyhow::bail;
use scout_api::Token;
use scout_config::SystemClock;
use scout_envs::Role;
use scout_platform::Clock as _;
use scout_store::TokenRecord;

use crate::arguments::Org;
use crate::output::{print, print_table};

pub(crate) async fn create(org: &Org, role: Role) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let token = scout_config::new_token(store.as_ref(), &organization, role, &SystemClock).await?;
    let may = if role.may_read_metrics() {
        "reads"
    } else {
        "does not read"
    };
    print(&format!(
        "A token of organization {} for a {role}, who {may} its metrics. Store it now, it is not \
         shown again:\n{}\n",
        org.org,
        token.expose()
    ))
}

pub(crate) async fn list(org: &Org) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let rows: Vec<[String; 5]> = store
        .tokens(organization.id)
        .await?
        .into_iter()
        .map(|token| {
            let revoked = token
                .revoked_at
                .map(|at| at.to_string())
                .unwrap_or_default();
            [
                token.id.to_string(),
                token.hint,
                token.role.to_string(),
                token.created_at.to_string(),
                revoked,
            ]
        })
        .collect();
    print_table(["NUMBER", "TOKEN", "ROLE", "CREATED", "REVOKED"], &rows)
}

pub(crate) async fn revoke(org: &Org, named: &str) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let tokens = store.tokens(organization.id).await?;
    let mut fitting = tokens
        .iter()
        .filter(|token| token.revoked_at.is_none() && is_named(token, named))
        .map(|token| token.id);
    let (first, second) = (fitting.next(), fitting.next());
    let (Some(id), None) = (first, second) else {
        let fault = if first.is_none() {
            "no valid token"
        } else {
            "several tokens"
        };
        bail!(
            "organization {org} has {fault} {named}; `scout token list --org {org}` lists their \
             numbers",
            org = org.org
        );
    };
    store
        .revoke_token(organization.id, id, SystemClock.now())
        .await?;
    print(&format!("Token {id} is revoked.\n"))
}

/// Whether a token is meant by its number, by its text, or by what the list shows of it.
fn is_named(token: &TokenRecord, named: &str) -> bool {
    match Token::parse(named) {
        Ok(secret) => token.hint == secret.hint(),
        Err(_) => token.id.to_string() == named || token.hint == named,
    }
}
