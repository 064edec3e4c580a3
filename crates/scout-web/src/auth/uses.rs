//! When tokens were used: noted in memory, recorded beside the requests.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use scout_platform::{TOKEN_USE_INTERVAL, TokenUse, chain};
use tokio::time::Instant;

use crate::source::BoxError;

/// Most tokens noted. What is used by more at once is noted when there is room again.
const MAX_TOKENS: usize = 4096;
/// How long to wait after a use could not be recorded: a directory that may not be written seldom
/// changes, and a busy database is left alone.
const RETRY_PAUSE: Duration = Duration::from_secs(60);

/// The uses.
#[derive(Debug, Default)]
pub(super) struct Uses(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    tokens: HashMap<[u8; 32], Note>,
    not_before: Option<Instant>,
    /// What was said last about the record, to say it once.
    fault: Option<String>,
}

/// Of one token.
#[derive(Clone, Copy, Debug, Default)]
struct Note {
    recorded: Option<Timestamp>,
    pending: Option<Timestamp>,
}

impl Uses {
    /// Notes that a token was used. Takes no longer than a look into a table.
    pub(super) fn note(&self, hash: [u8; 32], now: Timestamp) {
        let mut notes = self.notes();
        let tokens = &mut notes.tokens;
        if tokens.len() >= MAX_TOKENS && !tokens.contains_key(&hash) {
            tokens.retain(|_, note| note.pending.is_some() || !note.is_due(now));
            if tokens.len() >= MAX_TOKENS {
                return;
            }
        }
        let note = tokens.entry(hash).or_default();
        if note.is_due(now) {
            note.pending = Some(now);
        }
    }

    /// Takes what is to be recorded now.
    pub(super) fn take(&self, now: Instant) -> Vec<TokenUse> {
        let mut notes = self.notes();
        if notes.not_before.is_some_and(|time| now < time) {
            return Vec::new();
        }
        let take = |(hash, note): (&[u8; 32], &mut Note)| {
            let used_at = note.pending.take()?;
            note.recorded = Some(used_at);
            let hash = *hash;
            Some(TokenUse { hash, used_at })
        };
        notes.tokens.iter_mut().filter_map(take).collect()
    }

    /// Notes how recording ended. What was not recorded stays noted.
    pub(super) fn took(&self, uses: &[TokenUse], recorded: Result<(), BoxError>, now: Instant) {
        let mut notes = self.notes();
        let Err(error) = recorded else {
            notes.not_before = None;
            notes.fault = None;
            return;
        };
        notes.not_before = Some(now + RETRY_PAUSE);
        for one in uses {
            let note = notes.tokens.entry(one.hash).or_default();
            note.recorded = None;
            note.pending = note.pending.max(Some(one.used_at));
        }
        let fault = chain(error.as_ref());
        if notes.fault.as_ref() != Some(&fault) {
            tracing::warn!(
                "cannot record when tokens are used, `scout token list` will not show it: {fault}"
            );
            notes.fault = Some(fault);
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        // A panic may lose a note.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Note {
    /// Whether a use now is to be recorded. A clock that went back does not stop it.
    fn is_due(&self, now: Timestamp) -> bool {
        let is_near =
            |recorded: Timestamp| now.duration_since(recorded).unsigned_abs() < TOKEN_USE_INTERVAL;
        !self.recorded.is_some_and(is_near)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const START: Timestamp = Timestamp::constant(1_795_000_000, 0);

    fn at(second: i64) -> Timestamp {
        START + SignedDuration::from_secs(second)
    }

    fn taken(uses: &Uses, now: Instant) -> Vec<(u8, Timestamp)> {
        let mut taken: Vec<_> = uses
            .take(now)
            .into_iter()
            .map(|one| (one.hash[0], one.used_at))
            .collect();
        taken.sort_unstable();
        taken
    }

    #[test]
    fn a_token_is_recorded_once_an_interval() {
        let (uses, now) = (Uses::default(), Instant::now());
        assert_eq!(taken(&uses, now), []);
        for second in [0, 1, 2] {
            uses.note([1; 32], at(second));
        }
        uses.note([2; 32], at(3));
        assert_eq!(taken(&uses, now), [(1, at(2)), (2, at(3))]);
        for second in [4, 30, 61] {
            uses.note([1; 32], at(second));
        }
        assert_eq!(taken(&uses, now), []);
        uses.note([1; 32], at(62));
        assert_eq!(taken(&uses, now), [(1, at(62))]);
        uses.note([1; 32], at(-100));
        assert_eq!(taken(&uses, now), [(1, at(-100))], "the clock went back");
    }

    #[test]
    fn what_could_not_be_recorded_is_tried_again_later() {
        let (uses, now) = (Uses::default(), Instant::now());
        uses.note([1; 32], at(0));
        let taken_before = uses.take(now);
        uses.took(&taken_before, Err("read-only".into()), now);
        uses.note([1; 32], at(5));
        assert_eq!(taken(&uses, now), [], "not at once");
        let later = now + RETRY_PAUSE;
        let again = uses.take(later);
        assert_eq!(
            again,
            [TokenUse {
                hash: [1; 32],
                used_at: at(5)
            }]
        );
        uses.took(&again, Ok(()), later);
        uses.note([1; 32], at(6));
        assert_eq!(taken(&uses, later), []);
    }

    #[test]
    fn only_so_many_tokens_are_noted() {
        let (uses, now) = (Uses::default(), Instant::now());
        let hash = |number: usize| {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_be_bytes());
            hash
        };
        for number in 0..MAX_TOKENS + 5 {
            uses.note(hash(number), at(0));
        }
        assert_eq!(uses.take(now).len(), MAX_TOKENS);
        uses.note(hash(MAX_TOKENS + 5), at(100));
        assert_eq!(uses.take(now).len(), 1, "there is room again");
    }
}
