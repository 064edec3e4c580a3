//! Access tokens: made here, shown once, stored as a hash.

use jiff::Timestamp;
use scout_api::Token;
use scout_envs::Role;
use scout_store::{NewToken, Store};
pub use scout_store::{TOKEN_USE_INTERVAL, TokenUse};

use crate::clock::Clock;
use crate::error::Result;
use crate::lookup::Organization;

/// Records a new token made of these random bytes, and returns it: the only time its text can
/// be seen. It grants nothing from `expires_at` on.
///
/// # Errors
///
/// If the store fails.
pub async fn create_token(
    store: &dyn Store,
    org: &Organization,
    role: Role,
    expires_at: Option<Timestamp>,
    random: &[u8; Token::RANDOM_BYTES],
    clock: &dyn Clock,
) -> Result<Token> {
    let token = Token::from_random(random);
    let new = NewToken {
        hash: token.hash(),
        hint: token.hint(),
        role,
        created_at: clock.now(),
        expires_at,
    };
    store.create_token(org.id, new).await?;
    Ok(token)
}
