//! How a page is kept: sealed, so that storage can neither read it, change it, nor move it.
//!
//! AES-256-GCM with a fresh random nonce. The dataset and the place in its ledger are authenticated with
//! it, so that no page opens as that of another dataset or at another place.

use std::fmt;

use sekisho_model::DatasetId;

use super::Page;
use crate::released::{SealError, SealKey, open_with, seal_with};

/// The key that the pages of the ledgers are sealed with; wiped from memory when dropped.
pub struct LedgerKey(SealKey);

impl LedgerKey {
    /// A key from its 32 bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SealKey::new(bytes))
    }
}

impl fmt::Debug for LedgerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LedgerKey(..)")
    }
}

impl Page {
    /// The page sealed for storage, as the one at this position (from 1) of its dataset's ledger.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`], and [`SealError::TooLarge`] for a page with more than 2³² parts.
    pub fn seal(&self, key: &LedgerKey, dataset: &DatasetId, position: u64) -> Result<Vec<u8>, SealError> {
        let text = self.encode().ok_or(SealError::TooLarge)?;
        seal_with(&key.0, text, &context(dataset, position))
    }

    /// A page that was sealed under this key for this position.
    ///
    /// # Errors
    /// [`SealError::NotAuthentic`], also for a form that this version cannot read.
    pub fn open(
        bytes: &[u8],
        key: &LedgerKey,
        dataset: &DatasetId,
        position: u64,
    ) -> Result<Self, SealError> {
        let text = open_with(&key.0, bytes, &context(dataset, position))?;
        Self::decode(&text).ok_or(SealError::NotAuthentic)
    }
}

fn context(dataset: &DatasetId, position: u64) -> Vec<u8> {
    format!("sekisho ledger page 1\0{dataset}\0{position}").into_bytes()
}
