//! Which snapshot is read: the last one of a line.
//!
//! An ingest begins a *line*; an opt-out adds to every line a successor without the people who left. A project
//! that pins a snapshot reads the last one of its line, and every other project that of the last ingest.

use std::collections::BTreeMap;

use sekisho_model::{DatasetId, SnapshotId, SnapshotPin};

use crate::snapshot::Snapshot;
use crate::{Error, Result, Vault};

/// The snapshot that a pin means.
///
/// # Errors
///
/// [`Error::DatasetUnknown`], [`Error::SnapshotUnknown`]; [`Error::OptOutUnfinished`] where people who left the dataset are still in it.
pub(crate) async fn of_pin(vault: &Vault, dataset: &DatasetId, pin: SnapshotPin) -> Result<Snapshot> {
    let ids = vault.snapshots(dataset).await?;
    let mut newer = ids.into_iter().rev();
    let unknown = || match pin {
        SnapshotPin::Latest => Error::DatasetUnknown { dataset: dataset.clone() },
        SnapshotPin::Number(number) => {
            Error::SnapshotUnknown { snapshot: SnapshotId { dataset: dataset.clone(), number } }
        }
    };
    let newest = Snapshot::open(vault, newer.next().ok_or_else(unknown)?).await?;
    let wanted = match pin {
        SnapshotPin::Latest => None,
        SnapshotPin::Number(number) if number == newest.id.number => Some(newest.line),
        SnapshotPin::Number(number) => {
            let id = SnapshotId { dataset: dataset.clone(), number };
            Some(Snapshot::open(vault, id).await?.line)
        }
    };
    let absent = newest.absent.clone();
    let mut last_of: BTreeMap<u64, Snapshot> = BTreeMap::new();
    let mut next = Some(newest);
    let found = loop {
        let snapshot = next.ok_or_else(unknown)?;
        let (line, begins) = (snapshot.line, snapshot.line == snapshot.id.number);
        let last = last_of.entry(line).or_insert(snapshot).clone();
        // The first ingest that is met, from the newest snapshot on, is the last ingest.
        if wanted.map_or(begins, |wanted| wanted == line) {
            break last;
        }
        next = match newer.next() {
            Some(id) => Some(Snapshot::open(vault, id).await?),
            None => None,
        };
    };
    if found.absent == absent { Ok(found) } else { Err(Error::OptOutUnfinished { dataset: dataset.clone() }) }
}

/// The last snapshot of each line, that of the last ingest first.
pub(crate) async fn versions(vault: &Vault, dataset: &DatasetId) -> Result<Vec<Snapshot>> {
    let mut last_of: BTreeMap<u64, Snapshot> = BTreeMap::new();
    for id in vault.snapshots(dataset).await? {
        let snapshot = Snapshot::open(vault, id).await?;
        last_of.insert(snapshot.line, snapshot);
    }
    Ok(last_of.into_values().rev().collect())
}
