//! Proof that an entry is in the log, which anyone can check offline.

use tlog_tiles::{Hash, check_record, record_hash};

use crate::checkpoint;
use crate::{Entry, Error, Result};

/// An entry, the way from it to the root, and the signature under the root.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// use sekisho_audit::{Entry, EventKind, Log, LogKey};
/// use sekisho_model::Timestamp;
///
/// let key = LogKey::open(&folder.path().join("log.key"), "example.org/log")?;
/// let verifier_key = key.verifier_key().to_owned();
/// let mut log = Log::open(&folder.path().join("log"), key)?;
/// log.append(&[Entry::new("e-1", Timestamp(0), EventKind::ServerStarted, "enclave")])?;
///
/// // Later, elsewhere, with nothing but the receipt and the public key:
/// let receipt = log.receipt(0)?;
/// let entry = receipt.verify(&verifier_key)?;
/// assert_eq!(entry.kind, EventKind::ServerStarted);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// The entry as it was hashed.
    pub entry: Vec<u8>,
    /// Its index in the log.
    pub index: u64,
    /// The hashes from the leaf's sibling upward (RFC 6962, section 2.1.1).
    pub proof: Vec<[u8; 32]>,
    /// The signed checkpoint that the proof leads to.
    pub checkpoint: String,
}

impl Receipt {
    /// Checks the receipt with the public key of the log, and answers the entry that it proves.
    ///
    /// # Errors
    ///
    /// [`Error::Receipt`] if the checkpoint is not signed by that key or the proof does not lead to it;
    /// [`Error::Entry`] if what it proves is not an entry that this version can read.
    pub fn verify(&self, verifier_key: &str) -> Result<Entry> {
        let head = checkpoint::open(self.checkpoint.as_bytes(), verifier_key)
            .map_err(|_| Error::Receipt { reason: "its checkpoint is not one that this key signed" })?;
        let proof = self.proof.iter().copied().map(Hash).collect();
        check_record(&proof, head.size, head.root, self.index, record_hash(&self.entry)).map_err(|_| {
            Error::Receipt { reason: "its proof does not lead from the entry to the checkpoint" }
        })?;
        Entry::decode(&self.entry)
    }
}
