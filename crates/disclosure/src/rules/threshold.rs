//! Threshold: withheld where 0 < N < minimum, for people and for every other protected unit.
//!
//! Source: NDB guideline on publication (10 people, 3 institutions); Handbook on Statistical Disclosure
//! Control, 4.2.1. N counts units, never records.

/// Whether `units` people or institutions are too few. Nobody at all is for the zero rule.
pub(super) fn fails(units: u64, minimum: u32) -> bool {
    0 < units && units < u64::from(minimum)
}

#[cfg(test)]
mod tests {
    use super::fails;

    #[test]
    fn minimum_count_itself_may_be_published() {
        assert_eq!([0, 1, 9, 10, 11].map(|people| fails(people, 10)), [false, true, true, false, false]);
    }

    #[test]
    fn a_minimum_of_one_withholds_nothing() {
        assert_eq!([0, 1, 2].map(|units| fails(units, 1)), [false, false, false]);
    }
}
