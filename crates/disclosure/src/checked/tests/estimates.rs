//! Models and tables of several columns: what they say, and what a hostile one may not.

use super::*;
use crate::{Estimator, Method};

/// A person and their columns.
type Row = (u32, Vec<i128>);

fn column(rows: &[Row], method: Method) -> StatisticColumn {
    let columns = rows.first().map_or(2, |(_, row)| row.len());
    let estimator = Estimator { method, columns: u8::try_from(columns).unwrap() };
    let of = |factors: &[usize]| {
        let product = |row: &[i128]| factors.iter().map(|factor| row[*factor]).product();
        vec![evidence(rows.iter().map(|(subject, row)| (*subject, product(row))))]
    };
    let sums = estimator.sums().into_iter().map(|factors| (Scale::Integer, of(&factors)));
    let parts = [(Scale::Integer, of(&[]))].into_iter().chain(sums).collect();
    statistic("m", StatisticKind::Estimate(estimator), parts)
}

fn of_rows(rows: &[Row], method: Method) -> CellTable {
    ungrouped(people(rows.iter().map(|(subject, _)| *subject)), vec![column(rows, method)])
}

fn shown(rows: &[Row], method: Method) -> String {
    text(&checked(vec![of_rows(rows, method)]).tables()[0]).join("|")
}

fn reasons(rows: &[Row], method: Method) -> BTreeSet<Reason> {
    let checked = checked(vec![of_rows(rows, method)]);
    checked.findings().iter().flat_map(|finding| finding.reasons.clone()).collect()
}

/// An outcome, two covariates and a group of so many people.
fn rows(people: u32, row: impl Fn(i128) -> Vec<i128>) -> Vec<Row> {
    (0..people).map(|person| (person, row(i128::from(person)))).collect()
}

fn ordinary(i: i128) -> Vec<i128> {
    vec![i * i * i % 17 + i % 5, 40 + i * 7 % 41, i * 5 % 3 % 2]
}

/// The number behind the first `name` in a text.
fn number(text: &str, name: &str) -> f64 {
    let rest = text.split(&format!("{name}: ")).nth(1).unwrap_or_else(|| panic!("{name} in {text}"));
    rest.split([',', '}']).next().unwrap().parse().unwrap()
}

#[test]
fn a_linear_model_of_one_covariate_is_the_regression_of_sql() {
    let pairs = rows(80, |i| ordinary(i)[..2].to_vec());
    let said = shown(&pairs, Method::Linear);
    assert_eq!((number(&said, "n"), number(&said, "dof")), (80.0, 78.0));
    let of = |part: &dyn Fn(&[i128]) -> i128| pairs.iter().map(|(_, row)| part(row)).sum::<i128>() as f64;
    let (n, x, y) = (80.0, of(&|row| row[1]), of(&|row| row[0]));
    let slope = (n * of(&|row| row[0] * row[1]) - x * y) / (n * of(&|row| row[1] * row[1]) - x * x);
    let terms: Vec<&str> = said.split("{term: ").skip(1).collect();
    assert!((number(terms[0], "estimate") - (y - slope * x) / n).abs() < 1e-9, "{said}");
    assert!((number(terms[1], "estimate") - slope).abs() < 1e-12, "{said}");
}

#[test]
fn a_table_of_four_numbers_says_their_ratio() {
    let of = |i: i128| vec![i128::from(i % 10 < 3), i128::from(i % 4 < 2)];
    let table = rows(400, of);
    let of = |event: i128, exposed: i128| {
        table.iter().filter(|(_, row)| row[..] == [event, exposed]).count() as f64
    };
    let (a, b, c, d) = (of(1, 1), of(1, 0), of(0, 1), of(0, 0));
    let ratio = number(&shown(&table, Method::RiskRatio), "estimate");
    assert!((ratio - (a / (a + c)) / (b / (b + d))).abs() < 1e-12);
    let odds = number(&shown(&table, Method::OddsRatio), "estimate");
    assert!((odds - a * d / (b * c)).abs() < 1e-12);
    assert_eq!(number(&shown(&table, Method::ChiSquare), "dof"), 1.0);
    // What is neither 0 nor 1 is no truth value.
    let twos = rows(400, |i| vec![2 * i128::from(i % 10 < 3), i128::from(i % 4 < 2)]);
    assert_eq!(reasons(&twos, Method::RiskRatio), [Reason::Spread].into());
}

