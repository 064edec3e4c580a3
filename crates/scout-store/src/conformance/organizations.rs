//! Rules for organizations and tokens.

use scout_envs::{OrgName, Role};

use super::sample::{assert_refused, at, bytes, parse};
use crate::error::Result;
use crate::id::TokenId;
use crate::model::token::NewToken;
use crate::store::Store;

/// Enrolling twice gives one organization; they are listed by name.
pub(super) async fn an_organization_is_enrolled_once(store: &dyn Store) -> Result<()> {
    let (zeta, acme): (OrgName, OrgName) = (parse("zeta"), parse("acme"));
    assert_eq!(store.org(&zeta).await?, None);
    let id = store.enroll(&zeta, at(0)).await?;
    let other = store.enroll(&acme, at(1)).await?;
    assert_ne!(id, other);
    assert_eq!(store.enroll(&zeta, at(2)).await?, id);
    assert_eq!(store.org(&zeta).await?, Some(id));
    let listed: Vec<_> = store
        .organizations()
        .await?
        .into_iter()
        .map(|org| (org.id, org.name, org.generation))
        .collect();
    assert_eq!(listed, [(other, acme, 0), (id, zeta, 0)]);
    Ok(())
}

fn token(name: &str, role: Role) -> NewToken {
    NewToken {
        hash: bytes(name),
        hint: format!("{name}…"),
        role,
        created_at: at(5),
        expires_at: None,
    }
}

/// A token grants its role to its organization, until it is revoked; it stays listed.
pub(super) async fn a_token_grants_until_it_is_revoked(store: &dyn Store) -> Result<()> {
    let acme: OrgName = parse("acme");
    let org = store.enroll(&acme, at(0)).await?;
    assert_eq!(store.token_grant(bytes("one")).await?, None);
    let one = store.create_token(org, token("one", Role::Owner)).await?;
    let two = store.create_token(org, token("two", Role::Member)).await?;
    assert_eq!(
        store.create_token(org, token("one", Role::Owner)).await?,
        one
    );

    let grant = store
        .token_grant(bytes("two"))
        .await?
        .map(|grant| (grant.org, grant.role));
    assert_eq!(grant, Some((acme, Role::Member)));
    assert!(store.revoke_token(org, two, at(9)).await?);
    assert!(!store.revoke_token(org, two, at(10)).await?);
    assert!(!store.revoke_token(org, TokenId(987_654), at(10)).await?);
    assert_eq!(store.token_grant(bytes("two")).await?, None);
    assert!(store.token_grant(bytes("one")).await?.is_some());

    let listed: Vec<_> = store
        .tokens(org)
        .await?
        .into_iter()
        .map(|token| (token.id, token.hint, token.created_at, token.revoked_at))
        .collect();
    assert_eq!(
        listed,
        [
            (one, "one…".to_owned(), at(5), None),
            (two, "two…".to_owned(), at(5), Some(at(9)))
        ]
    );
    Ok(())
}

/// Another organization neither sees a token, nor revokes it, nor has the same.
pub(super) async fn a_token_belongs_to_one_organization(store: &dyn Store) -> Result<()> {
    let acme = store.enroll(&parse("acme"), at(0)).await?;
    let rival = store.enroll(&parse("rival"), at(0)).await?;
    let id = store.create_token(acme, token("one", Role::Owner)).await?;
    assert_eq!(store.tokens(rival).await?, []);
    assert!(!store.revoke_token(rival, id, at(1)).await?);
    assert_refused(store.create_token(rival, token("one", Role::Owner)).await);
    assert!(store.token_grant(bytes("one")).await?.is_some());
    Ok(())
}
