//! What a released statistic shows: its value, from the evidence, exact as far as its type allows.
//!
//! A blank is built as a null, never copied: nothing of a withheld value is in the buffers.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array};
use arrow::datatypes::{DataType, i256};

use crate::Error;
use crate::estimator::{Answer, array};
use crate::evidence::{Evidence, Scale};
use crate::exact::{Quotient, unit};
use crate::moments::{Inexact, Moments};
use crate::rules::Shown;
use crate::statistic::{N, RegressionFunction, StatisticKind, X, Y};
use crate::unreleased::{Part, StatisticColumn};

/// Most digits of a decimal that an Arrow `Decimal128` holds.
const DECIMAL_DIGITS: u8 = 38;

/// Digits behind the point that a decimal's mean has more than the decimal.
const MEAN_DIGITS: u8 = 4;

/// The value of one cell.
#[derive(Clone)]
pub(super) enum Number {
    /// What a model or table says.
    Answer(Answer),
    /// A double.
    Double(f64),
    /// An integer, or a decimal in units of its scale.
    Units(i128),
}

/// The type of a statistic's column.
#[derive(Clone)]
enum ColumnType {
    Answer(DataType),
    Decimal(u8),
    Double,
    Integer,
}

/// The value of one cell; `None` is NULL. `shown` is what the rules found for a statistic of single values.
pub(super) fn value(
    statistic: &StatisticColumn,
    row: usize,
    shown: Option<Shown>,
) -> Result<Option<Number>, Inexact> {
    finite(any_value(statistic, row, shown)?)
}

/// A double that is no number is no value: whoever asked must withhold.
fn finite(value: Option<Number>) -> Result<Option<Number>, Inexact> {
    match &value {
        Some(Number::Double(double)) if !double.is_finite() => Err(Inexact),
        Some(Number::Answer(answer)) if !answer.is_finite() => Err(Inexact),
        Some(Number::Answer(_) | Number::Double(_) | Number::Units(_)) | None => Ok(value),
    }
}

fn any_value(
    statistic: &StatisticColumn,
    row: usize,
    shown: Option<Shown>,
) -> Result<Option<Number>, Inexact> {
    let part = |number: usize| {
        statistic.parts.get(number).and_then(|part| Some((part, part.evidence.get(row)?))).ok_or(Inexact)
    };
    let number = |count: u64| Ok(Some(Number::Units(i128::from(count))));
    match statistic.kind {
        StatisticKind::Count | StatisticKind::Regression(RegressionFunction::Count) => {
            number(part(N)?.1.records())
        }
        StatisticKind::People => number(part(N)?.1.people()),
        StatisticKind::Sum => sum(part(0)?),
        StatisticKind::Mean => mean(part(0)?, part(1)?.1),
        StatisticKind::Correlation
        | StatisticKind::Covariance { .. }
        | StatisticKind::Regression(_)
        | StatisticKind::Variance { .. } => {
            let value = Moments { parts: &statistic.parts, row }.value(statistic.kind)?;
            Ok(value.map(Number::Double))
        }
        StatisticKind::Distinct
        | StatisticKind::Estimate(_)
        | StatisticKind::Extreme { .. }
        | StatisticKind::Quantile { .. } => match (shown, type_of(statistic)) {
            (Some(Shown::Answer(answer)), _) => Ok(Some(Number::Answer(answer))),
            (Some(Shown::Number(count)), _) => number(count),
            (Some(Shown::Value(snapped)), ColumnType::Double) => Ok(Some(Number::Double(snapped.double))),
            (Some(Shown::Value(snapped)), ColumnType::Decimal(_) | ColumnType::Integer) => {
                Ok(Some(Number::Units(snapped.units)))
            }
            (Some(Shown::Value(_)), ColumnType::Answer(_)) => Err(Inexact),
            (None, _) => Ok(None),
        },
    }
}

