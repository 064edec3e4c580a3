//! Whether a registry answers, as one sweep sees it: what fails again and again ends the sweep,
//! or one repository's part of it, instead of being waited for thousands of times.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use scout_registry::Error;

/// How many questions in a row may fail in a passing way before a sweep ends. Each was repeated
/// by the client, so this is about a minute of failures.
const MAX_FAILED: u32 = 64;
/// How many of those a question counts for that went without any answer: eight of them end a
/// sweep, as many as are under way at once. They cost a minute each.
const WEIGHT_OF_SILENCE: u32 = 8;
/// How many tags of one repository in a row may fail before its others are left to the next
/// sweep.
const MAX_FAILED_TAGS: usize = 64;

/// Whom a failure concerns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Concern {
    /// What was asked for.
    One,
    /// The whole registry.
    All,
}

/// What is known of the registry in one sweep.
#[derive(Debug, Default)]
pub(super) struct Reach {
    is_lost: AtomicBool,
    in_vain: AtomicU32,
}

impl Reach {
    /// Returns whether the rest is left to the next sweep.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    /// Leaves the rest to the next sweep; returns whether nobody did so before.
    pub(super) fn lose(&self) -> bool {
        !self.is_lost.swap(true, Ordering::Relaxed)
    }

    /// Notes an answer, be it that there is no such thing.
    pub(super) fn note_answer(&self) {
        self.in_vain.store(0, Ordering::Relaxed);
    }

    /// Notes that a list of tags was not got, and returns whom that concerns.
    pub(super) fn note_unlisted(&self, error: &Error) -> Concern {
        let in_vain = self.count(error);
        match error.concerns_whole_source() || in_vain >= MAX_FAILED {
            true => Concern::All,
            false => Concern::One,
        }
    }

    /// Notes that a tag was not got, and returns whom that concerns: of one repository, whose
    /// tags could be listed, any number may fail, if only there is an answer.
    pub(super) fn note_unresolved(&self, error: &Error) -> Concern {
        let in_vain = self.count(error);
        let is_silent = error.is_unanswered() && in_vain >= MAX_FAILED;
        match error.concerns_whole_source() || is_silent {
            true => Concern::All,
            false => Concern::One,
        }
    }

    fn count(&self, error: &Error) -> u32 {
        let weight = match () {
            () if error.is_unanswered() => WEIGHT_OF_SILENCE,
            () if error.is_retryable() => 1,
            () => {
                self.note_answer();
                return 0;
            }
        };
        let before = self.in_vain.fetch_add(weight, Ordering::Relaxed);
        before.saturating_add(weight)
    }
}

/// Tags of one repository that failed one after the other. They are told once it is clear that
/// they are not about the whole registry.
#[derive(Debug, Default)]
pub(super) struct FailedTags(Vec<String>);

impl FailedTags {
    /// Adds one; returns whether the others are not to be asked for now.
    pub(super) fn add(&mut self, message: String) -> bool {
        self.0.push(message);
        self.0.len() >= MAX_FAILED_TAGS
    }

    /// Takes what is to be told.
    pub(super) fn take(&mut self) -> Vec<String> {
        let mut messages = std::mem::take(&mut self.0);
        if messages.len() < MAX_FAILED_TAGS {
            return messages;
        }
        let last = messages.pop().unwrap_or_default();
        vec![format!(
            "{MAX_FAILED_TAGS} tags in a row failed, the others are left to the next sweep: {last}"
        )]
    }
}

#[cfg(test)]
mod tests {
    use scout_http::RedactedUrl;

    use super::*;

    fn url() -> RedactedUrl {
        RedactedUrl::from(&"https://r.test/".parse().unwrap())
    }

    fn silence() -> Error {
        scout_http::Error::Timeout { url: url() }.into()
    }

    fn trouble(status: u16) -> Error {
        Error::Unavailable {
            url: url(),
            status,
            retry_after: None,
            detail: None,
        }
    }

    fn denied() -> Error {
        Error::Denied {
            url: url(),
            who: String::new(),
            what: String::new(),
            detail: None,
        }
    }

    /// Returns after how many such failures in a row the whole registry is concerned.
    fn limit(note: fn(&Reach, &Error) -> Concern, error: &Error) -> Option<usize> {
        let reach = Reach::default();
        (1..=1_000).find(|_| note(&reach, error) == Concern::All)
    }

    #[test]
    fn silence_ends_a_sweep_soon_and_failures_of_lists_later() {
        let busy = Error::TooManyRequests {
            url: url(),
            retry_after: None,
            detail: None,
        };
        for (error, unlisted, unresolved) in [
            (silence(), Some(8), Some(8)),
            (trouble(502), Some(64), None),
            (denied(), None, None),
            (busy, Some(1), Some(1)),
        ] {
            assert_eq!(limit(Reach::note_unlisted, &error), unlisted, "{error}");
            assert_eq!(limit(Reach::note_unresolved, &error), unresolved, "{error}");
        }
    }

    #[test]
    fn an_answer_between_makes_failures_those_of_one() {
        let reach = Reach::default();
        for number in 0..100 {
            assert_eq!(reach.note_unresolved(&silence()), Concern::One);
            match number % 3 {
                2 => reach.note_answer(),
                1 => assert_eq!(reach.note_unlisted(&denied()), Concern::One),
                _ => {}
            }
        }
    }

    #[test]
    fn what_is_told_of_many_failures_is_one_message() {
        let mut failed = FailedTags::default();
        for number in 1..MAX_FAILED_TAGS {
            assert!(!failed.add(number.to_string()));
        }
        assert!(failed.add("last".to_owned()));
        let told = failed.take();
        assert!(told.len() == 1 && told[0].ends_with(": last"), "{told:?}");
        assert!(!failed.add("one".to_owned()));
        assert_eq!(failed.take(), ["one"]);
    }
}
