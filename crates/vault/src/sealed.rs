//! How a table's rows become encrypted Parquet files in the vault.
//!
//! Each file has a random AES-256 key of its own, which encrypts every column and the footer; the
//! object's path is part of what is authenticated, so that files cannot be swapped.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::AsyncArrowWriter;
use parquet::arrow::async_writer::AsyncFileWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use ring::digest::{Context, SHA256};
use sekisho_model::Digest;
use tokio::io::AsyncWriteExt as _;

use crate::keyring::random_key;
use crate::snapshot::StoredFile;
use crate::storage::Storage;
use crate::{Error, Keyring, Result};

/// Bytes that are buffered for one file before they are sent to the store.
const BUFFER: usize = 4 << 20;

/// Parts of one file that may be on their way at once.
const PARTS: usize = 2;

/// An encrypted Parquet file that is being written.
pub(crate) struct SealedWriter {
    inner: AsyncArrowWriter<Measured>,
    path: Path,
    wrapped_key: String,
    rows: u64,
    groups: usize,
}

impl SealedWriter {
    /// Begins a file; `sorted_by` is the position of the column that its rows ascend by.
    pub(crate) fn begin(
        storage: &Storage,
        keyring: &Keyring,
        path: Path,
        schema: &SchemaRef,
        sorted_by: Option<usize>,
    ) -> Result<Self> {
        let failed = |error| Error::storage("writing a snapshot's file", error);
        let key = random_key()?;
        let wrapped_key = keyring.wrap(&key, path.as_ref())?;
        let encryption = FileEncryptionProperties::builder(key.to_vec())
            .with_aad_prefix(path.as_ref().as_bytes().to_vec())
            .build()
            .map_err(failed)?;
        let sorting = sorted_by
            .and_then(|column| i32::try_from(column).ok())
            .map(|column_idx| vec![SortingColumn { column_idx, descending: false, nulls_first: false }]);
        let mut properties = WriterProperties::builder();
        if let Some(field) = sorted_by.and_then(|column| schema.fields().get(column)) {
            // Ascending numbers are small differences; a dictionary of them is slow to read.
            let sorted = ColumnPath::from(field.name().as_str());
            properties = properties
                .set_column_dictionary_enabled(sorted.clone(), false)
                .set_column_encoding(sorted, Encoding::DELTA_BINARY_PACKED);
        }
        let properties = properties
            .set_created_by("sekisho".into())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            // Row groups end where their writer says so, never in the middle of a person.
            .set_max_row_group_row_count(None)
            .set_sorting_columns(sorting)
            .with_file_encryption_properties(encryption)
            .build();
        let output = BufWriter::with_capacity(Arc::clone(storage.store()), path.clone(), BUFFER)
            .with_max_concurrency(PARTS);
        let output = Measured { output, digest: Context::new(&SHA256), size: 0 };
        let inner =
            AsyncArrowWriter::try_new(output, Arc::clone(schema), Some(properties)).map_err(failed)?;
        Ok(Self { inner, path, wrapped_key, rows: 0, groups: 0 })
    }

    /// Appends rows to the present row group.
    pub(crate) async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.inner.write(batch).await.map_err(|error| Error::storage("writing a snapshot's file", error))
    }

    /// Ends the present row group.
    pub(crate) async fn end_group(&mut self) -> Result<()> {
        self.groups += 1;
        self.inner.flush().await.map_err(|error| Error::storage("writing a snapshot's file", error))
    }

    /// Ends the file and waits until it is on the disk.
    pub(crate) async fn finish(mut self, storage: &Storage) -> Result<StoredFile> {
        self.inner.finish().await.map_err(|error| Error::storage("writing a snapshot's file", error))?;
        storage.make_durable(&self.path)?;
        let output = self.inner.into_inner();
        let sha256: [u8; 32] = output
            .digest
            .finish()
            .as_ref()
            .try_into()
            .map_err(|_| Error::Internal { what: "a SHA-256 digest has 32 bytes" })?;
        Ok(StoredFile {
            path: self.path,
            size: output.size,
            rows: self.rows,
            first_subject: None,
            last_subject: None,
            sha256: Digest::from_bytes(sha256),
            wrapped_key: self.wrapped_key,
        })
    }

    /// Rows of the present row group, and about how many bytes they will take.
    pub(crate) fn group_size(&self) -> (usize, usize) {
        (self.inner.in_progress_rows(), self.inner.in_progress_size())
    }

    /// Rows of the file so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Row groups that were ended.
    pub(crate) fn groups(&self) -> usize {
        self.groups
    }
}

/// A file on its way into the store, and what is known of its bytes.
struct Measured {
    output: BufWriter,
    digest: Context,
    size: u64,
}

impl AsyncFileWriter for Measured {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, parquet::errors::Result<()>> {
        self.digest.update(&bytes);
        self.size += bytes.len() as u64;
        async move { self.output.put(bytes).await.map_err(|error| ParquetError::External(Box::new(error))) }
            .boxed()
    }

    fn complete(&mut self) -> BoxFuture<'_, parquet::errors::Result<()>> {
        async move { self.output.shutdown().await.map_err(|error| ParquetError::External(Box::new(error))) }
            .boxed()
    }
}
