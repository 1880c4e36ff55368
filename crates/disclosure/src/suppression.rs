//! What must be withheld as well, so that the published numbers give no withheld one away.
//!
//! A sum over people is a vector: each person's contribution. Whoever has the published sums has every
//! linear combination of them, whatever table or statistic they stand in and whatever they are sums of;
//! a table's margins, a FILTER next to its total, two overlapping groups and a mean's hidden count are
//! all the same case. So what is published of a release must satisfy three conditions:
//!
//! 1. no combination concerns 1 … minimum_count − 1 people, whatever its coefficients ([`few`]). This
//!    covers every withheld small cell, every small rest of a total and every small difference;
//! 2. no withheld number is a combination ([`span`]): the dominated ones and those of a small branch;
//! 3. no difference of two published numbers, and no rest that the published numbers leave of each
//!    other, is dominated ([`difference`], [`rests`], [`people`]), nor what is left of one by multiples of
//!    others that it is nearly proportional to ([`residual`]);
//! 4. what the published numbers say of a withheld one leaves it open far enough ([`interval`]).
//!
//! Sums that share no person protect each other: any combination of them contains each one whole or
//! not at all, and a union of sums that satisfy the rules satisfies them. So only groups of
//! sums that are connected by people are looked at, each by itself, and most tables have none.
//!
//! Sums that were released before stand: they can no more be withheld, so they go first, and whatever
//! would give something away together with them is withheld instead. What already follows from them
//! alone is not asked again. Where many stand, [`local`] proves a release harmless from few of them.
//!
//! Important sums go first: those of the first statement, then totals and coarser groups, then what the analyst
//! named first. How many people a
//! sum is over does not count: the choice between two groups would tell which is the larger. The outcome
//! depends on places and contributions, never on the order of rows; limits are in steps, never in seconds. Past the
//! limit a family of sums without a person in common is published and the rest withheld.

mod algebra;
mod alike;
mod columns;
mod crowd;
mod difference;
mod echelon;
mod everybody;
mod few;
mod field;
mod interval;
mod local;
#[cfg(test)]
mod oracle;
mod own;
mod people;
mod related;
mod residual;
mod rests;
mod search;
mod span;
mod sweep;
#[cfg(test)]
mod tests;
mod totals;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use roaring::RoaringBitmap;

use crate::evidence::Evidence;
use crate::profile::Profile;
use algebra::{Algebra, Exhausted};
use columns::Column;
use everybody::Beside;
use interval::Audit;
pub(crate) use local::suppress as suppress_after;
use people::Class;
pub(crate) use people::common_divisor;
pub(crate) use related::Beside as BesideEarlier;
pub(crate) use residual::few_stand_out;
#[cfg(test)]
pub(crate) use tests::rank;

/// Most steps (entries of vectors touched) for one connected group of sums, about ten seconds.
pub(crate) const STEPS: u64 = 1 << 30;

/// A sum that asks to be published, is withheld already, or was published before.
#[derive(Clone)]
pub(crate) struct Candidate<'a> {
    /// Where it stands, to settle ties.
    pub(crate) place: Place,
    /// Who contributes what.
    pub(crate) evidence: &'a Evidence,
    /// Whether a rule withholds it for itself: then it must not be derivable.
    pub(crate) withheld: bool,
    /// The `minimum_count` that it was released under before, if it was.
    pub(crate) standing: Option<u32>,
}

/// Where a sum stands in the release. Places are ordered by the statement, then by how coarse the group is, then by
/// what the analyst named first; the group's label stands for its row, since the order of rows means nothing.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Place {
    /// The rank of the statement: 0 is the most important one.
    pub(crate) rank: usize,
    /// How many keys divide the group.
    pub(crate) keys: usize,
    /// The table.
    pub(crate) table: usize,
    /// The statistic in it.
    pub(crate) statistic: usize,
    /// The part of the statistic.
    pub(crate) part: usize,
    /// The keys of the row, as text.
    pub(crate) label: Vec<String>,
}

