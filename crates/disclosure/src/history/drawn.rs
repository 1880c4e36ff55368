//! Some people of each sum of the ledger, by whom it is compared with new ones without reading it.

use crate::evidence::Evidence;

/// People who are kept of a sum.
const DRAWN: usize = 16;

/// Nobody has this dense id.
const NOBODY: u32 = u32::MAX;

/// By the place of the sum, those of its people who are [drawn](Evidence::sketch) first.
#[derive(Default)]
pub(super) struct Drawn(Vec<[u32; DRAWN]>);

impl Drawn {
    /// Takes in the sum of the next place.
    pub(super) fn add(&mut self, sum: &Evidence) {
        let mut drawn = [NOBODY; DRAWN];
        for (place, (subject, _)) in drawn.iter_mut().zip(sum.sketch().subjects()) {
            *place = subject;
        }
        self.0.push(drawn);
    }

    /// Who is drawn of the sum at a place, the first one first.
    pub(super) fn of(&self, place: usize) -> impl Iterator<Item = u32> {
        self.0.get(place).into_iter().flatten().copied().take_while(|subject| *subject != NOBODY)
    }

    pub(super) fn heap_size(&self) -> usize {
        self.0.capacity().saturating_mul(size_of::<[u32; DRAWN]>())
    }
}
