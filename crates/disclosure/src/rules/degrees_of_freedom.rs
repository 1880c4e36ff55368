//! Degrees of freedom: withheld where N − parameters < minimum, for variances, correlations and models.
//!
//! N counts people, never records. A line through few people is a statement about each of them. Source:
//! ACRO `safe_dof_threshold` = 10.

/// Whether too few people are left beside the `parameters` that are estimated. Nobody at all has no
/// deviation to hide.
pub(super) fn fails(people: u64, parameters: u64, minimum: u32) -> bool {
    0 < people && parameters > 0 && people.saturating_sub(parameters) < u64::from(minimum)
}

#[cfg(test)]
mod tests {
    use super::fails;

    #[test]
    fn the_minimum_itself_may_be_left() {
        assert_eq!([0, 1, 10, 11, 12].map(|people| fails(people, 1, 10)), [false, true, true, false, false]);
        assert_eq!([11, 12].map(|people| fails(people, 2, 10)), [true, false]);
    }

    #[test]
    fn a_statistic_that_estimates_nothing_needs_none() {
        assert!(!fails(3, 0, 10));
    }
}
