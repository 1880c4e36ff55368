//! What one snapshot of a dataset holds, and how its files are read.

mod document;
mod reader;

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::errors::ParquetError;
use ring::digest::{Context, SHA256};
use sekisho_model::{ColumnType, Dataset, DatasetId, Digest, SnapshotId, Table, TableKind};

use crate::absent::Absent;
use crate::manifest::Pseudonym;
use crate::{Error, Keyring, Result, Vault};

/// Rows of a table, batch by batch.
pub type BatchStream = BoxStream<'static, Result<RecordBatch>>;

/// One version of a dataset: what the catalogue shows of it, and where its rows are.
#[derive(Clone)]
pub struct Snapshot {
    /// Its name.
    pub id: SnapshotId,
    /// Structure and meaning, as the catalogue shows them.
    pub dataset: Dataset,
    /// More lines for people; may be empty.
    pub description: String,
    /// Where the data came from.
    pub source: String,
    /// Under what terms it may be used.
    pub licence: String,
    pub(crate) pseudonym: Pseudonym,
    /// The snapshot with which its line began: that of the ingest which took its rows in.
    pub(crate) line: u64,
    /// Who opted out: their rows, where a file still has them, are not read.
    pub(crate) absent: Absent,
    /// Dense ids that were given so far: 0 to this, without it.
    pub(crate) people: u32,
    /// Files of the registry, in the order of the dense ids in them.
    pub(crate) registry: Vec<StoredFile>,
    tables: Vec<StoredTable>,
    keyring: Arc<Keyring>,
    store: Arc<dyn ObjectStore>,
}

/// One table of a snapshot.
#[derive(Clone)]
pub struct StoredTable {
    /// Its name in SQL.
    pub name: String,
    /// Whether its rows belong to people.
    pub kind: TableKind,
    /// The column of a code table whose values occur once each.
    pub key: Option<String>,
    /// Its columns as they are stored; the subject column is a non-null `UInt32`.
    pub schema: SchemaRef,
    /// Its files, at least one. A table of people is in ascending order of the dense id, within
    /// a file and from file to file, and no person is in two files or two row groups.
    pub files: Vec<StoredFile>,
}

/// One encrypted Parquet file.
#[derive(Clone)]
pub struct StoredFile {
    /// Where it is in the vault's store.
    pub path: Path,
    /// Its length in bytes.
    pub size: u64,
    /// Its rows.
    pub rows: u64,
    /// The lowest dense id in it; none in a code table or an empty file.
    pub first_subject: Option<u32>,
    /// The highest dense id in it.
    pub last_subject: Option<u32>,
    pub(crate) sha256: Digest,
    pub(crate) wrapped_key: String,
}

impl Snapshot {
    /// Reads a snapshot's manifest.
    pub(crate) async fn open(vault: &Vault, id: SnapshotId) -> Result<Self> {
        let path = path(&id);
        let Some(body) = vault.storage.get(&path).await? else {
            return Err(Error::SnapshotUnknown { snapshot: id });
        };
        document::read(&body, &path, id, Arc::clone(&vault.keyring), vault.object_store())
    }

