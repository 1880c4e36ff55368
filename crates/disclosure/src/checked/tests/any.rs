//! Tables of any shape: they are judged or they are errors, and nothing panics.

use super::*;
use crate::{Estimator, Fraction, Method, RegressionFunction, ValueColumn, ValueTally};
use sekisho_model::{DateGrain, Step};

const METHODS: [Method; 11] = [
    Method::ChiSquare,
    Method::Cox,
    Method::KaplanMeier { width: 3 },
    Method::Linear,
    Method::LogRank,
    Method::Logistic,
    Method::OddsRatio,
    Method::Poisson,
    Method::Rate,
    Method::RiskRatio,
    Method::StandardisedDifference,
];

fn amount() -> impl Strategy<Value = i128> {
    prop_oneof![4 => -9_i128..10, 1 => any::<i128>(), 1 => Just(i128::MIN), 1 => Just(i128::MAX)]
}

fn scale() -> impl Strategy<Value = Scale> {
    let binary = [Scale::Binary30, Scale::Binary60];
    prop_oneof![
        4 => Just(Scale::Integer),
        1 => prop::sample::select(binary.to_vec()),
        1 => any::<u8>().prop_map(Scale::Decimal),
        1 => (0_u8..5).prop_map(Scale::Decimal),
    ]
}

fn kind() -> impl Strategy<Value = StatisticKind> {
    let step = prop_oneof![
        Just(None),
        Just(Some(Step::Date(DateGrain::Month))),
        (amount(), any::<u8>()).prop_map(|(units, scale)| Step::decimal(units, scale)),
        (1_i128..10, 0_u8..3).prop_map(|(units, scale)| Step::decimal(units, scale)),
    ];
    let fraction = prop_oneof![
        Just(Fraction::HALF),
        (0_u32..=1_000_000_000).prop_map(|x| Fraction::of_billionths(x).unwrap())
    ];
    let regression = [
        RegressionFunction::AverageX,
        RegressionFunction::AverageY,
        RegressionFunction::Count,
        RegressionFunction::Intercept,
        RegressionFunction::R2,
        RegressionFunction::Slope,
        RegressionFunction::Sxx,
        RegressionFunction::Sxy,
        RegressionFunction::Syy,
    ];
    prop_oneof![
        prop::sample::select(vec![
            StatisticKind::Correlation,
            StatisticKind::Count,
            StatisticKind::Distinct,
            StatisticKind::Mean,
            StatisticKind::People,
            StatisticKind::Sum,
        ]),
        prop::sample::select(regression.to_vec()).prop_map(StatisticKind::Regression),
        any::<bool>().prop_map(|sample| StatisticKind::Covariance { sample }),
        any::<(bool, bool)>().prop_map(|(sample, root)| StatisticKind::Variance { sample, root }),
        (fraction, step.clone()).prop_map(|(fraction, step)| StatisticKind::Quantile { fraction, step }),
        (any::<bool>(), step).prop_map(|(largest, step)| StatisticKind::Extreme { largest, step }),
        (prop::sample::select(METHODS.to_vec()), 0_u8..4)
            .prop_map(|(method, columns)| StatisticKind::Estimate(Estimator { method, columns })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_table_is_judged_or_malformed(
        kind in kind(),
        scales in prop::collection::vec(scale(), 0..8),
        amounts in prop::collection::vec(prop::collection::vec(amount(), 8), 0..40),
        values in prop::option::of((scale(), any::<bool>())),
        counts in any::<bool>(),
        people_each in 1_u32..3,
    ) {
        let subjects = || (0_u32..).zip(&amounts).map(|(record, row)| (record / people_each, row));
        let part = |(number, scale): (usize, &Scale)| {
            // Mostly a count comes first, so that more than the first check is reached.
            let ones = counts && number == 0;
            let amounts = subjects().map(|(subject, row)| (subject, if ones { 1 } else { row[number] }));
            (if ones { Scale::Integer } else { *scale }, vec![evidence(amounts)])
        };
        let parts: Vec<_> = scales.iter().enumerate().map(part).collect();
        let column = values.map(|(scale, overflows)| {
            let mut tally = ValueTally::new();
            subjects().for_each(|(subject, row)| if overflows && row[7] == 3 {
                tally.add_overflow(subject);
            } else {
                tally.add(subject, row[7]);
            });
            ValueColumn { scale, rows: vec![tally.freeze()], own: None }
        });
        let group = people(subjects().map(|(subject, _)| subject));
        let table = || {
            let statistic = StatisticColumn { chosen: false, values: column.as_ref().map(|column| ValueColumn {
                scale: column.scale, rows: column.rows.clone(), own: None,
            }), ..statistic("x", kind, parts.clone()) };
            vec![ungrouped(group.clone(), vec![statistic])]
        };
        let mut profile = japan();
        profile.extremes = crate::Extremes::Kth;
        let judged = |profile: &Profile| check_first(Unreleased::new(table()), profile, Hold::ByRule);
        match judged(&profile) {
            Ok(checked) => {
                let shown = text(&checked.tables()[0]);
                prop_assert!(group.people() >= 10 || group.people() == 0 || shown == ["*"]);
                // A stricter profile never shows more.
                profile.minimum_count = 12;
                profile.degrees_of_freedom = 12;
                let stricter = text(&judged(&profile).unwrap().tables()[0]);
                let extreme = matches!(kind, StatisticKind::Extreme { .. });
                prop_assert!(extreme || stricter == ["*"] || stricter == shown);
            }
            Err(error) => prop_assert!(matches!(error, Error::Malformed(_))),
        }
    }
}
