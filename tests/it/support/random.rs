//! Random numbers for the moments at which a program is killed. The seed can be set.

use std::env;
use std::hash::{BuildHasher, RandomState};

/// A small generator (xorshift64*): spread matters here, secrecy does not.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Takes the seed from `SCOUT_SEED`, else a fresh one, and prints it.
    pub(crate) fn new() -> Self {
        let seed = env::var("SCOUT_SEED")
            .ok()
            .map(|seed| seed.parse().unwrap());
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0_u8) >> 1 | 1);
        println!("seed: SCOUT_SEED={seed}");
        Self(seed)
    }

    /// Returns the generator of a numbered history: numbers beside each other give nothing alike.
    pub(crate) fn of(number: u64) -> Self {
        // The finalizer of splitmix64.
        let mut seed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
        seed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        seed = (seed ^ (seed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self((seed ^ (seed >> 31)) | 1)
    }

    /// Returns a number from 0 up to and without `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) % end
    }
}
