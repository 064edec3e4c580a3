//! How often a server is asked.

use std::time::Duration;

/// Longest pause a server may ask for with `Retry-After`. A longer one would be an outage that
/// nobody sees the end of.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a server is asked. All pauses follow from how long an answer is good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace {
    ttl: Duration,
}

impl Pace {
    /// How long an answer is good unless said otherwise: Docker's endpoint keeps its own for 60
    /// minutes, and recommends not to ask more often (Docker Docs, "Docker Scout metrics
    /// exporter", "Scrape interval").
    pub const TTL: Duration = Duration::from_secs(60 * 60);
    /// No pause is shorter: not even a wrong choice makes us hammer.
    const SHORTEST: Duration = Duration::from_secs(1);
    /// Reads come up to a twentieth later, so that many exporters do not come at once. Never
    /// earlier: then the server would give the answer we have.
    const SPREAD: f64 = 0.05;

    /// Returns the pace of answers that are good for `ttl`, at least a second.
    #[must_use]
    pub fn with_ttl(ttl: Duration) -> Self {
        let ttl = ttl.max(Self::SHORTEST);
        Self { ttl }
    }

    /// Returns how long an answer is good.
    #[must_use]
    pub fn ttl(self) -> Duration {
        self.ttl
    }

    /// The pause after an answer. `chance` is from 0 to 1.
    pub(super) fn after_success(self, chance: f64) -> Duration {
        spread(self.ttl, chance)
    }

    /// The longest pause after an answer.
    pub(super) fn longest_after_success(self) -> Duration {
        spread(self.ttl, 1.0)
    }

    /// The shortest pause between two questions: with 60 minutes it is 30 s.
    pub(super) fn shortest(self) -> Duration {
        (self.ttl / 120).max(Self::SHORTEST)
    }

    /// The pause after this many failures in a row that may pass: it doubles, up to a quarter of
    /// how long an answer is good. With 60 minutes: 30 s, 1, 2, 4, 8, 15, 15 min.
    pub(super) fn after_failure(self, failures: u32, chance: f64) -> Duration {
        let longest = (self.ttl / 4).max(Self::SHORTEST);
        spread(doubled(self.shortest(), failures, longest), chance)
    }

    /// The pause after this many refusals in a row, which a person must mend: it doubles, up to
    /// how long an answer is good. With 60 minutes: 10, 20, 40, 60, 60 min.
    pub(super) fn after_refusal(self, failures: u32, chance: f64) -> Duration {
        let first = (self.ttl / 6).max(Self::SHORTEST);
        spread(doubled(first, failures, self.ttl), chance)
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::with_ttl(Self::TTL)
    }
}

fn doubled(first: Duration, failures: u32, longest: Duration) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    first.saturating_mul(1 << doublings).min(longest)
}

/// Lengthens a pause by up to a twentieth.
pub(super) fn spread(pause: Duration, chance: f64) -> Duration {
    let chance = if chance.is_finite() {
        chance.clamp(0.0, 1.0)
    } else {
        1.0
    };
    pause.mul_f64(1.0 + Pace::SPREAD * chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_those_that_are_documented() {
        let pace = Pace::default();
        let failures: Vec<_> = (1..=7)
            .map(|n| pace.after_failure(n, 0.0).as_secs())
            .collect();
        assert_eq!(failures, [30, 60, 120, 240, 480, 900, 900]);
        let refusals: Vec<_> = (1..=5)
            .map(|n| pace.after_refusal(n, 0.0).as_secs())
            .collect();
        assert_eq!(refusals, [600, 1200, 2400, 3600, 3600]);
        assert_eq!(pace.after_success(0.0).as_secs(), 3600);
        assert_eq!(pace.after_success(1.0).as_secs(), 3780);
    }

    #[test]
    fn no_choice_and_no_chance_makes_it_hammer() {
        for ttl in [Duration::ZERO, Duration::from_millis(1), Duration::MAX / 4] {
            let pace = Pace::with_ttl(ttl);
            for chance in [0.0, 1.0, -7.0, 99.0, f64::NAN] {
                for failures in [0, 1, 2, 1000, u32::MAX] {
                    assert!(pace.after_failure(failures, chance) >= Pace::SHORTEST);
                    assert!(pace.after_refusal(failures, chance) >= Pace::SHORTEST);
                }
                assert!(pace.after_success(chance) >= pace.ttl());
                assert!(pace.after_success(chance) <= pace.longest_after_success());
            }
        }
    }
}
