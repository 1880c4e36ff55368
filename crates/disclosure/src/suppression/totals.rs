//! Condition 3, for a total and its parts: whether one or two people are too much of what the parts leave.
//!
//! A part is a sum over some of the total's people, with no more than they contribute to it. Parts leave a rest
//! that whoever has all of them can subtract: a country less the prefectures that are shown. The rest is judged
//! by its own contributions, whatever other sums its people are in.

use std::collections::{BTreeMap, BTreeSet};

use super::algebra::{Algebra, Exhausted};
use crate::evidence::Evidence;
use crate::profile::Profile;
use crate::rules::{self, Spread};

/// Most sums of which each may be a part of each; beyond, only new ones are looked at.
const MOST_SUMS: usize = 4096;

/// Up to so many contributions of a total, times its parts, all of them are taken in any order; beyond, a part
/// that was taken once is not tried as the first one again.
const ALL_WAYS: usize = 1 << 22;

/// A total, and parts of it that leave too little.
pub(super) struct Rest {
    /// The number of the total.
    pub(super) total: u32,
    /// The numbers of the parts, two at least.
    pub(super) parts: Vec<u32>,
}

/// The rests of published totals that are dominated or bound their largest contribution. What one part leaves
/// is a difference, and judged as such.
///
/// The parts are taken as they come and by their size, from each of them on in turn, so that the ways to divide a
/// total by one key of a table are among those tried.
pub(super) fn concentrated_rests(
    shown: &[(u32, &Evidence)],
    standing: u32,
    profile: &Profile,
    algebra: &Algebra,
) -> Result<Vec<Rest>, Exhausted> {
    let harmless = rules::harmless_contribution(profile);
    let all = shown.len() <= MOST_SUMS;
    let looked_at: Vec<(u32, &Evidence)> =
        shown.iter().copied().filter(|(number, _)| all || *number >= standing).collect();
    let totals = looked_at.iter().filter(|(_, sum)| sum.largest() > harmless).copied().collect();
    let found = algebra.each(totals, |(total, evidence), algebra| {
        rests_of(total, evidence, &looked_at, (standing, profile), algebra)
    })?;
    Ok(found.into_iter().flatten().collect())
}

/// The rests of one total.
fn rests_of(
    total: u32,
    evidence: &Evidence,
    looked_at: &[(u32, &Evidence)],
    (standing, profile): (u32, &Profile),
    algebra: &Algebra,
) -> Result<Vec<Rest>, Exhausted> {
    let mut found = Vec::new();
    let mut parts = parts(evidence, looked_at, profile, algebra)?;
    if parts.len() < 2 {
        return Ok(found);
    }
    let sizes: BTreeMap<u32, Option<u128>> =
        looked_at.iter().map(|(number, sum)| (*number, sum.absolute())).collect();
    let all_ways = parts.len().saturating_mul(evidence.subjects().len()) <= ALL_WAYS;
    let narrow = evidence.largest() <= u128::from(i64::MAX.unsigned_abs());
    'ways: for _ in 0..2 {
        let mut tried: BTreeSet<u32> = BTreeSet::new();
        for first in 0..parts.len() {
            let Some(part) = parts.get(first) else { break };
            // Of what was released before, only what a new part leaves is new.
            let known = total < standing && part.number < standing;
            if known || (!all_ways && tried.contains(&part.number)) {
                continue;
            }
            let rest = if narrow { rest::<i64> } else { rest::<i128> };
            let (taken, spread) = rest(evidence, &parts, first, algebra)?;
            tried.extend(&taken);
            let has_all = taken.len() == parts.len();
            let is_new = taken.iter().chain([&total]).any(|number| *number >= standing);
            let concentrated = spread.absolute != Some(0) && rules::concentrated(spread, profile);
            if taken.len() > 1 && is_new && concentrated {
                found.push(Rest { total, parts: taken });
            }
            // Whatever the order, it leaves the same.
            if has_all && (!all_ways || nothing_is_negative(evidence, &parts)) {
                break 'ways;
            }
        }
        parts.sort_by_key(|part| std::cmp::Reverse(sizes.get(&part.number).copied()));
    }
    Ok(found)
}

/// A part of a total.
struct Part<'a> {
    number: u32,
    sum: &'a Evidence,
    /// Where its people are in the total.
    places: Vec<u32>,
}

impl Part<'_> {
    /// What its people contribute, by their place in the total.
    fn amounts(&self) -> impl Iterator<Item = (usize, i128)> {
        let places = self.places.iter().map(|place| usize::try_from(*place).unwrap_or(usize::MAX));
        places.zip(self.sum.amounts())
    }
}

