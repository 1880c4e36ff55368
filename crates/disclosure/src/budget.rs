//! How close everything that was released of a dataset comes to one person's value: the budget against
//! reconstruction.
//!
//! Whoever knows who is meant by many overlapping conditions solves their answers as a system of equations
//! for each person's diagnosis, however many people stand behind each answer (Dinur and Nissim 2003). So for
//! each column of codes, and each confidential one (an *attribute*), what was released of it is kept as a
//! linear system: a row for each sum, with what each person would count if the conditions that read the
//! column were fulfilled, less what they would count if not. Nobody's value is in a row.
//!
//! A person's *leverage* is the squared length of their unit vector's projection on the span of the rows: 0
//! where no answer concerns them, 1 where their value follows. A cell whose rows would lift anybody's leverage
//! above the profile's limit is withheld. Everybody counts, so that it cannot be diluted; and since no value
//! is read, being withheld tells none.
//!
//! It is judged last, over what all other rules let through: what stays hidden tells nothing and costs
//! nothing, and to withhold more opens nothing. What is withheld here needs no protection from the other
//! cells: if it follows from them, so does its row from theirs, and it is free.

mod factor;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::evidence::Evidence;
use crate::profile::Profile;
use crate::rules;
use crate::unreleased::CellTable;
use factor::{Factor, Mark, Verdict};
use rows::Rows;

/// What was released of each attribute.
#[derive(Default)]
pub(crate) struct Budget {
    attributes: BTreeMap<String, Factor>,
}

/// A row that a release adds: of which attribute, and what each person counts.
#[derive(Clone)]
pub(crate) struct Charge {
    /// The stored column, as `table.column`.
    pub(crate) attribute: String,
    /// Who counts how often.
    pub(crate) row: Evidence,
}

/// A cell that all other rules let through.
pub(crate) struct Asked {
    /// The table, in the order of the plan.
    pub(crate) table: usize,
    /// The statistic in it.
    pub(crate) statistic: usize,
    /// The row, as the engine gave it.
    pub(crate) row: usize,
    /// The parts whose sums its value implies.
    pub(crate) parts: Vec<usize>,
}

/// What a release costs.
pub(crate) struct Spent {
    /// The cells, by their place in what was asked, that come too close to somebody's value.
    pub(crate) too_close: BTreeSet<usize>,
    /// What the others add.
    pub(crate) charges: Vec<Charge>,
}

/// How much was released of one attribute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Usage {
    /// The stored column, as `table.column`.
    pub attribute: String,
    /// How many different answers stand in its system, those that follow from others apart.
    pub answers: usize,
}

impl Budget {
    /// Takes in what a release added.
    pub(crate) fn take(&mut self, charge: &Charge) {
        let factor = self.attributes.entry(charge.attribute.clone()).or_insert_with(Factor::new);
        let cost = factor.cost(&charge.row);
        if !cost.is_nothing() {
            factor.add(&charge.row, &cost);
        }
    }

    /// Judges cells in their order.
    #[cfg(test)]
    pub(crate) fn spend(&self, tables: &[CellTable], asked: &[Asked], profile: &Profile) -> Spent {
        self.spend_since(None, (tables, asked), profile)
    }

    /// Judges cells in their order; after few people left, with what was released since. A row that follows from
    /// those of before they left then counts none of them. Had it counted one, it would be too close to theirs: so it
    /// is withheld in either case, and only what follows from rows since is free.
    pub(crate) fn spend_since(
        &self,
        since: Option<&Self>,
        (tables, asked): (&[CellTable], &[Asked]),
        profile: &Profile,
    ) -> Spent {
        let attributes = tables.iter().flat_map(|table| &table.attributes);
        let names: BTreeSet<&str> = attributes.map(|attribute| attribute.name.as_str()).collect();
        // Attributes have only the cells in common that are withheld for one of them; mostly there are none.
        let alone = |name: &&str| self.spend_on(since, (tables, asked), profile, Some(*name));
        let alone: Vec<Spent> =
            if names.len() > 1 { names.par_iter().map(alone).collect() } else { Vec::new() };
        if !alone.is_empty() && alone.iter().all(|spent| spent.too_close.is_empty()) {
            let charges = alone.into_iter().flat_map(|spent| spent.charges).collect();
            return Spent { too_close: BTreeSet::new(), charges };
        }
        let mut spent = self.spend_on(since, (tables, asked), profile, None);
        spent.charges.sort_by(|left, right| left.attribute.cmp(&right.attribute));
        spent
    }

    /// Judges cells in their order; of one attribute alone, if it is named, up to the first that is withheld.
    fn spend_on(
        &self,
        since: Option<&Self>,
        (tables, asked): (&[CellTable], &[Asked]),
        profile: &Profile,
        alone: Option<&str>,
    ) -> Spent {
        let mut spending = Spending {
            before: self,
            since: since.map(|budget| Since { budget, factors: BTreeMap::new(), marks: BTreeMap::new() }),
            limit: f64::from(profile.max_leverage) / 1000.0,
            profile,
            factors: BTreeMap::new(),
            known: BTreeMap::new(),
            charges: Vec::new(),
        };
        let mut too_close = BTreeSet::new();
        let mut rows: Vec<Vec<Rows<'_>>> = tables
            .iter()
            .map(|table| {
                let of = table.attributes.iter().filter(|of| alone.is_none_or(|alone| of.name == alone));
                of.map(|of| Rows::new(table, of)).collect()
            })
            .collect();
        for (at, cell) in asked.iter().enumerate() {
            let attributes = rows.get_mut(cell.table).map(Vec::as_mut_slice).unwrap_or_default();
            if !spending.cell(cell, attributes) {
                too_close.insert(at);
                if alone.is_some() {
                    break;
                }
            }
        }
        Spent { too_close, charges: spending.charges }
    }

