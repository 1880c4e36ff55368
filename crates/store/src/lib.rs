//! Jobs and their results, durable before anyone is told.
//!
//! Each change is one transaction together with its audit entry (in an outbox); then the entry goes to
//! the log; only then is the change visible to readers. So whatever is seen has its evidence, and a
//! crash at any instant loses nothing that was acknowledged: the next start, or the next change, takes
//! up what is left in the outbox.
//!
//! The same holds for the ledgers of what was released (`ledger`): a page is written with its release.
//!
//! This crate never decides anything: which state may follow which is said by `release`, what is let
//! out by `disclosure`. It never reads a clock and never looks into a result.

mod store;

mod analysis;
mod answers;
mod change;
mod error;
mod job;
mod ledger;
mod outbox;
mod read;
mod row;
mod watch;
mod write;

#[cfg(test)]
mod tests;

pub use answers::Answers;
pub use error::{Error, Result};
pub use job::{Change, JobPage, JobRecord, ListRef, NewJob, PolicyRef, ReleaseRef, SealedResult};
pub use ledger::{LedgerHead, LedgerPages, LedgerStep};
pub use read::{DEFAULT_PAGE, LARGEST_PAGE};
pub use store::Store;
