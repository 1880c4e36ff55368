//! The integers modulo a prime of 61 bits.

/// The integers modulo a prime of 61 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    modulus: u64,
    /// ⌊2¹²² / modulus⌋, to divide by multiplying (Barrett 1986).
    reciprocal: u64,
}

impl Field {
    pub(super) fn drawn_from(seed: [u8; 32]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = seed;
        let start = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        // An odd number of exactly 61 bits; primes of that size are at most some hundreds apart.
        let mut modulus = (start >> 4) | (1 << 60) | 1;
        while !is_prime(modulus) {
            modulus = modulus.wrapping_add(2);
        }
        let reciprocal = (1_u128 << 122).checked_div(u128::from(modulus));
        Self { modulus, reciprocal: reciprocal.and_then(|wide| u64::try_from(wide).ok()).unwrap_or(0) }
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

    /// The prime.
    pub(super) fn modulus(self) -> u64 {
        self.modulus
    }

    /// The largest number, which is −1.
    pub(super) fn minus_one(self) -> u64 {
        self.modulus.wrapping_sub(1)
    }

    /// The product of two numbers of the field.
    #[inline]
    pub(super) fn multiply(self, left: u64, right: u64) -> u64 {
        // The product is below the square of the modulus, so below 2¹²². Each rounding loses less than one of
        // the quotient: it is at most two too small, and what is left is below three times the modulus.
        let product = u128::from(left).wrapping_mul(u128::from(right));
        let quotient = (product >> 59).wrapping_mul(u128::from(self.reciprocal)) >> 63;
        let rest = low(product).wrapping_sub(low(quotient).wrapping_mul(self.modulus));
        let rest = rest.checked_sub(self.modulus).unwrap_or(rest);
        rest.checked_sub(self.modulus).unwrap_or(rest)
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
    pub(super) fn inverse(self, value: u64) -> u64 {
        // Most amounts are one.
        if value <= 1 || value == self.minus_one() {
            return value;
        }
        let (mut result, mut square, mut left) = (1, value, self.modulus.wrapping_sub(2));
        while left > 0 {
            if left & 1 == 1 {
                result = self.multiply(result, square);
            }
            square = self.multiply(square, square);
            left >>= 1;
        }
        result
    }
}

/// The lower 64 bits.
fn low(bits: u128) -> u64 {
    u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0)
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
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn a_product_is_what_division_leaves(seed: [u8; 32], left: u64, right: u64) {
            let field = Field::drawn_from(seed);
            let ends = [0, 1, field.modulus - 1, left % field.modulus, right % field.modulus];
            for (left, right) in ends.into_iter().flat_map(|left| ends.map(|right| (left, right))) {
                prop_assert_eq!(field.multiply(left, right), multiply(left, right, field.modulus));
            }
        }
    }
}
