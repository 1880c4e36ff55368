//! What the released cells of a table show where the profile rounds: each sum by itself, a total as the sum of
//! the cells that it is the total of, and what follows from several sums from those that are shown.
//!
//! An exact mean beside a rounded count gives the count away, so a mean is the quotient of the rounded sum and
//! the rounded count, and so is nothing more than what these two show. Quantiles and extremes are on a grid of
//! their own, and numbers of distinct values count no people: they stay as they are. Variances, correlations and
//! regressions keep three digits, and models say no numbers of people.

use super::margins::Margins;
use super::values::{self, Number};
use super::verdict::{TableVerdict, Verdict};
use crate::Error;
use crate::moments::Inexact;
use crate::profile::Profile;
use crate::rounding::{Rounder, three_digits};
use crate::rules::Reason;
use crate::statistic::{N, RegressionFunction, StatisticKind, X, Y};
use crate::unreleased::{CellTable, StatisticColumn};

/// A sum that a statistic is computed from.
#[derive(Clone, Copy)]
enum Read {
    /// The people of a part.
    People(usize),
    /// The records of a part.
    Records(usize),
    /// The total of a part.
    Total(usize),
}

/// The sums of one cell, in the order in which its statistic reads them.
#[derive(Clone)]
pub(super) struct Sums {
    /// As they are: what is added up is compared by these.
    pub(super) exact: Vec<i128>,
    /// As they are shown.
    pub(super) shown: Vec<i128>,
}

/// Rounds everything that is released.
///
/// # Errors
/// [`Error::NoRoundingKey`]: nothing is released then.
pub(super) fn round(
    tables: &[CellTable],
    verdicts: &mut [TableVerdict],
    profile: &Profile,
) -> Result<(), Error> {
    let Some(rounder) = Rounder::of(profile)? else { return Ok(()) };
    for (table, verdict) in tables.iter().zip(verdicts) {
        let margins = rounder.adds_up().then(|| Margins::of(table));
        for (statistic, cells) in table.statistics.iter().zip(&mut verdict.statistics) {
            let Some(read) = sums_of(statistic.kind) else {
                cells.iter_mut().for_each(|cell| shorten(cell, statistic.kind));
                continue;
            };
            let mut sums: Vec<Option<Sums>> = cells
                .iter()
                .enumerate()
                .map(
                    |(row, cell)| {
                        if cell.withholds() { None } else { rounded(statistic, row, read, &rounder) }
                    },
                )
                .collect();
            if let Some(margins) = &margins {
                margins.add_up(&mut sums);
            }
            for (cell, sums) in cells.iter_mut().zip(sums).filter(|(cell, _)| !cell.withholds()) {
                let value = sums.ok_or(Inexact).and_then(|sums| show(statistic, cell, &sums.shown));
                set(cell, value);
            }
        }
    }
    Ok(())
}

/// The sums that a statistic is a count, sum or quotient of; none for one of another form.
fn sums_of(kind: StatisticKind) -> Option<&'static [Read]> {
    match kind {
        StatisticKind::Count | StatisticKind::Regression(RegressionFunction::Count) => {
            Some(&[Read::Records(N)])
        }
        StatisticKind::People => Some(&[Read::People(N)]),
        StatisticKind::Sum => Some(&[Read::Total(0)]),
        StatisticKind::Mean => Some(&[Read::Total(0), Read::Records(1)]),
        StatisticKind::Regression(RegressionFunction::AverageX) => Some(&[Read::Total(X), Read::Records(N)]),
        StatisticKind::Regression(RegressionFunction::AverageY) => Some(&[Read::Total(Y), Read::Records(N)]),
        StatisticKind::Correlation
        | StatisticKind::Covariance { .. }
        | StatisticKind::Distinct
        | StatisticKind::Estimate(_)
        | StatisticKind::Extreme { .. }
        | StatisticKind::Quantile { .. }
        | StatisticKind::Regression(
            RegressionFunction::Intercept
            | RegressionFunction::R2
            | RegressionFunction::Slope
            | RegressionFunction::Sxx
            | RegressionFunction::Sxy
            | RegressionFunction::Syy,
        )
        | StatisticKind::Variance { .. } => None,
    }
}

fn rounded(statistic: &StatisticColumn, row: usize, read: &[Read], rounder: &Rounder<'_>) -> Option<Sums> {
    let mut sums = Sums { exact: Vec::new(), shown: Vec::new() };
    for read in read {
        let (Read::People(part) | Read::Records(part) | Read::Total(part)) = *read;
        let part = statistic.parts.get(part)?;
        let evidence = part.evidence.get(row)?;
        let (exact, shown) = match read {
            Read::People(_) => (i128::from(evidence.people()), rounder.count(evidence.people(), evidence)?),
            Read::Records(_) => {
                (i128::from(evidence.records()), rounder.count(evidence.records(), evidence)?)
            }
            Read::Total(_) => (evidence.total()?, rounder.sum(evidence, part.scale)?),
        };
        sums.exact.push(exact);
        sums.shown.push(shown);
    }
    Some(sums)
}

/// The value of a cell from its sums; what is NULL stays NULL.
fn show(statistic: &StatisticColumn, cell: &Verdict, sums: &[i128]) -> Result<Option<Number>, Inexact> {
    match cell.value {
        Some(_) => values::of_sums(statistic, sums),
        None => Ok(None),
    }
}

/// Leaves three digits of a double that is computed from squares or products, and of each that a model says.
fn shorten(cell: &mut Verdict, kind: StatisticKind) {
    let short = match &cell.value {
        Some(Number::Answer(answer)) => answer.shortened().map(Number::Answer),
        Some(Number::Double(double)) if !kind.products().is_empty() => {
            three_digits(*double).map(Number::Double).ok_or(Inexact)
        }
        Some(Number::Double(_) | Number::Units(_)) | None => return,
    };
    set(cell, short.map(Some));
}

/// What cannot be rounded is withheld.
fn set(cell: &mut Verdict, value: Result<Option<Number>, Inexact>) {
    if value.is_err() {
        cell.reasons.insert(Reason::Inexact);
    }
    cell.value = value.unwrap_or(None);
}
