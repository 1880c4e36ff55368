//! Rounding: what a number that may be shown is shown as.
//!
//! It comes after every other rule, and changes no verdict. A count of 0 stays 0. What one step is depends on
//! the number: a count goes in steps of 5 or 10 or 6 people or records; a sum in as many average contributions
//! of a person, so that a count in disguise (`SUM(1)`, `SUM(1000)`) is rounded as far as the count.
//!
//! Sources: NHS England (multiples of 5); OpenSAFELY (midpoint 6: steps of 6, each shown as its middle, so that
//! no count is shown as nobody); unbiased random rounding to base 5 of Statistics Canada, with the draw of a
//! key, as in the cell keys of the ABS: the same people always give the same draw, so that asking again, or in
//! other words, tells nothing new.

use std::fmt;

use arrow::datatypes::i256;
use ring::hmac;
use sekisho_model::Rounding;

use crate::Error;
use crate::evidence::{Evidence, Scale};
use crate::profile::Profile;

/// Significant digits of a statistic that is no quotient of rounded sums.
const DIGITS_BEHIND_THE_FIRST: usize = 2;

/// How many parts of one the steps of doubles are made of: a nano.
const NANO: i128 = 1_000_000_000;

/// The key that keyed rounding draws with.
#[derive(Clone)]
pub struct RoundingKey(hmac::Key);

/// How numbers of a release are rounded.
pub(crate) struct Rounder<'a> {
    rounding: Rounding,
    key: Option<&'a RoundingKey>,
}

impl RoundingKey {
    /// A key from its 32 bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }

    /// What the people who contribute to a number draw: 64 bits of an HMAC of their dense ids. The amounts have
    /// no part in it: twice a number is rounded like the number.
    fn draw(&self, evidence: &Evidence) -> u64 {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"sekisho keyed rounding 1\0");
        let contributors = evidence.contributions().iter().filter(|(_, amount)| *amount != 0);
        let mut block = Vec::with_capacity(1 << 13);
        for (subject, _) in contributors {
            block.extend_from_slice(&subject.to_le_bytes());
            if block.len() >= 1 << 13 {
                context.update(&block);
                block.clear();
            }
        }
        context.update(&block);
        let tag = context.sign();
        tag.as_ref().first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

impl fmt::Debug for RoundingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoundingKey(..)")
    }
}

impl PartialEq for RoundingKey {
    /// Whether both draw the same.
    fn eq(&self, other: &Self) -> bool {
        let tag = |key: &Self| hmac::sign(&key.0, b"sekisho key comparison 1");
        tag(self).as_ref() == tag(other).as_ref()
    }
}

impl Eq for RoundingKey {}

impl<'a> Rounder<'a> {
    /// The one of a profile; nothing where it shows numbers as they are.
    ///
    /// # Errors
    /// [`Error::NoRoundingKey`].
    pub(crate) fn of(profile: &'a Profile) -> Result<Option<Self>, Error> {
        let rounder = Self { rounding: profile.rounding, key: profile.rounding_key.as_ref() };
        match (rounder.rounding, rounder.key) {
            (Rounding::None, _) => Ok(None),
            (Rounding::Keyed, None) => Err(Error::NoRoundingKey),
            (Rounding::Five | Rounding::Keyed | Rounding::MidpointSix | Rounding::Ten, _) => {
                Ok(Some(rounder))
            }
        }
    }

    /// Whether a total is shown as the sum of its cells. Not where the same people always draw the same.
    pub(crate) fn adds_up(&self) -> bool {
        match self.rounding {
            Rounding::Five | Rounding::MidpointSix | Rounding::None | Rounding::Ten => true,
            Rounding::Keyed => false,
        }
    }

    /// A count of people or records.
    pub(crate) fn count(&self, count: u64, evidence: &Evidence) -> Option<i128> {
        self.rounded(i128::from(count), 1, evidence)
    }

    /// A sum, in units of its scale.
    pub(crate) fn sum(&self, evidence: &Evidence, scale: Scale) -> Option<i128> {
        let total = evidence.total()?;
        if total == 0 {
            return Some(0);
        }
        let average = evidence.absolute()?.div_ceil(u128::from(evidence.contributors().max(1)));
        self.rounded(total, one_digit(average, scale)?, evidence)
    }

    /// `value` in steps of so many `parts`.
    fn rounded(&self, value: i128, part: i128, evidence: &Evidence) -> Option<i128> {
        match self.rounding {
            Rounding::None => Some(value),
            Rounding::Five => nearest(value, part.checked_mul(5)?),
            Rounding::Ten => nearest(value, part.checked_mul(10)?),
            Rounding::MidpointSix => midpoint(value, part.checked_mul(3)?),
            Rounding::Keyed => keyed(value, part.checked_mul(5)?, self.key?.draw(evidence)),
        }
    }
}

