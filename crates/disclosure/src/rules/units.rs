//! Institutions: withheld where people stand behind a number, and fewer than minimum of another protected unit.
//!
//! The rule holds for the group, for each sum, and for each branch of a statistic and its complement: what one
//! hospital's patients have is a secret of the hospital. That no unit is known is too few as well. Source: NDB
//! guideline on publication (3 institutions).

/// Whether so many units are too few.
pub(super) fn fails(units: u64, minimum: u32) -> bool {
    units < u64::from(minimum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Reason, Sides, judge_group, judge_part};
    use crate::testing::japan;
    use crate::{Evidence, Tally, Telling};

    /// Twenty people of so many hospitals.
    fn of_hospitals(hospitals: u64) -> Evidence {
        let mut tally = Tally::new();
        for person in 0..20 {
            tally.add(person, 1, [Some(u64::from(person) % hospitals)]);
        }
        tally.freeze()
    }

    #[test]
    fn minimum_units_itself_may_be_published() {
        assert_eq!([0, 1, 2, 3, 4].map(|units| fails(units, 3)), [true, true, true, false, false]);
        assert!(!fails(0, 0) && !fails(1, 1));
    }

    #[test]
    fn a_sum_a_group_and_both_sides_of_a_branch_need_the_minimum() {
        let (two, three) = (of_hospitals(2), of_hospitals(3));
        let group = |group: &Evidence| judge_group(group, [], &japan()).contains(&Reason::Units);
        assert_eq!((group(&two), group(&three)), (true, false));
        let part = |part: &Evidence| judge_part(part, false, &japan()).contains(&Reason::Units);
        assert_eq!((part(&two), part(&three)), (true, false));
        let branch = |inside: &Evidence, outside: &Evidence| {
            let sides = [Sides {
                inside,
                outside,
                telling: Telling::default(),
                frame: None,
                zeros: Default::default(),
            }];
            judge_group(&three, sides, &japan()).contains(&Reason::Units)
        };
        assert_eq!((branch(&two, &three), branch(&three, &two)), (true, true));
        assert_eq!((branch(&three, &three), branch(&Evidence::nobody(), &three)), (false, false));
    }
}
