//! The value of a sample, and how it is written.

use std::fmt;

/// A sample's value. Whole numbers are kept and written without a fraction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(Repr);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Repr {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

/// From here on (and below its negative) not every whole number is an `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// From here on floats are written with an exponent instead of a row of zeros.
const LONG: f64 = 1e21;
/// Below this, floats are written with an exponent.
const SHORT: f64 = 1e-7;

impl Number {
    /// Returns the value as scrapers see it: rounded to the nearest `f64`.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "every scraper reads samples as f64"
    )]
    pub fn as_f64(self) -> f64 {
        match self.0 {
            Repr::Unsigned(value) => value as f64,
            Repr::Signed(value) => value as f64,
            Repr::Float(value) => value,
        }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self(Repr::Unsigned(value))
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Self::from(u64::from(value))
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(u64::try_from(value).map_or(Repr::Signed(value), Repr::Unsigned))
    }
}

impl From<f64> for Number {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "only exact whole numbers are cast"
    )]
    fn from(value: f64) -> Self {
        if value.fract() == 0.0 && value.abs() < EXACT {
            Self::from(value as i64)
        } else {
            Self(Repr::Float(value))
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Repr::Unsigned(value) => value.fmt(f),
            Repr::Signed(value) => value.fmt(f),
            Repr::Float(value) if value.is_nan() => f.write_str("NaN"),
            Repr::Float(f64::INFINITY) => f.write_str("+Inf"),
            Repr::Float(f64::NEG_INFINITY) => f.write_str("-Inf"),
            Repr::Float(value) if value.abs() >= LONG || value.abs() < SHORT => {
                write!(f, "{value:e}")
            }
            Repr::Float(value) => value.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_no_fraction_and_odd_ones_their_names() {
        for (value, expected) in [
            (Number::from(0_u64), "0"),
            (Number::from(u64::MAX), "18446744073709551615"),
            (Number::from(-3_i64), "-3"),
            (Number::from(3.0), "3"),
            (Number::from(-0.0), "0"),
            (Number::from(-2.0), "-2"),
            (Number::from(0.25), "0.25"),
            (Number::from(1e300), "1e300"),
            (Number::from(2.5e-9), "2.5e-9"),
            (Number::from(f64::NAN), "NaN"),
            (Number::from(f64::INFINITY), "+Inf"),
            (Number::from(f64::NEG_INFINITY), "-Inf"),
        ] {
            assert_eq!(value.to_string(), expected);
        }
        assert_eq!(Number::from(3.0), Number::from(3_i64));
        assert_eq!(Number::from(7_i64), Number::from(7_u32));
    }
}
