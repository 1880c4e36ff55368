//! The sums of one measure in order of importance, and which of them share people.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Candidate;
use crate::evidence::Evidence;

/// One vector of contributions; the candidates that have the same one stand or fall together.
pub(super) struct Column<'a> {
    pub(super) evidence: &'a Evidence,
    /// Whether a rule withholds one of the members for itself.
    pub(super) withheld: bool,
    /// The candidates, by number.
    pub(super) members: Vec<usize>,
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
    for (number, Candidate { evidence, withheld, .. }) in order {
        let vector = (evidence.subjects(), evidence.amounts(), if secret_zeros { number } else { 0 });
        let place = *known.entry(vector).or_insert(columns.len());
        match columns.get_mut(place) {
            Some(column) => {
                column.members.push(number);
                column.withheld |= withheld;
            }
            None => columns.push(Column { evidence, withheld: *withheld, members: vec![number] }),
        }
    }
    columns
}

/// Sums over many people first, then those named first; the contributions settle what is left.
fn importance<'a>(candidate: &'a Candidate<'_>) -> impl Ord + 'a {
    let evidence = candidate.evidence;
    let size = (Reverse(evidence.people()), Reverse(evidence.contributors()));
    (size, &candidate.place, evidence.subjects(), evidence.amounts())
}

/// The groups of two or more columns that are connected by people; their indices ascend.
pub(super) fn components(columns: &[Column<'_>]) -> Vec<Vec<usize>> {
    let people = columns.iter().filter_map(|column| column.evidence.subjects().last());
    let people = people.max().and_then(|last| usize::try_from(*last).ok()?.checked_add(1)).unwrap_or(0);
    let mut first_column_of: Vec<Option<usize>> = vec![None; people];
    let mut joined = Joined((0..columns.len()).collect());
    for (index, column) in columns.iter().enumerate() {
        let contributors = column.evidence.subjects().iter().zip(column.evidence.amounts());
        for (subject, _) in contributors.filter(|(_, amount)| **amount != 0) {
            let first = usize::try_from(*subject).ok().and_then(|subject| first_column_of.get_mut(subject));
            match first {
                Some(Some(first)) => joined.join(*first, index),
                Some(first) => *first = Some(index),
                None => {}
            }
        }
    }
    joined.groups().into_values().filter(|group| group.len() > 1).collect()
}

/// Numbers that are joined into groups (union-find); each points to an earlier one of its group.
pub(super) struct Joined(pub(super) Vec<usize>);

impl Joined {
    pub(super) fn join(&mut self, left: usize, right: usize) {
        let (left, right) = (self.first(left), self.first(right));
        if let Some(first) = self.0.get_mut(left.max(right)) {
            *first = left.min(right);
        }
    }

    /// The groups by their first number, members ascending.
    pub(super) fn groups(mut self) -> BTreeMap<usize, Vec<usize>> {
        let mut groups: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for number in 0..self.0.len() {
            groups.entry(self.first(number)).or_default().insert(number);
        }
        groups.into_iter().map(|(first, members)| (first, members.into_iter().collect())).collect()
    }

    fn first(&mut self, number: usize) -> usize {
        let mut number = number;
        while let Some(next) = self.0.get(number).copied().filter(|next| *next != number) {
            // Halve the way for the next one who asks.
            let after = self.0.get(next).copied().unwrap_or(next);
            if let Some(link) = self.0.get_mut(number) {
                *link = after;
            }
            number = next;
        }
        number
    }
}
