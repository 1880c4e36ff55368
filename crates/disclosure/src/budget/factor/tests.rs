//! Leverages against their definition: the diagonal of the projection on the span, by dense elimination.

use proptest::prelude::*;

use super::*;
use crate::testing::{evidence, people};

/// The leverage of each of `people` in the span of some rows, by modified Gram-Schmidt.
fn leverages(rows: &[Vec<i64>], people: usize) -> (Vec<f64>, usize) {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for row in rows {
        let mut left: Vec<f64> = row.iter().map(|value| *value as f64).collect();
        let whole: f64 = left.iter().map(|value| value * value).sum();
        for _ in 0..3 {
            for known in &basis {
                let product: f64 = left.iter().zip(known).map(|(a, b)| a * b).sum();
                left.iter_mut().zip(known).for_each(|(a, b)| *a -= product * b);
            }
        }
        let size: f64 = left.iter().map(|value| value * value).sum();
        if size > 1e-9 * whole {
            basis.push(left.iter().map(|value| value / size.sqrt()).collect());
        }
    }
    let of = |person: usize| basis.iter().map(|known| known[person] * known[person]).sum();
    ((0..people).map(of).collect(), basis.len())
}

fn row(values: &[i64]) -> Evidence {
    let counted = (0_u32..).zip(values).filter(|(_, value)| **value != 0);
    evidence(counted.map(|(subject, value)| (subject, i128::from(*value))))
}

fn factor(rows: &[Vec<i64>]) -> Factor {
    let mut factor = Factor::new();
    for values in rows {
        let (row, cost) = (row(values), factor.cost(&row(values)));
        if !cost.is_nothing() {
            factor.add(&row, &cost);
        }
    }
    factor
}

fn of_person(factor: &Factor, person: u32) -> f64 {
    factor.atoms[factor.atom(person)].leverage
}

const PEOPLE: usize = 24;

fn rows() -> impl Strategy<Value = Vec<Vec<i64>>> {
    prop::collection::vec(prop::collection::vec(prop_oneof![3 => 0_i64..2, 1 => -2_i64..4], PEOPLE), 0..14)
}

proptest! {
    #[test]
    fn leverages_are_those_of_the_span(rows in rows()) {
        let factor = factor(&rows);
        let (expected, rank) = leverages(&rows, PEOPLE);
        prop_assert_eq!(factor.rank(), rank);
        for (person, expected) in (0_u32..).zip(expected) {
            let found = of_person(&factor, person);
            prop_assert!((found - expected).abs() < 1e-6, "{person}: {found} {expected}");
        }
    }

    #[test]
    fn what_is_forgotten_changes_nothing(first in rows(), second in rows(), third in rows()) {
        let mut forgetful = factor(&first);
        let mark = forgetful.mark();
        for values in &second {
            let cost = forgetful.cost(&row(values));
            if !cost.is_nothing() {
                forgetful.add(&row(values), &cost);
            }
        }
        forgetful.back_to(&mark);
        let mut direct = factor(&first);
        for values in &third {
            for factor in [&mut forgetful, &mut direct] {
                let cost = factor.cost(&row(values));
                if !cost.is_nothing() {
                    factor.add(&row(values), &cost);
                }
            }
        }
        prop_assert_eq!(forgetful.rank(), direct.rank());
        for person in 0..24 {
            prop_assert!((of_person(&forgetful, person) - of_person(&direct, person)).abs() < 1e-6);
        }
    }
}

#[test]
fn one_answer_over_ten_people_is_at_the_limit_and_over_nine_above() {
    let factor = Factor::new();
    assert_eq!(factor.verdict(&factor.cost(&people(0..10)), 0.1), Verdict::New);
    assert_eq!(factor.verdict(&factor.cost(&people(0..9)), 0.1), Verdict::TooClose);
}

#[test]
fn what_follows_from_others_is_free() {
    let mut factor = Factor::new();
    for group in [people(0..10), people(10..20)] {
        let cost = factor.cost(&group);
        factor.add(&group, &cost);
    }
    assert_eq!(factor.verdict(&factor.cost(&people(0..20)), 0.1), Verdict::Known);
    // Eleven of them tell one of the other ten.
    assert_eq!(factor.verdict(&factor.cost(&people(0..11)), 0.1), Verdict::TooClose);
    assert!((factor.largest() - 0.1).abs() < 1e-9);
}

#[test]
fn few_people_less_than_millions_are_still_seen() {
    let mut factor = Factor::new();
    let all = people(0..400_000);
    let cost = factor.cost(&all);
    factor.add(&all, &cost);
    assert_eq!(factor.verdict(&factor.cost(&people(3..400_000)), 0.1), Verdict::TooClose);
    assert_eq!(factor.verdict(&factor.cost(&people(30..400_000)), 0.1), Verdict::New);
}
