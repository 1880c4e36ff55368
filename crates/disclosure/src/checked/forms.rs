//! What the form of each statistic says, found once: a quantile is searched for and judged, and what it shows is
//! counted with the sums that it implies.

use rayon::prelude::*;

use crate::profile::Profile;
use crate::rules::{self, Form};
use crate::unreleased::CellTable;

/// By table, statistic and row.
pub(super) struct Forms(Vec<Vec<Vec<Form>>>);

impl Forms {
    /// The form of every cell.
    pub(super) fn of(tables: &[CellTable], profile: &Profile) -> Self {
        let of_table = |table: &CellTable| {
            let statistics = table.statistics.par_iter();
            let rows = |statistic| {
                let rows = (0..table.groups.len()).into_par_iter();
                rows.map(|row| rules::judge_form(statistic, row, profile)).collect()
            };
            statistics.map(rows).collect()
        };
        Self(tables.par_iter().map(of_table).collect())
    }

    /// The forms of the rows of one statistic.
    pub(super) fn rows(&self, table: usize, statistic: usize) -> &[Form] {
        let rows = self.0.get(table).and_then(|table| table.get(statistic));
        rows.map(Vec::as_slice).unwrap_or_default()
    }
}
