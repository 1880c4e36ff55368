//! What follows from the contributions of people: their sum, their number and the largest ones.

use super::amounts::{Amounts, Stored};
use super::length;

/// What follows from contributions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Sums {
    pub(super) total: Option<i128>,
    pub(super) absolute: Option<u128>,
    pub(super) contributors: u64,
    pub(super) largest: u128,
    pub(super) second: u128,
    /// Other than zero; zero if there is none.
    pub(super) smallest: u128,
    /// Whether every amount is above zero.
    pub(super) positive: bool,
}

impl Sums {
    const NOTHING: Self = Self {
        total: Some(0),
        absolute: Some(0),
        contributors: 0,
        largest: 0,
        second: 0,
        smallest: 0,
        positive: true,
    };

    pub(super) fn of(amounts: &Stored) -> Self {
        match amounts {
            Stored::Ones(people) => Self::of_equal(1, length(*people)),
            Stored::Bytes(bytes) => Self::of_bytes(bytes),
            Stored::Words(words) => Self::of_words(words),
            Stored::Wide(_) => Self::of_any(Amounts(amounts)),
        }
    }

    /// Of amounts of any size.
    fn of_any(amounts: Amounts<'_>) -> Self {
        amounts.iter().fold(Self::NOTHING, Self::with)
    }

    /// Of small amounts: people are counted by what they contribute.
    fn of_bytes(bytes: &[u8]) -> Self {
        let mut people = [0_u64; 256];
        for byte in bytes {
            if let Some(people) = people.get_mut(usize::from(*byte)) {
                *people = people.saturating_add(1);
            }
        }
        let counted = (0_u8..=u8::MAX).zip(people).filter(|(_, people)| *people > 0);
        counted.fold(Self::NOTHING, |sums, (size, people)| sums.and(Self::of_equal(size, people)))
    }

    fn of_words(words: &[i64]) -> Self {
        let (mut total, mut absolute) = (0_i128, 0_u128);
        let (mut contributors, mut largest, mut second, mut smallest) = (0_u64, 0_u64, 0_u64, u64::MAX);
        let mut least = i64::MAX;
        for word in words {
            let size = word.unsigned_abs();
            // As many words as fit into memory have no sum of more than 128 bits.
            total = total.wrapping_add(i128::from(*word));
            absolute = absolute.wrapping_add(u128::from(size));
            contributors = contributors.wrapping_add(u64::from(size > 0));
            least = least.min(*word);
            // Zero becomes the largest number, and so is not the smallest.
            smallest = smallest.min(size.wrapping_sub(1));
            if size > second {
                (largest, second) = (largest.max(size), largest.min(size));
            }
        }
        let smallest = if contributors > 0 { smallest.wrapping_add(1) } else { 0 };
        Self {
            total: Some(total),
            absolute: Some(absolute),
            contributors,
            largest: u128::from(largest),
            second: u128::from(second),
            smallest: u128::from(smallest),
            positive: least > 0,
        }
    }

    /// Of people who contribute the same.
    fn of_equal(size: u8, people: u64) -> Self {
        let amount = u128::from(size);
        let sum = u128::from(people).saturating_mul(amount);
        Self {
            total: i128::try_from(sum).ok(),
            absolute: Some(sum),
            contributors: if size > 0 { people } else { 0 },
            largest: if people > 0 { amount } else { 0 },
            second: if people > 1 { amount } else { 0 },
            smallest: if people > 0 { amount } else { 0 },
            positive: size > 0 || people == 0,
        }
    }

    /// Of two groups of people together; those of `larger` contribute more, and nobody less than zero.
    fn and(self, larger: Self) -> Self {
        Self {
            total: self.total.zip(larger.total).and_then(|(mine, theirs)| mine.checked_add(theirs)),
            absolute: self.absolute.zip(larger.absolute).and_then(|(mine, theirs)| mine.checked_add(theirs)),
            contributors: self.contributors.saturating_add(larger.contributors),
            largest: larger.largest,
            second: if larger.second > 0 { larger.second } else { self.largest },
            smallest: if self.smallest > 0 { self.smallest } else { larger.smallest },
            positive: self.positive && larger.positive,
        }
    }

    fn with(self, amount: i128) -> Self {
        let size = amount.unsigned_abs();
        let (largest, second) = if size <= self.second {
            (self.largest, self.second)
        } else {
            (self.largest.max(size), self.largest.min(size))
        };
        let smallest = match (self.smallest, size) {
            (smallest, 0) => smallest,
            (0, size) => size,
            (smallest, size) => smallest.min(size),
        };
        Self {
            total: self.total.and_then(|sum| sum.checked_add(amount)),
            absolute: self.absolute.and_then(|sum| sum.checked_add(size)),
            contributors: self.contributors.saturating_add(u64::from(size > 0)),
            largest,
            second,
            smallest,
            positive: self.positive && amount > 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(stored: &Stored) {
        assert_eq!(Sums::of(stored), Sums::of_any(Amounts(stored)));
    }

    proptest! {
        #[test]
        fn each_form_has_the_sums_of_its_amounts(
            ones in 0_usize..5,
            bytes in prop::collection::vec(prop_oneof![0_u8..4, any::<u8>()], 0..40),
            words in prop::collection::vec(prop_oneof![-3_i64..9, any::<i64>()], 0..40),
        ) {
            check(&Stored::Ones(ones));
            check(&Stored::Bytes(bytes));
            check(&Stored::Words(words));
        }
    }
}
