//! Tables from keys to numbers.

use std::hash::{BuildHasher, RandomState};

use datafusion::common::{DataFusionError, Result};

/// A number for what is at this place.
pub(super) fn next(length: usize) -> Result<u32> {
    u32::try_from(length).map_err(|_| DataFusionError::ResourcesExhausted("too many groups".into()))
}

/// What a table may have for a key.
pub(super) trait Key: Copy + Default + PartialEq {
    /// The key as two words.
    fn words(self) -> (u64, u64);
}

impl Key for u64 {
    fn words(self) -> (u64, u64) {
        (self, 0)
    }
}

impl Key for u128 {
    fn words(self) -> (u64, u64) {
        let word = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
        (word(self), word(self >> 64))
    }
}

/// A table from keys to numbers: open addressing with linear probing, at most half full.
pub(super) struct Table<K> {
    slots: Vec<Slot<K>>,
    filled: usize,
    /// Drawn anew for each table, so that nobody can choose values that collide.
    seeds: (u64, u64),
}

#[derive(Clone, Copy, Default)]
struct Slot<K> {
    key: K,
    /// The number of the key and one; zero where nothing is.
    number: u32,
}

impl<K: Key> Table<K> {
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        let seeds = (random.hash_one(1), random.hash_one(2) | 1);
        Self { slots: vec![Slot::default(); 16], filled: 0, seeds }
    }

    /// The number of a key, and whether it is `next_number` because the key is new.
    pub(super) fn number(&mut self, key: K, next_number: usize) -> Result<(u32, bool)> {
        let slot = self.slot(key);
        match self.slots.get(slot) {
            Some(Slot { number, .. }) if *number > 0 => Ok((number - 1, false)),
            _ => {
                let number = next(next_number)?;
                self.insert(slot, Slot { key, number: next(next_number + 1)? });
                Ok((number, true))
            }
        }
    }

    /// Takes in a key that is not there, with its number and one.
    fn put(&mut self, key: K, number: u32) {
        let slot = self.slot(key);
        self.insert(slot, Slot { key, number });
    }

    pub(super) fn heap_size(&self) -> usize {
        self.slots.capacity() * size_of::<Slot<K>>()
    }

    /// Where a key is, or would be.
    fn slot(&self, key: K) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = self.hash(key) & mask;
        while let Some(found) = self.slots.get(slot)
            && found.number > 0
            && found.key != key
        {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn hash(&self, key: K) -> usize {
        let (low, high) = key.words();
        let product = u128::from(low ^ self.seeds.0).wrapping_mul(u128::from(high ^ self.seeds.1));
        let folded = (product ^ (product >> 64)) & u128::from(u64::MAX);
        usize::try_from(folded).unwrap_or(0)
    }

    fn insert(&mut self, slot: usize, filled: Slot<K>) {
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = filled;
        }
        self.filled += 1;
        if self.filled * 2 > self.slots.len() {
            let larger = vec![Slot::default(); self.slots.len() * 2];
            let old = std::mem::replace(&mut self.slots, larger);
            for filled in old.into_iter().filter(|slot| slot.number > 0) {
                let slot = self.slot(filled.key);
                if let Some(slot) = self.slots.get_mut(slot) {
                    *slot = filled;
                }
            }
        }
    }
}

/// Numbers for pairs of numbers, in the order in which they were first seen.
pub(super) struct Pairs {
    /// The number and one of each pair, row by row, while there are few; nought where none is.
    dense: Vec<u32>,
    /// Numbers of a row; a power of two.
    width: usize,
    /// All pairs, once they are many.
    table: Option<Table<u64>>,
    known: usize,
}

impl Pairs {
    /// Most places of pairs that are found without a hash.
    const DENSE: usize = 1 << 16;

    pub(super) fn new() -> Self {
        Self { dense: Vec::new(), width: 1, table: None, known: 0 }
    }

    /// Puts the number of each pair in the place of its left part.
    pub(super) fn number(&mut self, lefts: &mut [u32], rights: &[u32]) -> Result<()> {
        let highest = |numbers: &[u32]| numbers.iter().max().map_or(0, |most| usize_of(*most));
        self.reserve(highest(lefts), highest(rights))?;
        for (left, right) in lefts.iter_mut().zip(rights) {
            let known = match &mut self.table {
                Some(table) => {
                    let (number, new) = table.number(pair(*left, *right), self.known)?;
                    self.known += usize::from(new);
                    *left = number;
                    continue;
                }
                None => self.dense.get_mut(usize_of(*left) * self.width + usize_of(*right)),
            };
            let Some(known) = known else {
                return Err(DataFusionError::Execution("a pair has no place".into()));
            };
            if *known == 0 {
                self.known += 1;
                *known = next(self.known)?;
            }
            *left = *known - 1;
        }
        Ok(())
    }

    pub(super) fn heap_size(&self) -> usize {
        self.dense.capacity() * size_of::<u32>() + self.table.as_ref().map_or(0, Table::heap_size)
    }

    /// Makes room for pairs of numbers up to these.
    fn reserve(&mut self, left: usize, right: usize) -> Result<()> {
        if self.table.is_some() || (right < self.width && (left + 1) * self.width <= self.dense.len()) {
            return Ok(());
        }
        let width = self.width.max((right + 1).next_power_of_two());
        let rows = (self.dense.len() / self.width).max((left + 1).next_power_of_two());
        let fits = width.checked_mul(rows).is_some_and(|places| places <= Self::DENSE);
        let mut wider = if fits { vec![0; width * rows] } else { Vec::new() };
        let mut table = Table::new();
        for (place, number) in self.dense.iter().enumerate().filter(|(_, number)| **number > 0) {
            let (left, right) = (place / self.width, place % self.width);
            match wider.get_mut(left * width + right) {
                Some(place) => *place = *number,
                None => table.put(pair(next(left)?, next(right)?), *number),
            }
        }
        self.table = (!fits).then_some(table);
        (self.dense, self.width) = (wider, width);
        Ok(())
    }
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Two numbers as one key.
fn pair(left: u32, right: u32) -> u64 {
    (u64::from(left) << 32) | u64::from(right)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equal_pairs_have_one_number(
            few in prop::collection::vec((0_u32..9, 0_u32..5), 0..200),
            many in prop::collection::vec((0_u32..700, 0_u32..700), 0..200),
        ) {
            let mut pairs = Pairs::new();
            let mut known: Vec<(u32, u32)> = Vec::new();
            for batch in [&few, &many, &few] {
                let (mut numbers, rights): (Vec<u32>, Vec<u32>) = batch.iter().copied().unzip();
                pairs.number(&mut numbers, &rights).unwrap();
                for (pair, number) in batch.iter().zip(numbers) {
                    let place = known.iter().position(|known| known == pair).unwrap_or(known.len());
                    if place == known.len() {
                        known.push(*pair);
                    }
                    prop_assert_eq!(number as usize, place);
                }
            }
        }
    }
}
