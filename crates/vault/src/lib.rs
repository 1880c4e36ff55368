//! Data at rest: takes a dataset in, pseudonymises it, and answers what a snapshot of it holds.
//!
//! This crate never writes a record in the clear (spilled runs included), never changes a snapshot
//! once it is published, never reassigns a dense id, and never puts a value of a record into an
//! error, a log line or `Debug` output.

mod absent;
mod consent;
mod error;
mod ingest;
mod keyring;
mod line;
mod manifest;
mod scratch;
mod sealed;
mod snapshot;
mod source;
mod storage;
mod vault;

pub use absent::Absent;
pub use consent::{Leavers, OptedOut};
pub use error::{Error, Place, Result};
pub use ingest::{IngestOptions, Ingested};
pub use keyring::Keyring;
pub use manifest::{Manifest, Pseudonym};
pub use snapshot::{BatchStream, Snapshot, StoredFile, StoredTable};
pub use vault::Vault;
