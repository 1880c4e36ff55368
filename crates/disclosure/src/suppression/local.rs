//! A release after many: a proof of what new sums leave secret that reads few of the earlier ones.
//!
//! *Condition 1.* Choose some of the earlier sums; they and the new ones are *near*, all others *far*. A
//! combination is a near part and a far part, and the far part is the same for people with the same far mark.
//! So what a combination says of a person who is in no far sum is the near part alone; and what it says of two with
//! the same far mark differs as their near parts do ([`said`]). These people, or pairs, stand for as many people as
//! they are: layers of them settle near parts, as in [`few`]. If nobody's near part is left undecided, every small
//! combination is one of earlier sums: a proof, whatever is far. New sums of which something is left are withheld.
//!
//! Near are first the sums over no other people than the new ones have, then also those of the
//! [core](crate::history::Ledger::is_of_the_core), whose people without a diagnosis are in no far sum, and at last
//! those that are mostly over the same people. Which are near is a choice that no verdict is less strict for.
//!
//! *Condition 2.* Two people with the same mark of all that is published, who contribute differently to a
//! secret, show that no combination is the secret ([`witnesses`]).
//!
//! *Condition 4.* The intervals are judged as ever, beside what was published of the same people ([`intervals`]).
//!
//! *Condition 3.* Sums in which nobody's contribution can be too much need no look; others are judged by
//! [`pairs`], [`totals`], [`residual`] and [`rests`], as ever; what leaves too little is withheld, and becomes a
//! secret.
//!
//! What is withheld and all the same the sum of published ones is shown ([`composed`]).
//!
//! What cannot be shown in this way is judged in full.

mod composed;
mod intervals;
mod near;
mod pairs;
mod said;
mod table;
mod witnesses;

use std::collections::{BTreeMap, BTreeSet};

use super::algebra::{Algebra, Exhausted};
use super::columns::{self, Column};
use super::{Candidate, residual, rests, totals};
use crate::evidence::{Evidence, Tally};
use crate::history::{Entry, Ledger, Status};
use crate::profile::Profile;
use crate::rules;
use near::Near;
use pairs::Pairs;

/// Where earlier sums that are connected with new ones have more contributions than this together, there is no
/// judging them in full.
const MOST_CONTRIBUTIONS_IN_FULL: u64 = 1 << 26;

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
    /// What sums leave of each other, where it is too much one or two people's.
    rests: Vec<Evidence>,
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
    let mut release = Release {
        ledger,
        profile,
        algebra: Algebra::new(columns.iter().map(|column| column.evidence), steps),
        new: asked_for,
        hidden: hidden.into_iter().filter(|evidence| evidence.contributors() >= minimum).collect(),
        withheld,
        rests: Vec::new(),
    };
    let may_be_full = release.shown().count() <= most_in_full;
    let all = release.new.clone();
    let is_hopeless =
        !may_be_full && ledger.size_of_connected(release.new_sums().into_iter()) > MOST_CONTRIBUTIONS_IN_FULL;
    let withheld = match release.decided(may_be_full) {
        Ok(Some(withheld)) => withheld,
        Ok(None) | Err(Exhausted) if is_hopeless => all,
        Ok(None) | Err(Exhausted) => return None,
    };
    let shown: Vec<&Evidence> = release.shown().map(|(_, entry)| &entry.evidence).collect();
    let judged = release
        .algebra
        .fork()
        .each(withheld.clone(), |column, algebra| composed::of_shown(column.evidence, &shown, algebra));
    let follows = judged.unwrap_or_default();
    let withheld = withheld.iter().enumerate().filter(|(place, _)| follows.get(*place) != Some(&true));
    Some(withheld.flat_map(|(_, column)| column.members.iter().copied()).collect())
}

impl<'a> Release<'a> {
    /// The new sums that are withheld to protect others; `None` if the release must be judged in full.
    fn decided(&mut self, may_be_full: bool) -> Result<Option<Vec<&'a Column<'a>>>, Exhausted> {
        let mut withheld = Vec::new();
        let mut is_decided = false;
        loop {
            let Some(concentrated) = self.concentrated()? else { return Ok(None) };
            // What is withheld leaves other rests: they are judged again.
            let more = match (concentrated.is_empty(), is_decided) {
                (true, true) => return Ok(Some(withheld)),
                (true, false) => {
                    is_decided = true;
                    self.undecided(may_be_full)?
                }
                (false, _) => {
                    is_decided = false;
                    Some(concentrated)
                }
            };
            let Some(more) = more else { return Ok(None) };
            if more.is_empty() {
                return Ok(Some(withheld));
            }
            if may_be_full {
                return Ok(None);
            }
            withheld.extend(self.withhold(&more));
        }
    }

    /// Takes new sums, by their place, from those that ask to be published.
    fn withhold(&mut self, places: &BTreeSet<usize>) -> Vec<&'a Column<'a>> {
        let taken: Vec<&Column<'_>> =
            places.iter().filter_map(|place| self.new.get(*place).copied()).collect();
        let mut place = 0..;
        self.new.retain(|_| place.next().is_none_or(|place| !places.contains(&place)));
        self.hidden.extend(taken.iter().map(|column| column.evidence));
        self.withheld.extend(&taken);
        taken
    }

