//! The tamper-evident log and its receipts: what was decided, in which order, and proof that nobody
//! changed it afterwards.
//!
//! A Merkle tree as in RFC 6962 over the entries, with a signed checkpoint (c2sp.org/tlog-checkpoint)
//! after each append. Three files hold it, and only the first two count:
//!
//! | file | holds | when it is damaged |
//! |---|---|---|
//! | `entries.jsonl` | one entry a line, canonical JSON | [`verify`] says where |
//! | `checkpoint` | size and root of the tree, signed | nothing is believed |
//! | `leaves` | the hash of each entry | made anew; it only helps to say where |
//!
//! The log is the first *size* entries of the checkpoint. Whatever follows them was never acknowledged:
//! a crash left it, or somebody put it there, and the next start cuts it off.
//!
//! This crate never holds a record of a person, never reads a clock, and never signs what it did not
//! append itself.

mod checkpoint;
mod entry;
mod error;
mod files;
mod key;
mod log;
mod receipt;
mod scan;
mod state;
mod verify;

pub use entry::{Entry, EventKind, MAX_ENTRY_BYTES};
pub use error::{Error, Finding, Result};
pub use key::LogKey;
pub use log::Log;
pub use receipt::Receipt;
pub use verify::{Report, verify};
