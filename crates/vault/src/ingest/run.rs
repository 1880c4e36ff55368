//! A sorted piece of a table on the disk: encrypted with a key that only this process has.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use zeroize::Zeroizing;

use crate::keyring::random_key;
use crate::{Error, Result};

/// Rows that are read at once; with [`super::sort::FAN_IN`] runs this bounds the memory of a merge.
pub(super) const BATCH_ROWS: usize = 1024;

/// Rows of a run's row groups.
const GROUP_ROWS: usize = 16 * BATCH_ROWS;

/// A finished run.
pub(super) struct Run {
    path: PathBuf,
    key: Zeroizing<[u8; 32]>,
}

/// A run that is being written.
pub(super) struct RunWriter {
    run: Run,
    writer: ArrowWriter<File>,
}

impl RunWriter {
    pub(super) fn begin(path: PathBuf, schema: &SchemaRef) -> Result<Self> {
        let key = random_key()?;
        let encryption = FileEncryptionProperties::builder(key.to_vec()).build();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_data_page_row_count_limit(BATCH_ROWS)
            .set_write_batch_size(BATCH_ROWS)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .with_file_encryption_properties(encryption.map_err(failed)?)
            .build();
        let file = File::create_new(&path).map_err(failed)?;
        let writer = ArrowWriter::try_new(file, Arc::clone(schema), Some(properties)).map_err(failed)?;
        Ok(Self { run: Run { path, key }, writer })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(failed)
    }

    pub(super) fn finish(self) -> Result<Run> {
        self.writer.close().map_err(failed)?;
        Ok(self.run)
    }
}

impl Run {
    /// The rows of the run, batch by batch.
    pub(super) fn read(&self) -> Result<ParquetRecordBatchReader> {
        let decryption = FileDecryptionProperties::builder(self.key.to_vec()).build().map_err(failed)?;
        let options = ArrowReaderOptions::new().with_file_decryption_properties(decryption);
        let file = File::open(&self.path).map_err(failed)?;
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).map_err(failed)?;
        builder.with_batch_size(BATCH_ROWS).build().map_err(failed)
    }

    /// Deletes the run; the workspace would do so in the end.
    pub(super) fn delete(self) -> Result<()> {
        std::fs::remove_file(&self.path).map_err(failed)
    }
}

pub(super) fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::storage("sorting in the vault's folder for temporary files", error)
}
