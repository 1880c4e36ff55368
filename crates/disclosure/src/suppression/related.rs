//! What must be withheld where few people left since other sums were published, wherever they were.
//!
//! Take those who left out of the earlier sums. A new sum that then is a combination of them differs from the same
//! combination of what was published by those who left alone: it tells what they had there, and that it does not
//! differ tells as much. So it is withheld in either case. What already is a combination of sums that were
//! published since they left says nothing new.
//!
//! Vectors over people are too long to compute with. Each person falls into one of a few hundred places more than
//! there are sums, with a factor as if by chance; a combination of the sums is zero there if it is, and otherwise
//! but for a chance of about 2⁻⁶⁰.

use std::collections::BTreeSet;

use super::algebra::{Algebra, Exhausted};
use crate::evidence::Evidence;

/// Places beside one for each sum.
const MORE_PLACES: usize = 64;

/// Cells in their order of importance, each with its sums, beside what was published before people left, without
/// them, and since.
pub(crate) struct Beside<'a> {
    pub(crate) before: Vec<&'a Evidence>,
    pub(crate) since: Vec<&'a Evidence>,
    pub(crate) cells: Vec<Vec<&'a Evidence>>,
}

impl Beside<'_> {
    /// The cells, by number, that are withheld. Past the steps these are all that say anything.
    pub(crate) fn withheld(&self, steps: u64) -> BTreeSet<usize> {
        let sums = || self.before.iter().chain(&self.since).chain(self.cells.iter().flatten());
        let algebra = Algebra::new(sums().copied(), steps);
        let places = sums().count().saturating_add(MORE_PLACES);
        self.related(places, &algebra).unwrap_or_else(|Exhausted| {
            let says = |cell: &&Vec<&Evidence>| cell.iter().any(|sum| sum.contributors() > 0);
            let cells = self.cells.iter().enumerate();
            cells.filter(|(_, cell)| says(cell)).map(|(number, _)| number).collect()
        })
    }

    fn related(&self, places: usize, algebra: &Algebra) -> Result<BTreeSet<usize>, Exhausted> {
        let draw = |sum: &Evidence| drawn(sum, places, algebra);
        let (mut since, mut all) = (Space::default(), Space::default());
        for sum in &self.since {
            let sum = draw(sum)?;
            since.insert(sum.clone(), algebra)?;
            all.insert(sum, algebra)?;
        }
        for sum in &self.before {
            all.insert(draw(sum)?, algebra)?;
        }
        let mut withheld = BTreeSet::new();
        for (number, cell) in self.cells.iter().enumerate() {
            let (in_since, in_all) = (since.rows.len(), all.rows.len());
            for sum in cell {
                let sum = draw(sum)?;
                let is_new = all.insert(sum.clone(), algebra)?;
                if since.insert(sum, algebra)? && !is_new {
                    // The cell is withheld with all its sums.
                    since.rows.truncate(in_since);
                    all.rows.truncate(in_all);
                    withheld.insert(number);
                    break;
                }
            }
        }
        Ok(withheld)
    }
}

/// A subspace. Each row is 1 at its pivot and 0 at those of the rows before it.
#[derive(Default)]
struct Space {
    rows: Vec<(usize, Vec<u64>)>,
}

impl Space {
    /// Adds a vector; `false` if it was in the subspace.
    fn insert(&mut self, mut vector: Vec<u64>, algebra: &Algebra) -> Result<bool, Exhausted> {
        let field = algebra.field;
        for (pivot, row) in &self.rows {
            let factor = vector.get(*pivot).copied().unwrap_or(0);
            if factor != 0 {
                algebra.spend(row.len())?;
                for (value, other) in vector.iter_mut().zip(row) {
                    *value = field.subtract(*value, field.multiply(factor, *other));
                }
            }
        }
        let Some((pivot, first)) = vector.iter().copied().enumerate().find(|(_, value)| *value != 0) else {
            return Ok(false);
        };
        let factor = field.inverse(first);
        vector.iter_mut().for_each(|value| *value = field.multiply(factor, *value));
        self.rows.push((pivot, vector));
        Ok(true)
    }
}

/// A sum with its people in few places.
fn drawn(sum: &Evidence, places: usize, algebra: &Algebra) -> Result<Vec<u64>, Exhausted> {
    algebra.spend(sum.subjects().len().saturating_add(places))?;
    let field = algebra.field;
    let [to_place, to_factor] = [0, 1].map(|number| algebra.drawn(number));
    let length = u64::try_from(places).unwrap_or(u64::MAX);
    let mut vector = vec![0; places];
    for (subject, amount) in sum.contributions().iter() {
        let place = scrambled(u64::from(subject) ^ to_place).checked_rem(length).unwrap_or(0);
        let factor = field.residue(i128::from(scrambled(u64::from(subject) ^ to_factor)));
        if let Some(value) = usize::try_from(place).ok().and_then(|place| vector.get_mut(place)) {
            *value = field.add(*value, field.multiply(factor, field.residue(amount)));
        }
    }
    Ok(vector)
}

/// Every bit depends on every bit (the last steps of SplitMix64; Steele, Lea and Flood 2014).
fn scrambled(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::super::STEPS;
    use super::*;
    use crate::testing::{evidence, people};

    fn withheld(before: &[Evidence], since: &[Evidence], cells: &[&[Evidence]], steps: u64) -> Vec<usize> {
        let beside = Beside {
            before: before.iter().collect(),
            since: since.iter().collect(),
            cells: cells.iter().map(|cell| cell.iter().collect()).collect(),
        };
        beside.withheld(steps).into_iter().collect()
    }

    #[test]
    fn what_completes_a_combination_of_earlier_sums_is_withheld() {
        let before = [people(0..100), people(100..200)];
        let cells = |cells: &[Evidence]| {
            cells.iter().map(std::slice::from_ref).map(<[_]>::to_vec).collect::<Vec<_>>()
        };
        let ask = |since: &[Evidence], asked: &[Evidence], steps| {
            let cells = cells(asked);
            withheld(&before, since, &cells.iter().map(Vec::as_slice).collect::<Vec<_>>(), steps)
        };
        assert_eq!(ask(&[], &[people(0..100)], STEPS), [0], "the same");
        assert_eq!(ask(&[], &[people(0..200)], STEPS), [0], "coarser");
        assert_eq!(ask(&[], &[people(0..40), people(40..100)], STEPS), [1], "finer");
        assert_eq!(ask(&[], &[people(0..40), people(60..100)], STEPS), [] as [usize; 0]);
        assert_eq!(ask(&[], &[people(0..40), people(40..70), people(0..70)], STEPS), [] as [usize; 0]);
        assert_eq!(ask(&[people(0..40)], &[people(40..100), people(0..40)], STEPS), [0], "one of them since");
        assert_eq!(ask(&[people(0..100)], &[people(0..100)], STEPS), [] as [usize; 0], "known since");
        assert_eq!(ask(&[], &[people(0..40), people([]), people(50..60)], 300), [0, 2], "past the steps");
    }

    #[test]
    fn a_cell_is_withheld_with_all_its_sums() {
        let before = [people(0..100)];
        let records = evidence((0..100).map(|person| (person, 2 + i128::from(person % 3))));
        let cells: [&[Evidence]; 2] = [&[records.clone(), people(0..100)], std::slice::from_ref(&records)];
        assert_eq!(withheld(&before, &[], &cells, STEPS), [0]);
        let cells: [&[Evidence]; 3] =
            [std::slice::from_ref(&records), &[records.clone(), people(0..100)], &[people(0..50)]];
        assert_eq!(withheld(&before, &[], &cells, STEPS), [1]);
    }
}
