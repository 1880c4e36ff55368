//! Whether the tables that the engine gave make sense: what does not is an error of ours, and nothing of
//! it is judged.

use arrow::array::Array as _;
use rayon::prelude::*;
use sekisho_model::Step;

use crate::Error;
use crate::estimator::{Estimator, MOST_COLUMNS};
use crate::evidence::{Evidence, Scale};
use crate::exact::product;
use crate::statistic::{N, StatisticKind};
use crate::unreleased::{CellTable, KeyColumn, Part, StatisticColumn, ValueColumn};
use crate::values::Values;

/// Most digits behind the point of a decimal.
const MOST_DECIMALS: u8 = 38;

/// The tables, with counts of people counting each person once.
pub(super) fn verified(mut tables: Vec<CellTable>, ranks: &[usize]) -> Result<Vec<CellTable>, Error> {
    if tables.len() != ranks.len() || !ranks.is_sorted() {
        return Err(Error::Malformed("the tables are not in the order of their statements"));
    }
    for table in &mut tables {
        let rows = table.groups.len();
        if table.keys.iter().any(|key| key.values.len() != rows) {
            return Err(Error::Malformed("a key has not one value for each row"));
        }
        if let Some(parent) = &table.parent {
            let fits = |key: &KeyColumn| key.values.len() == parent.groups.len();
            if parent.keys.len() != table.keys.len() || !parent.keys.iter().all(fits) {
                return Err(Error::Malformed("the parent groups have other keys"));
            }
        }
        for statistic in &mut table.statistics {
            verify_lengths(statistic, rows)?;
            verify_scales(statistic)?;
            verify_counts(statistic)?;
            verify_values(statistic)?;
            if statistic.kind == StatisticKind::People {
                count_people_once(statistic);
            }
        }
    }
    Ok(tables)
}

fn verify_lengths(statistic: &StatisticColumn, rows: usize) -> Result<(), Error> {
    if statistic.parts.len() < statistic.kind.parts() {
        return Err(Error::Malformed("a statistic lacks a part that its value is made of"));
    }
    let part_rows = statistic.parts.iter().map(|part| part.evidence.len());
    let value_rows = statistic.values.iter().map(|values| values.rows.len());
    let branch_rows =
        statistic.branches.iter().flat_map(|branch| [branch.inside.len(), branch.outside.len()]);
    let frames = statistic.branches.iter().filter_map(|branch| branch.frame.as_ref());
    let frame_rows = frames.flat_map(|frame| [frame.people.len(), frame.rest.len()]);
    if part_rows.chain(value_rows).chain(branch_rows).chain(frame_rows).any(|length| length != rows) {
        return Err(Error::Malformed("a statistic has not one value for each row"));
    }
    Ok(())
}

fn verify_scales(statistic: &StatisticColumn) -> Result<(), Error> {
    let scales = statistic.parts.iter().map(|part| part.scale);
    let scales = scales.chain(statistic.values.iter().map(|values| values.scale));
    if scales.into_iter().any(|scale| matches!(scale, Scale::Decimal(digits) if digits > MOST_DECIMALS)) {
        return Err(Error::Malformed("a decimal's scale is above 38"));
    }
    let scale = |part: usize| statistic.parts.get(part).map(|part| part.scale);
    let is_product = |sum, left, right| match (scale(left), scale(right)) {
        (Some(left), Some(right)) => product(left, right).is_some_and(|product| scale(sum) == Some(product)),
        _ => false,
    };
    let products = statistic.kind.products();
    if !products.iter().all(|product| is_product(product.sum, product.left, product.right)) {
        return Err(Error::Malformed("a sum of products has another scale than its factors' product"));
    }
    match statistic.kind {
        StatisticKind::Extreme { step: Some(Step::Date(_)), .. }
        | StatisticKind::Quantile { step: Some(Step::Date(_)), .. } => {
            Err(Error::Malformed("numbers have a step of dates"))
        }
        StatisticKind::Correlation
        | StatisticKind::Count
        | StatisticKind::Covariance { .. }
        | StatisticKind::Distinct
        | StatisticKind::Estimate(_)
        | StatisticKind::Extreme { .. }
        | StatisticKind::Mean
        | StatisticKind::People
        | StatisticKind::Quantile { .. }
        | StatisticKind::Regression(_)
        | StatisticKind::Sum
        | StatisticKind::Variance { .. } => Ok(()),
    }
}

