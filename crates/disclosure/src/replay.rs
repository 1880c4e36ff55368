//! Numbers that stand in public, replayed: known attacks on tables, and what other tools do with the same numbers.
//!
//! Each test names its source. [`Attack`] computes what somebody can, by linear programming; where a tool is known
//! to let something through, the same goes through the checkpoint.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array as _, Float64Array, Int64Array};
use sekisho_model::{Hold, Rounding};

use crate::evidence::Evidence;
use crate::profile::{Comparator, Dominance, Profile, Profiles};
use crate::rounding::Rounder;
use crate::suppression::{Candidate, Place, STEPS, suppress};
use crate::testing::{
    Attack, check_first, count, evidence, fails_alone, japan, people, statistic, table, threshold_only,
    ungrouped,
};
use crate::{Extremes, Reason, Scale, StatisticKind, Unreleased, ValueColumn, ValueTally, judge_sum};

fn profile(name: &str) -> Profile {
    Profiles::built_in().unwrap().get(name).unwrap().clone()
}

/// Which sums are withheld, for themselves or to protect others, the first ones before the last.
fn withheld(sums: &[Evidence], profile: &Profile) -> Vec<usize> {
    let candidate = |(number, evidence)| Candidate {
        place: Place { rank: 0, keys: 0, table: 0, statistic: number, part: 0, label: Vec::new() },
        evidence,
        withheld: fails_alone(evidence, profile),
        standing: None,
    };
    let candidates: Vec<Candidate<'_>> = sums.iter().enumerate().map(candidate).collect();
    let own =
        candidates.iter().enumerate().filter(|(_, candidate)| candidate.withheld).map(|(number, _)| number);
    let all: BTreeSet<usize> = suppress(&candidates, None, profile, STEPS).into_iter().chain(own).collect();
    all.into_iter().collect()
}

/// People in cells that follow each other.
fn cells(counts: &[u32]) -> Vec<Evidence> {
    let ends = counts.iter().scan(0, |end, count| {
        *end += count;
        Some(*end)
    });
    ends.zip(counts).map(|(end, count)| people(end - count..end)).collect()
}

/// The people of some cells.
fn together(cells: &[Evidence], which: &[usize]) -> Evidence {
    people(which.iter().flat_map(|cell| cells[*cell].subjects().to_vec()))
}

/// sdcTable, `tests/testthat/test-simpleheuristic.R`.
#[test]
fn a_cell_with_two_blanks_in_its_row_and_column_is_exact_until_another_goes() {
    let counts = [30, 47, 64, 89, 90, 124, 5, 31, 92, 100, 59, 85, 800, 991, 651, 685];
    let blanks = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 1), (2, 3), (3, 1), (3, 3)];
    let attack = |blanks: &[(usize, usize)]| {
        let mut attack = Attack::on(16);
        for line in 0..4 {
            let (row, column): (Vec<usize>, Vec<usize>) =
                (0..4).map(|other| (line * 4 + other, other * 4 + line)).unzip();
            for places in [row, column] {
                let sum: u32 = places.iter().map(|place| counts[*place]).sum();
                attack = attack.knowing(&places, f64::from(sum));
            }
        }
        for place in (0..16).filter(|place| !blanks.contains(&(place / 4, place % 4))) {
            attack = attack.knowing(&[place], f64::from(counts[place]));
        }
        let (least, most) = attack.bounds(&[(1, 1.0)]);
        (least.round(), most.round())
    };
    assert_eq!(attack(&blanks), (47.0, 47.0));
    assert_eq!(attack(&[&blanks[..], &[(1, 3)]].concat()), (0.0, 78.0));
}

/// sdcTable, `tests/testthat/test-linked-tables.r`.
#[test]
fn two_tables_that_are_safe_alone_are_judged_together() {
    let [a, b, i, j, k, l, m, n] = [0, 1, 2, 3, 4, 5, 6, 7];
    let cells = cells(&[2, 2, 8, 8, 3, 3, 3, 7]);
    let counties = [together(&cells, &[a, b, i, j]), together(&cells, &[k, l, m, n])];
    let sizes = [together(&cells, &[l, m]), together(&cells, &[a, b, i, j, k, n])];
    let all = || [together(&cells, &[a, b, i, j, k, l, m, n])].into_iter();
    let of = |groups: &[Evidence]| {
        let sums: Vec<Evidence> = all().chain(groups.iter().cloned()).chain(cells.iter().cloned()).collect();
        let withheld = withheld(&sums, &threshold_only(4));
        withheld.into_iter().map(|number| number - groups.len() - 1).collect::<Vec<_>>()
    };
    assert_eq!(of(&counties), [a, b, k, l, m]);
    assert_eq!(of(&sizes), [a, b, k, l, m]);
    assert_eq!(of(&[counties, sizes].concat()), [a, b, k, l, m, n]);
    // By size 30 people are small, by county 20 are in the first: K and N are ten, and N is seven.
    let attack = Attack::on(8).knowing(&[a, b, i, j], 20.0).knowing(&[a, b, i, j, k, n], 30.0);
    assert_eq!(attack.clone().knowing(&[n], 7.0).bounds(&[(k, 1.0)]), (3.0, 3.0));
    assert_eq!(attack.bounds(&[(k, 1.0)]), (0.0, 10.0));
}

