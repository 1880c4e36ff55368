//! Arithmetic on sparse vectors over a finite field, with a count of steps.
//!
//! Elimination modulo a prime gives the same ranks as rational arithmetic unless the prime divides a
//! determinant of the contributions. The prime is therefore drawn from the contributions themselves,
//! out of some 10¹⁶: an analyst who chooses amounts cannot choose them so that they vanish.

use std::cell::Cell;

use sha2::{Digest as _, Sha256};

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

    /// A number of the field that follows from the sums and `number`, as if by chance.
    pub(super) fn drawn(&self, number: u32) -> u64 {
        let seed = [self.field.modulus.to_le_bytes().as_slice(), &number.to_le_bytes()].concat();
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

/// The integers modulo a prime of 61 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    modulus: u64,
}

impl Field {
    fn drawn_from(seed: [u8; 32]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = seed;
        let start = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        // An odd number of exactly 61 bits; primes of that size are at most some hundreds apart.
        let mut modulus = (start >> 4) | (1 << 60) | 1;
        while !is_prime(modulus) {
            modulus = modulus.wrapping_add(2);
        }
        Self { modulus }
    }

    /// The residue of an amount.
    pub(super) fn residue(self, amount: i128) -> u64 {
        if let Ok(small) = u64::try_from(amount)
            && small < self.modulus
        {
            return small;
        }
        let residue = amount.checked_rem_euclid(i128::from(self.modulus));
        residue.and_then(|residue| u64::try_from(residue).ok()).unwrap_or(0)
    }

    pub(super) fn multiply(self, left: u64, right: u64) -> u64 {
        multiply(left, right, self.modulus)
    }

    pub(super) fn add(self, left: u64, right: u64) -> u64 {
        // Both have at most 61 bits.
        let sum = left.wrapping_add(right);
        sum.checked_sub(self.modulus).unwrap_or(sum)
    }

    pub(super) fn subtract(self, left: u64, right: u64) -> u64 {
        match left.checked_sub(right) {
            Some(difference) => difference,
            None => left.wrapping_add(self.modulus).wrapping_sub(right),
        }
    }

    /// 1/value, by Fermat; of zero it is zero.
    fn inverse(self, value: u64) -> u64 {
        power(value, self.modulus.wrapping_sub(2), self.modulus)
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

fn multiply(left: u64, right: u64, modulus: u64) -> u64 {
    // Two numbers of 64 bits have a product of 128 bits, and the rest is below the modulus.
    let product = u128::from(left).wrapping_mul(u128::from(right));
    product.checked_rem(u128::from(modulus)).and_then(|rest| u64::try_from(rest).ok()).unwrap_or(0)
}

fn power(base: u64, exponent: u64, modulus: u64) -> u64 {
    let (mut result, mut square, mut left) = (1, base, exponent);
    while left > 0 {
        if left & 1 == 1 {
            result = multiply(result, square, modulus);
        }
        square = multiply(square, square, modulus);
        left >>= 1;
    }
    result
}

/// Miller–Rabin; with these bases it is a proof for every number of 64 bits (Sorenson and Webster 2015).
fn is_prime(number: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if number < 2 || BASES.iter().any(|base| number != *base && number.is_multiple_of(*base)) {
        return false;
    }
    let minus_one = number.wrapping_sub(1);
    let twos = minus_one.trailing_zeros();
    BASES.iter().filter(|base| **base < number).all(|base| {
        let mut value = power(*base, minus_one >> twos, number);
        if value == 1 || value == minus_one {
            return true;
        }
        (1..twos).any(|_| {
            value = multiply(value, value, number);
            value == minus_one
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_told_from_other_numbers() {
        let primes: Vec<u64> = (0..60).filter(|number| is_prime(*number)).collect();
        assert_eq!(primes, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59]);
        assert!(is_prime((1 << 61) - 1));
        assert!(!is_prime((1 << 60) + 1));
        // Carmichael numbers, and a strong pseudoprime to the bases up to 31.
        assert!(!is_prime(561) && !is_prime(341_550_071_728_321) && !is_prime(3_825_123_056_546_413_051));
    }

    #[test]
    fn the_field_is_one() {
        let field = Field::drawn_from([7; 32]);
        assert!(is_prime(field.modulus) && field.modulus >> 60 == 1);
        for value in [1, 2, 12_345, field.modulus - 1] {
            assert_eq!(field.multiply(value, field.inverse(value)), 1);
        }
        assert_eq!(field.residue(-1), field.modulus - 1);
        assert_eq!(field.subtract(field.residue(i128::MIN), field.residue(i128::MIN)), 0);
    }

    #[test]
    fn steps_run_out() {
        let algebra = Algebra::new(std::iter::empty(), 5);
        assert_eq!(algebra.subtract(&[(0, 3), (1, 1)], 3, &[(0, 1), (2, 0)]), Ok(vec![(1, 1)]));
        assert_eq!(algebra.spend(2), Err(Exhausted));
    }
}
