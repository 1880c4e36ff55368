//! Who stands behind a number: the contributions of data subjects to one statistic of one cell.
//!
//! Contributions are gathered row by row while the engine aggregates ([`Tally`]) and are then frozen
//! ([`Evidence`]). They are exact: amounts are integers in units that the measure's type fixes
//! ([`Scale`]), so that the same people always give the same numbers in whatever order they come.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;

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

/// Contributions while they are being gathered.
///
/// Rows that come clustered by subject extend the last entry; rows in any other order are put in
/// order once, when the tally is frozen.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    subjects: Vec<u32>,
    amounts: Vec<i128>,
    /// Whether `subjects` is strictly ascending.
    unordered: bool,
    /// Whether an amount did not fit: the statistic has no value then.
    overflowed: bool,
    records: u64,
    /// Hashes of the other protected units, one set for each kind.
    units: Vec<BTreeSet<u64>>,
}

/// Why the bytes of a spilled tally were not read back.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the bytes of a tally are damaged")]
pub struct DamagedTally;

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
            if self.units.len() <= kind {
                self.units.resize_with(kind.saturating_add(1), BTreeSet::new);
            }
            if let (Some(set), Some(unit)) = (self.units.get_mut(kind), unit) {
                set.insert(unit);
            }
        }
    }

    /// Notes a record whose amount has no exact form: the statistic will have no value.
    pub fn add_overflow(&mut self, subject: u32) {
        self.overflowed = true;
        self.records = self.records.saturating_add(1);
        self.add_amount(subject, 0);
    }

    /// Takes in what another tally of the same statistic and cell gathered.
    pub fn merge(&mut self, other: &Self) {
        self.records = self.records.saturating_add(other.records);
        self.overflowed |= other.overflowed;
        self.unordered |= other.unordered;
        for (subject, amount) in other.subjects.iter().zip(&other.amounts) {
            self.add_amount(*subject, *amount);
        }
        for (kind, set) in other.units.iter().enumerate() {
            if self.units.len() <= kind {
                self.units.resize_with(kind.saturating_add(1), BTreeSet::new);
            }
            if let Some(mine) = self.units.get_mut(kind) {
                mine.extend(set);
            }
        }
    }

    /// Bytes held on the heap.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        // A node of the tree holds about as much again as its keys, and is half full.
        const UNIT: usize = 4_usize.saturating_mul(size_of::<u64>());
        let subjects = self.subjects.capacity().saturating_mul(size_of::<u32>());
        let amounts = self.amounts.capacity().saturating_mul(size_of::<i128>());
        let units = self.units.iter().fold(0_usize, |units, set| units.saturating_add(set.len()));
        subjects.saturating_add(amounts).saturating_add(units.saturating_mul(UNIT))
    }

    /// The tally as bytes, for merging and spilling inside the engine.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.heap_size());
        bytes.push(u8::from(self.overflowed) | (u8::from(self.unordered) << 1));
        bytes.extend(self.records.to_le_bytes());
        bytes.extend(length(self.subjects.len()).to_le_bytes());
        bytes.extend(self.subjects.iter().flat_map(|subject| subject.to_le_bytes()));
        bytes.extend(self.amounts.iter().flat_map(|amount| amount.to_le_bytes()));
        bytes.push(u8::try_from(self.units.len()).unwrap_or(u8::MAX));
        for set in &self.units {
            bytes.extend(length(set.len()).to_le_bytes());
            bytes.extend(set.iter().flat_map(|unit| unit.to_le_bytes()));
        }
        bytes
    }

    /// A tally from the bytes that [`Tally::encode`] made.
    ///
    /// # Errors
    /// [`DamagedTally`] where they end early.
    pub fn decode(bytes: &[u8]) -> Result<Self, DamagedTally> {
        let mut reader = Reader(bytes);
        let flags = u8::from_le_bytes(reader.take()?);
        let records = u64::from_le_bytes(reader.take()?);
        let length = reader.length()?;
        let subjects =
            (0..length).map(|_| reader.take().map(u32::from_le_bytes)).collect::<Result<_, _>>()?;
        let amounts =
            (0..length).map(|_| reader.take().map(i128::from_le_bytes)).collect::<Result<_, _>>()?;
        let kinds = u8::from_le_bytes(reader.take()?);
        let mut units = Vec::new();
        for _ in 0..kinds {
            let length = reader.length()?;
            units.push((0..length).map(|_| reader.take().map(u64::from_le_bytes)).collect::<Result<_, _>>()?);
        }
        Ok(Self { subjects, amounts, unordered: flags & 2 != 0, overflowed: flags & 1 != 0, records, units })
    }

    /// The evidence that was gathered: contributions summed per person, in the order of the dense ids.
    #[must_use]
    pub fn freeze(mut self) -> Evidence {
        if self.unordered {
            self.put_in_order();
        }
        let units = self.units.iter().map(|set| length(set.len())).collect();
        Evidence::new(self.subjects, self.amounts, self.records, self.overflowed, units)
    }

    fn add_amount(&mut self, subject: u32, amount: i128) {
        match (self.subjects.last(), self.amounts.last_mut()) {
            (Some(last), Some(sum)) if *last == subject => match sum.checked_add(amount) {
                Some(total) => *sum = total,
                None => self.overflowed = true,
            },
            (last, _) => {
                self.unordered |= last.is_some_and(|last| *last > subject);
                self.subjects.push(subject);
                self.amounts.push(amount);
            }
        }
    }

    fn put_in_order(&mut self) {
        let mut pairs: Vec<(u32, i128)> = self.subjects.drain(..).zip(self.amounts.drain(..)).collect();
        pairs.sort_unstable_by_key(|(subject, _)| *subject);
        for (subject, amount) in pairs {
            self.add_amount(subject, amount);
        }
        self.unordered = false;
    }
}

