//! Sparse: a model of single rows is withheld where few of the kinds of row that it reads are of few people.
//!
//! Estimates and their errors are functions of how many people have each row of covariates and outcome. Whoever has
//! the large ones of these numbers from a table looks for those that are left until the estimates come out: with
//! some digits for each, a few small numbers have one solution. Where many kinds of row are of few people, as with
//! a quantity among the covariates, all digits together do not tell them.

use crate::estimator::DIGITS;

/// Whether so few kinds of row, and not none, are of fewer than the minimum of people that `numbers` estimates could
/// tell how many each is of: a digit of an estimate for a digit of the minimum.
pub(super) fn fails(people: impl Iterator<Item = u64>, numbers: u64, minimum: u32) -> bool {
    let few = people.filter(|people| super::threshold::fails(*people, minimum)).count();
    let told =
        numbers.saturating_mul(u64::from(DIGITS)).checked_div(u64::from(minimum.max(1).ilog10().max(1)));
    few > 0 && u64::try_from(few).unwrap_or(u64::MAX) <= told.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::fails;

    fn withheld(few: usize, numbers: u64) -> bool {
        let kinds = std::iter::repeat_n(3, few).chain([10, 500, 0]);
        fails(kinds, numbers, 10)
    }

    #[test]
    fn no_kind_of_row_of_few_people_or_more_than_there_are_digits() {
        assert_eq!([0, 1, 36, 37].map(|few| withheld(few, 4)), [false, true, true, false]);
        assert_eq!([9, 10].map(|few| withheld(few, 1)), [true, false]);
    }
}
