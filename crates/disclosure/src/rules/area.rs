//! Small areas: withheld where people stand behind a number, and fewer than so many live in all areas that its
//! records name; in somewhat larger areas fewer than a higher minimum of people.
//!
//! An area is small by its inhabitants, not by its patients: whoever knows that somebody lives in a village of
//! 1,500 needs little more. What counts are the areas of the people behind the number, however the analysis came
//! to choose them: by a key, a condition, a branch or a code table. Source: NDB guideline on publication: nothing
//! of municipalities below 2,000 inhabitants, 20 people below 25,000.

use crate::evidence::Evidence;
use crate::profile::Areas;

/// Whether `people` of areas with so many `inhabitants` are too few, or the areas too small.
fn too_small(people: u64, inhabitants: u64, areas: &Areas) -> bool {
    let few = inhabitants < areas.few_below && people < u64::from(areas.minimum_count);
    0 < people && (inhabitants < areas.nothing_below || few)
}

/// Whether a number tells too much of small areas. Contributors count where some contribute nothing.
pub(super) fn fails(evidence: &Evidence, areas: &Areas) -> bool {
    let fewest = match evidence.contributors() {
        0 => evidence.people(),
        contributors => contributors.min(evidence.people()),
    };
    evidence.inhabitants().is_some_and(|inhabitants| too_small(fewest, inhabitants, areas))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::rules::{Reason, Sides, judge_group, judge_part};
    use crate::testing::{japan, people};
    use crate::{Tally, Telling, UnitKind};

    fn of(number: u32, inhabitants: u64, amount: impl Fn(u32) -> i128) -> Evidence {
        let mut tally = Tally::new();
        for person in 0..number {
            tally.add(person, amount(person), [Some(1)]);
        }
        tally.freeze_as(&[UnitKind::Area(Arc::new([(1, inhabitants)].into_iter().collect()))])
    }

    #[test]
    fn nothing_below_two_thousand_and_twenty_people_below_twenty_five_thousand() {
        let areas = japan().areas;
        let fails =
            |inhabitants: u64| [0, 10, 19, 20, 5_000].map(|people| too_small(people, inhabitants, &areas));
        assert_eq!(fails(1_999), [false, true, true, true, true]);
        assert_eq!(fails(2_000), [false, true, true, false, false]);
        assert_eq!(fails(24_999), [false, true, true, false, false]);
        assert_eq!(fails(25_000), [false, false, false, false, false]);
    }

    #[test]
    fn a_group_a_sum_and_both_sides_of_a_branch_are_judged() {
        let profile = japan();
        let (village, town, city) = (of(50, 1_999, |_| 1), of(50, 2_000, |_| 1), of(50, 90_000, |_| 1));
        let group = |group: &Evidence| judge_group(group, [], &profile).contains(&Reason::Area);
        let part = |part: &Evidence| judge_part(part, false, &profile).contains(&Reason::Area);
        assert_eq!([&village, &town, &city].map(group), [true, false, false]);
        assert_eq!([&village, &town, &city].map(part), [true, false, false]);
        let branch = |inside: &Evidence, outside: &Evidence| {
            let sides = [Sides {
                inside,
                outside,
                telling: Telling::default(),
                frame: None,
                zeros: Default::default(),
            }];
            judge_group(&city, sides, &profile).contains(&Reason::Area)
        };
        assert_eq!(
            [branch(&village, &city), branch(&city, &village), branch(&town, &city)],
            [true, true, false]
        );
    }

    #[test]
    fn of_a_town_twenty_must_contribute() {
        let contribute = |number: u32| of(50, 24_999, |person| i128::from(person < number));
        assert_eq!([19, 20].map(|number| fails(&contribute(number), &japan().areas)), [true, false]);
        // Of people whose areas nobody knows, the threshold decides.
        assert!(!fails(&people(0..10), &japan().areas));
    }
}
