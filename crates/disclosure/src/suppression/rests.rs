//! Condition 3, the quick part for rests: nearly always a few passes over the sums show that none is
//! concentrated.
//!
//! A rest is people whose contributions to all published sums are proportional, each a multiple (their
//! *scale*) of what they share. So it reads the same sums for all of them, their contributions to one sum
//! are to each other as their scales are, and nobody's scale is above their smallest contribution.
//!
//! Where the contributions of a rest lie within a factor that is harmless, nobody is too much of it. The
//! person with the largest scale of a concentrated rest is therefore above that factor, as a multiple of the
//! smallest contribution, in every sum that they are in; and their scale itself is above it, since nobody's
//! scale is below one. Few people are so large in all their sums.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::algebra::{Algebra, Exhausted};
use super::people::common_divisor;
use super::sweep::{Block, Sweep};
use crate::evidence::Evidence;
use crate::profile::Profile;
use crate::rules::{self, Spread};

/// No product of two numbers that the rules form of a sum below this overflows.
pub(super) const LARGEST_SUM: u128 = 1 << 96;

/// Whether this shows that no rest of `shown` that has the minimum of people is concentrated.
pub(super) fn are_spread(
    shown: &[(u32, &Evidence)],
    profile: &Profile,
    algebra: &Algebra,
) -> Result<bool, Exhausted> {
    let harmless = rules::harmless_contribution(profile);
    let sums: Vec<Sum<'_>> = shown.iter().map(|(_, evidence)| Sum::of(evidence, harmless)).collect();
    if sums.iter().any(|sum| sum.evidence.absolute().is_none_or(|absolute| absolute >= LARGEST_SUM)) {
        return Ok(false);
    }
    let (narrow, wide): (Vec<&Sum<'_>>, Vec<&Sum<'_>>) = sums.iter().partition(|sum| sum.is_narrow());
    let covers = |wide: &Sum<'_>| {
        let all_contribute = |narrow: &Evidence| narrow.contributors() == narrow.people();
        narrow
            .iter()
            .any(|narrow| all_contribute(narrow.evidence) && narrow.evidence.has_the_people_of(wide.evidence))
    };
    if wide.into_iter().all(covers) {
        return Ok(true);
    }
    let blocks = Sweep::of(sums.iter().map(|sum| sum.evidence)).blocks();
    blocks.iter().try_for_each(|block| algebra.spend(block.size().saturating_mul(2)))?;
    let equal = blocks.par_iter().map(|block| {
        let people = People::of(block, &sums);
        (!people.some_scale_is_above(block, &sums, harmless)).then(|| Equal::of(&people))
    });
    let equal = equal.try_reduce(Equal::default, |one, other| Some(one.and(other)));
    Ok(equal.is_some_and(|equal| !equal.some_are_concentrated(profile)))
}

/// A published sum.
struct Sum<'a> {
    evidence: &'a Evidence,
    /// Up to this much, a contribution is no more than a harmless multiple of any other one.
    harmless: u128,
}

impl<'a> Sum<'a> {
    fn of(evidence: &'a Evidence, harmless: u128) -> Self {
        Self { evidence, harmless: evidence.smallest().saturating_mul(harmless) }
    }

    /// Whether nobody who contributes can be too much of a rest.
    fn is_narrow(&self) -> bool {
        self.evidence.largest() <= self.harmless
    }
}

/// What is noted of the people of a block, by place.
struct People {
    /// The sums that they are in.
    sums: Vec<Sums>,
    /// What they contribute to each of these, if it is the same; zero otherwise.
    equal: Vec<i128>,
    /// Whether they are harmless in one of them.
    harmless: Vec<bool>,
}

