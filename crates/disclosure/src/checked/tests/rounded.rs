//! What a profile that rounds shows.

use arrow::array::{ArrayRef, UInt8Array};
use sekisho_model::Rounding;

use super::*;
use crate::{KeyColumn, RoundingKey, Telling};

fn rounding(rounding: Rounding) -> Profile {
    Profile { rounding, ..japan() }.with_rounding_key(RoundingKey::new([7; 32]))
}

fn rounded(tables: Vec<CellTable>, how: Rounding) -> Vec<Vec<String>> {
    let checked = check_first(Unreleased::new(tables), &rounding(how), Hold::ByRule).unwrap();
    checked.tables().iter().map(text).collect()
}

#[test]
fn what_is_withheld_stays_so_and_what_is_shown_is_rounded() {
    let groups = || vec![("F", people(0..23)), ("M", people(30..39)), ("X", people(40..52))];
    let rows = || groups().into_iter().map(|(_, group)| group).collect::<Vec<_>>();
    let shown = |how| rounded(vec![table("sex", groups(), [count("n", rows())])], how).remove(0);
    assert_eq!(shown(Rounding::None), ["F 23", "X 12"]);
    assert_eq!(shown(Rounding::Five), ["F 25", "X 10"]);
    assert_eq!(shown(Rounding::MidpointSix), ["F 21", "X 9"]);
    assert_eq!(shown(Rounding::Ten), ["F 20", "X 10"]);
    assert_eq!(shown(Rounding::Keyed), shown(Rounding::Keyed));
}

#[test]
fn a_mean_is_the_quotient_of_what_is_shown() {
    let everybody = || people(0..23);
    let amounts = || evidence((0..23).map(|person| (person, 7 + i128::from(person % 2))));
    let parts = || vec![(Scale::Decimal(1), vec![amounts()]), (Scale::Integer, vec![everybody()])];
    let statistics = || {
        vec![
            count("n", vec![everybody()]),
            sum("s", Scale::Decimal(1), vec![amounts()]),
            statistic("m", StatisticKind::Mean, parts()),
            StatisticColumn { kind: StatisticKind::People, ..count("p", vec![everybody()]) },
        ]
    };
    let shown = |how| rounded(vec![ungrouped(everybody(), statistics())], how).remove(0).remove(0);
    assert_eq!(shown(Rounding::None), "23 17.2 0.74782 23");
    // 17.2 in steps of five times 0.8.
    assert_eq!(shown(Rounding::Five), "25 16.0 0.64000 25");
    assert_eq!(shown(Rounding::MidpointSix), "21 16.8 0.80000 21");
}

#[test]
fn a_mean_tells_no_more_than_the_numbers_that_are_shown() {
    // As many people as are rounded alike, whose exact means differ.
    let mean = |people_of_it: u32| {
        let amounts = evidence((0..people_of_it).map(|person| (person, 100 + i128::from(person))));
        let parts = vec![(Scale::Integer, vec![amounts]), (Scale::Integer, vec![people(0..people_of_it)])];
        let table = ungrouped(people(0..people_of_it), vec![statistic("m", StatisticKind::Mean, parts)]);
        rounded(vec![table], Rounding::Five).remove(0)
    };
    assert_eq!(mean(38), mean(39));
}

#[test]
fn squares_keep_three_digits() {
    let of = |power: u32| evidence((0..30).map(|person| (person, i128::from(person + 1).pow(power))));
    let parts = (0..3).map(|power| (Scale::Integer, vec![of(power)])).collect();
    let variance = statistic("v", StatisticKind::Variance { sample: true, root: false }, parts);
    assert_eq!(rounded(vec![ungrouped(people(0..30), vec![variance])], Rounding::Five)[0], ["77.5"]);
}

/// Two labels, the grouping set, and the people.
type CubeCell<'a> = (Option<&'a str>, Option<&'a str>, u8, std::ops::Range<u32>);

/// Counts by sex and area, by sex, and of everybody, as the engine gives grouping sets.
fn cube(cells: &[CubeCell<'_>]) -> CellTable {
    let key = |name: &str, values: ArrayRef| KeyColumn {
        name: name.into(),
        values,
        declared: false,
        telling: Telling::default(),
    };
    let sexes = StringArray::from_iter(cells.iter().map(|cell| cell.0));
    let areas = StringArray::from_iter(cells.iter().map(|cell| cell.1));
    let sets = UInt8Array::from_iter_values(cells.iter().map(|cell| cell.2));
    let groups: Vec<Evidence> = cells.iter().map(|cell| people(cell.3.clone())).collect();
    CellTable {
        keys: vec![key("sex", Arc::new(sexes)), key("area", Arc::new(areas)), key("set", Arc::new(sets))],
        statistics: vec![count("n", groups.clone())],
        groups,
        parent: None,
        attributes: Vec::new(),
    }
}

#[test]
fn totals_are_sums_of_the_rounded_cells() {
    let table = || {
        cube(&[
            (None, None, 3, 0..102),
            (Some("F"), None, 1, 0..51),
            (Some("M"), None, 1, 51..102),
            (Some("F"), Some("a"), 0, 0..17),
            (Some("F"), Some("b"), 0, 17..34),
            (Some("F"), Some("c"), 0, 34..51),
            (Some("M"), Some("a"), 0, 51..68),
            (Some("M"), Some("b"), 0, 68..85),
            (Some("M"), Some("c"), 0, 85..102),
        ])
    };
    let totals = |how| {
        let rows = rounded(vec![table()], how).remove(0);
        rows.into_iter().filter(|row| row.contains('-')).collect::<Vec<_>>()
    };
    assert_eq!(totals(Rounding::None), ["- - 3 102", "F - 1 51", "M - 1 51"]);
    // Three times 17 is three times 15, though 51 is nearer to 50.
    assert_eq!(totals(Rounding::Five), ["- - 3 90", "F - 1 45", "M - 1 45"]);
    assert_eq!(totals(Rounding::Ten), ["- - 3 120", "F - 1 60", "M - 1 60"]);
}

#[test]
fn a_total_of_withheld_cells_is_rounded_by_itself() {
    let cells = cube(&[
        (Some("F"), None, 1, 0..43),
        (Some("F"), Some("a"), 0, 0..17),
        (Some("F"), Some("b"), 0, 17..35),
        (Some("F"), Some("c"), 0, 35..43),
    ]);
    let rows = rounded(vec![cells], Rounding::Five).remove(0);
    assert!(rows.contains(&"F - 1 45".to_owned()), "{rows:?}");
}

#[test]
fn without_a_key_nothing_is_released_where_rounding_needs_one() {
    let profile = Profile { rounding: Rounding::Keyed, ..japan() };
    let tables = vec![ungrouped(people(0..20), vec![count("n", vec![people(0..20)])])];
    let error = check_first(Unreleased::new(tables), &profile, Hold::ByRule).unwrap_err();
    assert_eq!(error, Error::NoRoundingKey);
}
