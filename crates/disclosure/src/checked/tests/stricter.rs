//! A stricter profile never has fewer primaries: whatever a rule withholds, it withholds too.

use std::collections::BTreeSet;

use sekisho_model::{Rounding, Step, Stricter};

use super::*;
use crate::{Fraction, KeyColumn, Reason, RoundingKey, Telling, ValueColumn, ValueTally};

/// A record: row, person, institution, side of a branch, amount.
type Record = (usize, u32, u64, bool, i128);

const ROWS: usize = 3;

fn records() -> impl Strategy<Value = Vec<Record>> {
    let amount = prop_oneof![6 => 1_i128..50, 1 => 0_i128..2, 1 => 500_i128..5_000];
    prop::collection::vec((0..ROWS, 0_u32..40, 0_u64..6, any::<bool>(), amount), 20..200)
}

/// What a project may ask for, so far as cells are judged by it.
fn stricter() -> impl Strategy<Value = Stricter> {
    let count = prop::option::of(21_u32..40);
    let share = prop::option::of(100_u32..500);
    let switch = prop::option::of(Just(true));
    (count.clone(), count.clone(), share.clone(), share, count, switch.clone(), switch).prop_map(
        |(people, units, dominance, p, freedom, zeros, extremes)| Stricter {
            minimum_count: people,
            minimum_units: units.map(|units| units.saturating_sub(18)),
            dominance_permille: dominance,
            p_permille: p,
            degrees_of_freedom: freedom,
            withhold_zeros: zeros,
            withhold_extremes: extremes,
            rounding: people.map(|_| Rounding::Ten),
            ..Stricter::default()
        },
    )
}

/// Evidence of each row, of the records that count.
fn by_row(records: &[Record], amount: impl Fn(&Record) -> Option<i128>) -> Vec<Evidence> {
    let of = |row: usize| {
        let mut tally = Tally::new();
        for record in records.iter().filter(|record| record.0 == row) {
            if let Some(amount) = amount(record) {
                tally.add(record.1, amount, [Some(record.2)]);
            }
        }
        tally.freeze()
    };
    (0..ROWS).map(of).collect()
}

fn statistics(records: &[Record]) -> Vec<StatisticColumn> {
    let one = || by_row(records, |_| Some(1));
    let amounts = || by_row(records, |record| Some(record.4));
    let values = |distinct| {
        let row = |row: usize| {
            let mut tally = if distinct { ValueTally::of_distinct() } else { ValueTally::new() };
            let own = records.iter().filter(|record| record.0 == row);
            own.for_each(|record| tally.add(record.1, if distinct { record.4 % 5 } else { record.4 }));
            tally.freeze()
        };
        Some(ValueColumn { scale: Scale::Integer, rows: (0..ROWS).map(row).collect(), own: None })
    };
    let of_values = |kind| StatisticColumn {
        chosen: false,
        values: values(kind == StatisticKind::Distinct),
        ..statistic("x", kind, vec![(Scale::Integer, one())])
    };
    let mut branch = count("b", by_row(records, |record| record.3.then_some(1)));
    branch.branches.push(Branch {
        inside: by_row(records, |record| record.3.then_some(1)),
        outside: by_row(records, |record| (!record.3).then_some(1)),
        telling: Telling { inside: true, outside: false },
        frame: None,
        zeros: vec![],
    });
    let squares = by_row(records, |record| Some(record.4 * record.4));
    let [counts, sums, squares] = [one(), amounts(), squares].map(|rows| (Scale::Integer, rows));
    let variance = StatisticKind::Variance { sample: true, root: true };
    vec![
        count("n", one()),
        StatisticColumn { kind: StatisticKind::People, ..count("p", one()) },
        sum("s", Scale::Integer, amounts()),
        statistic("m", StatisticKind::Mean, vec![(Scale::Integer, amounts()), (Scale::Integer, one())]),
        branch,
        statistic("v", variance, vec![counts, sums, squares]),
        of_values(StatisticKind::Distinct),
        of_values(StatisticKind::Quantile { fraction: Fraction::HALF, step: Step::number("5") }),
        of_values(StatisticKind::Extreme { largest: true, step: Step::number("1") }),
    ]
}

fn cells(records: &[Record], telling: bool) -> CellTable {
    let groups = by_row(records, |_| Some(1));
    let values = Arc::new(StringArray::from(vec!["F", "M", "X"]));
    let telling = Telling { inside: telling, outside: false };
    let keys = vec![KeyColumn { name: "sex".into(), values, declared: true, telling }];
    CellTable { keys, groups, statistics: statistics(records), parent: None, attributes: Vec::new() }
}

/// The cells that a rule withholds, not to protect others.
fn primaries(table: CellTable, profile: &Profile) -> BTreeSet<(usize, usize)> {
    let checked = check_first(Unreleased::new(vec![table]), profile, Hold::ByRule).unwrap();
    let primary = checked.findings().iter().filter(|found| found.reasons != [Reason::Secondary].into());
    primary.map(|found| (found.statistic, found.row)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_stricter_profile_never_has_fewer_primaries(
        records in records(),
        stricter in stricter(),
        telling in any::<bool>(),
        which in 0_usize..7,
    ) {
        let profiles = Profiles::built_in().unwrap();
        let profile = profiles.iter().nth(which).unwrap().clone().with_rounding_key(RoundingKey::new([1; 32]));
        // A share that a profile undercuts already is no stricter one.
        let stricter = Stricter {
            dominance_permille: stricter.dominance_permille.filter(|share| *share <= profile.dominance.permille),
            ..stricter
        };
        let strict = profile.stricter(&stricter).unwrap();
        let (some, more) = (primaries(cells(&records, telling), &profile), primaries(cells(&records, telling), &strict));
        prop_assert!(some.is_subset(&more), "{} {some:?} {more:?}", profile.name());
    }
}
