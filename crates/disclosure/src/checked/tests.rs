//! What the checkpoint lets through, and what it blanks.

mod any;
mod estimates;
mod moments;
mod order;
mod rounded;
mod statements;
mod stricter;

use arrow::array::{Array as _, Float64Array, Int64Array, StringArray};
use proptest::prelude::*;

use super::*;
use crate::testing::{check_first, count, evidence, japan, people, statistic, sum, table, ungrouped};
use crate::{Branch, Evidence, Frame, Profiles, Scale, StatisticColumn, StatisticKind, Tally, Telling};

fn checked(tables: Vec<CellTable>) -> Checked {
    check_first(Unreleased::new(tables), &japan(), Hold::ByRule).unwrap()
}

/// A table as a person would read it: `*` is withheld, `-` is NULL.
fn text(table: &CheckedTable) -> Vec<String> {
    let keys = table.keys().len();
    let cell = |row: usize, column: usize| {
        let values = table.batch().column(column);
        match column.checked_sub(keys).map(|statistic| table.withheld()[statistic].value(row)) {
            Some(true) => {
                assert!(values.is_null(row));
                "*".to_owned()
            }
            Some(false) | None if values.is_null(row) => "-".to_owned(),
            Some(false) | None => arrow::util::display::array_value_to_string(values, row).unwrap(),
        }
    };
    let columns = table.batch().num_columns();
    (0..table.batch().num_rows())
        .map(|row| (0..columns).map(|column| cell(row, column)).collect::<Vec<_>>().join(" "))
        .collect()
}

fn filtered(name: &str, inside: Vec<Evidence>, outside: Vec<Evidence>) -> StatisticColumn {
    let mut statistic = count(name, inside.clone());
    statistic.branches.push(Branch {
        inside,
        outside,
        telling: Default::default(),
        frame: None,
        zeros: vec![],
    });
    statistic
}

#[test]
fn a_group_below_the_threshold_is_absent() {
    let groups = vec![("F", people(0..20)), ("M", people(20..29)), ("X", people(30..40))];
    let rows = groups.iter().map(|(_, group)| group.clone()).collect();
    let checked = checked(vec![table("sex", groups, [count("n", rows)])]);
    assert_eq!(text(&checked.tables()[0]), ["F 20", "X 10"]);
    assert_eq!(format!("{checked:?}"), "Checked(1 tables)");
}

#[test]
fn a_small_filter_is_blank_beside_its_total() {
    let groups = vec![("F", people(0..50)), ("M", people(50..90))];
    let n = groups.iter().map(|(_, group)| group.clone()).collect();
    let old = filtered("old", vec![people(0..11), people(50..55)], vec![people(11..50), people(55..90)]);
    let checked = checked(vec![table("sex", groups, [count("n", n), old])]);
    assert_eq!(text(&checked.tables()[0]), ["F 50 11", "M 40 *"]);
    let findings: Vec<_> =
        checked.findings().iter().map(|finding| (finding.row, finding.statistic)).collect();
    assert_eq!(findings, [(1, 1)]);
}

#[test]
fn a_small_complement_is_blank_too() {
    let all = filtered("young", vec![people(0..45)], vec![people(45..50)]);
    let checked = checked(vec![ungrouped(people(0..50), vec![count("n", vec![people(0..50)]), all])]);
    assert_eq!(text(&checked.tables()[0]), ["50 *"]);
}

#[test]
fn an_ungrouped_count_over_nobody_of_enough_is_zero_and_over_few_is_blank() {
    let nobody = Evidence::nobody;
    let tables = |group: fn() -> Evidence| {
        let total = sum("s", Scale::Integer, vec![group()]);
        vec![ungrouped(group(), vec![count("n", vec![group()]), total])]
    };
    assert_eq!(text(&checked(tables(nobody)).tables()[0]), ["0 -"]);
    assert_eq!(text(&checked(tables(|| people(0..9))).tables()[0]), ["* *"]);
    let mut of_few = tables(nobody);
    of_few[0].parent = None;
    assert_eq!(text(&checked(of_few).tables()[0]), ["* *"]);
    let strict = Profiles::built_in().unwrap().get("uk-sdc").unwrap().clone();
    let checked = check_first(Unreleased::new(tables(nobody)), &strict, Hold::ByRule).unwrap();
    assert_eq!(text(&checked.tables()[0]), ["* *"]);
}

