//! Which rows of a table are totals of which others: those of grouping sets with fewer keys.
//!
//! What a total is the total of is found by its labels and proven by the numbers: only where all cells are shown
//! and add up exactly is their rounded sum shown in its place. So no label has to be trusted.

use std::collections::BTreeMap;

use arrow::array::Array as _;

use super::rounded::Sums;
use crate::rules::labels;
use crate::unreleased::{CellTable, KeyColumn};

/// The totals of a table, those of fewer rows first.
pub(super) struct Margins {
    totals: Vec<Total>,
}

/// A row that may be a total.
struct Total {
    row: usize,
    /// The rows that it may be the total of, one list for each finer grouping set, the finest first.
    cells: Vec<Vec<usize>>,
}

/// The rows of one grouping set.
struct Set {
    rows: Vec<usize>,
    /// The keys that it groups by, as far as their labels show.
    keys: Vec<usize>,
}

impl Margins {
    /// Those of a table; none where it has one grouping set.
    pub(super) fn of(table: &CellTable) -> Self {
        let mut sets = sets(table);
        sets.sort_by_key(|set| std::cmp::Reverse(set.keys.len()));
        let mut totals = Vec::new();
        for (place, set) in sets.iter().enumerate() {
            let finer = sets.iter().take(place).filter(|finer| {
                finer.keys.len() > set.keys.len() && set.keys.iter().all(|key| finer.keys.contains(key))
            });
            let groups: Vec<_> = finer.map(|finer| finer.by_labels(table, &set.keys)).collect();
            totals.extend(set.rows.iter().map(|row| {
                let label = labels(&table.keys, &set.keys, *row);
                let cells = groups.iter().filter_map(|group| group.get(&label).cloned());
                Total { row: *row, cells: cells.collect() }
            }));
        }
        Self { totals }
    }

    /// Shows each total as the sum of its cells, where all of them are shown.
    pub(super) fn add_up(&self, sums: &mut [Option<Sums>]) {
        for total in &self.totals {
            let Some(own) = sums.get(total.row).cloned().flatten() else { continue };
            let added = total.cells.iter().filter_map(|cells| added(sums, cells, own.exact.len()));
            let found = added.into_iter().find(|added| added.exact == own.exact);
            if let (Some(found), Some(place)) = (found, sums.get_mut(total.row)) {
                *place = Some(found);
            }
        }
    }
}

impl Set {
    /// Its rows by their labels in some of the keys.
    fn by_labels(&self, table: &CellTable, keys: &[usize]) -> BTreeMap<Vec<Option<String>>, Vec<usize>> {
        let mut rows: BTreeMap<Vec<Option<String>>, Vec<usize>> = BTreeMap::new();
        for row in &self.rows {
            rows.entry(labels(&table.keys, keys, *row)).or_default().push(*row);
        }
        rows
    }
}

/// The sums of some cells; none if one of them is not shown.
fn added(sums: &[Option<Sums>], cells: &[usize], length: usize) -> Option<Sums> {
    let mut all = Sums { exact: vec![0; length], shown: vec![0; length] };
    for cell in cells {
        let cell = sums.get(*cell)?.as_ref()?;
        for (sum, more) in [(&mut all.exact, &cell.exact), (&mut all.shown, &cell.shown)] {
            for (sum, more) in sum.iter_mut().zip(more) {
                *sum = sum.checked_add(*more)?;
            }
        }
    }
    Some(all)
}

/// The grouping sets of a table, told apart by the number that the engine gives them; none if it gives none.
fn sets(table: &CellTable) -> Vec<Set> {
    let (numbers, keys): (Vec<usize>, Vec<usize>) =
        (0..table.keys.len()).partition(|key| table.keys.get(*key).is_some_and(is_number_of_a_set));
    let mut rows: BTreeMap<Vec<Option<String>>, Vec<usize>> = BTreeMap::new();
    if !numbers.is_empty() {
        for row in 0..table.groups.len() {
            rows.entry(labels(&table.keys, &numbers, row)).or_default().push(row);
        }
    }
    let labelled = |key: &usize, rows: &[usize]| {
        table.keys.get(*key).is_some_and(|key| rows.iter().any(|row| key.values.is_valid(*row)))
    };
    let set = |rows: Vec<usize>| {
        let keys = keys.iter().copied().filter(|key| labelled(key, &rows)).collect();
        Set { rows, keys }
    };
    rows.into_values().map(set).collect()
}

/// The vault stores no unsigned numbers: such a key tells grouping sets apart.
fn is_number_of_a_set(key: &KeyColumn) -> bool {
    key.values.data_type().is_unsigned_integer()
}
