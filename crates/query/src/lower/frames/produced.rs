//! The columns that some records have.

use std::collections::BTreeSet;

use crate::algebra::{ColumnId, Records};

/// The columns of some records.
pub(in super::super) fn produced(records: &Records, columns: &mut BTreeSet<ColumnId>) {
    match records {
        Records::Extend { input, columns: further } => {
            produced(input, columns);
            columns.extend(further.iter().map(|(id, _)| *id));
        }
        Records::PerSubject { keys, aggregates, .. } => {
            columns.extend(keys.iter().map(|(id, _)| *id));
            columns.extend(aggregates.iter().map(|(id, _)| *id));
        }
        Records::ReferenceJoin { input, reference, .. } => {
            produced(input, columns);
            columns.extend(reference.columns());
        }
        Records::Restrict { input, .. } => produced(input, columns),
        Records::Scan(scan) => columns.extend(scan.columns.iter().map(|(id, _)| *id)),
        Records::SubjectJoin { left, right, .. } => {
            produced(left, columns);
            produced(right, columns);
        }
        Records::Union { columns: named, .. } => columns.extend(named.iter().map(|(id, _)| *id)),
        Records::Window { input, calls } => {
            produced(input, columns);
            columns.extend(calls.iter().map(|(id, _)| *id));
        }
    }
}
