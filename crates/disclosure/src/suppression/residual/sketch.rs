//! Some of the people of a sum, and the factor that fits most of them.

use crate::evidence::Evidence;

/// People of a sum who are drawn.
const DRAWN: usize = 48;

/// Fewest people of whom a factor is taken.
const FEWEST: usize = 5;

/// Some people of a sum with what they contribute: those whose dense ids come first in an order that has nothing
/// to do with the data. Two sums over nearly the same people draw nearly the same ones.
pub(super) struct Sketch {
    /// By their place in that order, ascending.
    people: Vec<(u32, u32, f64)>,
    /// Whether these are all.
    whole: bool,
}

impl Sketch {
    pub(super) fn of(evidence: &Evidence) -> Self {
        let mut people: Vec<(u32, u32, f64)> = Vec::with_capacity(DRAWN.saturating_mul(2));
        let (mut limit, mut whole) = (u32::MAX, true);
        for (subject, amount) in evidence.contributions().iter() {
            let place = scattered(subject);
            if amount == 0 || place > limit {
                continue;
            }
            people.push((place, subject, double(amount)));
            if people.len() >= DRAWN.saturating_mul(2) {
                limit = first(&mut people);
                whole = false;
            }
        }
        whole &= people.len() <= DRAWN;
        first(&mut people);
        Self { people, whole }
    }

    /// The people who are drawn.
    pub(super) fn subjects(&self) -> impl Iterator<Item = (u32, f64)> {
        self.people.iter().map(|(_, subject, amount)| (*subject, *amount))
    }

    /// Some of them: two sums of which each is mostly over the people of the other have one in common.
    pub(super) fn first_subjects(&self) -> impl Iterator<Item = u32> {
        self.people.iter().take(DRAWN / 3).map(|(_, subject, _)| *subject)
    }

    /// By how much one must multiply the other's contributions to get these, if that is so for most people.
    pub(super) fn factor(&self, other: &Self) -> Option<f64> {
        let end = |sketch: &Self| {
            if sketch.whole { u32::MAX } else { sketch.people.last().map_or(0, |last| last.0) }
        };
        let end = end(self).min(end(other));
        let within = |sketch: &Self| sketch.people.partition_point(|person| person.0 <= end);
        let (mine, theirs) = (self.people.get(..within(self))?, other.people.get(..within(other))?);
        let amount = |place: &u32| {
            let at = theirs.binary_search_by_key(place, |person| person.0).ok()?;
            theirs.get(at).map(|person| person.2)
        };
        let both: Vec<(f64, f64)> =
            mine.iter().filter_map(|(place, _, mine)| Some((*mine, amount(place)?))).collect();
        let all = mine.len().saturating_add(theirs.len()).saturating_sub(both.len());
        if both.len().saturating_mul(2) < all {
            return None;
        }
        factor(&both)
    }
}

/// The median of the quotients of pairs, if it fits most of them.
pub(super) fn factor(pairs: &[(f64, f64)]) -> Option<f64> {
    let mut quotients: Vec<f64> =
        pairs.iter().map(|(mine, theirs)| mine / theirs).filter(|quotient| quotient.is_finite()).collect();
    quotients.sort_by(f64::total_cmp);
    let factor = quotients.get(quotients.len() / 2).copied().filter(|_| quotients.len() >= FEWEST)?;
    let fits = |(mine, theirs): &&(f64, f64)| (mine - factor * theirs).abs() * 4.0 <= mine.abs();
    let fitting = pairs.iter().filter(fits).count();
    (fitting.saturating_mul(3) >= pairs.len().saturating_mul(2)).then_some(factor)
}

/// What each person contributes to two sums, in the order of the dense ids.
pub(super) fn together<'a>(left: &'a Evidence, right: &'a Evidence) -> impl Iterator<Item = (f64, f64)> + 'a {
    let mut left = left.contributions().iter().peekable();
    let mut right = right.contributions().iter().peekable();
    std::iter::from_fn(move || {
        let subject = match (left.peek(), right.peek()) {
            (Some((left, _)), Some((right, _))) => *left.min(right),
            (Some((subject, _)), None) | (None, Some((subject, _))) => *subject,
            (None, None) => return None,
        };
        let mine = left.next_if(|(person, _)| *person == subject).map_or(0, |(_, amount)| amount);
        let theirs = right.next_if(|(person, _)| *person == subject).map_or(0, |(_, amount)| amount);
        Some((double(mine), double(theirs)))
    })
}

/// Keeps the people who come first; answers the place of the last of them.
fn first(people: &mut Vec<(u32, u32, f64)>) -> u32 {
    people.sort_unstable_by_key(|person| person.0);
    people.truncate(DRAWN);
    people.last().map_or(u32::MAX, |last| last.0)
}

/// The place of a person in another order than that of the dense ids: a permutation (Knuth's multiplicative
/// hash, with its upper half folded in).
fn scattered(subject: u32) -> u32 {
    let product = subject.wrapping_mul(2_654_435_769);
    (product ^ (product >> 15)).wrapping_mul(2_246_822_519)
}

/// The nearest double.
#[expect(clippy::as_conversions, reason = "the nearest double is what is meant")]
pub(super) fn double(amount: i128) -> f64 {
    amount as f64
}