#[test]
fn each_of_the_four_numbers_needs_the_minimum() {
    // So many exposed people with the event, and so many of the others without it.
    let table = |events: i128, spared: i128| {
        rows(200, |i| vec![i128::from(i < events || (100..200 - spared).contains(&i)), i128::from(i < 100)])
    };
    for method in [Method::ChiSquare, Method::OddsRatio, Method::RiskRatio] {
        assert_ne!(shown(&table(10, 10), method), "*", "{method:?}");
        assert_eq!(shown(&table(9, 40), method), "*", "{method:?}");
        assert_eq!(shown(&table(40, 9), method), "*", "{method:?}");
        assert_eq!(shown(&table(91, 40), method), "*", "{method:?}");
    }
}

#[test]
fn a_covariate_of_one_person_is_not_fitted() {
    for method in [Method::Linear, Method::Poisson] {
        let alone = rows(80, |i| vec![ordinary(i)[0], ordinary(i)[1], i128::from(i == 7)]);
        assert!(reasons(&alone, method).contains(&Reason::Contributors), "{method:?}");
        let all_but_one = rows(80, |i| vec![ordinary(i)[0], ordinary(i)[1], i128::from(i != 7)]);
        assert_eq!(shown(&all_but_one, method), "*", "{method:?}");
        assert_eq!(reasons(&rows(240, ordinary), method), BTreeSet::new(), "{method:?}");
    }
}

#[test]
fn two_covariates_that_differ_for_one_person_are_that_persons_outcome() {
    let nearly = rows(120, |i| {
        let [y, x, _] = ordinary(i)[..] else { return vec![] };
        vec![y, 1000 * x, 1000 * x + 300 * i128::from(i == 7) + i % 2]
    });
    // Each covariate by itself is ordinary.
    for kept in [1, 2] {
        let single: Vec<Row> =
            nearly.iter().map(|(person, row)| (*person, vec![row[0], row[kept]])).collect();
        assert_ne!(shown(&single, Method::Linear), "*");
    }
    assert!(reasons(&nearly, Method::Linear).contains(&Reason::Leverage));
    assert!(reasons(&nearly, Method::Poisson).contains(&Reason::Leverage));
    let events: Vec<Row> = nearly
        .iter()
        .map(|(person, row)| {
            (*person, [vec![1 + row[0], i128::from(row[0] % 3 > 0)], row[1..].to_vec()].concat())
        })
        .collect();
    assert!(reasons(&events, Method::Cox).contains(&Reason::Leverage));
}

#[test]
fn the_same_covariate_twice_is_blank_and_so_is_a_separated_outcome() {
    let twice = rows(80, |i| vec![ordinary(i)[0], ordinary(i)[1], 2 * ordinary(i)[1] + 3]);
    assert!(reasons(&twice, Method::Linear).contains(&Reason::Spread));
    let separated = rows(80, |i| vec![i128::from(i >= 40), i]);
    assert!(reasons(&separated, Method::Logistic).contains(&Reason::Spread));
    // Whatever the reason, it looks the same.
    assert_eq!(shown(&twice, Method::Linear), "*");
    assert_eq!(shown(&separated, Method::Logistic), "*");
}

