//! What an analysis would cost, told from its plan alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::algebra::Reads;
use crate::catalog::Catalog;
use crate::model::{Dataset, Refusal, TableGrant};
use crate::plan::{Plan, PlannedAttribute, PlannedFrontier};

/// How many answers of an attribute an analysis asks for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cost {
    /// The stored column, as `table.column`.
    pub attribute: String,
    /// Answers, whatever the records.
    pub answers: u64,
    /// Answers for each group that is shown, where groups are made of something else than its values.
    pub for_each_group: u64,
}

impl Plan {
    /// What it costs of each attribute that it reads, by name. Less is charged where a cell is withheld, and
    /// nothing where the same was asked before.
    #[must_use]
    pub fn costs(&self) -> Vec<Cost> {
        costs(&self.frontiers)
    }
}

/// What the cells of some frontiers cost of each attribute, by name.
pub(crate) fn costs<'a>(frontiers: impl IntoIterator<Item = &'a PlannedFrontier>) -> Vec<Cost> {
    let mut costs: BTreeMap<&str, Cost> = BTreeMap::new();
    for PlannedFrontier { frontier, attributes, .. } in frontiers {
        for PlannedAttribute { name, labels, reads, .. } in attributes {
            let reading = reads.iter().filter(|reads| **reads != Reads::Not).count();
            let reading = u64::try_from(reading).unwrap_or(u64::MAX);
            let cost =
                costs.entry(name).or_insert_with(|| Cost { attribute: name.clone(), ..Cost::default() });
            let others = frontier.keys.len() > labels.len();
            let sum = if others { &mut cost.for_each_group } else { &mut cost.answers };
            *sum = sum.saturating_add(reading);
        }
    }
    costs.into_values().collect()
}

/// The columns, as `table.column`, of which nobody may know somebody's value: those that were granted.
///
/// # Errors
/// None: there are no lists that could have the name of a table.
pub fn attributes(dataset: &Dataset, grants: &[TableGrant]) -> Result<BTreeSet<String>, Refusal> {
    Ok(Catalog::new(dataset, grants, &[])?.attributes())
}
