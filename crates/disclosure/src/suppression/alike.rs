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
    let drawn = crowd.drawn();
    let mut groups = Groups { crowd, minimum, algebra, known: HashMap::new(), entries: 0 };
    let mut marked: Vec<Marked<'_>> = Vec::new();
    let mut blocks = crowd.sweep().blocks().into_iter();
    // Where there are too many groups, the first people show it; so few blocks go first, then more at once.
    for at_once in (0_u32..).map(|round| 1_usize.checked_shl(round).unwrap_or(usize::MAX)) {
        let next: Vec<Block<'_>> = blocks.by_ref().take(at_once).collect();
        if next.is_empty() {
            break;
        }
        next.iter().try_for_each(|block| algebra.spend(block.size()))?;
        let next: Vec<Marked<'_>> = next.into_par_iter().map(|block| Marked::of(block, &drawn)).collect();
        for block in &next {
            if !groups.add(block)? {
                return Ok(None);
            }
        }
        marked.extend(next);
    }
    let mut groups = groups.known;
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

/// People of a block by the sums that they are in.
struct Marked<'a> {
    block: Block<'a>,
    /// The group of each place, as the number of its mark and one; nought is nobody.
    group_of: Vec<u32>,
    /// What people in the same sums have in common, and nobody else; with how many they are.
    marks: Vec<(u64, usize)>,
}

impl<'a> Marked<'a> {
    fn of(block: Block<'a>, drawn: &[u64]) -> Self {
        let mut numbers: HashMap<u64, u32> = HashMap::new();
        let mut group_of = Vec::with_capacity(block.length());
        let mut marks: Vec<(u64, usize)> = Vec::new();
        for mark in in_sums(drawn, &block) {
            if mark == 0 {
                group_of.push(0);
                continue;
            }
            let number = *numbers.entry(mark).or_insert_with(|| {
                marks.push((mark, 0));
                u32::try_from(marks.len()).unwrap_or(0)
            });
            if let Some((_, people)) = at(number).and_then(|at| marks.get_mut(at)) {
                *people = people.saturating_add(1);
            }
            group_of.push(number);
        }
        Self { block, group_of, marks }
    }
}

/// The place of a number that is one more.
fn at(number: u32) -> Option<usize> {
    usize::try_from(number).ok()?.checked_sub(1)
}

/// People by the sums that they are in, with what some of them contribute.
struct Groups<'c, 'a> {
    crowd: &'c Crowd<'a>,
    minimum: u64,
    algebra: &'c Algebra,
    known: HashMap<u64, Alike>,
    /// Contributions that are held of groups that are not decided yet.
    entries: usize,
}

impl Groups<'_, '_> {
    /// Takes in the people of a block; whether there are still few enough groups.
    fn add(&mut self, marked: &Marked<'_>) -> Result<bool, Exhausted> {
        let mut wanted_of: Vec<usize> = Vec::with_capacity(marked.marks.len());
        for (mark, people) in &marked.marks {
            let group = self.known.entry(*mark).or_default();
            wanted_of.push(PEOPLE.saturating_sub(group.people).min(*people));
            group.people = group.people.saturating_add(*people);
        }
        if self.known.len().saturating_mul(self.crowd.numbers().len()) > MOST_COEFFICIENTS {
            return Ok(false);
        }
        if wanted_of.iter().all(|wanted| *wanted == 0) {
            return Ok(true);
        }
        let mut wanted = vec![false; marked.group_of.len()];
        let mut marks = Vec::new();
        for (wanted, number) in wanted.iter_mut().zip(&marked.group_of) {
            let place = at(*number);
            if let Some(left) = place.and_then(|place| wanted_of.get_mut(place)).filter(|left| **left > 0) {
                *left = left.saturating_sub(1);
                *wanted = true;
                marks.extend(place.and_then(|place| marked.marks.get(place)).map(|(mark, _)| *mark));
            }
        }
        let rows = marked.block.rows(&wanted, self.crowd.numbers(), self.algebra);
        for (row, mark) in rows.into_iter().zip(marks) {
            let group = self.known.entry(mark).or_default();
            self.entries = self.entries.saturating_add(row.len());
            group.some.push(row);
            if group.some.len() == PEOPLE {
                let decided: usize = group.some.iter().map(Vec::len).sum();
                self.entries = self.entries.saturating_sub(decided);
                group.decide(self.minimum, self.algebra)?;
            }
        }
        Ok(self.entries <= MOST_ENTRIES)
    }
}

/// Which sums the people of a block are in, as numbers that are equal for those in the same ones; zero for none.
fn in_sums(drawn: &[u64], block: &Block<'_>) -> Vec<u64> {
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
    marked: &[Marked<'_>],
    groups: &HashMap<u64, Alike>,
    algebra: &Algebra,
) -> Result<bool, Exhausted> {
    marked.iter().try_for_each(|marked| algebra.spend(marked.block.size()))?;
    let field = algebra.field;
    Ok(marked.par_iter().all(|Marked { block, group_of, marks }| {
        let groups: Vec<Option<&Alike>> = marks.iter().map(|(mark, _)| groups.get(mark)).collect();
        let mut said = vec![0_u64; block.length()];
        let mut coefficients: Vec<u64> = Vec::with_capacity(groups.len().saturating_add(1));
        for sum in 0..block.sums() {
            let of_group = |group: &Option<&Alike>| Some(*group.as_ref()?.combination.get(sum)?);
            coefficients.clear();
            coefficients.push(0);
            coefficients.extend(groups.iter().map(|group| of_group(group).unwrap_or(0)));
            for (place, amount) in block.contributions(sum) {
                let group = group_of.get(place).and_then(|group| usize::try_from(*group).ok());
                let coefficient = group.and_then(|group| coefficients.get(group)).copied();
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