/// The candidates, by number, that must be withheld to protect others. `everybody`, the people of the dataset,
/// each once, are known to all.
pub(crate) fn suppress<'a>(
    candidates: &[Candidate<'a>],
    everybody: Option<&'a Evidence>,
    profile: &'a Profile,
    steps: u64,
) -> BTreeSet<usize> {
    let secret_zeros = secret_zeros(candidates);
    let columns = columns::columns(candidates, secret_zeros);
    let components = columns::components(&columns);
    let withheld = components.par_iter().flat_map_iter(|component| {
        let component: Vec<&Column<'_>> = component.iter().filter_map(|index| columns.get(*index)).collect();
        withheld_in(&component, profile, secret_zeros, steps)
    });
    let mut suppressed: BTreeSet<usize> = withheld.collect();
    let Some(everybody) = everybody else { return suppressed };
    let is_shown = |column: &&Column<'_>| {
        let asked = column.is_asked_for() && column.members.iter().all(|member| !suppressed.contains(member));
        asked || column.standing.is_some()
    };
    let published: Vec<&Column<'_>> = columns.iter().filter(is_shown).collect();
    let withheld = Beside { everybody, published: published.clone(), profile, steps }.withheld();
    let withheld = withheld.iter().filter_map(|place| published.get(*place));
    suppressed.extend(withheld.flat_map(|column| &column.members));
    suppressed
}

