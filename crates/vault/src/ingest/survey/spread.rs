//! How far apart the 1st and the 99th percentile of a column lie.
//!
//! Rows are counted in classes of one width, 2 to some power. The width doubles when there are too
//! many classes that hold rows, and two neighbours then become one: the classes in the end, and so the
//! range, depend on the values and not on their order.

use std::collections::HashMap;

use super::hash::ByHash;

/// Digits by which the largest of some doubles may be shifted left so that an `i128` holds it: 53 are
/// its own.
const ROOM: i32 = 73;

/// Counts rows by class.
pub(super) struct Spread {
    most: usize,
    /// A class is 2 to this wide.
    width: i32,
    /// The width that the largest double needs; wider ones come of too many classes.
    needed: i32,
    classes: HashMap<i128, u64, ByHash>,
}

/// The distance of two values: `count` × 2^`width`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Range {
    pub(super) count: u128,
    pub(super) width: i32,
}

impl Spread {
    /// Nothing yet; `most` classes are kept at most. It is at least 2: the widest classes are those
    /// below zero and the others.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(2), width: 0, needed: 0, classes: HashMap::default() }
    }

    /// Sees an integer, or a decimal as one.
    pub(super) fn see(&mut self, value: i128) {
        self.put(below(value, self.width));
    }

    /// Sees a finite double. A column has either those or integers.
    pub(super) fn see_double(&mut self, value: f64) {
        let (mantissa, exponent) = parts(value);
        let needed = exponent.saturating_sub(ROOM);
        if self.classes.is_empty() {
            (self.width, self.needed) = (needed, needed);
        }
        self.needed = self.needed.max(needed);
        if self.width < self.needed {
            self.widen(self.needed);
        }
        // A larger double has the larger exponent: after the step above, what is shifted left fits.
        let shift = exponent.saturating_sub(self.width);
        self.put(match u32::try_from(shift) {
            Ok(left) => mantissa.checked_shl(left).unwrap_or(mantissa),
            Err(_) => below(mantissa, shift.saturating_neg()),
        });
    }

    /// How far the 99th percentile (the nearest rank) lies from the 1st: exactly, or where classes had
    /// to be merged at least so far, by less than two classes. `None` if they are one, or there are no rows.
    pub(super) fn range(&self) -> Option<Range> {
        let mut classes: Vec<(i128, u64)> =
            self.classes.iter().map(|(class, rows)| (*class, *rows)).collect();
        classes.sort_unstable();
        let rows: u128 = classes.iter().map(|(_, rows)| u128::from(*rows)).sum();
        let first = percentile(&classes, rows.div_ceil(100))?;
        let last = percentile(&classes, (rows * 99).div_ceil(100))?;
        let merged = u128::from(self.width > self.needed);
        let count = last.abs_diff(first) + merged;
        (count > 0).then_some(Range { count, width: self.width })
    }

    fn put(&mut self, class: i128) {
        *self.classes.entry(class).or_default() += 1;
        while self.classes.len() > self.most {
            self.widen(self.width + 1);
        }
    }

    fn widen(&mut self, width: i32) {
        let by = width.saturating_sub(self.width);
        let mut classes = HashMap::with_capacity_and_hasher(self.classes.len(), ByHash::default());
        for (class, rows) in self.classes.drain() {
            *classes.entry(below(class, by)).or_default() += rows;
        }
        (self.classes, self.width) = (classes, width);
    }

    /// Classes that are kept now.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.classes.len()
    }
}

/// The class of that rank, from 1.
fn percentile(classes: &[(i128, u64)], rank: u128) -> Option<i128> {
    let mut seen = 0;
    let reached = classes.iter().find(|(_, rows)| {
        seen += u128::from(*rows);
        seen >= rank
    });
    reached.map(|(class, _)| *class)
}

/// The number divided by 2^`by` and rounded down.
fn below(number: i128, by: i32) -> i128 {
    // All that is left of a number that is shifted out is its sign.
    number >> by.clamp(0, 127)
}

/// A finite double as mantissa × 2^exponent, the mantissa of at most 53 digits (IEEE 754).
fn parts(value: f64) -> (i128, i32) {
    let bits = value.to_bits();
    let fraction = i128::from(bits & ((1 << 52) - 1));
    let biased = i32::try_from((bits >> 52) & 0x7FF).unwrap_or_default();
    let (magnitude, exponent) =
        if biased == 0 { (fraction, -1074) } else { (fraction | (1 << 52), biased - 1075) };
    (if value.is_sign_negative() { -magnitude } else { magnitude }, exponent)
}
