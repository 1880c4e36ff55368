//! How a result is written: an Arrow IPC stream, the same bytes for the same result.
//!
//! Every column is copied cell by cell into fresh buffers, so that nothing is left beneath a null and no
//! label of a row that is absent stays in a dictionary or a shared buffer.

use std::collections::{BTreeSet, HashMap};
use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, MutableArrayData, RecordBatch, RecordBatchOptions, make_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
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
const ROLE: &str = "sekisho.role";

/// A withheld cell, as clients read it.
#[derive(Serialize)]
struct WithheldCell<'a> {
    row: usize,
    column: &'a str,
    /// The column's place, since two may have one name.
    index: usize,
}

/// The result as a stream.
pub(super) fn encode(table: &Table, profile: &str, policy: &Digest) -> Result<Vec<u8>, Error> {
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
    let metadata = HashMap::from([
        (WITHHELD.to_owned(), withheld_as_json(table, &withheld)?),
        (GROUPS.to_owned(), table.groups_may_be_absent.to_string()),
        (PROFILE.to_owned(), profile.to_owned()),
        (POLICY.to_owned(), policy.to_string()),
    ]);
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch =
        RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options).map_err(unwritten)?;
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).map_err(unwritten)?;
    writer.write(&batch).map_err(unwritten)?;
    writer.into_inner().map_err(unwritten)
}

/// A result from its stream; the caller vouches for the bytes. `None` for one that this module did not
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
    let data = column.to_data();
    let mut copy = MutableArrayData::new(vec![&data], true, column.len());
    for row in 0..column.len() {
        if column.is_null(row) || withheld(row) {
            // Zeros, whatever lay beneath.
            copy.try_extend_nulls(1).map_err(unwritten)?;
        } else {
            copy.try_extend(0, row, row.saturating_add(1)).map_err(unwritten)?;
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
