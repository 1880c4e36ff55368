//! Exact arithmetic: quotients of wide integers, rounded once, to the nearest double or to a grid.
//!
//! Everything is checked. `None` means that a number does not fit, and whoever asked must withhold.

use std::ops::RangeInclusive;

use arrow::datatypes::i256;
use sekisho_model::Step;

use crate::evidence::Scale;

/// Significant digits that are shown where a column has no step.
const DIGITS: i32 = 2;

/// The exponent of the finest grid on which doubles are shown.
const FINEST: i32 = -18;

/// No value of 128 bits has more digits than this before or behind its point.
const MOST_DIGITS: i32 = 39;

/// The integer 2⁶⁶: a quotient has bits enough for any double from here on.
const ENOUGH: i256 = i256::from_parts(1 << 66, 0);
const HALF_ENOUGH: i256 = i256::from_parts(1 << 65, 0);
const TWO: i256 = i256::from_parts(2, 0);
const TEN: i256 = i256::from_parts(10, 0);

/// A number as a quotient.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Quotient {
    /// The numerator.
    pub(crate) top: i256,
    /// The denominator.
    pub(crate) bottom: i256,
}

/// Which multiple of a grid stands for a number between two of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rounding {
    /// The one below.
    Down,
    /// The nearer one; from the middle away from zero.
    Nearest,
    /// The one above.
    Up,
}

/// A number on a grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Snapped {
    /// As a multiple of the scale's unit, read as the values themselves were read.
    pub(crate) units: i128,
    /// How far apart the numbers of the grid are, in the same units; at least one.
    pub(crate) width: i128,
    /// As the nearest double.
    pub(crate) double: f64,
}

impl Snapped {
    /// The values, in the same units, for which this number of the grid stands.
    pub(crate) fn stands_for(&self) -> RangeInclusive<i128> {
        let above = self.width.saturating_add(1) / 2;
        self.units.saturating_sub(self.width / 2)..=self.units.saturating_add(above.saturating_sub(1))
    }
}

/// How many units of a scale are one.
pub(crate) fn unit(scale: Scale) -> Option<i256> {
    match scale {
        Scale::Binary30 => Some(i256::from_i128(1 << 30)),
        Scale::Binary60 => Some(i256::from_i128(1 << 60)),
        Scale::Decimal(digits) => power_of_ten(u32::from(digits)),
        Scale::Integer => Some(i256::ONE),
    }
}

/// The scale of the products of two amounts; `None` where there is none.
pub(crate) fn product(left: Scale, right: Scale) -> Option<Scale> {
    match (left, right) {
        (Scale::Integer, other) | (other, Scale::Integer) => Some(other),
        (Scale::Decimal(left), Scale::Decimal(right)) => left.checked_add(right).map(Scale::Decimal),
        (Scale::Binary30, Scale::Binary30) => Some(Scale::Binary60),
        (Scale::Binary30 | Scale::Binary60 | Scale::Decimal(_), _) => None,
    }
}

impl Quotient {
    /// The nearest double, and of two equally near ones the even one. A quotient by zero is none.
    ///
    /// The same on every machine: nothing but the last step is done in floating point.
    pub(crate) fn nearest_double(self) -> Option<f64> {
        let negative = self.top.is_negative() != self.bottom.is_negative();
        let (top, bottom) = (self.top.checked_abs()?, self.bottom.checked_abs()?);
        let (mut quotient, mut rest) = (top.checked_div(bottom)?, top.checked_rem(bottom)?);
        let (mut exponent, mut inexact) = (0_i32, false);
        while quotient >= ENOUGH {
            inexact |= quotient.checked_rem(TWO)? != i256::ZERO;
            quotient = quotient.checked_div(TWO)?;
            exponent = exponent.checked_add(1)?;
        }
        // Long division, bit by bit; a quotient of two numbers of 255 bits is not zero for longer.
        while quotient < HALF_ENOUGH && rest != i256::ZERO {
            let twice = rest.checked_add(rest)?;
            let bit = if twice >= bottom { i256::ONE } else { i256::ZERO };
            rest = twice.checked_sub(bit.checked_mul(bottom)?)?;
            quotient = quotient.checked_add(quotient)?.checked_add(bit)?;
            exponent = exponent.checked_sub(1)?;
        }
        // The last bit stands for all that comes after it, so that rounding knows.
        let inexact = inexact || rest != i256::ZERO;
        let mantissa = u128::try_from(quotient.to_i128()?).ok()? | u128::from(inexact);
        let size = double(mantissa) * power_of_two(exponent)?;
        Some(if negative { -size } else { size })
    }

