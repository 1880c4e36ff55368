//! The people behind sums that are not settled: some of them, and those outside of a subspace.
//!
//! A person is a linear form on coefficients. Whether all forms are in a subspace shows on one
//! combination of the sums, drawn at random among those to which the forms of the subspace say zero: to
//! a form outside of it, the combination is zero with a chance of 2⁻⁶⁰. Like the prime of the field, it
//! is drawn from the contributions, and nobody who asks can choose it.

use std::collections::BTreeSet;

use super::algebra::{Algebra, Exhausted, Vector};
use super::columns::Column;
use super::echelon::Echelon;
use super::field::Field;
use super::sweep::Sweep;
use crate::evidence::Evidence;

/// People of each sum who are looked at first.
const PEOPLE_OF_A_SUM: usize = 48;

/// The people behind some sums.
pub(super) struct Crowd<'a> {
    numbers: Vec<u32>,
    sums: Vec<&'a Evidence>,
    algebra: &'a Algebra,
}

impl<'a> Crowd<'a> {
    pub(super) fn of(columns: &[&Column<'a>], sums: &BTreeSet<u32>, algebra: &'a Algebra) -> Self {
        let chosen = (0_u32..).zip(columns).filter(|(number, _)| sums.contains(number));
        let (numbers, sums) = chosen.map(|(number, column)| (number, column.evidence)).unzip();
        Self { numbers, sums, algebra }
    }

    /// A walk through all of them.
    pub(super) fn sweep(&self) -> Sweep<'a> {
        Sweep::of(self.sums.iter().copied())
    }

    /// The numbers of the sums.
    pub(super) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// A number that is drawn for each sum.
    pub(super) fn drawn(&self) -> Vec<u64> {
        self.numbers.iter().map(|number| self.algebra.drawn(*number)).collect()
    }

    /// The forms of some people: of each sum, the first ones.
    pub(super) fn some(&self) -> Result<Vec<Vector>, Exhausted> {
        let mut missing = vec![PEOPLE_OF_A_SUM; self.sums.len()];
        let mut sweep = self.sweep();
        let mut some = Vec::new();
        while missing.iter().any(|missing| *missing > 0)
            && let Some(block) = sweep.next_block()
        {
            self.algebra.spend(block.size())?;
            let mut wanted = vec![false; block.length()];
            for (sum, missing) in missing.iter_mut().enumerate().filter(|(_, missing)| **missing > 0) {
                for place in block.people(sum).take(*missing) {
                    *missing = missing.saturating_sub(1);
                    if let Some(wanted) = wanted.get_mut(place) {
                        *wanted = true;
                    }
                }
            }
            some.extend(block.rows(&wanted, &self.numbers, self.algebra));
        }
        some.retain(|form| !form.is_empty());
        Ok(some)
    }

    /// The forms of people outside of a subspace: all of them, or the first `most`.
    pub(super) fn outside(&self, inside: &Echelon, most: usize) -> Result<Vec<Vector>, Exhausted> {
        let combination = self.combination(inside);
        let mut sweep = self.sweep();
        let mut outside = Vec::new();
        while outside.len() < most
            && let Some(block) = sweep.next_block()
        {
            self.algebra.spend(block.size())?;
            let mut said = vec![0_u64; block.length()];
            for (sum, coefficient) in combination.iter().enumerate().filter(|(_, factor)| **factor != 0) {
                for (place, amount) in block.contributions(sum) {
                    if let Some(said) = said.get_mut(place) {
                        let field = self.algebra.field;
                        *said = field.add(*said, times(field, *coefficient, amount));
                    }
                }
            }
            let wanted: Vec<bool> = said.iter().map(|said| *said != 0).collect();
            if wanted.contains(&true) {
                outside.extend(block.rows(&wanted, &self.numbers, self.algebra));
            }
        }
        outside.truncate(most);
        Ok(outside)
    }

    /// The coefficients of a combination, by sum, of which every form of the subspace says zero.
    pub(super) fn combination(&self, inside: &Echelon) -> Vec<u64> {
        let field = self.algebra.field;
        let coefficient = |number: &u32| match inside.row(*number) {
            None => self.algebra.drawn(*number),
            Some(row) => {
                let free = row.iter().filter(|(at, _)| at != number);
                free.fold(0, |sum, (at, value)| {
                    field.subtract(sum, field.multiply(*value, self.algebra.drawn(*at)))
                })
            }
        };
        self.numbers.iter().map(coefficient).collect()
    }
}

/// A coefficient times an amount.
pub(super) fn times(field: Field, coefficient: u64, amount: i128) -> u64 {
    if amount == 1 { coefficient } else { field.multiply(coefficient, field.residue(amount)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::people;

    #[test]
    fn people_outside_of_a_subspace_are_found() {
        let sums = [people(0..70_000), people(0..40), people(40..69_990)];
        let algebra = Algebra::new(sums.iter(), 1 << 30);
        let columns: Vec<Column<'_>> = sums
            .iter()
            .map(|evidence| Column { evidence, withheld: false, standing: None, members: Vec::new() })
            .collect();
        let columns: Vec<&Column<'_>> = columns.iter().collect();
        let crowd = Crowd::of(&columns, &BTreeSet::from([0, 1, 2]), &algebra);
        let mut inside = Echelon::default();
        assert_eq!(crowd.outside(&inside, usize::MAX).unwrap().len(), 70_000);
        assert_eq!(inside.insert(&[(0, 1), (1, 1)], &algebra), Ok(true));
        assert_eq!(inside.insert(&[(0, 1), (2, 1)], &algebra), Ok(true));
        // The ten who are in the first sum alone.
        assert_eq!(crowd.outside(&inside, usize::MAX).unwrap(), vec![vec![(0, 1)]; 10]);
        assert_eq!(inside.insert(&[(0, 1)], &algebra), Ok(true));
        assert!(crowd.outside(&inside, usize::MAX).unwrap().is_empty());
    }
}
