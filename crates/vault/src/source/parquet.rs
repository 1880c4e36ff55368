//! The rows of an unencrypted Parquet file, as the texts that a CSV file would hold.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array as _, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::positions;
use crate::manifest::TableSource;
use crate::{Error, Place, Result};

/// Rows that are in memory at once.
const BATCH_ROWS: usize = 4096;

/// An open Parquet file.
pub(super) struct Rows {
    file: PathBuf,
    reader: ParquetRecordBatchReader,
    /// For each kept column, its position among the columns read.
    kept: Vec<usize>,
    batch: Vec<StringArray>,
    batch_rows: usize,
    /// The present row within the batch.
    row: usize,
    /// Rows of earlier batches.
    before: u64,
}

impl Rows {
    pub(super) fn open(file: &Path, table: &TableSource) -> Result<Self> {
        let input = File::open(file).map_err(|source| Error::Unreadable { file: file.to_owned(), source })?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(input).map_err(|_| unsound(file))?;
        let fields = builder.schema().fields().clone();
        let kept = positions(file, table, fields.iter().map(|field| field.name().as_bytes()))?;
        for position in &kept {
            if !fields.get(*position).is_some_and(|field| readable(field.data_type())) {
                let number = position + 1;
                let problem = format!(
                    "has a type that cannot be taken in (column {number}); write it as text, a number, a date or \
                     a timestamp without a zone"
                );
                return Err(Error::Source { file: file.to_owned(), problem });
            }
        }
        let mask = ProjectionMask::roots(builder.parquet_schema(), kept.iter().copied());
        let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
        let reader = reader.map_err(|_| unsound(file))?;
        // The reader gives the projected columns in the order of the file.
        let mut order = kept.clone();
        order.sort_unstable();
        let kept =
            kept.iter().filter_map(|position| order.iter().position(|other| other == position)).collect();
        Ok(Self { file: file.to_owned(), reader, kept, batch: Vec::new(), batch_rows: 0, row: 0, before: 0 })
    }

    pub(super) fn advance(&mut self) -> Result<bool> {
        self.row += 1;
        while self.row >= self.batch_rows {
            self.before += self.batch_rows as u64;
            let Some(batch) = self.reader.next() else { return Ok(false) };
            let batch = batch.map_err(|_| unsound(&self.file))?;
            self.batch = self.texts(&batch)?;
            self.batch_rows = batch.num_rows();
            self.row = 0;
        }
        Ok(true)
    }

    pub(super) fn field(&self, index: usize) -> Option<&str> {
        let column = self.batch.get(index)?;
        let text = (!column.is_null(self.row)).then(|| column.value(self.row))?;
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn place(&self) -> Place {
        Place::Row(self.before + self.row as u64 + 1)
    }

    fn texts(&self, batch: &RecordBatch) -> Result<Vec<StringArray>> {
        let mut texts = Vec::with_capacity(self.kept.len());
        for position in &self.kept {
            let column = batch.columns().get(*position).ok_or_else(|| unsound(&self.file))?;
            let text = cast(column, &DataType::Utf8).map_err(|_| unsound(&self.file))?;
            let text = text.as_any().downcast_ref::<StringArray>().ok_or_else(|| unsound(&self.file))?;
            texts.push(text.clone());
        }
        Ok(texts)
    }
}

/// What the Parquet reader says may quote the file, so it is not passed on.
fn unsound(file: &Path) -> Error {
    let problem = "is not a sound, unencrypted Parquet file; write it again, or give it as CSV".into();
    Error::Source { file: file.to_owned(), problem }
}

/// Whether values of this type have one text that says all of them.
fn readable(data_type: &DataType) -> bool {
    if let DataType::Dictionary(_, values) = data_type {
        return readable(values);
    }
    data_type.is_integer()
        || matches!(
            data_type,
            DataType::Boolean
                | DataType::Date32
                | DataType::Decimal128(_, _)
                | DataType::Float32
                | DataType::Float64
                | DataType::LargeUtf8
                | DataType::Timestamp(_, None)
                | DataType::Utf8
                | DataType::Utf8View
        )
}
