//! Contributions while they are being gathered, row by row.

use std::collections::BTreeSet;
use std::fmt;

use super::amounts::{Amounts, Overflow, Stored};
use super::areas::{self, UnitKind};
use super::{Evidence, Subjects};

/// Contributions while they are being gathered.
///
/// Rows that come clustered by subject extend the last entry; rows in any other order are put in
/// order once, when the tally is frozen.
#[derive(Clone, Default)]
pub struct Tally {
    subjects: Vec<u32>,
    amounts: Stored,
    /// Whether `subjects` is not strictly ascending.
    unordered: bool,
    /// Whether an amount did not fit: the statistic has no value then.
    overflowed: bool,
    records: u64,
    /// Hashes of the other protected units, one set for each kind. Few data have any, so that most tallies
    /// are smaller without.
    units: Option<Box<UnitSets>>,
}

/// One set for each kind.
type UnitSets = Vec<BTreeSet<u64>>;

impl Tally {
    /// Nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one record of `subject`; `units` holds a hash for each further protected unit, `None` where
    /// the record names none.
    pub fn add(&mut self, subject: u32, amount: i128, units: impl IntoIterator<Item = Option<u64>>) {
        self.records = self.records.saturating_add(1);
        self.add_amount(subject, amount);
        for (kind, unit) in units.into_iter().enumerate() {
            let sets = self.units.get_or_insert_default();
            if sets.len() <= kind {
                sets.resize_with(kind.saturating_add(1), BTreeSet::new);
            }
            if let (Some(set), Some(unit)) = (sets.get_mut(kind), unit) {
                set.insert(unit);
            }
        }
    }

    /// Adds one record of `subject` that counts once and names no further unit.
    #[inline]
    pub fn add_one(&mut self, subject: u32) {
        self.records = self.records.saturating_add(1);
        match self.subjects.last() {
            Some(last) if *last == subject => self.add_to_last(1),
            last => {
                self.unordered |= last.is_some_and(|last| *last > subject);
                self.subjects.push(subject);
                self.amounts.push_one();
            }
        }
    }

    /// Adds one record of `subject` that names no further unit.
    #[inline]
    pub fn add_word(&mut self, subject: u32, amount: i64) {
        self.records = self.records.saturating_add(1);
        if self.subjects.last() == Some(&subject) {
            self.add_to_last(i128::from(amount));
        } else {
            self.begin(subject);
            self.amounts.push(amount);
        }
    }

    /// Notes a record whose amount has no exact form: the statistic will have no value.
    pub fn add_overflow(&mut self, subject: u32) {
        self.overflowed = true;
        self.records = self.records.saturating_add(1);
        self.add_amount(subject, 0);
    }

    /// Makes room for what others gathered, and for nothing beside: what is kept of a release is not copied again.
    pub fn make_room_for(&mut self, others: &[Self]) {
        let more = others.iter().fold(0_usize, |more, other| more.saturating_add(other.subjects.len()));
        self.subjects.reserve_exact(more);
        self.amounts.reserve_exact(more);
    }

    /// Takes in what another tally of the same statistic and cell gathered.
    pub fn merge(&mut self, other: Self) {
        if self.subjects.is_empty() && self.records == 0 {
            *self = other;
            return;
        }
        self.records = self.records.saturating_add(other.records);
        self.overflowed |= other.overflowed;
        if other.subjects.first() > self.subjects.last() {
            self.unordered |= other.unordered;
            self.subjects.extend_from_slice(&other.subjects);
            self.amounts.append(&other.amounts);
        } else {
            // Not in the order of the dense ids: the slow path, with the same outcome.
            self.unordered |= other.unordered;
            for (subject, amount) in other.subjects.iter().zip(Amounts(&other.amounts)) {
                self.add_amount(*subject, amount);
            }
        }
        for (kind, set) in other.units.into_iter().flat_map(|sets| *sets).enumerate() {
            let sets = self.units.get_or_insert_default();
            match sets.get_mut(kind) {
                Some(mine) => mine.extend(set),
                None => sets.push(set),
            }
        }
    }

    /// Bytes held on the heap.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        // A node of the tree holds about as much again as its keys, and is half full.
        const UNIT: usize = 4_usize.saturating_mul(size_of::<u64>());
        let subjects = self.subjects.capacity().saturating_mul(size_of::<u32>());
        let units = self
            .units
            .iter()
            .flat_map(|sets| sets.iter())
            .fold(0_usize, |units, set| units.saturating_add(set.len()));
        subjects.saturating_add(self.amounts.heap_size()).saturating_add(units.saturating_mul(UNIT))
    }

    /// The evidence that was gathered: contributions summed per person, in the order of the dense ids. Every
    /// further unit is an institution.
    #[must_use]
    pub fn freeze(self) -> Evidence {
        self.freeze_as(&[])
    }

    /// The evidence that was gathered, of units of these kinds; those beyond them are institutions.
    #[must_use]
    pub fn freeze_as(mut self, kinds: &[UnitKind]) -> Evidence {
        if self.unordered {
            self.put_in_order();
        }
        let sets = self.units.as_deref().map(Vec::as_slice).unwrap_or_default();
        let units = areas::units(sets, kinds);
        Evidence::new(Subjects::of(self.subjects), self.amounts, self.records, self.overflowed, units)
    }

    fn add_amount(&mut self, subject: u32, amount: i128) {
        if self.subjects.last() == Some(&subject) {
            self.add_to_last(amount);
        } else {
            self.begin(subject);
            self.amounts.push_wide(amount);
        }
    }

    /// Opens an entry for a person; its amount follows.
    #[inline]
    fn begin(&mut self, subject: u32) {
        self.unordered |= self.subjects.last().is_some_and(|last| *last > subject);
        self.subjects.push(subject);
    }

    #[inline]
    fn add_to_last(&mut self, amount: i128) {
        if self.amounts.add_to_last(amount) == Err(Overflow) {
            self.overflowed = true;
        }
    }

    fn put_in_order(&mut self) {
        let amounts = std::mem::take(&mut self.amounts);
        let mut pairs: Vec<(u32, i128)> = self.subjects.drain(..).zip(Amounts(&amounts)).collect();
        pairs.sort_unstable_by_key(|(subject, _)| *subject);
        for (subject, amount) in pairs {
            self.add_amount(subject, amount);
        }
        self.unordered = false;
    }
}

impl fmt::Debug for Tally {
    /// Prints no number: what is gathered is confidential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tally(..)")
    }
}
