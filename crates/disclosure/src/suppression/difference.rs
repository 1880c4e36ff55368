//! Condition 3, for two sums: whether one or two people are too much of their difference.
//!
//! A difference of many people can still be almost all one person's: the sum of everybody, less the sum
//! of everybody but a patient with the largest bill and forty with small ones.

use std::cmp::Ordering;

use super::algebra::{Algebra, Exhausted};
use crate::evidence::{Evidence, Tally};
use crate::profile::Profile;
use crate::rules::{self, Spread};

/// The pairs of published sums whose difference is dominated or bounds its largest contribution; at least
/// one of each is new, since the first `standing` numbers were released before.
///
/// Condition 1 holds for them: a difference that is not zero concerns the minimum of people.
pub(super) fn concentrated_ones(
    shown: &[(u32, &Evidence)],
    standing: u32,
    profile: &Profile,
    algebra: &Algebra,
) -> Result<Vec<(u32, u32)>, Exhausted> {
    let harmless = rules::harmless_contribution(profile);
    let pairs = shown.iter().enumerate().flat_map(|(place, left)| {
        let others = shown.iter().skip(place.saturating_add(1));
        others.filter(|(number, _)| *number >= standing).map(move |right| (left, right))
    });
    // A look at the largest contributions is mostly enough, and is not worth a thread.
    let may_be = |((_, left), (_, right)): &(&(u32, &Evidence), &(u32, &Evidence))| {
        let most = largest_difference(left, right);
        let is_harmless = most <= harmless || is_spread_by_totals(left, right, most, profile);
        !is_harmless || may_leave_a_crowd(left, right) || may_leave_a_crowd(right, left)
    };
    let judged = algebra.each(pairs.filter(may_be).collect(), |((left, one), (right, other)), algebra| {
        let most = largest_difference(one, other);
        let is_harmless = || most <= harmless || is_spread_by_totals(one, other, most, profile);
        let leaves = leaves_a_crowd(one, other, profile, algebra)?
            || leaves_a_crowd(other, one, profile, algebra)?
            || (!is_harmless() && concentrated(one, other, profile, algebra)?);
        Ok(leaves.then_some((*left, *right)))
    })?;
    Ok(judged.into_iter().flatten().collect())
}

/// Whether a sum is over more people than another, and both are of amounts.
fn may_leave_a_crowd(whole: &Evidence, part: &Evidence) -> bool {
    whole.largest().min(part.largest()) >= SMALLEST_AMOUNT && whole.people() > part.people()
}

/// Whether the people of a sum whom a part of it leaves out are a crowd, and few who stand out of it. A few of
/// them nearly always show that they are none.
fn leaves_a_crowd(
    whole: &Evidence,
    part: &Evidence,
    profile: &Profile,
    algebra: &Algebra,
) -> Result<bool, Exhausted> {
    if !may_leave_a_crowd(whole, part) {
        return Ok(false);
    }
    algebra.spend(1)?;
    let in_whole = |subject: u32| whole.amounts().get(whole.subjects().binary_search(&subject).ok()?);
    let mut drawn = part.sketch().subjects();
    if !drawn.by_ref().take(2).all(|(subject, _)| in_whole(subject).is_some()) {
        return Ok(false);
    }
    let left: Vec<i128> = whole
        .sketch()
        .subjects()
        .filter(|(subject, _)| part.subjects().binary_search(subject).is_err())
        .filter_map(|(subject, _)| in_whole(subject))
        .collect();
    if left.len() >= rules::ENOUGH_TO_TELL && !rules::look_like_a_crowd(&left, profile) {
        return Ok(false);
    }
    algebra.spend(whole.subjects().len())?;
    let mut rest = Tally::new();
    let mut inside = part.contributions().iter().peekable();
    for (subject, amount) in whole.contributions().iter() {
        if inside.peek().is_some_and(|(other, _)| *other < subject) {
            // Somebody of the part is not in the whole.
            return Ok(false);
        }
        let taken = inside.next_if(|(other, _)| *other == subject).map_or(0, |(_, amount)| amount);
        match amount.checked_sub(taken) {
            Some(0) => {}
            Some(left) => rest.add(subject, left, []),
            None => return Ok(true),
        }
    }
    Ok(rules::are_few_beside_a_crowd(&rest.freeze(), true, profile))
}

/// Sums of smaller amounts are numbers of records.
pub(super) const SMALLEST_AMOUNT: u128 = 8;

