//! Condition 3, for sums that are nearly proportional: whether one or two people are too much of what is left of
//! a sum when a multiple of another one is taken away, or multiples of several over different people.
//!
//! `SUM(x)` beside `SUM(x / 3)` over everybody but one person is that person's amount. In exact arithmetic the
//! two are independent, because each x / 3 is rounded: the combination concerns everybody, a little. So a rest
//! is judged here by how large it is, with the factor that fits most people: the median of the quotients of
//! some, who are drawn by their dense id alone ([`Evidence::sketch`]), so that nobody's own amount decides it.
//!
//! A rest is only judged where the sums explain each other: where it is small for all but a few people
//! ([`CLOSE`]). What is left of a sum of bills by their mean says nothing that the mean does not. Where it is
//! very small ([`VERY_CLOSE`]), the rest of the many is noise whose signs cancel, so that the squares are judged
//! too, as for a variance; and then few people who stand out are as good as a sum over them alone.
//!
//! Doubles serve here: each operation on them is rounded as IEEE 754 says, and they are taken in the order of
//! the people, so that every machine finds the same.

mod chain;
mod factor;
mod families;
mod left;

use std::collections::{BTreeMap, BTreeSet};

use super::algebra::{Algebra, Exhausted};
use crate::evidence::{Evidence, double};
use crate::profile::Profile;
use left::{Closeness, Left};

/// All but fewer people than the minimum have at most this part of a sum left that explains another: one of so
/// many.
const CLOSE: f64 = 16.0;

/// The same, where what is left is noise.
const VERY_CLOSE: f64 = 64.0;

/// Most sums of which each is compared with each; beyond, only new ones are.
const MOST_SUMS: usize = 4096;

/// The published sums without those that leave too little of each other, beside what was released before: the
/// least important of those that leave it is withheld.
pub(super) fn without_concentrated(
    shown: &[(u32, &Evidence)],
    standing: u32,
    profile: &Profile,
    algebra: &Algebra,
) -> Result<BTreeSet<u32>, Exhausted> {
    let all = shown.len() <= MOST_SUMS;
    let looked_at = shown.iter().filter(|(number, _)| all || *number >= standing);
    let sums: Vec<Sum<'_>> = looked_at.map(|(number, evidence)| Sum::of(*number, evidence)).collect();
    let mut withheld = BTreeSet::new();
    if sums.iter().all(|sum| sum.constant) {
        return Ok(withheld);
    }
    let everything: Vec<&Sum<'_>> = sums.iter().collect();
    let [first, second] = [algebra.fork(), algebra.fork()];
    let (pairs, chain) = rayon::join(|| concentrated_pairs(&sums, standing, profile, first), {
        let everything = everything.as_slice();
        move || chain::concentrated(everything, standing, profile, &second)
    });
    for (left, right) in pairs? {
        if !withheld.contains(&left) && !withheld.contains(&right) {
            withheld.insert(left.max(right));
        }
    }
    // Where no pair is withheld, that was all.
    let mut chain = Some(chain).filter(|_| withheld.is_empty());
    loop {
        let found = match chain.take() {
            Some(found) => found?,
            None => {
                let open: Vec<&Sum<'_>> = sums.iter().filter(|sum| !withheld.contains(&sum.number)).collect();
                chain::concentrated(&open, standing, profile, algebra)?
            }
        };
        match found {
            Some(number) => withheld.insert(number),
            None => return Ok(withheld),
        };
    }
}