fn verify_counts(statistic: &StatisticColumn) -> Result<(), Error> {
    let counted = statistic.kind.count().and_then(|part| statistic.parts.get(part));
    let counts = |part: &Part| part.scale == Scale::Integer && part.evidence.iter().all(amounts_are_records);
    if !counted.is_none_or(counts) {
        return Err(Error::Malformed("the amounts of a count are not its records"));
    }
    if let StatisticKind::Estimate(Estimator { method, columns }) = statistic.kind {
        let once = |evidence: &Evidence| evidence.records() == evidence.people();
        let all_once = counted.is_some_and(|part| part.evidence.iter().all(once));
        if columns > MOST_COLUMNS || (method.reads_rows() && !all_once) {
            return Err(Error::Malformed("a model has too many columns, or somebody several records"));
        }
    }
    let of_columns = matches!(statistic.kind, StatisticKind::Estimate(_));
    if statistic.kind.products().is_empty() && !of_columns {
        return Ok(());
    }
    // A person's deviations and rows are computed from their own sums, which therefore stand side by side.
    let mut parts = statistic.parts.iter().take(statistic.kind.parts());
    let first = parts.next().map(|part| part.evidence.as_slice()).unwrap_or_default();
    let together = |(left, right): (&Evidence, &Evidence)| {
        left.subjects() == right.subjects() && left.records() == right.records()
    };
    if !parts.all(|part| first.iter().zip(&part.evidence).all(together)) {
        return Err(Error::Malformed("the sums of a statistic are over different records"));
    }
    Ok(())
}

fn verify_values(statistic: &StatisticColumn) -> Result<(), Error> {
    let counts = || statistic.parts.get(N).map(|part| part.evidence.as_slice()).unwrap_or_default();
    let all = |values: &ValueColumn, fits: fn(u64, i128) -> bool| {
        let own = values.own.as_ref().is_none_or(|own| own.len() == values.rows.len());
        own && counts()
            .par_iter()
            .zip(&values.rows)
            .all(|(count, values)| of_the_same_people(count, values, fits))
    };
    let fit = match (statistic.kind, &statistic.values) {
        (StatisticKind::Extreme { .. } | StatisticKind::Quantile { .. }, Some(values)) => {
            all(values, |values, records| i128::from(values) == records)
        }
        // A value that a person has twice may be given once.
        (StatisticKind::Distinct, Some(values)) => {
            all(values, |values, records| i128::from(values) <= records)
        }
        (StatisticKind::Distinct | StatisticKind::Extreme { .. } | StatisticKind::Quantile { .. }, None) => {
            false
        }
        (
            StatisticKind::Correlation
            | StatisticKind::Count
            | StatisticKind::Covariance { .. }
            | StatisticKind::Estimate(_)
            | StatisticKind::Mean
            | StatisticKind::People
            | StatisticKind::Regression(_)
            | StatisticKind::Sum
            | StatisticKind::Variance { .. },
            values,
        ) => values.is_none(),
    };
    if fit { Ok(()) } else { Err(Error::Malformed("the single values are not those of the records")) }
}

fn of_the_same_people(count: &Evidence, values: &Values, fits: fn(u64, i128) -> bool) -> bool {
    let mut people = values.people();
    let mut counted = count.subjects().iter().zip(count.amounts());
    let each = counted.all(|(subject, records)| {
        people.next().is_some_and(|(known, values)| {
            known == *subject && u64::try_from(values).is_ok_and(|values| fits(values, records))
        })
    });
    each && people.next().is_none()
}

fn count_people_once(statistic: &mut StatisticColumn) {
    for evidence in statistic.parts.first_mut().into_iter().flat_map(|part| &mut part.evidence) {
        *evidence = evidence.once_per_person();
    }
}

fn amounts_are_records(count: &Evidence) -> bool {
    count.total() == Some(i128::from(count.records())) && count.is_positive()
}
