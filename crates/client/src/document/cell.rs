//! One value of a result, in a form that JSON, CSV and a table can all show without loss.

use std::fmt;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Fields, Float16Type, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::Serialize;
use serde_json::value::RawValue;

use super::iso;
use crate::{Error, Result};

/// A value.
#[derive(Clone, Debug)]
pub enum Cell {
    /// NULL, or withheld; also a number that JSON has not (NaN, infinity).
    Null,
    /// A truth value.
    Bool(bool),
    /// A number of any length, written as JSON writes numbers.
    Number(Box<RawValue>),
    /// Text; dates and times in ISO 8601; bytes in hexadecimal.
    Text(String),
    /// A list.
    List(Vec<Cell>),
    /// Values by name, in their order.
    Struct(Vec<(String, Cell)>),
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Number(left), Self::Number(right)) => left.get() == right.get(),
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::List(left), Self::List(right)) => left == right,
            (Self::Struct(left), Self::Struct(right)) => left == right,
            (
                Self::Null
                | Self::Bool(_)
                | Self::Number(_)
                | Self::Text(_)
                | Self::List(_)
                | Self::Struct(_),
                _,
            ) => false,
        }
    }
}

impl fmt::Display for Cell {
    /// As a table or CSV shows it; NULL is empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => f.write_str(number.get()),
            Self::Text(text) => f.write_str(text),
            Self::List(_) | Self::Struct(_) => {
                f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
            }
        }
    }
}

/// Reads the values of one array by index.
pub(super) type Reader<'a> = Box<dyn Fn(usize) -> Cell + 'a>;

/// How to read an array of any type.
pub(super) fn reader(array: &ArrayRef) -> Result<Reader<'_>> {
    let read: Reader<'_> = match array.data_type() {
        DataType::Null => Box::new(|_| Cell::Null),
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(move |index| Cell::Bool(values.value(index)))
        }
        DataType::Float16 => {
            primitive::<Float16Type>(array, |value| float(&value.to_f32(), value.is_finite()))
        }
        DataType::Float32 => primitive::<Float32Type>(array, |value| float(&value, value.is_finite())),
        DataType::Float64 => primitive::<Float64Type>(array, |value| float(&value, value.is_finite())),
        DataType::Interval(unit) => iso::interval(array, *unit),
        DataType::List(_) => {
            let values = array.as_list::<i32>();
            Box::new(move |index| list(&values.value(index)))
        }
        DataType::LargeList(_) => {
            let values = array.as_list::<i64>();
            Box::new(move |index| list(&values.value(index)))
        }
        DataType::Struct(fields) => structure(array, fields)?,
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => formatted(array, raw)?,
        DataType::Dictionary(_, value) if value.is_integer() || value.is_decimal() => formatted(array, raw)?,
        DataType::Timestamp(..)
        | DataType::Date32
        | DataType::Date64
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Duration(_)
        | DataType::Binary
        | DataType::FixedSizeBinary(_)
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::ListView(_)
        | DataType::FixedSizeList(..)
        | DataType::LargeListView(_)
        | DataType::Union(..)
        | DataType::Dictionary(..)
        | DataType::Map(..)
        | DataType::RunEndEncoded(..) => formatted(array, Cell::Text)?,
    };
    Ok(Box::new(move |index| if array.is_null(index) { Cell::Null } else { read(index) }))
}

/// Reads the parts of a structure by their names.
fn structure<'a>(array: &'a ArrayRef, fields: &Fields) -> Result<Reader<'a>> {
    let columns = array.as_struct().columns().iter().map(reader).collect::<Result<Vec<_>>>()?;
    let names = fields.iter().map(|field| field.name().clone());
    let parts: Vec<(String, Reader<'_>)> = names.zip(columns).collect();
    Ok(Box::new(move |index| {
        Cell::Struct(parts.iter().map(|(name, read)| (name.clone(), read(index))).collect())
    }))
}

/// Reads the values of a primitive array.
pub(super) fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef, cell: fn(T::Native) -> Cell) -> Reader<'_> {
    let values = array.as_primitive::<T>();
    Box::new(move |index| cell(values.value(index)))
}

/// Reads the text of a value, whose forms of dates, times and durations are those of ISO 8601.
fn formatted(array: &ArrayRef, cell: fn(String) -> Cell) -> Result<Reader<'_>> {
    const OPTIONS: FormatOptions<'static> = FormatOptions::new();
    let shown = ArrayFormatter::try_new(array.as_ref(), &OPTIONS)
        .map_err(|error| Error::Answer(format!("a column: {error}")))?;
    Ok(Box::new(move |index| cell(shown.value(index).to_string())))
}

fn list(values: &ArrayRef) -> Cell {
    match reader(values) {
        Ok(read) => Cell::List((0..values.len()).map(read).collect()),
        Err(_) => Cell::Null,
    }
}

/// A float in its shortest form that reads back the same.
fn float(value: &impl Serialize, finite: bool) -> Cell {
    if finite { serde_json::to_string(value).map_or(Cell::Null, raw) } else { Cell::Null }
}

/// A number as it was formatted, or text if it is not one after all.
fn raw(text: String) -> Cell {
    match RawValue::from_string(text.clone()) {
        Ok(number) => Cell::Number(number),
        Err(_) => Cell::Text(text),
    }
}
