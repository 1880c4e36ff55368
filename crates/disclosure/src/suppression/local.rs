//! A release after many: a proof of what new sums leave secret that reads few of the earlier ones.
//!
//! *Condition 1.* Choose some of the earlier sums; they and the new ones are *near*, all others *far*. A
//! combination is a near part and a far part, and the far part is the same for people with the same far mark.
//! So what a combination says of a person who is in no far sum is the near part alone; and where a person who is
//! in near sums has a partner in none of them with the same far mark, what it says of the two differs by the near
//! part. These people, or pairs, stand for as many people as they are: layers of them settle near parts, as in
//! [`few`]. If nobody's near part is left undecided, every small combination is one of earlier sums: a proof,
//! whatever is far. New sums of which something is left are withheld.
//!
//! Near are first the sums over no other people than the new ones have, then also those of the
//! [core](crate::history::Ledger::is_of_the_core), whose people without a diagnosis are in no far sum.
//!
//! *Condition 2.* Two people with the same mark of all that is published, who contribute differently to a
//! secret, show that no combination is the secret ([`witnesses`]).
//!
//! *Condition 4.* The intervals are judged as ever, beside what was published of the same people ([`intervals`]).
//!
//! *Condition 3.* Sums in which nobody's contribution can be too much need no look; others are judged by
//! [`difference`], [`totals`], [`residual`] and [`rests`], as ever.
//!
//! What cannot be shown in this way is judged in full.

mod intervals;
mod near;
mod table;
mod witnesses;

use std::collections::BTreeSet;

use super::algebra::{Algebra, Exhausted};
use super::columns::{self, Column};
use super::{Candidate, difference, residual, rests, totals};
use crate::evidence::Evidence;
use crate::history::{Entry, Ledger, Status};
use crate::profile::Profile;
use crate::rules;
use near::Near;

/// What one verdict is about.
struct Release<'a> {
    ledger: &'a Ledger,
    profile: &'a Profile,
    algebra: Algebra,
    /// The sums that ask to be published and were not before, the most important first.
    new: Vec<&'a Column<'a>>,
    /// Numbers that the release withholds, of the minimum of people or more.
    hidden: Vec<&'a Evidence>,
    /// What the release withholds for itself, of however few people.
    withheld: Vec<&'a Column<'a>>,
}

/// The candidates, by number, that are withheld to protect others; `None` if the release must be judged in full.
///
/// With more than `most_in_full` earlier sums, new ones are withheld of which it cannot be shown that they are
/// harmless; with fewer, a full judgement may show it.
pub(crate) fn suppress(
    asked: &[Candidate<'_>],
    ledger: &Ledger,
    profile: &Profile,
    most_in_full: usize,
    steps: u64,
) -> Option<BTreeSet<usize>> {
    let zeros = |entry: &Entry| entry.status == Status::Secret && entry.evidence.people() == 0;
    if super::secret_zeros(asked) || ledger.entries().iter().any(zeros) {
        return None;
    }
    let columns = columns::columns(asked, false);
    let is_new = |column: &&Column<'_>| !matches!(ledger.status(column.evidence), Some(Status::Shown(_)));
    let (asked_for, withheld): (Vec<&Column<'_>>, Vec<&Column<'_>>) =
        columns.iter().filter(is_new).partition(|column| column.is_asked_for());
    let minimum = u64::from(profile.minimum_count);
    let hidden: Vec<&Evidence> = withheld.iter().map(|column| column.evidence).collect();
    let release = Release {
        ledger,
        profile,
        algebra: Algebra::new(columns.iter().map(|column| column.evidence), steps),
        new: asked_for,
        hidden: hidden.into_iter().filter(|evidence| evidence.contributors() >= minimum).collect(),
        withheld,
    };
    let withheld = release.withheld(most_in_full).ok().flatten()?;
    let columns = withheld.iter().filter_map(|number| release.new.get(*number));
    Some(columns.flat_map(|column| column.members.iter().copied()).collect())
}

impl<'a> Release<'a> {
    /// The new sums that are withheld to protect others, by their place.
    fn withheld(&self, most_in_full: usize) -> Result<Option<BTreeSet<usize>>, Exhausted> {
        if self.new.is_empty() {
            return Ok(Some(BTreeSet::new()));
        }
        if !self.differences_are_spread()? {
            return Ok(None);
        }
        let mut withheld = Near::inside(self).undecided()?;
        if withheld.as_ref().is_none_or(|withheld| !withheld.is_empty()) {
            let with_core = Near::with_the_core(self).undecided()?;
            let fewer = |first: BTreeSet<usize>, other: BTreeSet<usize>| {
                if other.len() < first.len() { other } else { first }
            };
            withheld = match (withheld, with_core) {
                (Some(first), Some(other)) => Some(fewer(first, other)),
                (first, other) => first.or(other),
            };
        }
        let Some(mut withheld) = withheld else { return Ok(None) };
        for rounds in 0_usize.. {
            if !withheld.is_empty() && self.shown().count() <= most_in_full {
                return Ok(None);
            }
            let narrow = intervals::too_narrow_beside(self, &withheld, rounds);
            if narrow.is_empty() {
                break;
            }
            withheld.extend(narrow);
        }
        Ok(witnesses::all_have_one(self, &withheld)?.then_some(withheld))
    }

    /// Condition 3, for everything that was published and that asks to be.
    fn differences_are_spread(&self) -> Result<bool, Exhausted> {
        let harmless = rules::harmless_contribution(self.profile);
        let is_narrow = |sum: &Evidence| sum.is_positive() && sum.largest() <= harmless;
        let all_new_are_narrow = self.new.iter().all(|column| is_narrow(column.evidence));
        let new = || self.new.iter().map(|column| column.evidence);
        let wide = self.shown().map(|(_, entry)| &entry.evidence).filter(|sum| !is_narrow(sum));
        if all_new_are_narrow && self.shown().all(|(_, entry)| is_narrow(&entry.evidence)) {
            return Ok(true);
        }
        let numbered = |sums: Vec<&'a Evidence>| (0_u32..).zip(sums).collect::<Vec<(u32, &Evidence)>>();
        let all = numbered(self.shown().map(|(_, entry)| &entry.evidence).chain(new()).collect());
        let standing = u32::try_from(self.shown().count()).unwrap_or(u32::MAX);
        // Narrow sums do no harm to each other.
        let (pairs, before) = if all_new_are_narrow {
            let wide: Vec<&Evidence> = wide.collect();
            let before = u32::try_from(wide.len()).unwrap_or(u32::MAX);
            (numbered(wide.into_iter().chain(new()).collect()), before)
        } else {
            (all.clone(), standing)
        };
        Ok(difference::concentrated_ones(&pairs, before, self.profile, &self.algebra)?.is_empty()
            && totals::concentrated_rests(&all, standing, self.profile, &self.algebra)?.is_empty()
            && residual::without_concentrated(&all, standing, self.profile, &self.algebra)?.is_empty()
            && rests::are_spread(&all, self.profile, &self.algebra)?)
    }

    /// The earlier sums that were published, with their places in the ledger.
    fn shown(&self) -> impl Iterator<Item = (usize, &'a Entry)> {
        let entries = self.ledger.entries().iter().enumerate();
        entries.filter(|(_, entry)| matches!(entry.status, Status::Shown(_)))
    }
}

/// A dense id as an index.
fn at(subject: u32) -> usize {
    usize::try_from(subject).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
