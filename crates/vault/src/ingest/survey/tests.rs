//! What is found of a column, beside a computation that keeps everything.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::rare::Rare;
use super::spread::{Range, Spread};
use super::*;

/// The rows of a column: whose, and what.
type Rows = Vec<(u32, i128)>;

const PLENTY: usize = 1 << 16;

fn rare(rows: &Rows, most: usize) -> Rare {
    let mut rows = rows.clone();
    rows.sort_by_key(|(subject, _)| *subject);
    let mut rare = Rare::new(most);
    rows.iter().for_each(|(subject, value)| rare.see(*value, *subject));
    rare
}

fn spread(values: impl IntoIterator<Item = i128>, most: usize) -> Spread {
    let mut spread = Spread::new(most);
    values.into_iter().for_each(|value| spread.see(value));
    spread
}

fn doubles(values: impl IntoIterator<Item = f64>, most: usize) -> Spread {
    let mut spread = Spread::new(most);
    values.into_iter().for_each(|value| spread.see_double(value));
    spread
}

/// Whether more than half of the rows are rare, by definition.
fn naively_rare(rows: &Rows) -> bool {
    let mut people: BTreeMap<i128, BTreeSet<u32>> = BTreeMap::new();
    rows.iter().for_each(|(subject, value)| {
        people.entry(*value).or_default().insert(*subject);
    });
    let rare = rows.iter().filter(|(_, value)| people[value].len() < usize::from(SHARED_BY)).count();
    2 * rare > rows.len()
}

/// The 99th percentile less the 1st, by definition.
fn naive_range(values: &[i128]) -> u128 {
    let mut values = values.to_vec();
    values.sort_unstable();
    let rank = |percent: usize| (values.len() * percent).div_ceil(100) - 1;
    values[rank(99)].abs_diff(values[rank(1)])
}

/// The smallest of 1, 2, 5 × 10ⁿ units of which at most 100 are in the range.
fn naive_step(range: u128, scale: u8) -> Option<Step> {
    let mut steps = (0..20).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u128.pow(power)));
    let step = steps.find(|step| range <= 100 * step).unwrap();
    (range > 0).then(|| Step::decimal(step.try_into().unwrap(), scale).unwrap())
}

fn found(spread: &Spread, scale: u8) -> Option<Step> {
    step::of_decimals(spread.range()?, scale)
}

fn step_of(values: impl IntoIterator<Item = i128>, scale: u8) -> String {
    found(&spread(values, PLENTY), scale).map_or_else(|| "none".into(), |step| step.to_string())
}

/// Rows of up to 30 people: some values that most have, and some that nobody else has.
fn rows() -> impl Strategy<Value = Rows> {
    let value = prop_oneof![3 => (0..6_i64).prop_map(i128::from), 2 => any::<i64>().prop_map(|wide| (wide >> 20).into())];
    vec((0..30_u32, value), 1..400)
}

/// The same rows under other dense ids, and in another order.
fn rearranged(rows: &Rows, key: u32) -> Rows {
    let mut rows: Rows = rows.iter().map(|(subject, value)| ((subject * 7 + key) % 31, *value)).collect();
    rows.sort_by_key(|(subject, value)| (*subject, value.wrapping_mul(0x9E37_79B9)));
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_is_what_the_definition_says(rows in rows(), scale in 0_u8..6) {
        prop_assert_eq!(rare(&rows, PLENTY).are_most(), naively_rare(&rows));
        let values: Vec<i128> = rows.iter().map(|(_, value)| *value).collect();
        let range = naive_range(&values);
        let spread = spread(values, PLENTY);
        prop_assert_eq!(spread.range(), (range > 0).then_some(Range { count: range, width: 0 }));
        prop_assert_eq!(found(&spread, scale), naive_step(range, scale));
    }

    #[test]
    fn the_order_of_rows_and_the_numbers_of_people_decide_nothing(rows in rows(), key in 0..31_u32, most in 2..40_usize) {
        let other = rearranged(&rows, key);
        prop_assert_eq!(rare(&rows, most).are_most(), rare(&other, most).are_most());
        let ranges = [&rows, &other].map(|rows| spread(rows.iter().map(|(_, value)| *value), most).range());
        prop_assert_eq!(ranges[0], ranges[1]);
        let halves = [&rows, &other].map(|rows| {
            let values = rows.iter().map(|(_, value)| i32::try_from(*value % 1_000_000).unwrap());
            doubles(values.map(|value| f64::from(value) / 1024.0), most).range()
        });
        prop_assert_eq!(halves[0], halves[1]);
    }

    #[test]
    fn merged_classes_make_a_range_no_smaller_and_little_larger(rows in rows(), most in 2..40_usize) {
        let values: Vec<i128> = rows.iter().map(|(_, value)| *value).collect();
        let spread = spread(values.iter().copied(), most);
        prop_assert!(spread.held() <= most);
        if let Some(Range { count, width }) = spread.range() {
            let (width, range) = (1_u128 << width, naive_range(&values));
            prop_assert!(range <= count * width && count * width < range + 2 * width);
        }
    }

    #[test]
    fn a_double_has_the_step_of_the_decimal_that_it_is(values in vec(-(1_i64 << 40)..1 << 40, 1..200)) {
        // Eighths are decimals with three places, and doubles exactly.
        let eighths = values.iter().map(|value| i128::from(*value) * 125);
        let expected = spread(eighths, PLENTY).range().and_then(|range| {
            // Without the bound of the last place, to which a double is not held.
            step::of_decimals(Range { count: range.count * 10_u128.pow(6), width: 0 }, 9)
        });
        let seen = doubles(values.iter().map(|value| i128::from(*value)).map(|value| {
            f64::from(i32::try_from(value >> 20).unwrap()) * 131_072.0 + f64::from(i32::try_from(value & 0xF_FFFF).unwrap()) / 8.0
        }), PLENTY);
        prop_assert_eq!(seen.range().and_then(step::of_doubles), expected);
    }
}

