//! How many series the families beyond the documented ones may have.

use std::fmt;
use std::str::FromStr;

use scout_envs::MAX_REPOSITORY_ROWS;

/// The most series that the families beyond the documented ones have, all together, of one
/// organization.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SeriesBudget(usize);

impl SeriesBudget {
    /// About as many as a cluster of some hundred nodes has of its objects: whoever scrapes that
    /// can scrape this beside it. Room for the streams of some 250 environments, or for the
    /// repositories that are the worst 1,400 rows.
    pub const DEFAULT: Self = Self(10_000);
    /// What is always there (the budget, and what was dropped of each family) fits.
    pub const MIN: usize = 100;
    /// A scrape of so many is 10 MB of text, which is what endpoints are built for here; more
    /// repositories than fit into it are not kept one by one.
    pub const MAX: usize = 100_000;

    /// Returns how many series that is.
    #[must_use]
    pub fn as_series(self) -> usize {
        self.0
    }
}

/// What is kept of repositories fills the greatest budget: a row has a series for its images, five
/// for its exposures and one for those that are known to be exploited.
const _: () = assert!(MAX_REPOSITORY_ROWS * 7 > SeriesBudget::MAX);

impl Default for SeriesBudget {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl TryFrom<usize> for SeriesBudget {
    type Error = InvalidSeriesBudget;

    fn try_from(series: usize) -> Result<Self, Self::Error> {
        match (Self::MIN..=Self::MAX).contains(&series) {
            true => Ok(Self(series)),
            false => Err(InvalidSeriesBudget),
        }
    }
}

impl FromStr for SeriesBudget {
    type Err = InvalidSeriesBudget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let series: usize = text.parse().map_err(|_number| InvalidSeriesBudget)?;
        Self::try_from(series)
    }
}

impl fmt::Display for SeriesBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number that is no budget of series.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a budget of series is a whole number from {} to {}",
    SeriesBudget::MIN,
    SeriesBudget::MAX
)]
pub struct InvalidSeriesBudget;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_number_within_bounds() {
        for (text, expected) in [
            ("100", Some(100)),
            ("10000", Some(10_000)),
            ("100000", Some(100_000)),
            ("99", None),
            ("100001", None),
            ("0", None),
            ("-1", None),
            ("1e4", None),
            ("10_000", None),
            ("", None),
        ] {
            let read = text.parse::<SeriesBudget>().map(SeriesBudget::as_series);
            assert_eq!(read.ok(), expected, "{text}");
        }
        let default = SeriesBudget::default();
        assert_eq!(default.to_string().parse(), Ok(default));
    }
}