    /// The multiple of `step` (or the number with two significant digits) next to this number of units of
    /// `scale`. The grid is never finer than one unit of integers and decimals. A step of dates is none.
    pub(crate) fn snapped(self, scale: Scale, step: Option<Step>, rounding: Rounding) -> Option<Snapped> {
        self.snapped_to(scale, step, rounding, 1)
    }

    /// The same on a grid that is `times` as wide.
    pub(crate) fn snapped_to(
        self,
        scale: Scale,
        step: Option<Step>,
        rounding: Rounding,
        times: i128,
    ) -> Option<Snapped> {
        let bottom = self.bottom.checked_mul(unit(scale)?)?;
        let exact = Self { top: self.top, bottom };
        let grid = match step {
            Some(Step::Number { units, scale }) => Grid { units, exponent: i32::from(scale).checked_neg()? },
            Some(Step::Date(_)) => return None,
            // Of zero every digit is significant.
            None if exact.top == i256::ZERO => Grid { units: 1, exponent: FINEST },
            None => Grid { units: 1, exponent: exact.magnitude()?.checked_sub(DIGITS.checked_sub(1)?)? },
        };
        let grid = grid.not_finer_than(scale)?;
        let grid = Grid { units: grid.units.checked_mul(times)?, ..grid };
        let (multiply, divide) = grid.powers()?;
        let bottom = exact.bottom.checked_mul(i256::from_i128(grid.units))?.checked_mul(divide)?;
        let multiple = Self { top: exact.top.checked_mul(multiply)?, bottom }.rounded(rounding)?;
        let shown = multiple.checked_mul(i256::from_i128(grid.units))?;
        let double: f64 = format!("{shown}e{}", grid.exponent).parse().ok()?;
        let in_units = |multiple: i256| {
            multiple.checked_mul(divide)?.checked_mul(unit(scale)?)?.checked_div(multiply)?.to_i128()
        };
        let units = match scale {
            Scale::Binary30 => fixed_point(double, 30),
            Scale::Binary60 => fixed_point(double, 60),
            Scale::Decimal(_) | Scale::Integer => in_units(shown)?,
        };
        let width = in_units(i256::from_i128(grid.units))?.max(1);
        Some(Snapped { units, width, double })
    }

    /// The largest e with 10ᵉ ≤ |number|; the number is not zero.
    fn magnitude(self) -> Option<i32> {
        let (top, bottom) = (self.top.checked_abs()?, self.bottom.checked_abs()?);
        let reaches = |exponent: &i32| {
            let power = power_of_ten(exponent.unsigned_abs());
            let side = if *exponent < 0 { top } else { bottom };
            let scaled = power.and_then(|power| side.checked_mul(power));
            // What does not fit is larger than the other side.
            scaled
                .map_or(*exponent < 0, |scaled| if *exponent < 0 { scaled >= bottom } else { top >= scaled })
        };
        (MOST_DIGITS.checked_neg()?..=MOST_DIGITS).rev().find(reaches)
    }

    /// A whole number; the denominator is above zero.
    fn rounded(self, rounding: Rounding) -> Option<i256> {
        let (whole, rest) = (self.top.checked_div(self.bottom)?, self.top.checked_rem(self.bottom)?);
        let away = match rounding {
            Rounding::Down => rest.is_negative(),
            Rounding::Nearest => rest.checked_abs()?.checked_mul(TWO)? >= self.bottom,
            Rounding::Up => rest.is_positive(),
        };
        whole.checked_add(if away { rest.signum() } else { i256::ZERO })
    }
}

/// Multiples of `units` · 10^`exponent`.
#[derive(Clone, Copy)]
struct Grid {
    units: i128,
    exponent: i32,
}

