//! A subspace, as its reduced row echelon form.
//!
//! INVARIANT: each row is 1 at its pivot, which is its first coordinate, and every other row is 0 there.

use std::collections::BTreeMap;

use super::algebra::{Algebra, Exhausted, Vector};

/// Coordinates below this are found in one step; there are hardly ever others.
const DIRECT: usize = 1 << 20;

/// Rows by pivot.
#[derive(Clone, Debug, Default)]
pub(super) struct Echelon {
    rows: Vec<Vector>,
    /// Where the row of each pivot is.
    places: BTreeMap<u32, usize>,
    /// The same for pivots below [`DIRECT`], one more than the place; zero for none.
    direct: Vec<usize>,
}

impl Echelon {
    /// Adds a vector to the subspace; `false` if it was in it.
    pub(super) fn insert(&mut self, vector: &[(u32, u64)], algebra: &Algebra) -> Result<bool, Exhausted> {
        let row = algebra.normalised(&self.reduce(vector, algebra)?);
        let Some((pivot, _)) = row.first().copied() else { return Ok(false) };
        // Only rows with an earlier pivot can reach as far as this one.
        for place in self.places.range(..pivot).map(|(_, place)| *place) {
            let Some(other) = self.rows.get_mut(place) else { continue };
            if let Some(factor) = value_at(other, pivot) {
                *other = algebra.subtract(other, factor, &row)?;
            }
        }
        self.places.insert(pivot, self.rows.len());
        self.rows.push(row);
        if let Some(at) = usize::try_from(pivot).ok().filter(|at| *at < DIRECT) {
            self.direct.resize(self.direct.len().max(at.saturating_add(1)), 0);
            self.direct.get_mut(at).into_iter().for_each(|place| *place = self.rows.len());
        }
        Ok(true)
    }

    /// What is left of a vector modulo the subspace: zero at every pivot.
    pub(super) fn reduce(&self, vector: &[(u32, u64)], algebra: &Algebra) -> Result<Vector, Exhausted> {
        algebra.spend(vector.len())?;
        let field = algebra.field;
        // A row is zero at the pivots of the others, so that nothing but its own one is left to be taken away.
        let mut rest = Vector::with_capacity(vector.len());
        for (at, value) in vector {
            let Some(row) = self.row(*at) else {
                rest.push((*at, *value));
                continue;
            };
            algebra.spend(row.len())?;
            let others = row.iter().filter(|(other, _)| other != at);
            rest.extend(
                others.map(|(other, theirs)| (*other, field.subtract(0, field.multiply(*value, *theirs)))),
            );
        }
        rest.sort_unstable_by_key(|(at, _)| *at);
        rest.dedup_by(|next, first| {
            let same = next.0 == first.0;
            if same {
                first.1 = field.add(first.1, next.1);
            }
            same
        });
        rest.retain(|(_, value)| *value != 0);
        Ok(rest)
    }

    pub(super) fn rank(&self) -> usize {
        self.rows.len()
    }

    /// The rows, by pivot.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u32, &Vector)> {
        self.places.iter().filter_map(|(pivot, place)| Some((*pivot, self.rows.get(*place)?)))
    }

    /// The row that has its pivot at a coordinate.
    pub(super) fn row(&self, at: u32) -> Option<&Vector> {
        let place = match usize::try_from(at).ok().filter(|at| *at < DIRECT) {
            Some(at) => self.direct.get(at)?.checked_sub(1)?,
            None => *self.places.get(&at)?,
        };
        self.rows.get(place)
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