/// Handbook on Statistical Disclosure Control, 4.3, example 3.
#[test]
fn a_row_that_is_shown_bounds_the_others() {
    let rows = Attack::on(6).knowing(&[0, 1], 7.0).knowing(&[2, 3], 3.0).knowing(&[4, 5], 6.0);
    let columns = rows.knowing(&[0, 2, 4], 9.0).knowing(&[1, 3, 5], 7.0);
    let shown = columns.knowing(&[4], 3.0).knowing(&[5], 3.0);
    assert_eq!(shown.bounds(&[(0, 1.0)]), (3.0, 6.0));
}

/// Handbook on Statistical Disclosure Control, 5.7: counts of 8, 12 and 20, rounded, with exact means.
#[test]
fn a_mean_beside_a_rounded_count_does_not_give_the_count_away() {
    let amounts: [Vec<i128>; 3] = [
        vec![5, 8, 10, 11, 12, 13, 15, 16],
        vec![2, 4, 5, 6, 7, 8, 9, 9, 10, 11, 12, 12],
        vec![3, 4, 5, 6, 7, 8, 8, 9, 9, 10, 10, 10, 11, 11, 12, 12, 13, 13, 11, 13],
    ];
    let sum = |(place, amounts): (u32, &Vec<i128>)| evidence((place * 100..).zip(amounts.iter().copied()));
    let sums: Vec<Evidence> = (0..).zip(&amounts).map(sum).collect();
    let counts: Vec<Evidence> = sums.iter().map(Evidence::once_per_person).collect();
    // Which counts, at most two from the one that is shown, give a whole sum.
    let fitting = |shown: i64, mean: f64| -> Vec<i64> {
        let whole = |count: &i64| (mean * *count as f64 - (mean * *count as f64).round()).abs() < 0.001;
        (shown - 2..=shown + 2).filter(whole).collect()
    };
    let exact = [(9, 11.25), (14, 7.9167), (19, 9.25)].map(|(shown, mean)| fitting(shown, mean));
    assert_eq!(exact, [[8], [12], [20]]);
    let groups = ["a", "b", "c"].into_iter().zip(counts.iter().cloned()).collect();
    let mean = statistic(
        "mean",
        StatisticKind::Mean,
        vec![(Scale::Integer, sums), (Scale::Integer, counts.clone())],
    );
    let tables = vec![table("group", groups, [count("n", counts), mean])];
    let checked = check_first(Unreleased::new(tables), &profile("opensafely"), Hold::ByRule).unwrap();
    let batch = checked.tables()[0].batch();
    let shown: &Int64Array = batch.column(1).as_any().downcast_ref().unwrap();
    let means: &Float64Array = batch.column(2).as_any().downcast_ref().unwrap();
    assert_eq!(shown.values(), &[10, 10, 20]);
    for row in 0..3 {
        assert_eq!(fitting(shown.value(row), means.value(row)).len(), 5, "{}", means.value(row));
    }
}

/// Kaigo-DB, the ways in which its open data are rounded: row 1302 | 2 | 305 | 995, column 39 | 11 | 2 | 26.
#[test]
fn rounding_of_totals_bounds_the_blank_between_them() {
    let bounds = |rounded: &dyn Fn(f64) -> (f64, f64), parts: &dyn Fn(f64) -> (f64, f64)| {
        // The blank, the parts of its row, the parts of its column, the two totals.
        let mut attack = Attack::on(5);
        let others = [305.0, 995.0, 11.0, 26.0];
        attack.unknown = std::iter::once((1.0, f64::INFINITY)).chain(others.map(parts)).collect();
        attack
            .knowing_about(&[0, 1, 2], rounded(1302.0))
            .knowing_about(&[0, 3, 4], rounded(39.0))
            .bounds(&[(0, 1.0)])
    };
    let up = |value: f64| ((value / 10.0).ceil() * 10.0 - 9.0, (value / 10.0).ceil() * 10.0);
    let nearest = |value: f64| ((value / 10.0).round() * 10.0 - 5.0, (value / 10.0).round() * 10.0 + 4.0);
    assert_eq!(bounds(&up, &up), (1.0, 8.0));
    assert_eq!(bounds(&nearest, &nearest), (1.0, 4.0));
    assert_eq!(bounds(&up, &|value| (value, value)), (1.0, 3.0));
}

