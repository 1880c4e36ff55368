//! Which values a group key may have, where the operator declared them.
//!
//! A row whose keys all come from a declared domain is there whatever the data: with a zero or a blank. So
//! such a row says nothing by being there, and nothing by being missing.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use crate::algebra::{ColumnId, Records, Reference, Scalar};
use crate::model::Column;

use super::Columns;

/// Most rows that declared domains make together; where they would make more, only those groups are there
/// that have a released statistic.
const MOST_ROWS: usize = 1_000;

/// The declared values of a stored column.
pub(super) fn of_column(column: &Column, data_type: &DataType) -> Option<Arc<[ScalarValue]>> {
    let values = column.values.as_ref()?.iter();
    values.map(|text| ScalarValue::try_from_string(text.clone(), data_type).ok()).collect()
}

impl Columns {
    /// The declared domain of an expression: of a bare column only.
    pub(super) fn domain(&self, value: &Scalar) -> Option<Arc<[ScalarValue]>> {
        let Scalar::Column(id) = value else { return None };
        self.info(*id)?.domain.clone()
    }

    /// Every combination of the keys' declared values that the conditions on those keys alone let through, with
    /// the value of each key; `None` where a key has no declared domain, or tells something that may harm.
    pub(super) fn declared_rows(
        &self,
        keys: &[(ColumnId, Scalar)],
        records: &Records,
    ) -> Option<(Reference, Vec<Scalar>)> {
        let (mut columns, mut rows) = (Vec::new(), vec![Vec::new()]);
        for (_, key) in keys {
            let (Scalar::Column(id), domain) = (key, self.domain(key)?) else { return None };
            // That nobody has one of the other values says who has it.
            if self.is_sensitive(key) {
                return None;
            }
            if columns.iter().any(|(known, _)| known == id) {
                continue;
            }
            if rows.len().saturating_mul(domain.len()) > MOST_ROWS {
                return None;
            }
            columns.push((*id, self.info(*id)?.data_type.clone()));
            let with = |row: &Vec<ScalarValue>, value: &ScalarValue| {
                row.iter().chain([value]).cloned().collect::<Vec<_>>()
            };
            rows = rows.iter().flat_map(|row| domain.iter().map(move |value| with(row, value))).collect();
        }
        if columns.is_empty() {
            return None;
        }
        let known = |id: &ColumnId| columns.iter().any(|(column, _)| column == id);
        let decides = |condition: &&Scalar| {
            let read = condition.columns();
            !read.is_empty() && read.iter().all(known)
        };
        let conditions: Vec<Scalar> = records.conditions().into_iter().filter(decides).cloned().collect();
        let all = Reference::Values { columns, rows };
        let rows = if conditions.is_empty() {
            all
        } else {
            Reference::Restrict { input: Box::new(all), predicate: Scalar::And(conditions) }
        };
        Some((rows, keys.iter().map(|(_, key)| key.clone()).collect()))
    }

    /// Gives a column the declared domain of what it takes its values from.
    pub(super) fn has_domain_of(&mut self, id: ColumnId, value: &Scalar) {
        let domain = self.domain(value);
        let info = usize::try_from(id.0).ok().and_then(|index| self.0.get_mut(index));
        if let Some(info) = info {
            info.domain = domain;
        }
    }
}
