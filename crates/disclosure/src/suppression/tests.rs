//! The conditions, recomputed naively: exact ranks, and every small set of people.

use proptest::prelude::*;

use super::*;
use crate::rules;
use crate::testing::{evidence, fails_alone, japan, people, threshold_only};

/// The candidates that stay published, by number.
fn published(sums: &[Evidence], profile: &Profile) -> Vec<usize> {
    let candidates = candidates(sums, profile);
    let suppressed = suppress(&candidates, None, profile, STEPS);
    let shown = |number: &usize| !candidates[*number].withheld && !suppressed.contains(number);
    (0..sums.len()).filter(shown).collect()
}

fn candidates<'a>(sums: &'a [Evidence], profile: &Profile) -> Vec<Candidate<'a>> {
    let candidate = |(number, evidence): (usize, &'a Evidence)| Candidate {
        place: Place { rank: 0, keys: 0, table: 0, statistic: number, part: 0, label: Vec::new() },
        evidence,
        withheld: fails_alone(evidence, profile),
        standing: None,
    };
    sums.iter().enumerate().map(candidate).collect()
}

#[test]
fn which_of_two_overlapping_groups_is_blank_does_not_tell_which_is_the_larger() {
    let profile = japan();
    let alone = |more: std::ops::Range<u32>, less: std::ops::Range<u32>| {
        published(&[people((0..40).chain(more)), people((0..40).chain(less))], &profile)
    };
    // Those who are in one of the groups alone: five and none, none and five, five and three.
    assert_eq!(alone(40..45, 0..0), [0]);
    assert_eq!(alone(0..0, 40..45), [0]);
    assert_eq!(alone(50..53, 40..45), [0]);
}

#[test]
fn what_is_withheld_beside_a_dominated_part_hides_it() {
    // Twenty hospitals; one patient of the first has a bill larger than those of all others together.
    let bill = |person: u32| match person {
        7 => 10_000_000,
        person => 1_000 + i128::from(person.wrapping_mul(7_919) % 21_001),
    };
    let part = |hospital: u32| {
        evidence((0..600).filter(|person| person % 20 == hospital % 20).map(|person| (person, bill(person))))
    };
    let total = evidence((0..600).map(|person| (person, bill(person))));
    let sums: Vec<Evidence> = std::iter::once(total.clone()).chain((7..27).map(part)).collect();
    let shown = published(&sums, &japan());
    assert!(!shown.contains(&1) && shown.contains(&0), "her hospital is hidden, the total is not");
    let hidden = (1..sums.len()).filter(|part| !shown.contains(part));
    let hidden = hidden.flat_map(|part| sums[part].contributions().iter().collect::<Vec<_>>());
    let rest = evidence(hidden);
    assert!(!rules::concentrated(rules::Spread::of(&rest), &japan()));
    assert!(shown.len() > 10, "{shown:?}");
}

/// Exact rank of sums over the people that `which` chooses (fraction-free elimination).
pub(crate) fn rank(sums: &[&Evidence], people: u32, which: impl Fn(u32) -> bool) -> usize {
    let amount = |sum: &Evidence, subject: u32| {
        sum.subjects().binary_search(&subject).map_or(0, |place| sum.amounts().get(place).unwrap())
    };
    let mut rows: Vec<Vec<i128>> = (0..people)
        .filter(|subject| which(*subject))
        .map(|subject| sums.iter().map(|sum| amount(sum, subject)).collect())
        .collect();
    let (mut rank, mut previous) = (0, 1);
    for column in 0..sums.len() {
        let Some(pivot) = (rank..rows.len()).find(|row| rows[*row][column] != 0) else { continue };
        rows.swap(rank, pivot);
        for row in rank + 1..rows.len() {
            for at in (0..sums.len()).rev().filter(|at| *at >= column) {
                rows[row][at] =
                    (rows[row][at] * rows[rank][column] - rows[row][column] * rows[rank][at]) / previous;
            }
        }
        previous = rows[rank][column];
        rank += 1;
    }
    rank
}