#[test]
fn a_saturated_model_is_blank() {
    let lacks = |people: u32, method, row: fn(i128) -> Vec<i128>| {
        reasons(&rows(people, row), method).contains(&Reason::DegreesOfFreedom)
    };
    // Three coefficients.
    assert_eq!([12, 13].map(|people| lacks(people, Method::Linear, ordinary)), [true, false]);
    // Of eighty people a few have the event.
    let few = |events: i128| {
        let of =
            move |i: i128| vec![i128::from(i % 6 == 1 && i < 6 * events), ordinary(i)[1], ordinary(i)[2]];
        reasons(&rows(120, of), Method::Logistic).contains(&Reason::DegreesOfFreedom)
    };
    assert_eq!([12, 13].map(few), [true, false]);
}

#[test]
fn models_whose_people_differ_by_one_do_not_both_leave() {
    for method in [Method::Linear, Method::Poisson] {
        let (all, but_one) = (rows(120, ordinary), rows(119, ordinary));
        let both = checked(vec![of_rows(&all, method), of_rows(&but_one, method)]);
        let shown: Vec<String> = both.tables().iter().flat_map(text).collect();
        assert_eq!(shown.iter().filter(|value| *value == "*").count(), 1, "{shown:?}");
        // Nor one of them after the other.
        let first =
            check_first(Unreleased::new(vec![of_rows(&all, method)]), &japan(), Hold::ByRule).unwrap();
        let mut ledger = Ledger::new();
        ledger.take(first.page());
        let second = check(Unreleased::new(vec![of_rows(&but_one, method)]), &ledger, &japan(), Hold::ByRule);
        assert_eq!(text(&second.unwrap().tables()[0]), ["*"], "{method:?}");
    }
}

#[test]
fn a_model_and_the_mean_of_all_but_one_do_not_both_leave() {
    let all = rows(120, ordinary);
    let n = count("n", vec![people(0..119)]);
    let both = checked(vec![of_rows(&all, Method::Linear), ungrouped(people(0..119), vec![n])]);
    let shown: Vec<String> = both.tables().iter().flat_map(text).collect();
    assert_eq!(shown.iter().filter(|value| *value == "*").count(), 1, "{shown:?}");
}

#[test]
fn models_over_rows_take_one_of_each_person() {
    let mut twice = rows(80, |i| vec![i128::from(i % 3 == 0), ordinary(i)[1]]);
    twice.push((5, vec![1, 3]));
    let table = || vec![of_rows(&twice, Method::Logistic)];
    let error = check_first(Unreleased::new(table()), &japan(), Hold::ByRule).unwrap_err();
    assert!(matches!(error, Error::Malformed(_)));
    // From sums, any records are.
    assert_ne!(shown(&twice, Method::Linear), "*");
}

#[test]
fn nobody_has_no_model() {
    for method in [Method::Linear, Method::Logistic, Method::RiskRatio, Method::Rate] {
        assert_eq!(shown(&[], method), "-", "{method:?}");
    }
}

#[test]
fn curves_are_compared_and_hazards_are_proportional() {
    let of = |i: i128| vec![1 + i * 37 % 97, i128::from(i * 3 % 5 != 0), i128::from(i % 2 == 0)];
    let said = shown(&rows(150, of), Method::LogRank);
    assert!((0.0..=1.0).contains(&number(&said, "p_value")), "{said}");
    let said = shown(&rows(150, of), Method::Cox);
    assert_eq!((number(&said, "n"), number(&said, "events"), number(&said, "dof")), (150.0, 120.0, 149.0));
    assert_eq!(number(&said, "term"), 1.0);
}

#[test]
fn where_a_profile_rounds_a_model_says_no_numbers_of_people() {
    let rounds = Profiles::built_in().unwrap().get("opensafely").unwrap().clone();
    let made = rows(300, ordinary);
    let checked = check_first(Unreleased::new(vec![of_rows(&made, Method::Linear)]), &rounds, Hold::ByRule);
    let said = text(&checked.unwrap().tables()[0]).join("|");
    assert!(said.starts_with("{n: , events: , dof: , terms: [{term: 0, estimate: "), "{said}");
}

