//! What can be wrong with the project files: for the operator, who can put it right.

use std::path::PathBuf;

/// Why the projects could not be loaded. A server does not start without them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder, or a file in it, cannot be read.
    #[error("read `{path}`: {cause}; check that it is there and that the server may read it")]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A project file says something that cannot be taken.
    #[error("{path}:{line}: {problem}; {cure}")]
    Project {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
        /// What to write instead.
        cure: String,
    },
}
