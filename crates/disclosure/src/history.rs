//! The ledger of a dataset: every sum that was ever released of it, and every one that was withheld.
//!
//! Whoever combines two releases has what both imply, whoever asked for them. So a release is judged
//! together with the sums that stand here already: what was released can no more be withheld, and what a
//! rule withheld once stays a secret. A sum that was only withheld to protect another is none.
//!
//! Entries are never taken back. Dense ids are never given to somebody else, and an opt-out or a refresh
//! leaves what stands here as it is: what was told stays told.

mod bytes;
mod core;
mod drawn;
mod earlier;
mod epochs;
mod groups;
mod known;
mod marks;
mod page;
mod plain;
mod sealed;
mod stayed;
#[cfg(test)]
mod tests;
mod values;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roaring::RoaringBitmap;
use sekisho_model::Digest;

use crate::budget::{Budget, Usage};
use crate::evidence::{Evidence, Scale};
use core::Core;
use drawn::Drawn;
pub use earlier::Earlier;
use epochs::Epochs;
use groups::Groups;
pub(crate) use marks::{Marks, Seed};
pub use page::Page;
use plain::Plain;
pub use sealed::LedgerKey;
pub(crate) use stayed::Stayed;
use values::Values;

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

/// Sums, each once.
///
/// INVARIANT: no two have the same contributions.
#[derive(Default)]
pub(crate) struct Sums {
    entries: Vec<Entry>,
    places: BTreeMap<Vector, usize>,
    /// By the digest of their people, the first sum over them: the others share its list.
    people: BTreeMap<[u8; 32], usize>,
}

/// Everything that was ever released of one dataset, or withheld.
#[derive(Default)]
pub struct Ledger {
    sums: Sums,
    groups: Groups,
    /// Of the sums that were shown.
    marks: Marks,
    /// The same.
    values: Values,
    /// The same.
    plain: Plain,
    /// Of all sums.
    drawn: Drawn,
    /// What the first page was an answer to, which nobody knows who does not know all who are in it.
    key: Option<Digest>,
    core: Core,
    /// What was asked before.
    answers: BTreeMap<Digest, Answer>,
    /// Who left between the pages.
    epochs: Epochs,
    /// The sums, by place, that were shown since the last of them left.
    newest: RoaringBitmap,
    /// For each question as it was asked, in which epoch it was answered last, and where the answer is kept.
    kept: BTreeMap<Digest, Vec<(usize, String)>>,
    /// The same ledger without the few who left since a release, as it was needed last.
    stayed: Mutex<Option<Arc<Stayed>>>,
    /// How close everything comes to one person's value.
    budget: Budget,
    /// The same of what was released since the last who left.
    budget_since: Budget,
    pages: u64,
    hints: Mutex<Hints>,
}

/// Of withheld sums, by place, two people who showed that they do not follow. They save a search; no verdict believes
/// them.
type Hints = BTreeMap<usize, (u32, u32)>;

/// How a question was answered.
#[derive(Clone)]
struct Answer {
    /// Since the last who left by then.
    epoch: usize,
    /// Which of its sums, by number, were withheld to protect others.
    suppressed: BTreeSet<u32>,
}

impl Ledger {
    /// The ledger of a dataset of which nothing was released yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what a release adds. The pages of a dataset come in the order of its releases.
    pub fn take(&mut self, page: &Page) {
        self.key.get_or_insert(page.question);
        let people_left = self.epochs.take(&page.left, !page.sums.is_empty());
        if people_left {
            self.newest.clear();
            self.budget_since = Budget::default();
        }
        for entry in &page.sums {
            let place = self.note(entry.clone());
            if let (Status::Shown(_), Ok(place)) = (entry.status, u32::try_from(place)) {
                self.newest.insert(place);
            }
        }
        page.charges.iter().for_each(|charge| self.budget.take(charge));
        if !self.epochs.absent().is_empty() {
            page.charges.iter().for_each(|charge| self.budget_since.take(charge));
        }
        self.take_answer(page, self.epochs.last());
        self.keep(page);
        self.pages = self.pages.saturating_add(1);
        self.stay(page, people_left);
    }

