//! Quantiles: withheld where N·min(q, 1 − q) < minimum, where fewer than minimum people have a value on
//! either side of what is shown, or where two people have so many of the records that it is theirs.
//!
//! N counts people. What is shown is the quantile rounded to the column's step, or to two significant
//! digits, and the sides are counted again from there: a value equal to it is on both. Sources: UK SDC
//! handbook (10 on each side), DataSHIELD (nothing beyond the 5th and 95th percentile).
//!
//! Whoever has more than min(q, 1 − q) of the records decides the quantile alone, whatever the others
//! have; so (n,k) dominance holds for the records, with k no more than that.

use super::{Spread, dominance};
use crate::profile::{Dominance, Profile};
use crate::statistic::Fraction;

/// One of so many people, and no more than the minimum, share what is shown of values that are shown by their
/// digits. A group of twice the minimum has quartiles in which its values can be told apart, and a list of the
/// quantiles of a larger one has no more of them than a histogram.
pub(super) const SHARING: u64 = 8;

/// Whether too few people are beyond the quantile, on the nearer side.
pub(super) fn too_far_out(people: u64, fraction: Fraction, minimum: u32) -> bool {
    let beyond = u128::from(people).saturating_mul(u128::from(fraction.to_the_nearer_end()));
    0 < people && beyond < u128::from(minimum).saturating_mul(u128::from(Fraction::WHOLE))
}

/// Whether too few people have a value at or below, or at or above, what is shown.
pub(super) fn one_sided(at_most: u64, at_least: u64, minimum: u32) -> bool {
    at_most.min(at_least) < u64::from(minimum)
}

/// Whether one or two people have so many of the records that the quantile is theirs.
pub(super) fn outweighed(records: Spread, fraction: Fraction, profile: &Profile) -> bool {
    let share = fraction.to_the_nearer_end().checked_div(Fraction::WHOLE / 1000).unwrap_or(0);
    let limit = |rule: &Dominance| Dominance { permille: rule.permille.min(share), ..*rule };
    profile.dominances().any(|rule| dominance::fails(records, &limit(rule)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::japan;

    fn fraction(share: f64) -> Fraction {
        Fraction::nearest(share).unwrap()
    }

    #[test]
    fn exactly_the_minimum_may_be_beyond() {
        let far = |people, share| too_far_out(people, fraction(share), 10);
        assert_eq!([0, 1, 19, 20].map(|people| far(people, 0.5)), [false, true, true, false]);
        assert_eq!([99, 100].map(|people| far(people, 0.9)), [true, false]);
        assert_eq!([99, 100].map(|people| far(people, 0.1)), [true, false]);
        assert!(far(1_000_000, 0.0) && far(1_000_000, 1.0) && far(1_000_000, 0.999_999_9));
    }

    #[test]
    fn both_sides_of_what_is_shown_need_the_minimum() {
        let sides = [(10, 10), (9, 10), (10, 9), (500, 10)];
        assert_eq!(sides.map(|(below, above)| one_sided(below, above, 10)), [false, true, true, false]);
    }

    #[test]
    fn two_people_may_have_as_many_records_as_the_share() {
        let heavy = |first: u128, second: u128, others: u32, share| {
            let records =
                (0..others).fold(Spread::NOBODY.with(first).with(second), |spread, _| spread.with(1));
            outweighed(records, fraction(share), &japan())
        };
        assert!(!heavy(50, 50, 100, 0.5));
        assert!(heavy(51, 50, 100, 0.5));
        assert!(!heavy(10, 10, 180, 0.9));
        assert!(heavy(11, 10, 180, 0.9));
        assert!(heavy(1, 1, 180, 0.0));
    }
}
