//! The answer that a question had before few people left the dataset.
//!
//! Whether it is given again depends on who left as little as on what they had: on their number alone.

use roaring::RoaringBitmap;
use sekisho_model::{Digest, SmallChange};

use super::page::Kept;
use super::{Ledger, Page};
use crate::profile::Profile;

/// An answer from before few people left.
#[derive(Debug)]
pub struct Earlier {
    /// Where it is kept, in the words of whoever keeps it.
    pub place: String,
    /// What to give it again adds to the ledger.
    pub page: Page,
}

impl Ledger {
    /// The answer to a question, as it was asked, from before few people left: to a version of the dataset without
    /// those who are `absent`. None where nobody left since, or enough to hide each other, and none to a version that
    /// is older than one of which something was released already.
    #[must_use]
    pub fn earlier(
        &self,
        asked: &Digest,
        absent: impl IntoIterator<Item = u32>,
        profile: &Profile,
    ) -> Option<Earlier> {
        let absent: RoaringBitmap = absent.into_iter().collect();
        let has_all = self.absent().is_subset(&absent);
        if profile.on_small_change != SmallChange::Earlier || !has_all {
            return None;
        }
        let (epoch, place) = self.kept.get(asked)?.last()?;
        let left_since = absent != *self.absent() || *epoch != self.epochs.last();
        let counted = |subject| self.groups.knows(subject);
        let few = self.epochs.few_left_since(*epoch, &absent, profile.minimum_count, counted);
        let left = self.left_since(&absent);
        let page = Page { left, ..Page::again(*asked) };
        (left_since && few).then(|| Earlier { place: place.clone(), page })
    }

    /// Takes in where an answer is kept.
    pub(super) fn keep(&mut self, page: &Page) {
        let Some(Kept { asked, place }) = &page.kept else { return };
        let (epoch, kept) = (self.epochs.last(), self.kept.entry(*asked).or_default());
        // Asked again of the same version, it has the same answer.
        if kept.last().is_none_or(|(last, _)| *last != epoch) {
            kept.push((epoch, place.clone()));
        }
    }
}
