//! Whether one statistic of one cell may be shown, by itself.
//!
//! Each rule is a pure function over exact integers in a file of its own, with its formula, its source
//! and its boundary tests. A number that has no exact form fails: the rules close, never open.

mod area;
mod branch;
mod class;
mod contributors;
mod crowd;
mod degrees_of_freedom;
mod distinct;
mod dominance;
mod explain;
mod extremes;
mod form;
mod leverage;
mod moments;
mod p_percent;
mod quantile;
mod sparse;
mod spread;
mod threshold;
mod units;
mod zero;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::util::display::array_value_to_string;

use crate::evidence::Evidence;
use crate::profile::Profile;
use crate::unreleased::{CellTable, KeyColumn, Telling, Zero};

pub(crate) use class::others;
pub(crate) use crowd::{ENOUGH_TO_TELL, fails as are_few_beside_a_crowd, look_like_a_crowd};
pub use explain::RuleClass;
pub(crate) use form::{Form, Shown, judge_form};
pub(crate) use zero::empty_frames;

/// Why a number is withheld. Confidential: for an output checker, never for an analyst or a log.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Reason {
    /// Too few people live in the areas that it is about.
    Area,
    /// A FILTER or CASE branch separates too few people from their group.
    Branch,
    /// Together with what was released before, it would come too close to somebody's value.
    Budget,
    /// Nearly everybody of the group has a sensitive value.
    Class,
    /// Too few people contribute something other than zero.
    Contributors,
    /// All but few contribute the same, or multiples of one number, so that the rest of the sum is theirs.
    Crowd,
    /// Too few people beside the numbers that are estimated from them.
    DegreesOfFreedom,
    /// Too few people have one of the values that are counted.
    Distinct,
    /// One or two people are most of the sum.
    Dominance,
    /// It is one person's value, and the k-th of the profile, if it allows that, is no better.
    Extremes,
    /// The sum has no exact form, so that no rule can vouch for it.
    Inexact,
    /// One or two people are most of what an estimate of a model stands on.
    Leverage,
    /// One or two people are most of the squared deviations or products, or these bound the largest one
    /// too closely.
    Moments,
    /// The sum bounds its largest contribution too closely.
    PPercent,
    /// Too few people on one side of what would be shown, or too many records of one or two.
    Quantile,
    /// It would give away another number, or a combination that concerns too few people.
    Secondary,
    /// A model of single rows, of which few kinds are of few people.
    Sparse,
    /// All values are equal, or all points on one line, or a model cannot tell its terms apart: it would say
    /// everybody's.
    Spread,
    /// Too few people.
    Threshold,
    /// Too few institutions.
    Units,
    /// Nobody, where zeros are withheld.
    Zero,
}

/// How a sum is spread over people: all that dominance and the p% rule read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Spread {
    /// x₁, the largest |contribution| of one person.
    pub(crate) largest: u128,
    /// x₂, the second largest.
    pub(crate) second: u128,
    /// X, the sum of all |contributions|, unless it has no exact form.
    pub(crate) absolute: Option<u128>,
}

/// Which rules withhold a sum by itself, for an output checker's eyes: what it says is confidential.
#[must_use]
pub fn judge_sum(sum: &Evidence, profile: &Profile) -> BTreeSet<Reason> {
    judge_part(sum, false, profile)
}

/// What fails for the sum of one part of a statistic; `chosen` says that conditions read what is summed.
pub(crate) fn judge_part(part: &Evidence, chosen: bool, profile: &Profile) -> BTreeSet<Reason> {
    let spread = Spread::of(part);
    let exact = part.total().is_some() && part.absolute().is_some();
    let rules = [
        (Reason::Threshold, threshold::fails(part.people(), profile.minimum_count)),
        (Reason::Units, too_few_units(part, profile)),
        (Reason::Area, area::fails(part, &profile.areas)),
        (Reason::Zero, zero::fails(part.people(), profile.zeros)),
        (Reason::Contributors, contributors::fails(part.contributors(), profile.minimum_count)),
        (Reason::Crowd, crowd::fails(part, chosen, profile)),
        (Reason::Inexact, !exact),
        (Reason::Dominance, profile.dominances().any(|rule| dominance::fails(spread, rule))),
        (Reason::PPercent, p_percent::fails(spread, profile.p_permille)),
    ];
    failed(rules)
}

/// One row of a branch: who takes it, who does not, and what that tells.
pub(crate) struct Sides<'a> {
    pub(crate) inside: &'a Evidence,
    pub(crate) outside: &'a Evidence,
    pub(crate) telling: Telling,
    /// Who fulfils the conditions that are not sensitive, and who of them does not take the branch.
    pub(crate) frame: Option<(&'a Evidence, &'a Evidence, Telling)>,
    /// What is known of each side, if nobody is on it.
    pub(crate) zeros: (Zero, Zero),
}

