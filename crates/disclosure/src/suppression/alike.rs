//! Condition 1, for people who are in the same sums: whether enough of them are alike to decide by themselves.
//!
//! Of people in the same sums a combination says what a few numbers decide: of those who are counted once in each
//! of thirty tables, and have the same bill in all of them, what it makes of a person and of a bill. The argument of
//! the layers holds for them as for everybody: where minimum − 1 layers leave as much as there was, a combination is
//! zero for all of them or concerns the minimum. Where that holds for everybody, nothing more has to be looked
//! at, however many sums there are. Otherwise what is zero is kept, and the others are judged modulo it.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::algebra::{Algebra, Exhausted, Vector};
use super::crowd::{Crowd, times};
use super::echelon::Echelon;
use super::few;
use super::sweep::Block;

/// Most groups of people in the same sums, times the sums: as many coefficients are kept.
const MOST_COEFFICIENTS: usize = 1 << 24;
/// Most contributions of people who are looked at, of groups that are not decided yet.
const MOST_ENTRIES: usize = 1 << 23;
/// People of a group who are looked at.
const PEOPLE: usize = 96;

/// People in the same sums.
#[derive(Default)]
struct Alike {
    /// How many were looked at.
    people: usize,
    /// What some of them contribute.
    some: Vec<Vector>,
    /// What is zero of them, once that is known, for every small combination.
    zero: Echelon,
    /// A combination, by sum, that is zero for all of whom this is known.
    combination: Vec<u64>,
}

/// What people who are in the same sums decide.
pub(super) struct Decided {
    /// What is zero for every small combination.
    pub(super) zero: Vec<Vector>,
    /// Whether that is all of what everybody says.
    pub(super) all: bool,
}

