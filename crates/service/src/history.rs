//! The ledgers of the datasets while the service runs: one release of a dataset is judged after the other.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use sekisho_disclosure::{Ledger, LedgerKey, Page};
use sekisho_model::DatasetId;
use sekisho_store::{LedgerHead, LedgerStep, Store};
use tokio::sync::OwnedMutexGuard;

use crate::problem::{Result, internal, of_store};

/// What was released of each dataset, and the key that its pages are sealed with.
pub struct Histories {
    key: LedgerKey,
    datasets: Mutex<BTreeMap<DatasetId, Arc<Slot>>>,
}

/// A ledger in memory. Empty until it is needed, and while it is not known whether a page came to be stored.
type Slot = tokio::sync::Mutex<Option<Loaded>>;

/// A ledger that is the one in the store.
struct Loaded {
    ledger: Ledger,
    head: LedgerHead,
}

/// The history of one dataset, for whoever judges a release of it: nobody else does meanwhile.
///
/// INVARIANT: the slot is filled while this is handed out.
pub(crate) struct History(OwnedMutexGuard<Option<Loaded>>);

/// A step that the ledger takes if its release does. Dropped without [`Step::taken`], the ledger is read anew
/// by whoever comes next: the release may have been stored or not.
pub(crate) struct Step {
    slot: OwnedMutexGuard<Option<Loaded>>,
    loaded: Loaded,
    page: Page,
    head: LedgerHead,
}

impl Histories {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(key: LedgerKey) -> Self {
        Self { key, datasets: Mutex::default() }
    }

    /// The history of a dataset, when it is this caller's turn.
    pub(crate) async fn of(&self, store: &Store, dataset: &DatasetId) -> Result<History> {
        let slot = {
            let mut datasets = self.datasets.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(datasets.entry(dataset.clone()).or_default())
        };
        let mut slot = slot.lock_owned().await;
        if slot.is_none() {
            *slot = Some(self.read(store, dataset).await?);
        }
        Ok(History(slot))
    }

    async fn read(&self, store: &Store, dataset: &DatasetId) -> Result<Loaded> {
        let stored = store.ledger(dataset).await.map_err(of_store)?;
        let mut ledger = Ledger::new();
        for (position, bytes) in (1..).zip(&stored.pages) {
            let page = Page::open(bytes, &self.key, dataset, position);
            ledger.take(&page.map_err(|error| internal(&error, "read a ledger"))?);
        }
        Ok(Loaded { ledger, head: stored.head })
    }

    /// What a release with this page does to the ledger, for the store, and what then is done here.
    pub(crate) fn step(&self, history: History, page: Page) -> Result<(LedgerStep, Step)> {
        let mut slot = history.0;
        let missing = || internal(&Missing, "judge a release");
        let loaded = slot.take().ok_or_else(missing)?;
        let position = loaded.head.position.saturating_add(1);
        let sealed = page.seal(&self.key, &loaded.head.dataset, position);
        let sealed = sealed.map_err(|error| internal(&error, "seal a page of the ledger"))?;
        let head = loaded.head.with(&sealed);
        let step = LedgerStep { head: head.clone(), page: sealed };
        Ok((step, Step { slot, loaded, page, head }))
    }
}

impl fmt::Debug for Histories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Histories")
    }
}

impl History {
    /// What was released of the dataset.
    pub(crate) fn ledger(&self) -> Option<&Ledger> {
        self.0.as_ref().map(|loaded| &loaded.ledger)
    }
}

impl Step {
    /// The release is stored, with its page.
    pub(crate) fn taken(self) {
        let Self { mut slot, mut loaded, page, head } = self;
        loaded.ledger.take(&page);
        *slot = Some(Loaded { head, ..loaded });
    }
}

/// A history without its ledger: a defect.
#[derive(Debug, thiserror::Error)]
#[error("a history is handed out without its ledger")]
pub(crate) struct Missing;
