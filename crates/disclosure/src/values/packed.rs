//! A list of integers that takes eight bytes each for as long as they fit, and sixteen afterwards.

use std::ops::{Bound, RangeBounds};

/// Integers in the order in which they were added.
#[derive(Clone)]
pub(super) enum Packed {
    /// All of them fit into 64 bits.
    Narrow(Vec<i64>),
    /// One of them did not.
    Wide(Vec<i128>),
}

impl Default for Packed {
    fn default() -> Self {
        Self::Narrow(Vec::new())
    }
}

impl Packed {
    pub(super) fn push(&mut self, value: i128) {
        match (&mut *self, i64::try_from(value)) {
            (Self::Narrow(values), Ok(narrow)) => values.push(narrow),
            (Self::Narrow(values), Err(_)) => {
                let mut wide = Vec::with_capacity(values.capacity());
                wide.extend(values.drain(..).map(i128::from));
                wide.push(value);
                *self = Self::Wide(wide);
            }
            (Self::Wide(values), _) => values.push(value),
        }
    }

    pub(super) fn reserve_exact(&mut self, more: usize) {
        match self {
            Self::Narrow(values) => values.reserve_exact(more),
            Self::Wide(values) => values.reserve_exact(more),
        }
    }

    pub(super) fn append(&mut self, others: &Self) {
        match (&mut *self, others) {
            (Self::Narrow(values), Self::Narrow(others)) => values.extend_from_slice(others),
            (Self::Wide(values), Self::Wide(others)) => values.extend_from_slice(others),
            (Self::Wide(_), Self::Narrow(others)) => {
                others.iter().for_each(|value| self.push((*value).into()));
            }
            (Self::Narrow(_), Self::Wide(others)) => others.iter().for_each(|value| self.push(*value)),
        }
    }

    pub(super) fn get(&self, place: usize) -> Option<i128> {
        match self {
            Self::Narrow(values) => values.get(place).copied().map(i128::from),
            Self::Wide(values) => values.get(place).copied(),
        }
    }

    /// The places of the integers in a range, ascending.
    pub(super) fn places_within(
        &self,
        range: impl RangeBounds<i128>,
    ) -> Box<dyn Iterator<Item = usize> + '_> {
        let least = match range.start_bound() {
            Bound::Included(least) => *least,
            Bound::Excluded(below) => below.saturating_add(1),
            Bound::Unbounded => i128::MIN,
        };
        let most = match range.end_bound() {
            Bound::Included(most) => *most,
            Bound::Excluded(above) => above.saturating_sub(1),
            Bound::Unbounded => i128::MAX,
        };
        match self {
            Self::Narrow(values) => {
                // No integer here is outside of 64 bits; a range that is contains none of them, or all.
                let narrow = |limit: i128| i64::try_from(limit.clamp(i64::MIN.into(), i64::MAX.into()));
                let reaches = least <= i64::MAX.into() && most >= i64::MIN.into();
                match (narrow(least), narrow(most)) {
                    (Ok(least), Ok(most)) if reaches => Box::new(places(values, least, most)),
                    _ => Box::new(std::iter::empty()),
                }
            }
            Self::Wide(values) => Box::new(places(values, least, most)),
        }
    }

    pub(super) fn heap_size(&self) -> usize {
        match self {
            Self::Narrow(values) => values.capacity().saturating_mul(size_of::<i64>()),
            Self::Wide(values) => values.capacity().saturating_mul(size_of::<i128>()),
        }
    }

    /// Keeps each integer from `start` on once; how many are left in all.
    pub(super) fn sort_and_dedup_from(&mut self, start: usize) -> usize {
        match self {
            Self::Narrow(values) => sort_and_dedup_from(values, start),
            Self::Wide(values) => sort_and_dedup_from(values, start),
        }
        self.len()
    }

    /// The integer at a place in ascending order, and the one after it (at the end: itself).
    pub(super) fn neighbours(&self, place: usize) -> Option<(i128, i128)> {
        match self {
            Self::Narrow(values) => neighbours(values.clone(), place),
            Self::Wide(values) => neighbours(values.clone(), place),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Narrow(values) => values.len(),
            Self::Wide(values) => values.len(),
        }
    }
}

fn places<T: Copy + Ord>(values: &[T], least: T, most: T) -> impl Iterator<Item = usize> {
    let values = values.iter().enumerate();
    values.filter(move |(_, value)| least <= **value && **value <= most).map(|(place, _)| place)
}

fn sort_and_dedup_from<T: Copy + Ord>(values: &mut Vec<T>, start: usize) {
    // A single entry, the usual case, is in order already.
    if values.len().saturating_sub(start) < 2 {
        return;
    }
    let mut tail = values.split_off(start);
    tail.sort_unstable();
    tail.dedup();
    values.append(&mut tail);
}

fn neighbours<T: Copy + Ord + Into<i128>>(mut values: Vec<T>, place: usize) -> Option<(i128, i128)> {
    if place >= values.len() {
        return None;
    }
    let (_, at, above) = values.select_nth_unstable(place);
    let at: i128 = (*at).into();
    Some((at, above.iter().min().map_or(at, |next| (*next).into())))
}
