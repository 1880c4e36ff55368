//! Who contributes to some released sum as little as anybody does: to a count, everybody.
//!
//! Such a person is too much of no rest that the sums leave of each other: whoever is, is above the smallest
//! contribution of every sum by more than a harmless factor.

use crate::evidence::Evidence;

/// What is known of a person.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Known {
    /// Contributes to no sum.
    Nothing,
    /// Contributes to some.
    Contributes,
    /// Contributes the smallest amount of one.
    Plain,
}

/// The people of the sums that were shown.
#[derive(Default)]
pub(super) struct Plain {
    /// By dense id.
    people: Vec<Known>,
    /// How many are not plain.
    others: usize,
    /// The largest sum of absolute contributions.
    largest: u128,
}

impl Plain {
    /// Takes in a sum that is shown.
    pub(super) fn add(&mut self, sum: &Evidence) {
        self.largest = self.largest.max(sum.absolute().unwrap_or(u128::MAX));
        for (subject, amount) in sum.contributions().iter().filter(|(_, amount)| *amount != 0) {
            let place = at(subject);
            if self.people.len() <= place {
                self.people.resize(place.saturating_add(1), Known::Nothing);
            }
            let is_smallest = amount.unsigned_abs() == sum.smallest();
            let Some(known) = self.people.get_mut(place) else { continue };
            match (*known, is_smallest) {
                (Known::Plain, _) | (Known::Contributes, false) => {}
                (Known::Nothing, false) => {
                    self.others = self.others.saturating_add(1);
                    *known = Known::Contributes;
                }
                (Known::Nothing, true) => *known = Known::Plain,
                (Known::Contributes, true) => {
                    self.others = self.others.saturating_sub(1);
                    *known = Known::Plain;
                }
            }
        }
    }

    /// Whether everybody in these sums and in some more is plain, and no sum is larger than `most`.
    pub(super) fn are_all_with(&self, sums: &[&Evidence], most: u128) -> bool {
        if self.others > 0 || self.largest > most {
            return false;
        }
        let mut with = Self { people: Vec::new(), others: 0, largest: 0 };
        sums.iter().for_each(|sum| with.add(sum));
        let is_plain = |place: usize| self.people.get(place) == Some(&Known::Plain);
        let others = with.people.iter().enumerate().filter(|(_, known)| **known == Known::Contributes);
        with.largest <= most && others.map(|(place, _)| place).all(is_plain)
    }

    pub(super) fn heap_size(&self) -> usize {
        self.people.capacity()
    }
}

/// A dense id as an index.
fn at(subject: u32) -> usize {
    usize::try_from(subject).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{evidence, people};

    #[test]
    fn whoever_is_counted_somewhere_is_plain() {
        let amounts =
            |of: std::ops::Range<u32>| evidence(of.map(|person| (person, 100 + i128::from(person))));
        let mut plain = Plain::default();
        plain.add(&people(0..20));
        assert!(plain.are_all_with(&[&amounts(0..20)], 1 << 40));
        assert!(!plain.are_all_with(&[&amounts(0..20)], 1_000), "too large a sum");
        assert!(!plain.are_all_with(&[&amounts(5..30)], 1 << 40));
        assert!(plain.are_all_with(&[&amounts(5..30), &people(20..40)], 1 << 40));
        plain.add(&amounts(10..30));
        assert!(!plain.are_all_with(&[&people(0..5)], 1 << 40), "ten people were never counted");
        plain.add(&people(15..30));
        assert!(plain.are_all_with(&[&people(0..5)], 1 << 40));
    }
}
