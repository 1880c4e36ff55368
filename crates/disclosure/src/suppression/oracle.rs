//! The elimination of condition 2 beside the reference implementation of Gauss suppression, and exact ranks.
//!
//! `tests/data/gauss` has tables with the cells that SSBtools withholds. Its atoms are people here, so that a cell
//! of the file is a sum of this crate; its order of candidates is the order of importance. What runs is what runs
//! for a release: [`people::classes`] and [`span::without_secrets`].

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sekisho_model::Hold;
use serde_json::Value;

use super::algebra::Algebra;
use super::columns::Column;
use super::{Candidate, Place, STEPS, Secret, people, span, suppress};
use crate::evidence::Evidence;
use crate::history::Status;
use crate::testing::{self, fails_alone, threshold_only};
use crate::{Ledger, Unreleased, check};

/// One file of the reference.
struct Table {
    name: String,
    /// For each cell, its atoms.
    cells: Vec<Vec<u32>>,
    primary: Vec<usize>,
    candidates: Vec<usize>,
    secondary: BTreeSet<usize>,
}

impl Table {
    fn of(text: &str) -> Self {
        let file: Value = serde_json::from_str(text).unwrap();
        let list = |field: &str| numbers(&file[field]);
        let cells = file["cols"].as_array().unwrap();
        Self {
            name: file["name"].as_str().unwrap().to_owned(),
            cells: cells
                .iter()
                .map(|atoms| numbers(atoms).map(|atom| u32::try_from(atom).unwrap()).collect())
                .collect(),
            primary: list("primary").collect(),
            candidates: list("candidates").collect(),
            secondary: list("secondary_none").collect(),
        }
    }

    /// The cells that are neither primary nor withheld to protect those.
    fn published(&self) -> BTreeSet<usize> {
        let withheld = |cell: &usize| self.primary.contains(cell) || self.secondary.contains(cell);
        (0..self.cells.len()).filter(|cell| !withheld(cell)).collect()
    }

    /// What our elimination withholds to protect the primary cells, with the file's order of candidates.
    fn withheld(&self) -> BTreeSet<usize> {
        let sums: Vec<Evidence> =
            self.candidates.iter().map(|cell| testing::people(self.cells[*cell].iter().copied())).collect();
        let is_primary = |place: usize| self.primary.contains(&self.candidates[place]);
        let column = |(place, evidence)| Column {
            evidence,
            withheld: is_primary(place),
            standing: None,
            members: vec![place],
        };
        let columns: Vec<Column<'_>> = sums.iter().enumerate().map(column).collect();
        let columns: Vec<&Column<'_>> = columns.iter().collect();
        let algebra = Algebra::new(sums.iter(), STEPS);
        let classes = people::classes(&columns, &algebra).unwrap();
        let (primary, open): (Vec<usize>, Vec<usize>) = (0..sums.len()).partition(|place| is_primary(*place));
        let number = |place: &usize| u32::try_from(*place).unwrap();
        let mut secrets =
            primary.iter().map(|place| Secret::of_column(number(place), &classes)).collect::<Vec<_>>();
        let mut published: BTreeSet<u32> = open.iter().map(number).collect();
        span::without_secrets(&classes, &mut published, 0, &mut secrets, &algebra).unwrap();
        open.iter()
            .filter(|place| !published.contains(&number(place)))
            .map(|place| self.candidates[*place])
            .collect()
    }
}

fn numbers(value: &Value) -> impl Iterator<Item = usize> {
    let several = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    several.into_iter().map(|number| usize::try_from(number.as_u64().unwrap()).unwrap())
}

fn tables() -> Vec<Table> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/gauss");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let texts = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    texts.map(|path| Table::of(&std::fs::read_to_string(path).unwrap())).collect()
}

/// A space over the rationals: rows of whole numbers without a common divisor, by pivot. Every product is checked,
/// so a rank that comes out is exact.
#[derive(Default)]
pub(crate) struct Exact(BTreeMap<usize, BTreeMap<usize, i128>>);

impl Exact {
    /// Adds a vector; `false` if it was in the space.
    pub(crate) fn insert(&mut self, vector: impl IntoIterator<Item = (usize, i128)>) -> bool {
        let rest = self.rest(vector);
        let Some(pivot) = rest.keys().next().copied() else { return false };
        self.0.insert(pivot, rest);
        true
    }

    /// Whether a vector is in the space.
    pub(crate) fn contains(&self, vector: impl IntoIterator<Item = (usize, i128)>) -> bool {
        self.rest(vector).is_empty()
    }

    fn rest(&self, vector: impl IntoIterator<Item = (usize, i128)>) -> BTreeMap<usize, i128> {
        let mut rest: BTreeMap<usize, i128> = vector.into_iter().filter(|(_, value)| *value != 0).collect();
        let mut from = 0;
        // No row reaches before its pivot, so what was made zero stays zero.
        while let Some((at, value)) = rest.range(from..).next().map(|(at, value)| (*at, *value)) {
            from = at + 1;
            let Some(row) = self.0.get(&at) else { continue };
            let divisor = common_divisor(value, row[&at]);
            let (mine, theirs) = (row[&at] / divisor, value / divisor);
            for value in rest.values_mut() {
                *value = value.checked_mul(mine).unwrap();
            }
            for (place, other) in row {
                let value = rest.entry(*place).or_insert(0);
                *value = value.checked_sub(other.checked_mul(theirs).unwrap()).unwrap();
            }
            rest.retain(|_, value| *value != 0);
            let divisor = rest.values().fold(0, |divisor, value| common_divisor(divisor, *value));
            rest.values_mut().for_each(|value| *value /= divisor);
        }
        rest
    }
}

