//! (n,k) dominance: withheld where x₁ + … + xₙ > k·X (or ≥, as the profile says).
//!
//! x₁ ≥ x₂ ≥ … are the absolute contributions of people (records summed per person first), X their sum.
//! Source: Handbook on Statistical Disclosure Control, 4.2.2 (>); ACRO `safe_nk_n`, `safe_nk_k` (≥).
//!
//! The rule reads counts of records too: of 35 records, one person may have 31. Counts of people need no
//! exception: ten equal contributions are never dominated.

use super::Spread;
use crate::profile::{Comparator, Dominance};

/// Whether the largest contributors are too much of the sum.
pub(super) fn fails(spread: Spread, rule: &Dominance) -> bool {
    let Spread { largest, second, absolute } = spread;
    let top = if rule.largest == 1 { Some(largest) } else { largest.checked_add(second) };
    let share = top.and_then(|top| top.checked_mul(1000));
    let limit = absolute.and_then(|sum| sum.checked_mul(u128::from(rule.permille)));
    match (share, limit) {
        (Some(0), Some(_)) => false,
        (Some(share), Some(limit)) => match rule.comparator {
            Comparator::AtLeast => share >= limit,
            Comparator::MoreThan => share > limit,
        },
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dominated(contributions: &[u128], largest: u32, comparator: Comparator, permille: u32) -> bool {
        let spread = contributions.iter().fold(Spread::NOBODY, |spread, size| spread.with(*size));
        fails(spread, &Dominance { largest, comparator, permille })
    }

    #[test]
    fn the_limit_itself_falls_as_the_comparator_says() {
        // 60 + 30 of 100.
        for (rest, more_than, at_least) in [(11, false, false), (10, false, true), (9, true, true)] {
            let sum = [30, 60, rest];
            assert_eq!(dominated(&sum, 2, Comparator::MoreThan, 900), more_than, "{rest}");
            assert_eq!(dominated(&sum, 2, Comparator::AtLeast, 900), at_least, "{rest}");
        }
    }

    #[test]
    fn one_or_two_people_are_looked_at() {
        let sum = [50, 45, 5];
        assert!(dominated(&sum, 2, Comparator::MoreThan, 900));
        assert!(!dominated(&sum, 1, Comparator::MoreThan, 500));
        assert!(dominated(&sum, 1, Comparator::AtLeast, 500));
    }

    #[test]
    fn ten_equal_people_are_never_dominated() {
        assert!(!dominated(&[1; 10], 2, Comparator::AtLeast, 900));
        assert!(dominated(&[31, 1, 1, 2], 2, Comparator::MoreThan, 900));
    }

    #[test]
    fn nothing_is_not_dominated_and_overflow_is() {
        assert!(!dominated(&[0, 0], 2, Comparator::AtLeast, 900));
        assert!(dominated(&[u128::MAX / 2, 1], 2, Comparator::MoreThan, 1000));
        let inexact = Spread { largest: 1, second: 1, absolute: None };
        assert!(fails(inexact, &Dominance { largest: 2, comparator: Comparator::MoreThan, permille: 900 }));
    }
}