/// What fails for a statistic as a whole: the group that it describes, and the branches in it.
pub(crate) fn judge_group<'a>(
    group: &Evidence,
    branches: impl IntoIterator<Item = Sides<'a>>,
    profile: &Profile,
) -> BTreeSet<Reason> {
    let (mut separates, mut empty, mut of_few, mut tells) = (false, false, false, false);
    let mut units = too_few_units(group, profile);
    let mut small = area::fails(group, &profile.areas);
    for Sides { inside, outside, telling, frame, zeros } in branches {
        // Somebody may be on both sides, with other records: who has the value has it.
        let few_without = |all: &Evidence, side: &Evidence| {
            class::fails(all.people().saturating_sub(side.people()), profile.minimum_count)
        };
        tells |= telling.inside && few_without(group, inside);
        tells |= telling.outside && few_without(group, outside);
        if let Some((all, rest, telling)) = frame {
            tells |= telling.inside && few_without(all, inside);
            tells |= telling.outside && few_without(all, rest);
        }
        separates |= branch::fails(inside.people(), outside.people(), profile.minimum_count);
        empty |= zero::fails(inside.people(), profile.zeros);
        let tells_of_few =
            |side: &Evidence, zero| side.people() == 0 && zero::tells(zero, profile.minimum_count);
        of_few |= tells_of_few(inside, zeros.0) || tells_of_few(outside, zeros.1);
        units |= too_few_units(inside, profile) || too_few_units(outside, profile);
        small |= area::fails(inside, &profile.areas) || area::fails(outside, &profile.areas);
    }
    let rules = [
        (Reason::Threshold, threshold::fails(group.people(), profile.minimum_count)),
        (Reason::Units, units),
        (Reason::Area, small),
        (Reason::Branch, separates),
        (Reason::Class, tells && group.people() > 0),
        (Reason::Zero, empty || (of_few && group.people() > 0)),
    ];
    failed(rules)
}

/// Whether people stand behind it, and too few of their other units.
fn too_few_units(evidence: &Evidence, profile: &Profile) -> bool {
    let few = |units: &u64| units::fails(*units, profile.minimum_units);
    evidence.people() > 0 && evidence.units().iter().any(few)
}

/// Whether one or two people are too much of a sum, by any rule of the profile.
pub(crate) fn concentrated(spread: Spread, profile: &Profile) -> bool {
    profile.dominances().any(|rule| dominance::fails(spread, rule))
        || p_percent::fails(spread, profile.p_permille)
}

/// A contribution that, as the largest of a sum of whole numbers to which the minimum of people
/// contribute, is never too much of it: the others contribute 1 at least.
pub(crate) fn harmless_contribution(profile: &Profile) -> u128 {
    let people = u128::from(profile.minimum_count);
    let harmless = |size: u128| {
        // The rules read the share of one, which is largest beside a small second, and the share of two.
        [1, size].into_iter().all(|second| {
            let absolute =
                people.checked_sub(2).map(|others| others.saturating_add(size).saturating_add(second));
            absolute.is_some() && !concentrated(Spread { largest: size, second, absolute }, profile)
        })
    };
    // Whatever is smaller than a harmless one is harmless.
    (0..64).rev().map(|power| 1_u128 << power).fold(0, |size, step| {
        let larger = size.saturating_add(step);
        if harmless(larger) { larger } else { size }
    })
}

impl Spread {
    /// Nobody.
    pub(crate) const NOBODY: Self = Self { largest: 0, second: 0, absolute: Some(0) };

    /// How a part is spread.
    pub(crate) fn of(part: &Evidence) -> Self {
        Self { largest: part.largest(), second: part.second(), absolute: part.absolute() }
    }

    /// The spread with one more person.
    pub(crate) fn with(self, size: u128) -> Self {
        let absolute = self.absolute.and_then(|sum| sum.checked_add(size));
        let second = self.second.max(size.min(self.largest));
        Self { largest: self.largest.max(size), second, absolute }
    }

    /// The spread of two groups of different people together.
    pub(crate) fn and(self, other: Self) -> Self {
        let absolute = match (self.absolute, other.absolute) {
            (Some(mine), Some(theirs)) => mine.checked_add(theirs),
            _ => None,
        };
        Self { absolute, ..self.with(other.largest).with(other.second) }
    }