impl Grid {
    /// The grid, made coarser where a decimal of this scale could not show it.
    fn not_finer_than(self, scale: Scale) -> Option<Self> {
        let finest = match scale {
            Scale::Binary30 | Scale::Binary60 => return Some(self),
            Scale::Decimal(digits) => i32::from(digits).checked_neg()?,
            Scale::Integer => 0,
        };
        let Some(finer) = finest.checked_sub(self.exponent).filter(|finer| *finer > 0) else {
            return Some(self);
        };
        let top = i256::from_i128(self.units);
        let bottom = power_of_ten(finer.unsigned_abs())?;
        let units = Quotient { top, bottom }.rounded(Rounding::Up)?.to_i128()?;
        Some(Self { units, exponent: finest })
    }

    /// 10⁻ᵉ and 10ᵉ, whichever is an integer; the other is one.
    fn powers(self) -> Option<(i256, i256)> {
        let power = power_of_ten(self.exponent.unsigned_abs())?;
        Some(if self.exponent < 0 { (power, i256::ONE) } else { (i256::ONE, power) })
    }
}

fn power_of_ten(exponent: u32) -> Option<i256> {
    TEN.checked_pow(exponent)
}

/// 2^`exponent`, exactly, where it is a normal double.
fn power_of_two(exponent: i32) -> Option<f64> {
    let biased = exponent.checked_add(1023).filter(|biased| (1..2047).contains(biased))?;
    Some(f64::from_bits(u64::from(biased.unsigned_abs()) << 52))
}

/// A double as the nearest multiple of 2^−`bits`: how the engine reads the values.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "rounded; what is too large is cut off"
)]
fn fixed_point(value: f64, bits: u32) -> i128 {
    let unit = if bits == 30 { 1_u64 << 30 } else { 1 << 60 };
    (value * double(u128::from(unit))).round() as i128
}

