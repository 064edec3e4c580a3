//! Bounded repeats: how often, how long to wait, and what `Retry-After` says.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Longest wait that `Retry-After` is taken to ask for: a year. Callers have shorter bounds of their
/// own; this one keeps what they reckon with a wait, such as the moment at which it ends, possible.
const MAX_ASKED: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// An error that knows whether trying again makes sense.
pub trait Transient {
    /// Returns whether the same request may succeed later.
    fn is_retryable(&self) -> bool;

    /// Returns how long the server asked to wait.
    fn retry_after(&self) -> Option<Duration>;
}

/// A source of numbers from 0 to 1 that spreads out repeats.
#[derive(Clone)]
pub struct Jitter(Arc<dyn Fn() -> f64 + Send + Sync>);

impl Jitter {
    /// Returns a source that calls `source`; what is outside 0 to 1 is cut off.
    #[must_use]
    pub fn new(source: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// Returns the source that always says 1: every wait is as long as it can be.
    #[must_use]
    pub fn none() -> Self {
        Self::new(|| 1.0)
    }

    pub(crate) fn next(&self) -> f64 {
        let number = (self.0)();
        if number.is_finite() {
            number.clamp(0.0, 1.0)
        } else {
            1.0
        }
    }
}

impl Default for Jitter {
    fn default() -> Self {
        Self::none()
    }
}

impl fmt::Debug for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jitter")
    }
}

/// How often and how patiently something is tried.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// How many times in all, the first one included.
    pub attempts: u32,
    /// The wait before the second try; it doubles with each further one.
    pub base: Duration,
    /// The longest wait that is chosen here.
    pub max_delay: Duration,
    /// The longest wait that a server may ask for; when it asks for more, the error is returned
    /// at once, because trying earlier would only make it angrier.
    pub max_retry_after: Duration,
    /// Spreads the waits between half and all of their length.
    pub jitter: Jitter,
}

impl RetryPolicy {
    /// Five tries wait about 7 s together: longer than a restart of a load balancer, shorter than
    /// a person's patience.
    pub const ATTEMPTS: u32 = 5;
    /// Half a second.
    pub const BASE: Duration = Duration::from_millis(500);
    /// Half a minute.
    pub const MAX_DELAY: Duration = Duration::from_secs(30);
    /// A minute: registries ask for seconds when busy, and for hours when a quota is used up.
    pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

    /// Returns the wait after a failed try, or nothing when it was the last.
    ///
    /// `tried` counts the tries so far.
    #[must_use]
    pub fn pause(&self, tried: u32, retry_after: Option<Duration>) -> Option<Duration> {
        if tried >= self.attempts {
            return None;
        }
        if let Some(asked) = retry_after {
            return (asked <= self.max_retry_after).then_some(asked);
        }
        let doublings = tried.saturating_sub(1).min(16);
        let whole = self.base.saturating_mul(1 << doublings).min(self.max_delay);
        Some(whole.mul_f64(0.5 + self.jitter.next() / 2.0))
    }

    /// Tries `operation` until it succeeds, fails for good, or was tried often enough; calls
    /// `before_retry` each time it is about to try again.
    ///
    /// # Errors
    ///
    /// The last error of `operation`.
    pub async fn run<T, E, F, Fut>(&self, before_retry: impl Fn(), operation: F) -> Result<T, E>
    where
        E: Transient,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.run_unless(|| false, before_retry, operation).await
    }

    /// As [`run`](Self::run), but does not try again once `is_hopeless`.
    ///
    /// # Errors
    ///
    /// The last error of `operation`.
    pub async fn run_unless<T, E, F, Fut>(
        &self,
        is_hopeless: impl Fn() -> bool,
        before_retry: impl Fn(),
        mut operation: F,
    ) -> Result<T, E>
    where
        E: Transient,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let mut tried = 0;
        loop {
            let error = match operation().await {
                Err(error) if error.is_retryable() => error,
                result => return result,
            };
            tried += 1;
            let Some(pause) = self.pause(tried, error.retry_after()) else {
                return Err(error);
            };
            if is_hopeless() {
                return Err(error);
            }
            before_retry();
            tokio::time::sleep(pause).await;
        }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: Self::ATTEMPTS,
            base: Self::BASE,
            max_delay: Self::MAX_DELAY,
            max_retry_after: Self::MAX_RETRY_AFTER,
            jitter: Jitter::none(),
        }
    }
}