/// The pairs of sums that leave too little of each other, by number.
fn concentrated_pairs(
    sums: &[Sum<'_>],
    standing: u32,
    profile: &Profile,
    algebra: Algebra,
) -> Result<Vec<(u32, u32)>, Exhausted> {
    let pairs = close_pairs(sums, standing, &algebra)?;
    let judged = algebra.each(pairs, |(left, right), algebra| {
        let concentrated = concentrated_beside(left, right, profile, algebra)?;
        Ok(concentrated.then_some((left.number, right.number)))
    })?;
    Ok(judged.into_iter().flatten().collect())
}

/// Whether what two sums leave of each other is one or two people's.
pub(super) fn leave_too_little(
    left: &Evidence,
    right: &Evidence,
    profile: &Profile,
    algebra: &Algebra,
) -> Result<bool, Exhausted> {
    concentrated_beside(&Sum::of(0, left), &Sum::of(1, right), profile, algebra)
}

/// Whether one or two people, or few, are most of what is left of a sum by what people usually contribute to it.
/// What they contribute once each is a count, and judged as such where it is published. Of people who are `chosen`
/// by what they contribute, what is left of the many cancels, as noise does.
pub(crate) fn few_stand_out(sum: &Evidence, chosen: bool, profile: &Profile) -> bool {
    let drawn: Vec<(f64, f64)> = sum.sketch().subjects().map(|(_, amount)| (amount, 1.0)).collect();
    let Some(usual) = factor::factor(&drawn) else { return false };
    let amounts = || sum.amounts().iter().filter(|amount| *amount != 0).map(double);
    let mut close = Closeness::of(sum, profile.minimum_count);
    for (seen, amount) in (0_usize..).zip(amounts()) {
        close.add(amount, usual);
        if seen.is_multiple_of(64) && close.is_too_much() {
            return false;
        }
    }
    let count = usual.total_cmp(&1.0).is_eq() && close.is_exact();
    if close.is_too_much() || count {
        return false;
    }
    let mut rest = Left::of(sum, profile.minimum_count);
    amounts().for_each(|amount| rest.add(amount, usual));
    if chosen { rest.is_concentrated(profile) } else { rest.is_of_two(profile) }
}

/// A published sum.
struct Sum<'a> {
    number: u32,
    evidence: &'a Evidence,
    /// Whether everybody contributes the same.
    constant: bool,
}

impl<'a> Sum<'a> {
    fn of(number: u32, evidence: &'a Evidence) -> Self {
        let constant = evidence.is_positive() && evidence.largest() == evidence.smallest();
        Self { number, evidence, constant }
    }
}

/// The pairs of sums, one of them new, that may be mostly of the same people.
fn close_pairs<'s, 'a>(
    sums: &'s [Sum<'a>],
    standing: u32,
    algebra: &Algebra,
) -> Result<Vec<(&'s Sum<'a>, &'s Sum<'a>)>, Exhausted> {
    let mut by_person: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (place, sum) in sums.iter().enumerate() {
        for subject in sum.evidence.sketch().first_subjects() {
            by_person.entry(subject).or_default().push(place);
        }
    }
    let mut pairs = BTreeSet::new();
    for places in by_person.values() {
        for (at, left) in places.iter().enumerate() {
            algebra.spend(places.len())?;
            let new = |right: &&usize| sums.get(**right).is_some_and(|sum| sum.number >= standing);
            let right = places.iter().skip(at.saturating_add(1)).filter(new);
            pairs.extend(right.map(|right| (*left, *right)));
        }
    }
    let pairs = pairs.into_iter().filter_map(|(left, right)| Some((sums.get(left)?, sums.get(right)?)));
    let may_be_close = |(left, right): &(&Sum<'_>, &Sum<'_>)| {
        let (most, least) = (
            left.evidence.contributors().max(right.evidence.contributors()),
            left.evidence.contributors().min(right.evidence.contributors()),
        );
        left.number.max(right.number) >= standing
            && !(left.constant && right.constant)
            && least.saturating_mul(2) >= most
    };
    Ok(pairs.filter(may_be_close).collect())
}

/// Whether what is left of one of two sums by a multiple of the other is too much one or two people's.
fn concentrated_beside(
    left: &Sum<'_>,
    right: &Sum<'_>,
    profile: &Profile,
    algebra: &Algebra,
) -> Result<bool, Exhausted> {
    // That is what a mean says, and it is judged as one.
    let mean = left.constant || right.constant;
    if mean && left.evidence.has_the_people_of(right.evidence) {
        return Ok(false);
    }
    let Some(factor) = factor::of(left.evidence.sketch(), right.evidence.sketch()) else { return Ok(false) };
    let mut close = Closeness::of(left.evidence, profile.minimum_count);
    for (steps, (mine, theirs)) in (0_usize..).zip(factor::together(left.evidence, right.evidence)) {
        close.add(mine, factor * theirs);
        if steps.is_multiple_of(64) {
            algebra.spend(64)?;
            if close.is_too_much() {
                return Ok(false);
            }
        }
    }
    let as_it_is = factor.total_cmp(&1.0).is_eq();
    if close.is_too_much() || (as_it_is && close.is_exact()) {
        return Ok(false);
    }
    let mut rest = Left::of(left.evidence, profile.minimum_count);
    for (mine, theirs) in factor::together(left.evidence, right.evidence) {
        rest.add(mine, factor * theirs);
    }
    Ok(rest.is_concentrated(profile))
}

#[cfg(test)]
mod tests;
