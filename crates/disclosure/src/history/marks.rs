//! For each person a mark of the released sums: the same for people whom none of them tells apart.
//!
//! Each sum has a number of 128 bits for every amount, as if by chance; a person's mark is what these add up to
//! over the sums to which they contribute. People who contribute the same to each sum have the same mark; others
//! do with a chance of 2⁻¹²⁷. The numbers are drawn from the contributions, and no arithmetic with amounts leads
//! from one to another, so that who asks cannot choose amounts that vanish.

use sekisho_model::Digest;
use sha2::{Digest as _, Sha256};

use crate::evidence::Evidence;

/// What a sum adds to the marks of its people.
#[derive(Clone, Copy)]
pub(crate) struct Seed {
    words: [u64; 4],
    /// For who counts once, like nearly everybody.
    one: u128,
}

impl Seed {
    /// The seed of a sum; `place` tells it from others with the same totals, and nobody who asks knows `key`.
    pub(super) fn of(sum: &Evidence, place: usize, key: &Digest) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"sekisho mark 1\0");
        hash.update(key.as_bytes());
        hash.update(place.to_le_bytes());
        hash.update(sum.people().to_le_bytes());
        hash.update(sum.largest().to_le_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(digest.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let one = mixed(words, 1);
        Self { words, one }
    }

    /// What somebody's mark gains who contributes this; zero changes no mark.
    #[inline]
    pub(crate) fn mark(&self, amount: i128) -> u128 {
        match amount {
            0 => 0,
            1 => self.one,
            _ => mixed(self.words, amount),
        }
    }
}

fn mixed([a, b, c, d]: [u64; 4], amount: i128) -> u128 {
    let bits = amount.cast_unsigned();
    let low = u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
    let high = u64::try_from(bits >> 64).unwrap_or(0);
    let lane = |first: u64, second: u64| scrambled(scrambled(low ^ first).wrapping_add(high) ^ second);
    u128::from(lane(a, b)) << 64 | u128::from(lane(c, d))
}

/// Every bit depends on every bit (the last steps of SplitMix64; Steele, Lea and Flood 2014).
fn scrambled(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The marks of all people, by dense id.
#[derive(Default)]
pub(crate) struct Marks {
    marks: Vec<u128>,
    /// In how many sums each is.
    sums: Vec<u32>,
}

impl Marks {
    /// Adds a sum.
    pub(super) fn add(&mut self, sum: &Evidence, seed: &Seed) {
        let Some(last) = sum.subjects().last().and_then(|last| usize::try_from(*last).ok()) else { return };
        if self.marks.len() <= last {
            self.marks.resize(last.saturating_add(1), 0);
            self.sums.resize(last.saturating_add(1), 0);
        }
        for (subject, amount) in sum.contributions().iter() {
            let Ok(at) = usize::try_from(subject) else { continue };
            if let (Some(mark), Some(sums)) = (self.marks.get_mut(at), self.sums.get_mut(at)) {
                *mark = mark.wrapping_add(seed.mark(amount));
                *sums = sums.saturating_add(1);
            }
        }
    }

    /// By dense id; people beyond the last one are in no sum, and their mark is zero.
    pub(crate) fn of_people(&self) -> &[u128] {
        &self.marks
    }

    /// In how many sums each person is, by dense id.
    pub(super) fn sums_of_people(&self) -> &[u32] {
        &self.sums
    }

    pub(super) fn heap_size(&self) -> usize {
        let marks = self.marks.capacity().saturating_mul(size_of::<u128>());
        marks.saturating_add(self.sums.capacity().saturating_mul(size_of::<u32>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{evidence, people};

    fn seed(sum: &Evidence, place: usize) -> Seed {
        Seed::of(sum, place, &Digest::of(b"key"))
    }

    #[test]
    fn marks_are_equal_exactly_for_people_whom_no_sum_tells_apart() {
        let mut marks = Marks::default();
        let sums = [people(0..6), evidence([(1, 1 << 61), (2, 1 << 61), (3, 1), (4, 0)]), people([3, 7])];
        for (place, sum) in sums.iter().enumerate() {
            marks.add(sum, &seed(sum, place));
        }
        let of = |person: usize| marks.of_people()[person];
        assert!(of(1) == of(2) && of(0) == of(5) && of(0) == of(4) && of(6) == 0);
        assert!(of(0) != of(1) && of(1) != of(3) && of(3) != of(7) && of(7) != 0);
    }

    #[test]
    fn a_sum_can_be_taken_out_of_a_mark() {
        let (left, right) = (people(0..3), evidence((0..3).map(|subject| (subject, -7))));
        let (one, other) = (seed(&left, 0), seed(&right, 1));
        let mut marks = Marks::default();
        marks.add(&left, &one);
        marks.add(&right, &other);
        assert_eq!(marks.of_people()[1].wrapping_sub(other.mark(-7)), one.mark(1));
    }
}
