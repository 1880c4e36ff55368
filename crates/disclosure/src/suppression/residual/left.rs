//! What is left of a sum by others, person by person, and whether it is one or two people's.

use super::{CLOSE, VERY_CLOSE};
use crate::evidence::Evidence;
use crate::profile::Profile;
use crate::rules::{self, Spread};

/// Below this part of what was subtracted, a rest is nothing but the rounding of doubles: 2⁻⁴⁶.
const ROUNDING: f64 = 1.0 / 70_368_744_177_664.0;

/// Beside a rest that is larger by this, another one is small.
const STANDS_OUT: f64 = 64.0;

/// Few people are looked for among so many times as many.
const MANY: usize = 4;

/// What the largest contribution to the sum is, in the integers in which rests are judged: large enough for
/// their digits, and small enough that millions of them have a sum: 2⁷².
const UNIT: f64 = 4_722_366_482_869_645_213_696.0;

/// Whether two sums explain each other: nearly always a part of the people shows that they do not.
pub(super) struct Closeness {
    /// Everybody's contributions to the sum.
    sum: f64,
    /// Everybody's rest.
    rest: f64,
    /// The largest rests, descending, as many as the minimum of people.
    largest: Vec<f64>,
    minimum: usize,
    /// People of whom nothing is left, and all.
    nothing: u64,
    people: u64,
}

impl Closeness {
    pub(super) fn of(evidence: &Evidence, minimum: u32) -> Self {
        let minimum = usize::try_from(minimum).unwrap_or(usize::MAX);
        let sum = double(evidence.absolute().unwrap_or(u128::MAX));
        Self { sum, rest: 0.0, largest: Vec::new(), minimum, nothing: 0, people: 0 }
    }

    /// One more person: what they contribute to the sum, and what is subtracted. What is left of them, unless it is
    /// nothing but rounding.
    #[inline]
    pub(super) fn add(&mut self, whole: f64, part: f64) -> Option<f64> {
        let rest = (whole - part).abs();
        self.people = self.people.saturating_add(1);
        if rest <= ROUNDING * whole.abs().max(part.abs()) {
            self.nothing = self.nothing.saturating_add(1);
            return None;
        }
        self.rest += rest;
        if self.largest.len() < self.minimum || self.largest.last().is_some_and(|last| *last < rest) {
            let place = self.largest.partition_point(|larger| *larger >= rest);
            self.largest.insert(place, rest);
            self.largest.truncate(self.minimum);
        }
        Some(rest)
    }

    /// Whether most people have nothing left; of sums as they are, what the others leave is a difference, and is
    /// judged exactly elsewhere.
    pub(super) fn is_exact(&self) -> bool {
        self.nothing.saturating_mul(2) >= self.people
    }

    /// Whether the sums do not explain each other, whatever is still to come.
    pub(super) fn is_too_much(&self) -> bool {
        !self.is_close_but_for(self.minimum.saturating_sub(1), CLOSE)
    }

    /// Whether all but some people have at most one of so many parts of the sum left.
    fn is_close_but_for(&self, some: usize, parts: f64) -> bool {
        let of_others = self.largest.iter().take(some).fold(self.rest, |rest, largest| rest - largest);
        of_others * parts <= self.sum
    }
}

/// What is left of everybody.
pub(super) struct Left {
    close: Closeness,
    /// The largest contribution to the sum.
    largest_of_sum: f64,
    spread: Spread,
    squares: Spread,
}

impl Left {
    pub(super) fn of(evidence: &Evidence, minimum: u32) -> Self {
        Self {
            close: Closeness::of(evidence, minimum),
            largest_of_sum: double(evidence.largest()),
            spread: Spread::NOBODY,
            squares: Spread::NOBODY,
        }
    }

    /// One more person: what they contribute to the sum, and what is subtracted.
    pub(super) fn add(&mut self, whole: f64, part: f64) {
        let Some(rest) = self.close.add(whole, part) else { return };
        let scaled = rest / self.largest_of_sum;
        self.spread = self.spread.with(integer(scaled * UNIT));
        self.squares = self.squares.with(integer(scaled * scaled * UNIT));
    }

    /// Whether what is left is too much one or two people's, or only of few.
    pub(super) fn is_concentrated(&self, profile: &Profile) -> bool {
        self.is_of_two(profile)
            || (self.close.is_close_but_for(2, VERY_CLOSE) && rules::concentrated(self.squares, profile))
    }

    /// The same, where what is left of the many does not cancel.
    pub(super) fn is_of_two(&self, profile: &Profile) -> bool {
        if self.close.largest.is_empty() {
            return false;
        }
        let of_two = self.close.is_close_but_for(2, CLOSE) && rules::concentrated(self.spread, profile);
        of_two || self.is_of_few()
    }

    /// Whether fewer people than the minimum stand out, and have nearly all of it.
    fn is_of_few(&self) -> bool {
        let most = self.close.largest.first().copied().unwrap_or(0.0);
        let few = self.close.minimum.saturating_sub(1);
        // Of a small group the few could be chosen so that the others fit.
        let many = u64::try_from(few.saturating_mul(MANY)).is_ok_and(|many| many <= self.close.people);
        if !many || !self.close.is_close_but_for(few, VERY_CLOSE) {
            return false;
        }
        if self.close.largest.get(few).is_some_and(|next| next * STANDS_OUT > most) {
            return false;
        }
        let of_few: f64 = self.close.largest.iter().take(few).map(|rest| rest * rest).sum();
        let of_few = of_few / (self.largest_of_sum * self.largest_of_sum);
        self.squares.absolute.is_none_or(|all| integer(of_few * UNIT) >= all.saturating_sub(all / 10))
    }
}

#[expect(clippy::as_conversions, reason = "the nearest double is what is meant")]
fn double(amount: u128) -> f64 {
    amount as f64
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; what is too large is cut off, and then has no sum"
)]
fn integer(size: f64) -> u128 {
    size as u128
}
