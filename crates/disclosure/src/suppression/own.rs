//! Condition 1, the quick part: sums with enough people of their own.
//!
//! Sums over the same people (a count and a sum of one group) are a *bundle*. A combination says of the
//! people who are in no other bundle only what this bundle's coefficients say. If already some of those
//! rule out, by the argument of the layers, that it concerns few of them and not nobody, then the
//! bundle's coefficients are zero in every small combination; and then its people count as people of
//! the bundles that are left. Of most tables nothing is left.

use std::collections::BTreeSet;

use super::algebra::{Algebra, Exhausted, Vector};
use super::columns::{Column, of_the_same_people};
use super::few;
use super::sweep::Sweep;

/// People of its own that are looked at for each sum of a bundle, beside twice the minimum.
const PEOPLE_FOR_EACH_SUM: usize = 8;

/// After so many people of which none is a bundle's own, none is looked for any more.
const IN_VAIN: usize = 1 << 14;

/// Sums over the same people, by number.
struct Bundle<'a> {
    numbers: Vec<u32>,
    columns: Vec<&'a Column<'a>>,
    /// What people of its own contribute.
    own: Vec<Vector>,
}

/// The sums of which a small combination may have some: the others' coefficients are zero in each.
pub(super) fn without_those_with_people_of_their_own(
    columns: &[&Column<'_>],
    sums: &BTreeSet<u32>,
    minimum: u64,
    algebra: &Algebra,
) -> Result<BTreeSet<u32>, Exhausted> {
    let mut bundles = bundles(columns, sums);
    loop {
        gather(&mut bundles, minimum, algebra)?;
        let before = bundles.len();
        let mut left = Vec::new();
        for bundle in bundles {
            if !bundle.is_settled(minimum, algebra)? {
                left.push(Bundle { own: Vec::new(), ..bundle });
            }
        }
        bundles = left;
        if bundles.is_empty() || bundles.len() == before {
            return Ok(bundles.into_iter().flat_map(|bundle| bundle.numbers).collect());
        }
    }
}

/// The bundles, largest first.
fn bundles<'a>(columns: &[&'a Column<'a>], sums: &BTreeSet<u32>) -> Vec<Bundle<'a>> {
    let chosen = (0_u32..).zip(columns.iter().copied()).filter(|(number, _)| sums.contains(number));
    let chosen: Vec<(u32, &Column<'_>)> = chosen.collect();
    let bundle = |places: Vec<usize>| {
        let (numbers, columns) = places.iter().filter_map(|place| chosen.get(*place).copied()).unzip();
        Bundle { numbers, columns, own: Vec::new() }
    };
    of_the_same_people(chosen.iter().map(|(_, column)| column.evidence)).into_iter().map(bundle).collect()
}

/// Looks for people of their own, until there are enough.
fn gather(bundles: &mut [Bundle<'_>], minimum: u64, algebra: &Algebra) -> Result<(), Exhausted> {
    let mut sweep = Sweep::of(bundles.iter().filter_map(|bundle| Some(bundle.columns.first()?.evidence)));
    let mut in_vain = vec![0_usize; bundles.len()];
    let is_wanting = |bundle: &Bundle<'_>, in_vain: &usize| !bundle.has_enough(minimum) && *in_vain < IN_VAIN;
    while bundles.iter().zip(&in_vain).any(|(bundle, in_vain)| is_wanting(bundle, in_vain))
        && let Some(block) = sweep.next_block()
    {
        algebra.spend(block.size())?;
        let mut bundles_of = vec![0_u8; block.length()];
        for index in 0..bundles.len() {
            for place in block.people(index) {
                if let Some(number) = bundles_of.get_mut(place) {
                    *number = number.saturating_add(1);
                }
            }
        }
        for (index, (bundle, in_vain)) in bundles.iter_mut().zip(&mut in_vain).enumerate() {
            if !is_wanting(bundle, in_vain) {
                continue;
            }
            let mut people = block.people(index).enumerate();
            let mut own = || {
                people.by_ref().find(|(_, place)| {
                    *in_vain = in_vain.saturating_add(1);
                    bundles_of.get(*place) == Some(&1)
                })
            };
            while !bundle.has_enough(minimum)
                && let Some((number, _)) = own()
            {
                let row = bundle.row(block.start(index).saturating_add(number), algebra);
                bundle.own.extend(Some(row).filter(|row| !row.is_empty()));
            }
            if !bundle.own.is_empty() {
                *in_vain = 0;
            }
        }
    }
    Ok(())
}

impl Bundle<'_> {
    fn has_enough(&self, minimum: u64) -> bool {
        let minimum = usize::try_from(minimum).unwrap_or(usize::MAX);
        let more = match self.numbers.len() {
            0 | 1 => 0,
            sums => sums.saturating_mul(PEOPLE_FOR_EACH_SUM).saturating_add(minimum),
        };
        self.own.len() >= minimum.saturating_add(more)
    }

    /// What the person at a place contributes.
    fn row(&self, place: usize, algebra: &Algebra) -> Vector {
        let sums = self.numbers.iter().zip(&self.columns);
        let entries = sums.filter_map(|(number, column)| {
            let residue = algebra.field.residue(column.evidence.amounts().get(place)?);
            (residue != 0).then_some((*number, residue))
        });
        let mut row: Vector = entries.collect();
        row.sort_unstable_by_key(|(number, _)| *number);
        row
    }

    /// Whether its people show that it is in no small combination.
    fn is_settled(&self, minimum: u64, algebra: &Algebra) -> Result<bool, Exhausted> {
        few::all_are_settled(&self.own, self.numbers.len(), minimum, algebra)
    }
}