    /// The new sums that are withheld to protect others, by their place.
    fn undecided(&self, may_be_full: bool) -> Result<Option<BTreeSet<usize>>, Exhausted> {
        if self.new.is_empty() {
            return Ok(Some(BTreeSet::new()));
        }
        let Some(mut withheld) = self.fewest_undecided()? else { return Ok(None) };
        for rounds in 0_usize.. {
            if !withheld.is_empty() && may_be_full {
                return Ok(None);
            }
            let narrow = intervals::too_narrow_beside(self, &withheld, rounds);
            withheld.extend(&narrow);
            let Some(missing) = witnesses::missing(self, &withheld)? else { return Ok(None) };
            withheld.extend(&missing);
            if narrow.is_empty() && missing.is_empty() {
                break;
            }
        }
        Ok(Some(withheld))
    }

    /// Condition 1: the new sums, by their place, of which something is left undecided by the choice of near sums
    /// that leaves fewest.
    fn fewest_undecided(&self) -> Result<Option<BTreeSet<usize>>, Exhausted> {
        let mut fewest: Option<BTreeSet<usize>> = None;
        for near in near::choices(self) {
            let undecided = Near::of(self, &near).undecided()?;
            let is_fewer = |undecided: &BTreeSet<usize>| {
                fewest.as_ref().is_none_or(|fewest| undecided.len() < fewest.len())
            };
            fewest = undecided.filter(is_fewer).or(fewest);
            if fewest.as_ref().is_some_and(BTreeSet::is_empty) {
                break;
            }
        }
        Ok(fewest)
    }

    /// Condition 3: the new sums, by place, that are withheld for what they leave of others, which becomes a
    /// secret; `None` where some rest cannot be told.
    fn concentrated(&mut self) -> Result<Option<BTreeSet<usize>>, Exhausted> {
        let harmless = rules::harmless_contribution(self.profile);
        let is_narrow = |sum: &Evidence| sum.is_positive() && sum.largest() <= harmless;
        let all_new_are_narrow = self.new.iter().all(|column| is_narrow(column.evidence));
        let shown: Vec<&'a Evidence> = self.shown().map(|(_, entry)| &entry.evidence).collect();
        if all_new_are_narrow && shown.iter().all(|sum| is_narrow(sum)) {
            return Ok(Some(BTreeSet::new()));
        }
        let new = self.new_sums();
        let numbered = |sums: Vec<&'a Evidence>| (0_u32..).zip(sums).collect::<Vec<(u32, &Evidence)>>();
        let all = numbered(shown.iter().chain(&new).copied().collect());
        let standing = length(shown.len());
        let mut withheld = BTreeSet::new();
        let pairs = Pairs::of(self)?;
        let ledger = self.ledger;
        let entry = |place: usize| ledger.entries().get(place).map(|entry| &entry.evidence);
        let of_earlier = pairs.with_earlier.iter().map(|(earlier, place)| (entry(*earlier), *place));
        let of_new = pairs.of_new.iter().map(|(left, place)| (new.get(*left).copied(), *place));
        for (left, place) in of_earlier.chain(of_new) {
            let both = left.into_iter().chain(new.get(place).copied()).collect();
            let Some(rest) = rest(&numbered(both), 0, &[1]) else { return Ok(None) };
            self.rests.push(rest);
            withheld.insert(place);
        }
        for found in totals::concentrated_rests(&all, standing, self.profile, &self.algebra)? {
            let last =
                found.parts.iter().chain([&found.total]).max().and_then(|last| last.checked_sub(standing));
            withheld.extend(last.map(at));
            let Some(rest) = rest(&all, found.total, &found.parts) else { return Ok(None) };
            self.rests.push(rest);
        }
        let residual = residual::without_concentrated(&all, standing, self.profile, &self.algebra)?;
        withheld.extend(residual.iter().filter_map(|number| number.checked_sub(standing)).map(at));
        let largest = rests::LARGEST_SUM.saturating_sub(1);
        if harmless > 0 && self.ledger.all_are_plain_with(&new, largest) {
            return Ok(Some(withheld));
        }
        // Where there are no such rests, fewer sums leave none either that is not looked at.
        let open = all.iter().filter(|(number, _)| {
            number.checked_sub(standing).is_none_or(|place| !withheld.contains(&at(place)))
        });
        let open: Vec<(u32, &Evidence)> = open.copied().collect();
        Ok(rests::are_spread(&open, self.profile, &self.algebra)?.then_some(withheld))
    }

    /// The new sums.
    fn new_sums(&self) -> Vec<&'a Evidence> {
        self.new.iter().map(|column| column.evidence).collect()
    }

    /// The earlier sums that were published, with their places in the ledger.
    fn shown(&self) -> impl Iterator<Item = (usize, &'a Entry)> {
        let entries = self.ledger.entries().iter().enumerate();
        entries.filter(|(_, entry)| matches!(entry.status, Status::Shown(_)))
    }
}

/// What parts leave of a total; `None` if it has no exact form.
fn rest(sums: &[(u32, &Evidence)], total: u32, parts: &[u32]) -> Option<Evidence> {
    let of = |number: u32| sums.get(at(number)).map(|(_, sum)| *sum);
    let mut left = Tally::new();
    let mut people: BTreeMap<u32, i128> = of(total)?.contributions().iter().collect();
    for part in parts {
        for (subject, amount) in of(*part)?.contributions().iter() {
            let rest = people.entry(subject).or_insert(0);
            *rest = rest.checked_sub(amount)?;
        }
    }
    people
        .into_iter()
        .filter(|(_, amount)| *amount != 0)
        .for_each(|(subject, amount)| left.add(subject, amount, []));
    Some(left.freeze())
}

fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A dense id as an index.
fn at(subject: u32) -> usize {
    usize::try_from(subject).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
