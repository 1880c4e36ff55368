//! Totals and parts that are nearly proportional to them: what is left of a total by multiples of several sums
//! over different people.

use std::collections::BTreeMap;

use super::super::algebra::{Algebra, Exhausted};
use super::Sum;
use super::factor::factor;
use super::families::families;
use super::left::{Closeness, Left};
use crate::evidence::{Evidence, double};
use crate::profile::Profile;

/// Most ways to divide one total that are tried.
const MOST_CHAINS: usize = 16;

/// Most totals that are looked at among the new sums, and among those that were released before.
const MOST_TOTALS: usize = 128;

/// Drawn people of a part who are looked up first: where one of two is not in the total, it is no part.
const PROBES: usize = 6;

/// The least important sum of some that leave too little of a total, if there are such.
pub(super) fn concentrated(
    sums: &[&Sum<'_>],
    standing: u32,
    profile: &Profile,
    algebra: &Algebra,
) -> Result<Option<u32>, Exhausted> {
    let new = sums.iter().filter(|sum| sum.number >= standing).take(MOST_TOTALS);
    let before = sums.iter().filter(|sum| sum.number < standing).take(MOST_TOTALS);
    let found = algebra.each(new.chain(before).collect(), |total, algebra| {
        let parts = parts(total, sums, algebra)?;
        least_of_chains(total, &parts, standing, profile, algebra)
    })?;
    if let Some(least) = found.into_iter().flatten().next() {
        return Ok(Some(least));
    }
    for family in families(sums, algebra)? {
        let is_other = |sum: &&Sum<'_>| !family.numbers().any(|number| number == sum.number);
        let others: Vec<&Sum<'_>> = sums.iter().copied().filter(is_other).collect();
        let mut may_be_parts = 0_usize;
        for other in &others {
            let is_part = is_part(other, |subject| family.people.contains(subject), algebra)?;
            may_be_parts = may_be_parts.saturating_add(usize::from(is_part));
        }
        if may_be_parts < 2 {
            continue;
        }
        let (number, total) = (family.numbers().max().unwrap_or(0), family.total());
        let total = Sum::of(number, &total);
        let parts = parts(&total, &others, algebra)?;
        if let Some(least) = least_of_chains(&total, &parts, standing, profile, algebra)? {
            return Ok(Some(least));
        }
    }
    Ok(None)
}

/// The least important sum of a total and some parts of it that leave too little.
fn least_of_chains(
    total: &Sum<'_>,
    parts: &[&Sum<'_>],
    standing: u32,
    profile: &Profile,
    algebra: &Algebra,
) -> Result<Option<u32>, Exhausted> {
    let mut fitting = Vec::with_capacity(parts.len());
    for part in parts {
        let whole = |place: usize| total.evidence.amounts().get(place).map_or(0.0, double);
        fitting.push(factor_of_left(total.evidence, part, whole, algebra)?);
    }
    // Of what was released before, only what a new part leaves is new.
    let known = |part: &&Sum<'_>| total.number < standing && part.number < standing;
    let (mut first, mut tried) = (0, parts.iter().map(known).collect::<Vec<bool>>());
    for _ in 0..MOST_CHAINS {
        let Some(next) = tried.iter().skip(first).position(|tried| !tried) else { break };
        first = first.saturating_add(next);
        let chain = match only_one_fits(total, parts, first, &fitting, algebra)? {
            Some(only) => Chain { taken: only.into_iter().collect(), ..Chain::NOTHING },
            None => Chain::of(total, parts, first, algebra)?,
        };
        for taken in chain.taken.iter().chain([&first]) {
            if let Some(tried) = tried.get_mut(*taken) {
                *tried = true;
            }
        }
        let least = chain.taken.iter().filter_map(|at| parts.get(*at)).map(|part| part.number).max();
        let least = least.map(|least| least.max(total.number)).filter(|least| *least >= standing);
        if least.is_some() && chain.taken.len() > 1 && chain.is_concentrated(total, parts, profile) {
            return Ok(least);
        }
    }
    Ok(None)
}

/// The only part, if any, that is taken of a total from one of them on in turn: nearly always a glance shows that
/// no second one fits what the first leaves. `None`, if one does.
fn only_one_fits(
    total: &Sum<'_>,
    parts: &[&Sum<'_>],
    first: usize,
    fitting: &[Option<f64>],
    algebra: &Algebra,
) -> Result<Option<Option<usize>>, Exhausted> {
    let mut in_turn = (first..parts.len()).chain(0..first);
    let fits = in_turn.find_map(|at| Some((parts.get(at)?, (*fitting.get(at)?)?, at)));
    let Some((taken, factor, only)) = fits else { return Ok(Some(None)) };
    let left = |place: usize| {
        let whole = total.evidence.amounts().get(place).map_or(0.0, double);
        let subject = total.evidence.subjects().get(place);
        let found = subject.and_then(|subject| taken.evidence.subjects().binary_search(subject).ok());
        let part = found.and_then(|place| taken.evidence.amounts().get(place)).map_or(0.0, double);
        whole - factor * part
    };
    for part in in_turn.filter_map(|at| parts.get(at)) {
        if factor_of_left(total.evidence, part, left, algebra)?.is_some() {
            return Ok(None);
        }
    }
    Ok(Some(Some(only)))
}

/// The sums that are mostly over people of a total, in their order; none, if they are not most of its people.
fn parts<'s, 'a>(
    total: &Sum<'_>,
    sums: &[&'s Sum<'a>],
    algebra: &Algebra,
) -> Result<Vec<&'s Sum<'a>>, Exhausted> {
    let mut parts = Vec::new();
    let mut people = 0_u64;
    for sum in sums {
        if sum.number == total.number || sum.evidence.people() >= total.evidence.people() {
            continue;
        }
        let both_constant = total.constant && sum.constant;
        let is_in_total = |subject: u32| total.evidence.subjects().binary_search(&subject).is_ok();
        if both_constant || !is_part(sum, is_in_total, algebra)? {
            continue;
        }
        people = people.saturating_add(sum.evidence.contributors());
        parts.push(*sum);
    }
    let covers = people.saturating_mul(2) >= total.evidence.contributors();
    Ok(if covers && parts.len() > 1 { parts } else { Vec::new() })
}

/// Whether most people of a sum are in a total.
fn is_part(part: &Sum<'_>, is_in_total: impl Fn(u32) -> bool, algebra: &Algebra) -> Result<bool, Exhausted> {
    let drawn = part.evidence.sketch();
    algebra.spend(1)?;
    let is_in = |(subject, _): &(u32, f64)| is_in_total(*subject);
    let (probed, found) = (drawn.subjects().take(PROBES), drawn.subjects().take(PROBES).filter(is_in));
    if found.count().saturating_mul(2) < probed.count() {
        return Ok(false);
    }
    let found = drawn.subjects().filter(is_in).count();
    Ok(found.saturating_mul(4) >= drawn.subjects().count().saturating_mul(3))
}

/// A total less multiples of some parts.
struct Chain {
    /// What the people of the total have left, by their place in it.
    left: Vec<f64>,
    /// What is subtracted of people who are not in it.
    others: BTreeMap<u32, f64>,
    /// The parts that were subtracted, by their place.
    taken: Vec<usize>,
    /// Whether all of them were subtracted as they are.
    as_it_is: bool,
}

impl Chain {
    const NOTHING: Self =
        Self { left: Vec::new(), others: BTreeMap::new(), taken: Vec::new(), as_it_is: true };

    /// Takes parts away, from one of them on in turn, each of whose people there is still enough left.
    fn of(total: &Sum<'_>, parts: &[&Sum<'_>], first: usize, algebra: &Algebra) -> Result<Self, Exhausted> {
        let left: Vec<f64> = total.evidence.amounts().iter().map(double).collect();
        algebra.spend(left.len())?;
        let mut chain = Self { left, others: BTreeMap::new(), taken: Vec::new(), as_it_is: true };
        for at in (first..parts.len()).chain(0..first) {
            if let Some(part) = parts.get(at)
                && let Some(factor) =
                    factor_of_left(total.evidence, part, |place| chain.left(place), algebra)?
            {
                chain.subtract(total.evidence, part.evidence, factor);
                algebra.spend(part.evidence.subjects().len())?;
                chain.taken.push(at);
                chain.as_it_is &= factor.total_cmp(&1.0).is_eq();
            }
        }
        Ok(chain)
    }

    /// What the person at a place of the total has left.
    fn left(&self, place: usize) -> f64 {
        self.left.get(place).copied().unwrap_or(0.0)
    }

    fn subtract(&mut self, total: &Evidence, part: &Evidence, factor: f64) {
        let mut next = 0;
        for (subject, amount) in part.contributions().iter() {
            let rest = total.subjects().get(next..).unwrap_or_default();
            let ahead = ahead(rest, subject);
            next = next.saturating_add(ahead);
            if total.subjects().get(next) == Some(&subject) {
                if let Some(left) = self.left.get_mut(next) {
                    *left -= factor * double(amount);
                }
            } else {
                *self.others.entry(subject).or_insert(0.0) -= factor * double(amount);
            }
        }
    }

    fn is_concentrated(&self, total: &Sum<'_>, parts: &[&Sum<'_>], profile: &Profile) -> bool {
        let mut close = Closeness::of(total.evidence, profile.minimum_count);
        for (steps, (left, whole)) in (0_usize..).zip(self.left.iter().zip(total.evidence.amounts())) {
            let whole = double(whole);
            close.add(whole, whole - left);
            if steps.is_multiple_of(64) && close.is_too_much() {
                return false;
            }
        }
        self.others.values().for_each(|other| _ = close.add(0.0, *other));
        if close.is_too_much() || (self.as_it_is && close.is_exact()) {
            return false;
        }
        let mut rest = Left::of(total.evidence, profile.minimum_count);
        let mut untouched = !self.others.is_empty();
        for (left, whole) in self.left.iter().zip(total.evidence.amounts()) {
            let whole = double(whole);
            rest.add(whole, whole - left);
            untouched |= left.total_cmp(&whole).is_eq() && whole.abs() > 0.0;
        }
        self.others.values().for_each(|other| rest.add(0.0, *other));
        // Beside the counts of all its people, a total is what their mean says.
        let taken = || self.taken.iter().filter_map(|at| parts.get(*at));
        let mean = !untouched && (total.constant || taken().all(|part| part.constant));
        !mean && rest.is_concentrated(profile)
    }
}

/// By how much a part is to be multiplied, if of most of its people there is still something left.
fn factor_of_left(
    total: &Evidence,
    part: &Sum<'_>,
    left: impl Fn(usize) -> f64,
    algebra: &Algebra,
) -> Result<Option<f64>, Exhausted> {
    let drawn = part.evidence.sketch();
    algebra.spend(1)?;
    let mut pairs = Vec::new();
    for (subject, amount) in drawn.subjects() {
        let Ok(place) = total.subjects().binary_search(&subject) else { continue };
        let whole = total.amounts().get(place).map_or(0.0, double);
        let left = left(place);
        if left.abs() * 2.0 >= whole.abs() && left.abs() > 0.0 {
            pairs.push((left, amount));
        }
    }
    let most = pairs.len().saturating_mul(4) >= drawn.subjects().count().saturating_mul(3);
    Ok(if most { factor(&pairs) } else { None })
}

/// How far ahead the first subject is that is not below the wanted one; mostly near.
fn ahead(subjects: &[u32], wanted: u32) -> usize {
    let mut far = 1_usize;
    while subjects.get(far).is_some_and(|subject| *subject < wanted) {
        far = far.saturating_mul(2);
    }
    subjects
        .get(..far.saturating_add(1).min(subjects.len()))
        .map_or(0, |near| near.partition_point(|at| *at < wanted))
}
