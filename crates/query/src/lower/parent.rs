//! The group that a table's cells are compared with where a sensitive value chose their people: the same
//! records without the restrictions on sensitive columns, grouped by the other keys.
//!
//! If nearly everybody of that group is in a cell, to know that somebody is of the group is to know their
//! value (Lupp & Langsrud 2021).

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::ScalarValue;

use crate::algebra::{ColumnId, Frontier, JoinKind, Records, Reference, Scalar};

use super::Columns;

impl Columns {
    /// The parent groups of a frontier, if a sensitive value restricts its records, and the columns of codes
    /// that were asked for by themselves. Each key of a parent that depends on a sensitive value is NULL.
    pub(super) fn parent(&self, frontier: &Frontier) -> Option<(Frontier, BTreeSet<ColumnId>)> {
        let mut loosened =
            Loosened { known: self, restricted: false, gone: BTreeSet::new(), named: BTreeSet::new() };
        let input = loosened.records(&frontier.input);
        if !loosened.restricted {
            return None;
        }
        let keys = frontier.keys.iter().map(|(id, key)| {
            let depends = self.is_sensitive(key) || !key.columns().is_disjoint(&loosened.gone);
            let nothing = self.info(*id).and_then(|info| ScalarValue::try_from(&info.data_type).ok());
            let nothing = Scalar::Literal(nothing.unwrap_or(ScalarValue::Null));
            (*id, if depends { nothing } else { key.clone() })
        });
        let parent = Frontier {
            input,
            keys: keys.collect(),
            sets: frontier.sets.clone(),
            statistics: Vec::new(),
            units: Vec::new(),
            complete: None,
            telling: BTreeMap::new(),
            parent: None,
            attributes: Vec::new(),
            zeros: None,
        };
        Some((parent, loosened.named))
    }
}

/// Takes the restrictions on sensitive columns away.
struct Loosened<'a> {
    known: &'a Columns,
    /// Whether there was one.
    restricted: bool,
    /// The columns that have other values, or none, without them.
    gone: BTreeSet<ColumnId>,
    /// The columns of which a condition that was taken away asks for codes, and of nothing else.
    named: BTreeSet<ColumnId>,
}

impl Loosened<'_> {
    fn records(&mut self, records: &Records) -> Records {
        match records {
            Records::Extend { input, columns } => {
                Records::Extend { input: self.boxed(input), columns: columns.clone() }
            }
            Records::PerSubject { input, keys, aggregates } => Records::PerSubject {
                input: self.boxed(input),
                keys: keys.clone(),
                aggregates: aggregates.clone(),
            },
            Records::ReferenceJoin { input, reference, on, kind } => {
                let input = self.boxed(input);
                let chooses = on.iter().any(|scalar| self.known.is_sensitive(scalar));
                let kind = match kind {
                    JoinKind::Inner | JoinKind::Semi if chooses => {
                        self.restricted |= !is_whole(reference);
                        self.gone.extend(reference.columns());
                        JoinKind::Left
                    }
                    kind @ (JoinKind::Anti
                    | JoinKind::Full
                    | JoinKind::Inner
                    | JoinKind::Left
                    | JoinKind::Mark(_)
                    | JoinKind::Semi) => *kind,
                };
                Records::ReferenceJoin { input, reference: reference.clone(), on: on.clone(), kind }
            }
            Records::Restrict { input, predicate } => {
                let input = self.boxed(input);
                match self.left_of(predicate) {
                    Some(predicate) => Records::Restrict { input, predicate },
                    None => *input,
                }
            }
            Records::Scan(scan) => Records::Scan(scan.clone()),
            Records::SubjectJoin { left, right, on, kind } => self.join(left, right, on, *kind),
            Records::Union { inputs, columns, sorts } => {
                let inputs = inputs.iter().map(|(input, row)| (self.records(input), row.clone()));
                Records::Union { inputs: inputs.collect(), columns: columns.clone(), sorts: sorts.clone() }
            }
            Records::Window { input, calls } => {
                Records::Window { input: self.boxed(input), calls: calls.clone() }
            }
        }
    }

    fn join(&mut self, left: &Records, right: &Records, on: &[Scalar], kind: JoinKind) -> Records {
        let left = self.boxed(left);
        let right = match kind {
            JoinKind::Semi
                if self.known.chosen_by_sensitive(right)
                    || on.iter().any(|scalar| self.known.is_sensitive(scalar)) =>
            {
                self.restricted = true;
                return *left;
            }
            JoinKind::Full | JoinKind::Inner => self.boxed(right),
            // Whom the right side does not choose, it does not restrict.
            JoinKind::Anti | JoinKind::Left | JoinKind::Mark(_) | JoinKind::Semi => Box::new(right.clone()),
        };
        let on = match kind {
            JoinKind::Inner => on.iter().filter_map(|scalar| self.left_of(scalar)).collect(),
            JoinKind::Anti | JoinKind::Full | JoinKind::Left | JoinKind::Mark(_) | JoinKind::Semi => {
                on.to_vec()
            }
        };
        Records::SubjectJoin { left, right, on, kind }
    }

    /// Whether a condition only asks for a code, whichever it is.
    fn asks_for_any_code(&self, predicate: &Scalar) -> bool {
        let Scalar::Not(inner) = predicate else { return false };
        let Scalar::IsNull(arg) = inner.as_ref() else { return false };
        matches!(arg.as_ref(), Scalar::Column(id) if self.known.info(*id).is_some_and(|info| info.code))
    }

    fn boxed(&mut self, records: &Records) -> Box<Records> {
        Box::new(self.records(records))
    }

    /// What of a condition does not say that somebody has a sensitive value.
    fn left_of(&mut self, predicate: &Scalar) -> Option<Scalar> {
        if let Scalar::And(all) = predicate {
            let many = self.known.exclude_many(all);
            self.restricted |= many;
            let kept = all.iter().filter(|one| !many || !self.known.is_sensitive(one));
            let mut left: Vec<Scalar> = kept.filter_map(|one| self.left_of(one)).collect();
            return if left.len() > 1 { Some(Scalar::And(left)) } else { left.pop() };
        }
        if self.known.telling(predicate).inside && !self.asks_for_any_code(predicate) {
            self.restricted = true;
            self.named.extend(self.known.asked_for(predicate));
            return None;
        }
        Some(predicate.clone())
    }
}

/// Whether all of a code table is there, so that a look-up restricts nobody.
pub(super) fn is_whole(reference: &Reference) -> bool {
    match reference {
        Reference::Extend { input, .. } => is_whole(input),
        Reference::Scan(scan) => scan.list_rows.is_none(),
        Reference::Distinct { .. }
        | Reference::Join { .. }
        | Reference::Nothing
        | Reference::Restrict { .. }
        | Reference::Union { .. }
        | Reference::Values { .. } => false,
    }
}
