//! The part of a release that what is published leaves open, in regions that have nothing to do with each other.
//!
//! A published sum of one kind alone fixes it, and what is fixed is known in every other sum: so most of a table is
//! fixed by its published cells, and margins say something of the withheld ones only.

use std::collections::{BTreeMap, BTreeSet};

use super::super::columns::Joined;
use super::Secret;
use super::kinds::Kind;

/// Kinds of people that can be more or fewer, by place, and the sums that they are in.
pub(super) struct Region {
    /// How many kinds there are.
    pub(super) kinds: usize,
    /// What the kinds contribute to each published sum, as parts of all that they contribute to it.
    pub(super) rows: Vec<Row>,
    /// The withheld sums, and what the kinds contribute to them.
    pub(super) secrets: Vec<(Secret, Vec<(usize, f64)>)>,
    /// For a withheld sum, by number, the published ones that hold it.
    pub(super) held_by: BTreeMap<u32, BTreeSet<u32>>,
}

/// A published sum.
pub(super) struct Row {
    /// The number of its column.
    pub(super) number: u32,
    /// Kinds, by place, with what they contribute.
    pub(super) kinds: Vec<(usize, f64)>,
}

impl Region {
    /// The secrets that are not shown to be open far enough.
    pub(super) fn narrow(&self) -> impl Iterator<Item = &Secret> {
        self.secrets.iter().map(|(secret, _)| secret).filter(|secret| secret.is_narrow())
    }

    /// The numbers of the published sums.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.rows.iter().map(|row| row.number)
    }

    /// The published sums that hold a secret, those from a number on: all of the region, if it is not known which.
    pub(super) fn held_by(&self, secret: u32, from: u32) -> BTreeSet<u32> {
        let known = self.held_by.get(&secret).into_iter().flat_map(|sums| sums.range(from..)).copied();
        let known: BTreeSet<u32> = known.collect();
        if known.is_empty() { self.numbers().filter(|number| *number >= from).collect() } else { known }
    }

    /// Notes a world: how many times as many people there are of each kind.
    pub(super) fn note(&mut self, world: &[f64]) {
        for (secret, kinds) in &mut self.secrets {
            let change =
                |(kind, amount): &(usize, f64)| world.get(*kind).map_or(0.0, |times| amount * (times - 1.0));
            let change: f64 = kinds.iter().map(change).sum();
            secret.note(change);
        }
    }
}

/// The regions with a secret.
pub(super) fn regions(kinds: &[Kind], published: &BTreeSet<u32>, secrets: Vec<Secret>) -> Vec<Region> {
    let (mut sums, mut secret_sums) = (Sums::new(), Sums::new());
    for (place, kind) in kinds.iter().enumerate() {
        for (number, amount) in &kind.sums {
            let sums = if published.contains(number) { &mut sums } else { &mut secret_sums };
            sums.entry(*number).or_default().push((place, *amount));
        }
    }
    let fixed = fixed(kinds, &sums);
    let is_open = |(place, _): &(usize, f64)| fixed.get(*place).is_some_and(|fixed| !*fixed);
    for kinds in sums.values_mut().chain(secret_sums.values_mut()) {
        kinds.retain(is_open);
    }
    let mut joined = Joined::apart(kinds.len());
    for kinds in sums.values().chain(secret_sums.values()) {
        kinds.iter().zip(kinds.iter().skip(1)).for_each(|((left, _), (right, _))| joined.join(*left, *right));
    }
    let groups: Vec<Vec<usize>> = joined.groups().into_values().collect();
    let mut place_of = vec![(0, 0); kinds.len()];
    for (region, group) in groups.iter().enumerate() {
        for (place, kind) in group.iter().enumerate() {
            place_of.get_mut(*kind).into_iter().for_each(|at| *at = (region, place));
        }
    }
    let at = |kind: usize| place_of.get(kind).copied().unwrap_or((0, 0));
    let region_of = |kinds: &[(usize, f64)]| kinds.first().map(|(kind, _)| at(*kind).0);
    let within = |kinds: &[(usize, f64)]| kinds.iter().map(|(kind, amount)| (at(*kind).1, *amount)).collect();
    let mut regions: BTreeMap<usize, Region> = BTreeMap::new();
    for secret in secrets {
        // One of which everything is fixed has a region of its own, in which nothing moves.
        let kinds = secret_sums.remove(&secret.number).unwrap_or_default();
        let region = region_of(&kinds).unwrap_or(groups.len());
        let region = regions.entry(region).or_insert_with(|| Region {
            kinds: groups.get(region).map_or(0, Vec::len),
            rows: Vec::new(),
            secrets: Vec::new(),
            held_by: BTreeMap::new(),
        });
        region.secrets.push((secret, within(&kinds)));
    }
    for (number, kinds) in sums {
        let region = region_of(&kinds).and_then(|region| regions.get_mut(&region));
        if let Some(region) = region {
            region.rows.push(Row { number, kinds: in_parts(within(&kinds)) });
        }
    }
    regions.into_values().collect()
}

/// For each sum, by number, the kinds that are in it.
type Sums = BTreeMap<u32, Vec<(usize, f64)>>;

/// Which kinds are fixed by what is published.
fn fixed(kinds: &[Kind], published: &Sums) -> Vec<bool> {
    let mut fixed = vec![false; kinds.len()];
    let mut open: BTreeMap<u32, usize> =
        published.iter().map(|(number, kinds)| (*number, kinds.len())).collect();
    let mut single: Vec<u32> =
        open.iter().filter(|(_, open)| **open == 1).map(|(number, _)| *number).collect();
    while let Some(number) = single.pop() {
        let is_open = |fixed: &[bool], kind: usize| fixed.get(kind).is_some_and(|fixed| !*fixed);
        let in_sum = published.get(&number).into_iter().flatten();
        let Some(kind) = in_sum.map(|(kind, _)| *kind).find(|kind| is_open(&fixed, *kind)) else { continue };
        fixed.get_mut(kind).into_iter().for_each(|fixed| *fixed = true);
        for (number, _) in kinds.get(kind).into_iter().flat_map(|kind| &kind.sums) {
            if let Some(open) = open.get_mut(number) {
                *open = open.saturating_sub(1);
                single.extend((*open == 1).then_some(*number));
            }
        }
    }
    fixed
}

/// The same contributions as parts of their sum without signs.
fn in_parts(kinds: Vec<(usize, f64)>) -> Vec<(usize, f64)> {
    let all: f64 = kinds.iter().map(|(_, amount)| amount.abs()).sum();
    kinds.into_iter().map(|(kind, amount)| (kind, amount / all)).collect()
}