    /// How much was released of each attribute.
    pub(crate) fn usage(&self) -> impl Iterator<Item = Usage> {
        let usage = |(attribute, factor): (&String, &Factor)| Usage {
            attribute: attribute.clone(),
            answers: factor.rank(),
        };
        self.attributes.iter().map(usage)
    }

    pub(crate) fn heap_size(&self) -> usize {
        self.attributes.values().map(Factor::heap_size).fold(0, usize::saturating_add)
    }
}

/// A release while its cells are judged.
struct Spending<'a> {
    before: &'a Budget,
    /// After few people left, what was released since.
    since: Option<Since<'a>>,
    profile: &'a Profile,
    limit: f64,
    /// The attributes that the release reads, with what it was charged already.
    factors: BTreeMap<String, Factor>,
    /// The rows of this release that were charged, or follow from others.
    known: BTreeMap<String, BTreeSet<ByContributions>>,
    charges: Vec<Charge>,
}

/// What was released since few people left, with what the release adds.
struct Since<'a> {
    budget: &'a Budget,
    factors: BTreeMap<String, Factor>,
    /// How far each had come before the present cell.
    marks: BTreeMap<String, Mark>,
}

impl Since<'_> {
    fn factor(&mut self, attribute: &str) -> &mut Factor {
        let before = || self.budget.attributes.get(attribute).cloned().unwrap_or_else(Factor::new);
        self.factors.entry(attribute.to_owned()).or_insert_with(before)
    }

    /// Whether a row follows from what was released since.
    fn gives(&mut self, attribute: &str, row: &Evidence) -> bool {
        self.factor(attribute).cost(row).is_nothing()
    }

    fn add(&mut self, attribute: &str, row: &Evidence) {
        let factor = self.factor(attribute);
        let (mark, cost) = (factor.mark(), factor.cost(row));
        factor.add(row, &cost);
        self.marks.entry(attribute.to_owned()).or_insert(mark);
    }

    fn undo(&mut self) {
        for (attribute, mark) in std::mem::take(&mut self.marks) {
            self.factors.get_mut(&attribute).into_iter().for_each(|factor| factor.back_to(&mark));
        }
    }
}

impl Spending<'_> {
    /// Charges a cell with all its rows, or not at all; whether it may be released.
    fn cell(&mut self, cell: &Asked, attributes: &mut [Rows<'_>]) -> bool {
        let mut marks: BTreeMap<String, Mark> = BTreeMap::new();
        let (charged, mut learned) = (self.charges.len(), Vec::new());
        self.since.iter_mut().for_each(|since| since.marks.clear());
        for attribute in attributes {
            let mut seen = BTreeSet::new();
            for part in &cell.parts {
                let Some(rows) = attribute.of(cell.statistic, *part, cell.row) else {
                    self.undo(&marks, charged, &learned);
                    return false;
                };
                for row in rows {
                    let row = ByContributions(row);
                    if !seen.insert(row.clone()) || self.knows(attribute.name(), &row) {
                        continue;
                    }
                    let chosen = attribute.is_chosen(cell.statistic);
                    if !self.row(attribute.name(), (&row.0, chosen), &mut marks) {
                        self.undo(&marks, charged, &learned);
                        return false;
                    }
                    self.known.entry(attribute.name().to_owned()).or_default().insert(row.clone());
                    learned.push((attribute.name().to_owned(), row));
                }
            }
        }
        true
    }

    fn knows(&self, attribute: &str, row: &ByContributions) -> bool {
        self.known.get(attribute).is_some_and(|rows| rows.contains(row))
    }

    /// Charges one row; whether it may be released. What could be few people's, or stands out of a crowd that the
    /// analyst may have chosen, may not: whether it is theirs is what nobody may know.
    fn row(
        &mut self,
        attribute: &str,
        (row, chosen): (&Evidence, bool),
        marks: &mut BTreeMap<String, Mark>,
    ) -> bool {
        let minimum = u64::from(self.profile.minimum_count);
        if row.contributors() < minimum || rules::are_few_beside_a_crowd(row, chosen, self.profile) {
            return false;
        }
        let before = || self.before.attributes.get(attribute).cloned().unwrap_or_else(Factor::new);
        let factor = self.factors.entry(attribute.to_owned()).or_insert_with(before);
        let cost = factor.cost(row);
        match factor.verdict(&cost, self.limit) {
            Verdict::Known => self.since.as_mut().is_none_or(|since| since.gives(attribute, row)),
            Verdict::New => {
                marks.entry(attribute.to_owned()).or_insert_with(|| factor.mark());
                factor.add(row, &cost);
                self.charges.push(Charge { attribute: attribute.to_owned(), row: row.clone() });
                self.since.iter_mut().for_each(|since| since.add(attribute, row));
                true
            }
            Verdict::TooClose => false,
        }
    }

    fn undo(
        &mut self,
        marks: &BTreeMap<String, Mark>,
        charged: usize,
        learned: &[(String, ByContributions)],
    ) {
        self.charges.truncate(charged);
        self.since.iter_mut().for_each(Since::undo);
        for (attribute, mark) in marks {
            self.factors.get_mut(attribute).into_iter().for_each(|factor| factor.back_to(mark));
        }
        for (attribute, row) in learned {
            self.known.get_mut(attribute).into_iter().for_each(|rows| {
                rows.remove(row);
            });
        }
    }
}

/// A row by who counts how often, and nothing else.
#[derive(Clone)]
struct ByContributions(Evidence);

impl Ord for ByContributions {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.contributions().cmp(&other.0.contributions())
    }
}

impl PartialOrd for ByContributions {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByContributions {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByContributions {}
