//! Variances, covariances, correlations and regressions.

use arrow::array::{Float64Array, Int64Array};

use super::*;
use crate::RegressionFunction;

/// Records as person, x and y.
type Records = Vec<(u32, i128, i128)>;

const KINDS: [StatisticKind; 15] = [
    StatisticKind::Variance { sample: true, root: false },
    StatisticKind::Variance { sample: false, root: false },
    StatisticKind::Variance { sample: true, root: true },
    StatisticKind::Covariance { sample: true },
    StatisticKind::Covariance { sample: false },
    StatisticKind::Correlation,
    StatisticKind::Regression(RegressionFunction::AverageX),
    StatisticKind::Regression(RegressionFunction::AverageY),
    StatisticKind::Regression(RegressionFunction::Intercept),
    StatisticKind::Regression(RegressionFunction::R2),
    StatisticKind::Regression(RegressionFunction::Slope),
    StatisticKind::Regression(RegressionFunction::Sxx),
    StatisticKind::Regression(RegressionFunction::Sxy),
    StatisticKind::Regression(RegressionFunction::Syy),
    StatisticKind::Regression(RegressionFunction::Count),
];

/// The six sums, with x and y of these scales.
fn sums(records: &[(u32, i128, i128)], x: Scale, y: Scale) -> Vec<(Scale, Vec<Evidence>)> {
    let of = |amount: fn(i128, i128) -> i128| {
        vec![evidence(records.iter().map(|(subject, x, y)| (*subject, amount(*x, *y))))]
    };
    let times = |left, right| crate::exact::product(left, right).unwrap();
    vec![
        (Scale::Integer, of(|_, _| 1)),
        (x, of(|x, _| x)),
        (times(x, x), of(|x, _| x * x)),
        (y, of(|_, y| y)),
        (times(y, y), of(|_, y| y * y)),
        (times(x, y), of(|x, y| x * y)),
    ]
}

/// A release of one such statistic, and nothing else.
fn release(records: &[(u32, i128, i128)], kind: StatisticKind, scale: Scale) -> Checked {
    let parts = sums(records, scale, scale).into_iter().take(kind.parts()).collect();
    let group = people(records.iter().map(|(subject, ..)| *subject));
    checked(vec![ungrouped(group, vec![statistic("s", kind, parts)])])
}

/// The released value, if it is released and no NULL.
fn released(checked: &Checked) -> Option<f64> {
    let column = checked.tables()[0].batch().column(0);
    let double = column.as_any().downcast_ref::<Float64Array>().map(|column| column.iter().next());
    let integer = column.as_any().downcast_ref::<Int64Array>().map(|column| column.iter().next());
    double.flatten().flatten().or(integer.flatten().flatten().map(|value| value as f64))
}

fn reasons(checked: &Checked) -> BTreeSet<Reason> {
    checked.findings().iter().flat_map(|finding| finding.reasons.clone()).collect()
}

/// The statistic from deviations, in two passes over doubles.
fn naive(records: &[(u32, i128, i128)], kind: StatisticKind, unit: f64) -> f64 {
    let points: Vec<(f64, f64)> =
        records.iter().map(|(_, x, y)| (*x as f64 / unit, *y as f64 / unit)).collect();
    let n = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / n;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / n;
    let sxx: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let syy: f64 = points.iter().map(|(_, y)| (y - mean_y).powi(2)).sum();
    let sxy: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let divisor = |sample: bool| if sample { n - 1.0 } else { n };
    match kind {
        StatisticKind::Variance { sample, root: false } => sxx / divisor(sample),
        StatisticKind::Variance { sample, root: true } => (sxx / divisor(sample)).sqrt(),
        StatisticKind::Covariance { sample } => sxy / divisor(sample),
        StatisticKind::Correlation => sxy / (sxx * syy).sqrt(),
        StatisticKind::Regression(function) => match function {
            RegressionFunction::AverageX => mean_x,
            RegressionFunction::AverageY => mean_y,
            RegressionFunction::Count => n,
            RegressionFunction::Intercept => mean_y - sxy / sxx * mean_x,
            RegressionFunction::R2 => sxy * sxy / (sxx * syy),
            RegressionFunction::Slope => sxy / sxx,
            RegressionFunction::Sxx => sxx,
            RegressionFunction::Sxy => sxy,
            RegressionFunction::Syy => syy,
        },
        StatisticKind::Count
        | StatisticKind::Distinct
        | StatisticKind::Estimate(_)
        | StatisticKind::Extreme { .. }
        | StatisticKind::Mean
        | StatisticKind::People
        | StatisticKind::Quantile { .. }
        | StatisticKind::Sum => panic!("{kind:?} is no moment"),
    }
}

