//! Condition 3 for two sums after many: the pairs that may leave too little, found without looking at each.
//!
//! A difference is too much one person's only if it is not many times as large as the largest contribution, so
//! that the totals of both sums are near. And the people whom a part leaves out are only looked at where the whole
//! has those of the part who are drawn first.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::super::algebra::Exhausted;
use super::super::difference;
use super::{Release, at, length};
use crate::evidence::Evidence;
use crate::history::Entry;
use crate::profile::Profile;
use crate::rules::{self, Spread};

/// Earlier sums with up to so many people are read from the first to the last.
const READ: usize = 1 << 14;

/// The pairs of an earlier and a new sum, or of two new ones, whose difference is too much one or two people's, or
/// few who stand out; earlier ones by place in the ledger, new ones by place among the new.
pub(super) struct Pairs {
    pub(super) with_earlier: Vec<(usize, usize)>,
    pub(super) of_new: Vec<(usize, usize)>,
}

impl Pairs {
    pub(super) fn of(release: &Release<'_>) -> Result<Self, Exhausted> {
        let new: Vec<(u32, &Evidence)> =
            (0_u32..).zip(release.new.iter().map(|column| column.evidence)).collect();
        let (profile, algebra) = (release.profile, &release.algebra);
        let of_new = difference::concentrated_ones(&new, 0, profile, algebra)?;
        let mut with_earlier = Vec::new();
        for ((number, sum), earlier) in new.iter().zip(candidates(release)) {
            algebra.spend(earlier.len())?;
            let sums = earlier
                .iter()
                .filter_map(|place| Some((*place, &release.ledger.entries().get(*place)?.evidence)));
            let (places, mut sums): (Vec<usize>, Vec<&Evidence>) = sums.unzip();
            sums.push(sum);
            let numbered: Vec<(u32, &Evidence)> = (0_u32..).zip(sums).collect();
            let found = difference::concentrated_ones(&numbered, length(places.len()), profile, algebra)?;
            let found = found.iter().filter_map(|(earlier, _)| places.get(at(*earlier)).copied());
            with_earlier.extend(found.map(|earlier| (earlier, at(*number))));
        }
        let of_new = of_new.iter().map(|(left, right)| (at(*left), at(*right))).collect();
        Ok(Self { with_earlier, of_new })
    }
}

/// For each new sum the earlier ones, by place, that may leave too little of it or it of them.
fn candidates(release: &Release<'_>) -> Vec<BTreeSet<usize>> {
    let (widths, ledger, new) = (Widths::of(release.profile), release.ledger, release.new_sums());
    let near = |sum: &&Evidence| ledger.near_in_value(sum, |most| widths.beside(most)).collect();
    let mut of_new: Vec<BTreeSet<usize>> = new.par_iter().map(near).collect();
    let wholes_and_parts = Drawn::of(release);
    let shown: Vec<(usize, &Entry)> = release.shown().collect();
    let found: Vec<(usize, Vec<usize>)> = shown
        .par_iter()
        .filter(|(_, entry)| entry.evidence.largest() >= difference::SMALLEST_AMOUNT)
        .map(|(place, entry)| {
            let drawn: Vec<u32> = ledger.drawn(*place).take(2).collect();
            (*place, wholes_and_parts.with(&entry.evidence, &drawn, &new))
        })
        .collect();
    for (place, new) in found {
        for new in new {
            of_new.get_mut(new).into_iter().for_each(|earlier| {
                earlier.insert(place);
            });
        }
    }
    of_new
}

/// How near two totals are of which the difference may be too much one person's.
struct Widths<'a> {
    profile: &'a Profile,
    harmless: u128,
}

impl<'a> Widths<'a> {
    fn of(profile: &'a Profile) -> Self {
        Self { profile, harmless: rules::harmless_contribution(profile) }
    }

    /// Where nobody's difference is more than `most`; `None` if that is harmless whatever the totals.
    fn beside(&self, most: u128) -> Option<u128> {
        if most <= self.harmless {
            return None;
        }
        let concentrated = |absolute: u128| {
            let spread = Spread { largest: most, second: most, absolute: Some(absolute) };
            rules::concentrated(spread, self.profile)
        };
        // Whatever is hidden in a sum is hidden in a larger one.
        let (mut least, mut width) = (0, most);
        while concentrated(width) {
            least = width;
            width = match width.checked_mul(2) {
                Some(width) if width < u128::from(u64::MAX) << 32 => width,
                Some(_) | None => return Some(u128::MAX),
            };
        }
        while width.saturating_sub(least) > 1 {
            let middle = least.midpoint(width);
            if concentrated(middle) { least = middle } else { width = middle }
        }
        Some(width)
    }
}

/// The people who are drawn first of each new sum.
struct Drawn {
    /// The new sums of whom each of them is the first one.
    first_of: BTreeMap<u32, Vec<usize>>,
    /// Whether they are, by dense id.
    is_first: Vec<bool>,
    /// The new sums that each person is in who is drawn first of an earlier sum.
    sums_of: BTreeMap<u32, Vec<usize>>,
}

