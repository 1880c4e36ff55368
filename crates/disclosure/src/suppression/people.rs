//! People by what they contribute: those whose contributions to every sum are proportional are a class.
//!
//! No combination of the sums tells the people of a class apart, other than by their scale.

use std::collections::{BTreeMap, BTreeSet};

use super::Secret;
use super::algebra::{Algebra, Exhausted, Vector};
use super::columns::Column;
use super::echelon::value_at;
use super::sweep::{Block, Sweep};
use crate::profile::Profile;
use crate::rules::{self, Spread};

/// Exact contributions without their common divisor: number of the sum, and amount.
type Exact = Vec<(u32, i128)>;

/// People with proportional contributions.
pub(super) struct Class {
    /// The contributions without their common divisor.
    exact: Exact,
    /// The same in the field.
    pub(super) vector: Vector,
    /// How many people.
    pub(super) people: u64,
    /// By how much each is a multiple of `exact`.
    spread: Spread,
}

impl Class {
    /// What each contributes to a sum, in the field and in units of their own scale.
    pub(super) fn entry(&self, number: u32) -> Option<u64> {
        value_at(&self.vector, number)
    }
}

/// The classes of the people behind some sums; a sum's number is its place.
pub(super) fn classes(columns: &[&Column<'_>], algebra: &Algebra) -> Result<Vec<Class>, Exhausted> {
    let mut grouped: BTreeMap<Exact, (u64, Spread)> = BTreeMap::new();
    let mut sweep = Sweep::of(columns.iter().map(|column| column.evidence));
    while let Some(block) = sweep.next_block() {
        algebra.spend(block.size())?;
        let ByPerson { ends, amounts } = ByPerson::of(&block, columns.len());
        let mut start = 0;
        for end in ends {
            let person = amounts.get(start..end).unwrap_or_default();
            start = end;
            if person.is_empty() {
                continue;
            }
            let (exact, scale) = without_common_divisor(person.to_vec());
            let (people, spread) = grouped.entry(exact).or_insert((0, Spread::NOBODY));
            *people = people.saturating_add(1);
            *spread = spread.with(scale.unsigned_abs());
        }
    }
    let in_field = |exact: &[(u32, i128)]| {
        let residues = exact.iter().map(|(number, amount)| (*number, algebra.field.residue(*amount)));
        residues.filter(|(_, residue)| *residue != 0).collect()
    };
    let class =
        |(exact, (people, spread)): (Exact, _)| Class { vector: in_field(&exact), exact, people, spread };
    Ok(grouped.into_iter().map(class).collect())
}

/// The contributions of the people of a block, one person after the other.
struct ByPerson {
    /// Where each person's end.
    ends: Vec<usize>,
    amounts: Exact,
}

impl ByPerson {
    fn of(block: &Block<'_>, sums: usize) -> Self {
        let mut ends = vec![0_usize; block.length()];
        for place in (0..sums).flat_map(|sum| block.contributions(sum)).map(|(place, _)| place) {
            if let Some(count) = ends.get_mut(place) {
                *count = count.saturating_add(1);
            }
        }
        // Each begins where those before end, and ends where it has been filled to.
        let mut all = 0_usize;
        for end in &mut ends {
            all = all.saturating_add(std::mem::replace(end, all));
        }
        let mut amounts: Exact = vec![(0, 0); all];
        for (sum, number) in (0..sums).zip(0_u32..) {
            for (place, amount) in block.contributions(sum) {
                if let Some(end) = ends.get_mut(place)
                    && let Some(entry) = amounts.get_mut(*end)
                {
                    *entry = (number, amount);
                    *end = end.saturating_add(1);
                }
            }
        }
        Self { ends, amounts }
    }
}

/// Rests that the published sums may leave of each other, and that one or two people are too much of:
/// the people whom no published sum tells apart, each with the scale of their contributions. Rests of
/// fewer people than the minimum are covered by the first condition.
pub(super) fn concentrated_rests(
    classes: &[Class],
    published: &BTreeSet<u32>,
    profile: &Profile,
    algebra: &Algebra,
) -> Result<Vec<Secret>, Exhausted> {
    let mut rests: BTreeMap<Exact, Rest> = BTreeMap::new();
    for (index, class) in classes.iter().enumerate() {
        algebra.spend(class.exact.len())?;
        let shown = class.exact.iter().filter(|(number, _)| published.contains(number)).copied().collect();
        let (exact, scale) = without_common_divisor(shown);
        if !exact.is_empty() {
            rests.entry(exact).or_default().add(index, class, scale);
        }
    }
    let minimum = u64::from(profile.minimum_count);
    let many = rests.into_values().filter(|rest| rest.people >= minimum);
    let concentrated = many.filter(|rest| rules::concentrated(rest.spread, profile));
    Ok(concentrated.map(|rest| rest.secret(algebra)).collect())
}

/// People whom no published sum tells apart.
struct Rest {
    people: u64,
    spread: Spread,
    /// The classes that they are, and by how much each is a multiple of what they share.
    classes: Vec<(usize, i128)>,
}

impl Default for Rest {
    fn default() -> Self {
        Self { people: 0, spread: Spread::NOBODY, classes: Vec::new() }
    }
}

impl Rest {
    fn add(&mut self, index: usize, class: &Class, scale: i128) {
        self.people = self.people.saturating_add(class.people);
        self.spread = self.spread.and(class.spread.times(scale.unsigned_abs()));
        self.classes.push((index, scale));
    }

    fn secret(self, algebra: &Algebra) -> Secret {
        let entries = self.classes.into_iter().map(|(class, scale)| (class, algebra.field.residue(scale)));
        Secret { entries: entries.filter(|(_, value)| *value != 0).collect() }
    }
}

/// Amounts divided by their greatest common divisor so that the first is positive, and the divisor, with
/// the sign that the first had.
fn without_common_divisor(amounts: Exact) -> (Exact, i128) {
    let divisor =
        amounts.iter().fold(0, |divisor, (_, amount)| common_divisor(divisor, amount.unsigned_abs()));
    let sign = amounts.first().map_or(1, |(_, amount)| amount.signum());
    match i128::try_from(divisor).ok().and_then(|divisor| divisor.checked_mul(sign)) {
        Some(divisor) if divisor != 0 => {
            let divided = |amount: &i128| amount.checked_div(divisor).unwrap_or(*amount);
            (amounts.iter().map(|(at, amount)| (*at, divided(amount))).collect(), divisor)
        }
        _ => (amounts, 1),
    }
}

/// The greatest common divisor; zero has every divisor.
pub(crate) fn common_divisor(left: u128, right: u128) -> u128 {
    let (mut left, mut right) = (left, right);
    // A division of 64 bits is far faster.
    while let (Ok(short), Ok(other)) = (u64::try_from(left), u64::try_from(right)) {
        match short.checked_rem(other) {
            Some(rest) => (left, right) = (right, u128::from(rest)),
            None => return left,
        }
    }
    while let Some(rest) = left.checked_rem(right) {
        (left, right) = (right, rest);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proportional_amounts_become_the_same() {
        let (exact, scale) = without_common_divisor(vec![(0, -6), (3, 4)]);
        assert_eq!((exact, scale), (vec![(0, 3), (3, -2)], -2));
        assert_eq!(without_common_divisor(vec![(0, 9), (3, -6)]), (vec![(0, 3), (3, -2)], 3));
        let least = vec![(1, i128::MIN)];
        assert_eq!(without_common_divisor(least.clone()), (least, 1));
    }
}
