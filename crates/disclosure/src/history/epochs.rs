//! Who left the dataset between the releases that stand in a ledger.
//!
//! An opt-out leaves what was released as it is, and takes a person out of everything that comes after. Where few
//! left since a release, what it tells beside a new one is about those few.

use roaring::RoaringBitmap;

/// The releases between two opt-outs, in their order.
#[derive(Default)]
pub(super) struct Epochs {
    /// Everybody who had left by the last page.
    absent: RoaringBitmap,
    epochs: Vec<Epoch>,
}

/// Releases of one version of the dataset.
struct Epoch {
    /// Who left since the releases before.
    left: RoaringBitmap,
    /// Whether it has sums of its own: where all its answers are earlier ones, nothing was told.
    has_sums: bool,
}

impl Epochs {
    /// Takes in a page; whether people left since the one before.
    pub(super) fn take(&mut self, left: &[u32], has_sums: bool) -> bool {
        let left: RoaringBitmap = left.iter().copied().collect();
        let is_new = !left.is_empty();
        self.absent |= &left;
        match self.epochs.last_mut() {
            Some(last) if !is_new => last.has_sums |= has_sums,
            Some(_) | None => self.epochs.push(Epoch { left, has_sums }),
        }
        is_new
    }

    /// Everybody who had left by the last page.
    pub(super) fn absent(&self) -> &RoaringBitmap {
        &self.absent
    }

    /// The number of the last epoch, from 0.
    pub(super) fn last(&self) -> usize {
        self.epochs.len().saturating_sub(1)
    }

    /// Who left since the first release from which on fewer than `minimum` of those did who were ever counted; `None`
    /// where nobody left since then, and where all releases are of the version without those who are `absent`.
    pub(super) fn few_left(
        &self,
        absent: &RoaringBitmap,
        minimum: u32,
        counted: impl Fn(u32) -> bool,
    ) -> Option<RoaringBitmap> {
        let mut left: RoaringBitmap = besides(absent, &self.absent).collect();
        let mut few = None;
        for epoch in self.epochs.iter().rev() {
            let known = left.iter().filter(|subject| counted(*subject)).count();
            if u32::try_from(known).map_or(true, |known| known >= minimum) {
                break;
            }
            if epoch.has_sums && !left.is_empty() {
                few = Some(left.clone());
            }
            left |= &epoch.left;
        }
        few
    }

    /// Whether fewer than `minimum` of those who were ever counted left since an epoch.
    pub(super) fn few_left_since(
        &self,
        epoch: usize,
        absent: &RoaringBitmap,
        minimum: u32,
        counted: impl Fn(u32) -> bool,
    ) -> bool {
        let mut left: RoaringBitmap = besides(absent, &self.absent).collect();
        self.epochs.iter().skip(epoch.saturating_add(1)).for_each(|later| left |= &later.left);
        let known = left.iter().filter(|subject| counted(*subject)).count();
        u32::try_from(known).is_ok_and(|known| known < minimum)
    }

    pub(super) fn heap_size(&self) -> usize {
        let epochs = self.epochs.iter().map(|epoch| epoch.left.serialized_size());
        epochs.fold(self.absent.serialized_size(), usize::saturating_add)
    }
}

/// Who is among some, and not among others.
pub(super) fn besides(some: &RoaringBitmap, others: &RoaringBitmap) -> impl Iterator<Item = u32> {
    some.iter().filter(|subject| !others.contains(*subject))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(subjects: impl IntoIterator<Item = u32>) -> RoaringBitmap {
        subjects.into_iter().collect()
    }

    #[test]
    fn few_are_those_who_left_since_the_first_release_that_few_left_since() {
        let mut epochs = Epochs::default();
        let few = |epochs: &Epochs, absent| epochs.few_left(&people(absent), 10, |subject| subject < 1000);
        assert_eq!(few(&epochs, 0..3), None, "nothing was released");
        assert!(!epochs.take(&[], true));
        assert_eq!(few(&epochs, 0..0), None);
        assert_eq!(few(&epochs, 0..9), Some(people(0..9)));
        assert_eq!(few(&epochs, 0..10), None, "ten hide each other");
        assert_eq!(few(&epochs, 995..1009), Some(people(995..1009)), "nine of them were never counted");
        assert!(epochs.take(&[0, 1, 2, 3, 4], false));
        assert_eq!(few(&epochs, 0..5), Some(people(0..5)));
        assert_eq!(few(&epochs, 0..12), None, "nothing was told between the two");
        assert!(!epochs.take(&[], true));
        assert_eq!(few(&epochs, 0..12), Some(people(5..12)));
        assert!(epochs.few_left_since(1, &people(0..12), 10, |_| true));
        assert!(!epochs.few_left_since(0, &people(0..12), 10, |_| true));
    }
}
