//! How an encrypted file of a snapshot is opened and read from the store.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::{BatchStream, StoredFile};
use crate::{Error, Keyring, Result};

/// The rows of a file.
pub(super) async fn open(
    store: Arc<dyn ObjectStore>,
    keyring: Arc<Keyring>,
    file: StoredFile,
) -> Result<BatchStream> {
    let options = ArrowReaderOptions::new().with_file_decryption_properties(decryption(&file, &keyring)?);
    let path = file.path.clone();
    let builder = ParquetRecordBatchStreamBuilder::new_with_options(Reader { store, file }, options).await;
    let rows = builder.and_then(ParquetRecordBatchStreamBuilder::build);
    let rows = rows.map_err(|error| unreadable(&path, error))?;
    Ok(rows.map_err(move |error| unreadable(&path, error)).boxed())
}

/// What it takes to decrypt a file: its key, and the path under which it was written.
pub(super) fn decryption(file: &StoredFile, keyring: &Keyring) -> Result<Arc<FileDecryptionProperties>> {
    let key = keyring.unwrap(&file.wrapped_key, file.path.as_ref())?;
    FileDecryptionProperties::builder(key.to_vec())
        .with_aad_prefix(file.path.as_ref().as_bytes().to_vec())
        .build()
        .map_err(|_| Error::Altered { object: file.path.to_string() })
}

/// Why a file was not read: the storage failed, or the file is not what was written.
pub(super) fn unreadable(path: &Path, error: ParquetError) -> Error {
    let altered = Error::Altered { object: path.to_string() };
    let ParquetError::External(source) = error else { return altered };
    match source.downcast_ref::<object_store::Error>() {
        Some(object_store::Error::NotFound { .. }) | None => altered,
        Some(_) => Error::storage("reading a snapshot", source),
    }
}

/// A file's bytes, for the Parquet reader.
struct Reader {
    store: Arc<dyn ObjectStore>,
    file: StoredFile,
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.store.get_range(&self.file.path, range).map_err(external).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move { self.store.get_ranges(&self.file.path, &ranges).await.map_err(external) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move {
            let size = self.file.size;
            if self.store.head(&self.file.path).await.map_err(external)?.size != size {
                return Err(ParquetError::General("the file has another size".into()));
            }
            let reader = ParquetMetaDataReader::new().with_arrow_reader_options(options);
            reader.load_and_finish(self, size).await.map(Arc::new)
        }
        .boxed()
    }
}

fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}
