//! Quantiles, extremes and numbers of distinct values.

use super::*;
use crate::{Fraction, ValueColumn, ValueTally};
use sekisho_model::Step;

/// Records as person and value.
type Records = Vec<(u32, i128)>;

fn median(step: Option<Step>) -> StatisticKind {
    StatisticKind::Quantile { fraction: Fraction::HALF, step }
}

fn step(text: &str) -> Option<Step> {
    Some(Step::number(text).unwrap())
}

fn column(records: &[(u32, i128)], kind: StatisticKind, scale: Scale) -> StatisticColumn {
    let mut tally =
        if kind == StatisticKind::Distinct { ValueTally::of_distinct() } else { ValueTally::new() };
    records.iter().for_each(|(subject, value)| tally.add(*subject, *value));
    let n = evidence(records.iter().map(|(subject, _)| (*subject, 1)));
    StatisticColumn {
        chosen: false,
        values: Some(ValueColumn { scale, rows: vec![tally.freeze()], own: None }),
        ..statistic("x", kind, vec![(Scale::Integer, vec![n])])
    }
}

fn release_by(records: &[(u32, i128)], kind: StatisticKind, scale: Scale, profile: &Profile) -> Checked {
    let group = people(records.iter().map(|(subject, _)| *subject));
    let tables = vec![ungrouped(group, vec![column(records, kind, scale)])];
    check_first(Unreleased::new(tables), profile, Hold::ByRule).unwrap()
}

fn release(records: &[(u32, i128)], kind: StatisticKind) -> Checked {
    release_by(records, kind, Scale::Integer, &japan())
}

fn shown(checked: &Checked) -> Option<i128> {
    text(&checked.tables()[0]).first().and_then(|value| value.parse().ok())
}

fn kth() -> Profile {
    let mut profile = japan();
    profile.extremes = crate::Extremes::Kth;
    profile
}

