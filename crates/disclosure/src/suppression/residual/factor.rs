//! The factor that fits most people of two sums, and what each contributes to both.

use std::cmp::Ordering;

use crate::evidence::{Evidence, Sketch, double};

/// Fewest people of whom a factor is taken.
const FEWEST: usize = 5;

/// By how much one must multiply the contributions to another sum to get those to this, if that is so for most
/// people, and most are in both.
pub(super) fn of(left: &Sketch, right: &Sketch) -> Option<f64> {
    let (both, all) = left.both(right)?;
    if both.len().saturating_mul(2) < all { None } else { factor(&both) }
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
    let (mine, theirs) = (left.subjects(), right.subjects());
    let (mut at, mut other) = (0_usize, 0_usize);
    std::iter::from_fn(move || {
        let order = match (mine.get(at), theirs.get(other)) {
            (Some(mine), Some(theirs)) => mine.cmp(theirs),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let mut pair = (0.0, 0.0);
        if order.is_le() {
            pair.0 = left.amounts().get(at).map_or(0.0, double);
            at = at.saturating_add(1);
        }
        if order.is_ge() {
            pair.1 = right.amounts().get(other).map_or(0.0, double);
            other = other.saturating_add(1);
        }
        Some(pair)
    })
}
