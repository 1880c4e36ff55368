//! Which cells of a release are withheld: each judged by itself, then all of one measure together.

use std::collections::BTreeSet;

use arrow::util::display::array_value_to_string;

use crate::Error;
use crate::evidence::Evidence;
use crate::profile::Profile;
use crate::rules::{self, Reason};
use crate::suppression::{self, Candidate, Place};
use crate::unreleased::{CellTable, StatisticColumn};

/// What was decided of one cell.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    /// Why it is withheld; empty if it is released.
    pub(super) reasons: BTreeSet<Reason>,
}

impl Verdict {
    pub(super) fn withholds(&self) -> bool {
        !self.reasons.is_empty()
    }
}

/// What was decided of one table.
pub(super) struct TableVerdict {
    /// For each row, whether its group has people enough to be named.
    groups: Vec<bool>,
    /// For each statistic and row.
    pub(super) statistics: Vec<Vec<Verdict>>,
}

impl TableVerdict {
    /// Whether a row's label may be shown without any statistic.
    pub(super) fn group_may_be_named(&self, row: usize) -> bool {
        self.groups.get(row).is_some_and(|named| *named)
    }

    fn cell(&mut self, statistic: usize, row: usize) -> Option<&mut Verdict> {
        self.statistics.get_mut(statistic)?.get_mut(row)
    }
}

/// The verdicts on the tables of one release.
pub(super) fn judge(tables: &[CellTable], profile: &Profile, steps: u64) -> Result<Vec<TableVerdict>, Error> {
    let mut verdicts: Vec<TableVerdict> = tables.iter().map(|table| alone(table, profile)).collect();
    let (cells, candidates): (Vec<Cell>, Vec<Candidate<'_>>) = sums(tables, profile)?.into_iter().unzip();
    for number in suppression::suppress(&candidates, profile, steps) {
        let cell = cells.get(number).copied();
        let verdict = cell.and_then(|cell| verdicts.get_mut(cell.table)?.cell(cell.statistic, cell.row));
        if let Some(verdict) = verdict {
            verdict.reasons.insert(Reason::Secondary);
        }
    }
    Ok(verdicts)
}

/// Where a cell is.
#[derive(Clone, Copy)]
struct Cell {
    table: usize,
    statistic: usize,
    row: usize,
}

/// The sums of a release, with the cells that they are in.
type Sums<'a> = Vec<(Cell, Candidate<'a>)>;

/// Each cell of a table judged by itself.
fn alone(table: &CellTable, profile: &Profile) -> TableVerdict {
    let rows = || table.groups.iter().enumerate();
    let named = |group: &Evidence| group.people() > 0 && rules::judge_group(group, [], profile).is_empty();
    let verdict = |statistic: &StatisticColumn, row: usize, group: &Evidence| {
        let mut reasons = judge_whole(statistic, row, group, profile);
        let parts = statistic.parts.iter().filter_map(|part| part.evidence.get(row));
        reasons.extend(parts.flat_map(|part| rules::judge_part(part, profile)));
        Verdict { reasons }
    };
    let statistics = table.statistics.iter();
    TableVerdict {
        groups: table.groups.iter().map(named).collect(),
        statistics: statistics
            .map(|statistic| rows().map(|(row, group)| verdict(statistic, row, group)).collect())
            .collect(),
    }
}

/// The sums that ask to be published or must be kept secret. All stand in one system, whatever they are sums
/// of: `SUM(1 + 0 * x)` is a count, and which sums are, no name of a measure can tell.
fn sums<'a>(tables: &'a [CellTable], profile: &Profile) -> Result<Sums<'a>, Error> {
    let mut sums = Sums::new();
    for (at, table) in tables.iter().enumerate() {
        let labels = (0..table.groups.len()).map(|row| label(table, row)).collect::<Result<Vec<_>, _>>()?;
        for (number, statistic) in table.statistics.iter().enumerate() {
            for (row, (group, label)) in table.groups.iter().zip(&labels).enumerate() {
                let place = |part| Place { table: at, statistic: number, part, label: label.clone() };
                let cell = Cell { table: at, statistic: number, row };
                let asked = candidates(statistic, row, group, &place, profile);
                sums.extend(asked.into_iter().map(|candidate| (cell, candidate)));
            }
        }
    }
    Ok(sums)
}

/// The parts of one cell. A part of a withheld statistic that no rule withholds is neither published nor
/// a secret.
fn candidates<'a>(
    statistic: &'a StatisticColumn,
    row: usize,
    group: &'a Evidence,
    place: &impl Fn(usize) -> Place,
    profile: &Profile,
) -> Vec<Candidate<'a>> {
    let whole_fails = !judge_whole(statistic, row, group, profile).is_empty();
    let parts: Vec<(usize, &Evidence, bool)> = statistic
        .parts
        .iter()
        .enumerate()
        .filter_map(|(number, part)| Some((number, part.evidence.get(row)?)))
        .map(|(number, evidence)| {
            let fails = whole_fails || !rules::judge_part(evidence, profile).is_empty();
            (number, evidence, fails)
        })
        .collect();
    let withheld = parts.iter().any(|(.., fails)| *fails);
    let concerned = parts.into_iter().filter(|(.., fails)| *fails == withheld);
    concerned.map(|(part, evidence, withheld)| Candidate { place: place(part), evidence, withheld }).collect()
}

/// What fails for a statistic as a whole.
fn judge_whole(
    statistic: &StatisticColumn,
    row: usize,
    group: &Evidence,
    profile: &Profile,
) -> BTreeSet<Reason> {
    let branches = statistic.branches.iter();
    let sides = branches.filter_map(|branch| Some((branch.inside.get(row)?, branch.outside.get(row)?)));
    rules::judge_group(group, sides, profile)
}

/// A row's keys as text, which do not depend on the order of the rows.
fn label(table: &CellTable, row: usize) -> Result<Vec<String>, Error> {
    let text = |values: &arrow::array::ArrayRef| {
        if values.is_null(row) {
            Ok("null".to_owned())
        } else {
            array_value_to_string(values, row).map(|text| format!("={text}"))
        }
    };
    let keys = table.keys.iter().map(|key| text(&key.values));
    keys.collect::<Result<_, _>>().map_err(|_| Error::Malformed("a key has no text"))
}
