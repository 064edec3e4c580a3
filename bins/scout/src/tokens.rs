//! `scout token`.

mod expiry;

use std::path::Path;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use scout_api::Token;
use scout_config::{SystemClock, TokenFile};
use scout_envs::Role;
use scout_platform::{Clock as _, Organization};
use scout_store::{Store, TokenRecord};
use serde_json::json;

use crate::arguments::{Org, TableFormat, TokenCommand};
use crate::output::{print, print_json, print_table};
pub(crate) use crate::tokens::expiry::{ExpiryTime, Lifetime};

/// How times stand in the list: to the second, as uses are recorded no finer.
const TIME: &str = "%Y-%m-%dT%H:%M:%SZ";

pub(crate) async fn run(command: TokenCommand) -> anyhow::Result<()> {
    match command {
        TokenCommand::Create {
            role,
            expires_in,
            expires_at,
            output,
            org,
        } => {
            let end = expiry::end(SystemClock.now(), expires_in, expires_at);
            let end = end.map_err(|error| {
                let flag = if expires_in.is_some() { "in" } else { "at" };
                crate::misused(&format!("--expires-{flag}: {error}"))
            })?;
            create(&org, role, end, output.as_deref()).await
        }
        TokenCommand::List { format, org } => list(&org, format).await,
        TokenCommand::Revoke { token, org } => revoke(&org, &token).await,
    }
}

async fn create(
    org: &Org,
    role: Role,
    end: Option<Timestamp>,
    output: Option<&Path>,
) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    // Before there is a token: one that nobody gets to see would stay behind.
    let file = output.map(TokenFile::beside).transpose()?;
    let token = scout_config::new_token(store.as_ref(), &organization, role, end, &SystemClock);
    let token = token.await?;
    let may = if role.may_read_metrics() {
        "reads"
    } else {
        "does not read"
    };
    let who = match role {
        Role::Owner => "an owner".to_owned(),
        other => format!("a {other}"),
    };
    let end = match end {
        Some(end) => format!("It is good until {}.", shown(end)),
        None => "It does not expire.".to_owned(),
    };
    let what = format!(
        "A token of organization {} for {who}, who {may} its metrics. {end}",
        org.org
    );
    let (Some(file), Some(path)) = (file, output) else {
        return print(&format!(
            "{what} Store it now, it is not shown again:\n{}\n",
            token.expose()
        ));
    };
    if let Err(error) = file.write(&token) {
        withdraw(store.as_ref(), &organization, &token).await?;
        return Err(error).context("the token was revoked again");
    }
    print(&format!("{what} It is in {}.\n", path.display()))
}

/// Revokes a token that nobody got.
async fn withdraw(
    store: &dyn Store,
    organization: &Organization,
    token: &Token,
) -> anyhow::Result<()> {
    let hint = token.hint();
    let tokens = store.tokens(organization.id).await?;
    // The last of those that look alike was made last.
    let made = tokens.iter().rev().find(|record| record.hint == hint);
    if let Some(made) = made {
        let now = SystemClock.now();
        store.revoke_token(organization.id, made.id, now).await?;
    }
    Ok(())
}

async fn list(org: &Org, format: TableFormat) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let tokens = store.tokens(organization.id).await?;
    let now = SystemClock.now();
    match format {
        TableFormat::Table => {
            let rows: Vec<_> = tokens.iter().map(|token| row(token, now)).collect();
            let heading = [
                "NUMBER",
                "TOKEN",
                "ROLE",
                "CREATED",
                "EXPIRES",
                "LAST USED",
                "REVOKED",
            ];
            print_table(heading, &rows)
        }
        TableFormat::Json => {
            let lines: Vec<_> = tokens.iter().map(|token| line(token, now)).collect();
            print_json(&lines)
        }
    }
}

fn row(token: &TokenRecord, now: Timestamp) -> [String; 7] {
    let expires = match token.expires_at {
        Some(end) if end <= now => format!("{} (over)", shown(end)),
        Some(end) => shown(end),
        None => "never".to_owned(),
    };
    let used = token.last_used_at.map_or_else(|| "-".to_owned(), shown);
    [
        token.id.to_string(),
        token.hint.clone(),
        token.role.to_string(),
        shown(token.created_at),
        expires,
        used,
        token.revoked_at.map(shown).unwrap_or_default(),
    ]
}

fn line(token: &TokenRecord, now: Timestamp) -> serde_json::Value {
    let is_over = token.expires_at.is_some_and(|end| end <= now);
    let state = match token.revoked_at {
        Some(_) => "revoked",
        None if is_over => "expired",
        None => "valid",
    };
    let time = |time: Option<Timestamp>| time.map(shown);
    json!({
        "number": token.id.0,
        "token": token.hint,
        "role": token.role.to_string(),
        "state": state,
        "created_at": shown(token.created_at),
        "expires_at": time(token.expires_at),
        "last_used_at": time(token.last_used_at),
        "revoked_at": time(token.revoked_at),
    })
}

fn shown(time: Timestamp) -> String {
    time.strftime(TIME).to_string()
}

async fn revoke(org: &Org, named: &str) -> anyhow::Result<()> {
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