    /// Takes in how a question was answered. A page that adds nothing is of one that was asked before.
    fn take_answer(&mut self, page: &Page, epoch: usize) {
        if page.is_empty() && self.answers.contains_key(&page.question) {
            return;
        }
        let suppressed = page.suppressed.iter().copied().collect();
        self.answers.insert(page.question, Answer { epoch, suppressed });
    }

    /// How many pages it took in.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// How many different sums stand in it.
    #[must_use]
    pub fn sums(&self) -> usize {
        self.sums.entries.len()
    }

    /// Bytes held on the heap, about.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        let people = [self.groups.heap_size(), self.marks.heap_size(), self.core.heap_size()];
        let others = [self.values.heap_size(), self.plain.heap_size(), self.drawn.heap_size()];
        let stayed = self.heap_size_of_stayed();
        let others = others.into_iter().chain([
            self.epochs.heap_size(),
            self.newest.serialized_size(),
            self.budget_since.heap_size(),
            stayed,
        ]);
        let all = people.into_iter().chain(others).chain([self.sums.heap_size(), self.budget.heap_size()]);
        all.fold(0, usize::saturating_add)
    }

    /// How much was released of each column of codes, and of each confidential one.
    pub fn usage(&self) -> impl Iterator<Item = Usage> {
        self.budget.usage()
    }

    /// How close everything comes to one person's value.
    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The same of what was released since the last who left, by the pages; nothing where nobody did.
    pub(crate) fn budget_since(&self) -> &Budget {
        &self.budget_since
    }

    /// What became of a sum; `None` if it does not stand here.
    pub(crate) fn status(&self, sum: &Evidence) -> Option<Status> {
        let place = self.sums.places.get(&Vector(sum.clone()))?;
        self.sums.entries.get(*place).map(|entry| entry.status)
    }

    /// The entries that share people with these sums, directly or by way of others, in the order in which
    /// they came.
    pub(crate) fn connected<'a>(&self, sums: impl Iterator<Item = &'a Evidence>) -> Vec<&Entry> {
        let mut places = self.groups.connected(sums);
        // A withheld sum over nobody is connected with all: it makes "this is zero" a secret.
        places.extend(
            self.sums.places.first_key_value().filter(|(first, _)| first.0.people() == 0).map(|(_, at)| at),
        );
        places.into_iter().filter_map(|place| self.sums.entries.get(place)).collect()
    }

    /// How many contributions [`Self::connected`] has together.
    pub(crate) fn size_of_connected<'a>(&self, sums: impl Iterator<Item = &'a Evidence>) -> u64 {
        self.groups.size_of_connected(sums)
    }

    /// All entries, in the order in which they came.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.sums.entries
    }

    /// The marks of the people in the sums that were shown.
    pub(crate) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// The sums that were shown, by place, whose total is near enough to that of another sum: the width follows
    /// from the largest contribution of both, and `None` is no width.
    pub(crate) fn near_in_value(
        &self,
        sum: &Evidence,
        width: impl Fn(u128) -> Option<u128>,
    ) -> impl Iterator<Item = usize> {
        self.values.near(sum, width).into_iter()
    }

    /// Whether everybody of what was shown, and of these sums, contributes to one of them as little as anybody
    /// does; and no sum is larger than `most`.
    pub(crate) fn all_are_plain_with(&self, sums: &[&Evidence], most: u128) -> bool {
        self.plain.are_all_with(sums, most)
    }

    /// Some of the people of the sum at a place, in the order in which they are drawn.
    pub(crate) fn drawn(&self, place: usize) -> impl Iterator<Item = u32> {
        self.drawn.of(place)
    }

    /// What a sum at a place adds to the marks of its people; no entry is at the last places there are.
    pub(crate) fn seed(&self, sum: &Evidence, place: usize) -> Seed {
        Seed::of(sum, place, &self.key.unwrap_or(Digest::of(b"")))
    }

    /// Two people who showed last that the sum at a place does not follow.
    pub(crate) fn hint(&self, place: usize) -> Option<(u32, u32)> {
        self.known_hints().get(&place).copied()
    }

    /// Keeps two people each, by place, to be looked at first the next time.
    pub(crate) fn hints(&self, pairs: impl Iterator<Item = (usize, (u32, u32))>) {
        self.known_hints().extend(pairs);
    }

    fn known_hints(&self) -> MutexGuard<'_, Hints> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the entry at a place is a sum of what everybody has, as far as can be told.
    pub(crate) fn is_of_the_core(&self, place: usize) -> bool {
        self.core.contains(place)
    }

    /// Whether it would be another ledger with this entry.
    pub(crate) fn changes_with(&self, entry: &Entry) -> bool {
        self.status(&entry.evidence).is_none_or(|status| status.and(entry.status) != status)
    }

    /// Which sums were withheld to protect others when the same was asked before.
    pub(crate) fn answer(&self, question: &Digest) -> Option<&BTreeSet<u32>> {
        self.answers.get(question).map(|answer| &answer.suppressed)
    }

    /// Everybody who had left the dataset by the last release.
    pub(crate) fn absent(&self) -> &RoaringBitmap {
        self.epochs.absent()
    }

    /// Who of the absent was there at the last release.
    pub(crate) fn left_since(&self, absent: &RoaringBitmap) -> Vec<u32> {
        epochs::besides(absent, self.absent()).collect()
    }

    /// Takes in one sum; answers its place.
    pub(crate) fn note(&mut self, entry: Entry) -> usize {
        let evidence = entry.evidence.clone();
        let Noted { place, is_new, is_shown } = self.sums.note(entry);
        if is_shown {
            let seed = self.seed(&evidence, place);
            self.marks.add(&evidence, &seed);
            self.values.add(&evidence, place);
            self.plain.add(&evidence);
        }
        if is_new {
            self.groups.add(&evidence, place);
            self.drawn.add(&evidence);
            self.core.note(&self.sums.entries, &self.marks);
        }
        place
    }
}

