//! The log itself: appended to by one process, durable before it says so.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use tlog_tiles::{prove_record, record_hash};

use crate::files::{CHECKPOINT, ENTRIES, LEAVES, LOCK, replace, sync_folder, writable};
use crate::scan::Nodes;
use crate::state::{Batch, State};
use crate::{Entry, Error, Finding, LogKey, Receipt, Result};

/// An open log. Its tree is held in memory, about 130 bytes an entry.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    key: LogKey,
    /// Held until the log is dropped.
    _lock: File,
    state: State,
    /// Set when it is not known which checkpoint stands on the disk; the next append reads it again.
    doubtful: bool,
}

impl Log {
    /// Opens the log in a folder, or begins one there. Every entry is held against the signed
    /// checkpoint; what follows the last signed entry was never acknowledged and is cut off.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] if another process has it, [`Error::Altered`] if it is not what was signed.
    pub fn open(folder: &Path, key: LogKey) -> Result<Self> {
        let action = "open the audit log";
        fs::create_dir_all(folder).map_err(Error::io(action))?;
        let lock = writable(&folder.join(LOCK)).map_err(Error::io(action))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Busy),
            Err(TryLockError::Error(error)) => return Err(Error::io(action)(error)),
        }
        let state = State::recover(folder, &key)?;
        Ok(Self { folder: folder.to_owned(), key, _lock: lock, state, doubtful: false })
    }

    /// Appends entries, all or none, and answers their indexes. They are durable and signed when this
    /// returns.
    ///
    /// # Errors
    ///
    /// [`Error::Duplicate`] if an id is in the log already; [`Error::Full`] or [`Error::Io`] if they
    /// cannot be written: then none of them is in the log, and a later append works.
    pub fn append(&mut self, entries: &[Entry]) -> Result<Vec<u64>> {
        if self.doubtful {
            self.state = State::recover(&self.folder, &self.key)?;
            self.doubtful = false;
        }
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let batch = Batch::prepare(&self.state, &self.key, entries)?;
        self.write(&batch)?;
        let indexes = (self.state.tree.size..batch.size).collect();
        self.state.adopt(batch);
        Ok(indexes)
    }

    /// How many entries the log has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.state.tree.size
    }

    /// The root of the tree over all entries.
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        self.state.root.0
    }

    /// The signed checkpoint over all entries.
    #[must_use]
    pub fn checkpoint(&self) -> &str {
        &self.state.checkpoint
    }

    /// The public key with which the log and its receipts can be checked.
    #[must_use]
    pub fn verifier_key(&self) -> &str {
        self.key.verifier_key()
    }

    /// The index of the entry of this id.
    #[must_use]
    pub fn position(&self, id: &str) -> Option<u64> {
        self.state.position(id)
    }

    /// Whether an entry of this id is in the log.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.position(id).is_some()
    }

    /// An entry, read from the disk and held against its hash.
    ///
    /// # Errors
    ///
    /// [`Error::NoEntry`] if the log is shorter, [`Error::Altered`] if it is not what was appended.
    pub fn entry(&self, index: u64) -> Result<Entry> {
        Entry::decode(&self.bytes(index)?)
    }

    /// Proof that an entry is in the log as it is now.
    ///
    /// # Errors
    ///
    /// As [`Log::entry`].
    pub fn receipt(&self, index: u64) -> Result<Receipt> {
        let entry = self.bytes(index)?;
        let nodes = Nodes { old: &self.state.tree.nodes, new: &[] };
        let proof =
            prove_record(self.size(), index, &nodes).map_err(|_| Error::Tree { action: "prove an entry" })?;
        let proof = proof.into_iter().map(|hash| hash.0).collect();
        Ok(Receipt { entry, index, proof, checkpoint: self.state.checkpoint.clone() })
    }

    fn bytes(&self, index: u64) -> Result<Vec<u8>> {
        let (start, end) = self.state.span(index).ok_or(Error::NoEntry { index })?;
        let altered = || Error::Altered(Finding::Altered { index });
        let length = usize::try_from(end - start).map_err(|_| altered())?;
        let mut bytes = vec![0; length];
        let file = File::open(self.folder.join(ENTRIES)).map_err(Error::io("read the audit log"))?;
        file.read_exact_at(&mut bytes, start).map_err(Error::io("read the audit log"))?;
        if self.state.tree.leaf(index) == Some(record_hash(&bytes)) { Ok(bytes) } else { Err(altered()) }
    }

    /// Writes a batch behind the last signed entry; the new checkpoint makes it count.
    ///
    /// Each file is opened by its name each time: a file that was taken away for a while does not stop
    /// the log for ever.
    fn write(&mut self, batch: &Batch) -> Result<()> {
        let state = &self.state;
        let file = writable(&self.folder.join(ENTRIES)).map_err(Error::io("append to the audit log"))?;
        let length = file.metadata().map_err(Error::io("append to the audit log"))?.len();
        if length < state.end {
            return Err(Finding::Missing { index: state.entry_at(length), size: state.tree.size }.into());
        }
        let written = put(&file, length, state.end, &batch.bytes)
            .and_then(|()| file.sync_all())
            .map_err(Error::io("append to the audit log"))
            .and_then(|()| self.write_leaves(batch).map_err(Error::io("append to the audit log's leaves")))
            .and_then(|()| {
                replace(&self.folder.join(CHECKPOINT), batch.checkpoint.as_bytes())
                    .map_err(Error::io("write the audit log's checkpoint"))
            });
        if let Err(error) = written {
            // What was written does not count without its checkpoint; cutting it off gives the space back.
            if file.set_len(state.end).is_err() {
                tracing::warn!("the unfinished tail of the audit log could not be cut off yet");
            }
            return Err(error);
        }
        sync_folder(&self.folder.join(CHECKPOINT)).map_err(|error| {
            self.doubtful = true;
            Error::io("make the audit log's checkpoint durable")(error)
        })
    }

    fn write_leaves(&self, batch: &Batch) -> std::io::Result<()> {
        let file = writable(&self.folder.join(LEAVES))?;
        let end = leaves_length(self.state.tree.size);
        let length = file.metadata()?.len();
        if length < end {
            // It was damaged while we run; it is derived, so it is simply made anew.
            drop(file);
            return replace(&self.folder.join(LEAVES), &[self.state.leaves(), batch.leaves.clone()].concat());
        }
        put(&file, length, end, &batch.leaves)
    }
}

/// Writes bytes at the end that counts, cutting off whatever is behind it.
fn put(file: &File, length: u64, end: u64, bytes: &[u8]) -> std::io::Result<()> {
    if length > end {
        file.set_len(end)?;
    }
    file.write_all_at(bytes, end)
}

fn leaves_length(size: u64) -> u64 {
    size.saturating_mul(32)
}