/// Whether parts that are all in a total fit into it in any order.
fn nothing_is_negative(total: &Evidence, parts: &[Part<'_>]) -> bool {
    let sums = parts.iter().map(|part| part.sum).chain([total]);
    sums.into_iter().all(|sum| sum.total().is_some_and(|total| u128::try_from(total).ok() == sum.absolute()))
}

/// What of a contribution another one leaves, if it is not more than that was.
fn less(amount: i128, part: i128) -> Option<i128> {
    amount.checked_sub(part).filter(|rest| rest.unsigned_abs() <= amount.unsigned_abs())
}

/// The parts of a total, in the order in which they come; none, if they leave too much of it for a rest to be
/// concentrated.
fn parts<'a>(
    total: &Evidence,
    sums: &[(u32, &'a Evidence)],
    profile: &Profile,
    algebra: &Algebra,
) -> Result<Vec<Part<'a>>, Exhausted> {
    let mut candidates: Vec<(u32, &Evidence)> =
        sums.iter().copied().filter(|(_, sum)| sum.people() < total.people()).collect();
    // The largest decide soonest.
    candidates.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.absolute()));
    let mut open: Option<u128> = candidates
        .iter()
        .try_fold(0, |all: u128, (_, sum)| sum.absolute().and_then(|absolute| all.checked_add(absolute)));
    let mut parts = Vec::new();
    for (number, sum) in candidates {
        if too_much_is_left(total, open, profile) {
            return Ok(Vec::new());
        }
        match places(total, sum, algebra)? {
            Some(places) => parts.push(Part { number, sum, places }),
            None => open = open.zip(sum.absolute()).and_then(|(open, sum)| open.checked_sub(sum)),
        }
    }
    parts.sort_by_key(|part| part.number);
    Ok(if too_much_is_left(total, open, profile) { Vec::new() } else { parts })
}

/// Whether nothing that parts of this much together leave of a total is concentrated: of nobody is there more
/// left than the largest contribution, and of all together at least the difference.
fn too_much_is_left(total: &Evidence, parts: Option<u128>, profile: &Profile) -> bool {
    let left = total.absolute().zip(parts).map(|(total, parts)| total.saturating_sub(parts));
    let spread = Spread { largest: total.largest(), second: total.largest(), absolute: left };
    left.is_some() && !rules::concentrated(spread, profile)
}

/// Where the people of a part are in the total, if all of them are, with as much at least.
fn places(total: &Evidence, part: &Evidence, algebra: &Algebra) -> Result<Option<Vec<u32>>, Exhausted> {
    let (mut places, mut next) = (Vec::new(), 0);
    for (subject, amount) in part.contributions().iter() {
        let Some(place) = found_from(total.subjects(), next, subject) else { return Ok(None) };
        if total.amounts().get(place).and_then(|whole| less(whole, amount)).is_none() {
            return Ok(None);
        }
        let Ok(short) = u32::try_from(place) else { return Ok(None) };
        places.push(short);
        next = place.saturating_add(1);
    }
    algebra.spend(places.len())?;
    Ok((!places.is_empty()).then_some(places))
}

/// The place of a person from a place on, where they are mostly near.
fn found_from(subjects: &[u32], from: usize, wanted: u32) -> Option<usize> {
    let rest = subjects.get(from..)?;
    let mut far = 1_usize;
    while rest.get(far).is_some_and(|subject| *subject < wanted) {
        far = far.saturating_mul(2);
    }
    let near = rest.get(..far.saturating_add(1).min(rest.len()))?;
    Some(near.binary_search(&wanted).ok()?.saturating_add(from))
}

/// The parts that are taken of a total, one of them and all further ones for which there is enough left, and what
/// is left. Each contribution has room in `T`.
fn rest<T: Copy + Default + Into<i128> + TryFrom<i128>>(
    total: &Evidence,
    parts: &[Part<'_>],
    first: usize,
    algebra: &Algebra,
) -> Result<(Vec<u32>, Spread), Exhausted> {
    let narrow = |amount: i128| T::try_from(amount).unwrap_or_default();
    let mut left: Vec<T> = total.amounts().iter().map(narrow).collect();
    let mut taken = Vec::new();
    for part in parts.iter().skip(first).chain(parts.iter().take(first)) {
        algebra.spend(part.places.len())?;
        let rest = |left: &[T], place: usize, amount| less((*left.get(place)?).into(), amount);
        if part.amounts().all(|(place, amount)| rest(&left, place, amount).is_some()) {
            taken.push(part.number);
            for (place, amount) in part.amounts() {
                let rest = rest(&left, place, amount).map(narrow);
                if let (Some(left), Some(rest)) = (left.get_mut(place), rest) {
                    *left = rest;
                }
            }
        }
    }
    let rest =
        left.iter().map(|amount| Into::<i128>::into(*amount).unsigned_abs()).filter(|amount| *amount != 0);
    Ok((taken, rest.fold(Spread::NOBODY, Spread::with)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{evidence, japan};

    /// A total of fifty people, its parts by decades as far as they are shown, and the records behind it.
    fn found(largest: i128, shown_parts: &[u32]) -> Vec<(u32, Vec<u32>)> {
        let amount = |person: u32| if person == 49 { largest } else { 10 + i128::from(person) };
        let sum = |people: std::ops::Range<u32>| evidence(people.map(|person| (person, amount(person))));
        let records = evidence((0..50).map(|person| (person, 1 + i128::from(person % 3))));
        let sums: Vec<Evidence> = std::iter::once(sum(0..50))
            .chain(shown_parts.iter().map(|decade| sum(decade * 10..decade * 10 + 10)))
            .chain([records])
            .collect();
        let shown: Vec<(u32, &Evidence)> = (0..).zip(&sums).collect();
        let algebra = Algebra::new(sums.iter(), 1 << 20);
        let rests = concentrated_rests(&shown, 0, &japan(), &algebra).ok().unwrap();
        rests.into_iter().map(|rest| (rest.total, rest.parts)).collect()
    }

    #[test]
    fn what_parts_leave_of_a_total_is_judged_by_itself() {
        assert_eq!(found(5000, &[0, 1, 2, 3]).first(), Some(&(0, vec![1, 2, 3, 4])));
        assert_eq!(found(60, &[0, 1, 2, 3]), []);
        // Of twenty people nobody is too much.
        assert_eq!(found(600, &[0, 1, 2]), []);
    }
}