/// A group of everybody who falls into it, as counts of records and of people.
fn group(rows: &[[u32; 4]], member: impl Fn(&[u32; 4]) -> bool) -> [Evidence; 2] {
    let members: Vec<(u32, &[u32; 4])> = (0..).zip(rows).filter(|(_, row)| member(row)).collect();
    let records = evidence(members.iter().map(|(subject, row)| (*subject, i128::from(row[3]))));
    [records, people(members.iter().map(|(subject, _)| *subject))]
}

/// A table by two attributes with its margins and total, and a filter beside each row: counts of people,
/// and of records too if asked.
fn tables(rows: &[[u32; 4]], records: bool) -> Vec<Evidence> {
    let mut sums = Vec::new();
    let mut add = |[of_records, of_people]: [Evidence; 2]| {
        sums.push(of_people);
        if records {
            sums.push(of_records);
        }
    };
    add(group(rows, |_| true));
    for a in 0..3 {
        add(group(rows, |row| row[0] == a));
        add(group(rows, |row| row[0] == a && row[2] == 0));
        for b in 0..2 {
            add(group(rows, |row| row[0] == a && row[1] == b));
        }
    }
    (0..2).for_each(|b| add(group(rows, |row| row[1] == b)));
    sums
}

/// People as two attributes, a condition and a number of records.
fn rows(most: usize) -> impl Strategy<Value = Vec<[u32; 4]>> {
    prop::collection::vec(
        (0_u32..3, 0_u32..2, 0_u32..3, 1_u32..4).prop_map(|(a, b, c, d)| [a, b, c, d]),
        8..most,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_withheld_sum_can_be_derived(rows in rows(60), records: bool, minimum in 3_u32..8) {
        let (sums, profile) = (tables(&rows, records), threshold_only(minimum));
        let shown = published(&sums, &profile);
        let people = u32::try_from(rows.len()).unwrap();
        let columns: Vec<&Evidence> = shown.iter().map(|number| &sums[*number]).collect();
        let known = rank(&columns, people, |_| true);
        for number in (0..sums.len()).filter(|number| !shown.contains(number)) {
            if sums[number].contributors() > 0 {
                let with_it: Vec<&Evidence> = columns.iter().copied().chain([&sums[number]]).collect();
                prop_assert_eq!(rank(&with_it, people, |_| true), known + 1);
            }
        }
    }

    #[test]
    fn no_combination_concerns_fewer_people_than_the_minimum(rows in rows(14), records: bool, minimum in 3_u32..5) {
        let (sums, profile) = (tables(&rows, records), threshold_only(minimum));
        let columns: Vec<&Evidence> = published(&sums, &profile).iter().map(|number| &sums[*number]).collect();
        let people = u32::try_from(rows.len()).unwrap();
        let known = rank(&columns, people, |_| true);
        // A combination concerns only people of a set if and only if the rank falls without the set.
        for set in (0_u32..1 << people).filter(|set| set.count_ones() + 1 == minimum) {
            prop_assert_eq!(rank(&columns, people, |subject| set >> subject & 1 == 0), known);
        }
    }

    #[test]
    fn both_hold_for_sums_of_any_amounts(
        amounts in prop::collection::vec(prop::collection::vec(0_i128..4, 2..7), 6..14), minimum in 3_u32..5,
    ) {
        let sum = |column: usize| {
            let entry = |(subject, row): (u32, &Vec<i128>)| Some((subject, *row.get(column)? - 1)).filter(|(_, x)| *x > 0);
            evidence((0..).zip(&amounts).filter_map(entry))
        };
        let (sums, profile) = ((0..6).map(sum).collect::<Vec<_>>(), threshold_only(minimum));
        let shown = published(&sums, &profile);
        let columns: Vec<&Evidence> = shown.iter().map(|number| &sums[*number]).collect();
        let people = u32::try_from(amounts.len()).unwrap();
        let known = rank(&columns, people, |_| true);
        for set in (0_u32..1 << people).filter(|set| set.count_ones() + 1 == minimum) {
            prop_assert_eq!(rank(&columns, people, |subject| set >> subject & 1 == 0), known);
        }
        for number in (0..sums.len()).filter(|number| !shown.contains(number) && sums[*number].people() > 0) {
            let with_it: Vec<&Evidence> = columns.iter().copied().chain([&sums[number]]).collect();
            prop_assert_eq!(rank(&with_it, people, |_| true), known + 1);
        }
    }

    #[test]
    fn no_published_difference_is_dominated(rows in rows(60), bills in prop::collection::vec(1_i128..2000, 60)) {
        let with_bills = |sum: Evidence| {
            evidence(sum.subjects().iter().map(|subject| (*subject, bills[*subject as usize].pow(2))))
        };
        let sums: Vec<Evidence> = tables(&rows, false).into_iter().map(with_bills).collect();
        let mut profile = japan();
        profile.minimum_count = 4;
        let shown = published(&sums, &profile);
        for (left, right) in shown.iter().flat_map(|left| shown.iter().map(move |right| (left, right))) {
            let inside = |sum: usize, subject: u32| sums[sum].subjects().contains(&subject);
            let only = (0..60).filter(|subject| inside(*left, *subject) != inside(*right, *subject));
            let difference = evidence(only.map(|subject| (subject, bills[subject as usize].pow(2))));
            let mut reasons = rules::judge_part(&difference, false, &profile);
            // By chance those who are left out may be alike; that is judged where one sum is a part of the other.
            reasons.remove(&rules::Reason::Crowd);
            prop_assert!(reasons.is_empty());
        }
    }

    #[test]
    fn a_table_without_small_groups_is_whole(rows in rows(40), copies in 0_u32..4) {
        // Everybody thirty times: no group, rest or difference is small.
        let many: Vec<[u32; 4]> = (0..30 + copies).flat_map(|_| rows.clone()).collect();
        let (sums, profile) = (tables(&many, true), threshold_only(10));
        let nonzero = (0..sums.len()).filter(|number| sums[*number].people() > 0);
        let shown = published(&sums, &profile);
        prop_assert!(nonzero.into_iter().all(|number| shown.contains(&number)));
    }

    #[test]
    fn the_order_of_candidates_decides_nothing(rows in rows(40), turn in 0_usize..30) {
        let (sums, profile) = (tables(&rows, true), threshold_only(5));
        let straight = candidates(&sums, &profile);
        let suppressed = suppress(&straight, None, &profile, STEPS);
        let mut turned = straight.clone();
        turned.rotate_left(turn % sums.len());
        let back: BTreeSet<usize> = suppress(&turned, None, &profile, STEPS)
            .into_iter()
            .map(|number| turned[number].place.statistic)
            .collect();
        prop_assert_eq!(back, suppressed);
    }

    #[test]
    fn past_the_limit_no_person_is_in_two_published_sums(rows in rows(40)) {
        let (sums, profile) = (tables(&rows, true), threshold_only(5));
        let candidates = candidates(&sums, &profile);
        let suppressed = suppress(&candidates, None, &profile, 1);
        let bitmap = |sum: &Evidence| sum.subjects().iter().copied().collect::<RoaringBitmap>();
        let mut taken = RoaringBitmap::new();
        let mut seen = BTreeSet::new();
        for (number, candidate) in candidates.iter().enumerate() {
            let vector = candidate.evidence.contributions();
            let shown = !candidate.withheld && !suppressed.contains(&number);
            if shown && seen.insert(vector) {
                prop_assert!(taken.is_disjoint(&bitmap(candidate.evidence)));
                taken |= bitmap(candidate.evidence);
            }
        }
    }
}

#[test]
fn sums_that_share_nobody_protect_each_other() {
    let sums: Vec<Evidence> = (0..50).map(|group| people(group * 10..group * 10 + 10)).collect();
    assert_eq!(published(&sums, &threshold_only(10)).len(), 50);
}

#[test]
fn overlapping_groups_that_differ_by_few_are_not_both_published() {
    let sums = [people(0..50), people(3..53), people(100..200)];
    assert_eq!(published(&sums, &threshold_only(10)), [0, 2]);
    assert_eq!(published(&sums, &threshold_only(6)), [0, 1, 2]);
}

#[test]
fn records_beside_people_do_not_single_out_those_with_more_records() {
    let records =
        |frequent: u32| evidence((0..100).map(|subject| (subject, if subject < frequent { 3 } else { 1 })));
    assert_eq!(published(&[records(9), people(0..100)], &threshold_only(10)), [0]);
    assert_eq!(published(&[records(10), people(0..100)], &threshold_only(10)), [0, 1]);
    assert_eq!(published(&[records(0), people(0..100)], &threshold_only(10)), [0, 1]);
}

#[test]
fn a_tracker_of_three_conditions_is_found() {
    // Every pair differs by many; total − a − b − c is four people.
    let sums = [people(0..94), people(0..30), people(30..60), people(60..90)];
    assert_eq!(published(&sums, &threshold_only(10)), [0, 1, 2]);
}

#[test]
fn sums_by_month_of_people_with_a_claim_in_each_month_are_published() {
    let bill = |subject: u32, month: u32| i128::from(subject * 7919 % 1013 + subject * month * 31 % 97 + 10);
    let month = |month| evidence((0..400).map(move |subject| (subject, bill(subject, month))));
    let sums: Vec<Evidence> = (0..24).map(month).collect();
    assert_eq!(published(&sums, &japan()).len(), 24);
}

#[test]
fn a_rest_that_is_one_persons_is_not_left_over() {
    // Forty people are in the total alone, and one of them may give nearly all of what they give.
    let sums = |largest: i128| {
        let bill = move |subject: u32| match subject {
            0..60 => 100_000,
            99 => largest,
            _ => 100 + i128::from(subject),
        };
        let sum = |people: std::ops::Range<u32>| evidence(people.map(|subject| (subject, bill(subject))));
        [sum(0..100), sum(0..31), sum(31..60)]
    };
    assert_eq!(published(&sums(100_000), &japan()), [0, 1]);
    assert_eq!(published(&sums(500), &japan()), [0, 1, 2]);
}

#[test]
fn amounts_cannot_be_chosen_to_vanish() {
    // One of a hundred people contributes 1 + (2⁶¹ − 1): modulo that prime, everybody would be alike.
    let amount = |subject: u32| if subject == 5 { 1 << 61 } else { 1 };
    let sums = [people(0..100), evidence((0..100).map(|subject| (subject, amount(subject))))];
    assert_eq!(published(&sums, &threshold_only(10)), [0]);
}

#[test]
fn where_zeros_are_secret_no_relation_tells_of_one() {
    let mut profile = threshold_only(10);
    let sums = [people(0..50), people(0..20), people(20..50), Evidence::nobody()];
    assert_eq!(published(&sums, &profile), [0, 1, 2, 3]);
    profile.zeros = crate::profile::Zeros::Withheld;
    // 50 = 20 + 30 would say that the fourth group is empty.
    assert_eq!(published(&sums, &profile), [0, 1]);
}

#[test]
fn two_blanks_in_each_line_are_not_enough() {
    // sdcTable's example: w{a,b,c} x{a,c} y{b,d} z{b,d} are blank, and still w,b = 236 − 189 follows.
    let cells: [[u32; 4]; 4] = [[30, 47, 64, 89], [90, 124, 5, 31], [92, 100, 59, 85], [800, 991, 651, 685]];
    let mut next = 0;
    let mut columns: Vec<Vec<u32>> = Vec::new();
    let mut rows_of = vec![Vec::new(); 4];
    let mut columns_of = vec![Vec::new(); 4];
    for (row, counts) in cells.iter().enumerate() {
        for (column, count) in counts.iter().enumerate() {
            let cell: Vec<u32> = (next..next + count).collect();
            next += count;
            rows_of[row].extend(&cell);
            columns_of[column].extend(&cell);
            columns.push(cell);
        }
    }
    let total: Vec<u32> = (0..next).collect();
    let sums: Vec<Evidence> =
        std::iter::once(total).chain(rows_of).chain(columns_of).chain(columns).map(people).collect();
    let shown = published(&sums, &threshold_only(10));
    // The cell of five people takes three more with it, and no margin.
    assert_eq!(sums.len() - shown.len(), 4);
    assert!((0..9).all(|margin| shown.contains(&margin)));
}
