//! Some of the people of a sum, by whom it is compared with others.

use super::Evidence;

/// People of a sum who are drawn.
const DRAWN: usize = 48;

/// Some people of a sum with what they contribute: those whose dense ids come first in an order that has nothing
/// to do with the data. Two sums over nearly the same people draw nearly the same ones.
pub(crate) struct Sketch {
    /// By their place in that order, ascending.
    people: Vec<(u32, u32, f64)>,
    /// Whether these are all.
    whole: bool,
}

impl Sketch {
    pub(crate) fn of(evidence: &Evidence) -> Self {
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
        people.shrink_to_fit();
        Self { people, whole }
    }

    /// Bytes held on the heap.
    pub(super) fn heap_size(&self) -> usize {
        self.people.capacity().saturating_mul(size_of::<(u32, u32, f64)>())
    }

    /// The people who are drawn.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = (u32, f64)> {
        self.people.iter().map(|(_, subject, amount)| (*subject, *amount))
    }

    /// Some of them: two sums of which each is mostly over the people of the other have one in common.
    pub(crate) fn first_subjects(&self) -> impl Iterator<Item = u32> {
        self.people.iter().take(DRAWN / 3).map(|(_, subject, _)| *subject)
    }

    /// What people who are drawn for both contribute to each, and how many are drawn for either.
    pub(crate) fn both(&self, other: &Self) -> Option<(Vec<(f64, f64)>, usize)> {
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
        Some((both, all))
    }
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
pub(crate) fn double(amount: i128) -> f64 {
    // The processor has an instruction for the usual width.
    i64::try_from(amount).map_or_else(|_| amount as f64, |amount| amount as f64)
}
