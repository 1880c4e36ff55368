//! The people of a snapshot, each once: how many they are is public, and the checkpoint judges what is released
//! beside it.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::UInt32Type;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::physical_plan::execute_stream;
use futures::TryStreamExt;
use roaring::RoaringBitmap;

use crate::disclosure::{Evidence, Tally};
use crate::model::{SnapshotId, TableKind};
use crate::tables::Tables;
use crate::vault::StoredTable;

/// Snapshots whose people are kept: those that were read last.
const KEPT: usize = 4;

/// The people of the snapshots that were read last.
#[derive(Clone, Default)]
pub(crate) struct Everybody(Arc<Mutex<Vec<(SnapshotId, Evidence)>>>);

impl Everybody {
    /// The people of the snapshot that is read.
    pub(crate) async fn of(&self, tables: &Tables, session: &SessionState) -> Result<Evidence> {
        let id = &tables.snapshot().id;
        if let Some(known) = self.known(id) {
            return Ok(known);
        }
        let everybody = read(tables, session).await?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(other, _)| other != id);
        known.truncate(KEPT - 1);
        known.insert(0, (id.clone(), everybody.clone()));
        Ok(everybody)
    }

    fn known(&self, id: &SnapshotId) -> Option<Evidence> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(other, _)| other == id).map(|(_, everybody)| everybody.clone())
    }
}

/// Everybody with a row in a table, from the smallest table on until nobody can be missing.
async fn read(tables: &Tables, session: &SessionState) -> Result<Evidence> {
    let snapshot = tables.snapshot();
    let mut of_people: Vec<&StoredTable> =
        snapshot.tables().iter().filter(|table| table.kind == TableKind::Subject).collect();
    of_people.sort_by_key(|table| table.files.iter().map(|file| file.rows).sum::<u64>());
    let most = u64::from(snapshot.dense_ids()).saturating_sub(snapshot.absent().len());
    let mut people = RoaringBitmap::new();
    for table in of_people {
        if people.len() >= most {
            break;
        }
        let subject = snapshot.dataset.table(&table.name).and_then(|table| table.subject());
        let missing = || DataFusionError::Execution("a table of people has no subject".into());
        let subject = table.schema.index_of(&subject.ok_or_else(missing)?.name)?;
        let scan = tables.stored(&table.name)?.scan(session, Some(&vec![subject]), &[], None).await?;
        let mut rows = execute_stream(scan, session.task_ctx())?;
        while let Some(batch) = rows.try_next().await? {
            let subjects = batch.columns().first().and_then(|column| column.as_primitive_opt::<UInt32Type>());
            people.extend(subjects.ok_or_else(missing)?.values().iter().copied());
        }
    }
    let mut tally = Tally::new();
    people.iter().for_each(|subject| tally.add_one(subject));
    Ok(tally.freeze())
}
