//! Exact fractions: factors, offsets and ends of ranges.

use super::Ratio;

impl Ratio {
    pub(super) const ONE: Self = Self { numerator: 1, denominator: 1 };
    pub(in crate::lower) const ZERO: Self = Self { numerator: 0, denominator: 1 };

    pub(super) fn whole(numerator: i128) -> Self {
        Self { numerator, denominator: 1 }
    }

    pub(super) fn reduced(numerator: i128, denominator: i128) -> Option<Self> {
        let (mut a, mut b) = (numerator.unsigned_abs(), denominator.unsigned_abs());
        while let Some(rest) = a.checked_rem(b) {
            (a, b) = (b, rest);
        }
        let divisor = i128::try_from(a).ok().filter(|divisor| *divisor > 0)?;
        let divisor = if denominator < 0 { divisor.checked_neg()? } else { divisor };
        Some(Self {
            numerator: numerator.checked_div(divisor)?,
            denominator: denominator.checked_div(divisor)?,
        })
        .filter(|ratio| ratio.denominator > 0)
    }

    /// Ten to the power of `digits`.
    pub(in crate::lower) fn of_digits(digits: u32) -> Option<Self> {
        10_i128.checked_pow(digits).map(Self::whole)
    }

    /// How many digits it adds to a number that it multiplies or divides, at most.
    pub(in crate::lower) fn digits(self) -> u32 {
        let digits = |part: i128| part.unsigned_abs().checked_ilog10().unwrap_or(0);
        let whole = self.numerator.unsigned_abs() == 1 && self.denominator == 1;
        digits(self.numerator).abs_diff(digits(self.denominator)).saturating_add(u32::from(!whole))
    }

    /// Whether it is a whole number, and not below nought.
    pub(in crate::lower) fn is_whole(self) -> bool {
        self.denominator == 1 && self.numerator >= 0
    }

    /// The whole number that it does not exceed, of its absolute value.
    pub(in crate::lower) fn ceiling(self) -> u32 {
        let whole = self.numerator.unsigned_abs().div_ceil(self.denominator.unsigned_abs().max(1));
        u32::try_from(whole).unwrap_or(u32::MAX)
    }

    /// Whether it is nought.
    pub(crate) fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    pub(super) fn negative(self) -> Self {
        Self { numerator: self.numerator.saturating_neg(), ..self }
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let left = self.numerator.checked_mul(other.denominator)?;
        let right = other.numerator.checked_mul(self.denominator)?;
        Self::reduced(left.checked_add(right)?, self.denominator.checked_mul(other.denominator)?)
    }

    pub(super) fn times(self, other: Self) -> Option<Self> {
        let numerator = self.numerator.checked_mul(other.numerator)?;
        Self::reduced(numerator, self.denominator.checked_mul(other.denominator)?)
    }

    pub(super) fn over(self, other: Self) -> Option<Self> {
        let numerator = self.numerator.checked_mul(other.denominator)?;
        Self::reduced(numerator, self.denominator.checked_mul(other.numerator)?)
    }

    pub(super) fn power_of_ten(exponent: Self) -> Option<Self> {
        if exponent.denominator != 1 {
            return None;
        }
        let power = 10_i128.checked_pow(u32::try_from(exponent.numerator.unsigned_abs()).ok()?)?;
        Some(if exponent.numerator < 0 {
            Self { numerator: 1, denominator: power }
        } else {
            Self::whole(power)
        })
    }

    /// Whether it can be written with two digits and zeros.
    pub(crate) fn is_round(self) -> bool {
        let (mut numerator, mut denominator) =
            (self.numerator.unsigned_abs(), self.denominator.unsigned_abs());
        while denominator > 1 {
            let (Some(larger), smaller) = (numerator.checked_mul(10), denominator) else {
                return false;
            };
            (numerator, denominator) = (larger, smaller);
            let Some(ratio) = Self::reduced(
                i128::try_from(numerator).unwrap_or(i128::MAX),
                i128::try_from(denominator).unwrap_or(i128::MAX),
            ) else {
                return false;
            };
            (numerator, denominator) = (ratio.numerator.unsigned_abs(), ratio.denominator.unsigned_abs());
            if numerator > 1 << 60 {
                return false;
            }
        }
        while numerator > 0 && numerator.is_multiple_of(10) {
            numerator /= 10;
        }
        numerator < 100
    }
}
