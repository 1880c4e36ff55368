//! A crowd that hides nobody: withheld where all but fewer than the minimum of people contribute one and the same,
//! or nearly, or multiples of one number, so that what is left of the sum is theirs.
//!
//! `sum(weight)` of a hundred people of 72 kg and of one whose weight is asked for is hers, modulo 72, without a count
//! beside it. Whoever chose the crowd knows its values; how many they are is in the sum. It is judged twice:
//! * *nearly the same*: the amounts less the usual one are judged as a sum by themselves
//!   ([`crate::suppression::few_stand_out`]);
//! * *multiples*: of the amounts, and of the amounts less the most frequent one, all but few have a divisor that
//!   these have not (a lattice). Large divisors are looked for in every sum; where conditions choose people
//!   by what is summed, small ones are too.
//!
//! Source: the (n,k) rule and the p % rule read what people contribute from zero on (Handbook on Statistical
//! Disclosure Control, 4.2.2); this reads it from what the others are known to contribute.

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::Evidence;
use crate::profile::Profile;
use crate::suppression::{common_divisor, few_stand_out};

/// People of whom each pair is compared.
const COMPARED: usize = 12;
/// A divisor that is as many times that of all leaves so few possible values that it is looked for in every sum,
const LARGE: u128 = 8;
/// if it is this part of a usual amount at least: the last digit of a bill says little of it.
const OF_USUAL: u128 = 16;
/// A divisor that is smaller beside it is the rounding of a double.
const OF_A_DOUBLE: u128 = 1 << 20;
/// One in so many people at most is left by a large divisor,
const FEW_OF_LARGE: u64 = 3;
/// and by a small one, which many groups have by chance.
const FEW_OF_SMALL: u64 = 8;

/// Whether a sum is that of few people beside a crowd; `chosen` says that conditions read what is summed.
pub(crate) fn fails(sum: &Evidence, chosen: bool, profile: &Profile) -> bool {
    let constant = sum.is_positive() && sum.largest() == sum.smallest();
    if constant || sum.contributors() < u64::from(profile.minimum_count) {
        return false;
    }
    few_stand_out(sum, chosen, profile) || few_are_no_multiples(sum, chosen, profile)
}

/// So many drawn people show whether others may be a crowd.
pub(crate) const ENOUGH_TO_TELL: usize = 16;

/// Whether what drawn people contribute may be that of a crowd beside few: one and the same, nearly, or multiples of
/// one number.
pub(crate) fn look_like_a_crowd(drawn: &[i128], profile: &Profile) -> bool {
    let mut sizes: Vec<u128> = drawn.iter().map(|amount| amount.unsigned_abs()).collect();
    sizes.sort_unstable();
    let at = |part: usize| sizes.get(sizes.len().saturating_mul(part) / 8).copied().unwrap_or(0);
    let nearly_the_same = at(7) <= at(1).saturating_mul(2);
    let few = |outside: usize| outside.saturating_mul(2) <= drawn.len();
    nearly_the_same || lattices(drawn, profile).any(|lattice| few(lattice.outside(drawn)))
}

/// Whether few people are outside of a lattice in which all others are.
fn few_are_no_multiples(sum: &Evidence, chosen: bool, profile: &Profile) -> bool {
    let drawn = drawn(sum);
    let mut sizes: Vec<u128> = drawn.iter().map(|amount| amount.unsigned_abs()).collect();
    sizes.sort_unstable();
    let usual = sizes.get(sizes.len() / 2).copied().unwrap_or(0);
    lattices(&drawn, profile).any(|lattice| lattice.leaves_few(sum, usual, chosen, profile))
}

/// The lattices outside of which there may be fewer people than the minimum.
fn lattices(drawn: &[i128], profile: &Profile) -> impl Iterator<Item = Lattice> {
    let origins = BTreeSet::from([0, most_frequent(drawn)]);
    let lattices = origins.into_iter().flat_map(|origin| {
        let from_origin = |amount: &i128| amount.checked_sub(origin).map(i128::unsigned_abs);
        let steps: Vec<u128> = drawn.iter().filter_map(from_origin).collect();
        divisors(&steps).into_iter().map(move |divisor| Lattice { origin, divisor })
    });
    let may_be_few = |lattice: &Lattice| {
        u64::try_from(lattice.outside(drawn)).is_ok_and(|few| few < u64::from(profile.minimum_count))
    };
    lattices.filter(may_be_few)
}

/// Numbers that are so many steps from an origin.
struct Lattice {
    origin: i128,
    divisor: u128,
}

impl Lattice {
    /// How many of some amounts are outside of it.
    fn outside(&self, amounts: &[i128]) -> usize {
        amounts.iter().filter(|amount| self.step(**amount).is_none_or(|step| !self.has(step))).count()
    }

    fn step(&self, amount: i128) -> Option<u128> {
        amount.checked_sub(self.origin).map(i128::unsigned_abs)
    }

    fn has(&self, step: u128) -> bool {
        step.checked_rem(self.divisor) == Some(0)
    }