#[expect(clippy::as_conversions, reason = "the nearest double is what is meant")]
fn double(value: u128) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quotient(top: i128, bottom: i128) -> Quotient {
        Quotient { top: i256::from_i128(top), bottom: i256::from_i128(bottom) }
    }

    fn step(text: &str) -> Option<Step> {
        Some(Step::number(text).unwrap())
    }

    proptest! {
        #[test]
        fn the_nearest_double_is_that_of_ieee(top in any::<i64>(), bottom in 1_i64..1 << 53, shift in 0_u32..60) {
            // Both are exact doubles, and the division of doubles is rounded once.
            let top = top >> 11;
            let expected = (top as f64) / (bottom as f64);
            prop_assert_eq!(quotient(top.into(), bottom.into()).nearest_double(), Some(expected));
            prop_assert_eq!(quotient(-i128::from(top), bottom.into()).nearest_double(), Some(-expected));
            let wide = quotient(i128::from(top) << shift, bottom.into()).nearest_double();
            prop_assert_eq!(wide, Some(expected * (2_f64).powi(shift as i32)));
        }

        #[test]
        fn a_snapped_number_is_the_nearest_multiple(value in -1_000_000_i128..1_000_000, units in 1_i128..500) {
            let snapped = quotient(value, 1).snapped(Scale::Decimal(2), Step::decimal(units, 1), Rounding::Nearest);
            let (step, shown) = (units * 10, snapped.unwrap().units);
            prop_assert_eq!(shown % step, 0);
            prop_assert!((shown - value).abs() * 2 <= step);
            let side = |rounding| quotient(value, 1).snapped(Scale::Decimal(2), Step::decimal(units, 1), rounding);
            let (down, up) = (side(Rounding::Down).unwrap().units, side(Rounding::Up).unwrap().units);
            prop_assert!(down <= value && value <= up && up - down <= step);
        }
    }

    #[test]
    fn the_nearest_double_is_rounded_once() {
        // 2⁵³ + 1 + a little: halfway decided by what is far behind.
        let halfway = i128::from((1_i64 << 53) + 1);
        assert_eq!(quotient(halfway, 1).nearest_double(), Some(9_007_199_254_740_992.0));
        let above = quotient((halfway << 70) + 1, 1 << 70).nearest_double();
        assert_eq!(above, Some(9_007_199_254_740_994.0));
        assert_eq!(quotient(1, 3).nearest_double(), Some(1.0 / 3.0));
        assert_eq!(quotient(-1, 1 << 100).nearest_double(), Some(-(2_f64).powi(-100)));
        assert_eq!(quotient(0, 5).nearest_double(), Some(0.0));
        assert_eq!(quotient(1, 0).nearest_double(), None);
        let largest = Quotient { top: i256::MAX, bottom: i256::ONE };
        assert_eq!(largest.nearest_double(), Some((2_f64).powi(255)));
        assert_eq!(Quotient { top: i256::MIN, bottom: i256::ONE }.nearest_double(), None);
    }

    #[test]
    fn without_a_step_two_significant_digits_are_left() {
        let snap = |value: i128, scale| quotient(value, 1).snapped(scale, None, Rounding::Nearest).unwrap();
        let integers = [(0, 0), (7, 7), (57, 57), (5_701, 5_700), (-5_751, -5_800), (99_500, 100_000)];
        for (value, shown) in integers {
            assert_eq!(snap(value, Scale::Integer).units, shown);
        }
        for (value, shown) in [(83, 83), (1_234, 1_200), (5, 5), (1, 1)] {
            assert_eq!(snap(value, Scale::Decimal(2)).units, shown);
        }
        for (value, shown) in
            [(0.8349, 0.83), (145.3, 150.0), (-0.001_25, -0.001_3), (1e-10, 1e-10), (6e19, 6e19)]
        {
            let units = fixed_point(value, 60);
            let snapped = snap(units, Scale::Binary60);
            assert_eq!((snapped.units, snapped.double), (fixed_point(shown, 60), shown));
        }
        assert_eq!(snap(3 << 29, Scale::Binary30).double, 1.5);
    }

    #[test]
    fn a_grid_is_never_finer_than_the_values() {
        let snap =
            |value: Quotient, scale, text| value.snapped(scale, step(text), Rounding::Nearest).unwrap();
        assert_eq!(snap(quotient(7, 1), Scale::Integer, "0.5").units, 7);
        assert_eq!(snap(quotient(5, 2), Scale::Integer, "0.5").units, 3);
        assert_eq!(snap(quotient(-5, 2), Scale::Integer, "0.5").units, -3);
        assert_eq!(snap(quotient(7, 1), Scale::Integer, "2.5").units, 6);
        assert_eq!(snap(quotient(1_249, 1), Scale::Decimal(1), "50").units, 1_000);
        assert_eq!(snap(quotient(17 << 60, 20), Scale::Binary60, "0.05").double, 0.85);
        assert_eq!(quotient(7, 1).snapped(Scale::Integer, Step::date("month"), Rounding::Nearest), None);
    }

    #[test]
    fn what_does_not_fit_is_none() {
        let largest = Quotient { top: i256::MAX, bottom: i256::ONE };
        assert_eq!(largest.snapped(Scale::Integer, None, Rounding::Nearest), None);
        assert_eq!(unit(Scale::Decimal(80)), None);
        let huge = quotient(i128::MAX, 1).snapped(Scale::Integer, step("500"), Rounding::Up);
        assert_eq!(huge, None);
    }

    #[test]
    fn products_have_the_digits_of_both_factors() {
        let cases = [
            ((Scale::Integer, Scale::Integer), Some(Scale::Integer)),
            ((Scale::Decimal(2), Scale::Integer), Some(Scale::Decimal(2))),
            ((Scale::Decimal(2), Scale::Decimal(3)), Some(Scale::Decimal(5))),
            ((Scale::Binary30, Scale::Binary30), Some(Scale::Binary60)),
            ((Scale::Integer, Scale::Binary30), Some(Scale::Binary30)),
            ((Scale::Binary60, Scale::Binary60), None),
            ((Scale::Binary30, Scale::Decimal(1)), None),
        ];
        for ((left, right), expected) in cases {
            assert_eq!(product(left, right), expected, "{left:?} {right:?}");
        }
    }
}