#[test]
fn the_order_of_people_decides_no_bit_of_a_model() {
    let made = rows(120, |i| vec![i128::from(i % 3 == 0), ordinary(i)[1], ordinary(i)[2]]);
    let renamed: Vec<Row> =
        made.iter().map(|(person, row)| ((person * 37 + 11) % 120, row.clone())).collect();
    assert_eq!(shown(&made, Method::Logistic), shown(&renamed, Method::Logistic));
}

/// A time and whether it ended with the event, of three years and a hundred and fifty people.
fn followed(i: i128) -> Vec<i128> {
    vec![1 + i * 37 % 997, i128::from(i * 3 % 5 != 0)]
}

#[test]
fn a_curve_has_steps_of_people_enough() {
    assert_eq!(reasons(&rows(400, followed), Method::KaplanMeier { width: 90 }), BTreeSet::new());
    let said = shown(&rows(400, followed), Method::KaplanMeier { width: 90 });
    let steps: Vec<&str> = said.split("{time: ").skip(1).collect();
    assert!(steps.len() > 3, "{said}");
    let (mut there, mut share) = (400.0, 1.0);
    for step in steps {
        let (events, left) = (number(step, "events"), number(step, "left"));
        assert_eq!(number(step, "at_risk"), there);
        assert!(events >= 10.0 && (left == 0.0 || left >= 10.0), "{step}");
        share *= 1.0 - events / there;
        assert!((number(step, "survival") - share).abs() < 1e-12, "{step}");
        there -= events + left;
    }
    assert!(there == 0.0 || there >= 10.0);
    // Before the beginning is a time as any other: whether somebody has one must not show.
    let early = rows(100, |i| vec![i - 1, 1]);
    assert_ne!(shown(&early, Method::KaplanMeier { width: 30 }), "*");
    // Too few have the event for any step, an event is none.
    let few = rows(100, |i| vec![1 + i, i128::from(i < 9)]);
    let twice = rows(100, |i| vec![1 + i, 2]);
    for hidden in [few, twice] {
        assert_eq!(shown(&hidden, Method::KaplanMeier { width: 30 }), "*");
    }
}

#[test]
fn curves_of_nearly_the_same_people_or_intervals_do_not_both_leave() {
    let method = Method::KaplanMeier { width: 100 };
    let other = Method::KaplanMeier { width: 101 };
    let (all, but_one) = (rows(400, followed), rows(399, followed));
    for tables in [
        vec![of_rows(&all, method), of_rows(&but_one, method)],
        vec![of_rows(&all, method), of_rows(&all, other)],
    ] {
        let both = checked(tables);
        let shown: Vec<String> = both.tables().iter().flat_map(text).collect();
        assert!(shown.iter().any(|value| value == "*"), "{shown:?}");
    }
}

#[test]
fn what_a_model_of_few_kinds_tells_is_not_told_again_without_one_person() {
    let few = rows(840, |i| vec![i128::from(i % 9 < 4), i % 7]);
    let mut ledger = Ledger::new();
    let mut ask = |table: CellTable| {
        let checked = check(Unreleased::new(vec![table]), &ledger, &japan(), Hold::ByRule).unwrap();
        ledger.take(checked.page());
        text(&checked.tables()[0]).join("|")
    };
    assert_ne!(ask(of_rows(&few, Method::Logistic)), "*");
    let of_age = |but: u32| (0..840).filter(move |person| person % 7 == 3 && *person != but);
    let counted = |persons: Vec<u32>| {
        let all = people(persons.iter().copied());
        ungrouped(all.clone(), vec![statistic("n", StatisticKind::People, vec![(Scale::Integer, vec![all])])])
    };
    assert_eq!(ask(counted(of_age(10).collect())), "*");
    assert_eq!(ask(counted(of_age(841).collect())), "120");
}
