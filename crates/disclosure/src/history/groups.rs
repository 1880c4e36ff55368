//! Which sums of the ledger are connected by people: union-find over people, kept as entries come in.

use std::collections::BTreeSet;

use crate::evidence::Evidence;

/// Groups of entries that share people, directly or by way of others.
#[derive(Default)]
pub(super) struct Groups {
    /// For each person, one more than a group that they belonged to; 0 for none.
    group_of: Vec<u32>,
    /// Each group points to an earlier one that it was joined with, or to itself.
    links: Vec<u32>,
    /// The entries of each group that is its own first one.
    members: Vec<Vec<usize>>,
    /// How many people these have together, each counted in every one of them.
    sizes: Vec<u64>,
}

impl Groups {
    /// Adds an entry; a sum over nobody is in no group.
    pub(super) fn add(&mut self, sum: &Evidence, entry: usize) {
        let Some(last) = sum.subjects().last().map(|last| at(*last)) else { return };
        if self.group_of.len() <= last {
            self.group_of.resize(last.saturating_add(1), 0);
        }
        let new = u32::try_from(self.links.len()).unwrap_or(u32::MAX);
        self.links.push(new);
        self.members.push(vec![entry]);
        self.sizes.push(sum.people());
        let mut group = new;
        // People next to each other are mostly of one group.
        let mut known = None;
        for subject in sum.subjects() {
            let Some(slot) = self.group_of.get_mut(at(*subject)) else { continue };
            let before = std::mem::replace(slot, new.saturating_add(1));
            if before != 0 && Some(before) != known {
                known = Some(before);
                group = self.join(group, before.saturating_sub(1));
            }
        }
    }

    /// The entries that are connected with these sums, ascending.
    pub(super) fn connected<'a>(&self, sums: impl Iterator<Item = &'a Evidence>) -> BTreeSet<usize> {
        let groups = self.of(sums);
        groups.iter().filter_map(|group| self.members.get(at(*group))).flatten().copied().collect()
    }

    /// Whether a person is in any entry.
    pub(super) fn knows(&self, subject: u32) -> bool {
        self.group_of.get(at(subject)).is_some_and(|group| *group != 0)
    }

    /// How many people these have together, each counted in every one of them.
    pub(super) fn size_of_connected<'a>(&self, sums: impl Iterator<Item = &'a Evidence>) -> u64 {
        let groups = self.of(sums);
        let sizes = groups.iter().filter_map(|group| self.sizes.get(at(*group)));
        sizes.fold(0, |all, size| all.saturating_add(*size))
    }

    /// The groups that these sums share people with.
    fn of<'a>(&self, sums: impl Iterator<Item = &'a Evidence>) -> BTreeSet<u32> {
        let mut groups = BTreeSet::new();
        for sum in sums {
            let mut known = 0;
            for subject in sum.subjects() {
                let group = self.group_of.get(at(*subject)).copied().unwrap_or(0);
                if group != 0 && group != known {
                    known = group;
                    groups.insert(self.first(group.saturating_sub(1)));
                }
            }
        }
        groups
    }

    pub(super) fn heap_size(&self) -> usize {
        let words = self.group_of.capacity().saturating_add(self.links.capacity());
        words.saturating_mul(size_of::<u32>())
    }

    /// Joins two groups, and answers the first one of both.
    fn join(&mut self, left: u32, right: u32) -> u32 {
        let (left, right) = (self.first(left), self.first(right));
        let (first, other) = (left.min(right), left.max(right));
        if first != other {
            if let Some(link) = self.links.get_mut(at(other)) {
                *link = first;
            }
            let mut moved = self.members.get_mut(at(other)).map(std::mem::take).unwrap_or_default();
            if let Some(members) = self.members.get_mut(at(first)) {
                if members.len() < moved.len() {
                    std::mem::swap(members, &mut moved);
                }
                members.append(&mut moved);
            }
            let size = self.sizes.get_mut(at(other)).map(std::mem::take).unwrap_or_default();
            if let Some(all) = self.sizes.get_mut(at(first)) {
                *all = all.saturating_add(size);
            }
        }
        first
    }

    fn first(&self, group: u32) -> u32 {
        let mut group = group;
        while let Some(next) = self.links.get(at(group)).copied().filter(|next| *next != group) {
            group = next;
        }
        group
    }
}

/// A dense id or a group as an index.
fn at(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::people;

    #[test]
    fn entries_are_connected_by_way_of_others() {
        let mut groups = Groups::default();
        let sums = [people(0..3), people(5..8), people(20..30), people(2..6), people([]), people(100..101)];
        for (entry, sum) in sums.iter().enumerate() {
            groups.add(sum, entry);
        }
        let connected = |sum: Evidence| groups.connected([&sum].into_iter()).into_iter().collect::<Vec<_>>();
        assert_eq!(connected(people([7])), [0, 1, 3]);
        assert_eq!(connected(people([25, 100])), [2, 5]);
        assert_eq!(connected(people([9, 500])), [] as [usize; 0]);
        assert_eq!(connected(people([0, 29])), [0, 1, 2, 3]);
        let size = |sum: Evidence| groups.size_of_connected([&sum].into_iter());
        assert_eq!((size(people([7])), size(people([25, 100])), size(people([9]))), (10, 11, 0));
    }
}