    /// Whether few people are outside of it, and it says something of them.
    fn leaves_few(&self, sum: &Evidence, usual: u128, chosen: bool, profile: &Profile) -> bool {
        let (mut outside, mut of_all) = (0_u64, 0_u128);
        for amount in sum.amounts().iter().filter(|amount| *amount != 0) {
            let Some(step) = self.step(amount) else { return false };
            if !self.has(step) {
                outside = outside.saturating_add(1);
                of_all = common_divisor(of_all, step);
                if outside >= u64::from(profile.minimum_count) {
                    return false;
                }
            }
        }
        let times = self.divisor.checked_div(common_divisor(of_all, self.divisor)).unwrap_or(1);
        let large = times >= LARGE;
        let share = if large { FEW_OF_LARGE } else { FEW_OF_SMALL };
        let is_above = |part: u128| self.divisor.saturating_mul(part) >= usual;
        let tells = if chosen { is_above(OF_A_DOUBLE) } else { large && is_above(OF_USUAL) };
        tells && outside > 0 && outside.saturating_mul(share) <= sum.contributors()
    }
}

/// What drawn people contribute.
fn drawn(sum: &Evidence) -> Vec<i128> {
    let amount = |subject: u32| sum.amounts().get(sum.subjects().binary_search(&subject).ok()?);
    sum.sketch().subjects().filter_map(|(subject, _)| amount(subject)).collect()
}

fn most_frequent(amounts: &[i128]) -> i128 {
    let mut people: BTreeMap<i128, usize> = BTreeMap::new();
    for amount in amounts {
        let people = people.entry(*amount).or_insert(0);
        *people = people.saturating_add(1);
    }
    people.into_iter().max_by_key(|(_, people)| *people).map_or(0, |(amount, _)| amount)
}

/// The common divisors of pairs of some numbers, one apart.
fn divisors(numbers: &[u128]) -> BTreeSet<u128> {
    // What is at the origin itself has every divisor.
    let some = || numbers.iter().filter(|number| **number != 0).take(COMPARED).enumerate();
    let pairs = some().flat_map(|(place, left)| {
        some().skip(place.saturating_add(1)).map(move |(_, right)| common_divisor(*left, *right))
    });
    pairs.filter(|divisor| *divisor > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{evidence, japan};

    fn sum(crowd: &[(i128, u32)], others: &[i128]) -> Evidence {
        let crowd = crowd.iter().flat_map(|(amount, people)| std::iter::repeat_n(*amount, *people as usize));
        evidence((0_u32..).zip(crowd.chain(others.iter().copied())))
    }

    fn withheld(crowd: &[(i128, u32)], others: &[i128], chosen: bool) -> bool {
        fails(&sum(crowd, others), chosen, &japan())
    }

    #[test]
    fn one_person_beside_many_who_are_alike_is_withheld() {
        for chosen in [false, true] {
            assert!(withheld(&[(720, 100)], &[589], chosen));
            assert!(withheld(&[(13, 56)], &[47], chosen));
            assert!(withheld(&[(600, 40), (1_100, 30)], &[589], chosen));
            // Modulo 50, once their number is known.
            assert!(withheld(&[(610, 40), (1_110, 30)], &[589], chosen));
            assert!(!withheld(&[(720, 100)], &[], chosen));
            assert!(!withheld(&[(600, 40), (1_100, 30)], &[], chosen));
        }
    }

    #[test]
    fn the_minimum_of_people_beside_a_crowd_may_be_published() {
        let others: Vec<i128> = (0..10).map(|person| 500 + 7 * person).collect();
        assert!(withheld(&[(720, 100)], &others[..9], false));
        assert!(!withheld(&[(720, 100)], &others, false));
    }

    #[test]
    fn small_divisors_matter_where_people_are_chosen_by_what_is_summed() {
        let ages: Vec<(i128, u32)> = (20..50).map(|half| (2 * half, 2)).collect();
        assert!(withheld(&ages, &[71], true));
        assert!(!withheld(&ages, &[71], false));
    }

    #[test]
    fn a_band_of_bills_hides_no_bill_far_from_it() {
        let band: Vec<(i128, u32)> = (0..20).map(|step| (9_000 + 10 * step, 1)).collect();
        assert!(withheld(&band, &[5_686], true));
        assert!(!withheld(&band, &[], true));
    }

    #[test]
    fn the_digits_of_doubles_are_no_lattice() {
        let double = |value: f64| (value * (1_u64 << 60) as f64) as i128;
        let values = (0..400_u32).map(|person| 10.0 + f64::from(person.wrapping_mul(7_919) % 300) / 10.0);
        let of_few = (0..5).map(|person| 0.3 + f64::from(person) / 7.0);
        let crowd: Vec<(i128, u32)> = values.chain(of_few).map(|value| (double(value), 1)).collect();
        assert!(!withheld(&crowd, &[], true));
    }

    #[test]
    fn what_people_have_by_nature_is_let_through() {
        // Records, mostly one; readings that end on an even digit; ages; bills in tens.
        assert!(!withheld(&[(1, 50), (2, 3), (3, 2)], &[7], false));
        assert!(!withheld(&[(120, 9), (124, 8), (130, 11), (118, 6), (142, 5)], &[121, 133], false));
        let ages: Vec<(i128, u32)> = (30..80).map(|age| (age, 1 + u32::from(age % 3 == 0))).collect();
        assert!(!withheld(&ages, &[], false));
        let bills: Vec<(i128, u32)> = (1..60).map(|step| (step * step * 10, 1)).collect();
        assert!(!withheld(&bills, &[1_237, 995], false));
    }
}