/// GaussSuppression, `tests/testthat/test-DominanceRule.R`, without weights.
#[test]
fn dominance_is_found_in_the_cells_in_which_it_is_known_to_be() {
    let cells: [&[i128]; 7] =
        [&[100], &[90, 10], &[80, 20], &[70, 30], &[80, 10, 10], &[70, 10, 10, 10], &[60, 20, 10, 10]];
    let rule = |largest, permille| Dominance { largest, comparator: Comparator::MoreThan, permille };
    let dominated = |first: Dominance, second: Option<Dominance>| {
        let profile = Profile { dominance: first, second_dominance: second, p_permille: 0, ..japan() };
        let sum = |amounts: &&[i128]| evidence((0..).zip(amounts.iter().copied()));
        cells.each_ref().map(|amounts| judge_sum(&sum(amounts), &profile).contains(&Reason::Dominance))
    };
    assert_eq!(dominated(rule(2, 900), None), [true, true, true, true, false, false, false]);
    assert_eq!(dominated(rule(1, 700), None), [true, true, true, false, true, false, false]);
    let both = dominated(rule(1, 700), Some(rule(2, 900)));
    assert_eq!(both, [true, true, true, true, true, false, false]);
}

/// ehrQL, `test_disclosure_control.py`: 6 and 7 become 0, 8 becomes 10; a blank says less than its zero.
#[test]
fn counts_are_rounded_as_open_safely_rounds_them() {
    let groups: Vec<_> = ["a", "b", "c"].into_iter().zip(cells(&[6, 7, 8])).collect();
    let rows = groups.iter().map(|(_, group)| group.clone()).collect();
    let tables = vec![table("group", groups, [count("n", rows)])];
    let checked = check_first(Unreleased::new(tables), &profile("opensafely"), Hold::ByRule).unwrap();
    let shown: &Int64Array = checked.tables()[0].batch().column(1).as_any().downcast_ref().unwrap();
    assert_eq!(shown.values(), &[10]);
    let midpoint = Profile { rounding: Rounding::MidpointSix, ..profile("opensafely") };
    let rounder = Rounder::of(&midpoint).unwrap().unwrap();
    let rounded = |count: u64| rounder.count(count, &people(0..1)).unwrap();
    assert_eq!(rounded(0), 0);
    for (counts, expected) in [(1..=6, 3), (7..=12, 9), (13..=18, 15)] {
        assert!(counts.clone().all(|count| rounded(count) == expected), "{counts:?}");
    }
}

/// ACRO 1.0.2: where labels are integers and there are margins, it releases the small cell.
#[test]
fn integers_as_labels_beside_a_total_hide_the_small_cell() {
    let cells = cells(&[40, 25, 4]);
    let mut by_label = table(
        "label",
        vec![("1", cells[0].clone()), ("2", cells[1].clone()), ("3", cells[2].clone())],
        [count("n", cells.clone())],
    );
    by_label.keys[0].values = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let all = together(&cells, &[0, 1, 2]);
    let tables = vec![by_label, ungrouped(all.clone(), vec![count("n", vec![all])])];
    let checked = check_first(Unreleased::new(tables), &profile("uk-sdc"), Hold::ByRule).unwrap();
    let blank: BTreeSet<(usize, usize)> =
        checked.findings().iter().map(|finding| (finding.table, finding.row)).collect();
    assert_eq!(blank, [(0, 1), (0, 2)].into());
}

/// ACRO 1.0.2: a maximum of ten records passes, which is one person's value.
#[test]
fn a_maximum_is_not_shown_for_being_one_of_ten() {
    let records: Vec<(u32, i128)> = (0..10).map(|person| (person, 50 + i128::from(person))).collect();
    let maximum = |extremes| {
        let mut tally = ValueTally::new();
        records.iter().for_each(|(person, value)| tally.add(*person, *value));
        let ten = people(0..10);
        let kind = StatisticKind::Extreme { largest: true, step: None };
        let mut most = statistic("most", kind, vec![(Scale::Integer, vec![ten.clone()])]);
        most.values = Some(ValueColumn { scale: Scale::Integer, rows: vec![tally.freeze()], own: None });
        let profile = Profile { extremes, ..profile("uk-sdc") };
        let tables = vec![ungrouped(ten, vec![most])];
        let checked = check_first(Unreleased::new(tables), &profile, Hold::ByRule).unwrap();
        let shown =
            checked.tables()[0].batch().column(0).as_any().downcast_ref::<Int64Array>().unwrap().clone();
        shown.is_valid(0).then(|| shown.value(0))
    };
    assert_eq!(maximum(Extremes::Off), None);
    // Where a profile allows them, it is the tenth person from the end, or nothing.
    assert!(maximum(Extremes::Kth).is_none_or(|shown| shown < 59));
}
