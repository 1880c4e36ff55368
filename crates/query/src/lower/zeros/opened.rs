//! Records without the conditions that all of them fulfil, and which stored columns decide about each of theirs.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::datatypes::DataType;

use crate::algebra::{ColumnId, ColumnInfo, JoinKind, Records, Reference, Scalar};

use super::super::Columns;
use super::super::frames::produced;
use super::super::graph::conjuncts;
use super::super::parent::is_whole;

/// Takes conditions away from records.
pub(super) struct Opened<'a> {
    pub(super) known: &'a mut Columns,
    /// What was taken away.
    pub(super) conditions: Vec<Scalar>,
    /// The stored columns that decide about a column of the records, as `table.column`.
    decides: BTreeMap<ColumnId, BTreeSet<String>>,
}

impl<'a> Opened<'a> {
    pub(super) fn new(known: &'a mut Columns) -> Self {
        Self { known, conditions: Vec::new(), decides: BTreeMap::new() }
    }

    /// The stored columns that decide about an expression; of a number that comes from none, the number itself.
    pub(super) fn reads(&self, scalar: &Scalar) -> BTreeSet<String> {
        let of = |id: ColumnId| {
            let origins = || self.known.info(id).map(|info| info.origins.clone()).unwrap_or_default();
            let read = self.decides.get(&id).cloned().unwrap_or_else(origins);
            if read.is_empty() { BTreeSet::from([format!("#{}", id.0)]) } else { read }
        };
        scalar.columns().into_iter().flat_map(of).collect()
    }

