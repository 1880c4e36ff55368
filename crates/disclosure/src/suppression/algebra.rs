//! Arithmetic on sparse vectors over a finite field, with a count of steps.
//!
//! Elimination modulo a prime gives the same ranks as rational arithmetic unless the prime divides a
//! determinant of the contributions. The prime is therefore drawn from the contributions themselves,
//! out of some 10¹⁶: an analyst who chooses amounts cannot choose them so that they vanish.

use std::cell::Cell;

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::field::Field;
use crate::evidence::Evidence;

/// A sparse vector: coordinates ascending, no value zero.
pub(super) type Vector = Vec<(u32, u64)>;

/// The steps ran out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Exhausted;

/// A field, and the steps that are left.
pub(super) struct Algebra {
    pub(super) field: Field,
    steps: Cell<u64>,
}

impl Algebra {
    /// A field drawn from what these sums contain, in whatever order they come.
    pub(super) fn new<'a>(sums: impl Iterator<Item = &'a Evidence>, steps: u64) -> Self {
        let mut prints: Vec<[u8; 32]> = sums.map(fingerprint).collect();
        prints.sort_unstable();
        Self { field: Field::drawn_from(Sha256::digest(prints.concat()).into()), steps: Cell::new(steps) }
    }

    /// The same field with the steps that are left, for what is judged at the same time.
    pub(super) fn fork(&self) -> Self {
        Self { field: self.field, steps: self.steps.clone() }
    }

    /// What is judged of each of some things, as many at once as there are threads, in their order. The steps are
    /// those of all together.
    pub(super) fn each<T: Send, R: Send>(
        &self,
        things: Vec<T>,
        judge: impl Fn(T, &Self) -> Result<R, Exhausted> + Sync,
    ) -> Result<Vec<R>, Exhausted> {
        let (field, left) = (self.field, self.steps.get());
        let judged = things.into_par_iter().map(|thing| {
            let algebra = Self { field, steps: Cell::new(left) };
            let judged = judge(thing, &algebra)?;
            Ok((judged, left.saturating_sub(algebra.steps.get())))
        });
        let judged: Vec<(R, u64)> = judged.collect::<Result<_, _>>()?;
        let spent = judged.iter().fold(0_u64, |spent, (_, steps)| spent.saturating_add(*steps));
        self.steps.set(left.checked_sub(spent).ok_or(Exhausted)?);
        Ok(judged.into_iter().map(|(judged, _)| judged).collect())
    }

    /// A number of the field that follows from the sums and `number`, as if by chance.
    pub(super) fn drawn(&self, number: u32) -> u64 {
        let seed = [self.field.modulus().to_le_bytes().as_slice(), &number.to_le_bytes()].concat();
        let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = Sha256::digest(seed).into();
        self.field.residue(i128::from(u64::from_le_bytes([a, b, c, d, e, f, g, h])))
    }

    /// Counts `steps` steps.
    pub(super) fn spend(&self, steps: usize) -> Result<(), Exhausted> {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        self.steps.set(self.steps.get().checked_sub(steps).ok_or(Exhausted)?);
        Ok(())
    }

    /// `vector − factor · other`.
    pub(super) fn subtract(
        &self,
        vector: &[(u32, u64)],
        factor: u64,
        other: &[(u32, u64)],
    ) -> Result<Vector, Exhausted> {
        self.spend(vector.len().saturating_add(other.len()))?;
        let (mut left, mut right) = (vector.iter().peekable(), other.iter().peekable());
        let mut result = Vec::with_capacity(vector.len().saturating_add(other.len()));
        loop {
            let at = match (left.peek(), right.peek()) {
                (Some((left, _)), Some((right, _))) => *left.min(right),
                (Some((at, _)), None) | (None, Some((at, _))) => *at,
                (None, None) => return Ok(result),
            };
            let mine = left.next_if(|(place, _)| *place == at).map_or(0, |(_, value)| *value);
            let theirs = right.next_if(|(place, _)| *place == at).map_or(0, |(_, value)| *value);
            let value = self.field.subtract(mine, self.field.multiply(factor, theirs));
            if value != 0 {
                result.push((at, value));
            }
        }
    }

    /// The multiple of a vector whose first value is 1; proportional vectors give the same.
    pub(super) fn normalised(&self, vector: &[(u32, u64)]) -> Vector {
        let Some((at, first)) = vector.first() else { return Vec::new() };
        if vector.len() == 1 {
            return vec![(*at, 1)];
        }
        let factor = self.field.inverse(*first);
        vector.iter().map(|(at, value)| (*at, self.field.multiply(factor, *value))).collect()
    }
}

fn fingerprint(sum: &Evidence) -> [u8; 32] {
    let mut hash = Sha256::new();
    for number in [sum.people(), sum.contributors(), sum.records()] {
        hash.update(number.to_le_bytes());
    }
    hash.update(sum.largest().to_le_bytes());
    hash.update(sum.absolute().unwrap_or(u128::MAX).to_le_bytes());
    hash.update(sum.total().unwrap_or(i128::MAX).to_le_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_run_out() {
        let algebra = Algebra::new(std::iter::empty(), 5);
        assert_eq!(algebra.subtract(&[(0, 3), (1, 1)], 3, &[(0, 1), (2, 0)]), Ok(vec![(1, 1)]));
        assert_eq!(algebra.spend(2), Err(Exhausted));
    }
}
