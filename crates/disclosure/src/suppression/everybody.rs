//! How many people the dataset has, everybody knows: it is a released sum to which each contributes one.
//!
//! It is connected with every other sum, but matters to few releases. A small combination of it says 0 of all but
//! some people, so the others make up nearly everybody: each group of connected sums has a combination that says
//! 1 of all but some of its people. Where more people than these are in no sum, or where one group cannot be made
//! whole, there is none. Otherwise each group must withstand a count of its people, and one of them a count of
//! those as well who are in no sum; then whatever combination concerns somebody concerns enough.

use std::collections::BTreeSet;

use rayon::prelude::*;
use roaring::RoaringBitmap;

use super::algebra::{Algebra, Exhausted};
use super::columns::{self, Column};
use super::sweep::Sweep;
use super::{few, own, residual};
use crate::evidence::{Evidence, Tally};
use crate::profile::Profile;

/// The published sums, the most important first, beside everybody.
pub(super) struct Beside<'c, 'a> {
    pub(super) everybody: &'a Evidence,
    pub(super) published: Vec<&'c Column<'a>>,
    pub(super) profile: &'a Profile,
    pub(super) steps: u64,
}

impl Beside<'_, '_> {
    /// The sums that must be withheld, by their place.
    pub(super) fn withheld(&self) -> BTreeSet<usize> {
        let is_the_count =
            |column: &&Column<'_>| column.evidence.contributions() == self.everybody.contributions();
        // Where the count is one of the sums, it was judged with the others.
        let asked = self.published.iter().any(|column| column.is_asked_for());
        if !asked || self.published.iter().any(is_the_count) {
            return BTreeSet::new();
        }
        let Some(missing) = self.missing(&BTreeSet::new()) else { return BTreeSet::new() };
        self.by_groups(&missing).unwrap_or_else(|Exhausted| self.until_enough_are_missing())
    }

    /// The people who contribute to no sum; none, if they are the minimum or more.
    fn missing(&self, without: &BTreeSet<usize>) -> Option<Vec<u32>> {
        let few = u64::from(self.profile.minimum_count);
        let open = || self.published.iter().enumerate().filter(|(place, _)| !without.contains(place));
        let most =
            open().fold(0_u64, |most, (_, column)| most.saturating_add(column.evidence.contributors()));
        if most.saturating_add(few) <= self.everybody.people() {
            return None;
        }
        let open: Vec<&Evidence> = open().map(|(_, column)| column.evidence).collect();
        let mut sweep = Sweep::of(std::iter::once(self.everybody).chain(open.iter().copied()));
        let mut in_none: Vec<u32> = Vec::new();
        while let Some(block) = sweep.next_block() {
            let mut missing = vec![false; block.length()];
            let mut left = 0_usize;
            for place in block.people(0) {
                missing.get_mut(place).into_iter().for_each(|missing| *missing = true);
                left = left.saturating_add(1);
            }
            for sum in 1..=open.len() {
                if left == 0 {
                    break;
                }
                for (place, _) in block.contributions(sum) {
                    if let Some(missing) = missing.get_mut(place).filter(|missing| **missing) {
                        *missing = false;
                        left = left.saturating_sub(1);
                    }
                }
            }
            let people = (block.first()..).zip(&missing).filter(|(_, missing)| **missing);
            in_none.extend(people.map(|(subject, _)| subject));
            if u64::try_from(in_none.len()).map_or(true, |missing| missing >= few) {
                return None;
            }
        }
        Some(in_none)
    }

    fn by_groups(&self, missing: &[u32]) -> Result<BTreeSet<usize>, Exhausted> {
        let mut withheld = BTreeSet::new();
        let groups = self.groups().into_par_iter().map(|group| (self.has_a_count_of_all(&group), group));
        let mut groups: Vec<(bool, Vec<usize>)> = groups.collect();
        for (is_counted, group) in &groups {
            if !is_counted && self.cannot_be_whole(group)? {
                return Ok(self.near_ones());
            }
        }
        // One group carries the count of those in no sum: the last one, whose sums are over fewest people.
        groups.sort_by_key(|(_, group)| group.iter().copied().find(|at| self.is_asked_for(*at)));
        let last = groups.len().saturating_sub(1);
        for (number, (is_counted, group)) in groups.iter().enumerate() {
            let more = if number == last { missing } else { &[] };
            if more.is_empty() && *is_counted {
                continue;
            }
            withheld.extend(self.with_a_count(group, more)?);
        }
        withheld.extend(self.near_ones());
        Ok(withheld)
    }

    /// The groups of sums that are connected by people, by place.
    fn groups(&self) -> Vec<Vec<usize>> {
        let mut groups = columns::components_of(self.published.iter().map(|column| column.evidence));
        let known: BTreeSet<usize> = groups.iter().flatten().copied().collect();
        let alone = (0..self.published.len()).filter(|place| !known.contains(place));
        groups.extend(alone.map(|place| vec![place]));
        groups
    }