    fn all<'s>(&self, scalars: impl IntoIterator<Item = &'s Scalar>) -> BTreeSet<String> {
        scalars.into_iter().flat_map(|scalar| self.reads(scalar)).collect()
    }

    /// Some columns are there, or have the value that they have, because of others as well.
    fn depends(&mut self, ids: impl IntoIterator<Item = ColumnId>, on: &BTreeSet<String>) {
        for id in ids {
            let read = self.reads(&Scalar::Column(id));
            let own = read.into_iter().filter(|name| on.is_empty() || !name.starts_with('#'));
            let all = own.chain(on.iter().cloned()).collect();
            self.decides.insert(id, all);
        }
    }

    /// The records without their conditions; `None` where one cannot be taken away.
    pub(super) fn records(&mut self, records: &Records) -> Option<Records> {
        match records {
            Records::Extend { input, columns } => {
                let input = Box::new(self.records(input)?);
                self.extended(columns);
                Some(Records::Extend { input, columns: columns.clone() })
            }
            Records::Restrict { input, predicate } => {
                let input = self.records(input)?;
                self.conditions.extend(conjuncts(predicate.clone()));
                Some(input)
            }
            Records::ReferenceJoin { input, reference, on, kind } => {
                let input = Box::new(self.records(input)?);
                self.looked_up(reference, on);
                let restricts = restricts(*kind, reference);
                let (reference, on, kind) = (reference.clone(), on.clone(), *kind);
                (!restricts).then_some(Records::ReferenceJoin { input, reference, on, kind })
            }
            Records::SubjectJoin { left, right, on, kind } => self.join(left, right, on, *kind),
            // What is computed for a person there, others of the person's records decide as well.
            Records::PerSubject { .. }
            | Records::Scan(_)
            | Records::Union { .. }
            | Records::Window { .. } => self.fixed(records).is_empty().then(|| records.clone()),
        }
    }

    fn join(&mut self, left: &Records, right: &Records, on: &[Scalar], kind: JoinKind) -> Option<Records> {
        let left = Box::new(self.records(left)?);
        if kind == JoinKind::Inner {
            let right = Box::new(self.records(right)?);
            return on.is_empty().then_some(Records::SubjectJoin { left, right, on: Vec::new(), kind });
        }
        let mut chosen = self.fixed(right);
        chosen.extend(self.all(on));
        let kind = match kind {
            JoinKind::Full | JoinKind::Inner => return None,
            JoinKind::Left => {
                self.depends(columns_of(right), &chosen);
                JoinKind::Left
            }
            JoinKind::Mark(mark) => {
                self.depends([mark], &chosen);
                kind
            }
            // Whether there is a partner is a condition like any other.
            JoinKind::Anti | JoinKind::Semi => {
                let mark = self.known.add(ColumnInfo::plain(DataType::Boolean));
                self.depends([mark], &chosen);
                let found = Scalar::Column(mark);
                let missing = kind == JoinKind::Anti;
                self.conditions.push(if missing { Scalar::Not(Box::new(found)) } else { found });
                JoinKind::Mark(mark)
            }
        };
        Some(Records::SubjectJoin { left, right: Box::new(right.clone()), on: on.to_vec(), kind })
    }

    fn extended(&mut self, columns: &[(ColumnId, Scalar)]) {
        for (id, value) in columns {
            let read = self.reads(value);
            self.decides.insert(*id, read);
        }
    }

    fn looked_up(&mut self, reference: &Reference, on: &[Scalar]) {
        let codes = reference.columns();
        let of_records = on.iter().flat_map(Scalar::columns).filter(|id| !codes.contains(id));
        let by = of_records.flat_map(|id| self.reads(&Scalar::Column(id))).collect::<BTreeSet<_>>();
        for id in codes {
            self.decides.insert(id, by.clone());
        }
    }

    /// The stored columns that decide who is among some records.
    fn fixed(&mut self, records: &Records) -> BTreeSet<String> {
        match records {
            Records::Extend { input, columns } => {
                let fixed = self.fixed(input);
                self.extended(columns);
                fixed
            }
            Records::PerSubject { input, keys, aggregates } => {
                let fixed = self.fixed(input);
                self.extended(keys);
                for (id, call) in aggregates {
                    let read = self.all(std::iter::once(&call.arg).chain(&call.filter));
                    self.decides.insert(*id, read);
                }
                let ids = keys.iter().map(|(id, _)| *id).chain(aggregates.iter().map(|(id, _)| *id));
                self.depends(ids.collect::<Vec<_>>(), &fixed);
                fixed
            }
            Records::ReferenceJoin { input, reference, on, kind } => {
                let mut fixed = self.fixed(input);
                self.looked_up(reference, on);
                if restricts(*kind, reference) {
                    fixed.extend(self.all(on));
                }
                fixed
            }
            Records::Restrict { input, predicate } => {
                let mut fixed = self.fixed(input);
                fixed.extend(self.reads(predicate));
                fixed
            }
            Records::Scan(_) => BTreeSet::new(),
            Records::SubjectJoin { left, right, on, kind } => self.fixed_by_join(left, right, on, *kind),
            Records::Union { inputs, columns, .. } => self.fixed_by_union(inputs, columns),
            Records::Window { input, calls } => {
                let fixed = self.fixed(input);
                for (id, call) in calls {
                    let order = call.order.iter().map(|key| &key.arg);
                    let read =
                        self.all(call.args.iter().chain(&call.partition).chain(order).chain(&call.filter));
                    self.decides.insert(*id, read);
                    self.depends([*id], &fixed);
                }
                fixed
            }
        }
    }

    fn fixed_by_join(
        &mut self,
        left: &Records,
        right: &Records,
        on: &[Scalar],
        kind: JoinKind,
    ) -> BTreeSet<String> {
        let mut fixed = self.fixed(left);
        let mut chosen = self.fixed(right);
        chosen.extend(self.all(on));
        match kind {
            JoinKind::Mark(mark) => self.depends([mark], &chosen),
            JoinKind::Left => self.depends(columns_of(right), &chosen),
            JoinKind::Anti | JoinKind::Full | JoinKind::Inner | JoinKind::Semi => {
                fixed.extend(chosen);
            }
        }
        fixed
    }

    fn fixed_by_union(
        &mut self,
        inputs: &[(Records, Vec<Scalar>)],
        columns: &[(ColumnId, DataType)],
    ) -> BTreeSet<String> {
        let mut fixed = BTreeSet::new();
        let mut read = vec![BTreeSet::new(); columns.len()];
        for (input, row) in inputs {
            fixed.extend(self.fixed(input));
            for (read, value) in read.iter_mut().zip(row) {
                read.extend(self.reads(value));
            }
        }
        for ((id, _), read) in columns.iter().zip(read) {
            self.decides.insert(*id, read);
        }
        self.depends(columns.iter().map(|(id, _)| *id), &fixed);
        fixed
    }
}

/// Whether a join with reference data leaves records out.
fn restricts(kind: JoinKind, reference: &Reference) -> bool {
    kind != JoinKind::Left && (kind != JoinKind::Inner || !is_whole(reference))
}

fn columns_of(records: &Records) -> BTreeSet<ColumnId> {
    let mut columns = BTreeSet::new();
    produced(records, &mut columns);
    columns
}
