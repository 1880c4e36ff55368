//! The search of condition 1: whether a combination concerns somebody of a group, and too few.
//!
//! Its people are made zero or concerned one after the other. What is zero already is kept as rows that
//! are put down and taken up again, over as many coordinates as the group has dimensions: nothing is
//! copied, and nothing allocated.

use std::collections::BTreeMap;

use super::algebra::{Algebra, Exhausted};
use super::echelon::{Echelon, value_at};
use super::few::{Combination, Form};
use super::field::Field;

/// Largest rank of a group that is searched; deeper ones lose a sum instead.
const RANK: usize = 16;
/// Most branches of one search.
const BRANCHES: u32 = 20_000;

/// A form in the coordinates of the group: its values at the pivots.
type Dense = [u64; RANK];

/// A small combination of the group, or one that could not be ruled out within the limits.
pub(super) fn search(
    group: &[Form],
    minimum: u64,
    algebra: &Algebra,
) -> Result<Option<Combination>, Exhausted> {
    let mut all = Echelon::default();
    for (form, _) in group {
        all.insert(form, algebra)?;
    }
    let last = group.iter().flat_map(|(form, _)| form).map(|(at, _)| *at).max();
    let unproven = last.map(|last| Combination::from([(last, 1)]));
    if all.rank() > RANK {
        return Ok(unproven);
    }
    let mut search =
        Search { forms: dense(group, &all), minimum, algebra, zero: Vec::new(), branches: BRANCHES };
    search.zero.reserve(all.rank());
    match search.descend(0, all.rank(), 0)? {
        Found::Nothing => Ok(None),
        Found::Small => search.combination(group).map(Some),
        Found::TooMany => Ok(unproven),
    }
}

/// The forms in coordinates of the space that they span: a form is the sum of the rows of the echelon form,
/// each times the form's value at its pivot.
fn dense(group: &[Form], all: &Echelon) -> Vec<(Dense, u64)> {
    let dense = |(form, people): &Form| {
        let mut values = Dense::default();
        for (value, (pivot, _)) in values.iter_mut().zip(all.rows()) {
            *value = value_at(form, pivot).unwrap_or(0);
        }
        (values, *people)
    };
    group.iter().map(dense).collect()
}

/// A search for a combination that concerns fewer than `minimum` people of a group.
struct Search<'a> {
    forms: Vec<(Dense, u64)>,
    minimum: u64,
    algebra: &'a Algebra,
    /// Independent forms that are zero, each reduced by those before it.
    zero: Vec<Zero>,
    branches: u32,
}

/// A form that is zero.
struct Zero {
    /// Its place in the group.
    form: usize,
    /// What of it does not follow from those before is 1 here,
    pivot: usize,
    /// and these values at other coordinates, as many as there are.
    others: [(usize, u64); RANK],
    length: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Found {
    Nothing,
    /// The forms in `zero` are zero, and the rest concerns few people.
    Small,
    TooMany,
}

impl Search<'_> {
    /// Decides the forms from `index` on: `free` dimensions are not zero yet, `concerned` people are
    /// concerned.
    fn descend(&mut self, index: usize, free: usize, concerned: u64) -> Result<Found, Exhausted> {
        let Some(branches) = self.branches.checked_sub(1) else { return Ok(Found::TooMany) };
        self.branches = branches;
        let Some(free_after) = free.checked_sub(1) else { return Ok(Found::Nothing) };
        let undecided = self.forms.iter().enumerate().skip(index);
        let mut undecided = undecided.map(|(place, (form, people))| (place, self.reduced(form), *people));
        let next = undecided.find(|(_, rest, _)| rest.iter().any(|value| *value != 0));
        let Some((place, rest, people)) = next else { return Ok(Found::Small) };
        self.algebra.spend(place.wrapping_sub(index).saturating_add(1).saturating_mul(RANK))?;
        let after = place.saturating_add(1);
        self.zero.push(Zero::of(place, &rest, self.algebra.field));
        match self.descend(after, free_after, concerned)? {
            Found::Nothing => {}
            found @ (Found::Small | Found::TooMany) => return Ok(found),
        }
        self.zero.pop();
        let concerned = concerned.saturating_add(people);
        if concerned < self.minimum { self.descend(after, free, concerned) } else { Ok(Found::Nothing) }
    }

    /// What is left of a form where those in `zero` are.
    fn reduced(&self, form: &Dense) -> Dense {
        let field = self.algebra.field;
        let mut rest = *form;
        for zero in &self.zero {
            let factor = rest.get(zero.pivot).copied().unwrap_or(0);
            if factor != 0 {
                for (at, other) in zero.others.iter().take(zero.length) {
                    if let Some(value) = rest.get_mut(*at) {
                        *value = field.subtract(*value, field.multiply(factor, *other));
                    }
                }
                if let Some(value) = rest.get_mut(zero.pivot) {
                    *value = 0;
                }
            }
        }
        rest
    }