#[test]
fn declared_keys_are_complete_and_data_keys_are_never_shown_for_nobody() {
    let groups = || vec![("F", people(0..20)), ("M", people(20..23)), ("X", Evidence::nobody())];
    let rows = || vec![count("n", groups().into_iter().map(|(_, group)| group).collect())];
    let mut declared = table("sex", groups(), rows());
    declared.keys[0].declared = true;
    let checked = checked(vec![declared, table("sex", groups(), rows())]);
    assert_eq!(text(&checked.tables()[0]), ["F 20", "M *", "X 0"]);
    assert_eq!(text(&checked.tables()[1]), ["F 20"]);
}

#[test]
fn a_zero_within_a_small_group_says_nothing_of_it() {
    let groups = vec![("F", people(0..5))];
    let nobody = count("with_x", vec![Evidence::nobody()]);
    assert!(text(&checked(vec![table("sex", groups, [nobody])]).tables()[0]).is_empty());
}

#[test]
fn distinct_labels_need_people_enough() {
    let groups = vec![("F", people(0..10)), ("M", people(10..19))];
    assert_eq!(text(&checked(vec![table("sex", groups, [])]).tables()[0]), ["F"]);
}

#[test]
fn people_are_counted_once_whatever_their_records() {
    // Nine people with five records each, then one more.
    let nine = || evidence((0..9).flat_map(|subject| [(subject, 1); 5]));
    let ten = || evidence((0..10).flat_map(|subject| [(subject, 1); 5]));
    let distinct =
        |rows: Vec<Evidence>| StatisticColumn { kind: StatisticKind::People, ..count("people", rows) };
    let tables = |group: &dyn Fn() -> Evidence| {
        vec![ungrouped(group(), vec![count("records", vec![group()]), distinct(vec![group()])])]
    };
    assert_eq!(text(&checked(tables(&nine)).tables()[0]), ["* *"]);
    assert_eq!(text(&checked(tables(&ten)).tables()[0]), ["50 10"]);
}

#[test]
fn a_dominated_sum_is_blank_and_its_count_is_not() {
    let bills = || evidence((0..60).map(|subject| (subject, if subject == 7 { 100_000 } else { 10 })));
    let total = sum("s", Scale::Decimal(2), vec![bills()]);
    let parts = vec![(Scale::Decimal(2), vec![bills()]), (Scale::Integer, vec![people(0..60)])];
    let mean = statistic("m", StatisticKind::Mean, parts);
    let checked = checked(vec![ungrouped(people(0..60), vec![count("n", vec![people(0..60)]), total, mean])]);
    assert_eq!(text(&checked.tables()[0]), ["60 * *"]);
    assert!(checked.findings()[0].reasons.contains(&Reason::Dominance));
}

#[test]
fn values_have_the_type_of_their_statistic() {
    let amounts =
        |factor: i128| evidence((0..20).map(move |subject| (subject, factor * i128::from(subject))));
    let everybody = people(0..20);
    let parts = vec![(Scale::Binary60, vec![amounts(1 << 60)]), (Scale::Integer, vec![people(0..20)])];
    let mean = statistic("mean", StatisticKind::Mean, parts);
    let statistics = vec![
        sum("integers", Scale::Integer, vec![amounts(1)]),
        sum("decimals", Scale::Decimal(2), vec![amounts(1)]),
        sum("doubles", Scale::Binary60, vec![amounts(1 << 59)]),
        mean,
    ];
    let checked = checked(vec![ungrouped(everybody, statistics)]);
    assert_eq!(text(&checked.tables()[0]), ["190 1.90 95.0 9.5"]);
}

