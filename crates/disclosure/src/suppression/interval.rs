//! Condition 4: what the published sums say of a withheld one leaves it open far enough.
//!
//! A number that is no combination of others is still bounded by them, since nobody counts less than zero: two
//! blanks that make up 11 are between 0 and 11. So for each sum that a rule withholds it is computed how small and
//! how large it could be if all that is published were the same. A count of fewer people than the minimum must be
//! possible from 1 to one less than the minimum; a larger one must be open as wide as that; a sum that the rules for
//! sums withhold must be possible from `minimum_interval` less to as much more.
//!
//! *Worlds.* What is varied is how many people there are of each [kind](kinds): nobody is in other groups than
//! somebody is, nor contributes what nobody does. Whoever attacks knows no more than that, so every such world with
//! the same published sums is one that they cannot rule out, and an interval that is wide enough here is so for
//! them. Only kinds that are not fixed by what is published matter, region by region ([`regions`]).
//!
//! *Certificates.* From the world as it is, a walk goes through such worlds ([`walk`]) and notes how far every
//! withheld sum comes; each world that it meets proves something of all of them. A few walks in directions that are
//! drawn settle most sums, and the rest has walks of its own. A walk that goes astray proves nothing, so a mistake
//! in it withholds more, never less.
//!
//! *Repair.* Where a sum is not shown to be open, the least important of the published sums that hold it is
//! withheld, and all conditions are judged again. Past the limits, which are steps and rounds, every sum goes that
//! is connected with it and was not published before. What was too narrow by earlier releases alone is not asked again.

mod kinds;
mod regions;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeSet;

use super::algebra::{Algebra, Exhausted};
use super::columns::Column;
use crate::evidence::double;
use crate::profile::Profile;
use crate::rules::{self, Reason};
use regions::Region;

/// Sums with more contributions than these together are not audited: of a table of millions of people the walks take
/// longer than all other judgements. What follows exactly, and rests, are judged of any number.
const MOST_CONTRIBUTIONS: u64 = 1 << 15;

/// Most steps (entries of rows that are read) of one audit, less than a second.
const STEPS: u64 = 1 << 28;

/// So many pairs of walks go in directions that are drawn for all withheld sums of a region together.
const SHARED_WALKS: u32 = 4;

/// In so many rounds one sum after the other is withheld; then all that are connected go.
const MOST_ROUNDS: usize = 12;

/// How far from what is demanded is as good as there, as a part of it: a walk comes near to a limit, never to it.
const NEARLY: f64 = 1e-3;

/// How far a withheld sum must be open, as changes of what it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Demand {
    /// From this much less (negative) to this much more.
    Ends { less: f64, more: f64 },
    /// So wide, whatever the ends.
    Width(f64),
}

/// A withheld sum, and what walks have shown of it.
struct Secret {
    /// The number of its column.
    number: u32,
    demand: Demand,
    /// The largest changes, down and up, of worlds that cannot be ruled out.
    seen: (f64, f64),
    /// What everybody contributes together, without sign: one unit of accuracy.
    size: f64,
}

/// The published sums, beside what is withheld for itself; numbers are places.
pub(super) struct Audit<'c, 'a> {
    pub(super) columns: &'c [&'c Column<'a>],
    /// The sums that are published, or were.
    pub(super) published: &'c BTreeSet<u32>,
    /// The first numbers were published before, and stay.
    pub(super) standing: u32,
    pub(super) profile: &'a Profile,
}

impl Audit<'_, '_> {
    /// The sums that must be withheld, after so many rounds, for others to be open far enough; none, if all are.
    pub(super) fn withheld(&self, rounds: usize) -> BTreeSet<u32> {
        let people = self.columns.iter().map(|column| column.evidence.people());
        if people.fold(0, u64::saturating_add) > MOST_CONTRIBUTIONS {
            return BTreeSet::new();
        }
        let secrets: BTreeSet<u32> = self.secrets().map(|secret| secret.number).collect();
        if secrets.is_empty() || self.published.range(self.standing..).next().is_none() {
            return BTreeSet::new();
        }
        // What is new goes, where it cannot be told.
        let new = || self.published.range(self.standing..).copied().collect();
        self.repaired(&secrets, rounds).unwrap_or_else(|Exhausted| new())
    }