/// The candidates that must be withheld in one group of connected sums.
fn withheld_in(component: &[&Column<'_>], profile: &Profile, secret_zeros: bool, steps: u64) -> Vec<usize> {
    if !component.iter().any(|column| column.is_asked_for()) {
        return Vec::new();
    }
    let published = Component { columns: component, profile, secret_zeros }
        .published(steps)
        .unwrap_or_else(|Exhausted| without_a_person_in_common(component));
    let numbered = (0_u32..).zip(component);
    let withheld = numbered.filter(|(number, column)| column.is_asked_for() && !published.contains(number));
    withheld.flat_map(|(_, column)| column.members.iter().copied()).collect()
}

/// Whether a number over nobody is withheld: then "this combination is zero" is a secret as well.
fn secret_zeros(candidates: &[Candidate<'_>]) -> bool {
    candidates.iter().any(|candidate| candidate.withheld && candidate.evidence.people() == 0)
}

/// Sums that are connected by people, in order of importance. A sum's number is its place here.
struct Component<'a> {
    columns: &'a [&'a Column<'a>],
    profile: &'a Profile,
    secret_zeros: bool,
}

impl Component<'_> {
    /// The numbers of the sums that may be published.
    fn published(&self, steps: u64) -> Result<BTreeSet<u32>, Exhausted> {
        let asked: BTreeSet<u32> = self.numbers(|column| !column.withheld).collect();
        let large = || self.without_small_combinations(asked.clone(), steps);
        let (mut open, mut early) = if asked.len() == self.columns.len() {
            // Where no rule withholds anything, the first condition nearly always holds as well.
            let (open, early) = rayon::join(large, || self.underivable(asked.clone(), &self.algebra(steps)));
            let open = open?;
            let early = Some(early).filter(|_| open == asked);
            (open, early)
        } else {
            (large()?, None)
        };
        let mut rounds = 0_usize;
        loop {
            // With fewer sums there are fewer combinations: the first condition holds for all that is open.
            let published = match early.take() {
                Some(early) => early?,
                None => self.underivable(open, &self.algebra(steps))?,
            };
            let (columns, standing, profile) = (self.columns, self.standing(), self.profile);
            let narrow = Audit { columns, published: &published, standing, profile }.withheld(rounds);
            if narrow.is_empty() {
                return Ok(published);
            }
            open = published.difference(&narrow).copied().collect();
            rounds = rounds.saturating_add(1);
        }
    }

    /// The numbers, among those that are open, without those that are in small combinations.
    fn without_small_combinations(
        &self,
        mut open: BTreeSet<u32>,
        steps: u64,
    ) -> Result<BTreeSet<u32>, Exhausted> {
        let algebra = self.algebra(steps);
        for minimum in self.minimums() {
            open = few::without_small_combinations(self.columns, open, minimum, &algebra)?;
        }
        Ok(open)
    }

    fn algebra(&self, steps: u64) -> Algebra {
        let asked = self.columns.iter().filter(|column| column.standing.is_none());
        Algebra::new(asked.map(|column| column.evidence), steps)
    }

    /// The numbers, among those that are open, of the sums that give no other one away.
    fn underivable(&self, open: BTreeSet<u32>, algebra: &Algebra) -> Result<BTreeSet<u32>, Exhausted> {
        let mut published = open;
        let standing = self.standing();
        let (shown, profile) = (self.shown(&published), self.profile);
        let [first, second] = [algebra.fork(), algebra.fork()];
        let (left, rests) = rayon::join(
            move || residual::without_concentrated(&shown, standing, profile, &first),
            || self.rests(&published, second),
        );
        let left = left?;
        published.retain(|number| !left.contains(number));
        // Fewer people than the minimum are covered by the first condition.
        let minimum = u64::from(self.profile.minimum_count);
        let large = |column: &Column<'_>| column.evidence.contributors() >= minimum;
        let hidden: Vec<u32> = self.numbers(large).filter(|number| !published.contains(number)).collect();
        // Where nothing is left out, these are the rests.
        let rests = if left.is_empty() { rests? } else { self.rests(&published, algebra.fork())? };
        if hidden.is_empty() && rests.are_none() && !self.secret_zeros {
            return Ok(published);
        }
        let classes = people::classes(self.columns, algebra)?;
        let mut secrets: Vec<Secret> =
            hidden.into_iter().map(|number| Secret::of_column(number, &classes)).collect();
        let (mut rests, mut before) = (rests, usize::MAX);
        // What is withheld leaves other rests: they are judged again.
        while published.len() < before {
            before = published.len();
            secrets.extend(self.secrets(&rests, &published, &classes, algebra)?);
            span::without_secrets(&classes, &mut published, standing, &mut secrets, algebra)?;
            if published.len() < before {
                rests = self.rests(&published, algebra.fork())?;
            }
        }
        if self.secret_zeros {
            span::without_relations(&classes, &mut published, standing, algebra)?;
        }
        Ok(published)
    }

    /// What the published sums leave of each other, as far as it is too much one or two people's.
    fn rests(&self, published: &BTreeSet<u32>, algebra: Algebra) -> Result<Rests, Exhausted> {
        let (shown, standing, profile) = (self.shown(published), self.standing(), self.profile);
        let shown = shown.as_slice();
        let [first, second, third] = [algebra.fork(), algebra.fork(), algebra];
        let (differences, (totals, are_spread)) = rayon::join(
            move || difference::concentrated_ones(shown, standing, profile, &first),
            || {
                rayon::join(
                    move || totals::concentrated_rests(shown, standing, profile, &second),
                    move || rests::are_spread(shown, profile, &third),
                )
            },
        );
        Ok(Rests { differences: differences?, totals: totals?, are_spread: are_spread? })
    }

    /// What of rests must not follow from the published sums.
    fn secrets(
        &self,
        rests: &Rests,
        published: &BTreeSet<u32>,
        classes: &[Class],
        algebra: &Algebra,
    ) -> Result<Vec<Secret>, Exhausted> {
        let mut secrets = if rests.are_spread {
            Vec::new()
        } else {
            people::concentrated_rests(classes, published, self.profile, algebra)?
        };
        let of_differences = rests.differences.iter();
        secrets
            .extend(of_differences.map(|(left, right)| Secret::of_rest(*left, &[*right], classes, algebra)));
        let of_totals = rests.totals.iter();
        secrets.extend(of_totals.map(|rest| Secret::of_rest(rest.total, &rest.parts, classes, algebra)));
        Ok(secrets)
    }

    /// The published sums.
    fn shown(&self, published: &BTreeSet<u32>) -> Vec<(u32, &Evidence)> {
        let columns = (0_u32..).zip(self.columns);
        let shown = columns.filter(|(number, _)| published.contains(number));
        shown.map(|(number, column)| (number, column.evidence)).collect()
    }

    /// How many sums were released before; they have the first numbers.
    fn standing(&self) -> u32 {
        let standing = self.columns.iter().filter(|column| column.standing.is_some()).count();
        u32::try_from(standing).unwrap_or(u32::MAX)
    }

    /// The smallest numbers of people that a combination may concern: that of the profile, and below it those
    /// that released sums were held to. A combination of these alone cannot be taken back, and must not hide
    /// a smaller one of which a new sum is part.
    fn minimums(&self) -> impl Iterator<Item = u64> {
        let minimum = self.profile.minimum_count;
        let standing = self.columns.iter().filter_map(|column| column.standing);
        let lower: BTreeSet<u32> = standing.filter(|standing| *standing < minimum).collect();
        std::iter::once(minimum).chain(lower.into_iter().rev()).map(u64::from)
    }

    fn numbers(&self, which: impl Fn(&Column<'_>) -> bool) -> impl Iterator<Item = u32> {
        (0_u32..).zip(self.columns).filter(move |(_, column)| which(column)).map(|(number, _)| number)
    }
}

/// What published sums leave.
struct Rests {
    /// The pairs whose difference is too much one or two people's.
    differences: Vec<(u32, u32)>,
    /// The totals of which parts leave too little.
    totals: Vec<totals::Rest>,
    /// Whether it is known that the people whom no sum tells apart leave no such rest.
    are_spread: bool,
}

impl Rests {
    fn are_none(&self) -> bool {
        self.differences.is_empty() && self.totals.is_empty() && self.are_spread
    }
}

/// A vector over people that must not be a combination of the published ones.
///
/// INVARIANT: no entry is zero.
struct Secret {
    /// The class of people, and what each contributes in units of the class's own scale.
    entries: BTreeMap<usize, u64>,
}

impl Secret {
    fn of_column(number: u32, classes: &[Class]) -> Self {
        let entries =
            classes.iter().enumerate().filter_map(|(class, people)| Some((class, people.entry(number)?)));
        Self { entries: entries.collect() }
    }

    /// A sum less some others.
    fn of_rest(total: u32, parts: &[u32], classes: &[Class], algebra: &Algebra) -> Self {
        let entry = |people: &Class| {
            let of = |number: &u32| people.entry(*number).unwrap_or(0);
            let rest = parts.iter().map(of).fold(of(&total), |rest, part| algebra.field.subtract(rest, part));
            Some(rest).filter(|value| *value != 0)
        };
        let entries = classes.iter().enumerate().filter_map(|(class, people)| Some((class, entry(people)?)));
        Self { entries: entries.collect() }
    }
}

/// What is published where the steps ran out: the most important sums that share no person with each
/// other, nor with a withheld one, nor with one that was released before.
fn without_a_person_in_common(component: &[&Column<'_>]) -> BTreeSet<u32> {
    let bitmap = |evidence: &Evidence| evidence.subjects().iter().copied().collect::<RoaringBitmap>();
    let mut taken = RoaringBitmap::new();
    for column in component.iter().filter(|column| !column.is_asked_for()) {
        taken |= bitmap(column.evidence);
    }
    let mut published = BTreeSet::new();
    for (number, column) in (0_u32..).zip(component).filter(|(_, column)| column.is_asked_for()) {
        let people = bitmap(column.evidence);
        if taken.is_disjoint(&people) {
            published.insert(number);
            taken |= people;
        }
    }
    published
}
