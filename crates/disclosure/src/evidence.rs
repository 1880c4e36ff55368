//! Who stands behind a number: the contributions of data subjects to one statistic of one cell.
//!
//! Contributions are gathered row by row while the engine aggregates ([`Tally`]) and are then frozen
//! ([`Evidence`]). They are exact: amounts are integers in units that the measure's type fixes
//! ([`Scale`]), so that the same people always give the same numbers in whatever order they come.

mod amounts;
mod areas;
mod digest;
mod sketch;
mod sums;
mod tally;

use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, OnceLock};

use amounts::Stored;
pub use amounts::{Amounts, AmountsIter};
use areas::Units;
pub use areas::{Populations, UnitKind};
pub(crate) use sketch::{Sketch, double};
use sums::Sums;
pub use tally::Tally;

/// What one unit of an amount is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scale {
    /// Doubles whose squares and products are summed as [`Scale::Binary60`]: multiples of 2⁻³⁰.
    Binary30,
    /// Doubles are summed as multiples of 2⁻⁶⁰: exact to that grain and independent of the order.
    Binary60,
    /// Decimals of this scale are multiples of 10⁻ˢ.
    Decimal(u8),
    /// Integers and counts.
    Integer,
}

/// What the checkpoint knows of one statistic of one cell. Clones share it.
#[derive(Clone)]
pub struct Evidence {
    subjects: Arc<Subjects>,
    rest: Arc<Rest>,
}

/// People, who are often those of several sums.
struct Subjects {
    /// Dense ids, strictly ascending.
    ids: Vec<u32>,
    /// Computed when it is asked for.
    digest: OnceLock<[u8; 32]>,
}

/// What people contribute, and what follows from it.
struct Rest {
    amounts: Arc<Stored>,
    records: u64,
    units: Units,
    sums: Sums,
    /// Computed when it is asked for.
    digest: OnceLock<[u8; 32]>,
    /// The same.
    sketch: OnceLock<Sketch>,
}

impl Subjects {
    fn of(ids: Vec<u32>) -> Arc<Self> {
        Arc::new(Self { ids, digest: OnceLock::new() })
    }
}

impl Evidence {
    /// `amounts` alongside `subjects`.
    fn new(subjects: Arc<Subjects>, amounts: Stored, records: u64, overflowed: bool, units: Units) -> Self {
        let mut sums = Sums::of(&amounts);
        if overflowed {
            (sums.total, sums.absolute) = (None, None);
        }
        Self {
            subjects,
            rest: Arc::new(Rest {
                amounts: Arc::new(amounts),
                records,
                units,
                sums,
                digest: OnceLock::new(),
                sketch: OnceLock::new(),
            }),
        }
    }

    /// Evidence that nobody stands behind.
    #[must_use]
    pub fn nobody() -> Self {
        Tally::new().freeze()
    }

    /// The same people, each counted once: the evidence of a count of people.
    #[must_use]
    pub fn once_per_person(&self) -> Self {
        let (once, units) = (Stored::Ones(self.subjects.ids.len()), self.rest.units.clone());
        Self::new(Arc::clone(&self.subjects), once, self.rest.records, false, units)
    }

    /// People with a record that the statistic reads (a non-null one), as dense ids in order.
    #[must_use]
    pub fn subjects(&self) -> &[u32] {
        &self.subjects.ids
    }