    /// Whether it is known that no combination of a group, none of whose sums counts all of its people, says 1 of
    /// all but few of them.
    fn cannot_be_whole(&self, group: &[usize]) -> Result<bool, Exhausted> {
        let columns = self.columns(group);
        if let [alone] = columns.as_slice() {
            let few = u64::from(self.profile.minimum_count).saturating_sub(1);
            return Ok(alone.evidence.contributors().saturating_sub(alike(alone.evidence)) > few);
        }
        let all = self.people(group, &[]);
        let algebra = Algebra::new(columns.iter().map(|column| column.evidence), self.steps);
        let counted = counted(&all, self.profile);
        let counted: Vec<&Column<'_>> = std::iter::once(&counted).chain(columns).collect();
        let numbers = (0_u32..).zip(&counted).map(|(number, _)| number).collect();
        let minimum = u64::from(self.profile.minimum_count);
        let open = own::without_those_with_people_of_their_own(&counted, &numbers, minimum, &algebra)?;
        Ok(!open.contains(&0))
    }

    /// The sums of a group that a count of its people, and some others, does not go with.
    fn with_a_count(&self, group: &[usize], more: &[u32]) -> Result<Vec<usize>, Exhausted> {
        let columns = self.columns(group);
        let all = self.people(group, more);
        let algebra = Algebra::new(columns.iter().map(|column| column.evidence), self.steps);
        let counted = counted(&all, self.profile);
        let with: Vec<&Column<'_>> = std::iter::once(&counted).chain(columns).collect();
        let numbers = (0_u32..).zip(&with).map(|(number, _)| number).collect();
        let minimum = u64::from(self.profile.minimum_count);
        let kept = few::without_small_combinations(&with, numbers, minimum, &algebra)?;
        let withheld = group.iter().zip(1_u32..).filter(|(_, number)| !kept.contains(number));
        Ok(withheld.map(|(place, _)| *place).filter(|place| self.is_asked_for(*place)).collect())
    }

    /// New sums of nearly everybody that leave one person when a multiple of them is taken from the count.
    fn near_ones(&self) -> BTreeSet<usize> {
        let nearly = |sum: &Evidence| {
            sum.contributors().saturating_add(u64::from(self.profile.minimum_count)) > self.everybody.people()
        };
        let asked = self.published.iter().enumerate().filter(|(_, column)| column.is_asked_for());
        let near = asked.filter(|(_, column)| nearly(column.evidence)).filter(|(_, column)| {
            let algebra = Algebra::new([self.everybody, column.evidence].into_iter(), self.steps);
            residual::leave_too_little(self.everybody, column.evidence, self.profile, &algebra)
                .unwrap_or(true)
        });
        near.map(|(place, _)| place).collect()
    }

    /// What is withheld where the steps ran out: the least important sums, until the minimum of people are in
    /// none.
    fn until_enough_are_missing(&self) -> BTreeSet<usize> {
        let mut withheld = BTreeSet::new();
        for place in (0..self.published.len()).rev().filter(|place| self.is_asked_for(*place)) {
            if self.missing(&withheld).is_none() {
                break;
            }
            withheld.insert(place);
        }
        withheld
    }

    /// Whether a sum of a group counts all of its people.
    fn has_a_count_of_all(&self, group: &[usize]) -> bool {
        let columns = self.columns(group);
        let mut constant = columns.iter().filter(|column| {
            column.evidence.is_positive() && column.evidence.largest() == column.evidence.smallest()
        });
        constant.any(|count| {
            let is_counted = |subject: &u32| count.evidence.subjects().binary_search(subject).is_ok();
            columns.iter().all(|other| {
                // One of a few who is not counted nearly always shows it.
                other.evidence.has_the_people_of(count.evidence)
                    || (other.evidence.contributors() <= count.evidence.people()
                        && other.evidence.sketch().first_subjects().all(|subject| is_counted(&subject))
                        && all_are_in(other.evidence, count.evidence))
            })
        })
    }

    /// A count of the people of a group, and of some others.
    fn people(&self, group: &[usize], more: &[u32]) -> Evidence {
        let mut people: RoaringBitmap = more.iter().copied().collect();
        let columns = self.columns(group);
        for (place, column) in columns.iter().enumerate() {
            let covers = |other: &&Column<'_>| {
                other.evidence.contributors() == other.evidence.people()
                    && other.evidence.has_the_people_of(column.evidence)
            };
            if place.checked_sub(1).and_then(|before| columns.get(before)).is_some_and(covers) {
                continue;
            }
            let contributions = column.evidence.contributions().iter().filter(|(_, amount)| *amount != 0);
            people |= contributions.map(|(subject, _)| subject).collect::<RoaringBitmap>();
        }
        let everybody = self.everybody.subjects();
        // Nearly all of them stand at the place of their id.
        let is_there = |subject: &u32| {
            let place = usize::try_from(*subject).unwrap_or(usize::MAX);
            everybody.get(place) == Some(subject) || everybody.binary_search(subject).is_ok()
        };
        let mut tally = Tally::new();
        people.iter().filter(is_there).for_each(|subject| tally.add_one(subject));
        tally.freeze()
    }

    fn columns(&self, group: &[usize]) -> Vec<&Column<'_>> {
        group.iter().filter_map(|place| self.published.get(*place).copied()).collect()
    }

    fn is_asked_for(&self, place: usize) -> bool {
        self.published.get(place).is_some_and(|column| column.is_asked_for())
    }
}

