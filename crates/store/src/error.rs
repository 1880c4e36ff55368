//! What can go wrong when state is kept.

use sekisho_audit as audit;
use sekisho_model::DatasetId;
use sekisho_release as release;
use sqlx::migrate::MigrateError;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the store did not do what was asked. None carries a value of a record.
///
/// Three kinds have `pending`, see [`Error::pending`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    // The caller's.
    /// No such job that can be seen.
    #[error("no such job")]
    NotFound,
    /// A page token is not one that the store gave.
    #[error("the page token is not one that a list of jobs gave")]
    PageToken,
    /// The same request id came with another analysis.
    #[error("this request id was used for another analysis; choose a new one")]
    RequestReused,
    /// The job is in a state that does not take this event.
    #[error(transparent)]
    WrongState(#[from] release::Error),
    // The operator's.
    /// The state database does not read as this version writes it.
    #[error("the state database holds a {what} that this version cannot read; use the version that wrote it")]
    Corrupt {
        /// What cannot be read.
        what: &'static str,
    },
    /// The database cannot be used.
    #[error("the state database: {source}")]
    Database {
        /// Whether the change is kept nevertheless.
        pending: bool,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The state database and the audit log do not belong together.
    #[error(
        "the state database and the audit log do not belong together: {reason}; restore both from one backup"
    )]
    Diverged {
        /// How they differ.
        reason: &'static str,
    },
    /// A ledger lacks what the audit log says was released.
    #[error(
        "the ledger of `{dataset}` ({stored} pages) is not the one that the audit log speaks of ({logged} pages), so nothing can be judged against what was released; restore the state database (`state.db`) from the backup that was made with the log, or a later one"
    )]
    LedgerBehind {
        /// The dataset.
        dataset: DatasetId,
        /// The pages that are there.
        stored: u64,
        /// The pages that the last release was logged with.
        logged: u64,
    },
    /// No space is left, or files cannot grow.
    #[error("storage is full or cannot be written ({wait}); free some space, nothing that was accepted is lost",
        wait = if *.pending { "the change is kept and waits for the audit log" } else { "nothing was changed" })]
    Full {
        /// Whether the change is kept nevertheless.
        pending: bool,
    },
    /// The audit log cannot be used.
    #[error("the audit log: {source}")]
    Log {
        /// Whether the change is kept nevertheless.
        pending: bool,
        /// What the log said.
        source: audit::Error,
    },
    /// The tables cannot be brought to this version.
    #[error("bring the state database up to date: {0}")]
    Migrate(#[source] MigrateError),
    // Ours.
    /// A caller of this crate gave an entry or a change that does not fit what is being done.
    #[error("a change does not fit its entry: {reason}; this is a defect")]
    Misfit {
        /// What does not fit.
        reason: &'static str,
    },
    /// A task of the store ended early.
    #[error("a task of the store ended early; this is a defect")]
    Stopped,
    /// A test stopped the store here.
    #[cfg(test)]
    #[error("stopped by a test")]
    Crash,
}

impl Error {
    /// Whether the change of the call that failed is durable all the same.
    ///
    /// `true`: it is committed and waits for the audit log; nobody sees it yet. It becomes visible with
    /// the next change, [`crate::Store::replay`] or start that gets its entry into the log, and cannot
    /// be taken back. To learn that it did, repeat the same call with the same entry: a repeated entry
    /// has no further effect and is answered with the job.
    ///
    /// `false`: the call changed nothing.
    #[must_use]
    pub fn pending(&self) -> bool {
        match self {
            Self::Database { pending, .. } | Self::Full { pending } | Self::Log { pending, .. } => *pending,
            Self::NotFound
            | Self::PageToken
            | Self::RequestReused
            | Self::WrongState(_)
            | Self::Corrupt { .. }
            | Self::Diverged { .. }
            | Self::LedgerBehind { .. }
            | Self::Migrate(_)
            | Self::Misfit { .. }
            | Self::Stopped => false,
            #[cfg(test)]
            Self::Crash => false,
        }
    }

    /// The same, of a call whose change is committed.
    pub(crate) fn after_commit(mut self, committed: bool) -> Self {
        if let Self::Database { pending, .. } | Self::Full { pending } | Self::Log { pending, .. } = &mut self
        {
            *pending = committed;
        }
        self
    }
}

/// SQLITE_FULL, and the kinds of SQLITE_IOERR that a disk without space or a file-size limit causes:
/// write, fsync, truncate, and growing the shared memory.
const FULL: [&str; 5] = ["13", "778", "1034", "1546", "4874"];

impl From<sqlx::Error> for Error {
    fn from(source: sqlx::Error) -> Self {
        let code = source.as_database_error().and_then(|error| error.code());
        match code {
            Some(code) if FULL.contains(&&*code) => Self::Full { pending: false },
            _ => Self::Database { pending: false, source },
        }
    }
}

impl From<MigrateError> for Error {
    fn from(source: MigrateError) -> Self {
        if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = source {
            return error.into();
        }
        Self::Migrate(source)
    }
}

impl From<audit::Error> for Error {
    fn from(source: audit::Error) -> Self {
        if matches!(source, audit::Error::Full { .. }) {
            Self::Full { pending: false }
        } else {
            Self::Log { pending: false, source }
        }
    }
}
