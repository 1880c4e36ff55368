//! Whether the tables that the engine gave make sense: what does not is an error of ours, and nothing of
//! it is judged.

use arrow::array::Array as _;

use crate::Error;
use crate::evidence::Evidence;
use crate::unreleased::{CellTable, StatisticColumn, StatisticKind};

/// The tables, with counts of people counting each person once.
pub(super) fn verified(mut tables: Vec<CellTable>) -> Result<Vec<CellTable>, Error> {
    for table in &mut tables {
        let rows = table.groups.len();
        if table.keys.iter().any(|key| key.values.len() != rows) {
            return Err(Error::Malformed("a key has not one value for each row"));
        }
        for statistic in &mut table.statistics {
            verify(statistic, rows)?;
        }
    }
    Ok(tables)
}

fn verify(statistic: &mut StatisticColumn, rows: usize) -> Result<(), Error> {
    let parts = match statistic.kind {
        StatisticKind::Count | StatisticKind::People | StatisticKind::Sum(_) => 1,
        StatisticKind::Mean(_) => 2,
    };
    if statistic.parts.len() < parts {
        return Err(Error::Malformed("a statistic lacks a part that its value is made of"));
    }
    let part_rows = statistic.parts.iter().map(|part| part.evidence.len());
    let branch_rows =
        statistic.branches.iter().flat_map(|branch| [branch.inside.len(), branch.outside.len()]);
    if part_rows.chain(branch_rows).any(|length| length != rows) {
        return Err(Error::Malformed("a statistic has not one value for each row"));
    }
    let counted = match statistic.kind {
        StatisticKind::Count => statistic.parts.first(),
        StatisticKind::Mean(_) => statistic.parts.get(1),
        StatisticKind::People | StatisticKind::Sum(_) => None,
    };
    if counted.is_some_and(|part| !part.evidence.iter().all(amounts_are_records)) {
        return Err(Error::Malformed("the amounts of a count are not its records"));
    }
    if statistic.kind == StatisticKind::People {
        for evidence in statistic.parts.first_mut().into_iter().flat_map(|part| &mut part.evidence) {
            *evidence = evidence.once_per_person();
        }
    }
    Ok(())
}

fn amounts_are_records(count: &Evidence) -> bool {
    count.total() == Some(i128::from(count.records())) && count.amounts().iter().all(|amount| *amount > 0)
}
