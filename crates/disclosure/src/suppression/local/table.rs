//! Marks with a number each, found in one or two steps.

/// Open addressing: the marks are as good as drawn by chance.
pub(super) struct Table<V> {
    /// As many as a power of two, at most half of them taken.
    slots: Vec<Option<(u128, V)>>,
}

impl<V> Table<V> {
    /// Room for so many marks.
    pub(super) fn with_room_for(marks: usize) -> Self {
        let slots = marks.saturating_mul(2).max(2).next_power_of_two();
        Self { slots: std::iter::repeat_with(|| None).take(slots).collect() }
    }

    /// What is noted of a mark; at first what `new` gives. `None` if there is no room.
    pub(super) fn entry(&mut self, mark: u128, new: impl FnOnce() -> V) -> Option<&mut V> {
        let place = self.place(mark)?;
        let slot = self.slots.get_mut(place)?;
        Some(&mut slot.get_or_insert_with(|| (mark, new())).1)
    }

    /// What is noted of a mark, if anything.
    pub(super) fn get_mut(&mut self, mark: u128) -> Option<&mut V> {
        let place = self.place(mark)?;
        let slot = self.slots.get_mut(place)?;
        slot.as_mut().map(|(_, value)| value)
    }

    /// Where a mark is, or where it has room.
    fn place(&self, mark: u128) -> Option<usize> {
        let last = self.slots.len().checked_sub(1)?;
        let start = usize::try_from(mark & u128::from(u32::MAX)).ok()?;
        let is_its_own = |place: &usize| match self.slots.get(*place) {
            Some(Some((there, _))) => *there == mark,
            Some(None) => true,
            None => false,
        };
        (0..self.slots.len()).map(|step| start.wrapping_add(step) & last).find(is_its_own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_with_the_same_start_are_told_apart() {
        let mut table = Table::with_room_for(3);
        for (number, mark) in [5_u128, 5 | 1 << 70, 5 | 1 << 90].into_iter().enumerate() {
            *table.entry(mark, || 0).unwrap() += number;
        }
        assert_eq!(table.get_mut(5 | 1 << 90), Some(&mut 2));
        assert_eq!(table.get_mut(5), Some(&mut 0));
        assert_eq!(table.get_mut(6), None);
    }
}