/// A number with three significant digits.
pub(crate) fn three_digits(value: f64) -> Option<f64> {
    format!("{value:.DIGITS_BEHIND_THE_FIRST$e}").parse().ok().filter(|rounded: &f64| rounded.is_finite())
}

/// The multiple of `step` next to a number; of two equally near ones the one further from zero.
fn nearest(value: i128, step: i128) -> Option<i128> {
    let (whole, rest) = (value.checked_div(step)?, value.checked_rem(step)?);
    let away = rest.unsigned_abs().checked_mul(2)? >= step.unsigned_abs();
    whole.checked_add(if away { rest.signum() } else { 0 })?.checked_mul(step)
}

/// The middle of the step of twice `half` that a number is in; each step ends with its upper end.
fn midpoint(value: i128, half: i128) -> Option<i128> {
    if value == 0 {
        return Some(0);
    }
    let step = half.checked_mul(2)?.unsigned_abs();
    let end = i128::try_from(value.unsigned_abs().div_ceil(step).checked_mul(step)?).ok()?;
    end.checked_sub(half)?.checked_mul(value.signum())
}

/// The multiple of `step` below a number or the one above, the nearer one more probably: on average the number.
fn keyed(value: i128, step: i128, draw: u64) -> Option<i128> {
    let (below, rest) = (value.checked_div_euclid(step)?, value.checked_rem_euclid(step)?);
    // draw / 2⁶⁴ < rest / step
    let drawn = i256::from_i128(i128::from(draw)).checked_mul(i256::from_i128(step))?;
    let share = i256::from_i128(rest).checked_mul(i256::from_i128(1 << 64))?;
    below.checked_add(i128::from(drawn < share))?.checked_mul(step)
}

/// The number with one significant digit that is no less than an average, in units of the scale: what is seen of
/// it in a rounded sum is little.
fn one_digit(average: u128, scale: Scale) -> Option<i128> {
    let average = i256::from_parts(average, 0);
    let nano = i256::from_i128(NANO);
    match scale {
        Scale::Decimal(_) | Scale::Integer => digit_above(average)?.to_i128(),
        Scale::Binary30 | Scale::Binary60 => {
            let unit = crate::exact::unit(scale)?;
            let up = |number: i256, divisor: i256| {
                number.checked_add(divisor)?.checked_sub(i256::ONE)?.checked_div(divisor)
            };
            let nanos = digit_above(up(average.checked_mul(nano)?, unit)?)?;
            up(nanos.checked_mul(unit)?, nano)?.to_i128()
        }
    }
}

