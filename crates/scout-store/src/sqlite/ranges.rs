//! Reading rows of many numbers: one query for each stretch of near numbers, so that a dense set
//! is one scan and a sparse one a few look-ups.

use roaring::RoaringBitmap;

/// How far numbers may be apart to be read together. Passing over a row costs about a tenth of
/// looking one up.
const NEAR: u32 = 10;

/// Returns the first and last number of each stretch, in order.
pub(super) fn ranges(numbers: &RoaringBitmap) -> impl Iterator<Item = (u32, u32)> {
    let mut numbers = numbers.iter().peekable();
    std::iter::from_fn(move || {
        let first = numbers.next()?;
        let mut last = first;
        while let Some(next) = numbers.next_if(|next| next - last <= NEAR) {
            last = next;
        }
        Some((first, last))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(numbers: &[u32], expected: &[(u32, u32)]) {
        let bitmap: RoaringBitmap = numbers.iter().copied().collect();
        let found: Vec<(u32, u32)> = ranges(&bitmap).collect();
        assert_eq!(found, expected, "{numbers:?}");
    }

    #[test]
    fn near_numbers_are_read_together() {
        check(&[], &[]);
        check(&[7], &[(7, 7)]);
        check(&[1, 2, 3], &[(1, 3)]);
        check(&[1, 11, 22], &[(1, 11), (22, 22)]);
        check(
            &[0, u32::MAX - 1, u32::MAX],
            &[(0, 0), (u32::MAX - 1, u32::MAX)],
        );
    }
}
