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
    let glance = Glance { profile, harmless: rules::harmless_contribution(profile) };
    let first_new = shown.iter().filter(|(number, _)| *number < standing).count();
    // Nothing is too much one person's of a difference of sums of few records each.
    let few_records = glance.harmless.min(SMALLEST_AMOUNT.saturating_sub(1));
    let matters = |sum: &Evidence| !sum.is_positive() || sum.largest() > few_records;
    let matter: Vec<bool> = shown.iter().map(|(_, sum)| matters(sum)).collect();
    let mut pairs = Vec::new();
    for ((place, left), left_matters) in shown.iter().enumerate().zip(&matter) {
        let others = shown.iter().zip(&matter).enumerate().skip(place.saturating_add(1).max(first_new));
        let others = others.filter(|(_, (_, matters))| *left_matters || **matters);
        let close = others.filter(|(_, (right, _))| glance.may_be_close(left.1, right.1));
        pairs.extend(close.map(|(at, (right, _))| (left, right, at.wrapping_sub(first_new))));
    }
    if pairs.len() > FEW_PAIRS {
        let shared = Shared::of(shown.iter().skip(first_new).map(|(_, sum)| *sum));
        let mut of_left = (0, None);
        pairs.retain(|(left, right, at)| {
            if of_left.1.is_none() || of_left.0 != left.0 {
                of_left = (left.0, Some(shared.with(left.1)));
            }
            let share = of_left.1.as_ref().and_then(|share| share.as_ref()?.get(*at)).copied();
            share.unwrap_or(true) || glance.may_be_concentrated_apart(left.1, right.1)
        });
    }
    let judged = algebra.each(pairs, |((left, one), (right, other), _), algebra| {
        let leaves = leaves_a_crowd(one, other, profile, algebra)?
            || leaves_a_crowd(other, one, profile, algebra)?
            || (glance.may_be_concentrated(one, other) && concentrated(one, other, profile, algebra)?);
        Ok(leaves.then_some((*left, *right)))
    })?;
    Ok(judged.into_iter().flatten().collect())
}

/// What is seen of two sums without a look at people: mostly that neither leaves too little of the other.
struct Glance<'a> {
    profile: &'a Profile,
    /// So much of one person is never too much.
    harmless: u128,
}

impl Glance<'_> {
    fn may_be_close(&self, left: &Evidence, right: &Evidence) -> bool {
        may_leave_a_crowd(left, right)
            || may_leave_a_crowd(right, left)
            || self.may_be_concentrated(left, right)
    }

    /// Whether the largest contributions and the totals leave it open that a difference is too much one or two
    /// people's.
    fn may_be_concentrated(&self, left: &Evidence, right: &Evidence) -> bool {
        let most = largest_differences(left, right);
        most.largest > self.harmless && !is_spread_by_totals(left, right, most, self.profile)
    }

    /// The same of sums without a person in common: everybody of both is left, with what they contribute.
    fn may_be_concentrated_apart(&self, left: &Evidence, right: &Evidence) -> bool {
        let spread = Spread::of(left).and(Spread::of(right));
        spread.absolute.is_none() || rules::concentrated(spread, self.profile)
    }
}

/// Whether a sum is over more people than another, and both are of amounts.
fn may_leave_a_crowd(whole: &Evidence, part: &Evidence) -> bool {
    whole.largest().min(part.largest()) >= SMALLEST_AMOUNT && whole.people() > part.people()
}

/// So few pairs are looked at sooner than it is known who is in which sums.
const FEW_PAIRS: usize = 1 << 16;

/// Who is in which sums, to tell at once which ones share nobody.
struct Shared<'a> {
    /// Where there is but one sum, that one.
    only: Option<&'a Evidence>,
    /// By dense id, where the sums of each person end.
    ends: Vec<usize>,
    /// The places of the sums of one person after the other.
    sums: Vec<u32>,
    /// How many sums there are.
    length: usize,
}

impl<'a> Shared<'a> {
    /// Each may share people with each.
    const UNKNOWN: Self = Self { only: None, ends: Vec::new(), sums: Vec::new(), length: 0 };
    /// Sums with more people than this together, and one with more, are taken to share some with all.
    const MOST_PEOPLE: usize = 1 << 24;
    const MOST_PEOPLE_OF_ONE: usize = 1 << 14;

    fn of(sums: impl Iterator<Item = &'a Evidence>) -> Self {
        let sums: Vec<&Evidence> = sums.collect();
        if let [only] = sums.as_slice() {
            return Self { only: Some(only), ends: Vec::new(), sums: Vec::new(), length: 1 };
        }
        let people = sums.iter().fold(0_usize, |all, sum| all.saturating_add(sum.subjects().len()));
        let last = sums.iter().filter_map(|sum| sum.subjects().last()).max();
        let (Some(last), true) = (last.map(|last| at(*last)), people <= Self::MOST_PEOPLE) else {
            return Self::UNKNOWN;
        };
        let mut ends = vec![0_usize; last.saturating_add(1)];
        for subject in sums.iter().flat_map(|sum| sum.subjects()) {
            if let Some(count) = ends.get_mut(at(*subject)) {
                *count = count.saturating_add(1);
            }
        }
        // Each begins where those before end, and ends where it has been filled to.
        let mut all = 0_usize;
        for end in &mut ends {
            all = all.saturating_add(std::mem::replace(end, all));
        }
        let mut places = vec![0_u32; all];
        for (place, sum) in (0_u32..).zip(&sums) {
            for subject in sum.subjects() {
                if let Some(end) = ends.get_mut(at(*subject))
                    && let Some(entry) = places.get_mut(*end)
                {
                    *entry = place;
                    *end = end.saturating_add(1);
                }
            }
        }
        Self { only: None, ends, sums: places, length: sums.len() }
    }

