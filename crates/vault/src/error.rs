//! What can go wrong with data at rest, in words that say what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;

use sekisho_model::{Code, DatasetId, SnapshotId};

/// The result of an operation of the vault.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the vault did not do what it was asked.
///
/// INVARIANT: no variant holds a value of a record, or a header that the manifest does not name.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator's manifest is not of the documented form.
    #[error("`{}` line {line}: {problem}", file.display())]
    Manifest {
        /// The manifest.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what to write instead.
        problem: String,
    },
    /// A file that the operator named cannot be read.
    #[error("cannot read `{}`: {}", file.display(), source.kind())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A source file does not fit the manifest as a whole.
    #[error("`{}` {problem}", file.display())]
    Source {
        /// The source file.
        file: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A row of a source file does not fit the manifest; nothing was taken in.
    #[error(
        "`{}` {place}{}: expected {expected}; correct the row or the manifest, then ingest again",
        file.display(),
        column.as_ref().map(|name| format!(", column `{name}`")).unwrap_or_default()
    )]
    BadRow {
        /// The source file.
        file: PathBuf,
        /// Where in it.
        place: Place,
        /// The column, by its name in the manifest.
        column: Option<String>,
        /// What should have been there.
        expected: String,
    },
    /// The master key file cannot be used.
    #[error("master key file `{}` {problem}", file.display())]
    KeyFile {
        /// The key file.
        file: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The object was sealed under another master key.
    #[error(
        "`{object}` was made with another master key; start with the key file that belongs to this vault"
    )]
    WrongKey {
        /// The object.
        object: String,
    },
    /// The object is not what was written.
    #[error("`{object}` was altered or is damaged; restore it from a backup")]
    Altered {
        /// The object.
        object: String,
    },
    /// The object was written by a later version of this program.
    #[error("`{object}` was written by a newer version; use that version to read it")]
    Newer {
        /// The object.
        object: String,
    },
    /// No such dataset.
    #[error("there is no dataset `{dataset}`; ingest its manifest first")]
    DatasetUnknown {
        /// The name asked for.
        dataset: DatasetId,
    },
    /// No such snapshot.
    #[error("there is no snapshot `{snapshot}`")]
    SnapshotUnknown {
        /// The snapshot asked for.
        snapshot: SnapshotId,
    },
    /// No such table in the snapshot.
    #[error("snapshot `{snapshot}` has no table `{table}`")]
    TableUnknown {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The table asked for.
        table: String,
    },
    /// Another ingest published this number first.
    #[error(
        "another ingest or opt-out published `{snapshot}` in the meantime; ingest again, or run the opt-out again"
    )]
    Conflict {
        /// The snapshot that both wanted to make.
        snapshot: SnapshotId,
    },
    /// People who opted out are still in a version of the dataset.
    #[error(
        "an opt-out of dataset `{dataset}` is under way or was interrupted; if it is not running, run `sekishod \
         consent opt-out` again with the same file"
    )]
    OptOutUnfinished {
        /// The dataset.
        dataset: DatasetId,
    },
    /// A later manifest treats subject ids otherwise than the first.
    #[error(
        "dataset `{dataset}` was first taken in with another `pseudonym`; keep it, or use a new dataset name"
    )]
    PseudonymChanged {
        /// The dataset.
        dataset: DatasetId,
    },
    /// More people than a dense id can number.
    #[error("dataset `{dataset}` has more people than a 32-bit id can number")]
    TooManyPeople {
        /// The dataset.
        dataset: DatasetId,
    },
    /// The disk is full.
    #[error(
        "the disk is full: {action} failed; free some space and try again (earlier snapshots are intact)"
    )]
    DiskFull {
        /// What was being done.
        action: &'static str,
    },
    /// The storage does not work.
    #[error("{action} failed; check the storage (earlier snapshots are intact)")]
    Storage {
        /// What was being done.
        action: &'static str,
        /// What the storage said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// An error of ours.
    #[error("internal error: {what}")]
    Internal {
        /// What does not hold.
        what: &'static str,
    },
}

impl Error {
    /// The reason from the closed list of codes.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Manifest { .. }
            | Self::Unreadable { .. }
            | Self::Source { .. }
            | Self::BadRow { .. }
            | Self::PseudonymChanged { .. } => Code::InvalidArgument,
            Self::DatasetUnknown { .. } | Self::SnapshotUnknown { .. } | Self::TableUnknown { .. } => {
                Code::NotFound
            }
            Self::Conflict { .. } | Self::OptOutUnfinished { .. } => Code::Busy,
            Self::DiskFull { .. } | Self::Storage { .. } => Code::Storage,
            Self::Altered { .. }
            | Self::Internal { .. }
            | Self::KeyFile { .. }
            | Self::Newer { .. }
            | Self::TooManyPeople { .. }
            | Self::WrongKey { .. } => Code::Internal,
        }
    }

    /// An error of the storage while doing something; a full disk is told apart.
    pub(crate) fn storage(action: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = source.into();
        if disk_is_full(source.as_ref()) {
            Self::DiskFull { action }
        } else {
            Self::Storage { action, source }
        }
    }
}

/// Where a row stands in its file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// The line of a text file on which the row begins, from 1.
    Line(u64),
    /// The row of a Parquet file, from 1.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

fn disk_is_full(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            if matches!(io.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
                return true;
            }
            // An `io::Error` that carries another error names that one's cause as its own.
            if let Some(inner) = io.get_ref()
                && disk_is_full(inner)
            {
                return true;
            }
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_however_deep_it_lies() {
        let full = || std::io::Error::from(ErrorKind::StorageFull);
        let nested = object_store::Error::Generic { store: "local", source: Box::new(full()) };
        let wrapped =
            std::io::Error::other(object_store::Error::Generic { store: "local", source: Box::new(full()) });
        let parquet = parquet::errors::ParquetError::External(Box::new(full()));
        for error in [
            Error::storage("write", full()),
            Error::storage("write", nested),
            Error::storage("write", wrapped),
            Error::storage("write", parquet),
        ] {
            assert!(matches!(error, Error::DiskFull { .. }), "{error:?}");
        }
        let denied = std::io::Error::from(ErrorKind::PermissionDenied);
        assert!(matches!(Error::storage("write", denied), Error::Storage { .. }));
    }
}
