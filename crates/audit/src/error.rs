//! What can go wrong with the log, and what an inspection of it can find.

use std::io;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the log did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What is stored is not what was signed.
    #[error("the audit log was altered: {0}; keep a copy for the auditor, then restore it from a backup")]
    Altered(#[from] Finding),
    /// Another process has the log.
    #[error("the audit log is in use by another process; stop it first")]
    Busy,
    /// An entry of this id is in the log.
    #[error("the audit log has an entry `{id}` already")]
    Duplicate {
        /// The id.
        id: String,
    },
    /// Something does not have the form of an entry.
    #[error("not an entry of the audit log: {reason}")]
    Entry {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No space is left; nothing was appended, and a later append works.
    #[error("no space left to {action}; free some space, nothing was lost")]
    Full {
        /// What was being done.
        action: &'static str,
    },
    /// The file system refused; nothing was appended, and a later append works.
    #[error("{action}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// What the file system said.
        source: io::Error,
    },
    /// The key file or verifier key cannot be used.
    #[error("the key of the audit log cannot be used: {reason}")]
    Key {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Others than the owner may read or write the key file.
    #[error("the key file of the audit log has mode {mode:04o}; make it 0600 with chmod")]
    KeyMode {
        /// The permission bits that it has.
        mode: u32,
    },
    /// The log is shorter.
    #[error("the audit log has no entry {index}")]
    NoEntry {
        /// The index that was asked for.
        index: u64,
    },
    /// A receipt proves nothing.
    #[error("the receipt does not hold: {reason}")]
    Receipt {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The tree or a signature could not be computed.
    #[error("the audit log could not {action}; this is a defect")]
    Tree {
        /// What was being done.
        action: &'static str,
    },
}

impl Error {
    /// The error of a file operation; a lack of space has its own variant.
    pub(crate) fn io(action: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| match source.kind() {
            kind if is_full(kind) => Self::Full { action },
            _ => Self::Io { action, source },
        }
    }
}

fn is_full(kind: io::ErrorKind) -> bool {
    [io::ErrorKind::StorageFull, io::ErrorKind::FileTooLarge, io::ErrorKind::QuotaExceeded].contains(&kind)
}

/// What an inspection found; each says where.
#[derive(Debug, thiserror::Error)]
pub enum Finding {
    /// An entry is not the one that was signed at this index: edited, deleted, inserted or moved.
    #[error("entry {index} is not the one that was signed")]
    Altered {
        /// The first such index.
        index: u64,
    },
    /// The checkpoint is missing or not of its form.
    #[error("the checkpoint {reason}")]
    Checkpoint {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Fewer entries are there than were signed.
    #[error("entry {index} is missing, of {size} that were signed")]
    Missing {
        /// The first index that is missing.
        index: u64,
        /// The signed size.
        size: u64,
    },
    /// A file cannot be read.
    #[error("cannot read `{file}`: {source}")]
    Read {
        /// Its name in the folder of the log.
        file: &'static str,
        /// What the file system said.
        source: io::Error,
    },
    /// The checkpoint is not signed by the key given.
    #[error("the checkpoint is not signed by this key")]
    Signature,
    /// The entries do not give the signed root, and `leaves` was altered too, so that it cannot be said where.
    #[error(
        "the {size} entries do not give the signed root, and the file that would tell where is gone or altered"
    )]
    Unlocated {
        /// The signed size.
        size: u64,
    },
    /// An entry stands as it was signed, and this version cannot read it.
    #[error("entry {index} is not an entry that this version can read")]
    Unreadable {
        /// Its index.
        index: u64,
    },
}

impl Finding {
    /// The index of the first entry concerned, where that can be said.
    #[must_use]
    pub fn index(&self) -> Option<u64> {
        match self {
            Self::Altered { index } | Self::Missing { index, .. } | Self::Unreadable { index } => {
                Some(*index)
            }
            Self::Checkpoint { .. } | Self::Read { .. } | Self::Signature | Self::Unlocated { .. } => None,
        }
    }
}
