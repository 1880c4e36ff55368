//! How a result is written: an Arrow IPC stream for each statement, the same bytes for the same result.
//!
//! Every column is copied cell by cell into fresh buffers, so that nothing is left beneath a null and no
//! label of a row that is absent stays in a dictionary or a shared buffer.

use std::collections::{BTreeSet, HashMap};
use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MutableArrayData, RecordBatch, RecordBatchOptions, StructArray,
    make_array, new_empty_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use sekisho_model::Digest;
use serde::Serialize;

use super::{Document, Role, Table};
use crate::Error;

const WITHHELD: &str = "sekisho.withheld";
const GROUPS: &str = "sekisho.groups_may_be_absent";
const PROFILE: &str = "sekisho.profile";
const POLICY: &str = "sekisho.policy";
const STATEMENT: &str = "sekisho.statement";
const ROLE: &str = "sekisho.role";

/// A withheld cell, as clients read it.
#[derive(Serialize)]
struct WithheldCell<'a> {
    row: usize,
    column: &'a str,
    /// The column's place, since two may have one name.
    index: usize,
}

/// The results as streams, one after the other: each says where it ends.
pub(super) fn encode(tables: &[Table], profile: &str, policy: &Digest) -> Result<Vec<u8>, Error> {
    let streams = tables.iter().map(|table| stream(table, profile, policy));
    let streams = streams.collect::<Result<Vec<_>, _>>()?.concat();
    if streams.is_empty() { Err(Error::Malformed("a result has no table")) } else { Ok(streams) }
}

/// One result as a stream.
fn stream(table: &Table, profile: &str, policy: &Digest) -> Result<Vec<u8>, Error> {
    let (rows, width) = (table.batch.num_rows(), table.batch.num_columns());
    if table.roles.len() != width {
        return Err(Error::Malformed("a result has not one role for each column"));
    }
    let withheld: BTreeSet<(usize, usize)> = table.withheld.iter().copied().collect();
    if withheld.iter().any(|(row, column)| *row >= rows || *column >= width) {
        return Err(Error::Malformed("a withheld cell is outside of the result"));
    }
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (index, (column, role)) in table.batch.columns().iter().zip(&table.roles).enumerate() {
        let column = copied(column, index, |row| withheld.contains(&(row, index)))?;
        let role = match role {
            Role::Dimension => "dimension",
            Role::Statistic => "statistic",
        };
        let field =
            Field::new(table.batch.schema_ref().field(index).name(), column.data_type().clone(), true);
        fields.push(field.with_metadata(HashMap::from([(ROLE.to_owned(), role.to_owned())])));
        columns.push(column);
    }
    let mut metadata = HashMap::from([
        (WITHHELD.to_owned(), withheld_as_json(table, &withheld)?),
        (GROUPS.to_owned(), table.groups_may_be_absent.to_string()),
        (PROFILE.to_owned(), profile.to_owned()),
        (POLICY.to_owned(), policy.to_string()),
    ]);
    metadata.extend(table.statement.iter().map(|name| (STATEMENT.to_owned(), name.to_string())));
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch =
        RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options).map_err(unwritten)?;
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).map_err(unwritten)?;
    writer.write(&batch).map_err(unwritten)?;
    writer.into_inner().map_err(unwritten)
}

/// A result from its streams, of which the first says the policy of all; the caller vouches for the bytes. `None` for one that this module did not
/// write.
pub(super) fn decode(ipc: Vec<u8>) -> Option<Document> {
    let schema = StreamReader::try_new(Cursor::new(&ipc), None).ok()?.schema();
    let text = |key: &str| schema.metadata().get(key);
    let (profile, policy) = (text(PROFILE)?.clone(), text(POLICY)?.parse().ok()?);
    Some(Document { ipc, profile, policy })
}

/// A column in fresh buffers, with nulls where it is withheld.
fn copied(column: &ArrayRef, index: usize, withheld: impl Fn(usize) -> bool) -> Result<ArrayRef, Error> {
    let unreleasable = Error::OutputType { column: index.saturating_add(1) };
    let plain = plain_type(column.data_type()).ok_or(unreleasable)?;
    let column = cast(column, &plain).map_err(unwritten)?;
    let kept: Vec<bool> = (0..column.len()).map(|row| column.is_valid(row) && !withheld(row)).collect();
    fresh(&column, &kept)
}

