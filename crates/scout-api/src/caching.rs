//! For how long the same bytes are served.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

/// When a new body replaces the one that is served. The set is closed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CacheMode {
    /// As soon as the data changed.
    #[default]
    Snapshot,
    /// Not before the one that is served is as old as the [`CacheTtl`], as Docker documents it of
    /// its own endpoint. A page without any series is replaced at once: no data is no answer to
    /// keep.
    Ttl,
}

impl FromStr for CacheMode {
    type Err = InvalidCacheMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "snapshot" => Ok(Self::Snapshot),
            "ttl" => Ok(Self::Ttl),
            _ => Err(InvalidCacheMode),
        }
    }
}

impl fmt::Display for CacheMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Snapshot => "snapshot",
            Self::Ttl => "ttl",
        })
    }
}

/// A text that is no cache mode.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("write `snapshot` (new numbers at once) or `ttl` (the same ones until the TTL is over)")]
pub struct InvalidCacheMode;

/// For how long a cached answer is good: from one second to a week.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct CacheTtl(Duration);

impl CacheTtl {
    /// What Docker documents of its own endpoint: 60 minutes.
    pub const DEFAULT: Self = Self(Duration::from_secs(60 * 60));
    /// The shortest: a poll comes once a second.
    pub const MIN: Self = Self(Duration::from_secs(1));
    /// The longest: numbers of last week are no longer a cache.
    pub const MAX: Self = Self(Duration::from_secs(7 * 24 * 60 * 60));

    /// Returns the time.
    #[must_use]
    pub fn as_duration(self) -> Duration {
        self.0
    }
}

impl Default for CacheTtl {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl FromStr for CacheTtl {
    type Err = InvalidCacheTtl;

    /// Reads `60m`, `1h 30m`, `90 seconds` or `PT1H`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidCacheTtl::NoUnit {
                number: text.to_owned(),
            });
        }
        let Ok(duration) = text.parse::<SignedDuration>() else {
            return Err(InvalidCacheTtl::NotATime);
        };
        let duration = Duration::try_from(duration).unwrap_or_default();
        if (Self::MIN.0..=Self::MAX.0).contains(&duration) {
            return Ok(Self(duration));
        }
        Err(InvalidCacheTtl::OutOfRange)
    }
}

impl fmt::Display for CacheTtl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let duration = SignedDuration::try_from(self.0).unwrap_or(SignedDuration::MAX);
        write!(f, "{duration:#}")
    }
}

/// A text that is no time to live.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCacheTtl {
    /// It is a number only.
    #[error("write the unit, too: {number}s, {number}m or {number}h")]
    NoUnit {
        /// The number.
        number: String,
    },
    /// It cannot be read.
    #[error("write a number with its unit, such as 60m, 90s or 1h30m")]
    NotATime,
    /// It is too short or too long.
    #[error("write a time from 1s to 7d")]
    OutOfRange,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Result<u64, InvalidCacheTtl> {
        text.parse()
            .map(|ttl: CacheTtl| ttl.as_duration().as_secs())
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, expected) in [
            ("60m", Ok(3600)),
            ("1h", Ok(3600)),
            ("60 minutes", Ok(3600)),
            ("1h30m", Ok(5400)),
            ("1h 30m", Ok(5400)),
            (" 90s ", Ok(90)),
            ("PT1H", Ok(3600)),
            ("1s", Ok(1)),
            ("168h", Ok(604_800)),
            ("0s", Err(InvalidCacheTtl::OutOfRange)),
            ("-1h", Err(InvalidCacheTtl::OutOfRange)),
            ("169h", Err(InvalidCacheTtl::OutOfRange)),
            ("", Err(InvalidCacheTtl::NotATime)),
            ("soon", Err(InvalidCacheTtl::NotATime)),
            ("1 fortnight", Err(InvalidCacheTtl::NotATime)),
        ] {
            assert_eq!(seconds(text), expected, "{text:?}");
        }
        let number = "3600".to_owned();
        let error = seconds("3600").unwrap_err();
        assert_eq!(
            error.to_string(),
            "write the unit, too: 3600s, 3600m or 3600h"
        );
        assert_eq!(error, InvalidCacheTtl::NoUnit { number });
    }

    #[test]
    fn what_is_shown_can_be_read() {
        for ttl in [CacheTtl::DEFAULT, CacheTtl::MIN, CacheTtl::MAX] {
            assert_eq!(ttl.to_string().parse(), Ok(ttl), "{ttl}");
        }
        assert_eq!(CacheTtl::DEFAULT.to_string(), "1h");
        for mode in [CacheMode::Snapshot, CacheMode::Ttl] {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        assert_eq!("TTL".parse::<CacheMode>(), Err(InvalidCacheMode));
    }
}