impl People {
    fn of(block: &Block<'_>, sums: &[Sum<'_>]) -> Self {
        let nobody = block.length();
        let mut people =
            Self { sums: vec![Sums::NONE; nobody], equal: vec![0; nobody], harmless: vec![false; nobody] };
        for (number, sum) in sums.iter().enumerate() {
            for (place, amount) in block.contributions(number) {
                let (Some(sums), Some(equal), Some(harmless)) =
                    (people.sums.get_mut(place), people.equal.get_mut(place), people.harmless.get_mut(place))
                else {
                    continue;
                };
                *equal = if *sums == Sums::NONE || *equal == amount { amount } else { 0 };
                *sums = sums.with(number);
                *harmless |= amount.unsigned_abs() <= sum.harmless;
            }
        }
        people
    }

    /// Whether somebody who contributes several amounts and is harmless in none has a scale above the harmless one.
    fn some_scale_is_above(&self, block: &Block<'_>, sums: &[Sum<'_>], harmless: u128) -> bool {
        let equal = |(sums, equal): (&Sums, &i128)| *equal != 0 && *sums != Sums::MANY;
        let equal = self.sums.iter().zip(&self.equal).map(equal);
        let large = equal.zip(&self.harmless).zip(&self.sums);
        let large = large.map(|((equal, harmless), sums)| *sums != Sums::NONE && !equal && !harmless);
        let mut scales: Vec<Option<u128>> = large.map(|large| large.then_some(0)).collect();
        if !scales.iter().any(Option::is_some) {
            return false;
        }
        for number in 0..sums.len() {
            for (place, amount) in block.contributions(number) {
                if let Some(Some(scale)) = scales.get_mut(place) {
                    *scale = common_divisor(*scale, amount.unsigned_abs());
                }
            }
        }
        scales.into_iter().flatten().any(|scale| scale > harmless)
    }
}

/// The sums that a person is in, as far as they can be told.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Sums {
    /// One more than the number of the first; zero for none.
    first: usize,
    /// The others, a bit for each.
    others: u128,
}

impl Sums {
    const NONE: Self = Self { first: 0, others: 0 };
    /// Those of somebody who is in several of which one has no bit.
    const MANY: Self = Self { first: usize::MAX, others: 0 };

    /// And a sum of a higher number.
    fn with(self, number: usize) -> Self {
        if self == Self::NONE {
            return Self { first: number.saturating_add(1), others: 0 };
        }
        let bit = u32::try_from(number).ok().and_then(|number| 1_u128.checked_shl(number));
        match bit.filter(|_| self != Self::MANY) {
            Some(bit) => Self { others: self.others | bit, ..self },
            None => Self::MANY,
        }
    }
}

/// People who contribute the same to each sum that they are in: those in the same sums are one rest, and the scale
/// of each is what they contribute.
#[derive(Default)]
struct Equal(HashMap<Sums, (u64, Spread)>);

impl Equal {
    fn of(people: &People) -> Self {
        let mut equal = Self::default();
        let mut last = (Sums::NONE, (0, Spread::NOBODY));
        for (sums, amount) in people.sums.iter().zip(&people.equal) {
            if *amount == 0 || *sums == Sums::MANY {
                continue;
            }
            if *sums != last.0 {
                equal.note(last);
                last = (*sums, (0, Spread::NOBODY));
            }
            let (people, spread) = &mut last.1;
            *people = people.saturating_add(1);
            *spread = spread.with(amount.unsigned_abs());
        }
        equal.note(last);
        equal
    }

    /// Takes in people who are in the same sums.
    fn note(&mut self, (sums, (people, spread)): (Sums, (u64, Spread))) {
        if people > 0 {
            let known = self.0.entry(sums).or_insert((0, Spread::NOBODY));
            *known = (known.0.saturating_add(people), known.1.and(spread));
        }
    }

    fn and(mut self, other: Self) -> Self {
        other.0.into_iter().for_each(|people| self.note(people));
        self
    }

