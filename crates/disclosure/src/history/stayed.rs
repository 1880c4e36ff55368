//! A ledger as those would have it who stayed: what was released, less what the few who left since had in it.
//!
//! Whatever is decided from it alone is the same wherever they were.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use roaring::RoaringBitmap;

use super::{Entry, Ledger, Page, Status};
use crate::evidence::{Evidence, Tally};

/// A ledger without the few who left.
pub(crate) struct Stayed {
    few: RoaringBitmap,
    /// Whether the ledger has releases since the last of them left.
    has_newer: bool,
    ledger: Ledger,
    /// The sums, by place, that were shown before they left.
    before: BTreeSet<usize>,
    /// Those that were shown since.
    since: BTreeSet<usize>,
}

impl Ledger {
    /// The ledger as those have it who stayed, where fewer than `minimum` left since a release; `None` where nobody
    /// did, or enough to hide each other.
    pub(crate) fn stayed(&self, absent: &RoaringBitmap, minimum: u32) -> Option<Arc<Stayed>> {
        let few = self.epochs.few_left(absent, minimum, |subject| self.groups.knows(subject))?;
        let mut known = self.stayed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stayed) = known.as_ref().filter(|stayed| stayed.few == few) {
            return Some(Arc::clone(stayed));
        }
        // Those who leave with the release that is judged are in every sum that stands: none is newer.
        let has_newer = absent == self.epochs.absent();
        let stayed = Arc::new(Stayed::of(self, few, has_newer));
        *known = Some(Arc::clone(&stayed));
        Some(stayed)
    }

    /// Bytes that it holds on the heap, about.
    pub(super) fn heap_size_of_stayed(&self) -> usize {
        let known = self.stayed.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map_or(0, |stayed| stayed.ledger.heap_size())
    }

    /// Keeps what is known of those who stayed up to date with a page, or forgets it.
    pub(super) fn stay(&mut self, page: &Page, people_left: bool) {
        let known = self.stayed.get_mut().unwrap_or_else(PoisonError::into_inner);
        let stayed = known.as_mut().filter(|_| !people_left).and_then(Arc::get_mut);
        match stayed {
            Some(stayed) => stayed.take(page),
            None => *known = None,
        }
    }
}

impl Stayed {
    fn of(ledger: &Ledger, few: RoaringBitmap, has_newer: bool) -> Self {
        let mut stayed = Self {
            few,
            has_newer,
            ledger: Ledger { key: ledger.key, ..Ledger::new() },
            before: BTreeSet::new(),
            since: BTreeSet::new(),
        };
        for (place, entry) in ledger.entries().iter().enumerate() {
            let is_newer = u32::try_from(place).is_ok_and(|place| ledger.newest.contains(place));
            let is_newer = has_newer && is_newer;
            stayed.note(entry, is_newer);
        }
        if has_newer {
            let last = ledger.epochs.last();
            let answers = ledger.answers.iter().filter(|(_, answer)| answer.epoch == last);
            stayed.ledger.answers = answers.map(|(question, answer)| (*question, answer.clone())).collect();
        }
        stayed
    }

    fn take(&mut self, page: &Page) {
        page.sums.iter().for_each(|entry| self.note(entry, true));
        self.ledger.take_answer(page, 0);
    }

    fn note(&mut self, entry: &Entry, is_newer: bool) {
        let evidence = without(&entry.evidence, &self.few);
        // A number over those alone who left is, for those who stayed, over nobody, as one that was empty from the start.
        if evidence.people() == 0 {
            return;
        }
        let place = self.ledger.note(Entry { evidence, ..entry.clone() });
        if matches!(entry.status, Status::Shown(_)) {
            let shown = if is_newer { &mut self.since } else { &mut self.before };
            shown.insert(place);
        }
    }

    /// The ledger.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Whether it has releases since the last of them left.
    pub(crate) fn has_newer(&self) -> bool {
        self.has_newer
    }

    /// What was shown before they left, without them.
    pub(crate) fn before(&self) -> Vec<&Evidence> {
        self.sums(&self.before)
    }

    /// What was shown since.
    pub(crate) fn since(&self) -> Vec<&Evidence> {
        self.sums(&self.since)
    }

    fn sums(&self, places: &BTreeSet<usize>) -> Vec<&Evidence> {
        let entries = places.iter().filter_map(|place| self.ledger.entries().get(*place));
        entries.map(|entry| &entry.evidence).collect()
    }
}

/// A sum without some people.
fn without(sum: &Evidence, few: &RoaringBitmap) -> Evidence {
    if !few.iter().any(|subject| sum.subjects().binary_search(&subject).is_ok()) {
        return sum.clone();
    }
    let mut tally = Tally::new();
    let mut last = None;
    for (subject, amount) in sum.contributions().iter().filter(|(subject, _)| !few.contains(*subject)) {
        last = Some(subject);
        match i64::try_from(amount) {
            Ok(word) => tally.add_word(subject, word),
            Err(_) => tally.add(subject, amount, []),
        }
    }
    if let Some(last) = last.filter(|_| sum.total().is_none()) {
        tally.add_overflow(last);
    }
    tally.freeze()
}
