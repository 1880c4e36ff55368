//! Single values behind a statistic: for those that depend on the order of values, or on which there are.
//!
//! As with sums, values are gathered record by record while the engine aggregates ([`ValueTally`]) and
//! are then frozen ([`Values`]). They are exact integers in units of a [`crate::Scale`], and nothing that
//! is computed from them depends on the order in which they came.

mod packed;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::RangeBounds;
use std::sync::Arc;

use packed::Packed;

use crate::evidence::{Evidence, Tally};

/// Values while they are being gathered: a pair of person and value for each record.
///
/// Rows that come clustered by subject stay as they are; rows in any other order are put in order once,
/// when the tally is frozen.
#[derive(Clone)]
pub struct ValueTally {
    subjects: Vec<u32>,
    values: Packed,
    /// Whether `subjects` descends somewhere.
    unordered: bool,
    /// Whether a value had no exact form: the statistic has no value then.
    overflowed: bool,
    /// Whether a pair of person and value is kept once.
    once: bool,
    /// Where the entries of the last person begin.
    run: usize,
}

/// The values of one cell, a pair of person and value for each record, in the order of the dense ids.
/// Clones share them.
#[derive(Clone)]
pub struct Values {
    subjects: Arc<Vec<u32>>,
    values: Arc<Packed>,
    overflowed: bool,
}

impl ValueTally {
    /// No value yet; every record counts.
    #[must_use]
    pub fn new() -> Self {
        Self::empty(false)
    }

    /// No value yet; each value of a person counts once. Enough for [`crate::StatisticKind::Distinct`],
    /// and smaller.
    #[must_use]
    pub fn of_distinct() -> Self {
        Self::empty(true)
    }

    fn empty(once: bool) -> Self {
        let (subjects, values) = (Vec::new(), Packed::default());
        Self { subjects, values, unordered: false, overflowed: false, once, run: 0 }
    }

    /// Adds the value of one record of `subject`; a NULL is not added.
    pub fn add(&mut self, subject: u32, value: i128) {
        let last = self.subjects.last().copied();
        if last != Some(subject) {
            self.unordered |= last.is_some_and(|last| last > subject);
            self.end_run();
        }
        self.subjects.push(subject);
        self.values.push(value);
    }

    /// Notes a record whose value has no exact form: the statistic will have no value.
    pub fn add_overflow(&mut self, subject: u32) {
        self.overflowed = true;
        self.add(subject, 0);
    }

    /// Makes room for what others gathered, and for nothing beside.
    pub fn make_room_for(&mut self, others: &[Self]) {
        let more = others.iter().fold(0_usize, |more, other| more.saturating_add(other.subjects.len()));
        self.subjects.reserve_exact(more);
        self.values.reserve_exact(more);
    }

    /// Takes in what another tally of the same statistic and cell gathered.
    pub fn merge(&mut self, other: &Self) {
        self.overflowed |= other.overflowed;
        self.unordered |= other.unordered;
        if other.subjects.first() > self.subjects.last() {
            self.end_run();
            self.run = self.subjects.len().saturating_add(other.run);
            self.subjects.extend_from_slice(&other.subjects);
            self.values.append(&other.values);
            return;
        }
        for (place, subject) in other.subjects.iter().enumerate() {
            if let Some(value) = other.values.get(place) {
                self.add(*subject, value);
            }
        }
    }