/// Returns how long `Retry-After` asks to wait: seconds, or a date compared with `now`.
///
/// It is never more than a year, also of a number that is longer than any can be.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Option<Timestamp>) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(MAX_ASKED));
    }
    let wait = parse_date(text)?.duration_since(now?);
    Some(Duration::try_from(wait).unwrap_or_default().min(MAX_ASKED))
}

/// Returns the server's own time, which is the right one to read its dates with.
#[must_use]
pub fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    date(headers, header::DATE)
}

/// Returns the time in a header.
#[must_use]
pub fn date(headers: &HeaderMap, name: HeaderName) -> Option<Timestamp> {
    parse_date(headers.get(name)?.to_str().ok()?)
}

/// An HTTP date in its preferred form, `Sun, 06 Nov 1994 08:49:37 GMT`, is an RFC 2822 date.
fn parse_date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_are_spread() {
        let policy = |jitter: f64| RetryPolicy {
            jitter: Jitter::new(move || jitter),
            ..RetryPolicy::default()
        };
        let millis = |tried, jitter| policy(jitter).pause(tried, None).map(|d| d.as_millis());
        assert_eq!(millis(1, 1.0), Some(500));
        assert_eq!(millis(1, 0.0), Some(250));
        assert_eq!(millis(3, 1.0), Some(2000));
        assert_eq!(millis(4, f64::NAN), Some(4000));
        assert_eq!(millis(5, 1.0), None);
        let patient = RetryPolicy {
            attempts: 100,
            ..policy(9.0)
        };
        assert_eq!(patient.pause(99, None), Some(RetryPolicy::MAX_DELAY));
    }

    #[test]
    fn a_server_that_asks_for_too_much_is_not_asked_again() {
        let policy = RetryPolicy::default();
        let asked = Duration::from_secs(60);
        assert_eq!(policy.pause(1, Some(asked)), Some(asked));
        assert_eq!(policy.pause(1, Some(Duration::from_secs(61))), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-11-21T10:00:00Z".parse().unwrap();
        for (value, expected) in [
            ("7", Some(7)),
            (" 120 ", Some(120)),
            ("Sat, 21 Nov 2026 10:00:05 GMT", Some(5)),
            ("Sat, 21 Nov 2026 09:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("18446744073709551615", Some(MAX_ASKED.as_secs())),
            ("99999999999999999999999", Some(MAX_ASKED.as_secs())),
            ("Wed, 31 Dec 2098 23:59:59 GMT", Some(MAX_ASKED.as_secs())),
            ("+7", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
            let wait = retry_after(&headers, Some(now));
            assert_eq!(wait.map(|d| d.as_secs()), expected, "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), Some(now)), None);
    }

    struct Failure(bool);

    impl Transient for Failure {
        fn is_retryable(&self) -> bool {
            self.0
        }
        fn retry_after(&self) -> Option<Duration> {
            None
        }
    }

    #[tokio::test(start_paused = true)]
    async fn stops_at_success_at_a_final_error_or_when_tried_enough() {
        for (succeeds_at, retryable, expected_tries) in
            [(1, true, 1), (3, true, 3), (9, true, 5), (9, false, 1)]
        {
            let tries = Cell::new(0);
            let policy = RetryPolicy::default();
            let result = policy
                .run(
                    || (),
                    || async {
                        tries.set(tries.get() + 1);
                        if tries.get() >= succeeds_at {
                            Ok(())
                        } else {
                            Err(Failure(retryable))
                        }
                    },
                )
                .await;
            assert_eq!(tries.get(), expected_tries);
            assert_eq!(result.is_ok(), succeeds_at <= expected_tries);
        }
    }
}
