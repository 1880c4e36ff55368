//! The ledger of a dataset: every sum that was ever released of it, and every one that was withheld.
//!
//! Whoever combines two releases has what both imply, whoever asked for them. So a release is judged
//! together with the sums that stand here already: what was released can no more be withheld, and what a
//! rule withheld once stays a secret. A sum that was only withheld to protect another is none.
//!
//! Entries are never taken back. Dense ids are never given to somebody else, and an opt-out or a refresh
//! leaves what stands here as it is: what was told stays told.

mod bytes;
mod groups;
mod page;
mod sealed;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sekisho_model::Digest;

use crate::budget::{Budget, Usage};
use crate::evidence::{Evidence, Scale};
use groups::Groups;
pub use page::Page;
pub use sealed::LedgerKey;

/// What became of a sum.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Status {
    /// It stands in a cell that is withheld for a branch or as a whole. Another cell may show it in its own
    /// right; until then it must not follow from others.
    Hidden,
    /// A rule withheld the sum itself: it is never shown, nor does it ever follow from others.
    Secret,
    /// It was released under a profile of this `minimum_count`.
    Shown(u32),
}

/// One sum of the ledger.
#[derive(Clone)]
pub(crate) struct Entry {
    /// Who contributes what.
    pub(crate) evidence: Evidence,
    /// What one unit of an amount is.
    pub(crate) scale: Scale,
    /// What became of it.
    pub(crate) status: Status,
}

/// Sums by who contributes what.
///
/// INVARIANT: no two have the same contributions.
#[derive(Default)]
pub(crate) struct Entries {
    list: Vec<Entry>,
    places: BTreeMap<Vector, usize>,
}

/// Everything that was ever released of one dataset, or withheld.
#[derive(Default)]
pub struct Ledger {
    entries: Entries,
    groups: Groups,
    /// What was asked before, and which of its sums, by number, were withheld to protect others.
    answers: BTreeMap<Digest, BTreeSet<u32>>,
    /// How close everything comes to one person's value.
    budget: Budget,
    pages: u64,
}

impl Ledger {
    /// The ledger of a dataset of which nothing was released yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what a release adds. The pages of a dataset come in the order of its releases.
    pub fn take(&mut self, page: &Page) {
        for entry in &page.sums {
            self.note(entry.clone());
        }
        page.charges.iter().for_each(|charge| self.budget.take(charge));
        self.answers.entry(page.question).or_insert_with(|| page.suppressed.iter().copied().collect());
        self.pages = self.pages.saturating_add(1);
    }

    /// How many pages it took in.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// How many different sums stand in it.
    #[must_use]
    pub fn sums(&self) -> usize {
        self.entries.list.len()
    }

    /// Bytes held on the heap, about.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        let entries = self.entries.list.iter().map(|entry| entry.evidence.heap_size());
        entries.fold(self.groups.heap_size(), usize::saturating_add).saturating_add(self.budget.heap_size())
    }

    /// How much was released of each column of codes, and of each confidential one.
    pub fn usage(&self) -> impl Iterator<Item = Usage> {
        self.budget.usage()
    }

    /// How close everything comes to one person's value.
    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What became of a sum; `None` if it does not stand here.
    pub(crate) fn status(&self, sum: &Evidence) -> Option<Status> {
        self.entries.get(sum).map(|entry| entry.status)
    }

    /// The entries that share people with these sums, directly or by way of others, in the order in which
    /// they came.
    pub(crate) fn connected<'a>(&self, sums: impl Iterator<Item = &'a Evidence>) -> Vec<&Entry> {
        let mut places = self.groups.connected(sums);
        // A withheld sum over nobody is connected with all: it makes "this is zero" a secret.
        places.extend(
            self.entries
                .places
                .first_key_value()
                .filter(|(first, _)| first.0.people() == 0)
                .map(|(_, at)| at),
        );
        places.into_iter().filter_map(|place| self.entries.list.get(place)).collect()
    }

    /// Whether it would be another ledger with this entry.
    pub(crate) fn changes_with(&self, entry: &Entry) -> bool {
        self.status(&entry.evidence).is_none_or(|status| status.and(entry.status) != status)
    }

    /// Which sums were withheld to protect others when the same was asked before.
    pub(crate) fn answer(&self, question: &Digest) -> Option<&BTreeSet<u32>> {
        self.answers.get(question)
    }

    /// Takes in one sum.
    pub(crate) fn note(&mut self, entry: Entry) {
        let people = entry.evidence.clone();
        if let Some(place) = self.entries.note(entry) {
            self.groups.add(&people, place);
        }
    }
}

impl Entries {
    /// Takes in one sum; answers its place if it is new.
    pub(crate) fn note(&mut self, entry: Entry) -> Option<usize> {
        let next = self.list.len();
        let place = *self.places.entry(Vector(entry.evidence.clone())).or_insert(next);
        if let Some(known) = self.list.get_mut(place) {
            known.status = known.status.and(entry.status);
            return None;
        }
        self.list.push(entry);
        Some(place)
    }

    fn get(&self, sum: &Evidence) -> Option<&Entry> {
        self.list.get(*self.places.get(&Vector(sum.clone()))?)
    }
}

impl IntoIterator for Entries {
    type Item = Entry;
    type IntoIter = std::vec::IntoIter<Entry>;

    /// In the order in which they came.
    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl fmt::Debug for Ledger {
    /// Prints no number of a record.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ledger({} pages)", self.pages)
    }
}

impl Status {
    /// What becomes of a sum to which both happened: what was shown is known.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Shown(mine), Self::Shown(theirs)) => Self::Shown(mine.min(theirs)),
            (Self::Hidden | Self::Secret | Self::Shown(_), _) => self.max(other),
        }
    }
}

/// Evidence by who contributes what, and nothing else.
struct Vector(Evidence);

impl Ord for Vector {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.contributions().cmp(&other.0.contributions())
    }
}

impl PartialOrd for Vector {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Vector {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Vector {}
