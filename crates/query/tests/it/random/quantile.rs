//! What is shown of a quantile: a multiple of 1, 2 or 5 times a power of ten, as wide as it takes for people enough to
//! share it.

use super::naive::Share;

/// One of so many people, and no more than the minimum, share what is shown.
const SHARING: usize = 8;
/// Of the narrowest grids, so many may be passed over: single values are shared by the minimum of people.
const NARROWEST: usize = 2;
/// The powers of ten that are tried.
const POWERS: std::ops::RangeInclusive<i32> = -2..=7;

/// Whether a quantile of some people may be shown so: all narrower grids have too few people near it.
pub(super) fn may_be_shown_as(shown: f64, quantile: f64, people: &[&Share], minimum: usize) -> bool {
    let people: Vec<&&Share> = people.iter().filter(|share| share.records > 0.0).collect();
    let some = people.len().div_ceil(SHARING).min(minimum);
    let grids = POWERS.flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
    // Two digits of it are the narrowest.
    let grids = grids.filter(|grid| *grid > quantile.abs() / 100.0);
    for (number, grid) in grids.enumerate() {
        let nearest = (quantile / grid).round() * grid;
        if (nearest - shown).abs() < 1e-6 {
            return true;
        }
        let near = |value: f64| (value - nearest).abs() < grid / 2.0 - 1e-6;
        let sharing = people.iter().filter(|share| near(share.low) || near(share.high)).count();
        if number >= NARROWEST && sharing >= some {
            return false;
        }
    }
    false
}