/// What became of a sum that was noted.
struct Noted {
    place: usize,
    /// Whether it stands there for the first time.
    is_new: bool,
    /// Whether it is shown for the first time.
    is_shown: bool,
}

impl Sums {
    /// Takes in one sum.
    pub(crate) fn add(&mut self, entry: Entry) {
        self.note(entry);
    }

    /// The sums, in the order in which they came.
    pub(crate) fn into_entries(self) -> impl Iterator<Item = Entry> {
        self.entries.into_iter()
    }

    /// A sum as it is kept: with one list of people for all sums over them, and without what is computed anew
    /// when it is asked for.
    fn at_rest(&mut self, sum: Evidence, place: usize) -> Evidence {
        let first = *self.people.entry(sum.digest_of_people()).or_insert(place);
        let first = self.entries.get(first).map(|first| &first.evidence);
        sum.at_rest(first)
    }

    fn heap_size(&self) -> usize {
        let amounts = self.entries.iter().map(|entry| entry.evidence.heap_size_beside_people());
        let first = self.people.values().filter_map(|place| self.entries.get(*place));
        let people = first.map(|entry| entry.evidence.heap_size_of_people());
        // An entry, its key in the map and its place there.
        let each = size_of::<Entry>().saturating_add(48).saturating_mul(self.entries.len());
        let digests = self.people.len().saturating_mul(48);
        amounts.chain(people).chain([each, digests]).fold(0, usize::saturating_add)
    }

    fn note(&mut self, entry: Entry) -> Noted {
        let shown = |status: Status| matches!(status, Status::Shown(_));
        let known = self.places.get(&Vector(entry.evidence.clone())).copied();
        let place = known.unwrap_or(self.entries.len());
        match self.entries.get_mut(place) {
            Some(known) => {
                let before = known.status;
                known.status = before.and(entry.status);
                Noted { place, is_new: false, is_shown: shown(known.status) && !shown(before) }
            }
            None => {
                let is_shown = shown(entry.status);
                let evidence = self.at_rest(entry.evidence, place);
                self.places.insert(Vector(evidence.clone()), place);
                self.entries.push(Entry { evidence, ..entry });
                Noted { place, is_new: true, is_shown }
            }
        }
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