    fn repaired(&self, secrets: &BTreeSet<u32>, rounds: usize) -> Result<BTreeSet<u32>, Exhausted> {
        let regions = self.regions_that_are_too_narrow(secrets, self.published)?;
        let narrow = regions.iter().flat_map(Region::narrow).map(|secret| secret.number);
        let mut narrow: BTreeSet<u32> = narrow.collect();
        if narrow.is_empty() {
            return Ok(narrow);
        }
        let before: BTreeSet<u32> = self.published.range(..self.standing).copied().collect();
        if !before.is_empty() {
            for region in self.regions_that_are_too_narrow(&narrow, &before)? {
                region.narrow().for_each(|secret| {
                    narrow.remove(&secret.number);
                });
            }
        }
        let mut withheld = BTreeSet::new();
        for region in &regions {
            let open: Vec<u32> = region
                .narrow()
                .map(|secret| secret.number)
                .filter(|number| narrow.contains(number))
                .collect();
            if rounds >= MOST_ROUNDS && !open.is_empty() {
                withheld.extend(region.numbers().filter(|number| *number >= self.standing));
                continue;
            }
            for number in open {
                let held_by = region.held_by(number, self.standing);
                // One that shares a sum with another may be open without it: look again.
                if held_by.is_disjoint(&withheld) {
                    withheld.extend(held_by.last());
                }
            }
        }
        Ok(withheld)
    }

    /// The regions in which some of these secrets are not shown to be open far enough beside some sums.
    fn regions_that_are_too_narrow(
        &self,
        secrets: &BTreeSet<u32>,
        published: &BTreeSet<u32>,
    ) -> Result<Vec<Region>, Exhausted> {
        let is_read = |number: &u32| published.contains(number) || secrets.contains(number);
        let columns = (0_u32..).zip(self.columns.iter().copied());
        let read: Vec<(u32, &Column<'_>)> = columns.filter(|(number, _)| is_read(number)).collect();
        let algebra = Algebra::new(read.iter().map(|(_, column)| column.evidence), STEPS);
        let kinds = kinds::thinned(kinds::kinds(&read, &algebra)?, |number| secrets.contains(&number));
        let secrets = self.secrets().filter(|secret| secrets.contains(&secret.number)).collect();
        let mut narrow = Vec::new();
        for mut region in regions::regions(&kinds, published, secrets) {
            walk::explore(&mut region, &algebra)?;
            if region.narrow().next().is_some() {
                narrow.push(region);
            }
        }
        Ok(narrow)
    }

    /// What a rule withholds for itself, and what is demanded of it.
    fn secrets(&self) -> impl Iterator<Item = Secret> {
        let withheld = (0_u32..).zip(self.columns).filter(|(_, column)| column.withheld);
        withheld.filter_map(|(number, column)| Secret::of(number, column, self.profile))
    }
}

impl Secret {
    /// Nothing is demanded of a sum without an exact form, which says nothing, of one that is withheld for what
    /// follows from it with others (squares, for their deviations), or for its crowd (that its number of people bounds
    /// it is no secret), nor by a profile without the rule.
    fn of(number: u32, column: &Column<'_>, profile: &Profile) -> Option<Self> {
        let evidence = column.evidence;
        let size = double(i128::try_from(evidence.absolute()?).ok()?);
        if profile.minimum_interval == 0 || evidence.contributors() == 0 {
            return None;
        }
        let minimum = f64::from(profile.minimum_count);
        let each = double(i128::try_from(evidence.largest()).ok()?);
        let is_count = evidence.is_positive() && evidence.largest() == evidence.smallest();
        let demand = if is_count && evidence.contributors() < u64::from(profile.minimum_count) {
            Demand::Ends { less: each - size, more: each * (minimum - 1.0) - size }
        } else if is_count {
            Demand::Width(each * (minimum - 2.0))
        } else if rules::judge_part(evidence, false, profile).iter().all(|reason| *reason == Reason::Crowd) {
            return None;
        } else {
            let part = double(evidence.total()?).abs() * f64::from(profile.minimum_interval) / 1000.0;
            Demand::Ends { less: -part, more: part }
        };
        Some(Self { number, demand, seen: (0.0, 0.0), size })
    }

    /// Notes a world in which it is this much more.
    fn note(&mut self, change: f64) {
        self.seen = (self.seen.0.min(change), self.seen.1.max(change));
    }

    /// Whether it is still to be shown that it may be less, and that it may be more.
    fn open_ends(&self) -> (bool, bool) {
        let (less, more) = self.seen;
        match self.demand {
            Demand::Ends { less: least, more: most } => {
                let nearly = NEARLY * (most - least);
                (less > least + nearly, more < most - nearly)
            }
            Demand::Width(width) => {
                let narrow = more - less < width * (1.0 - NEARLY);
                (narrow, narrow)
            }
        }
    }

    fn is_narrow(&self) -> bool {
        let (less, more) = self.open_ends();
        less || more
    }
}
