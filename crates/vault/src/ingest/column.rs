//! How a row's texts become typed values, and what is expected of a text that does not.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, RecordBatch,
    StringBuilder, TimestampMicrosecondBuilder, UInt32Builder,
};
use arrow::datatypes::{DataType, SchemaRef};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};
use ring::hmac;
use sekisho_model::ColumnType;

use super::registry::Registry;
use crate::manifest::{ColumnSource, Fate, TableSource};
use crate::source::Rows;
use crate::{Error, Result};

/// Bytes that a value takes beside its text, about.
const VALUE_BYTES: usize = 9;

/// Rows of a table that were read and not yet sorted.
pub(super) struct Columns {
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

struct Column {
    name: String,
    /// The column is the key of a code table.
    is_key: bool,
    /// What a field must hold, for errors.
    expected: String,
    domain: Option<HashSet<String>>,
    builder: Builder,
}

enum Builder {
    Boolean(BooleanBuilder),
    Date(Date32Builder),
    Decimal(Decimal128Builder, u8, u8),
    Double(Float64Builder),
    Integer(Int64Builder),
    Pseudonym(StringBuilder, hmac::Key),
    Subject(UInt32Builder),
    Text(StringBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

/// Why a field was not taken.
enum Unfit {
    /// It is not what the manifest says.
    Expected(String),
    /// Another error.
    Failed(Error),
}

impl Columns {
    /// No rows yet.
    pub(super) fn new(table: &TableSource, schema: &SchemaRef, identifiers: &hmac::Key) -> Self {
        let columns = table.columns.iter().filter_map(|column| {
            let is_key = table.key.as_ref() == Some(&column.name);
            Column::new(column, is_key, identifiers)
        });
        Self { schema: Arc::clone(schema), columns: columns.collect(), rows: 0, bytes: 0 }
    }

    /// The position of the subject column.
    pub(super) fn subject(&self) -> Option<usize> {
        self.columns.iter().position(|column| matches!(column.builder, Builder::Subject(_)))
    }

    /// Appends the present row of a file. `keys` are those that a code table has had so far.
    pub(super) fn push(
        &mut self,
        rows: &Rows,
        registry: &mut Registry,
        keys: &mut HashSet<String>,
    ) -> Result<()> {
        for (index, column) in self.columns.iter_mut().enumerate() {
            let pushed = match rows.field(index) {
                Err(expected) => Err(Unfit::Expected(expected.to_owned())),
                Ok(None) if column.is_key => Err(Unfit::Expected("a key (it is empty)".to_owned())),
                Ok(None) => column.push_null(),
                Ok(Some(text)) if column.is_key && !keys.insert(text.to_owned()) => {
                    Err(Unfit::Expected("a key that has not occurred before".to_owned()))
                }
                Ok(Some(text)) => {
                    self.bytes += text.len();
                    column.push(text, registry)
                }
            };
            match pushed {
                Ok(()) => self.bytes += VALUE_BYTES,
                Err(Unfit::Expected(expected)) => return Err(rows.bad_row(Some(&column.name), expected)),
                Err(Unfit::Failed(error)) => return Err(error),
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// About how much memory the rows take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows so far; none are left.
    pub(super) fn finish(&mut self) -> Result<RecordBatch> {
        let arrays: Option<Vec<ArrayRef>> =
            self.columns.iter_mut().map(|column| column.builder.finish()).collect();
        (self.rows, self.bytes) = (0, 0);
        arrays
            .and_then(|arrays| RecordBatch::try_new(Arc::clone(&self.schema), arrays).ok())
            .ok_or(Error::Internal { what: "the columns of a table do not fit together" })
    }
}

impl Column {
    fn new(source: &ColumnSource, is_key: bool, identifiers: &hmac::Key) -> Option<Self> {
        let (builder, expected, domain) = match &source.fate {
            Fate::Drop => return None,
            Fate::Pseudonym => {
                (Builder::Pseudonym(StringBuilder::new(), identifiers.clone()), "text".to_owned(), None)
            }
            Fate::Subject => (Builder::Subject(UInt32Builder::new()), SUBJECT.to_owned(), None),
            Fate::Value { data_type, domain, .. } => {
                let domain = domain.as_ref().map(|domain| domain.set.clone());
                (Builder::new(*data_type), expected(*data_type), domain)
            }
        };
        Some(Self { name: source.name.clone(), is_key, expected, domain, builder })
    }

    fn push_null(&mut self) -> Result<(), Unfit> {
        match &mut self.builder {
            Builder::Boolean(builder) => builder.append_null(),
            Builder::Date(builder) => builder.append_null(),
            Builder::Decimal(builder, ..) => builder.append_null(),
            Builder::Double(builder) => builder.append_null(),
            Builder::Integer(builder) => builder.append_null(),
            Builder::Pseudonym(builder, _) | Builder::Text(builder) => builder.append_null(),
            Builder::Subject(_) => return Err(Unfit::Expected(self.expected.clone())),
            Builder::Timestamp(builder) => builder.append_null(),
        }
        Ok(())
    }

    fn push(&mut self, text: &str, registry: &mut Registry) -> Result<(), Unfit> {
        let taken = match &mut self.builder {
            Builder::Boolean(builder) => boolean(text).map(|value| {
                builder.append_value(value);
                if value { "true".to_owned() } else { "false".to_owned() }
            }),
            Builder::Date(builder) => {
                date(text).map(|value| builder.append_value(value)).map(|()| String::new())
            }
            Builder::Decimal(builder, precision, scale) => decimal(text, *precision, *scale)
                .map(|value| builder.append_value(value))
                .map(|()| String::new()),
            Builder::Double(builder) => {
                double(text).map(|value| builder.append_value(value)).map(|()| String::new())
            }
            Builder::Integer(builder) => text.parse::<i64>().ok().map(|value| {
                builder.append_value(value);
                if self.domain.is_some() { value.to_string() } else { String::new() }
            }),
            Builder::Pseudonym(builder, key) => {
                builder.append_value(hex::encode(hmac::sign(key, text.as_bytes())));
                Some(String::new())
            }
            Builder::Subject(builder) => {
                if text.trim() != text {
                    return Err(Unfit::Expected(self.expected.clone()));
                }
                builder.append_value(registry.assign(text).map_err(Unfit::Failed)?);
                Some(String::new())
            }
            Builder::Text(builder) => {
                builder.append_value(text);
                Some(if self.domain.is_some() { text.to_owned() } else { String::new() })
            }
            Builder::Timestamp(builder) => {
                timestamp(text).map(|value| builder.append_value(value)).map(|()| String::new())
            }
        };
        match (taken, &self.domain) {
            (None, _) => Err(Unfit::Expected(self.expected.clone())),
            (Some(text), Some(domain)) if !domain.contains(&text) => {
                Err(Unfit::Expected("one of the values that the manifest declares".to_owned()))
            }
            (Some(_), _) => Ok(()),
        }
    }
}

/// What a subject field must hold.
const SUBJECT: &str = "the id of a person, without spaces around it";

impl Builder {
    fn new(data_type: ColumnType) -> Self {
        match data_type {
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::new()),
            ColumnType::Date => Self::Date(Date32Builder::new()),
            ColumnType::Decimal { precision, scale } => {
                Self::Decimal(Decimal128Builder::new(), precision, scale)
            }
            ColumnType::DenseId => Self::Subject(UInt32Builder::new()),
            ColumnType::Double => Self::Double(Float64Builder::new()),
            ColumnType::Integer => Self::Integer(Int64Builder::new()),
            ColumnType::Text => Self::Text(StringBuilder::new()),
            ColumnType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new()),
        }
    }

    fn finish(&mut self) -> Option<ArrayRef> {
        Some(match self {
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder, precision, scale) => {
                let data_type = DataType::Decimal128(*precision, scale.cast_signed());
                Arc::new(builder.finish().with_data_type(data_type))
            }
            Self::Double(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Pseudonym(builder, _) | Self::Text(builder) => Arc::new(builder.finish()),
            Self::Subject(builder) => Arc::new(builder.finish()),
            Self::Timestamp(builder) => Arc::new(builder.finish()),
        })
    }
}

fn expected(data_type: ColumnType) -> String {
    match data_type {
        ColumnType::Boolean => "true or false (or 1 or 0)".to_owned(),
        ColumnType::Date => "a date YYYY-MM-DD".to_owned(),
        ColumnType::Decimal { .. } => format!("a number that fits {} exactly", data_type.name()),
        ColumnType::DenseId => SUBJECT.to_owned(),
        ColumnType::Double => "a finite number".to_owned(),
        ColumnType::Integer => "an integer of 64 bits".to_owned(),
        ColumnType::Text => "text".to_owned(),
        ColumnType::Timestamp => "a timestamp YYYY-MM-DD HH:MM:SS without a zone".to_owned(),
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// Days since 1970-01-01.
fn date(text: &str) -> Option<i32> {
    let day = day(text)?;
    i32::try_from(day.signed_duration_since(DateTime::UNIX_EPOCH.date_naive()).num_days()).ok()
}

/// Microseconds since 1970-01-01T00:00:00.
fn timestamp(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', ' '])?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    // More than microseconds would be lost without a word; a leap second has no place of its own.
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !has_shape(clock, "00:00:00") || fraction.is_empty() || fraction.len() > 6 || !digits {
        return None;
    }
    let clock = NaiveTime::parse_from_str(clock, "%H:%M:%S").ok().filter(|time| time.nanosecond() == 0)?;
    let seconds = NaiveDateTime::new(day(date)?, clock).and_utc().timestamp();
    seconds.checked_mul(1_000_000)?.checked_add(format!("{fraction:0<6}").parse().ok()?)
}

fn day(text: &str) -> Option<NaiveDate> {
    has_shape(text, "0000-00-00").then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())?
}

/// Whether the text is the shape with other digits.
fn has_shape(text: &str, shape: &str) -> bool {
    let fits = |(byte, model): (u8, u8)| if model == b'0' { byte.is_ascii_digit() } else { byte == model };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

fn double(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// The unscaled value, if the number fits without rounding.
fn decimal(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0').as_bytes();
    if digits.trim_matches('.').is_empty() || fraction.len() > usize::from(scale) {
        return None;
    }
    let padding = usize::from(scale) - fraction.len();
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(fraction.iter().copied()).chain(std::iter::repeat_n(b'0', padding)) {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let limit = 10_i128.checked_pow(u32::from(precision))?;
    (value < limit).then_some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_fits_exactly_or_not_at_all() {
        for (text, value) in [
            ("0", 0),
            ("1.5", 150),
            ("-1.50", -150),
            ("+12.34", 1234),
            (".5", 50),
            ("5.", 500),
            ("0012.3400", 1234),
            ("999.99", 99999),
        ] {
            assert_eq!(decimal(text, 5, 2), Some(value), "{text}");
        }
        for text in [
            "", ".", "-", "1.234", "1000", "1e2", "1,5", " 1", "1 ", "--1", "1.2.3", "١", "NaN", "1_0",
            "1.2x0",
        ] {
            assert_eq!(decimal(text, 5, 2), None, "{text}");
        }
        let most = "9".repeat(38);
        assert_eq!(decimal(&most, 38, 0), Some(most.parse().unwrap()));
        assert_eq!(decimal(&"9".repeat(39), 38, 0), None);
        assert_eq!(decimal(&"9".repeat(80), 38, 0), None);
    }

    #[test]
    fn dates_and_timestamps_have_one_form() {
        assert_eq!(date("1970-01-02"), Some(1));
        assert_eq!(date("1969-12-31"), Some(-1));
        for text in ["1970-1-2", "1970-02-30", "19700102", "1970-01-02 ", "+970-01-02", "02/01/1970", ""] {
            assert_eq!(date(text), None, "{text}");
        }
        for text in [
            "1970-01-01 00:00:01",
            "1970-01-01T00:00:01",
            "1970-01-01 00:00:01.000000",
            "1970-01-01 00:00:01.0",
        ] {
            assert_eq!(timestamp(text), Some(1_000_000), "{text}");
        }
        assert_eq!(timestamp("1969-12-31 23:59:59.999999"), Some(-1));
        for text in [
            "1970-01-01",
            "1970-01-01 00:00:01Z",
            "1970-01-01 00:00:01+09:00",
            "1970-01-01 24:00:00",
            "1970-01-01 1:2:3",
            "1970-01-01 23:59:60",
            "1970-01-01 00:00:00.",
            "1970-01-01 00:00:00.+1",
            "1970-01-01 00:00:00.0000001",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn doubles_are_finite_and_booleans_are_spelled_out() {
        assert_eq!(double("1e3"), Some(1000.0));
        for text in ["NaN", "inf", "-infinity", "1e999", "", "1,0"] {
            assert_eq!(double(text), None, "{text}");
        }
        assert_eq!([boolean("true"), boolean("0"), boolean("yes")], [Some(true), Some(false), None]);
    }
}
