//! Cells with the evidence behind them, from what the aggregates of a frontier gathered.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use datafusion::arrow::compute::{SortColumn, lexsort_to_indices, partition, take, take_record_batch};
use datafusion::common::{DataFusionError, Result};

use crate::algebra::Statistic;
use crate::deposit::Deposits;
use crate::disclosure::{
    Branch, CellTable, Evidence, Frame, KeyColumn, Part, Scale, StatisticColumn, StatisticKind, UnitKind,
    ValueColumn, Values,
};
use crate::freeze::{Freeze, frozen};
use crate::generate::{Instrumented, StatisticLayout, column_name};
use crate::plan::PlannedFrontier;

/// The name of the count of people that stands for a frontier without statistics.
const PEOPLE: &str = "people";

/// The cells of a frontier in the order of their keys: the engine's own order tells in which groups the
/// first people are.
pub(crate) struct InOrder {
    cells: RecordBatch,
    /// The rows that are one cell, for each cell: those of the divisions, in their order.
    rows: Vec<Range<usize>>,
}

impl InOrder {
    /// For each cell, what was gathered of it in the divisions.
    fn by_cell<T>(&self, gathered: Vec<Option<T>>) -> impl Iterator<Item = Vec<T>> {
        let mut gathered = gathered.into_iter();
        self.rows.iter().map(move |rows| gathered.by_ref().take(rows.len()).flatten().collect())
    }

    /// The evidence of columns of tickets: of all columns at once, so that no thread is without work.
    fn evidence<T: Freeze>(
        &self,
        columns: Vec<Vec<Option<T>>>,
        units: &[UnitKind],
        threads: NonZeroUsize,
    ) -> Result<Vec<Vec<T::Frozen>>> {
        let number = columns.len();
        let cells = columns.into_iter().flat_map(|gathered| self.by_cell(gathered)).collect();
        let mut evidence = frozen(cells, units, threads)?.into_iter();
        Ok((0..number).map(|_| evidence.by_ref().take(self.rows.len()).collect()).collect())
    }
}

pub(crate) fn in_order(cells: &RecordBatch, keys: usize) -> Result<InOrder> {
    let keys: Vec<ArrayRef> = cells.columns().iter().take(keys).cloned().collect();
    if keys.is_empty() {
        let rows = std::iter::once(0..cells.num_rows()).collect();
        return Ok(InOrder { cells: cells.clone(), rows });
    }
    let places: ArrayRef = Arc::new((0_u64..).take(cells.num_rows()).collect::<UInt64Array>());
    let sorted = |values: &ArrayRef| SortColumn { values: Arc::clone(values), options: None };
    let columns: Vec<SortColumn> = keys.iter().chain([&places]).map(sorted).collect();
    let cells = take_record_batch(cells, &lexsort_to_indices(&columns, None)?)?;
    let keys: Vec<ArrayRef> = cells.columns().iter().take(keys.len()).cloned().collect();
    let rows = if cells.num_rows() == 0 { Vec::new() } else { partition(&keys)?.ranges() };
    Ok(InOrder { cells, rows })
}

/// The cells with the evidence behind them.
pub(crate) fn cell_table(
    planned: &PlannedFrontier,
    in_order: &InOrder,
    gathered: &Deposits,
    units: &[UnitKind],
    threads: NonZeroUsize,
) -> Result<CellTable> {
    let PlannedFrontier { frontier, instrumented, parent: _, attributes: _, zeros: _ } = planned;
    let Instrumented { layout, first_tally, .. } = instrumented;
    let InOrder { cells, rows } = in_order;
    let first_rows: UInt64Array = rows.iter().map(|rows| u64::try_from(rows.start).ok()).collect();
    let keys = frontier.labels().into_iter().zip(cells.columns()).map(|(id, values)| {
        Ok(KeyColumn {
            name: column_name(id),
            values: take(values, &first_rows, None)?,
            declared: frontier.complete.is_some(),
            telling: frontier.telling.get(&id).copied().unwrap_or_default(),
        })
    });
    let column = |index: usize| {
        let missing = || DataFusionError::Execution("a column of cells is missing".into());
        cells.columns().get(first_tally + index).ok_or_else(missing)
    };
    let (first_values, all) = (layout.tallies.len(), layout.tallies.len() + layout.values.len());
    let tallies = (0..first_values).map(|index| gathered.tallies(column(index)?));
    let evidence = in_order.evidence(tallies.collect::<Result<_>>()?, units, threads)?;
    let values = (first_values..all).map(|index| gathered.values(column(index)?));
    let values = in_order.evidence(values.collect::<Result<_>>()?, units, threads)?;
    let of = |index: usize| -> Vec<Evidence> { evidence.get(index).cloned().unwrap_or_default() };
    let values_of = |index: usize| -> Vec<Values> { values.get(index).cloned().unwrap_or_default() };
    let part = |index: &usize| Part { scale: scale(&instrumented.scales, *index), evidence: of(*index) };
    let statistic = |(statistic, layout): (&Statistic, &StatisticLayout)| {
        let branches = layout.branches.iter();
        StatisticColumn {
            name: column_name(statistic.id),
            kind: statistic.kind,
            chosen: statistic.chosen,
            parts: layout.parts.iter().map(part).collect(),
            values: layout.values.map(|index| ValueColumn {
                scale: scale(&instrumented.value_scales, index),
                rows: values_of(index),
                own: layout.own.map(values_of),
            }),
            branches: branches
                .map(|branch| Branch {
                    inside: of(branch.inside),
                    outside: of(branch.outside),
                    telling: branch.telling,
                    frame: branch.frame.map(|(people, rest, telling)| Frame {
                        people: of(people),
                        rest: of(rest),
                        telling,
                    }),
                    zeros: Vec::new(),
                })
                .collect(),
        }
    };
    let statistics = frontier.statistics.iter().zip(&layout.statistics).map(statistic);
    let mut statistics: Vec<StatisticColumn> = statistics.collect();
    if statistics.is_empty() {
        statistics.push(people(part(&0)));
    }
    let keys = keys.collect::<Result<_>>()?;
    Ok(CellTable { keys, groups: of(0), statistics, parent: None, attributes: Vec::new() })
}

fn scale(scales: &[Scale], index: usize) -> Scale {
    scales.get(index).copied().unwrap_or(Scale::Integer)
}

/// The count of people that stands for a frontier without statistics.
fn people(part: Part) -> StatisticColumn {
    let (name, kind) = (PEOPLE.into(), StatisticKind::People);
    StatisticColumn { name, kind, parts: vec![part], chosen: false, values: None, branches: Vec::new() }
}
