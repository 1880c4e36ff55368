//! A subspace, as its reduced row echelon form.
//!
//! INVARIANT: each row is 1 at its pivot, which is its first coordinate, and every other row is 0 there.

use std::collections::BTreeMap;

use super::algebra::{Algebra, Exhausted, Vector};

/// Rows by pivot.
#[derive(Clone, Debug, Default)]
pub(super) struct Echelon {
    rows: BTreeMap<u32, Vector>,
}

impl Echelon {
    /// Adds a vector to the subspace; `false` if it was in it.
    pub(super) fn insert(&mut self, vector: &[(u32, u64)], algebra: &Algebra) -> Result<bool, Exhausted> {
        let row = algebra.normalised(&self.reduce(vector, algebra)?);
        let Some((pivot, _)) = row.first().copied() else { return Ok(false) };
        // Only rows with an earlier pivot can reach as far as this one.
        for (_, other) in self.rows.range_mut(..pivot) {
            if let Some(factor) = value_at(other, pivot) {
                *other = algebra.subtract(other, factor, &row)?;
            }
        }
        self.rows.insert(pivot, row);
        Ok(true)
    }

    /// What is left of a vector modulo the subspace: zero at every pivot.
    pub(super) fn reduce(&self, vector: &[(u32, u64)], algebra: &Algebra) -> Result<Vector, Exhausted> {
        algebra.spend(vector.len())?;
        let mut rest = vector.to_vec();
        for (at, factor) in vector {
            if let Some(row) = self.rows.get(at) {
                rest = algebra.subtract(&rest, *factor, row)?;
            }
        }
        Ok(rest)
    }

    pub(super) fn rank(&self) -> usize {
        self.rows.len()
    }

    /// The rows, by pivot.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u32, &Vector)> {
        self.rows.iter().map(|(pivot, row)| (*pivot, row))
    }

    /// The row that has its pivot at a coordinate.
    pub(super) fn row(&self, at: u32) -> Option<&Vector> {
        self.rows.get(&at)
    }
}

/// A vector's value at a coordinate, if it is not zero.
pub(super) fn value_at(vector: &[(u32, u64)], at: u32) -> Option<u64> {
    let place = vector.binary_search_by_key(&at, |(place, _)| *place).ok()?;
    vector.get(place).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_combination_of_the_rows_is_in_the_subspace() {
        let algebra = Algebra::new(std::iter::empty(), 1000);
        let mut space = Echelon::default();
        assert_eq!(space.insert(&[(0, 2), (1, 4), (3, 2)], &algebra), Ok(true));
        assert_eq!(space.insert(&[(1, 1), (2, 1)], &algebra), Ok(true));
        assert_eq!(space.insert(&[(0, 1), (1, 3), (2, 1), (3, 1)], &algebra), Ok(false));
        assert_eq!(space.insert(&[(3, 5)], &algebra), Ok(true));
        assert_eq!(space.rank(), 3);
        let zero_at_other_pivots = space.rows().all(|(pivot, row)| {
            space.rows().all(|(other, _)| other == pivot || value_at(row, other).is_none())
        });
        assert!(zero_at_other_pivots);
    }
}
