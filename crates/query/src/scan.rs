//! How the engine reads a stored table: encrypted Parquet files of one snapshot, in the order of the
//! dense ids.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::config::{EncryptionFactoryOptions, TableParquetOptions};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableProvider;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::parquet_encryption::EncryptionFactory;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use object_store::path::Path;
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::encryption::encrypt::FileEncryptionProperties;

use crate::vault::{Snapshot, StoredTable};

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
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let keys: Arc<dyn EncryptionFactory> = Arc::new(Keys(Arc::clone(&self.snapshot)));
        let source = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(without_pruning())
            .with_encryption_factory(keys);
        let url = ObjectStoreUrl::parse(VAULT_URL)?;
        let file = |file: &crate::vault::StoredFile| PartitionedFile::new(file.path.to_string(), file.size);
        let files: FileGroup = self.stored()?.files.iter().map(file).collect::<Vec<_>>().into();
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_group(files)
            .with_projection_indices(projection.cloned())?
            .build();
        Ok(DataSourceExec::from_data_source(config))
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