fn common_divisor(left: i128, right: i128) -> i128 {
    if right == 0 { left.abs() } else { common_divisor(right, left % right) }
}

fn vector(cell: &[u32]) -> impl Iterator<Item = (usize, i128)> {
    cell.iter().map(|atom| (usize::try_from(*atom).unwrap(), 1))
}

#[test]
fn the_reference_withholds_the_same_cells_in_the_same_order() {
    let tables = tables();
    assert_eq!(tables.len(), 13);
    for table in tables {
        assert_eq!(table.withheld(), table.secondary, "{}", table.name);
    }
}

#[test]
fn no_withheld_cell_of_the_reference_is_a_combination_of_published_ones() {
    for table in tables() {
        let published = table.published();
        let mut space = Exact::default();
        // Small cells first: then a margin is soon no more than its withheld cells.
        let mut order: Vec<usize> = published.iter().copied().collect();
        order.sort_by_key(|cell| table.cells[*cell].len());
        for cell in order {
            space.insert(vector(&table.cells[cell]));
        }
        for cell in (0..table.cells.len()).filter(|cell| !published.contains(cell)) {
            assert!(!space.contains(vector(&table.cells[cell])), "{}: {cell}", table.name);
        }
    }
}

/// What everybody contributes to a sum.
fn contributions(sum: &Evidence) -> impl Iterator<Item = (usize, i128)> {
    sum.contributions().iter().map(|(subject, amount)| (usize::try_from(subject).unwrap(), amount))
}

/// People as a code of twelve, in four chapters of three, and an area of three.
fn people_with_codes() -> impl Strategy<Value = Vec<(u32, u32)>> {
    prop::collection::vec((0_u32..12, 0_u32..3), 10..140)
}

/// How coarse a group is by code (code, chapter, all) and by area (area, all).
const LEVELS: [(u32, u32); 6] = [(99, 99), (99, 1), (3, 99), (3, 1), (1, 99), (1, 1)];

/// Counts of people by a level of the hierarchy, with the labels of the groups.
fn groups(people: &[(u32, u32)], (code, area): (u32, u32), which: u32) -> Vec<(String, Evidence)> {
    let mut groups: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
    for (subject, person) in (0..).zip(people).filter(|(subject, _)| which == 0 || subject % which != 0) {
        groups.entry((person.0 / code, person.1 / area)).or_default().push(subject);
    }
    let named =
        |((code, area), people): ((u32, u32), Vec<u32>)| (format!("{code} {area}"), testing::people(people));
    groups.into_iter().map(named).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_withheld_group_of_a_hierarchy_is_a_combination(people in people_with_codes(), minimum in 3_u32..8) {
        let all = LEVELS.iter().flat_map(|level| groups(&people, *level, 0));
        let sums: Vec<Evidence> = all.map(|(_, group)| group).collect();
        let profile = threshold_only(minimum);
        let candidate = |(number, evidence)| Candidate {
            place: Place { rank: 0, keys: 0, table: 0, statistic: number, part: 0, label: Vec::new() },
            evidence,
            withheld: fails_alone(evidence, &profile),
            standing: None,
        };
        let candidates: Vec<Candidate<'_>> = sums.iter().enumerate().map(candidate).collect();
        let suppressed = suppress(&candidates, None, &profile, STEPS);
        let is_shown = |number: &usize| !candidates[*number].withheld && !suppressed.contains(number);
        let (shown, withheld): (Vec<usize>, Vec<usize>) = (0..sums.len()).partition(is_shown);
        let mut space = Exact::default();
        for number in shown {
            prop_assert!(sums[number].people() >= u64::from(minimum));
            space.insert(contributions(&sums[number]));
        }
        for number in withheld {
            prop_assert!(!space.contains(contributions(&sums[number])));
        }
    }

    #[test]
    fn no_history_brings_a_withheld_sum_into_the_span(
        people in people_with_codes(), releases in prop::collection::vec((0_usize..6, 0_u32..5), 2..6),
    ) {
        let profile = threshold_only(4);
        let mut ledger = Ledger::new();
        for (level, which) in releases {
            let groups = groups(&people, LEVELS[level], which.saturating_sub(1) * 7);
            let counts = groups.iter().map(|(_, group)| group.clone()).collect();
            let named = groups.iter().map(|(label, group)| (label.as_str(), group.clone())).collect();
            let table = testing::table("group", named, [testing::count("n", counts)]);
            let checked = check(Unreleased::new(vec![table]), &ledger, &profile, Hold::ByRule).unwrap();
            ledger.take(checked.page());
        }
        let mut space = Exact::default();
        let is_shown = |status| matches!(status, Status::Shown(_));
        for entry in ledger.entries().iter().filter(|entry| is_shown(entry.status)) {
            space.insert(contributions(&entry.evidence));
        }
        for entry in ledger.entries().iter().filter(|entry| !is_shown(entry.status) && entry.evidence.people() > 0) {
            prop_assert!(!space.contains(contributions(&entry.evidence)));
        }
    }
}
