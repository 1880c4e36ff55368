//! The vault itself: which datasets and snapshots there are, and how to get at one.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path as FsPath;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use sekisho_model::{DatasetId, SnapshotId, SnapshotPin};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::consent::{self, Leavers, OptedOut};
use crate::ingest::{self, IngestOptions, Ingested};
use crate::line;
use crate::scratch::Scratch;
use crate::snapshot::{self, Snapshot};
use crate::storage::Storage;
use crate::{Error, Keyring, Manifest, Result};

/// Data at rest under one folder and one master key. Clones share both.
///
/// Layout of the folder:
///
/// ```text
/// datasets/D/snapshots/00000001.json    numbered, immutable, sealed manifests
/// datasets/D/files/INGEST/T-0000.parquet encrypted files, in the folder of the ingest that made them
/// staging/, tmp/                        of no meaning once the vault is closed
/// ```
#[derive(Clone, Debug)]
pub struct Vault {
    pub(crate) storage: Storage,
    pub(crate) scratch: Scratch,
    pub(crate) keyring: Arc<Keyring>,
}

impl Vault {
    /// Opens the vault in a folder, which is made (for its owner only) if it is not there, and
    /// deletes what a crashed ingest left in its folder for temporary files.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] or [`Error::DiskFull`] when the folder cannot be used.
    pub fn open(root: &FsPath, keyring: impl Into<Arc<Keyring>>) -> Result<Self> {
        make_folder(root)?;
        let store = LocalFileSystem::new_with_prefix(root)
            .map_err(|error| Error::storage("opening the vault's folder", error))?;
        Self::over(Arc::new(store), root, keyring)
    }

    /// The same with a store of the caller's over that folder: one that meters or fails, say.
    ///
    /// # Errors
    ///
    /// As [`Vault::open`].
    pub fn over(
        store: Arc<dyn ObjectStore>,
        root: &FsPath,
        keyring: impl Into<Arc<Keyring>>,
    ) -> Result<Self> {
        make_folder(root)?;
        let root =
            root.canonicalize().map_err(|error| Error::storage("opening the vault's folder", error))?;
        let scratch = Scratch::open(&root)?;
        Ok(Self { storage: Storage::new(store, root), scratch, keyring: keyring.into() })
    }

    /// Takes a dataset in as its next snapshot. All of it is taken in or nothing: after any error,
    /// or a crash, the last snapshot is what it was.
    ///
    /// Work that blocks runs on a blocking thread of the present Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Error::Source`] and [`Error::BadRow`] when the data does not fit the manifest;
    /// [`Error::Conflict`] when another ingest of the dataset was faster; errors of the storage.
    pub async fn ingest(&self, manifest: &Manifest, options: &IngestOptions) -> Result<Ingested> {
        let (vault, manifest, options) = (self.clone(), manifest.clone(), options.clone());
        let runtime = Handle::current();
        let work = move || runtime.block_on(ingest::run(&vault, &manifest, &options));
        spawn_blocking(work).await.map_err(|_| Error::Internal { what: "the ingest did not end" })?
    }

    /// The names of all datasets, sorted.
    ///
    /// # Errors
    ///
    /// Errors of the storage.
    pub async fn datasets(&self) -> Result<Vec<DatasetId>> {
        let mut datasets = Vec::new();
        for folder in self.storage.folders(&Path::from("datasets")).await? {
            let name = folder.filename().and_then(|name| name.parse().ok());
            if let Some(dataset) = name
                && !self.snapshots(&dataset).await?.is_empty()
            {
                datasets.push(dataset);
            }
        }
        Ok(datasets)
    }

    /// The snapshots of a dataset, oldest first; empty if there is no such dataset.
    ///
    /// # Errors
    ///
    /// Errors of the storage.
    pub async fn snapshots(&self, dataset: &DatasetId) -> Result<Vec<SnapshotId>> {
        let found = self.storage.list(&snapshot::folder(dataset)).await?;
        let numbers: BTreeSet<u64> = found.iter().filter_map(snapshot::number).collect();
        Ok(numbers.into_iter().map(|number| SnapshotId { dataset: dataset.clone(), number }).collect())
    }

    /// The snapshot of a dataset that is read: what the last ingest took in, or an earlier one if it is pinned,
    /// without the people who opted out since.
    ///
    /// # Errors
    ///
    /// [`Error::DatasetUnknown`], [`Error::SnapshotUnknown`]; [`Error::OptOutUnfinished`] while people who
    /// opted out are still in it; [`Error::WrongKey`], [`Error::Altered`] when it cannot be trusted; errors of
    /// the storage.
    pub async fn snapshot(&self, dataset: &DatasetId, pin: SnapshotPin) -> Result<Snapshot> {
        line::of_pin(self, dataset, pin).await
    }

    /// Makes people absent from every version of a dataset, and from all that is taken in later. With `dry_run`
    /// nothing is written.
    ///
    /// After an error the same call again does what is left; until then a version that still has the people
    /// is not read.
    ///
    /// # Errors
    ///
    /// [`Error::DatasetUnknown`]; [`Error::Conflict`] when an ingest or another opt-out was faster; errors of
    /// the storage.
    pub async fn opt_out(&self, dataset: &DatasetId, leavers: &Leavers, dry_run: bool) -> Result<OptedOut> {
        consent::opt_out(self, dataset, leavers, dry_run).await
    }

    /// The store that holds the files of every snapshot.
    #[must_use]
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(self.storage.store())
    }
}

/// Makes the folder, durably, if it is not there.
fn make_folder(root: &FsPath) -> Result<()> {
    let failed = |error| Error::storage("making the vault's folder", error);
    if root.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(failed)?;
    let root = root.canonicalize().map_err(failed)?;
    let parent = root.parent().unwrap_or(&root);
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)
}
