//! The rows that a cell has in the system of one attribute.
//!
//! Where labels are values of the attribute, who is not in this row of the table is in another: the row of the
//! system is over all of them.

use std::collections::BTreeMap;

use crate::evidence::{Evidence, Tally};
use crate::rules::labels;
use crate::statistic::StatisticKind;
use crate::unreleased::{Attribute, CellTable, Frames};

/// The largest number that somebody counts. Above it nothing is released: it is no number of records.
const LARGEST: u128 = 1 << 40;

/// The labels of a row, but for those that are values of the attribute.
type Labels = Vec<Option<String>>;

/// The rows of one table in the system of one attribute, as they are asked for.
pub(super) struct Rows<'a> {
    table: &'a CellTable,
    attribute: &'a Attribute,
    /// The keys that are no values of the attribute.
    compared: Vec<usize>,
    with: Vec<Places<'a>>,
    without: Option<Places<'a>>,
    made: BTreeMap<(usize, usize, Labels), Option<Vec<Evidence>>>,
}

/// Sums under other conditions, by labels.
struct Places<'a> {
    frames: &'a Frames,
    rows: BTreeMap<Labels, Vec<usize>>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(table: &'a CellTable, attribute: &'a Attribute) -> Self {
        let compared: Vec<usize> =
            (0..table.keys.len()).filter(|key| !attribute.labels.contains(key)).collect();
        let places = |frames| Places::new(frames, &compared);
        let with = attribute.with.iter().flatten().map(places).collect();
        let without = attribute.without.as_ref().map(places);
        Self { table, attribute, compared, with, without, made: BTreeMap::new() }
    }

    /// The attribute's name.
    pub(super) fn name(&self) -> &'a str {
        &self.attribute.name
    }

    /// Whether conditions of a statistic read what it sums.
    pub(super) fn is_chosen(&self, statistic: usize) -> bool {
        self.table.statistics.get(statistic).is_some_and(|statistic| statistic.chosen)
    }

    /// The rows for one sum of a cell; `None` if they are not known.
    pub(super) fn of(&mut self, statistic: usize, part: usize, row: usize) -> Option<Vec<Evidence>> {
        self.attribute.with.as_ref()?;
        if let Some(step) = self.step(statistic, part, row) {
            // A curve has as many parts as the longest one of its table; of nobody nothing is told.
            return Some(Some(step).filter(|step| step.people() > 0).into_iter().collect());
        }
        let labels = labels(&self.table.keys, &self.compared, row);
        let place = (statistic, part, labels);
        if let Some(made) = self.made.get(&place) {
            return made.clone();
        }
        let made = self.make(&place);
        self.made.insert(place, made.clone());
        made
    }

    /// Who has the event, or leaves without it, in the step of a curve of which a part says one of both, or the people
    /// of a kind of a model: which it is, nobody may know.
    fn step(&self, statistic: usize, part: usize, row: usize) -> Option<Evidence> {
        let reads =
            |places: &Places<'_>| places.frames.sums.get(statistic).is_some_and(|parts| !parts.is_empty());
        let statistic = self.table.statistics.get(statistic).filter(|_| self.with.iter().any(reads))?;
        let StatisticKind::Estimate(estimator) = statistic.kind else { return None };
        let number = part.checked_sub(estimator.parts())?;
        let first = part.checked_sub(number.checked_rem(2)?)?;
        let people = |part: usize| Some(statistic.parts.get(part)?.evidence.get(row)?.subjects());
        let mut both: Vec<u32> =
            people(first)?.iter().chain(people(first.checked_add(1)?)?).copied().collect();
        both.sort_unstable();
        both.dedup();
        let mut tally = Tally::new();
        both.into_iter().for_each(|subject| tally.add_one(subject));
        Some(tally.freeze())
    }

    fn make(&self, place: &(usize, usize, Labels)) -> Option<Vec<Evidence>> {
        let without = self.without.iter().flat_map(|without| without.sums(place)).collect::<Vec<_>>();
        let mut rows = Vec::new();
        for with in &self.with {
            let with: Vec<&Evidence> = with.sums(place).collect();
            let row = match (with.as_slice(), without.as_slice()) {
                ([], []) => continue,
                ([one], []) => (*one).clone(),
                (with, without) => difference(with, without),
            };
            if row.largest() > LARGEST || row.absolute().is_none() {
                return None;
            }
            if row.contributors() > 0 {
                rows.push(row);
            }
        }
        Some(rows)
    }
}

impl<'a> Places<'a> {
    fn new(frames: &'a Frames, compared: &[usize]) -> Self {
        let mut rows: BTreeMap<Labels, Vec<usize>> = BTreeMap::new();
        let number = frames.sums.iter().flatten().map(Vec::len).max().unwrap_or(0);
        for row in 0..number {
            rows.entry(labels(&frames.keys, compared, row)).or_default().push(row);
        }
        Self { frames, rows }
    }

    fn sums(&self, (statistic, part, labels): &(usize, usize, Labels)) -> impl Iterator<Item = &'a Evidence> {
        let sums = self.frames.sums.get(*statistic).and_then(|parts| parts.get(*part));
        let rows = self.rows.get(labels).map(Vec::as_slice).unwrap_or_default();
        sums.into_iter()
            .flat_map(|sums| rows.iter().filter_map(|row| sums.get(*row)))
            .collect::<Vec<_>>()
            .into_iter()
    }
}

/// What people count in some sums, less what they count in others. Whoever is in several sums of a kind, with
/// other values, counts once: as much as where they count most.
fn difference(with: &[&Evidence], without: &[&Evidence]) -> Evidence {
    let last = with.iter().chain(without).filter_map(|sum| sum.subjects().last()).max();
    let length = last.and_then(|last| usize::try_from(*last).ok()).map_or(0, |last| last.saturating_add(1));
    let together = |sums: &[&Evidence]| {
        let mut counted = vec![0_i64; length];
        for (subject, amount) in sums.iter().flat_map(|sum| sum.contributions().iter()) {
            let slot = usize::try_from(subject).ok().and_then(|at| counted.get_mut(at));
            let amount = i64::try_from(amount).unwrap_or(i64::MAX);
            // Of two that are as large, the positive one: the order of the sums means nothing.
            let size = |amount: i64| (amount.unsigned_abs(), amount);
            let larger = |slot: &&mut i64| size(amount) > size(**slot);
            slot.filter(larger).into_iter().for_each(|slot| *slot = amount);
        }
        counted
    };
    let mut tally = Tally::new();
    for (subject, (with, without)) in (0_u32..).zip(together(with).iter().zip(together(without))) {
        let counts = with.saturating_sub(without);
        if counts != 0 {
            tally.add_word(subject, counts);
        }
    }
    tally.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::evidence;

    #[test]
    fn of_two_numbers_that_are_as_large_the_order_of_the_rows_chooses_none() {
        let (loss, gain) = (evidence([(0, -5), (1, -7), (2, 3)]), evidence([(0, 5), (1, 6), (2, 3)]));
        let expected = evidence([(0, 5), (1, -7), (2, 3)]);
        for rows in [[&loss, &gain], [&gain, &loss]] {
            assert!(difference(&rows, &[]).contributions() == expected.contributions());
            assert_eq!(difference(&[], &rows).largest(), 7);
        }
    }
}