#[test]
fn a_sum_without_an_exact_form_is_blank() {
    let huge = evidence((0..20).map(|subject| (subject, i128::MAX / 10)));
    let wide = evidence((0..20).map(|subject| (subject, i128::from(i64::MAX))));
    let shown = |sums| {
        let statistics = vec![sum("s", Scale::Integer, vec![sums])];
        text(&checked(vec![ungrouped(people(0..20), statistics)]).tables()[0])
    };
    assert_eq!(shown(huge), ["*"]);
    // Exact, and merely too wide for the column: NULL.
    assert_eq!(shown(wide), ["-"]);
}

#[test]
fn institutions_are_protected_too() {
    let group = |hospitals: u32| {
        let mut tally = Tally::new();
        (0..20).for_each(|subject| tally.add(subject, 1, [Some(u64::from(subject % hospitals))]));
        tally.freeze()
    };
    let rows = |hospitals| vec![ungrouped(group(hospitals), vec![count("n", vec![group(hospitals)])])];
    assert_eq!(text(&checked(rows(2)).tables()[0]), ["*"]);
    assert_eq!(text(&checked(rows(3)).tables()[0]), ["20"]);
}

#[test]
fn a_total_in_another_table_does_not_give_a_small_group_back() {
    let groups = vec![("F", people(0..30)), ("M", people(30..45)), ("X", people(45..49))];
    let rows = groups.iter().map(|(_, group)| group.clone()).collect();
    let by_sex = table("sex", groups, [count("n", rows)]);
    let total = ungrouped(people(0..49), vec![count("n", vec![people(0..49)])]);
    let checked = checked(vec![by_sex, total]);
    // The total and the larger group stay; the smaller goes with the small one.
    assert_eq!(text(&checked.tables()[0]), ["F 30"]);
    assert_eq!(text(&checked.tables()[1]), ["49"]);
}

#[test]
fn a_value_that_nearly_all_of_a_branch_have_is_blank_however_many_others_there_are() {
    // Of a hundred, twenty are of the hospital; all but `without` of them have the diagnosis.
    let n = |without: u32, inside: bool| {
        let has = people(without..20);
        let mut n = filtered("n", vec![has], vec![people((0..without).chain(20..100))]);
        n.branches[0].frame = Some(Frame {
            people: vec![people(0..20)],
            rest: vec![people(0..without)],
            telling: Telling { inside, outside: !inside },
        });
        text(&checked(vec![ungrouped(people(0..100), vec![n])]).tables()[0])
    };
    assert_eq!([n(10, true), n(9, true), n(0, true)], [["10"], ["*"], ["*"]]);
    // Where not to take the branch tells: those who do not are nearly all of the twenty.
    assert_eq!([n(10, false), n(20, false)], [["10"], ["*"]]);
}

#[test]
fn totals_and_coarser_groups_go_before_finer_ones() {
    // All but five of everybody are in a group that is named first.
    let by_code = table("code", vec![("A", people(0..40))], [count("n", vec![people(0..40)])]);
    let everybody = || ungrouped(people(0..45), vec![count("n", vec![people(0..45)])]);
    let text = |tables| checked(tables).tables().iter().flat_map(text).collect::<Vec<_>>();
    assert_eq!(text(vec![by_code, everybody()]), ["45"]);
}

#[test]
fn a_count_that_stands_in_a_blank_mean_as_well_is_still_published() {
    let mean = |few: std::ops::Range<u32>| {
        let amounts = evidence((0..49).map(|subject| (subject, i128::from(subject % 7) + 1)));
        let parts = vec![(Scale::Integer, vec![amounts]), (Scale::Integer, vec![people(0..49)])];
        let mut mean = statistic("m", StatisticKind::Mean, parts);
        let outside = (0..49).filter(|subject| !few.contains(subject));
        mean.branches.push(Branch {
            frame: None,
            outside: vec![people(outside)],
            inside: vec![people(few)],
            zeros: vec![],
            telling: Default::default(),
        });
        mean
    };
    let groups = vec![("F", people(0..30)), ("M", people(30..45)), ("X", people(45..49))];
    let rows = groups.iter().map(|(_, group)| group.clone()).collect();
    let by_sex = table("sex", groups, [count("n", rows)]);
    let total = ungrouped(people(0..49), vec![count("n", vec![people(0..49)]), mean(0..4)]);
    let checked = checked(vec![by_sex, total]);
    // The total is shown, so that it must not give the four back.
    assert_eq!(text(&checked.tables()[0]), ["F 30"]);
    assert_eq!(text(&checked.tables()[1]), ["49 *"]);
}