    /// The snapshot as the bytes of its manifest.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        document::write(self, &path(&self.id))
    }

    /// The same rows under another number, with the registry as it is now and more people absent.
    pub(crate) fn successor(
        &self,
        id: SnapshotId,
        (people, registry): (u32, Vec<StoredFile>),
        absent: Absent,
    ) -> Self {
        Self { id, people, registry, absent, ..self.clone() }
    }

    /// Dense ids that were given so far: 0 to this, without it. Some of the people may have left.
    #[must_use]
    pub fn dense_ids(&self) -> u32 {
        self.people
    }

    /// The snapshot that it follows without some of the people, if an opt-out made it: the first of its line.
    #[must_use]
    pub fn follows(&self) -> Option<SnapshotId> {
        let first = SnapshotId { dataset: self.id.dataset.clone(), number: self.line };
        (first != self.id).then_some(first)
    }

    /// Who opted out. Whoever reads a table's files by themselves leaves their rows out.
    #[must_use]
    pub fn absent(&self) -> &Absent {
        &self.absent
    }

    /// The table of this name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&StoredTable> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// All tables, in the order of the manifest.
    #[must_use]
    pub fn tables(&self) -> &[StoredTable] {
        &self.tables
    }

    /// What it takes to decrypt a file of this snapshot.
    ///
    /// # Errors
    ///
    /// [`Error::Altered`] when the file is not one of this snapshot's, or its key does not unwrap.
    pub fn decryption(&self, path: &Path) -> Result<Arc<FileDecryptionProperties>> {
        let files = self.tables.iter().flat_map(|table| &table.files).chain(&self.registry);
        let file = files.into_iter().find(|file| file.path == *path);
        let file = file.ok_or_else(|| Error::Altered { object: path.to_string() })?;
        reader::decryption(file, &self.keyring)
    }

    /// The rows of a table, in order; not those of people who opted out.
    ///
    /// # Errors
    ///
    /// [`Error::TableUnknown`]; in the stream, [`Error::Altered`] and errors of the storage.
    pub fn read(&self, table: &str) -> Result<BatchStream> {
        let unknown = || Error::TableUnknown { snapshot: self.id.clone(), table: table.to_owned() };
        let table = self.table(table).ok_or_else(unknown)?;
        let rows = self.read_files(table.files.clone());
        let subject = table.schema.fields().iter().position(|field| *field.data_type() == DENSE_ID);
        let Some(subject) = subject else { return Ok(rows) };
        let absent = self.absent.clone();
        Ok(rows.map(move |batch| absent.leave_out(batch?, subject)).boxed())
    }

    /// Compares every file with the digest that was taken when it was written.
    ///
    /// # Errors
    ///
    /// [`Error::Altered`] names the first file that differs or is missing.
    pub async fn verify(&self) -> Result<()> {
        let tables = self.tables.iter().flat_map(|table| &table.files);
        for file in tables.chain(&self.registry) {
            let failed = |error| reader::unreadable(&file.path, ParquetError::External(Box::new(error)));
            let mut digest = Context::new(&SHA256);
            let mut body = self.store.get(&file.path).await.map_err(failed)?.into_stream();
            while let Some(bytes) = body.try_next().await.map_err(failed)? {
                digest.update(&bytes);
            }
            if digest.finish().as_ref() != file.sha256.as_bytes() {
                return Err(Error::Altered { object: file.path.to_string() });
            }
        }
        Ok(())
    }

    /// The people of the registry: dense id, lookup key and, where ids are kept, the id.
    pub(crate) fn read_registry(&self) -> BatchStream {
        self.read_files(self.registry.clone())
    }

    fn read_files(&self, files: Vec<StoredFile>) -> BatchStream {
        let (store, keyring) = (Arc::clone(&self.store), Arc::clone(&self.keyring));
        stream::iter(files)
            .then(move |file| reader::open(Arc::clone(&store), Arc::clone(&keyring), file))
            .try_flatten()
            .boxed()
    }
}

/// Only names: counts and keys are nobody's business in a log.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("id", &self.id).finish_non_exhaustive()
    }
}

/// As for [`Snapshot`].
impl fmt::Debug for StoredTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredTable").field("name", &self.name).finish_non_exhaustive()
    }
}

/// As for [`Snapshot`].
impl fmt::Debug for StoredFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What a new snapshot is made of.
pub(crate) struct Parts {
    pub(crate) dataset: Dataset,
    pub(crate) description: String,
    pub(crate) source: String,
    pub(crate) licence: String,
    pub(crate) pseudonym: Pseudonym,
    pub(crate) absent: Absent,
    pub(crate) people: u32,
    pub(crate) registry: Vec<StoredFile>,
    pub(crate) tables: Vec<StoredTable>,
}

impl Parts {
    /// The snapshot of this number, in this line.
    pub(crate) fn assemble(
        self,
        number: u64,
        line: u64,
        keyring: Arc<Keyring>,
        store: Arc<dyn ObjectStore>,
    ) -> Snapshot {
        let Self { dataset, description, source, licence, pseudonym, absent, people, registry, tables } =
            self;
        let id = SnapshotId { dataset: dataset.id.clone(), number };
        Snapshot {
            id,
            dataset,
            description,
            source,
            licence,
            pseudonym,
            line,
            absent,
            people,
            registry,
            tables,
            keyring,
            store,
        }
    }
}

/// The folder of a dataset's snapshots.
pub(crate) fn folder(dataset: &DatasetId) -> Path {
    Path::from(format!("datasets/{dataset}/snapshots"))
}

/// Where a snapshot's manifest is.
pub(crate) fn path(id: &SnapshotId) -> Path {
    Path::from(format!("datasets/{}/snapshots/{:08}.json", id.dataset, id.number))
}

/// The number of the snapshot whose manifest is at this path.
pub(crate) fn number(path: &Path) -> Option<u64> {
    path.filename()?.strip_suffix(".json")?.parse().ok()
}

/// The type of the subject column, and of no other.
const DENSE_ID: DataType = DataType::UInt32;

/// The columns of a table as they are stored.
pub(crate) fn schema(table: &Table) -> SchemaRef {
    let field = |column: &sekisho_model::Column| {
        let nullable = column.data_type != ColumnType::DenseId;
        Field::new(&column.name, arrow_type(column.data_type), nullable)
    };
    Arc::new(Schema::new(table.columns.iter().map(field).collect::<Vec<_>>()))
}

fn arrow_type(data_type: ColumnType) -> DataType {
    match data_type {
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Date => DataType::Date32,
        ColumnType::Decimal { precision, scale } => DataType::Decimal128(precision, scale.cast_signed()),
        ColumnType::DenseId => DENSE_ID,
        ColumnType::Double => DataType::Float64,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Text => DataType::Utf8,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}