/// `people` people with the value, one after the other from the first.
fn holders(value: i128, people: std::ops::Range<u32>) -> impl Iterator<Item = (u32, i128)> {
    people.map(move |subject| (subject, value))
}

#[test]
fn ten_people_share_a_value_and_nine_do_not() {
    assert!(rare(&holders(7, 0..9).collect(), PLENTY).are_most());
    assert!(!rare(&holders(7, 0..10).collect(), PLENTY).are_most());
    // Records are not people: nine have it a hundred times each.
    let often: Rows = (0..900).map(|row| (row / 100, 7)).collect();
    assert!(rare(&often, PLENTY).are_most());
}

#[test]
fn half_of_the_rows_are_not_most_of_them() {
    let common = holders(0, 0..50);
    let own = (0..50).map(|subject| (subject, i128::from(subject) + 1));
    let half: Rows = common.chain(own).collect();
    assert!(!rare(&half, PLENTY).are_most());
    let more: Rows = half.iter().copied().chain([(0, 99)]).collect();
    assert!(rare(&more, PLENTY).are_most());
    assert!(!rare(&Vec::new(), PLENTY).are_most(), "no rows");
}

#[test]
fn a_million_values_take_no_more_memory_than_a_few() {
    const MOST: usize = 4096;
    // A million rows of a value of one's own, beside fewer and beside more of one that many share.
    for (shared, isolating) in [([1, 1, 1, 1, 0], true), ([1, 1, 1, 1, 2], false)] {
        let (mut rare, mut whole, mut real) = (Rare::new(MOST), Spread::new(MOST), Spread::new(MOST));
        for (subject, shared) in (0..1_000_000_u32).zip(shared.into_iter().cycle()) {
            let own = i128::from(subject) * 1_000_003;
            for value in std::iter::once(own).chain(std::iter::repeat_n(5, shared)) {
                rare.see(value, subject);
                whole.see(value);
            }
            real.see_double(f64::from(subject) * 1.000_003);
        }
        for held in [rare.held(), whole.held(), real.held()] {
            assert!((MOST / 4..=MOST).contains(&held), "{held}");
        }
        assert_eq!(rare.are_most(), isolating);
        assert_eq!(found(&whole, 0).unwrap().to_string(), "10000000000");
        assert_eq!(step::of_doubles(real.range().unwrap()).unwrap().to_string(), "10000");
    }
}

#[test]
fn the_step_is_the_smallest_that_makes_a_hundred_classes() {
    let to = |last: i128| (0..=last).collect::<Vec<_>>();
    // Of a thousand values or more, the two percentiles leave some out at either end.
    assert_eq!(step_of([0, 100], 0), "1");
    assert_eq!(step_of([0, 101], 0), "2");
    assert_eq!(step_of([-100, 100], 0), "2");
    assert_eq!(step_of([0, 201], 0), "5");
    assert_eq!(step_of([0, 501], 0), "10");
    assert_eq!(step_of(to(10_000), 0), "100");
    assert_eq!(step_of(to(10_000), 2), "1");
    assert_eq!(step_of(to(10_000), 4), "0.01");
    assert_eq!(step_of([0, 3], 2), "0.01", "not finer than the last place");
    // A far value beyond the percentiles changes nothing.
    assert_eq!(step_of(to(10_000).into_iter().chain([i128::MAX]), 0), "100");
    // One value has no range, and neither has nothing.
    assert_eq!(step_of([7; 20], 0), "none");
    assert_eq!(step_of([], 0), "none");
    // The widest decimals.
    let most = 10_i128.pow(38) - 1;
    assert_eq!(step_of([-most, most], 0), format!("2{}", "0".repeat(36)));
    assert_eq!(step_of([-most, most], 38), "0.02");
}

#[test]
fn doubles_of_any_size_have_a_step_that_is_exact_or_none() {
    let step = |values: &[f64]| {
        let range = doubles(values.iter().copied(), PLENTY).range();
        range.and_then(step::of_doubles).map_or_else(|| "none".into(), |step| step.to_string())
    };
    assert_eq!(step(&[0.0, 1.0]), "0.01");
    assert_eq!(step(&[0.0, 1.01]), "0.02");
    assert_eq!(step(&[-0.0, 0.0]), "none");
    assert_eq!(step(&[1e-3, 0.3]), "0.005");
    assert_eq!(step(&[-1e6, 1e6]), "20000");
    assert_eq!(step(&[1e9, 1e9 + 50.0]), "0.5");
    assert_eq!(step(&[0.0, 1e-35]), format!("0.{}1", "0".repeat(36)));
    assert_eq!(step(&[0.0, 1e39]), format!("1{}", "0".repeat(37)));
    for beyond in [f64::MIN_POSITIVE, 5e-324, 1e-40, 1e45, f64::MAX] {
        assert_eq!(step(&[0.0, beyond]), "none", "{beyond}");
    }
    // Tiny values beside huge ones are nothing, whichever comes first.
    assert_eq!(step(&[5e-324, 1e10]), step(&[1e10, 5e-324]));
    assert_eq!(step(&[-1e-300, -1e10, 1e10]), "200000000");
}
