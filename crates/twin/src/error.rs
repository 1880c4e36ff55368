//! What can go wrong, grouped by who must act.

use std::path::{Path, PathBuf};

use sekisho_client::{Problem, codes};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why nothing was judged. That an analysis is refused is a [`crate::Judged`], not an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call to the enclave failed.
    #[error(transparent)]
    Call(#[from] sekisho_client::Error),
    /// The server is of another version: what it says of a project cannot be used here.
    #[error("the catalogue of the server cannot be used: {0}; use a `sekisho` of the server's version")]
    Catalogue(String),
    /// The caller: the local files are not those of the project.
    #[error("{0}")]
    Data(String),
    /// The caller: a file of the twin cannot be read or written.
    #[error("`{}`: {reason}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The caller: the local files cannot be taken in.
    #[error(transparent)]
    Vault(#[from] sekisho_vault::Error),
    /// An error of ours.
    #[error("the check on this machine failed: {0}")]
    Internal(&'static str),
}

impl Error {
    /// What the system said of a file.
    pub(crate) fn file(path: &Path, error: &dyn std::error::Error) -> Self {
        Self::File { path: path.to_owned(), reason: error.to_string() }
    }
}

impl From<Error> for sekisho_client::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Call(error) => error,
            Error::Data(_) | Error::File { .. } | Error::Vault(_) => Self::argument(error.to_string()),
            Error::Catalogue(_) => Self::Answer(error.to_string()),
            Error::Internal(_) => Self::Failed(Problem::new(codes::INTERNAL, error.to_string())),
        }
    }
}
