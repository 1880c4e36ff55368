//! How the engine reads a stored table: encrypted Parquet files of one snapshot, in the order of the
//! dense ids.

mod divisions;
mod footers;
mod people;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::config::{EncryptionFactoryOptions, TableParquetOptions};
use datafusion::common::stats::Precision;
use datafusion::common::{DataFusionError, Result, Statistics};
use datafusion::datasource::TableProvider;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::parquet_encryption::EncryptionFactory;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use object_store::path::Path;
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::encryption::encrypt::FileEncryptionProperties;

pub(crate) use self::divisions::divisions;
pub(crate) use self::footers::Footers;
use self::footers::Readers;
pub(crate) use self::people::PeopleExec;
use crate::coded::with_coded;
use crate::vault::{Snapshot, StoredTable};

/// The people whose records are read: from one dense id up to another, which is not among them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct People {
    from: u32,
    /// Nobody is left out at the end where it is absent.
    to: Option<u32>,
}

impl People {
    /// Everybody.
    pub(crate) const ALL: Self = Self { from: 0, to: None };

    /// Everybody, divided before each of some people, who are in order.
    pub(crate) fn divided(cuts: &[u32]) -> Vec<Self> {
        let from = std::iter::once(0).chain(cuts.iter().copied());
        let to = cuts.iter().copied().map(Some).chain([None]);
        from.zip(to).map(|(from, to)| Self { from, to }).collect()
    }

    /// Whether some of `first` to `last` may be among them.
    fn overlap(self, first: u32, last: u32) -> bool {
        self.from <= last && self.to.is_none_or(|to| first < to)
    }
}

/// What of the tables a job reads; an extension of the session's configuration.
#[derive(Clone)]
pub(crate) struct Reading {
    pub(crate) people: People,
    pub(crate) footers: Arc<Footers>,
}

impl Default for Reading {
    fn default() -> Self {
        Self { people: People::ALL, footers: Arc::default() }
    }
}

/// The name under which the engine finds the vault's object store.
pub(crate) const VAULT_URL: &str = "vault://data";

/// One table of a snapshot.
pub(crate) struct SnapshotTable {
    snapshot: Arc<Snapshot>,
    name: String,
    schema: SchemaRef,
}

impl SnapshotTable {
    /// The table of this name, if the snapshot has it.
    pub(crate) fn open(snapshot: &Arc<Snapshot>, name: &str) -> Option<Self> {
        let table = snapshot.table(name)?;
        Some(Self {
            snapshot: Arc::clone(snapshot),
            name: name.to_owned(),
            schema: Arc::clone(&table.schema),
        })
    }

    /// The same, with texts of some columns as places in a dictionary.
    pub(crate) fn with_coded(self, columns: &BTreeSet<&str>) -> Self {
        Self { schema: Arc::new(with_coded(&self.schema, columns)), ..self }
    }

    fn stored(&self) -> Result<&StoredTable> {
        let table = self.snapshot.table(&self.name);
        table.ok_or_else(|| DataFusionError::Execution("the snapshot has no such table".into()))
    }
}

impl fmt::Debug for SnapshotTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotTable({})", self.name)
    }
}

#[async_trait]
impl TableProvider for SnapshotTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let url = ObjectStoreUrl::parse(VAULT_URL)?;
        let store = session.runtime_env().object_store(&url)?;
        let Reading { people, footers } = session
            .config()
            .get_extension::<Reading>()
            .map(|reading| Reading::clone(&reading))
            .unwrap_or_default();
        let stored = self.stored()?;
        let subject = self.snapshot.dataset.table(&self.name).and_then(|table| table.subject());
        let subject = subject.map(|subject| self.schema.index_of(&subject.name)).transpose()?;
        let (mut files, mut rows) = (Vec::new(), 0);
        for file in &stored.files {
            let read = PartitionedFile::new(file.path.to_string(), file.size)
                .with_arrow_schema(Arc::clone(&self.schema));
            let read = match subject {
                Some(subject) if people != People::ALL => {
                    let access = footers.access(&self.snapshot, file, subject, people, &store).await?;
                    read.with_extension(access)
                }
                _ => read,
            };
            rows += file.rows;
            files.push(read);
        }
        let mut read: Vec<usize> =
            projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let width = read.len();
        let absent = self.snapshot.absent();
        let clipped = subject.filter(|_| people != People::ALL || !absent.is_empty()).map(|subject| {
            read.iter().position(|column| *column == subject).unwrap_or_else(|| {
                read.push(subject);
                width
            })
        });
        let keys: Arc<dyn EncryptionFactory> = Arc::new(Keys(Arc::clone(&self.snapshot)));
        let (snapshot, table) = (Arc::clone(&self.snapshot), self.name.clone());
        let source = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(without_pruning())
            .with_parquet_file_reader_factory(Arc::new(Readers { snapshot, table, store, footers }))
            .with_encryption_factory(keys);
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = Precision::Inexact(usize::try_from(rows).unwrap_or(usize::MAX));
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_group(files.into())
            .with_projection_indices(Some(read))?
            .with_statistics(statistics)
            .build();
        let scan = DataSourceExec::from_data_source(config);
        Ok(match clipped {
            Some(subject) => Arc::new(PeopleExec::new(scan, (people, absent.clone()), subject, width)),
            None => scan,
        })
    }
}

/// The engine logs the extremes by which it prunes; over files clustered by people it would skip little.
fn without_pruning() -> TableParquetOptions {
    let mut options = TableParquetOptions::default();
    options.global.pruning = false;
    options.global.enable_page_index = false;
    options.global.bloom_filter_on_read = false;
    options
}

/// Hands the engine the key of each file that it reads; it writes none.
struct Keys(Arc<Snapshot>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

#[async_trait]
impl EncryptionFactory for Keys {
    async fn get_file_encryption_properties(
        &self,
        _config: &EncryptionFactoryOptions,
        _schema: &SchemaRef,
        _path: &Path,
    ) -> Result<Option<Arc<FileEncryptionProperties>>> {
        Err(DataFusionError::Execution("the engine writes no files".into()))
    }

    async fn get_file_decryption_properties(
        &self,
        _config: &EncryptionFactoryOptions,
        path: &Path,
    ) -> Result<Option<Arc<FileDecryptionProperties>>> {
        let key = self.0.decryption(path).map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(Some(key))
    }
}
