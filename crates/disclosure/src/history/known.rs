//! Whether how many people the dataset has is known.
//!
//! Of the first release it is (see [`crate::suppression`]). When some people opt out, their number would be the
//! difference of two counts that are known, and with it everything that this difference explains would follow
//! from what was released: that of two counts of women the second is smaller by one would be nothing new. So a
//! version that few people left has a number that nobody was told; it is judged like any other count when
//! somebody asks.

use roaring::RoaringBitmap;

use super::{Entry, Ledger, Status};
use crate::evidence::Evidence;

impl Ledger {
    /// Whether these people are none of the counts that were released with 1 to `minimum` − 1 people more or
    /// less.
    pub(crate) fn may_tell_how_many(&self, people: &Evidence, minimum: u32) -> bool {
        let few = u64::from(minimum);
        let shown = |entry: &&Entry| matches!(entry.status, Status::Shown(_));
        let near = |entry: &&Entry| entry.evidence.people().abs_diff(people.people()) < few;
        let is_a_count = |entry: &&Entry| entry.evidence.amounts().iter().all(|amount| amount == 1);
        let set = |people: &Evidence| RoaringBitmap::from_sorted_iter(people.subjects().iter().copied());
        let mut counts = self.entries().iter().filter(shown).filter(near).filter(is_a_count).peekable();
        if counts.peek().is_none() {
            return true;
        }
        let Ok(mine) = set(people) else { return false };
        !counts.any(|entry| {
            set(&entry.evidence).is_ok_and(|other| (1..few).contains(&mine.symmetric_difference_len(&other)))
        })
    }
}
