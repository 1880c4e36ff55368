//! Spans of time as ISO 8601 writes them, such as `P1Y2M3DT4.5S`.

use std::fmt::Write as _;

use arrow::array::ArrayRef;
use arrow::datatypes::{IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType};

use super::Cell;
use super::cell::{Reader, primitive};

/// How to read an array of intervals.
pub(super) fn interval(array: &ArrayRef, unit: IntervalUnit) -> Reader<'_> {
    match unit {
        IntervalUnit::YearMonth => primitive::<IntervalYearMonthType>(array, |months| written(months, 0, 0)),
        IntervalUnit::DayTime => primitive::<IntervalDayTimeType>(array, |value| {
            written(0, value.days, i64::from(value.milliseconds).saturating_mul(1_000_000))
        }),
        IntervalUnit::MonthDayNano => primitive::<IntervalMonthDayNanoType>(array, |value| {
            written(value.months, value.days, value.nanoseconds)
        }),
    }
}

fn written(months: i32, days: i32, nanoseconds: i64) -> Cell {
    let mut text = String::from("P");
    let mut part = |value: i32, unit: char| {
        if value != 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "{value}{unit}");
        }
    };
    part(months / 12, 'Y');
    part(months % 12, 'M');
    part(days, 'D');
    if nanoseconds != 0 {
        let sign = if nanoseconds < 0 { "-" } else { "" };
        let size = nanoseconds.unsigned_abs();
        let fraction = format!(".{:09}", size % 1_000_000_000);
        let _ = write!(text, "T{sign}{}{}S", size / 1_000_000_000, fraction.trim_end_matches(['0', '.']));
    }
    if text == "P" {
        text.push_str("T0S");
    }
    Cell::Text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_as_iso_8601() {
        let check = |months, days, nanoseconds, expected: &str| {
            assert_eq!(written(months, days, nanoseconds).to_string(), expected);
        };
        check(14, 3, 4_500_000_000, "P1Y2M3DT4.5S");
        check(0, 0, 0, "PT0S");
        check(0, -1, -10_000_000_000, "P-1DT-10S");
        check(0, 0, 1, "PT0.000000001S");
        check(0, 0, 100_000_000_000, "PT100S");
    }
}