/// The value of a statistic that is a count, a sum or a mean, from these: the number, or the sum and the number
/// that it is divided by.
pub(super) fn of_sums(statistic: &StatisticColumn, sums: &[i128]) -> Result<Option<Number>, Inexact> {
    let scale = |part: usize| statistic.parts.get(part).map(|part| part.scale).ok_or(Inexact);
    let records = |records: i128| u64::try_from(records).map_err(|_| Inexact);
    match (statistic.kind, sums) {
        (
            StatisticKind::Count
            | StatisticKind::People
            | StatisticKind::Regression(RegressionFunction::Count),
            [count],
        ) => Ok(Some(Number::Units(*count))),
        (StatisticKind::Sum, [total]) => sum_of(*total, scale(0)?).map(Some),
        (StatisticKind::Mean, [total, count]) => mean_of(*total, records(*count)?, scale(0)?).map(Some),
        (StatisticKind::Regression(RegressionFunction::AverageX), [total, count]) => {
            scaled(*total, records(*count)?, scale(X)?).map(Some)
        }
        (StatisticKind::Regression(RegressionFunction::AverageY), [total, count]) => {
            scaled(*total, records(*count)?, scale(Y)?).map(Some)
        }
        (
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
            | StatisticKind::Variance { .. },
            _,
        ) => Err(Inexact),
    }
}

/// One statistic's values in the rows that are shown; `None` where withheld, or NULL.
pub(super) fn column(
    statistic: &StatisticColumn,
    values: impl Iterator<Item = Option<Number>>,
) -> Result<ArrayRef, Error> {
    let units = |value: Option<Number>| match value? {
        Number::Units(units) => Some(units),
        Number::Answer(_) | Number::Double(_) => None,
    };
    let double = |value: Option<Number>| match value? {
        Number::Double(double) => Some(double),
        Number::Answer(_) | Number::Units(_) => None,
    };
    Ok(match type_of(statistic) {
        // Exact, and merely too wide for the column: NULL.
        ColumnType::Integer => {
            Arc::new(values.map(|value| i64::try_from(units(value)?).ok()).collect::<Int64Array>())
        }
        ColumnType::Answer(data_type) => {
            let answer = |value: Option<Number>| match value? {
                Number::Answer(answer) => Some(answer),
                Number::Double(_) | Number::Units(_) => None,
            };
            let answers: Vec<Option<Answer>> = values.map(answer).collect();
            array(&data_type, &answers.iter().map(Option::as_ref).collect::<Vec<_>>())
        }
        ColumnType::Decimal(scale) => decimals(scale, values.map(units))?,
        ColumnType::Double => Arc::new(values.map(double).collect::<Float64Array>()),
    })
}

fn type_of(statistic: &StatisticColumn) -> ColumnType {
    let first = statistic.parts.first().map(|part| part.scale);
    match (statistic.kind, first, statistic.values.as_ref().map(|values| values.scale)) {
        (StatisticKind::Estimate(estimator), ..) => ColumnType::Answer(estimator.data_type()),
        (StatisticKind::Sum, Some(scale), _)
        | (StatisticKind::Extreme { .. } | StatisticKind::Quantile { .. }, _, Some(scale)) => match scale {
            Scale::Binary30 | Scale::Binary60 => ColumnType::Double,
            Scale::Decimal(scale) => ColumnType::Decimal(scale),
            Scale::Integer => ColumnType::Integer,
        },
        (StatisticKind::Mean, Some(Scale::Decimal(scale)), _) => {
            ColumnType::Decimal(scale.saturating_add(more_digits(scale)))
        }
        (
            StatisticKind::Correlation
            | StatisticKind::Covariance { .. }
            | StatisticKind::Mean
            | StatisticKind::Variance { .. }
            | StatisticKind::Regression(
                RegressionFunction::AverageX
                | RegressionFunction::AverageY
                | RegressionFunction::Intercept
                | RegressionFunction::R2
                | RegressionFunction::Slope
                | RegressionFunction::Sxx
                | RegressionFunction::Sxy
                | RegressionFunction::Syy,
            ),
            ..,
        ) => ColumnType::Double,
        (
            StatisticKind::Count
            | StatisticKind::Distinct
            | StatisticKind::Extreme { .. }
            | StatisticKind::People
            | StatisticKind::Quantile { .. }
            | StatisticKind::Regression(RegressionFunction::Count)
            | StatisticKind::Sum,
            ..,
        ) => ColumnType::Integer,
    }
}

