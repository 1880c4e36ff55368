//! The way out: what the public half made of released values becomes the one thing that may leave.

mod ipc;
mod seal;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;

use arrow::array::RecordBatch;
use sekisho_model::{Digest, Hold, StatementName};

use crate::Error;
use crate::checked::{Checked, CheckedTable};

pub use seal::{SealError, SealKey, Sealed};
pub(crate) use seal::{open_with, seal_with};

/// The part of a plan above the frontier: it reads released values alone.
pub trait PublicHalf: Send {
    /// What can go wrong in it; the errors of this crate are among that.
    type Error: From<Error>;

    /// Computes the results from the checked tables, which come in the order of the plan: one result for each
    /// statement, in their order.
    fn run(self, tables: Vec<CheckedTable>) -> impl Future<Output = Result<Vec<Table>, Self::Error>> + Send;
}

/// The result of one statement's public half.
#[derive(Debug)]
pub struct Table {
    /// The name of the statement, if it has one.
    pub statement: Option<StatementName>,
    /// The rows. Two columns may have one name.
    pub batch: RecordBatch,
    /// What each column is.
    pub roles: Vec<Role>,
    /// The cells, as row and column from 0, whose value would follow from a withheld one.
    pub withheld: Vec<(usize, usize)>,
    /// Whether the plan makes groups that are absent where no number of theirs may be shown. It is the same
    /// whatever the records, and says that some may be missing, never that any are.
    pub groups_may_be_absent: bool,
}

/// What a column of a result is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// It says which group a row is.
    Dimension,
    /// It is a number about the group.
    Statistic,
}

/// What becomes of a checked analysis.
#[derive(Debug)]
pub enum Outcome {
    /// It waits for an output checker.
    Held(Held),
    /// It may leave.
    Released(Released),
}

impl Checked {
    /// Runs the public half on the released values, and closes the result.
    ///
    /// Whether it is held depends on the project alone, never on a number.
    ///
    /// # Errors
    /// What the public half says, and [`Error::Malformed`] or [`Error::OutputType`] for a result that has
    /// no way out.
    pub async fn publish<P: PublicHalf>(self, public: P) -> Result<Outcome, P::Error> {
        let Self { tables, hold, profile, policy, .. } = self;
        let tables = public.run(tables).await?;
        let document = Document { ipc: ipc::encode(&tables, &profile, &policy)?, profile, policy };
        Ok(match hold {
            Hold::Always => Outcome::Held(Held(document)),
            Hold::ByRule => Outcome::Released(Released(document)),
        })
    }
}

/// A result that passed the checkpoint: the only thing that any egress accepts.
///
/// INVARIANT: made by [`Checked::publish`], or reopened from bytes that only such a one could have sealed.
pub struct Released(Document);

/// A result that waits for an output checker. It cannot leave.
pub struct Held(Document);

/// An Arrow IPC stream for each statement, and the policy that they were checked by.
struct Document {
    ipc: Vec<u8>,
    profile: String,
    policy: Digest,
}

impl Released {
    /// What becomes of a result that was released before, where it is the answer again: whether it is held depends on
    /// the project that asks alone.
    #[must_use]
    pub fn again(self, hold: Hold) -> Outcome {
        match hold {
            Hold::Always => Outcome::Held(Held(self.0)),
            Hold::ByRule => Outcome::Released(self),
        }
    }

    /// The result as an Arrow IPC stream for each statement, one after the other. A schema's metadata holds
    /// `sekisho.withheld` (JSON: row, name and index of each withheld cell's column),
    /// `sekisho.groups_may_be_absent`, `sekisho.profile`, `sekisho.policy` and, of a statement with a name,
    /// `sekisho.statement`; a field's holds `sekisho.role`.
    #[must_use]
    pub fn arrow_ipc(&self) -> &[u8] {
        &self.0.ipc
    }

    /// The SHA-256 of [`Released::arrow_ipc`], as the log has it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest()
    }

    /// Name and digest of the profile that it was checked by.
    #[must_use]
    pub fn policy(&self) -> (&str, Digest) {
        (&self.0.profile, self.0.policy)
    }
}

impl Held {
    /// The SHA-256 of the result, as the log has it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest()
    }

    /// Name and digest of the profile that it was checked by.
    #[must_use]
    pub fn policy(&self) -> (&str, Digest) {
        (&self.0.profile, self.0.policy)
    }
}

impl Document {
    fn digest(&self) -> Digest {
        Digest::of(&self.ipc)
    }
}

impl fmt::Debug for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Released(..)")
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held(..)")
    }
}