    /// A combination that is zero on `zero` and on somebody it is not.
    fn combination(&self, group: &[Form]) -> Result<Combination, Exhausted> {
        let mut zero = Echelon::default();
        for form in self.zero.iter().filter_map(|zero| group.get(zero.form)) {
            zero.insert(&form.0, self.algebra)?;
        }
        let mut combination = BTreeMap::new();
        for (form, _) in group {
            let rest = zero.reduce(form, self.algebra)?;
            if let Some((free, _)) = rest.last() {
                combination.insert(*free, 1);
                for (pivot, row) in zero.rows() {
                    if let Some(value) = value_at(row, *free) {
                        combination.insert(pivot, self.algebra.field.subtract(0, value));
                    }
                }
                break;
            }
        }
        Ok(combination)
    }
}

impl Zero {
    /// `values` are not all zero.
    fn of(form: usize, values: &Dense, field: Field) -> Self {
        // Neither one nor −1 needs a division.
        let of = |wanted: u64| values.iter().position(|value| *value == wanted);
        let pivot = of(1).or_else(|| of(field.minus_one()));
        let pivot = pivot.or_else(|| values.iter().position(|value| *value != 0)).unwrap_or(0);
        let factor = field.inverse(values.get(pivot).copied().unwrap_or(1));
        let mut zero = Self { form, pivot, others: [(0, 0); RANK], length: 0 };
        let others = values.iter().enumerate().filter(|(at, value)| *at != pivot && **value != 0);
        for (other, (at, value)) in zero.others.iter_mut().zip(others) {
            *other = (at, field.multiply(factor, *value));
            zero.length = zero.length.saturating_add(1);
        }
        zero
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The search as it reads: each branch with an echelon form of its own.
    struct Slow<'a> {
        group: &'a [Form],
        minimum: u64,
        algebra: &'a Algebra,
        rank: usize,
        branches: u32,
    }

    impl Slow<'_> {
        /// The forms that are zero in a small combination.
        fn descend(&mut self, index: usize, zero: &[usize], concerned: u64) -> (Found, Vec<usize>) {
            let Some(branches) = self.branches.checked_sub(1) else { return (Found::TooMany, Vec::new()) };
            self.branches = branches;
            let mut space = Echelon::default();
            for place in zero {
                space.insert(&self.group[*place].0, self.algebra).unwrap();
            }
            if space.rank() == self.rank {
                return (Found::Nothing, Vec::new());
            }
            for (place, (form, people)) in self.group.iter().enumerate().skip(index) {
                if space.reduce(form, self.algebra).unwrap().is_empty() {
                    continue;
                }
                let more = [zero, &[place]].concat();
                let (found, zero_there) = self.descend(place + 1, &more, concerned);
                if found != Found::Nothing {
                    return (found, zero_there);
                }
                let concerned = concerned + people;
                if concerned < self.minimum {
                    return self.descend(place + 1, zero, concerned);
                }
                return (Found::Nothing, Vec::new());
            }
            (Found::Small, zero.to_vec())
        }
    }

    proptest! {
        #[test]
        fn the_search_finds_what_a_slow_one_finds(
            rows in prop::collection::vec((prop::collection::vec(-2_i128..4, 7), 1_u64..4), 1..18),
            minimum in 2_u64..9,
            most in prop::option::of(1_u32..40),
        ) {
            let algebra = Algebra::new(std::iter::empty(), 1 << 40);
            let form = |(row, people): (Vec<i128>, u64)| {
                // Coordinates with gaps, and more of them than dimensions.
                let entries = (0_u32..).step_by(3).zip(row).filter(|(_, amount)| *amount != 0);
                (entries.map(|(at, amount)| (at, algebra.field.residue(amount))).collect::<Vec<_>>(), people)
            };
            let group: Vec<Form> = rows.into_iter().map(form).filter(|(form, _)| !form.is_empty()).collect();
            let mut all = Echelon::default();
            group.iter().for_each(|(form, _)| { all.insert(form, &algebra).unwrap(); });
            let branches = most.unwrap_or(BRANCHES);
            let rank = all.rank();
            let mut slow = Slow { group: &group, minimum, algebra: &algebra, rank, branches };
            let (expected, zero) = slow.descend(0, &[], 0);
            let mut fast =
                Search { forms: dense(&group, &all), minimum, algebra: &algebra, zero: Vec::new(), branches };
            prop_assert_eq!(fast.descend(0, rank, 0).unwrap(), expected);
            prop_assert_eq!(fast.branches, slow.branches);
            if expected == Found::Small {
                prop_assert_eq!(fast.zero.iter().map(|zero| zero.form).collect::<Vec<_>>(), zero);
                let small = fast.combination(&group).unwrap();
                let says = |form: &[(u32, u64)]| {
                    form.iter().fold(0, |sum, (at, value)| {
                        algebra.field.add(sum, algebra.field.multiply(*value, small.get(at).copied().unwrap_or(0)))
                    })
                };
                let concerned: u64 = group.iter().filter(|(form, _)| says(form) != 0).map(|(_, people)| people).sum();
                prop_assert!((1..minimum).contains(&concerned), "{}", concerned);
            }
        }
    }
}