    /// Each person's contribution, in the order of [`Evidence::subjects`].
    #[must_use]
    pub fn amounts(&self) -> Amounts<'_> {
        Amounts(&self.rest.amounts)
    }

    /// Whether the same people have a record.
    pub(crate) fn has_the_people_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.subjects, &other.subjects) || self.subjects.ids == other.subjects.ids
    }

    /// Who contributes what.
    #[must_use]
    pub fn contributions(&self) -> Contributions<'_> {
        Contributions(self)
    }

    /// Number of people with a non-null contribution.
    #[must_use]
    pub fn people(&self) -> u64 {
        length(self.subjects.ids.len())
    }

    /// Number of people with a non-zero contribution.
    #[must_use]
    pub fn contributors(&self) -> u64 {
        self.rest.sums.contributors
    }

    /// Whether every contribution is above zero.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        self.rest.sums.positive
    }

    /// Number of records.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.rest.records
    }

    /// Distinct other protected units, one number for each kind.
    #[must_use]
    pub fn units(&self) -> &[u64] {
        &self.rest.units.counts
    }

    /// How many people live in the areas that its records name; `None` where they name none.
    #[must_use]
    pub fn inhabitants(&self) -> Option<u64> {
        self.rest.units.inhabitants
    }

    /// Sum of the contributions, unless it has no exact form.
    #[must_use]
    pub fn total(&self) -> Option<i128> {
        self.rest.sums.total
    }

    /// The largest |contribution| of one person, x₁.
    #[must_use]
    pub fn largest(&self) -> u128 {
        self.rest.sums.largest
    }

    /// The second largest |contribution|, x₂.
    #[must_use]
    pub fn second(&self) -> u128 {
        self.rest.sums.second
    }

    /// The smallest |contribution| of one person other than zero; zero if there is none.
    #[must_use]
    pub fn smallest(&self) -> u128 {
        self.rest.sums.smallest
    }

    /// Sum of the absolute contributions, X, unless it has no exact form.
    #[must_use]
    pub fn absolute(&self) -> Option<u128> {
        self.rest.sums.absolute
    }

    /// Computes what is computed once, of all people.
    pub(crate) fn read_once(&self) {
        self.contributions().digest();
        self.sketch();
    }

    /// Some of the people and what they contribute; the first call reads all.
    pub(crate) fn sketch(&self) -> &Sketch {
        self.rest.sketch.get_or_init(|| Sketch::of(self))
    }

    /// A digest of the people with a record: no two lists of them have the same.
    pub(crate) fn digest_of_people(&self) -> [u8; 32] {
        *self.subjects.digest.get_or_init(|| digest::of_people(&self.subjects.ids))
    }

    /// The same, as it is kept for long: with the list of people of a sum over the same ones, if there is one, and
    /// without what takes room for nothing, or is computed again when it is asked for.
    pub(crate) fn at_rest(&self, over: Option<&Self>) -> Self {
        let over = over.filter(|over| over.has_the_people_of(self)).map(|over| Arc::clone(&over.subjects));
        let (ids, digest) = (&self.subjects.ids, &self.subjects.digest);
        let subjects = over.unwrap_or_else(|| match is_tight(ids.capacity(), ids.len()) {
            true => Arc::clone(&self.subjects),
            false => Arc::new(Subjects { ids: ids.clone(), digest: digest.clone() }),
        });
        let amounts = &self.rest.amounts;
        let is_tight = is_tight(amounts.heap_size(), amounts.least_heap_size());
        let rest = Rest {
            amounts: if is_tight { Arc::clone(amounts) } else { Arc::new(Stored::clone(amounts)) },
            records: self.rest.records,
            units: self.rest.units.clone(),
            sums: self.rest.sums,
            digest: self.rest.digest.clone(),
            sketch: OnceLock::new(),
        };
        Self { subjects, rest: Arc::new(rest) }
    }

    /// Bytes held on the heap.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.heap_size_of_people().saturating_add(self.heap_size_beside_people())
    }

    /// Bytes held on the heap for the list of people, which sums may share.
    pub(crate) fn heap_size_of_people(&self) -> usize {
        self.subjects.ids.capacity().saturating_mul(size_of::<u32>()).saturating_add(size_of::<Subjects>())
    }

    /// Bytes held on the heap for all else.
    pub(crate) fn heap_size_beside_people(&self) -> usize {
        let sketch = self.rest.sketch.get().map_or(0, Sketch::heap_size);
        self.rest.amounts.heap_size().saturating_add(size_of::<Rest>()).saturating_add(sketch)
    }
}

impl PartialEq for Evidence {
    fn eq(&self, other: &Self) -> bool {
        let of = |evidence: &Self| (evidence.rest.records, evidence.rest.units.clone(), evidence.rest.sums);
        of(self) == of(other) && self.contributions() == other.contributions()
    }
}

impl Eq for Evidence {}

impl fmt::Debug for Evidence {
    /// Prints no number: evidence is confidential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Evidence(..)")
    }
}

/// Who contributes what to a sum: equal for two sums to which everybody contributes the same.
#[derive(Clone, Copy)]
pub struct Contributions<'a>(&'a Evidence);

impl<'a> Contributions<'a> {
    /// Each person with their contribution, in the order of the dense ids.
    pub fn iter(self) -> std::iter::Zip<std::iter::Copied<std::slice::Iter<'a, u32>>, AmountsIter<'a>> {
        self.0.subjects.ids.iter().copied().zip(self.0.amounts())
    }

    /// A digest (BLAKE3) of who contributes what: no two sums with other contributions have the same.
    pub(crate) fn digest(self) -> [u8; 32] {
        *self.0.rest.digest.get_or_init(|| {
            digest::of_contributions(&self.0.digest_of_people(), &self.0.rest.amounts, &self.0.rest.sums)
        })
    }
}

