//! People by kind: those who are in the same sums and contribute about as much.
//!
//! Where everybody counts once, people in the same sums are alike. Others are told apart by their largest
//! contribution, in steps of a 64th of a power of two, so that worlds differ in what people contribute, and not
//! only in how many there are. A kind of many different people is one all the same: to have half as many of them is
//! to have half as many of each.

use std::collections::BTreeMap;
use std::collections::HashMap;

use super::super::algebra::{Algebra, Exhausted};
use super::super::columns::Column;
use super::super::sweep::{Block, Sweep};
use crate::evidence::double;

/// People in the same sums are of so many kinds at most.
const KINDS_ALIKE: usize = 16;

/// So many entries (of kinds, in the sums that they are in) are walked among at most.
const MOST_ENTRIES: usize = 1 << 19;

/// Some people, who are more or fewer together.
pub(super) struct Kind {
    /// What they contribute together to each sum that they are in; numbers ascend.
    pub(super) sums: Vec<(u32, f64)>,
}

/// The sums that somebody is in, as good as drawn by chance, and the size of their largest contribution.
type Key = (u64, u32);

/// The size of somebody who contributes 1 to all sums that they are in.
const ONCE: u32 = 0;

/// A kind that is being gathered.
#[derive(Default)]
struct Gathered {
    people: f64,
    sums: Vec<(u32, f64)>,
}

/// The kinds of people behind some sums, which have numbers.
pub(super) fn kinds(sums: &[(u32, &Column<'_>)], algebra: &Algebra) -> Result<Vec<Kind>, Exhausted> {
    let coordinates: Vec<u64> = sums.iter().map(|(number, _)| algebra.drawn(*number)).collect();
    let mut places: HashMap<Key, usize> = HashMap::new();
    let mut gathered: Vec<(Key, Gathered)> = Vec::new();
    let mut sweep = Sweep::of(sums.iter().map(|(_, column)| column.evidence));
    while let Some(block) = sweep.next_block() {
        algebra.spend(block.size())?;
        // Whose contributions are to be read: those of the first of a kind, and of all who count differently.
        let mut read: Vec<Option<usize>> = Vec::with_capacity(block.length());
        for key in keys(&block, &coordinates, algebra) {
            let Some(key) = key else {
                read.push(None);
                continue;
            };
            let place = *places.entry(key).or_insert(gathered.len());
            if place == gathered.len() {
                gathered.push((key, Gathered::default()));
            }
            let Some((_, kind)) = gathered.get_mut(place) else { continue };
            read.push((key.1 != ONCE || kind.people < 1.0).then_some(place));
            kind.people += 1.0;
        }
        for (sum, (number, _)) in sums.iter().enumerate() {
            for (person, amount) in block.contributions(sum) {
                let place = read.get(person).copied().flatten();
                if let Some((_, kind)) = place.and_then(|place| gathered.get_mut(place)) {
                    kind.add(*number, double(amount));
                }
            }
        }
    }
    Ok(merged(gathered))
}

/// Fewer kinds, where there are too many to walk among: some of those in the sums that matter and some of the others,
/// evenly. The rest are as many as they are in every world, which proves less and never too much.
pub(super) fn thinned(kinds: Vec<Kind>, matters: impl Fn(u32) -> bool) -> Vec<Kind> {
    let entries = |kinds: &[Kind]| kinds.iter().map(|kind| kind.sums.len()).fold(0, usize::saturating_add);
    if entries(&kinds) <= MOST_ENTRIES {
        return kinds;
    }
    let matter = |kind: &Kind| kind.sums.iter().any(|(number, _)| matters(*number));
    let (first, others): (Vec<Kind>, Vec<Kind>) = kinds.into_iter().partition(matter);
    let evenly = |kinds: Vec<Kind>| {
        let step = entries(&kinds).div_ceil(MOST_ENTRIES / 2).max(1);
        kinds.into_iter().step_by(step)
    };
    evenly(first).chain(evenly(others)).collect()
}

/// The kinds, of each set of sums no more than [`KINDS_ALIKE`].
fn merged(gathered: Vec<(Key, Gathered)>) -> Vec<Kind> {
    let mut by_sums: BTreeMap<u64, BTreeMap<u32, Gathered>> = BTreeMap::new();
    for ((sums, size), mut kind) in gathered {
        if size == ONCE {
            kind.sums.iter_mut().for_each(|(_, amount)| *amount *= kind.people);
        }
        by_sums.entry(sums).or_default().insert(size, kind);
    }
    let mut kinds = Vec::new();
    for alike in by_sums.into_values() {
        let together = alike.len().div_ceil(KINDS_ALIKE);
        for (place, kind) in alike.into_values().enumerate() {
            match kinds.last_mut() {
                Some(Kind { sums }) if !place.is_multiple_of(together) => {
                    for ((_, mine), (_, theirs)) in sums.iter_mut().zip(kind.sums) {
                        *mine += theirs;
                    }
                }
                Some(_) | None => kinds.push(Kind { sums: kind.sums }),
            }
        }
    }
    kinds
}

impl Gathered {
    fn add(&mut self, number: u32, amount: f64) {
        match self.sums.binary_search_by_key(&number, |(number, _)| *number) {
            Ok(place) => self.sums.get_mut(place).into_iter().for_each(|(_, sum)| *sum += amount),
            Err(place) => self.sums.insert(place, (number, amount)),
        }
    }
}

/// The key of each person of a block who contributes something.
fn keys(block: &Block<'_>, coordinates: &[u64], algebra: &Algebra) -> Vec<Option<Key>> {
    let mut marks = vec![0_u64; block.length()];
    let mut largest = vec![0_u128; block.length()];
    let mut once = vec![true; block.length()];
    for (sum, coordinate) in coordinates.iter().enumerate() {
        for (person, amount) in block.contributions(sum) {
            if let (Some(mark), Some(largest), Some(once)) =
                (marks.get_mut(person), largest.get_mut(person), once.get_mut(person))
            {
                *mark = algebra.field.add(*mark, *coordinate);
                *largest = (*largest).max(amount.unsigned_abs());
                *once &= amount == 1;
            }
        }
    }
    let people = marks.into_iter().zip(largest).zip(once);
    let key = |((mark, largest), once)| {
        let size = if once { ONCE } else { size(largest) };
        (largest > 0).then_some((mark, size))
    };
    people.map(key).collect()
}

/// The step, of a 64th of a power of two, that a contribution is in; more than zero.
fn size(largest: u128) -> u32 {
    let bits = u128::BITS.saturating_sub(largest.leading_zeros());
    let step = u32::try_from(largest >> bits.saturating_sub(7) & 63).unwrap_or(0);
    bits.saturating_mul(64).saturating_add(step).saturating_add(1)
}
