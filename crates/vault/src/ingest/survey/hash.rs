//! One fixed hash of a number, so that the same values are always the sample.
//!
//! It is quick and protects nothing: what is kept by it never leaves the ingest.

use std::hash::{BuildHasherDefault, Hasher};

/// Finds numbers in a map by [`hash`].
pub(super) type ByHash = BuildHasherDefault<NumberHasher>;

/// A hasher of one number.
#[derive(Default)]
pub(super) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = mixed(self.0 ^ u64::from(*byte)));
    }

    fn write_i128(&mut self, value: i128) {
        self.0 = hash(value);
    }

    fn finish(&self) -> u64 {
        // A map tells numbers apart by the first digits, which a sample may have in common.
        self.0.rotate_left(32)
    }
}

/// The hash of a number.
pub(super) fn hash(value: i128) -> u64 {
    let bytes = value.to_le_bytes();
    let (low, high) = bytes.split_at(8);
    let word = |half: &[u8]| half.try_into().map_or(0, u64::from_le_bytes);
    mixed(word(low) ^ mixed(word(high)))
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014), a bijection that spreads every bit.
fn mixed(word: u64) -> u64 {
    let word = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}