    /// The spread where everybody contributes `factor` times as much.
    pub(crate) fn times(self, factor: u128) -> Self {
        let product = |size: u128| size.checked_mul(factor);
        match (product(self.largest), product(self.second), self.absolute.and_then(product)) {
            (Some(largest), Some(second), Some(sum)) => Self { largest, second, absolute: Some(sum) },
            _ => Self { absolute: None, ..self },
        }
    }
}

/// The rows of a table by the labels of the keys that are not sensitive.
fn parents(table: &CellTable) -> BTreeMap<Vec<Option<String>>, Vec<usize>> {
    let keys: Vec<usize> = table
        .keys
        .iter()
        .enumerate()
        .filter_map(|(key, labels)| (!labels.telling.anything()).then_some(key))
        .collect();
    let mut parents: BTreeMap<Vec<Option<String>>, Vec<usize>> = BTreeMap::new();
    for row in 0..table.groups.len() {
        parents.entry(labels(&table.keys, &keys, row)).or_default().push(row);
    }
    parents
}

/// The parent groups of a table by their labels.
struct Parents<'a> {
    table: &'a CellTable,
    /// The keys whose labels both have.
    compared: Vec<usize>,
    groups: BTreeMap<Vec<Option<String>>, Vec<&'a Evidence>>,
}

impl<'a> Parents<'a> {
    fn of(table: &'a CellTable) -> Option<Self> {
        let parent = table.parent.as_ref()?;
        let has_labels = |key: &KeyColumn| key.values.null_count() < key.values.len();
        let compared = parent.keys.iter().enumerate().filter(|(_, key)| has_labels(key));
        let compared: Vec<usize> = compared.map(|(key, _)| key).collect();
        let mut groups: BTreeMap<Vec<Option<String>>, Vec<&Evidence>> = BTreeMap::new();
        for (row, group) in parent.groups.iter().enumerate() {
            groups.entry(labels(&parent.keys, &compared, row)).or_default().push(group);
        }
        Some(Self { table, compared, groups })
    }

    /// Those of a row of the table.
    fn of_row(&self, row: usize) -> impl Iterator<Item = &'a Evidence> {
        let groups = self.groups.get(&labels(&self.table.keys, &self.compared, row));
        groups.into_iter().flatten().copied()
    }
}

/// The labels of a row in some of the keys.
pub(crate) fn labels(keys: &[KeyColumn], which: &[usize], row: usize) -> Vec<Option<String>> {
    let text = |key: &KeyColumn| {
        let text = key.values.is_valid(row).then(|| array_value_to_string(&key.values, row));
        text.and_then(Result::ok)
    };
    which.iter().map(|key| keys.get(*key).and_then(text)).collect()
}

/// Whether a label says that somebody has a value.
fn is_telling(key: &KeyColumn, row: usize) -> bool {
    let Telling { inside, outside } = key.telling;
    match key.values.as_boolean_opt() {
        Some(truth) if truth.is_valid(row) && truth.value(row) => inside,
        Some(truth) if truth.is_valid(row) => outside,
        Some(_) => inside && outside,
        None if key.values.is_valid(row) => inside,
        None => outside,
    }
}

fn failed<const N: usize>(rules: [(Reason, bool); N]) -> BTreeSet<Reason> {
    rules.into_iter().filter_map(|(reason, fails)| fails.then_some(reason)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_up_to_the_harmless_one_are_never_concentrated() {
        for minimum_count in [2, 3, 10, 20] {
            let mut profile = crate::testing::japan();
            profile.minimum_count = minimum_count;
            let harmless = harmless_contribution(&profile);
            let ones = |others: u32| (0..others).fold(Spread::NOBODY, |spread, _| spread.with(1));
            for largest in 1..=harmless {
                for second in 1..=largest {
                    let spread = ones(minimum_count - 2).with(largest).with(second);
                    assert!(!concentrated(spread, &profile), "{minimum_count} {largest} {second}");
                }
            }
            let more = ones(minimum_count - 2).with(harmless + 1).with(harmless + 1);
            assert!(concentrated(more, &profile), "{minimum_count}");
        }
    }

    #[test]
    fn spreads_of_different_people_add_up() {
        let left = Spread::NOBODY.with(5).with(9).with(1);
        assert_eq!(left, Spread { largest: 9, second: 5, absolute: Some(15) });
        let right = Spread::NOBODY.with(7).with(7);
        assert_eq!(left.and(right), Spread { largest: 9, second: 7, absolute: Some(29) });
        assert_eq!(left.times(2), Spread { largest: 18, second: 10, absolute: Some(30) });
        assert_eq!(left.times(u128::MAX).absolute, None);
    }
}