/// The number with one significant digit that is next above; 1 at least.
fn digit_above(number: i256) -> Option<i256> {
    let ten = i256::from_i128(10);
    let (mut digit, mut power) = (number, i256::ONE);
    while digit >= ten {
        let more = digit.checked_rem(ten)? != i256::ZERO;
        digit = digit.checked_div(ten)?.checked_add(if more { i256::ONE } else { i256::ZERO })?;
        power = power.checked_mul(ten)?;
    }
    if digit < i256::ONE { Some(i256::ONE) } else { digit.checked_mul(power) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{evidence, japan, people};

    fn with(rounding: Rounding) -> Profile {
        let profile = Profile { rounding, ..japan() };
        profile.with_rounding_key(RoundingKey::new([7; 32]))
    }

    fn counts<const N: usize>(rounding: Rounding, counts: [u64; N]) -> [i128; N] {
        let profile = with(rounding);
        let rounder = Rounder::of(&profile).unwrap().unwrap();
        counts.map(|count| rounder.count(count, &people(0..10)).unwrap())
    }

    #[test]
    fn multiples_of_five_and_ten_change_at_the_half() {
        assert_eq!(counts(Rounding::Five, [0, 2, 3, 7, 8, 12, 13]), [0, 0, 5, 5, 10, 10, 15]);
        assert_eq!(counts(Rounding::Ten, [0, 4, 5, 14, 15, 24, 25]), [0, 0, 10, 10, 20, 20, 30]);
        assert_eq!([nearest(-12, 5), nearest(-13, 5), nearest(-15, 10)], [Some(-10), Some(-15), Some(-20)]);
    }

    #[test]
    fn midpoint_six_shows_the_middle_of_six_and_nobody_as_nobody() {
        // OpenSAFELY: 1 to 6 is 3, 7 to 12 is 9.
        assert_eq!(counts(Rounding::MidpointSix, [0, 1, 6, 7, 12, 13]), [0, 3, 3, 9, 9, 15]);
        assert_eq!([midpoint(-6, 3), midpoint(-7, 3)], [Some(-3), Some(-9)]);
    }

    #[test]
    fn keyed_rounding_draws_the_same_for_the_same_people() {
        let profile = with(Rounding::Keyed);
        let rounder = Rounder::of(&profile).unwrap().unwrap();
        let group = |people: std::ops::Range<u32>, each: i128| evidence(people.map(|person| (person, each)));
        for most in 10..60 {
            let one = rounder.sum(&group(0..most, 1), Scale::Integer).unwrap();
            assert_eq!(one, rounder.count(u64::from(most), &people(0..most)).unwrap());
            // Nor does another factor, or somebody who contributes nothing, give another draw.
            assert_eq!(rounder.sum(&group(0..most, 1000), Scale::Integer), Some(one * 1000));
            let idle = evidence((0..most).map(|person| (person, 1)).chain([(99, 0)]));
            assert_eq!(rounder.sum(&idle, Scale::Integer), Some(one));
            assert!((one - i128::from(most)).abs() < 5 && one % 5 == 0);
        }
        let other = profile.clone().with_rounding_key(RoundingKey::new([8; 32]));
        let other = Rounder::of(&other).unwrap().unwrap();
        let differs = |most| {
            let group = people(0..most);
            rounder.count(u64::from(most), &group) != other.count(u64::from(most), &group)
        };
        assert!((10..60).any(differs));
        assert_eq!(format!("{:?}", profile.rounding_key), "Some(RoundingKey(..))");
    }

    #[test]
    fn the_draw_decides_at_its_share() {
        // 12 is two fifths of the way from 10 to 15.
        let limit = u64::try_from((2_u128 << 64) / 5).unwrap();
        assert_eq!((keyed(12, 5, limit), keyed(12, 5, limit + 1)), (Some(15), Some(10)));
        assert_eq!((keyed(10, 5, 0), keyed(10, 5, u64::MAX)), (Some(10), Some(10)));
        assert_eq!((keyed(-12, 5, 0), keyed(-12, 5, u64::MAX)), (Some(-10), Some(-15)));
    }

    #[test]
    fn a_sum_is_rounded_as_far_as_the_count_that_it_may_be() {
        let profile = with(Rounding::Five);
        let rounder = Rounder::of(&profile).unwrap().unwrap();
        let sum = |amounts: &[i128]| {
            rounder.sum(&evidence((0..).zip(amounts.iter().copied())), Scale::Integer).unwrap()
        };
        assert_eq!(sum(&[1; 12]), 10);
        assert_eq!(sum(&[1000; 13]), 15_000);
        assert_eq!(sum(&[-1; 13]), -15);
        assert_eq!(sum(&[0; 13]), 0);
        // On average 51: steps of 5 times 60.
        assert_eq!(sum(&[51; 14]), 600);
        assert_eq!(rounder.sum(&evidence([(1, i128::MAX), (2, i128::MAX)]), Scale::Integer), None);
    }

    #[test]
    fn steps_of_doubles_are_decimal() {
        let steps = [
            (3_i128 << 60, 3_i128 << 60),
            ((5_i128 << 60) / 2, 3_i128 << 60),
            (51_i128 << 60, 60_i128 << 60),
        ];
        for (average, step) in steps {
            assert_eq!(one_digit(average.unsigned_abs(), Scale::Binary60), Some(step));
        }
        assert_eq!(one_digit(0, Scale::Integer), Some(1));
        assert_eq!([one_digit(9, Scale::Integer), one_digit(11, Scale::Decimal(2))], [Some(9), Some(20)]);
    }

    #[test]
    fn three_digits_are_left() {
        assert_eq!([three_digits(1.2345), three_digits(-0.000_456_78)], [Some(1.23), Some(-0.000_457)]);
        assert_eq!(
            [three_digits(0.0), three_digits(f64::NAN), three_digits(f64::INFINITY)],
            [Some(0.0), None, None]
        );
    }

    #[test]
    fn keyed_rounding_without_a_key_is_an_error() {
        let profile = Profile { rounding: Rounding::Keyed, ..japan() };
        assert!(matches!(Rounder::of(&profile), Err(Error::NoRoundingKey)));
        assert!(matches!(Rounder::of(&japan()), Ok(None)));
    }

    proptest! {
        #[test]
        fn no_count_is_further_off_than_its_way_of_rounding_says(count in 0_u64..1_000_000) {
            for (rounding, most) in [(Rounding::Five, 2), (Rounding::MidpointSix, 3), (Rounding::Keyed, 4), (Rounding::Ten, 5)] {
                let [shown] = counts(rounding, [count]);
                prop_assert!((shown - i128::from(count)).abs() <= most, "{} {}", rounding.name(), shown);
            }
        }
    }
}
