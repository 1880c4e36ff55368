//! What one release adds to the ledger.

use std::fmt;

use sekisho_model::Digest;

use super::Entry;
use crate::budget::Charge;

/// What one release adds to the ledger of its dataset. Confidential: it says who stands behind each number.
#[derive(Clone)]
pub struct Page {
    /// What was asked: every sum with its place, what is asked of it, and the rules.
    pub(crate) question: Digest,
    /// The sums that were withheld to protect others, by their number in the question, ascending.
    pub(crate) suppressed: Vec<u32>,
    /// The sums that were shown, and those that a rule withheld; no two have the same contributions.
    pub(crate) sums: Vec<Entry>,
    /// The rows that it adds to the systems of attributes, in the order in which they were judged.
    pub(crate) charges: Vec<Charge>,
}

impl Page {
    /// Of a question that was asked before.
    pub(crate) fn again(question: Digest) -> Self {
        Self { question, suppressed: Vec::new(), sums: Vec::new(), charges: Vec::new() }
    }

    /// How many sums it adds, those included that the ledger knows.
    #[must_use]
    pub fn sums(&self) -> usize {
        self.sums.len()
    }
}

impl fmt::Debug for Page {
    /// Prints no number of a record.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Page(..)")
    }
}
