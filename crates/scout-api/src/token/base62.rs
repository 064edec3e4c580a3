//! Bytes as letters and digits, which one double click selects whole.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Returns the big-endian number as `len` digits of base 62, with zeros in front. Digits that do
/// not fit are lost: `len` is to be chosen so that all do.
pub(super) fn encode(bytes: &[u8], len: usize) -> String {
    let mut number = bytes.to_vec();
    let mut digits: Vec<char> = (0..len).map(|_| digit(divide(&mut number))).collect();
    digits.reverse();
    digits.into_iter().collect()
}

/// Divides the number by 62 in place and returns the remainder.
fn divide(number: &mut [u8]) -> u8 {
    let mut remainder = 0_u16;
    for byte in number {
        let value = (remainder << 8) | u16::from(*byte);
        *byte = low_byte(value / 62);
        remainder = value % 62;
    }
    low_byte(remainder)
}

fn low_byte(value: u16) -> u8 {
    let [_, low] = value.to_be_bytes();
    low
}

fn digit(value: u8) -> char {
    let digit = DIGITS.get(usize::from(value)).copied();
    char::from(digit.unwrap_or(b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_from_the_highest_digit() {
        for (bytes, len, expected) in [
            (&[0][..], 2, "00"),
            (&[61], 2, "0z"),
            (&[62], 2, "10"),
            (&[1, 0], 3, "048"),
            (&[0xff, 0xff, 0xff, 0xff], 6, "4gfFC3"),
        ] {
            assert_eq!(encode(bytes, len), expected, "{bytes:?}");
        }
    }
}