/// A sum over no record is NULL, as SQL has it.
fn sum((part, evidence): (&Part, &Evidence)) -> Result<Option<Number>, Inexact> {
    let total = evidence.total().ok_or(Inexact)?;
    if evidence.records() == 0 {
        return Ok(None);
    }
    sum_of(total, part.scale).map(Some)
}

fn sum_of(total: i128, scale: Scale) -> Result<Number, Inexact> {
    match scale {
        Scale::Decimal(_) | Scale::Integer => Ok(Number::Units(total)),
        Scale::Binary30 | Scale::Binary60 => scaled(total, 1, scale),
    }
}

fn mean((part, evidence): (&Part, &Evidence), count: &Evidence) -> Result<Option<Number>, Inexact> {
    let (total, records) = (evidence.total().ok_or(Inexact)?, count.records());
    if records == 0 {
        return Ok(None);
    }
    mean_of(total, records, part.scale).map(Some)
}

fn mean_of(total: i128, records: u64, scale: Scale) -> Result<Number, Inexact> {
    match scale {
        Scale::Decimal(digits) => decimal_mean(total, records, more_digits(digits)),
        Scale::Binary30 | Scale::Binary60 | Scale::Integer => scaled(total, records, scale),
    }
}

/// The mean with `more` digits behind the point than its measure, cut off like SQL's own.
fn decimal_mean(total: i128, records: u64, more: u8) -> Result<Number, Inexact> {
    let power = unit(Scale::Decimal(more)).ok_or(Inexact)?;
    let finer = i256::from_i128(total).checked_mul(power).ok_or(Inexact)?;
    let mean = finer.checked_div(i256::from_i128(i128::from(records))).and_then(i256::to_i128);
    mean.map(Number::Units).ok_or(Inexact)
}

/// How many digits behind the point a decimal's mean has more than the decimal.
fn more_digits(scale: u8) -> u8 {
    MEAN_DIGITS.min(DECIMAL_DIGITS.saturating_sub(scale))
}

/// `total / records` in units of a scale, as the nearest double.
fn scaled(total: i128, records: u64, scale: Scale) -> Result<Number, Inexact> {
    let bottom = unit(scale).and_then(|unit| unit.checked_mul(i256::from_i128(i128::from(records))));
    let quotient = bottom.map(|bottom| Quotient { top: i256::from_i128(total), bottom });
    quotient.and_then(Quotient::nearest_double).map(Number::Double).ok_or(Inexact)
}

fn decimals(scale: u8, totals: impl Iterator<Item = Option<i128>>) -> Result<ArrayRef, Error> {
    let limit = 10_u128.pow(u32::from(DECIMAL_DIGITS));
    let fits = |total: Option<i128>| total.filter(|total| total.unsigned_abs() < limit);
    let decimals = totals.map(fits).collect::<Decimal128Array>();
    let scale = i8::try_from(scale).map_err(|_| Error::Malformed("a decimal's scale is above 38"))?;
    let decimals = decimals
        .with_precision_and_scale(DECIMAL_DIGITS, scale)
        .map_err(|_| Error::Malformed("a decimal's scale is above 38"))?;
    Ok(Arc::new(decimals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_no_value() {
        for double in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(finite(Some(Number::Double(double))).is_err());
        }
        assert!(matches!(finite(Some(Number::Double(0.5))), Ok(Some(Number::Double(_)))));
        assert!(matches!((finite(Some(Number::Units(7))), finite(None)), (Ok(Some(_)), Ok(None))));
    }

    #[test]
    fn amounts_are_shown_in_the_units_of_their_type() {
        let cases = [
            (scaled(3 << 59, 1, Scale::Binary60), 1.5),
            (scaled(3 << 29, 1, Scale::Binary30), 1.5),
            (scaled(7, 2, Scale::Integer), 3.5),
            (scaled(1, 3, Scale::Integer), 1.0 / 3.0),
        ];
        for (shown, expected) in cases {
            assert!(
                matches!(shown, Ok(Number::Double(double)) if double.to_bits() == f64::to_bits(expected))
            );
        }
        assert!(matches!(decimal_mean(-200, 3, 4), Ok(Number::Units(-666_666))));
    }
}
