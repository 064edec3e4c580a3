//! Tokens: one request for each set of scopes, however many ask at once; kept until they age.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;

use crate::error::Result;

/// Longest answer of a token service, in bytes: a token with thousands of grants fits.
pub(crate) const MAX_ANSWER: u64 = 1024 * 1024;
/// How long a token lives if nobody says (Docker's token specification).
const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// Longest life believed: a clock that ran away must not keep a revoked token in use.
const MAX_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Most tokens kept. A token has 1 to 4 KiB; each repository needs its own.
const MAX_TOKENS: usize = 1024;

/// A token and when it is too old.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) value: SecretString,
    /// Tells tokens apart without looking at them.
    pub(crate) serial: u64,
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

/// What Azure's `/oauth2/exchange` answers.
#[derive(Deserialize)]
struct RefreshAnswer {
    refresh_token: SecretString,
}

/// The claims of a JSON Web Token that say how long it lives, in seconds since 1970 (RFC 7519,
/// 4.1).
#[derive(Deserialize)]
struct Claims {
    exp: f64,
    #[serde(default)]
    iat: Option<f64>,
    #[serde(default)]
    nbf: Option<f64>,
}

/// Returns how long a token lives if it is a JSON Web Token that says so. Nothing is verified:
/// the registry does that. The time between its claims needs no clock of ours.
fn life_of_jwt(token: &str) -> Option<Duration> {
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
    let Claims { exp, iat, nbf } = serde_json::from_slice(&claims).ok()?;
    let life = Duration::try_from_secs_f64(exp - iat.or(nbf)?).ok()?;
    (!life.is_zero()).then_some(life)
}

/// A token as it came, with the time it may be used.
pub(crate) struct Grant {
    value: SecretString,
    life: Duration,
}

impl Grant {
    /// Reads a token service's answer.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        let answer: Answer = serde_json::from_slice(body)?;
        let value = answer.token.or(answer.access_token).ok_or_else(|| {
            <serde_json::Error as serde::de::Error>::custom("neither token nor access_token")
        })?;
        Ok(Self::new(value, answer.expires_in))
    }

    /// Reads an answer that holds a refresh token.
    pub(crate) fn parse_refresh(body: &[u8]) -> Result<Self, serde_json::Error> {
        let answer: RefreshAnswer = serde_json::from_slice(body)?;
        Ok(Self::new(answer.refresh_token, None))
    }

    fn new(value: SecretString, expires_in: Option<f64>) -> Self {
        let life = match expires_in {
            Some(seconds) if seconds.is_finite() && seconds > 0.0 => {
                Duration::try_from_secs_f64(seconds).unwrap_or(MAX_LIFE)
            }
            None => life_of_jwt(value.expose_secret()).unwrap_or(DEFAULT_LIFE),
            _ => DEFAULT_LIFE,
        };
        Self {
            value,
            // A tenth is left for the way there and for the request itself to begin.
            life: life.min(MAX_LIFE).mul_f64(0.9),
        }
    }
}

/// The tokens of one registry.
#[derive(Debug, Default)]
pub(crate) struct TokenCache {
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
    pub(crate) async fn get<F, Fut>(
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
    pub(crate) fn granted(&self) -> u64 {
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

    #[test]
    fn a_token_that_is_a_jwt_says_how_long_it_lives() {
        // The claims of a token in Azure's AAD-OAuth.md: 75 minutes.
        let real = r#"{"nbf":1497988907,"exp":1497993407,"iat":1497988907,"iss":"Azure"}"#;
        for (claims, expires_in, expected) in [
            (real, "", 4050),
            (real, r#","expires_in":100"#, 90),
            (real, r#","expires_in":0"#, 54),
            (r#"{"nbf":1000,"exp":1100}"#, "", 90),
            (r#"{"exp":1e300,"iat":0}"#, "", 54),
            (r#"{"exp":99999999999,"iat":0}"#, "", 77_760),
            (r#"{"exp":1000,"iat":2000}"#, "", 54),
            (r#"{"exp":1000,"iat":1000}"#, "", 54),
            (r#"{"exp":"soon","iat":0}"#, "", 54),
            (r#"{"iat":0}"#, "", 54),
            ("no json", "", 54),
        ] {
            let token = format!("h.{}.s", BASE64_URL_SAFE_NO_PAD.encode(claims));
            let answer = format!(r#"{{"access_token":"{token}"{expires_in}}}"#);
            assert_eq!(grant(&answer), Some((token, expected)), "{claims}");
        }
        for token in ["a.!.c", "a.b", "a.b.c.d", "..", ""] {
            let answer = format!(r#"{{"access_token":"{token}"}}"#);
            assert_eq!(grant(&answer), Some((token.to_owned(), 54)), "{token}");
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
