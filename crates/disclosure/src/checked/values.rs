//! What a released statistic shows: its value, from the evidence, exact as far as its type allows.
//!
//! A blank is built as a null, never copied: nothing of a withheld value is in the buffers.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array};

use crate::Error;
use crate::evidence::{Evidence, Scale};
use crate::unreleased::{StatisticColumn, StatisticKind};

/// Most digits of a decimal that an Arrow `Decimal128` holds.
const DECIMAL_DIGITS: u8 = 38;

/// Digits behind the point that a decimal's mean has more than the decimal.
const MEAN_DIGITS: u8 = 4;

/// One statistic's values in the rows that are shown.
pub(super) fn column(
    statistic: &StatisticColumn,
    shown: &[usize],
    withheld: impl Fn(usize) -> bool,
) -> Result<ArrayRef, Error> {
    let part = |number: usize, row: usize| statistic.parts.get(number)?.evidence.get(row);
    let released = || shown.iter().map(|row| Some(*row).filter(|row| !withheld(*row)));
    let integers = |value: fn(&Evidence) -> Option<i64>| -> ArrayRef {
        Arc::new(released().map(|row| part(0, row?).and_then(value)).collect::<Int64Array>())
    };
    Ok(match statistic.kind {
        StatisticKind::Count => integers(|part| i64::try_from(part.records()).ok()),
        StatisticKind::People => integers(|part| i64::try_from(part.people()).ok()),
        StatisticKind::Sum(Scale::Integer) => integers(|part| i64::try_from(sum(part)?).ok()),
        StatisticKind::Sum(Scale::Decimal(scale)) => {
            decimals(scale, released().map(|row| sum(part(0, row?)?)))?
        }
        StatisticKind::Sum(Scale::Binary60) => {
            let total = |row| Some(scaled(sum(part(0, row)?)?, Scale::Binary60));
            Arc::new(released().map(|row| total(row?)).collect::<Float64Array>())
        }
        StatisticKind::Mean(Scale::Decimal(scale)) => {
            let more = MEAN_DIGITS.min(DECIMAL_DIGITS.saturating_sub(scale));
            let mean = |row| decimal_mean(part(0, row)?, part(1, row)?, more);
            decimals(scale.saturating_add(more), released().map(|row| mean(row?)))?
        }
        StatisticKind::Mean(scale @ (Scale::Binary60 | Scale::Integer)) => {
            let mean = |row| mean(part(0, row)?, part(1, row)?, scale);
            Arc::new(released().map(|row| mean(row?)).collect::<Float64Array>())
        }
    })
}

/// A sum over no record is NULL, as SQL has it.
fn sum(part: &Evidence) -> Option<i128> {
    part.total().filter(|_| part.records() > 0)
}

fn mean(sum: &Evidence, count: &Evidence, scale: Scale) -> Option<f64> {
    let records = i128::from(count.records());
    (records > 0).then_some(())?;
    Some(scaled(sum.total()?, scale) / double(records))
}

/// The mean with `more` digits behind the point than its measure, cut off like SQL's own.
fn decimal_mean(sum: &Evidence, count: &Evidence, more: u8) -> Option<i128> {
    let finer = sum.total()?.checked_mul(10_i128.checked_pow(u32::from(more))?)?;
    finer.checked_div(i128::from(count.records()))
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

/// An amount in units of its scale, as a double.
fn scaled(amount: i128, scale: Scale) -> f64 {
    match scale {
        // A power of two: only the exponent changes.
        Scale::Binary60 => double(amount) / double(1 << 60),
        Scale::Decimal(scale) => double(amount) / 10_f64.powi(i32::from(scale)),
        Scale::Integer => double(amount),
    }
}

#[expect(clippy::as_conversions, reason = "the nearest double is what a Float64 column shows")]
fn double(amount: i128) -> f64 {
    amount as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_in_the_units_of_their_type() {
        let cases = [
            (scaled(3 << 59, Scale::Binary60), 1.5),
            (scaled(-12_345, Scale::Decimal(2)), -123.45),
            (scaled(7, Scale::Integer), 7.0),
        ];
        for (shown, expected) in cases {
            assert_eq!(shown.to_bits(), f64::to_bits(expected));
        }
    }
}
