//! The attacks by sums that are nearly proportional, in small, and what is left of honest ones.

use super::*;
use crate::testing::{evidence, japan};

/// A bill in points, spread as bills are: mostly small, some large.
fn points(person: u32) -> i128 {
    let drawn = i128::from(person.wrapping_mul(2_654_435_769) >> 16);
    700 + drawn % 4_000 + if drawn % 17 == 0 { drawn } else { 0 }
}

fn year(person: u32) -> i128 {
    1930 + i128::from(person.wrapping_mul(40_503) % 71)
}

/// Multiples of 2⁻⁶⁰, as doubles are summed.
fn binary(value: f64) -> i128 {
    (value * (1_u64 << 60) as f64).round() as i128
}

fn sum(people: impl IntoIterator<Item = u32>, amount: impl Fn(u32) -> i128) -> Evidence {
    evidence(people.into_iter().map(|person| (person, amount(person))))
}

const NONE: [u32; 0] = [];

/// Which of some sums are withheld.
fn withheld(sums: &[Evidence], standing: u32) -> Vec<u32> {
    let shown: Vec<(u32, &Evidence)> = (0..).zip(sums).collect();
    let algebra = Algebra::new(sums.iter(), 1 << 26);
    without_concentrated(&shown, standing, &japan(), &algebra).ok().unwrap().into_iter().collect()
}

fn all_but(person: u32) -> impl Iterator<Item = u32> {
    (0..3000).filter(move |other| *other != person)
}

#[test]
fn a_rounded_multiple_over_all_but_one_is_withheld() {
    let all = sum(0..3000, points);
    let attacks: [(&str, &dyn Fn(u32) -> i128); 7] = [
        ("points * 0.1", &|person| binary(points(person) as f64 * 0.1)),
        ("CAST(points AS REAL) / 3", &|person| binary(f64::from(points(person) as f32 / 3.0))),
        ("points * 1.0000000000001", &|person| binary(points(person) as f64 * 1.000_000_000_000_1)),
        ("CAST(points AS DECIMAL(12, 2)) / 3", &|person| points(person) * 1_000_000 / 3),
        ("CAST(points * 0.1 AS DECIMAL(12, 0))", &|person| (points(person) + 5) / 10),
        ("points / 2", &|person| points(person) / 2),
        ("points", &|person| points(person)),
    ];
    for (text, amount) in attacks {
        // Nobody whose bill is small beside what the others leave: that is no answer.
        for person in [17, 42, 1500].map(|from| (from..3000).find(|at| points(*at) > 15_000).unwrap()) {
            let but_one = sum(all_but(person), amount);
            let exact = text == "points";
            assert_eq!(
                withheld(&[all.clone(), but_one.clone()], 0),
                if exact { vec![] } else { vec![1] },
                "{text}"
            );
            assert_eq!(withheld(&[but_one, all.clone()], 1), if exact { vec![] } else { vec![1] }, "{text}");
        }
        // Everybody, or everybody but fifty.
        assert_eq!(withheld(&[all.clone(), sum(0..3000, amount)], 0), NONE, "{text}");
        assert_eq!(withheld(&[all.clone(), sum(50..3000, amount)], 0), NONE, "{text}");
    }
}

#[test]
fn a_single_person_stands_out_of_halved_years() {
    let group =
        |less: &[u32]| sum((0..64).filter(|person| !less.contains(person)), |person| year(person) / 2);
    let years = sum(0..64, year);
    assert_eq!(withheld(&[years.clone(), group(&[])], 0), NONE);
    assert_eq!(withheld(&[years.clone(), group(&[7])], 0), [1]);
    assert_eq!(withheld(&[years.clone(), group(&[7, 9, 11])], 0), [1]);
    let ten: Vec<u32> = (20..30).collect();
    assert_eq!(withheld(&[years.clone(), group(&ten[1..])], 0), [1]);
    assert_eq!(withheld(&[years, group(&ten)], 0), NONE);
}

