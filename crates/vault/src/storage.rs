//! Where objects live, and how they come to be there for good.
//!
//! A store on the local file system renames without waiting for the disk, so this module makes
//! what it wrote durable itself: the object first, then every folder above it.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};

use crate::keyring::fill_random;
use crate::{Error, Result};

/// What came of publishing an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Published {
    /// Somebody else published one under this name before.
    Existed,
    /// It is there, durably.
    Made,
}

/// Objects in a folder of the local file system.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    store: Arc<dyn ObjectStore>,
    root: PathBuf,
}

impl Storage {
    /// The objects of a store over the folder `root`.
    pub(crate) fn new(store: Arc<dyn ObjectStore>, root: PathBuf) -> Self {
        Self { store, root }
    }

    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Publishes an object, whole and durable, unless one of its name exists: what is seen under
    /// the name is never half written, not even after a power cut.
    pub(crate) async fn publish(&self, path: &Path, body: Vec<u8>) -> Result<Published> {
        let failed = |error| Error::storage("publishing a snapshot", error);
        let mut unique = [0; 8];
        fill_random(&mut unique)?;
        let staged = Path::from(format!("staging/{}", hex::encode(unique)));
        self.store.put(&staged, PutPayload::from(body)).await.map_err(failed)?;
        self.make_durable(&staged)?;
        let published = match self.store.copy_if_not_exists(&staged, path).await {
            Ok(()) => self.make_durable(path).map(|()| Published::Made),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Published::Existed),
            Err(error) => Err(failed(error)),
        };
        self.discard(&staged).await;
        published
    }

    /// Waits until an object is on the disk, and every folder above it too.
    pub(crate) fn make_durable(&self, path: &Path) -> Result<()> {
        let file = self.root.join(path.as_ref());
        let failed = |error| Error::storage("writing to the disk", error);
        for place in file.ancestors().take_while(|place| place.starts_with(&self.root)) {
            File::open(place).and_then(|open| open.sync_all()).map_err(failed)?;
        }
        Ok(())
    }

    /// An object's bytes; `None` if there is no such object.
    pub(crate) async fn get(&self, path: &Path) -> Result<Option<Bytes>> {
        let failed = |error| Error::storage("reading a snapshot", error);
        match self.store.get(path).await {
            Ok(object) => object.bytes().await.map(Some).map_err(failed),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// The objects directly below a prefix.
    pub(crate) async fn list(&self, prefix: &Path) -> Result<Vec<Path>> {
        let failed = |error| Error::storage("listing the vault", error);
        let found = self.store.list(Some(prefix)).map_ok(|object| object.location);
        let mut found: Vec<Path> = found.try_collect().await.map_err(failed)?;
        found.retain(|path| path.prefix_match(prefix).is_some_and(|rest| rest.count() == 1));
        found.sort();
        Ok(found)
    }

    /// The folders directly below a prefix.
    pub(crate) async fn folders(&self, prefix: &Path) -> Result<Vec<Path>> {
        let failed = |error| Error::storage("listing the vault", error);
        let mut found = self.store.list_with_delimiter(Some(prefix)).await.map_err(failed)?.common_prefixes;
        found.sort();
        Ok(found)
    }

    /// Deletes what nothing refers to. A failure is no loss: an orphan is harmless.
    pub(crate) async fn discard(&self, path: &Path) {
        if self.store.delete(path).await.is_err() {
            tracing::debug!(%path, "an orphan stays behind");
        }
    }
}