    /// Whether each of the sums shares people with this one; `None` where that is not looked at.
    fn with(&self, sum: &Evidence) -> Option<Vec<bool>> {
        if self.length == 0 || sum.subjects().len() > Self::MOST_PEOPLE_OF_ONE {
            return None;
        }
        if let Some(only) = self.only {
            return Some(vec![share_people(sum, only)]);
        }
        let mut share = vec![false; self.length];
        for subject in sum.subjects().iter().map(|subject| at(*subject)) {
            let Some(end) = self.ends.get(subject) else { break };
            let start = subject.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
            for place in self.sums.get(start..*end).unwrap_or_default() {
                share.get_mut(at(*place)).into_iter().for_each(|share| *share = true);
            }
        }
        Some(share)
    }
}

/// Whether somebody is in both sums.
fn share_people(left: &Evidence, right: &Evidence) -> bool {
    let (left, right) = (left.subjects(), right.subjects());
    let (few, many) = if left.len() < right.len() { (left, right) } else { (right, left) };
    few.iter().any(|subject| many.binary_search(subject).is_ok())
}

/// A dense id or a place as an index.
fn at(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
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

/// At most this much are the largest and the second largest difference of one person's contributions.
fn largest_differences(left: &Evidence, right: &Evidence) -> Spread {
    if left.is_positive() && right.is_positive() {
        Spread { absolute: None, ..Spread::of(left).and(Spread::of(right)) }
    } else {
        let most = left.largest().saturating_add(right.largest());
        Spread { largest: most, second: most, absolute: None }
    }
}

/// Whether the totals alone show that even two people with the largest differences are not too much.
///
/// What is left of somebody in both sums is what they contribute to both, less twice the smaller contribution; and
/// these are together neither more than a sum, nor than all who may be in both times the most that anybody has.
fn is_spread_by_totals(left: &Evidence, right: &Evidence, most: Spread, profile: &Profile) -> bool {
    let shared = u128::from(left.contributors().min(right.contributors()))
        .saturating_mul(left.largest().min(right.largest()));
    let absolute = left.absolute().zip(right.absolute()).and_then(|(left, right)| {
        let twice = left.min(right).min(shared).checked_mul(2)?;
        left.checked_add(right)?.checked_sub(twice)
    });
    absolute.is_some() && !rules::concentrated(Spread { absolute, ..most }, profile)
}

/// Whether `left − right` is dominated or bounds its largest contribution.
fn concentrated(
    left: &Evidence,
    right: &Evidence,
    profile: &Profile,
    algebra: &Algebra,
) -> Result<bool, Exhausted> {
    // Nobody's difference is larger than these. Once what was seen would hide even two such people, it hides
    // whoever is still to come.
    let most = largest_differences(left, right);
    let mut spread = Spread::NOBODY;
    let mut contributions = Contributions { left, right, at: (0, 0) };
    for (steps, difference) in (0_usize..).zip(&mut contributions) {
        match difference {
            Some(size) => spread = spread.with(size),
            None => return Ok(true),
        }
        if steps.is_multiple_of(16) {
            algebra.spend(16)?;
            if !rules::concentrated(Spread { absolute: spread.absolute, ..most }, profile) {
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
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{evidence, japan};

    proptest! {
        #[test]
        fn no_pair_that_leaves_too_little_is_passed_over(
            sums in prop::collection::vec(
                (0_u32..60, 10_u32..60, prop_oneof![Just(1_i128), 900_i128..1_100, Just(-40_i128)], 0_u32..100),
                2..8,
            ),
            standing in 0_usize..3,
        ) {
            let bill = |person: u32, size: i128, one: u32| {
                size + if size.abs() > 1 { i128::from(person % 7) } else { 0 } + if person == one { 50 * size } else { 0 }
            };
            let sum = |(from, people, size, one): &(u32, u32, i128, u32)| {
                evidence((*from..from + people).map(|person| (person, bill(person, *size, *one))))
            };
            let sums: Vec<Evidence> = sums.iter().map(sum).collect();
            let profile = japan();
            let algebra = Algebra::new(sums.iter(), 1 << 30);
            let shown: Vec<(u32, &Evidence)> = (0..).zip(&sums).collect();
            let standing = u32::try_from(standing).unwrap();
            let found = concentrated_ones(&shown, standing, &profile, &algebra).ok().unwrap();
            for (left, one) in &shown {
                for (right, other) in shown.iter().filter(|(right, _)| right > left && *right >= standing) {
                    let differences: Vec<u128> =
                        Contributions { left: one, right: other, at: (0, 0) }.map(Option::unwrap).collect();
                    let people = differences.iter().filter(|size| **size != 0).count();
                    let spread = differences.into_iter().fold(Spread::NOBODY, Spread::with);
                    let is_crowd = [(one, other), (other, one)]
                        .iter()
                        .any(|(whole, part)| leaves_a_crowd(whole, part, &profile, &algebra).ok().unwrap());
                    let expected = people >= 10 && rules::concentrated(spread, &profile);
                    let is_found = found.contains(&(*left, *right));
                    prop_assert!(is_found || !(expected || is_crowd));
                    prop_assert!(!is_found || people < 10 || expected || is_crowd);
                }
            }
        }
    }

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
