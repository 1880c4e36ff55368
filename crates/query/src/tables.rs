//! Where a plan's scans read from: the tables of one snapshot, and the code lists of one analysis.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::datasource::{MemTable, TableProvider};

use crate::lists::List;
use crate::scan::SnapshotTable;
use crate::vault::Snapshot;

/// What the scans of one plan may read. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tables {
    snapshot: Arc<Snapshot>,
    lists: Arc<BTreeMap<String, RecordBatch>>,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tables({} lists)", self.lists.len())
    }
}

impl Tables {
    pub(crate) fn new(snapshot: &Arc<Snapshot>, lists: &[List]) -> Self {
        let lists = lists.iter().map(|list| (list.name.clone(), list.batch.clone())).collect();
        Self { snapshot: Arc::clone(snapshot), lists: Arc::new(lists) }
    }

    /// The snapshot that is read.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// A table of the snapshot, whatever lists there are.
    pub(crate) fn stored(&self, name: &str) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        self.coded(name, &BTreeSet::new())
    }

    /// The same, with texts of some columns as places in a dictionary.
    fn coded(&self, name: &str, coded: &BTreeSet<&str>) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        match SnapshotTable::open(&self.snapshot, name) {
            Some(table) => Ok(Arc::new(table.with_coded(coded))),
            None => Err(DataFusionError::Plan(format!("no table `{name}` in the snapshot"))),
        }
    }

    /// The table that the catalogue knows by this name; a stored one has texts of some columns [coded].
    ///
    /// INVARIANT: a list is found before a table of the snapshot. The catalogue refuses a list that is
    /// named like a granted table, so what is found here is what was judged, and a list that is named like
    /// a table that was not granted does not open that table.
    ///
    /// [coded]: crate::coded
    pub(crate) fn open(
        &self,
        name: &str,
        coded: &BTreeSet<&str>,
    ) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        if let Some(batch) = self.lists.get(name) {
            return Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch.clone()]])?));
        }
        self.coded(name, coded)
    }
}
