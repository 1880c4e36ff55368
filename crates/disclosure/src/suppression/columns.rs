//! The sums in order of importance, those that were released before first; and which of them share people.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::Candidate;
use super::sweep::{Block, Sweep};
use crate::evidence::Evidence;

/// One vector of contributions; the candidates that have the same one stand or fall together.
pub(super) struct Column<'a> {
    pub(super) evidence: &'a Evidence,
    /// Whether a rule withholds one of the members for itself.
    pub(super) withheld: bool,
    /// The lowest `minimum_count` that one of the members was released under before. What was told once
    /// is no secret any more.
    pub(super) standing: Option<u32>,
    /// The candidates, by number.
    pub(super) members: Vec<usize>,
}

impl Column<'_> {
    /// Whether it asks to be published, and may be withheld.
    pub(super) fn is_asked_for(&self) -> bool {
        !self.withheld && self.standing.is_none()
    }
}

/// The columns, the most important first. A sum to which nobody contributes is no column: it is known to
/// be zero. Where zeros are secret, two equal sums stay two: that they are equal says that something
/// is zero.
pub(super) fn columns<'a>(candidates: &[Candidate<'a>], secret_zeros: bool) -> Vec<Column<'a>> {
    let mut order: Vec<(usize, &Candidate<'a>)> = candidates
        .iter()
        .enumerate()
        .filter(|(_, candidate)| candidate.evidence.contributors() > 0)
        .collect();
    order.sort_by(|(_, left), (_, right)| importance(left).cmp(&importance(right)));
    let mut columns: Vec<Column<'a>> = Vec::new();
    let mut known = BTreeMap::new();
    for (number, Candidate { evidence, withheld, standing, .. }) in order {
        let vector = (evidence.contributions(), if secret_zeros { number } else { 0 });
        let place = *known.entry(vector).or_insert(columns.len());
        match columns.get_mut(place) {
            Some(column) => {
                column.members.push(number);
                column.withheld |= withheld & column.standing.is_none();
                column.standing = column.standing.into_iter().chain(*standing).min();
            }
            None => {
                let members = vec![number];
                columns.push(Column { evidence, withheld: *withheld, standing: *standing, members });
            }
        }
    }
    columns
}

/// What was released before first, then the statements in their order, in each totals and coarser groups, then what
/// the analyst named first; the contributions settle what is left. Of what is asked for, no size decides: which of two overlapping groups is
/// blank would tell which is the larger, a bit about those who are in one of them.
fn importance<'a>(candidate: &'a Candidate<'_>) -> impl Ord + 'a {
    let evidence = candidate.evidence;
    let size = candidate.standing.map(|_| (Reverse(evidence.people()), Reverse(evidence.contributors())));
    (candidate.standing.is_none(), size, &candidate.place, evidence.contributions())
}

/// The groups of two or more columns that are connected by people; their indices ascend.
pub(super) fn components(columns: &[Column<'_>]) -> Vec<Vec<usize>> {
    components_of(columns.iter().map(|column| column.evidence))
}

/// The groups of two or more sums that are connected by people; their numbers ascend.
pub(super) fn components_of<'a>(sums: impl Iterator<Item = &'a Evidence>) -> Vec<Vec<usize>> {
    let sums: Vec<&Evidence> = sums.collect();
    let mut joined = Joined::apart(sums.len());
    let bundles = of_the_same_people(sums.iter().copied());
    for bundle in &bundles {
        bundle.iter().zip(bundle.iter().skip(1)).for_each(|(left, right)| joined.join(*left, *right));
    }
    let firsts: Vec<usize> = bundles.iter().filter_map(|bundle| bundle.first().copied()).collect();
    let blocks = Sweep::of(firsts.iter().filter_map(|index| sums.get(*index).copied())).blocks();
    for blocks in blocks.chunks(rayon::current_num_threads()) {
        if joined.number_of_groups() < 2 {
            break;
        }
        let groups: Vec<Vec<Vec<usize>>> = blocks.par_iter().map(groups_in).collect();
        for group in groups.into_iter().flatten() {
            let mut members = group.iter().filter_map(|bundle| firsts.get(*bundle).copied());
            let first = members.next();
            members.for_each(|member| joined.join(first.unwrap_or(member), member));
        }
    }
    joined.groups().into_values().filter(|group| group.len() > 1).collect()
}

/// The groups of bundles that the people of a block connect.
fn groups_in(block: &Block<'_>) -> Vec<Vec<usize>> {
    let mut joined = Joined::apart(block.sums());
    let mut first_of = vec![usize::MAX; block.length()];
    for bundle in 0..block.sums() {
        for place in block.people(bundle) {
            match first_of.get_mut(place) {
                Some(first) if *first == usize::MAX => *first = bundle,
                Some(first) => joined.join(*first, bundle),
                None => {}
            }
        }
    }
    joined.groups().into_values().collect()
}

/// The sums over the same people, by number, each in a bundle; the bundles of most people first.
pub(super) fn of_the_same_people<'a>(sums: impl Iterator<Item = &'a Evidence>) -> Vec<Vec<usize>> {
    let mut sums: Vec<(usize, &Evidence)> = sums.enumerate().collect();
    let ends = |sum: &Evidence| {
        let subjects = sum.subjects();
        (Reverse(subjects.len()), subjects.first().copied(), subjects.last().copied())
    };
    // The stable sort keeps the order of importance among those that are alike.
    sums.sort_by_key(|(_, sum)| ends(sum));
    let same = |(_, left): &(usize, &Evidence), (_, right): &(usize, &Evidence)| {
        ends(left) == ends(right) && left.has_the_people_of(right)
    };
    sums.chunk_by(same).map(|bundle| bundle.iter().map(|(number, _)| *number).collect()).collect()
}

/// Numbers that are joined into groups (union-find); each points to an earlier one of its group.
pub(super) struct Joined {
    links: Vec<usize>,
    groups: usize,
}

impl Joined {
    /// So many numbers, each by itself.
    pub(super) fn apart(numbers: usize) -> Self {
        Self { links: (0..numbers).collect(), groups: numbers }
    }

    pub(super) fn join(&mut self, left: usize, right: usize) {
        if self.links.get(left) == self.links.get(right) {
            return;
        }
        let (left, right) = (self.first(left), self.first(right));
        if left != right
            && let Some(first) = self.links.get_mut(left.max(right))
        {
            *first = left.min(right);
            self.groups = self.groups.saturating_sub(1);
        }
    }

    pub(super) fn number_of_groups(&self) -> usize {
        self.groups
    }

    /// The groups by their first number, members ascending.
    pub(super) fn groups(mut self) -> BTreeMap<usize, Vec<usize>> {
        let mut groups: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for number in 0..self.links.len() {
            groups.entry(self.first(number)).or_default().insert(number);
        }
        groups.into_iter().map(|(first, members)| (first, members.into_iter().collect())).collect()
    }

    fn first(&mut self, number: usize) -> usize {
        let mut number = number;
        while let Some(next) = self.links.get(number).copied().filter(|next| *next != number) {
            // Halve the way for the next one who asks.
            let after = self.links.get(next).copied().unwrap_or(next);
            if let Some(link) = self.links.get_mut(number) {
                *link = after;
            }
            number = next;
        }
        number
    }
}
