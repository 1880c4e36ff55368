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
    /// Who left the dataset since the page before, by dense id, ascending.
    pub(crate) left: Vec<u32>,
    /// Where the answer is kept, for whoever asks the same.
    pub(crate) kept: Option<Kept>,
}

/// Where an answer is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Kept {
    /// The question as it was asked; nothing of any record is in it.
    pub(crate) asked: Digest,
    /// The place, in the words of whoever keeps it.
    pub(crate) place: String,
}

impl Page {
    /// Of a question that was asked before.
    pub(crate) fn again(question: Digest) -> Self {
        Self {
            question,
            suppressed: Vec::new(),
            sums: Vec::new(),
            charges: Vec::new(),
            left: Vec::new(),
            kept: None,
        }
    }

    /// Whether it adds nothing to what is known of its question.
    pub(crate) fn is_empty(&self) -> bool {
        self.sums.is_empty() && self.suppressed.is_empty() && self.charges.is_empty()
    }

    /// The same, of a release whose answer is kept at a place: whoever asks the same finds it there when few people
    /// have left. `asked` is the question as it was asked, and must contain nothing of any record.
    #[must_use]
    pub fn kept(self, asked: Digest, place: impl Into<String>) -> Self {
        Self { kept: Some(Kept { asked, place: place.into() }), ..self }
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
