//! The footers of the files that a job reads: each is read once, and tells whom its row groups hold.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::{ParquetAccessPlan, RowGroupAccess};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::future::BoxFuture;
use futures::{FutureExt as _, TryFutureExt as _};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use tokio::sync::Mutex;

use super::People;
use crate::vault::{Snapshot, StoredFile, StoredTable};

/// Footers by path, while a job runs.
#[derive(Default)]
pub(crate) struct Footers(Mutex<BTreeMap<Path, Arc<ParquetMetaData>>>);

/// The people of one row group: the first and the last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct GroupOfPeople {
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) rows: u64,
}

impl Footers {
    /// The row groups of a table of people, in order; `None` where a footer does not tell.
    pub(crate) async fn people(
        &self,
        snapshot: &Snapshot,
        table: &StoredTable,
        subject: usize,
        store: &Arc<dyn ObjectStore>,
    ) -> Result<Option<Vec<GroupOfPeople>>> {
        let mut groups = Vec::new();
        for file in &table.files {
            let footer = self.of(snapshot, file, store).await?;
            match footer.row_groups().iter().map(|group| people_of(group, subject)).collect() {
                Some::<Vec<_>>(of_file) => groups.extend(of_file),
                None => return Ok(None),
            }
        }
        Ok(Some(groups))
    }

    /// Which row groups of a file hold some of these people.
    pub(super) async fn access(
        &self,
        snapshot: &Snapshot,
        file: &StoredFile,
        subject: usize,
        people: People,
        store: &Arc<dyn ObjectStore>,
    ) -> Result<ParquetAccessPlan> {
        let footer = self.of(snapshot, file, store).await?;
        let access = |group: &RowGroupMetaData| match people_of(group, subject) {
            Some(group) if !people.overlap(group.first, group.last) => RowGroupAccess::Skip,
            _ => RowGroupAccess::Scan,
        };
        Ok(ParquetAccessPlan::new(footer.row_groups().iter().map(access).collect()))
    }

    async fn of(
        &self,
        snapshot: &Snapshot,
        file: &StoredFile,
        store: &Arc<dyn ObjectStore>,
    ) -> Result<Arc<ParquetMetaData>> {
        let mut known = self.0.lock().await;
        if let Some(footer) = known.get(&file.path) {
            return Ok(Arc::clone(footer));
        }
        let key =
            snapshot.decryption(&file.path).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let mut reader = Reader { store: Arc::clone(store), path: file.path.clone(), footer: None };
        let footer = ParquetMetaDataReader::new().with_decryption_properties(Some(key));
        let footer = Arc::new(footer.load_and_finish(&mut reader, file.size).await?);
        known.insert(file.path.clone(), Arc::clone(&footer));
        Ok(footer)
    }
}

/// Hands the engine readers of the vault's files that know their footers.
pub(super) struct Readers {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) table: String,
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) footers: Arc<Footers>,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readers(..)")
    }
}

impl ParquetFileReaderFactory for Readers {
    fn create_reader(
        &self,
        _partition: usize,
        file: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let path = file.object_meta.location;
        let table = self.snapshot.table(&self.table);
        let stored = table.and_then(|table| table.files.iter().find(|file| file.path == path)).cloned();
        let stored =
            stored.ok_or_else(|| DataFusionError::Execution("the snapshot has no such file".into()))?;
        let footer = Some((Arc::clone(&self.snapshot), stored, Arc::clone(&self.footers)));
        Ok(Box::new(Reader { store: Arc::clone(&self.store), path, footer }))
    }
}

/// Reads one file.
struct Reader {
    store: Arc<dyn ObjectStore>,
    path: Path,
    /// Where its footer is known; nowhere while that is read itself.
    footer: Option<(Arc<Snapshot>, StoredFile, Arc<Footers>)>,
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        self.store
            .get_range(&self.path, range)
            .map_err(|error| ParquetError::External(Box::new(error)))
            .boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        let read = async move { self.store.get_ranges(&self.path, &ranges).await };
        read.map_err(|error| ParquetError::External(Box::new(error))).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let known = async move {
            match &self.footer {
                Some((snapshot, file, footers)) => footers.of(snapshot, file, &self.store).await,
                None => Err(DataFusionError::Execution("a footer has no footer".into())),
            }
        };
        known.map_err(|error| ParquetError::External(Box::new(error))).boxed()
    }
}

/// Whom a row group holds, from the statistics of its subject column.
fn people_of(group: &RowGroupMetaData, subject: usize) -> Option<GroupOfPeople> {
    let statistics = group.columns().get(subject)?.statistics()?;
    let Statistics::Int32(ends) = statistics else { return None };
    let (first, last) = (ends.min_opt()?.cast_unsigned(), ends.max_opt()?.cast_unsigned());
    let rows = u64::try_from(group.num_rows()).ok()?;
    (first <= last).then_some(GroupOfPeople { first, last, rows })
}