    fn some_are_concentrated(&self, profile: &Profile) -> bool {
        let minimum = u64::from(profile.minimum_count);
        self.0.values().any(|(people, spread)| *people >= minimum && rules::concentrated(*spread, profile))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::columns::Column;
    use super::super::people;
    use super::*;
    use crate::testing::{evidence, japan};

    /// Whether no rest is concentrated, from the classes of all people.
    fn slow(shown: &[(u32, &Evidence)], profile: &Profile, algebra: &Algebra) -> bool {
        let columns: Vec<Column<'_>> = shown
            .iter()
            .map(|(_, evidence)| Column { evidence, withheld: false, standing: None, members: Vec::new() })
            .collect();
        let columns: Vec<&Column<'_>> = columns.iter().collect();
        let classes = people::classes(&columns, algebra).unwrap();
        let published: BTreeSet<u32> = shown.iter().map(|(number, _)| *number).collect();
        people::concentrated_rests(&classes, &published, profile, algebra).unwrap().is_empty()
    }

    fn check(sums: &[Evidence], minimum: u32) -> (bool, bool) {
        let mut profile = japan();
        profile.minimum_count = minimum;
        let algebra = Algebra::new(sums.iter(), 1 << 40);
        let shown: Vec<(u32, &Evidence)> = (0..).zip(sums).collect();
        (are_spread(&shown, &profile, &algebra).unwrap(), slow(&shown, &profile, &algebra))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_is_spread_at_a_glance_is_spread(
            // Few shapes and any scale, so that many people are proportional.
            people in prop::collection::vec((0_usize..4, prop_oneof![1_i128..6, 1_i128..2000], any::<bool>()), 1..60),
            shapes in prop::collection::vec(prop::collection::vec(prop_oneof![Just(0_i128), -3_i128..40], 3), 4),
            minimum in 3_u32..12,
        ) {
            let sum = |number: usize| {
                let amount = |(shape, scale, negative): &(usize, i128, bool)| {
                    shapes[*shape][number] * scale * if *negative { -1 } else { 1 }
                };
                evidence((0_u32..).zip(&people).map(|(subject, person)| (subject, amount(person))))
            };
            let sums: Vec<Evidence> = (0..3).map(sum).collect();
            let (fast, slow) = check(&sums, minimum);
            prop_assert!(!fast || slow);
        }
    }

    #[test]
    fn people_in_one_sum_alone_are_told_exactly() {
        let sum = |largest: i128| {
            [evidence((0..50).map(|subject| (subject, if subject == 7 { largest } else { 100 })))]
        };
        assert_eq!(check(&sum(3_900), 10), (true, true));
        assert_eq!(check(&sum(100_000), 10), (false, false));
    }

    #[test]
    fn large_amounts_beside_a_narrow_sum_are_spread() {
        let bill = |subject: u32| i128::from(subject).pow(4) + 1;
        // Days since a date are all of one size; who has none of them has a sum of their own.
        let days = evidence((0..200).map(|subject| (subject, 18_000 + i128::from(subject))));
        let bills = evidence((0..200).map(|subject| (subject, bill(subject))));
        assert_eq!(check(&[days, bills.clone()], 10), (true, true));
        let days = evidence((0..40).map(|subject| (subject, 18_000 + i128::from(subject))));
        assert_eq!(check(&[days, bills], 10), (true, true));
    }

    #[test]
    fn one_record_more_than_harmless_does_not_need_every_person() {
        let records = |subject: u32| if subject == 3 { 41 } else { 1 + i128::from(subject % 5) };
        let counts = evidence((0..300).map(|subject| (subject, records(subject))));
        let costs = evidence((0..300).map(|subject| (subject, records(subject) * 1_000 + 7)));
        assert_eq!(check(&[counts, costs], 10), (true, true));
    }

    #[test]
    fn an_amount_without_room_is_not_spread() {
        let sums = [evidence((0..20).map(|subject| (subject, i128::MAX / 2)))];
        assert!(!check(&sums, 10).0);
    }
}
