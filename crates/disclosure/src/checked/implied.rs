//! The sums that a shown quantile implies.
//!
//! A quantile says at which place a value stands: so many records are not above it. Whoever asks for enough of
//! them, of enough groups, has a histogram. So the records with a value of the shown one or less are a sum that
//! is published with it, and stands in the system and in the ledger as any other: of two quantiles between which
//! one to nine people are, one is withheld.

use crate::evidence::{Evidence, Scale};
use crate::profile::Profile;
use crate::rules::{self, Form, Shown};
use crate::statistic::{N, StatisticKind};
use crate::unreleased::{CellTable, Part, StatisticColumn};

/// Adds to each quantile the counts that its values imply. What shows nothing implies no more than its records.
pub(super) fn add_counts_of_quantiles(tables: &mut [CellTable], profile: &Profile) {
    for statistic in tables.iter_mut().flat_map(|table| &mut table.statistics) {
        if !matches!(statistic.kind, StatisticKind::Quantile { .. }) {
            continue;
        }
        let Some(records) = statistic.parts.get(N) else { continue };
        let rows = records.evidence.iter().enumerate();
        let implied = rows.map(|(row, records)| count(statistic, row, records, profile));
        let evidence = implied.collect();
        statistic.parts.push(Part { scale: Scale::Integer, evidence });
    }
}

fn count(statistic: &StatisticColumn, row: usize, records: &Evidence, profile: &Profile) -> Evidence {
    let values = statistic.values.as_ref().and_then(|values| values.rows.get(row));
    let Form { reasons, shown } = rules::judge_form(statistic, row, profile);
    let (Some(values), Some(Shown::Value(shown)), true) = (values, shown, reasons.is_empty()) else {
        return records.clone();
    };
    // Many people with one and the same value are on both sides: then the place is somewhere among them, and the
    // side that leaves few others says nothing.
    let minimum = u64::from(profile.minimum_count);
    let above = |value: i128| shown.is_below(value);
    if values.people_by(above, minimum) >= minimum {
        return values.records_with(|value| !above(value));
    }
    let below = |value: i128| shown.is_above(value);
    if values.people_by(below, minimum) >= minimum { values.records_with(below) } else { records.clone() }
}