fn many() -> impl Strategy<Value = Records> {
    prop::collection::vec((0_u32..40, -2_000_i128..2_000), 20..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_released_quantile_is_the_naive_one_on_the_grid(records in many(), billionths in 0_u32..=1_000_000_000) {
        let fraction = Fraction::of_billionths(billionths).unwrap();
        let kind = StatisticKind::Quantile { fraction, step: step("20") };
        let mut sorted: Vec<i128> = records.iter().map(|(_, value)| *value).collect();
        sorted.sort_unstable();
        let place = (sorted.len() - 1) as f64 * f64::from(billionths) / 1e9;
        let (lower, upper) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        let exact = lower as f64 + (upper - lower) as f64 * place.fract();
        if let Some(shown) = shown(&release(&records, kind)) {
            prop_assert_eq!(shown % 20, 0);
            prop_assert!((shown as f64 - exact).abs() <= 10.0 + 1e-6, "{shown} {exact}");
            // Ten different people on each side of it.
            for side in [|value: i128, shown: i128| value <= shown, |value, shown| value >= shown] {
                let people = records.iter().filter(|(_, value)| side(*value, shown)).map(|(subject, _)| *subject);
                prop_assert!(people.collect::<BTreeSet<u32>>().len() >= 10);
            }
        }
    }

    #[test]
    fn the_order_of_values_decides_nothing(records in many(), turn in 0_usize..120, which in 0_usize..3) {
        let kind = [median(None), StatisticKind::Extreme { largest: true, step: None }, StatisticKind::Distinct][which];
        let mut turned = records.clone();
        turned.rotate_left(turn % records.len());
        let result = |records: &Records| text(&release_by(records, kind, Scale::Decimal(1), &kth()).tables()[0]);
        prop_assert_eq!(result(&turned), result(&records));
    }

    #[test]
    fn one_person_moves_a_median_by_no_more_than_their_records(records in many(), value in -9_000_i128..9_000, times in 1_usize..40) {
        let planted = [records.clone(), vec![(99, value); times]].concat();
        if let Some(with) = shown(&release(&planted, median(step("1")))) {
            // They have at most half of the records, so that others decide how far it can go.
            prop_assert!(times <= records.len());
            let mut sorted: Vec<i128> = records.iter().map(|(_, value)| *value).collect();
            sorted.sort_unstable();
            let (first, last) = (sorted[0], sorted[sorted.len() - 1]);
            prop_assert!((first..=last).contains(&with), "{with} of {first} to {last}");
        }
    }

    #[test]
    fn a_released_extreme_is_reached_by_ten_people(records in many(), largest: bool) {
        let kind = StatisticKind::Extreme { largest, step: None };
        if let Some(tenth) = shown(&release_by(&records, kind, Scale::Integer, &kth())) {
            let beyond = |value: i128| if largest { value >= tenth } else { value <= tenth };
            let people = records.iter().filter(|(_, value)| beyond(*value)).map(|(subject, _)| *subject);
            prop_assert!(people.collect::<BTreeSet<u32>>().len() >= 10);
            // Whoever is alone at the end decides nothing.
            let further = [records.clone(), vec![(99, if largest { 1 << 40 } else { -(1 << 40) })]].concat();
            let others = records.iter().map(|(_, value)| *value);
            let end = if largest { others.max() } else { others.min() }.unwrap();
            let more = shown(&release_by(&further, kind, Scale::Integer, &kth()));
            let within = more.is_none_or(|more| if largest { more <= end } else { more >= end });
            prop_assert!(within);
        }
    }

    #[test]
    fn a_released_number_of_values_counts_only_common_ones(records in prop::collection::vec((0_u32..60, 0_i128..4), 30..200)) {
        let values: BTreeSet<i128> = records.iter().map(|(_, value)| *value).collect();
        let rarest = values.iter().map(|value| {
            let people = records.iter().filter(|(_, other)| other == value).map(|(subject, _)| *subject);
            people.collect::<BTreeSet<u32>>().len()
        }).min().unwrap();
        let shown = shown(&release(&records, StatisticKind::Distinct));
        prop_assert_eq!(shown, (rarest >= 10).then_some(values.len() as i128));
    }
}

#[test]
fn a_median_needs_ten_people_on_each_side() {
    let records = |people: u32| -> Records { (0..people).map(|s| (s, 100 + i128::from(s))).collect() };
    assert_eq!(text(&release(&records(19), median(None)).tables()[0]), ["*"]);
    assert_eq!(text(&release(&records(20), median(None)).tables()[0]), ["110"]);
    assert_eq!(text(&release(&records(20), median(step("1"))).tables()[0]), ["110"]);
    // The same records of half as many people.
    let twice: Records = records(20).into_iter().map(|(subject, value)| (subject / 2, value)).collect();
    assert_eq!(text(&release(&twice, median(None)).tables()[0]), ["*"]);
}

#[test]
fn rounding_may_not_leave_few_people_on_a_side() {
    // The exact median has ten people on either side; what a step of 50 makes of it has not.
    let records: Records = (0..20).map(|s| (s, if s < 10 { 130 } else { 140 })).collect();
    assert_eq!(text(&release(&records, median(step("5"))).tables()[0]), ["135"]);
    assert_eq!(text(&release(&records, median(step("50"))).tables()[0]), ["*"]);
}

#[test]
fn whoever_has_most_records_does_not_decide_the_median() {
    let records = |times: usize| -> Records {
        let others = (0..60).map(|s| (s, i128::from(s)));
        others.chain(vec![(77, 1_000); times]).collect()
    };
    let reasons =
        |times| release(&records(times), median(None)).findings().first().map(|f| f.reasons.clone());
    assert_eq!(reasons(30), None);
    assert_eq!(reasons(70), Some([Reason::Quantile].into()));
}

#[test]
fn far_quantiles_are_blank() {
    let records: Records = (0..500).map(|s| (s, i128::from(s))).collect();
    let quantile = |share: f64| {
        let kind = StatisticKind::Quantile { fraction: Fraction::nearest(share).unwrap(), step: step("1") };
        text(&release(&records, kind).tables()[0])
    };
    // 489 is one person's value.
    assert_eq!([quantile(0.98), quantile(0.02)], [["490"], ["10"]]);
    for share in [0.0, 0.019, 0.981, 0.999_999_9, 1.0] {
        assert_eq!(quantile(share), ["*"], "{share}");
    }
}

/// Which of some quantiles of a group of people are shown, and as what.
fn quantiles(records: &[(u32, i128)], shares: &[f64]) -> Vec<String> {
    let group = people(records.iter().map(|(subject, _)| *subject));
    let of = |share: &f64| {
        let fraction = Fraction::nearest(*share).unwrap();
        column(records, StatisticKind::Quantile { fraction, step: step("1") }, Scale::Integer)
    };
    let tables = vec![ungrouped(group, shares.iter().map(of).collect())];
    let checked = check_first(Unreleased::new(tables), &japan(), Hold::ByRule).unwrap();
    text(&checked.tables()[0])[0].split(' ').map(str::to_owned).collect()
}

/// Years of birth of a group, less a number.
fn years(people: u32, less: i128) -> Records {
    (0..people).map(|person| (person, 1930 + i128::from(person.wrapping_mul(37) % 71) - less)).collect()
}

#[test]
fn a_list_of_quantiles_is_no_list_of_records() {
    let shares: Vec<f64> = (0..84).map(|place| f64::from(place) / 83.0).collect();
    for less in [0, 1972, 1965, 2026] {
        let shown = quantiles(&years(84, less), &shares);
        let values: BTreeSet<&String> = shown.iter().filter(|value| *value != "*").collect();
        assert!((1..=7).contains(&values.len()), "{less}: {values:?}");
        // Between two that are shown stand ten people at least.
        let values: Vec<i128> = values.iter().map(|value| value.parse().unwrap()).collect();
        assert!(values.iter().all(|value| (value.abs()) % 5 == 0), "{less}: {values:?}");
    }
}

#[test]
fn quartiles_of_small_groups_are_shown() {
    for less in [0, 2026] {
        assert!(!quantiles(&years(60, less), &[0.25, 0.5, 0.75]).contains(&"*".to_owned()), "{less}");
        assert!(!quantiles(&years(400, less), &[0.25, 0.5, 0.75]).contains(&"*".to_owned()), "{less}");
        assert!(!quantiles(&years(20, less), &[0.5]).contains(&"*".to_owned()), "{less}");
    }
}

#[test]
fn a_median_of_values_that_many_share_says_nothing_of_the_others() {
    // Three people are above the value that most have: no sum of them is implied.
    let value = |person: u32| if person < 7 { 1 } else { 2 + i128::from(person >= 57) };
    let records: Records = (0..60).map(|person| (person, value(person))).collect();
    let median = column(&records, median(step("1")), Scale::Integer);
    let tables = vec![ungrouped(people(0..60), vec![count("n", vec![people(0..60)]), median])];
    assert_eq!(text(&checked(tables).tables()[0]), ["60 2"]);
}

#[test]
fn quantiles_and_extremes_have_the_type_of_their_values() {
    let records =
        |unit: i128| -> Records { (0..41).map(|s| (s, (100 + i128::from(s)) * unit / 10)).collect() };
    let shown = |unit, scale, kind| text(&release_by(&records(unit), kind, scale, &kth()).tables()[0]);
    let tenth = step("0.1");
    assert_eq!(shown(10, Scale::Integer, median(None)), ["120"]);
    assert_eq!(shown(100, Scale::Decimal(2), median(None)), ["12.00"]);
    assert_eq!(shown(100, Scale::Decimal(2), median(tenth)), ["12.00"]);
    assert_eq!(shown(1 << 60, Scale::Binary60, median(tenth)), ["12.0"]);
    assert_eq!(shown(1 << 30, Scale::Binary30, median(step("0.5"))), ["12.0"]);
    let extreme = |largest| StatisticKind::Extreme { largest, step: step("0.5") };
    assert_eq!(shown(100, Scale::Decimal(2), extreme(true)), ["13.00"]);
    assert_eq!(shown(100, Scale::Decimal(2), extreme(false)), ["11.00"]);
}

#[test]
fn a_value_that_many_share_is_on_both_sides() {
    // 0.83 is no multiple of 2⁻⁶⁰; what is shown is read as the values were.
    let value = (0.83 * 2_f64.powi(60)).round() as i128;
    let records: Records = (0..50).map(|s| (s, value)).collect();
    let shown = release_by(&records, median(None), Scale::Binary60, &japan());
    assert_eq!(text(&shown.tables()[0]), ["0.83"]);
    let snapped = release_by(&records, median(step("0.01")), Scale::Binary60, &japan());
    assert_eq!(text(&snapped.tables()[0]), ["0.83"]);
}

#[test]
fn extremes_are_shown_only_by_profiles_that_allow_the_kth() {
    let records: Records = (0..40).map(|s| (s, 100 + i128::from(s))).collect();
    let largest = StatisticKind::Extreme { largest: true, step: step("10") };
    let off = release(&records, largest);
    assert_eq!(off.findings()[0].reasons, [Reason::Extremes].into());
    // The tenth largest is 130.
    assert_eq!(text(&release_by(&records, largest, Scale::Integer, &kth()).tables()[0]), ["130"]);
    let smallest = StatisticKind::Extreme { largest: false, step: step("10") };
    assert_eq!(text(&release_by(&records, smallest, Scale::Integer, &kth()).tables()[0]), ["110"]);
}

#[test]
fn each_person_has_one_extreme() {
    // Nine people hold the twenty largest values.
    let records: Records =
        (0..20).map(|i| (i % 9, 1_000 + i128::from(i))).chain((20..60).map(|s| (s, i128::from(s)))).collect();
    let largest = StatisticKind::Extreme { largest: true, step: step("1") };
    assert_eq!(text(&release_by(&records, largest, Scale::Integer, &kth()).tables()[0]), ["59"]);
}

#[test]
fn over_nobody_there_is_no_value() {
    let kinds = [median(None), StatisticKind::Extreme { largest: true, step: None }, StatisticKind::Distinct];
    let shown = kinds.map(|kind| text(&release(&[], kind).tables()[0]));
    assert_eq!(shown, [["-"], ["-"], ["0"]]);
}

/// The median of some records among constants: 0 for each of `zeros` people.
fn median_among_zeros(own: &[(u32, i128)], zeros: u32) -> Checked {
    let all: Records = own.iter().copied().chain((1000..1000 + zeros).map(|subject| (subject, 0))).collect();
    let group = people(all.iter().map(|(subject, _)| *subject));
    let mut statistic = column(&all, median(step("1")), Scale::Integer);
    let mut tally = ValueTally::new();
    own.iter().for_each(|(subject, value)| tally.add(*subject, *value));
    statistic.values.as_mut().unwrap().own = Some(vec![tally.freeze()]);
    checked(vec![ungrouped(group, vec![statistic])])
}

#[test]
fn constants_of_the_analyst_do_not_stand_for_people_on_a_side() {
    let own: Records = (0..60).map(|s| (s, 100 + i128::from(s))).collect();
    // 45 zeros put 107 of them in the middle, which is shown as 110, and 51 put 104.
    assert_eq!(shown(&median_among_zeros(&own, 45)), Some(110));
    assert_eq!(median_among_zeros(&own, 51).findings()[0].reasons, [Reason::Quantile].into());
    assert_eq!(median_among_zeros(&own, 60).findings()[0].reasons, [Reason::Quantile].into());
    // A constant in the middle says how many people have it.
    assert_eq!(median_among_zeros(&own, 62).findings()[0].reasons, [Reason::Quantile].into());
}

#[test]
fn a_value_without_an_exact_form_blanks_the_cell() {
    let mut tally = ValueTally::new();
    (0..40).for_each(|subject| tally.add(subject, i128::from(subject)));
    tally.add_overflow(40);
    let statistic = StatisticColumn {
        chosen: false,
        values: Some(ValueColumn { scale: Scale::Integer, rows: vec![tally.freeze()], own: None }),
        ..statistic("x", median(None), vec![(Scale::Integer, vec![people(0..41)])])
    };
    let checked = checked(vec![ungrouped(people(0..41), vec![statistic])]);
    assert_eq!(checked.findings()[0].reasons, [Reason::Inexact].into());
}

#[test]
fn malformed_values_are_errors() {
    let records: Records = (0..30).map(|s| (s, i128::from(s))).collect();
    let whole = |kind| column(&records, kind, Scale::Integer);
    let without = StatisticColumn { values: None, ..whole(median(None)) };
    let needless = StatisticColumn { kind: StatisticKind::Count, ..whole(median(None)) };
    let fewer = StatisticColumn {
        values: column(&records[1..], median(None), Scale::Integer).values,
        ..whole(median(None))
    };
    let twice = [records.clone(), records.clone()].concat();
    let more = StatisticColumn {
        values: column(&twice, median(None), Scale::Integer).values,
        ..whole(median(None))
    };
    let others: Records = (1..31).map(|s| (s, i128::from(s))).collect();
    let others = StatisticColumn {
        values: column(&others, median(None), Scale::Integer).values,
        ..whole(median(None))
    };
    let no_row = Some(ValueColumn { scale: Scale::Integer, rows: vec![], own: None });
    let rowless = StatisticColumn { values: no_row, ..whole(StatisticKind::Distinct) };
    let dates = whole(median(Step::date("month")));
    for bad in [without, needless, fewer, more, others, rowless, dates] {
        let bad = ungrouped(people(0..30), vec![bad]);
        let error = check_first(Unreleased::new(vec![bad]), &japan(), Hold::ByRule).unwrap_err();
        assert!(matches!(error, Error::Malformed(_)));
    }
}
