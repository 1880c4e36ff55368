//! How many answers of each attribute a release shows.
//!
//! That is told to its project. It depends on what the project is shown, and on nobody else's releases: what an
//! answer adds to the budget ([`crate::budget`]) would tell what others asked.

use std::collections::{BTreeMap, BTreeSet};

use super::verdict::{TableVerdict, Verdict};
use crate::rules::labels;
use crate::unreleased::{Attribute, CellTable};

/// For each attribute, the statistics that read it by the labels that are no values of it: a table by its values
/// is one answer, a table by age and its values one for each age.
pub(super) fn answers(tables: &[CellTable], verdicts: &[TableVerdict]) -> BTreeMap<String, u64> {
    let mut places = BTreeMap::new();
    for (number, (table, verdict)) in tables.iter().zip(verdicts).enumerate() {
        for attribute in &table.attributes {
            let places: &mut BTreeSet<_> = places.entry(attribute.name.clone()).or_default();
            let compared: Vec<usize> =
                (0..table.keys.len()).filter(|key| !attribute.labels.contains(key)).collect();
            for (statistic, rows) in verdict.statistics.iter().enumerate() {
                let shown = rows.iter().enumerate().filter(|(_, verdict)| !Verdict::withholds(verdict));
                let shown = shown.filter(|_| reads(attribute, statistic));
                let place = |(row, _)| (number, statistic, labels(&table.keys, &compared, row));
                places.extend(shown.map(place));
            }
        }
    }
    let count = |places: BTreeSet<_>| u64::try_from(places.len()).unwrap_or(u64::MAX);
    places.into_iter().map(|(attribute, places)| (attribute, count(places))).collect()
}

/// Whether a statistic reads an attribute; it does where that is not known.
fn reads(attribute: &Attribute, statistic: usize) -> bool {
    let framed = |parts: &Vec<Vec<_>>| !parts.is_empty();
    let Some(with) = &attribute.with else { return true };
    with.iter().any(|frames| frames.sums.get(statistic).is_some_and(framed))
}
