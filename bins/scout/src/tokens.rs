//! `scout token`.

use anyhow::bail;
use scout_config::SystemClock;
use scout_envs::Role;
use scout_platform::Clock as _;
use scout_store::TokenId;

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

pub(crate) async fn revoke(org: &Org, number: i64) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    if !store
        .revoke_token(organization.id, TokenId(number), SystemClock.now())
        .await?
    {
        bail!(
            "organization {} has no valid token {number}; `scout token list --org {}` lists them",
            org.org,
            org.org
        );
    }
    print(&format!("Token {number} is revoked.\n"))
}
