//! Walks through the people behind several sums together, block by block.
//!
//! What is noted of the people of a block fits the processor's cache, and whoever has seen enough stops.

use std::sync::Arc;

use super::algebra::{Algebra, Vector};
use crate::evidence::Evidence;

/// People of one block.
const BLOCK: usize = 1 << 16;

/// A walk in the order of the dense ids.
pub(super) struct Sweep<'a> {
    sums: Arc<[&'a Evidence]>,
    /// How far each sum has been read.
    read: Vec<usize>,
}

/// The people of a block, and what each contributes to the sums.
pub(super) struct Block<'a> {
    sums: Arc<[&'a Evidence]>,
    /// For each sum, the places of the people of this block.
    places: Vec<(usize, usize)>,
    /// The dense id of the first place of the block.
    first: u32,
    /// How many places there are, up to the last person.
    length: usize,
}

impl<'a> Sweep<'a> {
    /// From the first person on.
    pub(super) fn of(sums: impl IntoIterator<Item = &'a Evidence>) -> Self {
        let sums: Arc<[&Evidence]> = sums.into_iter().collect();
        let read = vec![0; sums.len()];
        Self { sums, read }
    }

    /// All blocks from here on.
    pub(super) fn blocks(mut self) -> Vec<Block<'a>> {
        std::iter::from_fn(|| self.next_block()).collect()
    }

    /// The next block in which somebody is.
    pub(super) fn next_block(&mut self) -> Option<Block<'a>> {
        let unread = self.sums.iter().zip(&self.read);
        let next = unread.filter_map(|(sum, read)| sum.subjects().get(*read)).min().copied()?;
        let length = u32::try_from(BLOCK).unwrap_or(u32::MAX);
        let first = next.wrapping_sub(next.checked_rem(length).unwrap_or(0));
        let last = first.saturating_add(length.wrapping_sub(1));
        let mut places = Vec::with_capacity(self.sums.len());
        let mut most = next;
        for (sum, read) in self.sums.iter().zip(&mut self.read) {
            let unread = sum.subjects().get(*read..).unwrap_or_default();
            let end = read.saturating_add(unread.partition_point(|subject| *subject <= last));
            most =
                most.max(end.checked_sub(1).and_then(|last| sum.subjects().get(last)).copied().unwrap_or(0));
            places.push((*read, end));
            *read = end;
        }
        let length = usize::try_from(most.wrapping_sub(first)).unwrap_or(BLOCK).saturating_add(1);
        Some(Block { sums: Arc::clone(&self.sums), places, first, length })
    }
}

impl Block<'_> {
    /// How many sums there are.
    pub(super) fn sums(&self) -> usize {
        self.sums.len()
    }

    /// How many contributions there are: the steps that it takes to look at each.
    pub(super) fn size(&self) -> usize {
        self.places.iter().fold(0, |size, (start, end)| size.saturating_add(end.wrapping_sub(*start)))
    }

    /// The dense id of the first place.
    pub(super) fn first(&self) -> u32 {
        self.first
    }

    /// How many places there are: at most [`BLOCK`].
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The people with a record in a sum, as places in the block.
    pub(super) fn people(&self, sum: usize) -> impl Iterator<Item = usize> {
        self.of(sum).0.iter().map(|subject| self.place(*subject))
    }

    /// The place, among all people of a sum, of the first one of this block.
    pub(super) fn start(&self, sum: usize) -> usize {
        self.of(sum).1
    }

    /// Those with a non-zero contribution, and the contribution.
    pub(super) fn contributions(&self, sum: usize) -> impl Iterator<Item = (usize, i128)> {
        let (subjects, start) = self.of(sum);
        let amounts = self.sums.get(sum).map(|sum| sum.amounts().from(start));
        let pairs = subjects.iter().zip(amounts.into_iter().flatten());
        pairs.filter(|(_, amount)| *amount != 0).map(|(subject, amount)| (self.place(*subject), amount))
    }

    /// What each of some people contributes to the sums, as numbers of a field, in the order of their
    /// places; `numbers` are the coordinates of the sums.
    pub(super) fn rows(&self, wanted: &[bool], numbers: &[u32], algebra: &Algebra) -> Vec<Vector> {
        // Half the width of a place is enough, and zero is nobody.
        let mut row_of: Vec<u32> = vec![0; wanted.len()];
        let people = row_of.iter_mut().zip(wanted).filter(|(_, wanted)| **wanted);
        let count = (1..).zip(people).map(|(number, (row, _))| *row = number).count();
        let mut rows: Vec<Vector> = vec![Vector::new(); count];
        for (sum, number) in numbers.iter().enumerate() {
            for (place, amount) in self.contributions(sum) {
                let row = row_of.get(place).and_then(|row| usize::try_from(*row).ok()?.checked_sub(1));
                if let Some(row) = row.and_then(|row| rows.get_mut(row)) {
                    let residue = algebra.field.residue(amount);
                    row.extend((residue != 0).then_some((*number, residue)));
                }
            }
        }
        rows
    }

    fn of(&self, sum: usize) -> (&[u32], usize) {
        let (start, end) = self.places.get(sum).copied().unwrap_or((0, 0));
        let subjects = self.sums.get(sum).and_then(|sum| sum.subjects().get(start..end));
        (subjects.unwrap_or_default(), start)
    }

    fn place(&self, subject: u32) -> usize {
        usize::try_from(subject.wrapping_sub(self.first)).unwrap_or(usize::MAX)
    }
}
