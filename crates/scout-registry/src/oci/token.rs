//! Tokens: one request for each set of scopes, however many ask at once; kept until they age.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use tokio::time::Instant;

use crate::error::Result;

/// Longest answer of a token service, in bytes: a token with thousands of grants fits.
pub(super) const MAX_ANSWER: u64 = 1024 * 1024;
/// How long a token lives if nobody says (Docker's token specification).
const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// Longest life believed: a clock that ran away must not keep a revoked token in use.
const MAX_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Most tokens kept. A token has 1 to 4 KiB; each repository needs its own.
const MAX_TOKENS: usize = 1024;

/// A token and when it is too old.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) value: SecretString,
    /// Tells tokens apart without looking at them.
    pub(super) serial: u64,
    stale_at: Instant,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.serial)
    }
}

/// What a token service answers.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: Option<SecretString>,
    #[serde(default)]
    access_token: Option<SecretString>,
    #[serde(default)]
    expires_in: Option<f64>,
}

/// A token as it came, with the time it may be used.
pub(super) struct Grant {
    value: SecretString,
    life: Duration,
}

impl Grant {
    /// Reads a token service's answer.
    pub(super) fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        let answer: Answer = serde_json::from_slice(body)?;
        let value = answer.token.or(answer.access_token).ok_or_else(|| {
            <serde_json::Error as serde::de::Error>::custom("neither token nor access_token")
        })?;
        let life = match answer.expires_in {
            Some(seconds) if seconds.is_finite() && seconds > 0.0 => {
                Duration::try_from_secs_f64(seconds).unwrap_or(MAX_LIFE)
            }
            _ => DEFAULT_LIFE,
        };
        Ok(Self {
            value,
            // A tenth is left for the way there and for the request itself to begin.
            life: life.min(MAX_LIFE).mul_f64(0.9),
        })
    }
}

/// The tokens of one registry.
#[derive(Debug, Default)]
pub(super) struct TokenCache {
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    serial: AtomicU64,
}

/// The token of one set of scopes. Whoever holds the lock fetches it; the others wait.
#[derive(Debug, Default)]
struct Slot {
    failures: AtomicU64,
    state: tokio::sync::Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    failure: Option<crate::error::Error>,
}

impl TokenCache {
    /// Returns the token for `key`, fetching it if there is none, it is stale, or it is the one
    /// with the serial `rejected`. Who waited while a fetch failed gets its error, and does not
    /// try the same again.
    pub(super) async fn get<F, Fut>(
        &self,
        key: &str,
        rejected: Option<u64>,
        fetch: F,
    ) -> Result<Token>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Grant>>,
    {
        let slot = self.slot(key);
        let failures_seen = slot.failures.load(Ordering::Acquire);
        let mut state = slot.state.lock().await;
        if slot.failures.load(Ordering::Acquire) != failures_seen
            && let Some(failure) = &state.failure
        {
            return Err(failure.clone());
        }
        if let Some(token) = &state.token
            && token.stale_at > Instant::now()
            && rejected != Some(token.serial)
        {
            return Ok(token.clone());
        }
        match fetch().await {
            Ok(grant) => {
                let token = Token {
                    value: grant.value,
                    serial: self.serial.fetch_add(1, Ordering::Relaxed) + 1,
                    stale_at: Instant::now() + grant.life,
                };
                *state = State {
                    token: Some(token.clone()),
                    failure: None,
                };
                Ok(token)
            }
            Err(error) => {
                *state = State {
                    token: None,
                    failure: Some(error.clone()),
                };
                slot.failures.fetch_add(1, Ordering::Release);
                Err(error)
            }
        }
    }

    /// Returns how many tokens were granted so far: one that has a higher serial is new.
    pub(super) fn granted(&self) -> u64 {
        self.serial.load(Ordering::Relaxed)
    }

    fn slot(&self, key: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_TOKENS && !slots.contains_key(key) {
            // They live for minutes; starting over costs less than keeping their order.
            slots.clear();
        }
        Arc::clone(slots.entry(key.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::error::Error;

    fn grant(json: &str) -> Option<(String, u64)> {
        let grant = Grant::parse(json.as_bytes()).ok()?;
        Some((grant.value.expose_secret().to_owned(), grant.life.as_secs()))
    }

    #[test]
    fn both_names_of_the_token_and_odd_lives_are_read() {
        let some = |value: &str, life| Some((value.to_owned(), life));
        for (json, expected) in [
            (
                r#"{"token":"a","access_token":"b","expires_in":300}"#,
                some("a", 270),
            ),
            (r#"{"access_token":"b"}"#, some("b", 54)),
            (r#"{"token":"a","expires_in":0}"#, some("a", 54)),
            (r#"{"token":"a","expires_in":-5}"#, some("a", 54)),
            (r#"{"token":"a","expires_in":1e300}"#, some("a", 77_760)),
            (r#"{"token":"a","expires_in":null}"#, some("a", 54)),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(grant(json), expected, "{json}");
        }
    }

    async fn get(cache: &TokenCache, rejected: Option<u64>) -> u64 {
        let fetch = || async {
            tokio::task::yield_now().await;
            Ok(Grant::parse(br#"{"token":"a","expires_in":100}"#).unwrap())
        };
        cache.get("key", rejected, fetch).await.unwrap().serial
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_fetched_once_until_it_is_stale_or_rejected() {
        let cache = TokenCache::default();
        let first = futures_util::future::join_all((0..16).map(|_| get(&cache, None))).await;
        assert_eq!(first, [1; 16]);
        assert_eq!(get(&cache, Some(1)).await, 2);
        assert_eq!(get(&cache, Some(1)).await, 2);
        tokio::time::advance(Duration::from_secs(91)).await;
        assert_eq!(get(&cache, None).await, 3);
        assert_eq!(cache.granted(), 3);
    }

    #[tokio::test]
    async fn who_waits_for_a_refusal_does_not_ask_again() {
        let cache = TokenCache::default();
        let asked = AtomicU64::new(0);
        let fetch = || async {
            asked.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Err(Error::NotFound {
                what: "x".to_owned(),
                detail: None,
            })
        };
        let get = || cache.get("key", None, fetch);
        let all = futures_util::future::join_all((0..16).map(|_| get())).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert!(get().await.is_err());
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}
