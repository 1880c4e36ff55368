//! Spread: withheld where a quantity has no deviation, or where |r| = 1.
//!
//! A deviation of zero says that the mean is everybody's value; a perfect correlation says that whoever
//! knows one quantity of a person knows the other. Source: ACRO, output class "shape".

use arrow::datatypes::i256;

/// How much of r² may be missing for r to count as one: doubles that were computed from each other differ
/// in their last digits.
const NEARLY: f64 = 1e-9;

/// Whether a sum of squared deviations says that all values are equal.
pub(super) fn is_constant(squared_deviations: i256) -> bool {
    squared_deviations == i256::ZERO
}

/// Whether a correlation says that all points are on one line. The square is computed from exact integers
/// and rounded, to sixteen digits.
pub(super) fn is_a_line(r_squared: f64) -> bool {
    r_squared > 1.0 - NEARLY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_deviation_at_all_is_one() {
        assert!(is_constant(i256::ZERO));
        assert!(!is_constant(i256::ONE));
    }

    #[test]
    fn a_line_may_miss_the_last_digits() {
        assert!(is_a_line(1.0));
        assert!(is_a_line(1.0 - 0.9e-9));
        assert!(!is_a_line(1.0 - 1.1e-9));
        assert!(!is_a_line(0.0));
    }
}
