//! The elimination of condition 2 beside the reference implementation of Gauss suppression, and exact ranks.
//!
//! `tests/data/gauss` has tables with the cells that SSBtools withholds. Its atoms are people here, so that a cell
//! of the file is a sum of this crate; its order of candidates is the order of importance. What runs is what runs
//! for a release: [`people::classes`] and [`span::without_secrets`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::algebra::Algebra;
use super::columns::Column;
use super::{STEPS, Secret, people, span};
use crate::evidence::Evidence;
use crate::testing;

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