/// Records of many people, so that rules about few of them hold.
fn many() -> impl Strategy<Value = Records> {
    prop::collection::vec((0_u32..60, -500_i128..500, -500_i128..500), 120..300)
}

fn kind() -> impl Strategy<Value = StatisticKind> {
    prop::sample::select(KINDS.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn a_released_moment_is_the_naive_one(records in many(), kind in kind(), scale in 0_usize..3) {
        let (scale, unit) = [
            (Scale::Integer, 1.0), (Scale::Decimal(2), 100.0), (Scale::Binary30, f64::from(1 << 30)),
        ][scale];
        let expected = naive(&records, kind, unit);
        let shown = released(&release(&records, kind, scale));
        if let Some(shown) = shown {
            let size = expected.abs().max(naive(&records, StatisticKind::Variance { sample: true, root: true }, unit) * 1e-6);
            prop_assert!((shown - expected).abs() <= size * 1e-8, "{shown} {expected}");
        }
    }

    #[test]
    fn variances_of_many_are_released(records in many()) {
        // Nobody has more than a few per cent of such deviations.
        for kind in KINDS.into_iter().take(3) {
            prop_assert!(released(&release(&records, kind, Scale::Integer)).is_some());
        }
    }

    #[test]
    fn the_order_of_records_decides_no_bit(records in many(), kind in kind(), turn in 0_usize..300) {
        let mut turned = records.clone();
        turned.rotate_left(turn % records.len());
        let bits = |records: &Records| released(&release(records, kind, Scale::Binary30)).map(f64::to_bits);
        prop_assert_eq!(bits(&turned), bits(&records));
    }

    #[test]
    fn what_one_person_changes_much_is_not_released(
        records in prop::collection::vec((0_u32..25, -9_i128..10, -9_i128..10), 20..60), far in 0_i128..60,
    ) {
        // One more person with one record, `far` away from all others.
        let kind = StatisticKind::Variance { sample: false, root: false };
        let planted = [records.clone(), vec![(99, 10 + far, 0)]].concat();
        if let Some(shown) = released(&release(&planted, kind, Scale::Integer)) {
            // Their own squared deviation is about nine tenths of all at most, and others hide it.
            let mean = naive(&planted, StatisticKind::Regression(RegressionFunction::AverageX), 1.0);
            let own = ((10 + far) as f64 - mean).powi(2);
            let all = shown * planted.len() as f64;
            prop_assert!(own <= 0.95 * all, "{own} of {all}");
            // And without them there are people enough left to be shown.
            let left: BTreeSet<u32> = records.iter().map(|(subject, ..)| *subject).collect();
            prop_assert!(left.len() >= 10);
        }
    }
}

#[test]
fn moments_have_the_values_of_sql() {
    // PostgreSQL 16 over the points (i, i² mod 17) for i from 1 to 20.
    let records: Records = (1..=20).map(|i| (i as u32, i, i * i % 17)).collect();
    let expected = [
        (KINDS[0], 35.0),
        (KINDS[1], 33.25),
        (KINDS[3], naive(&records, KINDS[3], 1.0)),
        (KINDS[6], 10.5),
        (KINDS[14], 20.0),
        (KINDS[11], 665.0),
    ];
    for (kind, value) in expected {
        assert_eq!(released(&release(&records, kind, Scale::Integer)), Some(value), "{kind:?}");
    }
}

#[test]
fn one_persons_deviation_is_not_the_cells() {
    // A third of the sum, 96 % of the squared deviations.
    let records = |largest: i128| -> Records {
        (0..60)
            .map(|subject| (subject, if subject < 2 { largest } else { 100 + i128::from(subject) }, 0))
            .collect()
    };
    let variance = StatisticKind::Variance { sample: true, root: true };
    let mean = StatisticKind::Regression(RegressionFunction::AverageX);
    assert!(released(&release(&records(2_000), mean, Scale::Integer)).is_some());
    assert_eq!(reasons(&release(&records(2_000), variance, Scale::Integer)), [Reason::Moments].into());
    assert!(released(&release(&records(150), variance, Scale::Integer)).is_some());
}

#[test]
fn eleven_people_have_ten_degrees_of_freedom() {
    let records = |people: u32| -> Records {
        (0..people).map(|s| (s, i128::from(s * 7 % 11 + 1), i128::from(s * 5 % 13 + 1))).collect()
    };
    let lacks = |people: u32, kind| {
        let found = reasons(&release(&records(people), kind, Scale::Integer));
        // So few people are blanked for the combinations of the three or six sums in any case.
        assert!(found.contains(&Reason::Secondary) || found.contains(&Reason::DegreesOfFreedom));
        found.contains(&Reason::DegreesOfFreedom)
    };
    assert_eq!([10, 11].map(|people| lacks(people, KINDS[0])), [true, false]);
    assert_eq!([11, 12].map(|people| lacks(people, StatisticKind::Correlation)), [true, false]);
    // Their records are no further people.
    let twice = [records(10), records(10)].concat();
    assert_eq!(reasons(&release(&twice, KINDS[0], Scale::Integer)), [Reason::DegreesOfFreedom].into());
}

#[test]
fn equal_values_and_lines_are_blank() {
    let line =
        |slope: i128| -> Records { (0..40).map(|s| (s, i128::from(s), slope * i128::from(s) + 3)).collect() };
    let constant: Records = (0..40).map(|s| (s, 5_701, i128::from(s))).collect();
    for kind in [KINDS[0], KINDS[2], KINDS[4], KINDS[5], KINDS[10]] {
        assert!(reasons(&release(&constant, kind, Scale::Integer)).contains(&Reason::Spread), "{kind:?}");
    }
    for kind in [StatisticKind::Correlation, KINDS[8], KINDS[9], KINDS[10]] {
        for slope in [-3, 3] {
            assert!(
                reasons(&release(&line(slope), kind, Scale::Integer)).contains(&Reason::Spread),
                "{kind:?}"
            );
        }
    }
    // What says nothing of the deviation is shown.
    assert_eq!(released(&release(&constant, KINDS[6], Scale::Integer)), Some(5_701.0));
    assert!(released(&release(&line(3), KINDS[3], Scale::Integer)).is_some());
}

#[test]
fn a_blank_variance_does_not_come_back_as_a_sum_of_squares() {
    let records: Records =
        (0..60).map(|s| (s, if s == 7 { 1_200 } else { 1_000 + i128::from(s % 5) }, 0)).collect();
    let part = |part: usize| sums(&records, Scale::Integer, Scale::Integer).remove(part);
    let release = |with_variance: bool| {
        let n = count("n", part(0).1);
        let mean = statistic("mean", StatisticKind::Mean, vec![part(1), part(0)]);
        let variance = statistic("v", KINDS[0], vec![part(0), part(1), part(2)]);
        let squares = statistic("squares", StatisticKind::Sum, vec![part(2)]);
        let statistics =
            if with_variance { vec![n, mean, variance, squares] } else { vec![n, mean, squares] };
        text(&checked(vec![ungrouped(people(0..60), statistics)]).tables()[0])
    };
    // The sums are nobody's in particular, what is left of them beside what all others have is one person's: and so
    // is what is left of the squares by a multiple of the sum.
    assert_eq!(release(false), ["60 * *"]);
    assert_eq!(release(true), ["60 * * *"]);
}

#[test]
fn a_mean_stays_beside_a_deviation_that_is_blank_for_being_zero() {
    let records: Records = (0..18).map(|s| (s, 5_701, 0)).collect();
    let part = |part: usize| sums(&records, Scale::Integer, Scale::Integer).remove(part);
    let n = count("n", part(0).1);
    let mean = statistic("mean", StatisticKind::Mean, vec![part(1), part(0)]);
    let deviation = statistic("sd", KINDS[2], vec![part(0), part(1), part(2)]);
    let checked = checked(vec![ungrouped(people(0..18), vec![n, mean, deviation])]);
    assert_eq!(text(&checked.tables()[0]), ["18 5701.0 *"]);
}

#[test]
fn neighbouring_variances_do_not_both_leave() {
    // All people, and all but three: the difference of the sums of squares would be theirs.
    let records = |people: u32| -> Records {
        (0..people).map(|s| (s, i128::from(s * 31 % 101), i128::from(s))).collect()
    };
    let table = |people: u32| {
        let parts = sums(&records(people), Scale::Integer, Scale::Integer).into_iter().take(3).collect();
        ungrouped(crate::testing::people(0..people), vec![statistic("v", KINDS[0], parts)])
    };
    let both = checked(vec![table(100), table(97)]);
    let shown: Vec<String> = both.tables().iter().flat_map(text).collect();
    assert_eq!(shown.iter().filter(|value| *value == "*").count(), 1, "{shown:?}");
}

#[test]
fn a_moment_over_nobody_is_null() {
    for kind in KINDS {
        let nothing = release(&[], kind, Scale::Decimal(1));
        let expected = if kind == KINDS[14] { "0" } else { "-" };
        assert_eq!(text(&nothing.tables()[0]), [expected], "{kind:?}");
    }
}

#[test]
fn sums_that_do_not_fit_are_blank() {
    let records: Records = (0..30).map(|s| (s, 1 << 62, 1 << 62)).collect();
    let reasons = reasons(&release(&records, KINDS[0], Scale::Integer));
    assert!(reasons.contains(&Reason::Inexact), "{reasons:?}");
}

#[test]
fn malformed_moments_are_errors() {
    let records: Records = (0..30).map(|s| (s, i128::from(s), i128::from(s % 7))).collect();
    let whole = |scale| sums(&records, scale, scale).into_iter().take(3).collect::<Vec<_>>();
    let mut few = whole(Scale::Integer);
    few.pop();
    let mut scales = whole(Scale::Decimal(2));
    scales[2].0 = Scale::Decimal(2);
    let mut doubles = whole(Scale::Integer);
    (doubles[1].0, doubles[2].0) = (Scale::Binary60, Scale::Binary60);
    let mut others = whole(Scale::Integer);
    others[1].1 = vec![evidence((1..31).map(|subject| (subject, 1)))];
    let mut counts = whole(Scale::Integer);
    counts[0].1 = vec![evidence((0..30).map(|subject| (subject, 2)))];
    let mut wide = whole(Scale::Integer);
    wide.push((Scale::Decimal(39), vec![people(0..30)]));
    let mut uncounted = whole(Scale::Integer);
    uncounted[0].0 = Scale::Decimal(0);
    for parts in [few, scales, doubles, others, counts, wide, uncounted] {
        let bad = ungrouped(people(0..30), vec![statistic("v", KINDS[0], parts)]);
        let error = check_first(Unreleased::new(vec![bad]), &japan(), Hold::ByRule).unwrap_err();
        assert!(matches!(error, Error::Malformed(_)));
    }
}