/// At most this much is the difference of one person's contributions.
fn largest_difference(left: &Evidence, right: &Evidence) -> u128 {
    if left.is_positive() && right.is_positive() {
        left.largest().max(right.largest())
    } else {
        left.largest().saturating_add(right.largest())
    }
}

/// Whether the totals alone show that even two people of the largest difference are not too much.
fn is_spread_by_totals(left: &Evidence, right: &Evidence, most: u128, profile: &Profile) -> bool {
    let totals = left.total().zip(right.total());
    let absolute = totals.and_then(|(left, right)| left.checked_sub(right)).map(i128::unsigned_abs);
    absolute.is_some() && !rules::concentrated(Spread { largest: most, second: most, absolute }, profile)
}

/// Whether `left − right` is dominated or bounds its largest contribution.
fn concentrated(
    left: &Evidence,
    right: &Evidence,
    profile: &Profile,
    algebra: &Algebra,
) -> Result<bool, Exhausted> {
    // Nobody's difference is larger than this. Once what was seen would hide even two people of that size,
    // it hides whoever is still to come.
    let bound = left.largest().saturating_add(right.largest());
    let mut spread = Spread::NOBODY;
    let mut contributions = Contributions { left, right, at: (0, 0) };
    for (steps, difference) in (0_usize..).zip(&mut contributions) {
        match difference {
            Some(size) => spread = spread.with(size),
            None => return Ok(true),
        }
        if steps.is_multiple_of(16) {
            algebra.spend(16)?;
            if !rules::concentrated(Spread { largest: bound, second: bound, ..spread }, profile) {
                return Ok(false);
            }
        }
    }
    Ok(spread.absolute != Some(0) && rules::concentrated(spread, profile))
}

/// The absolute difference of each person's contributions; `None` for one that has no exact form.
struct Contributions<'a> {
    left: &'a Evidence,
    right: &'a Evidence,
    /// How far the two lists of people have been read.
    at: (usize, usize),
}

impl Iterator for Contributions<'_> {
    type Item = Option<u128>;

    fn next(&mut self) -> Option<Self::Item> {
        let (left, right) = (entry(self.left, self.at.0), entry(self.right, self.at.1));
        let (mine, theirs, order) = match (left, right) {
            (Some((mine, x)), Some((theirs, y))) => (x, y, mine.cmp(&theirs)),
            (Some((_, x)), None) => (x, 0, Ordering::Less),
            (None, Some((_, y))) => (0, y, Ordering::Greater),
            (None, None) => return None,
        };
        let (mine, theirs) = match order {
            Ordering::Less => (mine, 0),
            Ordering::Equal => (mine, theirs),
            Ordering::Greater => (0, theirs),
        };
        if order.is_le() {
            self.at.0 = self.at.0.saturating_add(1);
        }
        if order.is_ge() {
            self.at.1 = self.at.1.saturating_add(1);
        }
        Some(mine.checked_sub(theirs).map(i128::unsigned_abs))
    }
}

fn entry(evidence: &Evidence, at: usize) -> Option<(u32, i128)> {
    Some((*evidence.subjects().get(at)?, evidence.amounts().get(at)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{evidence, japan};

    fn differs(weight: impl Fn(u32) -> i128, left_out: impl Fn(u32) -> bool) -> bool {
        let sum = |which: &dyn Fn(u32) -> bool| {
            evidence((0..3_000).filter(|person| which(*person)).map(|person| (person, weight(person))))
        };
        let sums = [sum(&|_| true), sum(&|person| !left_out(person))];
        let algebra = Algebra::new(sums.iter(), 1 << 20);
        let shown: Vec<(u32, &Evidence)> = (0..).zip(&sums).collect();
        !concentrated_ones(&shown, 0, &japan(), &algebra).ok().unwrap().is_empty()
    }

    #[test]
    fn a_difference_that_is_a_crowd_and_one_person_is_withheld() {
        let weight = |person: u32| 500 + 10 * i128::from(person.wrapping_mul(7_919) % 61);
        let crowd = |person: u32| weight(person) == 720;
        let one = (0..3_000).find(|person| weight(*person) == 590).unwrap();
        assert!(differs(weight, |person| crowd(person) || person == one));
        assert!(!differs(weight, |person| person % 50 == 0), "sixty people like any others");
        assert!(!differs(weight, |person| person % 2 == 0));
    }
}
