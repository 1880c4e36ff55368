//! Where people are divided, so that a job may run for several parts of them at once.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;
use object_store::ObjectStore;

use super::footers::GroupOfPeople;
use super::{Footers, People};
use crate::vault::{Snapshot, StoredTable};

/// Divides people so that each part has about as many records of the largest table that a plan reads:
/// at the beginning of a row group, which never divides a person. Small tables are not worth it.
pub(crate) async fn divisions(
    plan: &LogicalPlan,
    snapshot: &Snapshot,
    footers: &Footers,
    store: &Arc<dyn ObjectStore>,
    parts: NonZeroUsize,
) -> Result<Vec<People>> {
    let largest = largest_table(plan, snapshot)?;
    let (Some((table, subject)), true) = (largest, parts.get() > 1) else { return Ok(vec![People::ALL]) };
    let groups = footers.people(snapshot, table, subject, store).await?;
    Ok(People::divided(&cuts(&groups.unwrap_or_default(), parts)))
}

/// The table of people with the most rows among those that a plan reads, and its subject column.
fn largest_table<'a>(plan: &LogicalPlan, snapshot: &'a Snapshot) -> Result<Option<(&'a StoredTable, usize)>> {
    let mut largest: Option<(u64, &StoredTable, usize)> = None;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(table) = snapshot.table(scan.table_name.table())
            && let Some(subject) = snapshot.dataset.table(&table.name).and_then(|table| table.subject())
        {
            let rows: u64 = table.files.iter().map(|file| file.rows).sum();
            let found = (rows, table, table.schema.index_of(&subject.name)?);
            largest = largest.filter(|(most, ..)| *most >= rows).or(Some(found));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(largest.map(|(_, table, subject)| (table, subject)))
}

/// The people before whom to divide: the first ones of row groups.
fn cuts(groups: &[GroupOfPeople], parts: NonZeroUsize) -> Vec<u32> {
    let parts = u64::try_from(parts.get().min(groups.len())).unwrap_or(1);
    let all: u64 = groups.iter().map(|group| group.rows).sum();
    let (mut cuts, mut before) = (Vec::new(), 0);
    for group in groups {
        let part = u64::try_from(cuts.len()).unwrap_or(u64::MAX).saturating_add(1);
        if part < parts && before > 0 && before * parts >= all * part {
            cuts.push(group.first);
        }
        before += group.rows;
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: &[u64], parts: usize, expected: &[u32]) {
        let group = |(number, rows): (u32, &u64)| GroupOfPeople {
            first: number * 10,
            last: number * 10 + 9,
            rows: *rows,
        };
        let groups: Vec<GroupOfPeople> = (0..).zip(rows).map(group).collect();
        assert_eq!(cuts(&groups, NonZeroUsize::new(parts).unwrap()), expected, "{rows:?} {parts}");
    }

    #[test]
    fn parts_have_about_as_many_rows_and_no_row_group_is_cut() {
        check(&[], 4, &[]);
        check(&[100], 4, &[]);
        check(&[100, 100], 4, &[10]);
        check(&[100, 100, 100, 100], 2, &[20]);
        check(&[100, 100, 100, 100], 4, &[10, 20, 30]);
        check(&[100, 100, 100, 100, 100], 2, &[30]);
        check(&[1000, 1, 1, 1], 2, &[10]);
        check(&[1, 1, 1, 1000], 2, &[]);
        check(&[100, 100, 100], 1, &[]);
    }
}
