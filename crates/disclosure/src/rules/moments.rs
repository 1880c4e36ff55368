//! Moments: withheld where one or two people are too much of the squared deviations from the mean, or of
//! the products of two deviations, by (n,k) dominance or p%.
//!
//! Person r gives Σ(x − m)² = Σx² − 2mΣx + n m² from their own n, Σx and Σx², with m the cell's mean. Two
//! people who are 42 % of a sum may be 99.9 % of its squared deviations, and then `stddev · √n` is the
//! amount of one of them. Source: Handbook on Statistical Disclosure Control, 4.2.2, applied to the terms
//! that a moment adds up.

use super::{Spread, concentrated};
use crate::profile::Profile;

/// Whether the terms of a moment hide the people who give the largest ones too little. Terms that are all
/// zero hide nobody either, and are for the spread rule.
pub(super) fn fails(terms: Spread, profile: &Profile) -> bool {
    terms.absolute != Some(0) && concentrated(terms, profile)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::japan;

    fn withheld(terms: &[u128]) -> bool {
        fails(terms.iter().fold(Spread::NOBODY, |spread, term| spread.with(*term)), &japan())
    }

    #[test]
    fn two_people_may_have_nine_tenths_of_the_squared_deviations() {
        assert!(!withheld(&[460, 440, 50, 50]));
        assert!(withheld(&[461, 440, 50, 49]));
    }

    #[test]
    fn the_rest_must_hide_the_largest_term() {
        let mut profile = japan();
        profile.dominance.permille = 1000;
        let bounded = |largest: u128| {
            let terms = [largest, 100, 45, 45].into_iter().fold(Spread::NOBODY, Spread::with);
            fails(terms, &profile)
        };
        assert_eq!([900, 901].map(bounded), [false, true]);
    }

    #[test]
    fn no_deviation_at_all_is_not_for_this_rule_and_overflow_is() {
        assert!(!withheld(&[0; 20]));
        assert!(withheld(&[u128::MAX, u128::MAX, 1]));
    }
}