impl Drawn {
    fn of(release: &Release<'_>) -> Self {
        let mut drawn = Self { first_of: BTreeMap::new(), is_first: Vec::new(), sums_of: BTreeMap::new() };
        let wide = |sum: &Evidence| sum.largest() >= difference::SMALLEST_AMOUNT;
        let new = release.new_sums();
        for (place, sum) in new.iter().enumerate().filter(|(_, sum)| wide(sum)) {
            if let Some(first) = first(sum) {
                drawn.first_of.entry(first).or_default().push(place);
                if drawn.is_first.len() <= at(first) {
                    drawn.is_first.resize(at(first).saturating_add(1), false);
                }
                drawn.is_first.get_mut(at(first)).into_iter().for_each(|is_first| *is_first = true);
            }
        }
        if drawn.first_of.is_empty() {
            return drawn;
        }
        let earlier = release.shown().filter(|(_, entry)| wide(&entry.evidence));
        let firsts: BTreeSet<u32> =
            earlier.filter_map(|(place, _)| release.ledger.drawn(place).next()).collect();
        for (place, sum) in new.iter().enumerate().filter(|(_, sum)| wide(sum)) {
            for subject in sum.subjects().iter().filter(|subject| firsts.contains(subject)) {
                drawn.sums_of.entry(*subject).or_default().push(place);
            }
        }
        drawn
    }

    /// The new sums that an earlier one may be a part or the whole of.
    fn with(&self, earlier: &Evidence, drawn: &[u32], new: &[&Evidence]) -> Vec<usize> {
        let has = |whole: &Evidence, part: &[u32]| {
            part.iter().all(|subject| whole.subjects().binary_search(subject).is_ok())
        };
        let wholes = drawn.first().and_then(|first| self.sums_of.get(first)).into_iter().flatten().copied();
        let is_whole = |whole: &&Evidence| whole.people() > earlier.people() && has(whole, drawn);
        let mut found: Vec<usize> = wholes.filter(|place| new.get(*place).is_some_and(&is_whole)).collect();
        let is_part = |part: &&Evidence| {
            let drawn: Vec<u32> = part.sketch().subjects().take(2).map(|(subject, _)| subject).collect();
            earlier.people() > part.people() && has(earlier, &drawn)
        };
        let mut of = |subject: &u32| {
            let parts = self.first_of.get(subject).into_iter().flatten();
            found.extend(parts.copied().filter(|place| new.get(*place).is_some_and(&is_part)));
        };
        let subjects = earlier.subjects();
        if subjects.len() <= READ {
            let is_first = |subject: &&u32| self.is_first.get(at(**subject)).is_some_and(|first| *first);
            subjects.iter().filter(is_first).for_each(of);
        } else {
            let inside = self.first_of.keys().filter(|first| subjects.binary_search(first).is_ok());
            inside.for_each(&mut of);
        }
        found
    }
}

/// Who is drawn first of a sum.
fn first(sum: &Evidence) -> Option<u32> {
    sum.sketch().subjects().next().map(|(subject, _)| subject)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::algebra::Algebra;
    use super::super::super::columns::Column;
    use super::*;
    use crate::evidence::Scale;
    use crate::history::{Ledger, Status};
    use crate::testing::{evidence, japan};

    /// Bills: most alike, some far larger, some paid back.
    fn sums() -> impl Strategy<Value = Vec<Evidence>> {
        let amount = prop_oneof![12 => 900_i128..1_100, 2 => 10_000_i128..90_000, 1 => -2_000_i128..0];
        let some = prop::collection::btree_map(0_u32..40, amount, 10..40);
        let all = (0_u32..20, 20_u32..40, 1_i128..4, 0_u32..40, prop_oneof![Just(0_i128), Just(50_000)]);
        let all = all.prop_map(|(from, to, times, one, more)| {
            let bill =
                |person: u32| times * (1_000 + i128::from(person % 7)) + if person == one { more } else { 0 };
            (from..to).map(|person| (person, bill(person))).collect()
        });
        let counted =
            (0_u32..20, 20_u32..40).prop_map(|(from, to)| (from..to).map(|person| (person, 1)).collect());
        let sum = prop_oneof![2 => some.boxed(), 4 => all.boxed(), 1 => counted.boxed()];
        prop::collection::vec(sum.prop_map(evidence), 2..12)
    }

    proptest! {
        #[test]
        fn the_pairs_that_leave_too_little_are_found_without_looking_at_each(sums in sums(), new in 1_usize..4) {
            let profile = japan();
            let mut ledger = Ledger::new();
            let (earlier, new) = sums.split_at(sums.len().saturating_sub(new));
            for evidence in earlier.iter().cloned() {
                ledger.note(Entry { evidence, scale: Scale::Integer, status: Status::Shown(10) });
            }
            let column = |evidence| Column { evidence, withheld: false, standing: None, members: Vec::new() };
            let columns: Vec<Column<'_>> = new.iter().map(column).collect();
            let release = Release {
                ledger: &ledger,
                profile: &profile,
                algebra: Algebra::new(sums.iter(), 1 << 30),
                new: columns.iter().collect(),
                hidden: Vec::new(),
                withheld: Vec::new(),
                rests: Vec::new(),
            };
            let all = ledger.entries().iter().map(|entry| &entry.evidence).chain(new);
            let all: Vec<(u32, &Evidence)> = (0_u32..).zip(all).collect();
            let standing = ledger.entries().len();
            let expected: BTreeSet<(usize, usize)> =
                difference::concentrated_ones(&all, length(standing), &profile, &release.algebra)
                    .unwrap()
                    .into_iter()
                    .map(|(left, right)| (at(left), at(right)))
                    .collect();
            let Pairs { with_earlier, of_new } = Pairs::of(&release).unwrap();
            let of_new = of_new.into_iter().map(|(left, right)| (left + standing, right + standing));
            let with_earlier = with_earlier.into_iter().map(|(left, right)| (left, right + standing));
            prop_assert_eq!(with_earlier.chain(of_new).collect::<BTreeSet<_>>(), expected);
        }
    }
}
