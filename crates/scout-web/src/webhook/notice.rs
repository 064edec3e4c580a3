//! Warnings about deliveries that are not accepted: the first, and then one a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long to be silent about the same thing. Senders repeat, and attackers more so.
const SILENCE: Duration = Duration::from_secs(60);

/// Why a delivery was not accepted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Refusal {
    /// The path is nobody's.
    NotFound,
    /// The path has no such method.
    WrongMethod,
    /// The secret or the signature is missing or wrong.
    Unauthorized,
    /// The integration refuses it.
    Malformed,
    /// The body is too long.
    TooLarge,
    /// The body did not arrive whole.
    Cut,
    /// The body took too long.
    Slow,
    /// The sender is too fast.
    Throttled,
    /// It cannot be stored now.
    Unavailable,
}

impl Refusal {
    /// What it is, and what to do about it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::NotFound => "it went to a path of no integration: send it to /<integration>",
            Self::WrongMethod => "webhooks are sent with POST",
            Self::Unauthorized => {
                "its secret or signature is missing or wrong: compare the sender's secret with \
                 the integration's webhook-secret"
            }
            Self::Malformed => {
                "it is not what this kind of registry sends: compare the integration's type and \
                 the webhook's format"
            }
            Self::TooLarge => "its body is longer than 1 MiB",
            Self::Cut => "its body ended too early",
            Self::Slow => "its body took too long: look at the network between us",
            Self::Throttled => "its sender is too fast, or has sent wrong secrets",
            Self::Unavailable => "it could not be stored, its sender is to try again",
        }
    }
}

/// What was warned of. As large as integrations times refusals.
#[derive(Debug, Default)]
pub(super) struct Notices(Mutex<HashMap<(Option<usize>, Refusal), Silence>>);

#[derive(Debug)]
struct Silence {
    since: Instant,
    count: u64,
}

impl Notices {
    /// Returns how many times it was silent about this before, if it is time to warn.
    pub(super) fn is_due(
        &self,
        route: Option<usize>,
        refusal: Refusal,
        now: Instant,
    ) -> Option<u64> {
        // A panic leaves a count that is one too low.
        let mut notices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = Silence {
            since: now,
            count: 0,
        };
        match notices.get_mut(&(route, refusal)) {
            None => {
                notices.insert((route, refusal), new);
                Some(0)
            }
            Some(silence) if now.duration_since(silence.since) >= SILENCE => {
                Some(std::mem::replace(silence, new).count)
            }
            Some(silence) => {
                silence.count = silence.count.saturating_add(1);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warns_at_once_and_then_once_a_minute_with_the_number_of_silences() {
        let notices = Notices::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        for (seconds, route, refusal, expected) in [
            (0, Some(0), Refusal::Unauthorized, Some(0)),
            (0, Some(0), Refusal::Throttled, Some(0)),
            (0, Some(1), Refusal::Unauthorized, Some(0)),
            (0, None, Refusal::NotFound, Some(0)),
            (1, Some(0), Refusal::Unauthorized, None),
            (59, Some(0), Refusal::Unauthorized, None),
            (60, Some(0), Refusal::Unauthorized, Some(2)),
            (61, Some(0), Refusal::Unauthorized, None),
            (999, Some(0), Refusal::Unauthorized, Some(1)),
            (999, Some(0), Refusal::Throttled, Some(0)),
        ] {
            let due = notices.is_due(route, refusal, at(seconds));
            assert_eq!(due, expected, "{seconds} {route:?} {refusal:?}");
        }
    }
}
