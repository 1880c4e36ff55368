//! How many people would be on an empty side of a branch, were some of its conditions left out.

use std::collections::BTreeSet;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::util::display::array_value_to_string;

use crate::algebra::{Formula, Sides, Zeros};
use crate::disclosure::{Branch, CellTable, Evidence, KeyColumn, Zero};

/// Most columns of which every choice is left out.
const MOST_COLUMNS: usize = 8;

/// Most rows that are looked at for one table: of each choice for each row.
const MOST_LOOKS: usize = 1 << 25;

/// So many people are enough for every profile; they are not counted further.
const ENOUGH: usize = 1_000;

/// Whether a side of a branch is empty in a group that is not.
pub(crate) fn has_an_empty_side(table: &CellTable) -> bool {
    let branches = || table.statistics.iter().flat_map(|statistic| &statistic.branches);
    let rows = table.groups.iter().enumerate().filter(|(_, group)| group.people() > 0);
    rows.into_iter().any(|(row, _)| {
        branches().any(|branch| is_empty(&branch.inside, row) || is_empty(&branch.outside, row))
    })
}

fn is_empty(side: &[Evidence], row: usize) -> bool {
    side.get(row).is_none_or(|side| side.people() == 0)
}

/// Says of each branch of a table what is known of its empty sides. `others` are the records without what restricts
/// them, where they are known.
pub(crate) fn fill(table: &mut CellTable, zeros: &Zeros, others: Option<&CellTable>) {
    let mut judge =
        Judge { zeros, rows: others.map(|others| rows(others, zeros)).unwrap_or_default(), looks: 0 };
    let labels: Vec<Vec<Option<String>>> =
        (0..table.groups.len()).map(|row| labels(&table.keys, zeros.keys, row)).collect();
    let people: Vec<bool> = table.groups.iter().map(|group| group.people() > 0).collect();
    for (statistic, sides) in table.statistics.iter_mut().zip(&zeros.branches) {
        for (branch, sides) in statistic.branches.iter_mut().zip(sides) {
            let of_row = |(row, labels): (usize, &Vec<Option<String>>)| {
                let wanted = people.get(row).is_some_and(|people| *people);
                let mut zero = |side: &[Evidence], formula: Option<&Formula>| match formula {
                    _ if !wanted || !is_empty(side, row) => Zero::Silent,
                    Some(formula) => judge.fewest(labels, formula),
                    None => Zero::Unknown,
                };
                let Branch { inside, outside, .. } = &*branch;
                match sides {
                    Sides::Known { inside: taken, outside: untaken } => {
                        (zero(inside, Some(taken)), zero(outside, Some(untaken)))
                    }
                    Sides::Silent => (Zero::Silent, Zero::Silent),
                    Sides::Unknown => (zero(inside, None), zero(outside, None)),
                }
            };
            let zeros = labels.iter().enumerate().map(of_row).collect();
            branch.zeros = zeros;
        }
    }
}

/// The people who have the same labels and fulfil the same conditions.
struct Row {
    labels: Vec<Option<String>>,
    fulfilled: Vec<bool>,
    people: Evidence,
}

fn rows(table: &CellTable, zeros: &Zeros) -> Vec<Row> {
    let of_row = |(row, people): (usize, &Evidence)| {
        let literals = table.keys.iter().skip(zeros.keys);
        let holds = |key: &KeyColumn| {
            key.values.as_boolean_opt().is_some_and(|truth| truth.is_valid(row) && truth.value(row))
        };
        Row {
            labels: labels(&table.keys, zeros.keys, row),
            fulfilled: literals.map(holds).collect(),
            people: people.clone(),
        }
    };
    table.groups.iter().enumerate().map(of_row).collect()
}

fn labels(keys: &[KeyColumn], number: usize, row: usize) -> Vec<Option<String>> {
    let text = |key: &KeyColumn| {
        let text = key.values.is_valid(row).then(|| array_value_to_string(&key.values, row));
        text.and_then(Result::ok)
    };
    keys.iter().take(number).map(text).collect()
}

struct Judge<'a> {
    zeros: &'a Zeros,
    rows: Vec<Row>,
    looks: usize,
}

impl Judge<'_> {
    /// The fewest people, but for nobody, whatever columns are left out.
    fn fewest(&mut self, labels: &[Option<String>], side: &Formula) -> Zero {
        let mut read: BTreeSet<usize> = self.zeros.columns.iter().take(self.zeros.keys).copied().collect();
        self.columns(&self.zeros.around, &mut read);
        self.columns(side, &mut read);
        let read: Vec<usize> = read.into_iter().collect();
        if read.len() > MOST_COLUMNS {
            return Zero::Unknown;
        }
        let choices = 1_usize << read.len();
        self.looks = self.looks.saturating_add(choices.saturating_mul(self.rows.len()));
        if self.looks > MOST_LOOKS {
            return Zero::Unknown;
        }
        let mut fewest = None;
        for choice in 0..choices {
            let left_out: BTreeSet<usize> = read
                .iter()
                .enumerate()
                .filter(|(bit, _)| choice >> bit & 1 == 1)
                .map(|(_, column)| *column)
                .collect();
            let people = self.people(labels, side, &left_out);
            if people > 0 && fewest.is_none_or(|fewest| people < fewest) {
                fewest = Some(people);
            }
        }
        Zero::Among(fewest.and_then(|fewest| u64::try_from(fewest).ok()).unwrap_or(0))
    }

    fn columns(&self, formula: &Formula, read: &mut BTreeSet<usize>) {
        match formula {
            Formula::All(all) | Formula::Any(all) => all.iter().for_each(|one| self.columns(one, read)),
            Formula::Literal(number) => read.extend(self.column_of(*number)),
        }
    }

    fn column_of(&self, literal: usize) -> Option<usize> {
        self.zeros.columns.iter().skip(self.zeros.keys).nth(literal).copied()
    }

    /// How many people would be there without the conditions on some columns; of many, enough.
    fn people(&self, labels: &[Option<String>], side: &Formula, left_out: &BTreeSet<usize>) -> usize {
        let mut found: BTreeSet<u32> = BTreeSet::new();
        for row in &self.rows {
            if !self.has_labels(row, labels, left_out)
                || !self.fulfils(row, &self.zeros.around, left_out)
                || !self.fulfils(row, side, left_out)
            {
                continue;
            }
            found.extend(row.people.subjects().iter().take(ENOUGH));
            if found.len() >= ENOUGH {
                return ENOUGH;
            }
        }
        found.len()
    }

    /// Whether a row has the labels of another; one that a grouping set leaves out is any.
    fn has_labels(&self, row: &Row, labels: &[Option<String>], left_out: &BTreeSet<usize>) -> bool {
        let keys = row.labels.iter().zip(labels).zip(&self.zeros.columns);
        keys.into_iter().all(|((own, other), column)| {
            own == other || left_out.contains(column) || (other.is_none() && self.zeros.has_sets)
        })
    }

    fn fulfils(&self, row: &Row, formula: &Formula, left_out: &BTreeSet<usize>) -> bool {
        match formula {
            Formula::All(all) => all.iter().all(|one| self.fulfils(row, one, left_out)),
            Formula::Any(any) => any.iter().any(|one| self.fulfils(row, one, left_out)),
            Formula::Literal(number) => {
                row.fulfilled.get(*number).is_some_and(|holds| *holds)
                    || self.column_of(*number).is_some_and(|column| left_out.contains(&column))
            }
        }
    }
}
