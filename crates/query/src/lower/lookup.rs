//! Ranges of codes: a list in which each row says from where to where it is meant.
//!
//! Such a list is looked up as a code is. Its ranges must not overlap: then a record finds one row at most, as
//! with a CASE, and the list cannot choose how often a record counts.

use std::collections::BTreeSet;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;

use crate::algebra::{ColumnId, Reference, Scalar};
use crate::lists::Ranges;

use super::graph::bare;

/// Which ends of which ranges a value is compared with.
struct Bounds {
    low: ColumnId,
    high: ColumnId,
    /// Whether a value at either end is in the range.
    ends: bool,
}

/// The comparisons among `predicates` that look up the range of something known in reference data.
pub(super) fn looked_up<'s>(predicates: &'s [Scalar], codes: &BTreeSet<ColumnId>) -> Vec<&'s Scalar> {
    match bounds(predicates, codes) {
        Some((_, found)) => found.to_vec(),
        None => Vec::new(),
    }
}

/// Whether conditions look up ranges of a list that do not overlap.
pub(super) fn has_disjoint_ranges(reference: &Reference, on: &[Scalar]) -> bool {
    match bounds(on, &reference.columns()) {
        Some((bounds, _)) => do_not_overlap(reference, &bounds),
        None => false,
    }
}

/// The first value that is compared with a lower and an upper end.
fn bounds<'s>(predicates: &'s [Scalar], codes: &BTreeSet<ColumnId>) -> Option<(Bounds, [&'s Scalar; 2])> {
    let ends: Vec<_> = predicates.iter().filter_map(|one| Some((one, End::of(one, codes)?))).collect();
    ends.iter().find_map(|(low, of_low)| {
        let fits = |(_, end): &&(&Scalar, End<'_>)| !end.is_low && end.value == of_low.value;
        let (high, of_high) = ends.iter().find(fits).filter(|_| of_low.is_low)?;
        let bounds =
            Bounds { low: of_low.code, high: of_high.code, ends: of_low.included && of_high.included };
        Some((bounds, [*low, *high]))
    })
}

/// One end of a range, and what is compared with it.
struct End<'s> {
    value: &'s Scalar,
    code: ColumnId,
    is_low: bool,
    included: bool,
}

impl<'s> End<'s> {
    fn of(predicate: &'s Scalar, codes: &BTreeSet<ColumnId>) -> Option<Self> {
        let Scalar::Compare { op, left, right } = predicate else { return None };
        let is_known = |side: &Scalar| !side.columns().is_empty() && side.columns().is_disjoint(codes);
        let code = |side: &Scalar| bare(side).filter(|id| codes.contains(id));
        // A value above an end, with the end on the right.
        let above = matches!(op, Operator::Gt | Operator::GtEq);
        if !above && !matches!(op, Operator::Lt | Operator::LtEq) {
            return None;
        }
        let included = matches!(op, Operator::GtEq | Operator::LtEq);
        match (code(left), code(right)) {
            (None, Some(code)) if is_known(left) => Some(Self { value: left, code, is_low: above, included }),
            (Some(code), None) if is_known(right) => {
                Some(Self { value: right, code, is_low: !above, included })
            }
            _ => None,
        }
    }
}

/// Whether no two ranges of constants that the analyst gave have a value in common.
fn do_not_overlap(reference: &Reference, bounds: &Bounds) -> bool {
    match reference {
        Reference::Extend { input, .. } | Reference::Restrict { input, .. } => do_not_overlap(input, bounds),
        Reference::Scan(scan) => {
            let name = |id: ColumnId| {
                scan.columns.iter().find(|(column, _)| *column == id).map(|(_, name)| name.clone())
            };
            let ranges = name(bounds.low).zip(name(bounds.high)).and_then(|ends| scan.ranges.get(&ends));
            ranges.is_some_and(|ranges| *ranges == Ranges::Apart || !bounds.ends)
        }
        Reference::Values { columns, rows } => {
            let place = |id: ColumnId| columns.iter().position(|(column, _)| *column == id);
            let Some((low, high)) = place(bounds.low).zip(place(bounds.high)) else { return false };
            let ends = |row: &Vec<ScalarValue>| Some((row.get(low)?.clone(), row.get(high)?.clone()));
            let ranges = rows.iter().map(ends).collect::<Option<Vec<_>>>().and_then(Ranges::of);
            ranges.is_some_and(|ranges| ranges == Ranges::Apart || !bounds.ends)
        }
        // A code table of the dataset is not read before the analysis runs.
        Reference::Distinct { .. }
        | Reference::Join { .. }
        | Reference::Nothing
        | Reference::Union { .. } => false,
    }
}
