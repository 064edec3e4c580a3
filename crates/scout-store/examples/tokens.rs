//! Makes a token for an organization, and lists what tokens it has.
//!
//! ```text
//! cargo run -p scout-store --example tokens -- DATA_DIR [ORG]
//! ```

#![expect(clippy::print_stdout, reason = "a program that talks to a person")]

use std::env;
use std::error::Error;
use std::path::PathBuf;

use jiff::Timestamp;
use scout_envs::{OrgName, Role};
use scout_store::{Access, NewToken, SqliteStore, Store};
use sha2::{Digest, Sha256};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let Some(directory) = arguments.next().map(PathBuf::from) else {
        return Err("give a data directory".into());
    };
    let org: OrgName = match arguments.next() {
        Some(org) => org.to_string_lossy().parse()?,
        None => OrgName::DEFAULT.parse()?,
    };

    let store = SqliteStore::open(&directory, Access::ReadWrite)?;
    let id = store.enroll(&org, Timestamp::now()).await?;

    let mut random = [0; 8];
    getrandom::fill(&mut random)?;
    let secret = format!("example_{:016x}", u64::from_be_bytes(random));
    let hash: [u8; 32] = Sha256::digest(&secret).into();
    let token = NewToken {
        hash,
        hint: secret.chars().take(12).collect(),
        role: Role::Owner,
        created_at: Timestamp::now(),
        expires_at: None,
    };
    store.create_token(id, token).await?;

    println!("tokens of {org}:");
    for token in store.tokens(id).await? {
        let end = token
            .revoked_at
            .map(|at| format!(", revoked {at}"))
            .unwrap_or_default();
        println!(
            "  {} {}… {} since {}{end}",
            token.id, token.hint, token.role, token.created_at
        );
    }
    let may_read = store
        .token_grant(hash)
        .await?
        .is_some_and(|grant| grant.org == org && grant.role.may_read_metrics());
    println!("the new one may read the metrics: {may_read}");
    println!("{secret}");
    Ok(())
}