/// The kept rows of an array in fresh buffers, nulls in place of all others; within lists and structures as well.
fn fresh(array: &ArrayRef, kept: &[bool]) -> Result<ArrayRef, Error> {
    let kept: Vec<bool> = kept.iter().enumerate().map(|(row, kept)| *kept && array.is_valid(row)).collect();
    let present = || Some(NullBuffer::from(kept.clone()));
    if let Some(structure) = array.as_struct_opt() {
        let columns = structure.columns().iter().map(|column| fresh(column, &kept));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let made = StructArray::try_new(structure.fields().clone(), columns, present());
        return made.map(|made| make_array(made.into_data())).map_err(unwritten);
    }
    if let Some(lists) = array.as_list_opt::<i32>() {
        let DataType::List(field) = array.data_type() else {
            return Err(Error::Malformed("a list has another type"));
        };
        let items: Vec<ArrayRef> =
            kept.iter().enumerate().filter(|(_, kept)| **kept).map(|(row, _)| lists.value(row)).collect();
        let items: Vec<&dyn Array> = items.iter().map(AsRef::as_ref).collect();
        let items = if items.is_empty() {
            new_empty_array(field.data_type())
        } else {
            concat(&items).map_err(unwritten)?
        };
        let lengths = kept.iter().enumerate();
        let lengths = lengths
            .map(|(row, kept)| if *kept { usize::try_from(lists.value_length(row)).unwrap_or(0) } else { 0 });
        let offsets = OffsetBuffer::from_lengths(lengths);
        let items = fresh(&items, &vec![true; items.len()])?;
        let made = ListArray::try_new(Arc::clone(field), offsets, items, present());
        return made.map(|made| make_array(made.into_data())).map_err(unwritten);
    }
    let data = array.to_data();
    let mut copy = MutableArrayData::new(vec![&data], true, array.len());
    for (row, kept) in kept.iter().enumerate() {
        if *kept {
            copy.try_extend(0, row, row.saturating_add(1)).map_err(unwritten)?;
        } else {
            // Zeros, whatever lay beneath.
            copy.try_extend_nulls(1).map_err(unwritten)?;
        }
    }
    Ok(make_array(copy.freeze()))
}

/// The type in which a column leaves: each value in its own place. `None` has no way out.
fn plain_type(data_type: &DataType) -> Option<DataType> {
    if let DataType::Dictionary(_, values) = data_type {
        return plain_type(values);
    }
    if data_type == &DataType::Utf8View {
        return Some(DataType::Utf8);
    }
    let inner = |field: &Arc<Field>| {
        let plain = plain_type(field.data_type())?;
        Some(Arc::new(Field::new(field.name(), plain, true)))
    };
    if let DataType::List(field) = data_type {
        return inner(field).map(DataType::List);
    }
    if let DataType::Struct(fields) = data_type {
        return fields.iter().map(inner).collect::<Option<Fields>>().map(DataType::Struct);
    }
    let text = [DataType::Boolean, DataType::LargeUtf8, DataType::Null, DataType::Utf8].contains(data_type);
    (text || data_type.is_numeric() || data_type.is_temporal()).then(|| data_type.clone())
}

fn withheld_as_json(table: &Table, withheld: &BTreeSet<(usize, usize)>) -> Result<String, Error> {
    let schema = table.batch.schema_ref();
    let cell = |(row, index): &(usize, usize)| WithheldCell {
        row: *row,
        column: schema.field(*index).name(),
        index: *index,
    };
    let cells: Vec<WithheldCell<'_>> = withheld.iter().map(cell).collect();
    serde_json::to_string(&cells).map_err(|_| Error::Malformed("the withheld cells cannot be listed"))
}

/// Arrow's own message is left out: it may quote a value.
fn unwritten<E>(_: E) -> Error {
    Error::Malformed("the result cannot be written as an Arrow stream")
}
