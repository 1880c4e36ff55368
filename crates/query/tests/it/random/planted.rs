//! One person more or less changes what is released only as the rules allow.
//!
//! What may depend on the person: numbers of cells that they stand in, and which cells of a table that they
//! stand in are blank or absent, since cells are suppressed together. What may not: the plan (judged
//! elsewhere), any byte where they add nothing to the analysis or stand in small groups only, and any
//! number of a group in which they have no record.
//!
//! The budget counts who could be in a cell, whatever they have, and the class rule who is in its group without the
//! sensitive value: whether somebody is there at all may show by these, so that they are left out where the person
//! is taken away. No value may show by them, so that they judge where the person has other ones.

use std::collections::BTreeMap;

use super::judge::Truth;
use super::naive::Rules;
use super::query::Grouping;
use super::whole::{Column, Shape, Whole};
use crate::fixture::Answer;

/// An analysis with and without a person.
pub(super) struct Both<'a> {
    pub(super) whole: &'a Whole,
    pub(super) truth: &'a Truth,
    pub(super) planted: &'a str,
    pub(super) rules: &'a Rules,
}

impl Both<'_> {
    /// Whether the person adds nothing that shows.
    pub(super) fn is_untouched(&self) -> bool {
        self.adds_nothing() || self.is_in_small_groups_only()
    }

    /// How many numbers of groups without the person are the same with and without them, as they must be.
    pub(super) fn judge(&self, with: &[u8], without: &[u8]) -> Result<usize, String> {
        let mut beside = 0;
        let without = self.by_labels(without);
        for (labels, rows) in self.by_labels(with) {
            let others = without.get(&labels);
            let ([row], Some([other])) = (rows.as_slice(), others.map(Vec::as_slice)) else { continue };
            for (place, column) in self.whole.columns.iter().enumerate() {
                let Column::Stat(query, _) = column else { continue };
                let query = self.whole.query_of(&labels, *query);
                let Some(group) = self.whole.group(&labels, query) else { continue };
                let blank = [row, other].iter().any(|row| row[place] == "#" || row[place] == "-");
                if blank || self.is_in(query, group) {
                    continue;
                }
                if row[place] != other[place] {
                    let (with, without) = (&row[place], &other[place]);
                    return Err(format!(
                        "{labels:?} is {with}, and {without} without somebody who is not in it"
                    ));
                }
                beside += 1;
            }
        }
        Ok(beside)
    }

    fn by_labels(&self, bytes: &[u8]) -> BTreeMap<Vec<String>, Vec<Vec<String>>> {
        let mut rows: BTreeMap<Vec<String>, Vec<Vec<String>>> = BTreeMap::new();
        for row in Answer::read(bytes).rows() {
            let (labels, values) = row.split_at(self.whole.labels);
            rows.entry(labels.to_vec()).or_default().push(values.to_vec());
        }
        rows
    }

    fn is_in(&self, query: usize, group: &[String]) -> bool {
        let groups = &self.truth.frontiers[query].groups;
        groups.get(group).is_some_and(|people| people.contains_key(self.planted))
    }

    /// Whether the person has no record in any frontier.
    pub(super) fn adds_nothing(&self) -> bool {
        let frontiers = &self.truth.frontiers;
        frontiers.iter().all(|behind| behind.groups.values().all(|people| !people.contains_key(self.planted)))
    }

    /// Whether each group of the person has some others and too few of them.
    fn is_in_small_groups_only(&self) -> bool {
        let [query] = self.whole.queries.as_slice() else { return false };
        let small = |people: usize| (2..self.rules.minimum).contains(&people);
        self.whole.shape == Shape::Alone
            && query.grouping == Grouping::ByAll
            && self.truth.frontiers[0]
                .groups
                .values()
                .all(|people| !people.contains_key(self.planted) || small(people.len()))
    }
}
