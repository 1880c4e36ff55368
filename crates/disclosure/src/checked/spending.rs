//! Which cells of a release, after all other rules, come too close to somebody's value.

use std::collections::{BTreeMap, BTreeSet};

use sekisho_model::Digest;
use sha2::{Digest as _, Sha256};

use super::verdict::{Cell, Claim, Sum, TableVerdict, Verdict};
use crate::budget::{Asked, Budget, Charge};
use crate::profile::Profile;
use crate::unreleased::CellTable;

/// What a release costs.
pub(super) struct Spent {
    /// The cells that come too close.
    pub(super) too_close: BTreeSet<Cell>,
    /// What the others add.
    pub(super) charges: Vec<Charge>,
}

/// Judges the cells that are left, by table, statistic and labels: the order of rows means nothing. After few people
/// left, with what was charged since.
pub(super) fn spend(
    tables: &[CellTable],
    verdicts: &[TableVerdict],
    sums: &[Sum<'_>],
    (budget, since): (&Budget, Option<&Budget>),
    profile: &Profile,
) -> Spent {
    if tables.iter().all(|table| table.attributes.is_empty()) {
        return Spent { too_close: BTreeSet::new(), charges: Vec::new() };
    }
    let mut cells: BTreeMap<(usize, usize, &[String], Cell), Vec<usize>> = BTreeMap::new();
    for sum in sums.iter().filter(|sum| sum.claim == Claim::Published && !withheld(verdicts, sum.cell)) {
        let place = (sum.place.table, sum.place.statistic, sum.place.label.as_slice(), sum.cell);
        cells.entry(place).or_default().push(sum.place.part);
    }
    let asked = cells.into_iter().map(|((table, statistic, _, cell), parts)| Asked {
        table,
        statistic,
        row: cell.row,
        parts,
    });
    let asked: Vec<Asked> = asked.collect();
    let spent = budget.spend_since(since, (tables, &asked), profile);
    let cell = |at: &usize| {
        let asked = asked.get(*at)?;
        Some(Cell { table: asked.table, statistic: asked.statistic, row: asked.row })
    };
    Spent { too_close: spent.too_close.iter().filter_map(cell).collect(), charges: spent.charges }
}

/// What is asked, with what its conditions would let through: the same numbers say something else of other
/// people.
pub(super) fn question(question: Digest, tables: &[CellTable]) -> Digest {
    let mut hash = Sha256::new();
    hash.update(b"sekisho frames 1\0");
    hash.update(question.as_bytes());
    let mut reads = false;
    for table in tables {
        for attribute in &table.attributes {
            reads = true;
            hash.update(attribute.name.as_bytes());
            hash.update([0, u8::from(attribute.with.is_some()), u8::from(attribute.without.is_some())]);
            attribute.labels.iter().for_each(|key| hash.update(key.to_le_bytes()));
            let frames = attribute.with.iter().flatten().chain(&attribute.without);
            for sum in frames.flat_map(|frames| frames.sums.iter().flatten().flatten()) {
                hash.update(sum.contributions().digest());
            }
        }
    }
    if reads { Digest::from_bytes(hash.finalize().into()) } else { question }
}

fn withheld(verdicts: &[TableVerdict], cell: Cell) -> bool {
    let verdict =
        verdicts.get(cell.table).and_then(|table| table.statistics.get(cell.statistic)?.get(cell.row));
    verdict.is_none_or(Verdict::withholds)
}
