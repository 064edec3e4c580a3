//! Rules for the end and the use of tokens, and for the mark of changes.

use scout_envs::{OrgName, Role};

use super::sample::{at, bytes, parse};
use crate::error::Result;
use crate::id::OrgId;
use crate::model::token::{NewToken, TOKEN_USE_INTERVAL, TokenUse};
use crate::store::Store;

/// The interval in seconds.
const INTERVAL: i64 = TOKEN_USE_INTERVAL.as_secs().cast_signed();

fn token(name: &str) -> NewToken {
    NewToken {
        hash: bytes(name),
        hint: format!("{name}…"),
        role: Role::Owner,
        created_at: at(5),
        expires_at: None,
    }
}

fn used(name: &str, second: i64) -> TokenUse {
    TokenUse {
        hash: bytes(name),
        used_at: at(second),
    }
}

async fn acme(store: &dyn Store) -> Result<OrgId> {
    let acme: OrgName = parse("acme");
    store.enroll(&acme, at(0)).await
}

/// The end of a token comes back as it was, in the list and in the grant; others have none.
pub(super) async fn a_token_has_an_end_or_none(store: &dyn Store) -> Result<()> {
    let org = acme(store).await?;
    let ends = NewToken {
        expires_at: Some(at(100)),
        ..token("ends")
    };
    store.create_token(org, ends.clone()).await?;
    store.create_token(org, token("stays")).await?;
    let listed = store.tokens(org).await?;
    let ends_at: Vec<_> = listed.iter().map(|token| token.expires_at).collect();
    assert_eq!(ends_at, [Some(at(100)), None]);

    let grant = store.token_grant(ends.hash).await?;
    let grant = grant.map(|grant| (grant.is_expired(at(99)), grant.is_expired(at(100))));
    assert_eq!(grant, Some((false, true)), "over from that moment on");
    let grant = store.token_grant(bytes("stays")).await?;
    assert!(grant.is_some_and(|grant| !grant.is_expired(at(1_000_000_000))));
    Ok(())
}

/// The newest use is recorded, in steps; unknown tokens and revoked ones are no fault.
pub(super) async fn the_use_of_a_token_is_recorded_in_steps(store: &dyn Store) -> Result<()> {
    let org = acme(store).await?;
    let one = store.create_token(org, token("one")).await?;
    store.create_token(org, token("two")).await?;
    let last_used = async || -> Result<Vec<_>> {
        let listed = store.tokens(org).await?;
        Ok(listed.iter().map(|token| token.last_used_at).collect())
    };
    assert_eq!(last_used().await?, [None, None]);
    store.record_token_uses(Vec::new()).await?;
    store
        .record_token_uses(vec![used("one", 10), used("nobody's", 11)])
        .await?;
    assert_eq!(last_used().await?, [Some(at(10)), None]);
    for second in [10 + INTERVAL - 1, 9, 10] {
        store.record_token_uses(vec![used("one", second)]).await?;
        assert_eq!(last_used().await?, [Some(at(10)), None], "{second}");
    }
    let later = 10 + INTERVAL;
    store
        .record_token_uses(vec![used("two", 12), used("one", later)])
        .await?;
    assert_eq!(last_used().await?, [Some(at(later)), Some(at(12))]);
    // A use that came before the revocation may be told of after it.
    store.revoke_token(org, one, at(later + 1)).await?;
    store
        .record_token_uses(vec![used("one", later + INTERVAL)])
        .await?;
    assert_eq!(last_used().await?[0], Some(at(later + INTERVAL)));
    Ok(())
}

/// The hashes are those of tokens that were not revoked, of every organization, newest first.
pub(super) async fn hashes_are_those_of_tokens_that_count(store: &dyn Store) -> Result<()> {
    let (acme, rival) = (
        acme(store).await?,
        store.enroll(&parse("rival"), at(0)).await?,
    );
    assert_eq!(store.token_hashes(9).await?, [[0; 32]; 0]);
    store.create_token(acme, token("one")).await?;
    let two = store.create_token(acme, token("two")).await?;
    store.create_token(rival, token("three")).await?;
    store.revoke_token(acme, two, at(9)).await?;
    let both = [bytes("three"), bytes("one")];
    assert_eq!(store.token_hashes(9).await?, both);
    assert_eq!(store.token_hashes(1).await?, both[..1]);
    Ok(())
}

/// The mark stays while nothing is committed, and changes for both when either commits.
pub(super) async fn a_mark_changes_with_every_commit(
    one: &dyn Store,
    other: &dyn Store,
) -> Result<()> {
    let org = acme(one).await?;
    let (Some(_), Some(_)) = (one.change_mark(), other.change_mark()) else {
        // A store may be unable to tell.
        return Ok(());
    };
    let token = one.create_token(org, token("one")).await?;
    for (number, writer) in [one, other, one].into_iter().enumerate() {
        let number = i64::try_from(number).unwrap_or_default();
        let before = (one.change_mark(), other.change_mark());
        assert!(one.token_grant(bytes("one")).await?.is_some());
        assert!(other.token_grant(bytes("one")).await?.is_some());
        let still = (one.change_mark(), other.change_mark());
        assert_eq!(before, still, "reading changes nothing");
        let second = 10 + number * INTERVAL;
        writer.record_token_uses(vec![used("one", second)]).await?;
        let after = (one.change_mark(), other.change_mark());
        assert!(after.0.is_none() || after.0 != before.0, "{number}");
        assert!(after.1.is_none() || after.1 != before.1, "{number}");
    }
    let before = other.change_mark();
    one.revoke_token(org, token, at(99)).await?;
    assert!(other.change_mark().is_none() || other.change_mark() != before);
    assert_eq!(other.token_grant(bytes("one")).await?, None);
    Ok(())
}
