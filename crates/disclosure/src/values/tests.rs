//! What is computed from single values, and that their order decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Values of some people; now and then one that needs more than 64 bits.
fn records() -> impl Strategy<Value = Vec<(u32, i128)>> {
    let value = prop_oneof![20 => -5_i128..6, 1 => Just(1_i128 << 90)];
    prop::collection::vec((0_u32..9, value), 0..60)
}

fn tally(mut tally: ValueTally, records: &[(u32, i128)]) -> ValueTally {
    records.iter().for_each(|(subject, value)| tally.add(*subject, *value));
    tally
}

/// All that can be asked of values.
fn answers(values: &Values) -> impl PartialEq + fmt::Debug + use<> {
    let sides: Vec<_> = (-6..7)
        .map(|limit| (values.people_within(..=limit, u64::MAX), values.people_within(limit.., 3)))
        .collect();
    let ranks: Vec<_> = (0..61).map(|place| values.neighbours(place)).collect();
    let people: Vec<_> = values.people().collect();
    let own = [values.of_each_person(i128::max), values.of_each_person(i128::min)];
    (sides, ranks, people, own, values.people_by_value())
}

proptest! {
    #[test]
    fn the_order_of_values_and_merges_decides_nothing(records in records(), cut in 0_usize..60, once: bool) {
        let empty = || if once { ValueTally::of_distinct() } else { ValueTally::new() };
        let expected = answers(&tally(empty(), &records).freeze());
        let mut sorted = records.clone();
        sorted.sort_unstable();
        prop_assert!(answers(&tally(empty(), &sorted).freeze()) == expected);
        for records in [records, sorted] {
            let (left, right) = records.split_at(cut.min(records.len()));
            let (mut backwards, mut onwards) = (tally(empty(), right), tally(empty(), left));
            backwards.merge(&onwards);
            onwards.merge(&tally(empty(), right));
            prop_assert!(answers(&backwards.freeze()) == expected);
            prop_assert!(answers(&onwards.freeze()) == expected);
        }
    }

    #[test]
    fn answers_are_those_of_sorted_values_and_sets_of_people(records in records(), place in 0_usize..60) {
        let values = tally(ValueTally::new(), &records).freeze();
        let mut sorted: Vec<i128> = records.iter().map(|(_, value)| *value).collect();
        sorted.sort_unstable();
        let next = sorted.get(place + 1).or(sorted.get(place));
        prop_assert_eq!(values.neighbours(place), sorted.get(place).copied().zip(next.copied()));
        let people = |holds: &dyn Fn(i128) -> bool| {
            let those = records.iter().filter(|(_, value)| holds(*value)).map(|(subject, _)| *subject);
            those.collect::<BTreeSet<u32>>().len() as u64
        };
        prop_assert_eq!(values.people_within(..=2, u64::MAX), people(&|value| value <= 2));
        prop_assert_eq!(values.people_within(2.., 3), people(&|value| value >= 2).min(3));
        let mut largest = BTreeMap::new();
        for (subject, value) in &records {
            let known = largest.entry(*subject).or_insert(*value);
            *known = (*known).max(*value);
        }
        prop_assert_eq!(values.of_each_person(i128::max), largest.into_values().collect::<Vec<_>>());
        let by_value: Vec<u64> = sorted.iter().collect::<BTreeSet<_>>().into_iter()
            .map(|known| people(&|value| value == *known)).collect();
        prop_assert_eq!(values.people_by_value(), by_value);
    }
}

#[test]
fn a_person_is_counted_once_for_each_value() {
    let records = [(1, 7), (1, 7), (2, 7), (2, 8), (2, 7)];
    // No closure takes a list that a constant makes: rustc 1.95 gives two calls the same one (rust-lang/rust#155241).
    let each = tally(ValueTally::new(), &records).freeze();
    let once = tally(ValueTally::of_distinct(), &records).freeze();
    let sizes = [&each, &once].map(|values| values.people().map(|(_, n)| n).collect::<Vec<_>>());
    assert_eq!(sizes, [[2, 3], [1, 2]]);
    assert_eq!([each, once].map(|values| values.people_by_value()), [[2, 1], [2, 1]]);
}

#[test]
fn a_value_without_an_exact_form_is_noted() {
    let mut values = ValueTally::new();
    values.add(1, 5);
    assert!(values.clone().freeze().are_exact());
    values.add_overflow(2);
    assert!(!values.clone().freeze().are_exact());
    let mut merged = ValueTally::new();
    merged.merge(&values);
    assert!(!merged.freeze().are_exact());
}

#[test]
fn debug_prints_no_value() {
    let values = tally(ValueTally::new(), &[(4711, 123_456)]);
    assert_eq!(format!("{values:?} {:?}", values.clone().freeze()), "ValueTally(..) Values(..)");
}