    /// Bytes held on the heap.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        let subjects = self.subjects.capacity().saturating_mul(size_of::<u32>());
        subjects.saturating_add(self.values.heap_size())
    }

    /// The values that were gathered.
    #[must_use]
    pub fn freeze(mut self) -> Values {
        if self.unordered {
            self.put_in_order();
        }
        self.end_run();
        let (subjects, values) = (Arc::new(self.subjects), Arc::new(self.values));
        Values { subjects, values, overflowed: self.overflowed }
    }

    /// Ends the entries of one person.
    fn end_run(&mut self) {
        if self.once {
            let kept = self.values.sort_and_dedup_from(self.run);
            self.subjects.truncate(kept);
        }
        self.run = self.subjects.len();
    }

    fn put_in_order(&mut self) {
        let values = std::mem::take(&mut self.values);
        let subjects = std::mem::take(&mut self.subjects);
        let pairs = subjects.into_iter().enumerate();
        let mut pairs: Vec<(u32, i128)> =
            pairs.filter_map(|(place, subject)| Some((subject, values.get(place)?))).collect();
        drop(values);
        pairs.sort_unstable();
        self.run = 0;
        pairs.into_iter().for_each(|(subject, value)| self.add(subject, value));
    }
}

impl Default for ValueTally {
    fn default() -> Self {
        Self::new()
    }
}

impl Values {
    /// No value at all.
    #[must_use]
    pub fn nobody() -> Self {
        ValueTally::new().freeze()
    }

    /// Whether every value has its exact form.
    pub(crate) fn are_exact(&self) -> bool {
        !self.overflowed
    }

    /// Each person with the number of their values, in the order of the dense ids.
    pub(crate) fn people(&self) -> impl Iterator<Item = (u32, usize)> {
        let runs = self.subjects.chunk_by(|left, right| left == right);
        runs.filter_map(|run| Some((*run.first()?, run.len())))
    }

    /// The value at a place in ascending order, from 0, and the one after it (at the end: itself).
    pub(crate) fn neighbours(&self, place: usize) -> Option<(i128, i128)> {
        self.values.neighbours(place)
    }

    /// How many people have a value in a range; `enough`, if there are more.
    pub(crate) fn people_within(&self, range: impl RangeBounds<i128>, enough: u64) -> u64 {
        let (mut people, mut last) = (0_u64, None);
        for subject in self.subjects_within(range) {
            if people >= enough {
                break;
            }
            people = people.saturating_add(u64::from(last != Some(subject)));
            last = Some(subject);
        }
        people
    }

    /// The records of each person with a value in a range.
    pub(crate) fn records_within(&self, range: impl RangeBounds<i128>) -> Evidence {
        let mut tally = Tally::new();
        self.subjects_within(range).for_each(|subject| tally.add_one(subject));
        tally.freeze()
    }

    /// Whose values are in a range: each of them names its person.
    fn subjects_within(&self, range: impl RangeBounds<i128>) -> impl Iterator<Item = u32> {
        self.values.places_within(range).filter_map(|place| self.subjects.get(place).copied())
    }

    /// For each person, the value of theirs that `better` prefers to all others.
    pub(crate) fn of_each_person(&self, better: impl Fn(i128, i128) -> i128) -> Vec<i128> {
        let mut own: Vec<i128> = Vec::new();
        let mut last = None;
        for (subject, value) in self.pairs() {
            match own.last_mut().filter(|_| last == Some(subject)) {
                Some(known) => *known = better(*known, value),
                None => own.push(value),
            }
            last = Some(subject);
        }
        own
    }

    /// For each distinct value, how many people have it.
    pub(crate) fn people_by_value(&self) -> Vec<u64> {
        let mut pairs: Vec<(i128, u32)> = self.pairs().map(|(subject, value)| (value, subject)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let values = pairs.chunk_by(|(left, _), (right, _)| left == right);
        values.map(|people| u64::try_from(people.len()).unwrap_or(u64::MAX)).collect()
    }

    fn pairs(&self) -> impl Iterator<Item = (u32, i128)> {
        let subjects = self.subjects.iter().enumerate();
        subjects.filter_map(|(place, subject)| Some((*subject, self.values.get(place)?)))
    }
}

impl fmt::Debug for ValueTally {
    /// Prints no value: they are confidential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValueTally(..)")
    }
}

impl fmt::Debug for Values {
    /// Prints no value: they are confidential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Values(..)")
    }
}
