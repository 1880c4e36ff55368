//! The sums that a shown quantile, and a curve of survival, imply.
//!
//! A quantile says at which place a value stands: so many records are not above it. Whoever asks for enough of
//! them, of enough groups, has a histogram. So the records with a value of the shown one or less are a sum that
//! is published with it, and stands in the system and in the ledger as any other: of two quantiles between which
//! one to nine people are, one is withheld.

use std::ops::Bound;

use rayon::prelude::*;

use super::forms::Forms;
use crate::estimator;
use crate::evidence::{Evidence, Scale};
use crate::profile::Profile;
use crate::rules::{Form, Shown};
use crate::statistic::{N, StatisticKind};
use crate::unreleased::{CellTable, Part, StatisticColumn};

/// Adds to each curve of survival the people of its steps, and to each model those whom its digits tell.
pub(super) fn add_people_of_models(tables: &mut [CellTable], profile: &Profile) {
    for statistic in tables.iter_mut().flat_map(|table| &mut table.statistics) {
        if matches!(statistic.kind, StatisticKind::Estimate(_)) {
            estimator::add_steps(statistic, profile.minimum_count);
            estimator::add_kinds(statistic);
        }
    }
}

/// Adds to each quantile the counts that its values imply. What shows nothing implies no more than its records.
pub(super) fn add_counts_of_quantiles(tables: &mut [CellTable], forms: &Forms, profile: &Profile) {
    let numbered = tables.iter_mut().enumerate();
    let numbered =
        numbered.flat_map(|(at, table)| (0_usize..).zip(&mut table.statistics).map(move |of| (at, of)));
    for (table, (number, statistic)) in numbered {
        if !matches!(statistic.kind, StatisticKind::Quantile { .. }) {
            continue;
        }
        let Some(records) = statistic.parts.get(N) else { continue };
        let rows = records.evidence.par_iter().enumerate().zip(forms.rows(table, number));
        let implied = rows.map(|((row, records), form)| count(statistic, row, records, form, profile));
        let evidence = implied.collect();
        statistic.parts.push(Part { scale: Scale::Integer, evidence });
    }
}

fn count(
    statistic: &StatisticColumn,
    row: usize,
    records: &Evidence,
    form: &Form,
    profile: &Profile,
) -> Evidence {
    let values = statistic.values.as_ref().and_then(|values| values.rows.get(row));
    let (Some(values), Some(Shown::Value(shown)), true) =
        (values, form.shown.as_ref(), form.reasons.is_empty())
    else {
        return records.clone();
    };
    // Many people with one and the same value are on both sides: then the place is somewhere among them, and the
    // side that leaves few others says nothing.
    let minimum = u64::from(profile.minimum_count);
    let stands_for = shown.stands_for();
    let above = (Bound::Excluded(*stands_for.end()), Bound::Unbounded);
    if values.people_within(above, minimum) >= minimum {
        return values.records_within(..=*stands_for.end());
    }
    let below = ..*stands_for.start();
    if values.people_within(below, minimum) >= minimum {
        values.records_within(below)
    } else {
        records.clone()
    }
}
