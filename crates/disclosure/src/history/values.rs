//! The sums that were shown by their totals: only those with near ones can leave little of each other.

use std::collections::BTreeMap;

use crate::evidence::Evidence;

/// Places of sums, by the power of two of the largest contribution and by total.
#[derive(Default)]
pub(super) struct Values {
    places: BTreeMap<(u32, i128), Vec<usize>>,
    /// Those with contributions below zero, or without an exact total.
    others: Vec<usize>,
}

impl Values {
    /// Takes in a sum that is shown.
    pub(super) fn add(&mut self, sum: &Evidence, place: usize) {
        match sum.total().filter(|_| sum.is_positive()) {
            Some(total) => self.places.entry((power(sum.largest()), total)).or_default().push(place),
            None => self.others.push(place),
        }
    }

    /// The sums with a total that is less than a width away from a sum's, which depends on the largest
    /// contribution of both; `None` is no width.
    pub(super) fn near(&self, sum: &Evidence, width: impl Fn(u128) -> Option<u128>) -> Vec<usize> {
        let total = sum.total().filter(|_| sum.is_positive());
        let least = sum.absolute();
        let mut near = self.others.clone();
        let mut next = self.places.first_key_value().map(|((power, _), _)| *power);
        while let Some(power) = next {
            let most = most_of(power).max(sum.largest());
            // Of what a few people have, sums in which everybody has little can take little away.
            let taken = most_of(power).saturating_mul(u128::from(sum.contributors())).saturating_mul(2);
            let range = match (total, width(most)) {
                (Some(_), None) => None,
                (Some(_), Some(width)) if least.is_some_and(|all| all.saturating_sub(taken) >= width) => None,
                (Some(total), Some(width)) => {
                    let width = i128::try_from(width).unwrap_or(i128::MAX);
                    Some((power, total.saturating_sub(width))..=(power, total.saturating_add(width)))
                }
                (None, _) => Some((power, i128::MIN)..=(power, i128::MAX)),
            };
            near.extend(
                range.into_iter().flat_map(|range| self.places.range(range)).flat_map(|(_, places)| places),
            );
            let after = (power.saturating_add(1), i128::MIN);
            next = self.places.range(after..).next().map(|((power, _), _)| *power);
        }
        near
    }

    pub(super) fn heap_size(&self) -> usize {
        // A key, a list and its place.
        self.places.len().saturating_mul(80).saturating_add(self.others.capacity().saturating_mul(8))
    }
}

/// The power of two that is no more than a number.
fn power(number: u128) -> u32 {
    number.checked_ilog2().unwrap_or(0)
}

/// What nobody contributes more than, of sums with largest contributions of this power.
fn most_of(power: u32) -> u128 {
    2_u128.checked_pow(power.saturating_add(1)).unwrap_or(u128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::evidence;

    #[test]
    fn only_sums_with_near_totals_are_found() {
        let sum = |amount: i128, people: u32| evidence((0..people).map(|person| (person, amount)));
        let mut values = Values::default();
        let sums = [sum(100, 10), sum(1, 990), sum(100, 50), sum(7, 10), evidence([(1, -500), (2, 500)])];
        for (place, sum) in sums.iter().enumerate() {
            values.add(sum, place);
        }
        let near = |sum: &Evidence, width: Option<u128>| {
            let mut near = values.near(sum, |most| width.filter(|_| most > 9));
            near.sort_unstable();
            near
        };
        assert_eq!(
            near(&sum(100, 11), Some(200)),
            [0, 4],
            "eleven people take no more than eleven from a count"
        );
        assert_eq!(near(&sum(100, 11), Some(1_080)), [0, 1, 3, 4]);
        assert_eq!(near(&sum(1, 1_100), Some(200)), [0, 4], "of counts none is near enough to matter");
        assert_eq!(near(&sum(1, 1_100), None), [4]);
        assert_eq!(near(&evidence([(5, -1), (6, 3)]), Some(1)), [0, 1, 2, 3, 4]);
    }
}