#[test]
fn tables_that_contradict_themselves_are_errors() {
    let short = table("sex", vec![("F", people(0..20))], [count("n", vec![])]);
    let amounts = evidence((0..20).map(|subject| (subject, 2)));
    let miscounted = ungrouped(people(0..20), vec![count("n", vec![amounts])]);
    let partless = StatisticColumn { parts: vec![], ..count("n", vec![]) };
    for bad in [short, miscounted, ungrouped(people(0..20), vec![partless])] {
        let error = check_first(Unreleased::new(vec![bad]), &japan(), Hold::ByRule).unwrap_err();
        assert!(matches!(error, Error::Malformed(_)));
    }
}

#[test]
fn a_withheld_value_is_not_in_the_buffers() {
    let groups = vec![("F", people(0..20)), ("M", people(20..23))];
    let rows: Vec<_> = groups.iter().map(|(_, group)| group.clone()).collect();
    let sums = |amount: i128| {
        rows.iter().map(|group| evidence(group.subjects().iter().map(|s| (*s, amount)))).collect()
    };
    let mut table =
        table("sex", groups, [sum("s", Scale::Integer, sums(7)), sum("d", Scale::Binary60, sums(1 << 60))]);
    table.keys[0].declared = true;
    let checked = checked(vec![table]);
    let batch = checked.tables()[0].batch();
    let integers: &Int64Array = batch.column(1).as_any().downcast_ref().unwrap();
    let doubles: &Float64Array = batch.column(2).as_any().downcast_ref().unwrap();
    assert_eq!(integers.values().to_vec(), [140, 0]);
    assert_eq!(
        doubles.values().iter().map(|value| value.to_bits()).collect::<Vec<_>>(),
        [20_f64.to_bits(), 0]
    );
}

/// Random people with two attributes and some records each.
fn records() -> impl Strategy<Value = Vec<(u32, u32, i128)>> {
    prop::collection::vec((0_u32..4, 0_u32..3, 1_i128..4), 30..120)
}

/// A table of one attribute with counts of records and people.
fn by(
    attribute: &str,
    rows: &[(u32, u32, i128)],
    value: fn(&(u32, u32, i128)) -> u32,
    order: &[u32],
) -> CellTable {
    let group = |label: &u32| {
        let members = (0_u32..).zip(rows).filter(|(_, row)| value(row) == *label);
        evidence(members.flat_map(|(subject, row)| vec![(subject, 1); usize::try_from(row.2).unwrap()]))
    };
    let groups: Vec<Evidence> = order.iter().map(group).collect();
    let labels = StringArray::from_iter_values(order.iter().map(u32::to_string));
    let statistics = vec![
        count("records", groups.clone()),
        StatisticColumn { kind: StatisticKind::People, ..count("people", groups.clone()) },
    ];
    let keys = vec![crate::KeyColumn {
        name: attribute.into(),
        values: Arc::new(labels),
        declared: false,
        telling: Telling::default(),
    }];
    CellTable { keys, groups, statistics, parent: None, attributes: Vec::new() }
}

proptest! {
    #[test]
    fn the_order_of_rows_decides_nothing(rows in records(), seed in any::<u64>()) {
        let result = |order_a: &[u32], order_b: &[u32]| {
            let tables = vec![by("a", &rows, |row| row.0, order_a), by("b", &rows, |row| row.1, order_b)];
            let checked = checked(tables);
            let mut texts: Vec<Vec<String>> = checked.tables().iter().map(text).collect();
            texts.iter_mut().for_each(|table| table.sort());
            texts
        };
        let (mut a, mut b) = (vec![0, 1, 2, 3], vec![0, 1, 2]);
        let expected = result(&a, &b);
        a.rotate_left(usize::try_from(seed % 4).unwrap());
        b.reverse();
        prop_assert_eq!(result(&a, &b), expected);
    }
}