/// What is decided by people who are in the same sums. `None`, if there are too many groups of them.
pub(super) fn decided(
    crowd: &Crowd<'_>,
    minimum: u64,
    algebra: &Algebra,
) -> Result<Option<Decided>, Exhausted> {
    let blocks = crowd.sweep().blocks();
    blocks.iter().try_for_each(|block| algebra.spend(block.size()))?;
    let drawn = crowd.drawn();
    let marked: Vec<(Block<'_>, Vec<u64>)> = blocks
        .into_par_iter()
        .map(|block| {
            let marks = marks(&drawn, &block);
            (block, marks)
        })
        .collect();
    let Some(mut groups) = groups(crowd, &marked, minimum, algebra)? else { return Ok(None) };
    for group in groups.values_mut() {
        group.decide(minimum, algebra)?;
        group.combination = crowd.combination(&group.zero);
    }
    let all = are_all_zero(&marked, &groups, algebra)?;
    let zero = groups.values().flat_map(|group| group.zero.rows());
    let mut zero: Vec<Vector> = zero.map(|(_, row)| row.clone()).collect();
    zero.sort_unstable();
    Ok(Some(Decided { zero, all }))
}

impl Alike {
    /// Takes layers away from those who are looked at.
    fn decide(&mut self, minimum: u64, algebra: &Algebra) -> Result<(), Exhausted> {
        let some = std::mem::take(&mut self.some);
        few::settle_by_layers(&some, &mut self.zero, 0, minimum, algebra).map(|_| ())
    }
}

/// People by the sums that they are in, with what some of them contribute.
fn groups(
    crowd: &Crowd<'_>,
    marked: &[(Block<'_>, Vec<u64>)],
    minimum: u64,
    algebra: &Algebra,
) -> Result<Option<HashMap<u64, Alike>>, Exhausted> {
    let mut groups: HashMap<u64, Alike> = HashMap::new();
    let mut entries = 0_usize;
    for (block, marks) in marked {
        let mut wanted = vec![false; block.length()];
        for (wanted, mark) in wanted.iter_mut().zip(marks).filter(|(_, mark)| **mark != 0) {
            let group = groups.entry(*mark).or_default();
            *wanted = group.people < PEOPLE;
            group.people = group.people.saturating_add(1);
        }
        let people = marks.iter().zip(&wanted).filter(|(_, wanted)| **wanted);
        for (row, (mark, _)) in block.rows(&wanted, crowd.numbers(), algebra).into_iter().zip(people) {
            let group = groups.entry(*mark).or_default();
            entries = entries.saturating_add(row.len());
            group.some.push(row);
            if group.some.len() == PEOPLE {
                let decided: usize = group.some.iter().map(Vec::len).sum();
                entries = entries.saturating_sub(decided);
                group.decide(minimum, algebra)?;
            }
        }
        if groups.len().saturating_mul(crowd.numbers().len()) > MOST_COEFFICIENTS || entries > MOST_ENTRIES {
            return Ok(None);
        }
    }
    Ok(Some(groups))
}

/// Which sums the people of a block are in, as numbers that are equal for those in the same ones; zero for none.
fn marks(drawn: &[u64], block: &Block<'_>) -> Vec<u64> {
    let mut marks = vec![0_u64; block.length()];
    for (sum, drawn) in drawn.iter().enumerate() {
        for (place, _) in block.contributions(sum) {
            marks.get_mut(place).into_iter().for_each(|mark| *mark = mark.wrapping_add(*drawn));
        }
    }
    marks
}

/// Whether nothing is left of anybody beside what is zero for their group.
fn are_all_zero(
    marked: &[(Block<'_>, Vec<u64>)],
    groups: &HashMap<u64, Alike>,
    algebra: &Algebra,
) -> Result<bool, Exhausted> {
    marked.iter().try_for_each(|(block, _)| algebra.spend(block.size()))?;
    let field = algebra.field;
    Ok(marked.par_iter().all(|(block, marks)| {
        let groups: Vec<Option<&Alike>> = marks.iter().map(|mark| groups.get(mark)).collect();
        let mut said = vec![0_u64; block.length()];
        for sum in 0..block.sums() {
            for (place, amount) in block.contributions(sum) {
                let group = groups.get(place).copied().flatten();
                let coefficient = group.and_then(|group| group.combination.get(sum)).copied();
                if let (Some(said), Some(coefficient)) = (said.get_mut(place), coefficient) {
                    *said = field.add(*said, times(field, coefficient, amount));
                }
            }
        }
        said.iter().all(|said| *said == 0)
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::columns::Column;
    use super::*;
    use crate::evidence::Evidence;
    use crate::testing::{evidence, people};

    fn with<T>(sums: &[Evidence], run: impl FnOnce(&[&Column<'_>], &BTreeSet<u32>, &Algebra) -> T) -> T {
        let column = |evidence| Column { evidence, withheld: false, standing: None, members: Vec::new() };
        let columns: Vec<Column<'_>> = sums.iter().map(column).collect();
        let columns: Vec<&Column<'_>> = columns.iter().collect();
        let numbers = (0_u32..).zip(sums).map(|(number, _)| number).collect();
        run(&columns, &numbers, &Algebra::new(sums.iter(), 1 << 30))
    }

    fn all_is_decided(sums: &[Evidence]) -> bool {
        with(sums, |columns, numbers, algebra| {
            let crowd = Crowd::of(columns, numbers, algebra);
            decided(&crowd, 10, algebra).unwrap().unwrap().all
        })
    }

    /// A bill that hardly two people share.
    fn bill(person: u32) -> i128 {
        1_000 + i128::from(person.wrapping_mul(2_654_435_769) >> 12)
    }

    /// Counts and bills of those from each of some ages on.
    fn by_age(ages: &[u32], less: Option<u32>) -> Vec<Evidence> {
        let age = |person: u32| person % 40;
        let group =
            |from: u32| (0..4_000).filter(move |person| age(*person) >= from && Some(*person) != less);
        let bills = |from: u32| evidence(group(from).map(|person| (person, bill(person))));
        ages.iter().flat_map(|from| [people(group(*from)), bills(*from)]).collect()
    }

    #[test]
    fn one_age_limit_after_the_other_is_decided_by_those_of_one_age() {
        let ages: Vec<u32> = (0..40).collect();
        assert!(all_is_decided(&by_age(&ages, None)));
        // One person who is in none of the second half.
        let mut sums = by_age(&ages[..20], None);
        sums.extend(by_age(&ages[..20], Some(39)));
        assert!(!all_is_decided(&sums));
        // Nine people with a sum of their own among many.
        let mut sums = by_age(&ages, None);
        sums.push(people((0..9).map(|person| person * 40)));
        assert!(!all_is_decided(&sums));
    }

    proptest! {
        #[test]
        fn where_all_is_decided_no_combination_is_small(
            // Each group is in some of the sums, and contributes ones or bills.
            groups in prop::collection::vec((0_u32..60, prop::collection::vec(0_u8..3, 6)), 1..5),
        ) {
            let mut sums: Vec<Vec<(u32, i128)>> = vec![Vec::new(); 6];
            let mut first = 0;
            for (size, of_sums) in &groups {
                for person in first..first + size {
                    for (sum, kind) in sums.iter_mut().zip(of_sums) {
                        match kind {
                            0 => {}
                            1 => sum.push((person, 1)),
                            _ => sum.push((person, bill(person))),
                        }
                    }
                }
                first += size;
            }
            let sums: Vec<Evidence> = sums.into_iter().map(|sum| evidence(sum.into_iter())).collect();
            if all_is_decided(&sums) {
                let kept = with(&sums, |columns, numbers, algebra| {
                    few::without_small_combinations(columns, numbers.clone(), 10, algebra).unwrap()
                });
                prop_assert_eq!(kept.len(), sums.len());
            }
        }
    }
}