/// A count as a sum that was released before.
fn counted<'e>(all: &'e Evidence, profile: &Profile) -> Column<'e> {
    Column { evidence: all, withheld: false, standing: Some(profile.minimum_count), members: Vec::new() }
}

/// Whether all who contribute to a sum are people of another.
fn all_are_in(sum: &Evidence, other: &Evidence) -> bool {
    let mut rest = other.subjects();
    let nobody_is_at_zero = sum.contributors() == sum.people();
    for (place, subject) in sum.subjects().iter().enumerate() {
        if !nobody_is_at_zero && sum.amounts().get(place) == Some(0) {
            continue;
        }
        while let [first, more @ ..] = rest
            && first < subject
        {
            rest = more;
        }
        if rest.first() != Some(subject) {
            return false;
        }
    }
    true
}

/// How many people contribute what most do, if more than half do.
fn alike(sum: &Evidence) -> u64 {
    let (mut amount, mut votes) = (0_i128, 0_u64);
    for other in sum.amounts().iter().filter(|amount| *amount != 0) {
        if votes == 0 {
            amount = other;
        }
        votes = if other == amount { votes.saturating_add(1) } else { votes.saturating_sub(1) };
    }
    u64::try_from(sum.amounts().iter().filter(|other| *other == amount && amount != 0).count()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::{Candidate, Place, STEPS, suppress};
    use super::*;
    use crate::testing::{evidence, japan, people};

    const NONE: [usize; 0] = [];

    /// Which of some sums are withheld beside a dataset of a hundred people; the first ones were released before.
    fn withheld(sums: &[Evidence], standing: usize) -> Vec<usize> {
        let (everybody, profile) = (people(0..100), japan());
        let candidate = |(number, evidence)| Candidate {
            place: Place { rank: 0, keys: 0, table: 0, statistic: number, part: 0, label: Vec::new() },
            evidence,
            withheld: false,
            standing: (number < standing).then_some(10),
        };
        let candidates: Vec<Candidate<'_>> = sums.iter().enumerate().map(candidate).collect();
        suppress(&candidates, Some(&everybody), &profile, STEPS).into_iter().collect()
    }

    #[test]
    fn a_count_of_all_but_few_is_withheld() {
        for (sum, expected) in [
            (people(0..100), vec![]),
            (people(1..100), vec![0]),
            (people(9..100), vec![0]),
            (people(10..100), vec![]),
            (evidence((3..100).map(|person| (person, 2))), vec![0]),
            (evidence((0..100).map(|person| (person, if person < 3 { 2 } else { 1 }))), vec![0]),
            (evidence((0..100).map(|person| (person, 1 + i128::from(person % 7)))), vec![]),
        ] {
            assert_eq!(withheld(&[sum], 0), expected);
        }
    }

    #[test]
    fn groups_that_are_nearly_everybody_together_lose_one() {
        assert_eq!(withheld(&[people(0..60), people(60..100)], 0), NONE);
        assert_eq!(withheld(&[people(0..60), people(63..100)], 0), [1]);
        assert_eq!(withheld(&[people(0..60), people(70..100)], 0), NONE);
        // What was released before stays.
        assert_eq!(withheld(&[people(63..100), people(0..60)], 1), [1]);
        // A condition with its complement, less one person.
        assert_eq!(withheld(&[people(0..50), people(50..99)], 0), [1]);
        // Records make a group that no combination counts.
        let records = |people: std::ops::Range<u32>| {
            evidence(people.map(|person| (person, 1 + i128::from(person % 3))))
        };
        assert_eq!(withheld(&[people(0..60), records(63..100)], 0), NONE);
    }

    #[test]
    fn sums_that_share_people_make_up_everybody_as_well() {
        // Everybody with a cover of two that overlap in known people.
        assert_eq!(withheld(&[people(0..60), people(40..99), people(40..60)], 0), [2]);
        assert_eq!(withheld(&[people(0..60), people(40..90), people(40..60)], 0), NONE);
        // Each half has a count, and one half a part of it.
        assert_eq!(withheld(&[people(0..60), people(0..30), people(60..100)], 0), NONE);
        assert_eq!(withheld(&[people(0..60), people(0..30), people(61..100)], 0).len(), 1);
    }

    #[test]
    fn past_the_limit_enough_people_are_in_no_sum() {
        let (everybody, profile) = (people(0..100), japan());
        let sums = [people(0..60), people(40..99), people(40..60)];
        let columns: Vec<Column<'_>> = sums
            .iter()
            .enumerate()
            .map(|(number, evidence)| Column {
                evidence,
                withheld: false,
                standing: None,
                members: vec![number],
            })
            .collect();
        let beside = |steps| {
            Beside { everybody: &everybody, published: columns.iter().collect(), profile: &profile, steps }
                .withheld()
        };
        assert_eq!(beside(1), [1, 2].into());
    }
}