/// What the checkpoint knows of one statistic of one cell.
#[derive(Clone, Eq, PartialEq)]
pub struct Evidence {
    subjects: Vec<u32>,
    amounts: Vec<i128>,
    records: u64,
    total: Option<i128>,
    units: Vec<u64>,
    contributors: u64,
    largest: u128,
    second: u128,
    absolute: Option<u128>,
}

impl Evidence {
    /// `subjects` strictly ascending, `amounts` alongside.
    fn new(subjects: Vec<u32>, amounts: Vec<i128>, records: u64, overflowed: bool, units: Vec<u64>) -> Self {
        let (mut largest, mut second, mut contributors) = (0, 0, 0);
        let (mut total, mut absolute) = ((!overflowed).then_some(0_i128), (!overflowed).then_some(0_u128));
        for amount in &amounts {
            let size = amount.unsigned_abs();
            contributors = u64::saturating_add(contributors, u64::from(size > 0));
            total = total.and_then(|sum| sum.checked_add(*amount));
            absolute = absolute.and_then(|sum| sum.checked_add(size));
            if size > largest {
                (largest, second) = (size, largest);
            } else if size > second {
                second = size;
            }
        }
        Self { subjects, amounts, records, total, units, contributors, largest, second, absolute }
    }

    /// Evidence that nobody stands behind.
    #[must_use]
    pub fn nobody() -> Self {
        Tally::new().freeze()
    }

    /// The same people, each counted once: the evidence of a count of people.
    pub(crate) fn once_per_person(&self) -> Self {
        let once = vec![1; self.subjects.len()];
        Self::new(self.subjects.clone(), once, self.records, false, self.units.clone())
    }

    /// People with a record that the statistic reads (a non-null one), as dense ids in order.
    #[must_use]
    pub fn subjects(&self) -> &[u32] {
        &self.subjects
    }

    /// Each person's contribution, in the order of [`Evidence::subjects`].
    #[must_use]
    pub fn amounts(&self) -> &[i128] {
        &self.amounts
    }

    /// The people as a compressed bitmap.
    #[must_use]
    pub fn bitmap(&self) -> RoaringBitmap {
        self.subjects.iter().copied().collect()
    }

    /// Number of people with a non-null contribution.
    #[must_use]
    pub fn people(&self) -> u64 {
        length(self.subjects.len())
    }

    /// Number of people with a non-zero contribution.
    #[must_use]
    pub fn contributors(&self) -> u64 {
        self.contributors
    }

    /// Number of records.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Distinct other protected units, one number for each kind.
    #[must_use]
    pub fn units(&self) -> &[u64] {
        &self.units
    }

    /// Sum of the contributions, unless it has no exact form.
    #[must_use]
    pub fn total(&self) -> Option<i128> {
        self.total
    }

    /// The largest |contribution| of one person, x₁.
    #[must_use]
    pub fn largest(&self) -> u128 {
        self.largest
    }

    /// The second largest |contribution|, x₂.
    #[must_use]
    pub fn second(&self) -> u128 {
        self.second
    }

    /// Sum of the absolute contributions, X, unless it has no exact form.
    #[must_use]
    pub fn absolute(&self) -> Option<u128> {
        self.absolute
    }
}

impl std::fmt::Debug for Evidence {
    /// Prints no number: evidence is confidential.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Evidence(..)")
    }
}

/// A length as it is stored and compared.
fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], DamagedTally> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(DamagedTally)?;
        self.0 = rest;
        Ok(*head)
    }

    fn length(&mut self) -> Result<usize, DamagedTally> {
        let length = usize::try_from(u64::from_le_bytes(self.take()?)).map_err(|_| DamagedTally)?;
        if length > self.0.len() { Err(DamagedTally) } else { Ok(length) }
    }
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
        fn the_order_of_records_and_merges_decides_nothing(records in records(), cut in 0_usize..40) {
            let expected = tally(&records).freeze();
            let mut sorted = records.clone();
            sorted.sort_unstable();
            prop_assert!(tally(&sorted).freeze() == expected);
            let (left, right) = records.split_at(cut.min(records.len()));
            let mut merged = tally(right);
            merged.merge(&tally(left));
            prop_assert!(merged.freeze() == expected);
        }

        #[test]
        fn a_tally_reads_back_as_it_was_written(records in records(), cut in 0_usize..400) {
            let bytes = tally(&records).encode();
            prop_assert!(Tally::decode(&bytes).unwrap().freeze() == tally(&records).freeze());
            if let Some(damaged) = bytes.get(..cut.min(bytes.len() - 1)) {
                prop_assert_eq!(Tally::decode(damaged).err(), Some(DamagedTally));
            }
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
