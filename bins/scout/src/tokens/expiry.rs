//! Until when a token is good, as people write it.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// How long a token may be good, in years. Longer is a slip, or the wish for one without an end.
const MAX_YEARS: i32 = 100;

/// How long a token is good: a positive time with its units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime(Span);

/// A moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExpiryTime(Timestamp);

/// What is wrong with an end, and what to write.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvalidExpiry {
    #[error("write the unit, too: {0}d for days, {0}h for hours")]
    NoUnit(String),
    #[error("write a time such as 90d, 12h, 6months or 1y")]
    NoTime,
    #[error("a token must be good for some time: write one such as 90d")]
    NotPositive,
    #[error(
        "write a date such as 2027-06-30, or a time with its zone such as 2027-06-30T12:00:00Z or \
         2027-06-30T12:00:00+02:00"
    )]
    NoMoment,
    #[error("it is over already: write a time to come")]
    Over,
    #[error("that is more than {MAX_YEARS} years: leave it out for a token that does not expire")]
    TooFar,
}

impl FromStr for Lifetime {
    type Err = InvalidExpiry;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidExpiry::NoUnit(text.to_owned()));
        }
        let span: Span = text.parse().map_err(|_no_span| InvalidExpiry::NoTime)?;
        if !span.is_positive() {
            return Err(InvalidExpiry::NotPositive);
        }
        Ok(Self(span))
    }
}

impl FromStr for ExpiryTime {
    type Err = InvalidExpiry;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Ok(Self(moment));
        }
        // A date and nothing else: a time without a zone could be any.
        let is_date = !text.contains([':', 'T', 't', ' ']);
        let date = text.parse::<Date>().ok().filter(|_| is_date);
        let midnight = date.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
        midnight
            .map(|midnight| Self(midnight.timestamp()))
            .ok_or(InvalidExpiry::NoMoment)
    }
}

/// Returns when a token ends that is made now; nothing if it does not.
pub(super) fn end(
    now: Timestamp,
    lifetime: Option<Lifetime>,
    time: Option<ExpiryTime>,
) -> Result<Option<Timestamp>, InvalidExpiry> {
    let today = now.to_zoned(TimeZone::UTC);
    let end = match (lifetime, time) {
        (Some(Lifetime(span)), _) => {
            let end = today.checked_add(span);
            end.map_err(|_too_far| InvalidExpiry::TooFar)?.timestamp()
        }
        (None, Some(ExpiryTime(moment))) => moment,
        (None, None) => return Ok(None),
    };
    if end <= now {
        return Err(InvalidExpiry::Over);
    }
    let last = today.checked_add(Span::new().years(MAX_YEARS));
    if last.is_ok_and(|last| end > last.timestamp()) {
        return Err(InvalidExpiry::TooFar);
    }
    Ok(Some(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-30T10:00:00Z";

    fn lasting(text: &str) -> Result<String, InvalidExpiry> {
        let lifetime = text.parse()?;
        let end = end(NOW.parse().unwrap(), Some(lifetime), None)?;
        Ok(end.unwrap().to_string())
    }

    fn until(text: &str) -> Result<String, InvalidExpiry> {
        let time = text.parse()?;
        let end = end(NOW.parse().unwrap(), None, Some(time))?;
        Ok(end.unwrap().to_string())
    }

    #[test]
    fn a_time_is_added_as_the_calendar_does() {
        for (text, expected) in [
            ("90d", "2027-02-28T10:00:00Z"),
            ("90 days", "2027-02-28T10:00:00Z"),
            ("12h", "2026-11-30T22:00:00Z"),
            ("1h 30m", "2026-11-30T11:30:00Z"),
            ("2w", "2026-12-14T10:00:00Z"),
            ("3months", "2027-02-28T10:00:00Z"),
            ("1y", "2027-11-30T10:00:00Z"),
            ("P1Y", "2027-11-30T10:00:00Z"),
            ("100y", "2126-11-30T10:00:00Z"),
            ("1s", "2026-11-30T10:00:01Z"),
        ] {
            assert_eq!(lasting(text).as_deref(), Ok(expected), "{text}");
        }
        for (text, expected) in [
            ("90", InvalidExpiry::NoUnit("90".to_owned())),
            ("", InvalidExpiry::NoTime),
            ("soon", InvalidExpiry::NoTime),
            ("90x", InvalidExpiry::NoTime),
            ("0d", InvalidExpiry::NotPositive),
            ("-3d", InvalidExpiry::NotPositive),
            ("3d ago", InvalidExpiry::NotPositive),
            ("101y", InvalidExpiry::TooFar),
            ("9999y", InvalidExpiry::TooFar),
        ] {
            assert_eq!(lasting(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_moment_has_a_zone_or_is_a_day() {
        for (text, expected) in [
            ("2027-06-30", "2027-06-30T00:00:00Z"),
            ("2027-06-30T12:00:00Z", "2027-06-30T12:00:00Z"),
            ("2027-06-30T12:00:00+02:00", "2027-06-30T10:00:00Z"),
        ] {
            assert_eq!(until(text).as_deref(), Ok(expected), "{text}");
        }
        for (text, expected) in [
            ("", InvalidExpiry::NoMoment),
            ("tomorrow", InvalidExpiry::NoMoment),
            ("2027-06-31", InvalidExpiry::NoMoment),
            ("2027-06-30T12:00:00", InvalidExpiry::NoMoment),
            ("2027-06-30 12:00", InvalidExpiry::NoMoment),
            ("2026-11-30", InvalidExpiry::Over),
            ("2026-11-30T10:00:00Z", InvalidExpiry::Over),
            ("2200-01-01", InvalidExpiry::TooFar),
        ] {
            assert_eq!(until(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn without_a_word_there_is_no_end() {
        assert_eq!(end(NOW.parse().unwrap(), None, None), Ok(None));
    }
}