impl Ord for Contributions<'_> {
    /// Some order. What was computed of them comes first: it nearly always decides.
    fn cmp(&self, other: &Self) -> Ordering {
        let sums = |contributions: &Self| {
            let Sums { total, absolute, contributors, largest, second, .. } = contributions.0.rest.sums;
            (contributions.0.people(), contributors, total, absolute, largest, second)
        };
        let (mine, theirs) = (self.0, other.0);
        let digest = |evidence: &Self| evidence.0.rest.digest.get().copied();
        let order = sums(self).cmp(&sums(other));
        if order.is_eq() && digest(self).is_some_and(|mine| digest(other) == Some(mine)) {
            return order;
        }
        order
            .then_with(|| {
                let same = Arc::ptr_eq(&mine.subjects, &theirs.subjects);
                if same { Ordering::Equal } else { mine.subjects.ids.cmp(&theirs.subjects.ids) }
            })
            .then_with(|| {
                let same = Arc::ptr_eq(&mine.rest, &theirs.rest);
                if same { Ordering::Equal } else { mine.amounts().cmp(&theirs.amounts()) }
            })
    }
}

impl PartialOrd for Contributions<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Contributions<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Contributions<'_> {}

/// A length as it is stored and compared.
/// Whether little of what is held is for nothing.
fn is_tight(held: usize, needed: usize) -> bool {
    held.saturating_sub(needed) <= needed / 8
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tally(records: &[(u32, i64, u64)]) -> Tally {
        let mut tally = Tally::new();
        for (subject, amount, unit) in records {
            tally.add(*subject, i128::from(*amount), [Some(*unit).filter(|unit| *unit > 0)]);
        }
        tally
    }

    fn records() -> impl Strategy<Value = Vec<(u32, i64, u64)>> {
        prop::collection::vec((0_u32..9, any::<i64>(), 0_u64..4), 0..40)
    }

    proptest! {
        #[test]
        fn records_that_count_once_are_added_in_either_way(subjects in prop::collection::vec(0_u32..9, 0..40)) {
            let (mut ones, mut words, mut all) = (Tally::new(), Tally::new(), Tally::new());
            for subject in subjects {
                ones.add_one(subject);
                words.add_word(subject, 1);
                all.add(subject, 1, []);
            }
            let expected = all.freeze();
            prop_assert!(ones.freeze() == expected && words.freeze() == expected);
            let once = expected.once_per_person();
            prop_assert_eq!((once.total(), once.people()), (Some(i128::from(once.people())), expected.people()));
        }

        #[test]
        fn the_order_of_records_and_merges_decides_nothing(records in records(), cut in 0_usize..40) {
            let expected = tally(&records).freeze();
            let mut sorted = records.clone();
            sorted.sort_unstable();
            prop_assert!(tally(&sorted).freeze() == expected);
            let (left, right) = records.split_at(cut.min(records.len()));
            let mut merged = tally(right);
            merged.merge(tally(left));
            prop_assert!(merged.freeze() == expected);
            let (left, right) = sorted.split_at(cut.min(sorted.len()));
            let mut merged = tally(left);
            merged.merge(tally(right));
            prop_assert!(merged.freeze() == expected);
        }

        #[test]
        fn contributions_are_summed_per_person_first(records in records()) {
            let evidence = tally(&records).freeze();
            let mut sums = std::collections::BTreeMap::new();
            for (subject, amount, _) in &records {
                *sums.entry(*subject).or_insert(0_i128) += i128::from(*amount);
            }
            let mut sizes: Vec<u128> = sums.values().map(|sum| sum.unsigned_abs()).collect();
            sizes.sort_unstable_by(|left, right| right.cmp(left));
            sizes.resize(sizes.len().max(2), 0);
            prop_assert_eq!(evidence.people(), sums.len() as u64);
            prop_assert_eq!((evidence.largest(), evidence.second()), (sizes[0], sizes[1]));
            let smallest = sizes.iter().copied().filter(|size| *size > 0).min();
            prop_assert_eq!(evidence.smallest(), smallest.unwrap_or(0));
            prop_assert_eq!(evidence.absolute(), Some(sizes.iter().sum()));
            prop_assert_eq!(evidence.total(), Some(sums.values().sum()));
            prop_assert_eq!(evidence.contributors(), sizes.iter().filter(|size| **size > 0).count() as u64);
        }
    }

    #[test]
    fn an_amount_that_does_not_fit_leaves_no_total() {
        let mut tally = Tally::new();
        tally.add(1, i128::MAX, []);
        tally.add(1, 1, []);
        assert_eq!((tally.freeze().total(), Evidence::nobody().total()), (None, Some(0)));
        let mut tally = Tally::new();
        tally.add_overflow(1);
        let evidence = tally.freeze();
        assert_eq!((evidence.people(), evidence.total(), evidence.absolute()), (1, None, None));
    }
}