#[test]
fn a_count_over_all_but_one_is_no_mean() {
    let years = sum(0..64, year);
    let count = |people: std::ops::Range<u32>| sum(people, |_| 1);
    assert_eq!(withheld(&[years.clone(), count(0..64)], 0), NONE);
    assert_eq!(withheld(&[years.clone(), count(1..64)], 0), [1]);
    assert_eq!(withheld(&[years, count(12..64)], 0), NONE);
}

#[test]
fn parts_that_are_nearly_proportional_leave_one_persons_bill() {
    let person = (0..).find(|person| points(*person) > 15_000).unwrap();
    let third = |person: u32| binary(points(person) as f64 / 3.0);
    let by_five = |less: Option<u32>| {
        (0..5).map(move |group| sum((0..3000).filter(|at| at % 5 == group && Some(*at) != less), third))
    };
    let sums = |less: Option<u32>| -> Vec<Evidence> {
        [sum(0..3000, points)].into_iter().chain(by_five(less)).collect()
    };
    assert_eq!(withheld(&sums(None), 0), NONE);
    assert_eq!(withheld(&sums(Some(person)), 0), [5]);
    // The total as the last one, which is then withheld; another table between them changes nothing.
    let mut last = sums(Some(person));
    last.rotate_left(1);
    last.insert(0, sum((0..3000).filter(|at| at % 3 == 0), third));
    assert_eq!(withheld(&last, 6), [6]);
    // The total is the one without her.
    let without: Vec<Evidence> = [sum(all_but(person), points)].into_iter().chain(by_five(None)).collect();
    assert_eq!(withheld(&without, 0), [5]);
}

#[test]
fn the_rows_of_two_tables_leave_what_their_totals_would() {
    let person = (0..).find(|person| points(*person) > 15_000).unwrap();
    let half = |person: u32| points(person) / 2;
    let tables = |less: Option<u32>| -> Vec<Evidence> {
        let by_two = (0..2).map(|group| sum((0..3000).filter(|at| at % 2 == group), points));
        let by_five =
            (0..5).map(|group| sum((0..3000).filter(|at| at / 2 % 5 == group && Some(*at) != less), half));
        by_two.chain(by_five).collect()
    };
    assert_eq!(withheld(&tables(None), 0), NONE);
    assert_eq!(withheld(&tables(Some(person)), 0), [6]);
    assert_eq!(withheld(&tables(Some(person)), 2), [6]);
}

#[test]
fn sums_that_do_not_explain_each_other_are_left_alone() {
    let weight = |person: u32| 50 + i128::from(person.wrapping_mul(7_919) % 41);
    // One of twelve has a laboratory value far above the others.
    let value = |person: u32| if person == 3 { 1_390 } else { 520 + i128::from(person * 13 % 90) };
    let sums = [
        sum(0..12, value),
        sum(0..12, |_| 1),
        sum(0..12, year),
        sum(0..12, weight),
        sum(0..12, points),
        sum(0..12, |person| 1 + i128::from(person % 4)),
        sum(0..40, value),
        sum(0..40, |_| 1),
        sum(0..400, points),
        sum((0..400).filter(|person| person % 2 == 0), points),
        sum((0..400).filter(|person| person % 2 == 1), points),
        sum(0..400, |person| points(person) * 7 / 10),
    ];
    assert_eq!(withheld(&sums, 0), NONE);
}

#[test]
fn a_weight_that_is_nearly_the_same_for_all_hides_no_large_bill() {
    let bill = |person: u32| if person == 42 { 10_000_000 } else { points(person) };
    let weighted = sum(0..3000, |person| bill(person) * year(person));
    assert_eq!(withheld(&[weighted.clone(), sum(all_but(42), bill)], 0), [1]);
    let weighted = sum(0..3000, |person| points(person) * year(person));
    assert_eq!(withheld(&[weighted, sum(0..3000, points)], 0), NONE);
}
