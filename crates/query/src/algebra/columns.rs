//! Which columns and conditions the parts of an analysis read.

use std::collections::BTreeSet;

use super::{ColumnId, Frontier, JoinKind, Records, Reference, Scalar};

impl Frontier {
    /// The columns that label its cells: the keys, and the number of the grouping set.
    pub(crate) fn labels(&self) -> Vec<ColumnId> {
        self.keys.iter().map(|(id, _)| *id).chain(self.sets.iter().map(|sets| sets.id)).collect()
    }

    /// Every column that is read anywhere in it.
    pub(crate) fn columns(&self) -> BTreeSet<ColumnId> {
        let mut read: BTreeSet<ColumnId> = self.units.iter().map(|unit| unit.column).collect();
        self.input.collect_columns(&mut read);
        let statistics = self.statistics.iter().flat_map(|statistic| {
            let branches = statistic.branches.iter().map(|branch| &branch.predicate);
            statistic.args.iter().chain(&statistic.filter).chain(branches)
        });
        let keys = self.keys.iter().map(|(_, key)| key);
        keys.chain(statistics).for_each(|scalar| read.extend(scalar.columns()));
        read
    }
}

impl Records {
    /// Every condition that all its records fulfil.
    pub(crate) fn conditions(&self) -> Vec<&Scalar> {
        match self {
            Self::Extend { input, .. } | Self::Window { input, .. } => input.conditions(),
            Self::Restrict { input, predicate } => {
                let mut conditions = input.conditions();
                if let Scalar::And(all) = predicate {
                    conditions.extend(all);
                } else {
                    conditions.push(predicate);
                }
                conditions
            }
            Self::ReferenceJoin { input, kind, .. } if *kind != JoinKind::Full => input.conditions(),
            Self::SubjectJoin { left, right, kind, .. } => {
                let mut conditions = if *kind == JoinKind::Full { Vec::new() } else { left.conditions() };
                conditions.extend(if *kind == JoinKind::Inner { right.conditions() } else { Vec::new() });
                conditions
            }
            Self::PerSubject { .. } | Self::ReferenceJoin { .. } | Self::Scan(_) | Self::Union { .. } => {
                Vec::new()
            }
        }
    }

    /// The predicates that tell apart sorts of its rows of which an analyst could have taken one more often
    /// than another: the inputs of a UNION. In the digits of a number of rows the sorts could be read side by
    /// side.
    pub(crate) fn sorts(&self) -> Vec<Scalar> {
        match self {
            Self::Extend { input, .. }
            | Self::ReferenceJoin { input, .. }
            | Self::Restrict { input, .. }
            | Self::Window { input, .. } => input.sorts(),
            // Each of a person's groups is one row, whatever was taken how often.
            Self::PerSubject { .. } | Self::Scan(_) => Vec::new(),
            Self::SubjectJoin { left, right, kind, .. } => {
                let mut sorts = left.sorts();
                match kind {
                    JoinKind::Anti | JoinKind::Mark(_) | JoinKind::Semi => {}
                    JoinKind::Full | JoinKind::Inner | JoinKind::Left => sorts.extend(right.sorts()),
                }
                sorts
            }
            Self::Union { sorts, .. } => sorts.clone(),
        }
    }

    /// The tables whose records are among its rows.
    pub(crate) fn tables(&self) -> BTreeSet<&str> {
        match self {
            Self::Extend { input, .. }
            | Self::PerSubject { input, .. }
            | Self::ReferenceJoin { input, .. }
            | Self::Restrict { input, .. }
            | Self::Window { input, .. } => input.tables(),
            Self::Scan(scan) => BTreeSet::from([scan.table.as_str()]),
            Self::SubjectJoin { left, right, .. } => left.tables().union(&right.tables()).copied().collect(),
            Self::Union { inputs, .. } => inputs.iter().flat_map(|(input, _)| input.tables()).collect(),
        }
    }

    /// The tables that have a person's rows stand as often as the person has records, where their rows are
    /// `joined` with others.
    pub(crate) fn repeating(&self, joined: bool) -> BTreeSet<&str> {
        match self {
            Self::Extend { input, .. }
            | Self::ReferenceJoin { input, .. }
            | Self::Restrict { input, .. }
            | Self::Window { input, .. } => input.repeating(joined),
            Self::PerSubject { input, keys, .. } => {
                if keys.is_empty() || !joined {
                    BTreeSet::new()
                } else {
                    input.tables()
                }
            }
            Self::Scan(scan) => BTreeSet::from([scan.table.as_str()]),
            Self::SubjectJoin { left, right, kind, .. } => match kind {
                JoinKind::Anti | JoinKind::Mark(_) | JoinKind::Semi => left.repeating(joined),
                JoinKind::Full | JoinKind::Inner | JoinKind::Left => {
                    left.repeating(true).union(&right.repeating(true)).copied().collect()
                }
            },
            Self::Union { inputs, .. } => {
                inputs.iter().flat_map(|(input, _)| input.repeating(true)).collect()
            }
        }
    }

    /// Whether each person has one row at most, whatever the records.
    pub(crate) fn is_one_per_person(&self) -> bool {
        match self {
            Self::Extend { input, .. } | Self::Restrict { input, .. } | Self::Window { input, .. } => {
                input.is_one_per_person()
            }
            Self::PerSubject { keys, .. } => keys.is_empty(),
            Self::ReferenceJoin { input, kind, .. } => match kind {
                JoinKind::Anti | JoinKind::Mark(_) | JoinKind::Semi => input.is_one_per_person(),
                JoinKind::Full | JoinKind::Inner | JoinKind::Left => false,
            },
            Self::Scan(_) | Self::Union { .. } => false,
            Self::SubjectJoin { left, right, kind, .. } => match kind {
                JoinKind::Anti | JoinKind::Mark(_) | JoinKind::Semi => left.is_one_per_person(),
                JoinKind::Full | JoinKind::Inner | JoinKind::Left => {
                    left.is_one_per_person() && right.is_one_per_person()
                }
            },
        }
    }

    /// Every column that an expression in it reads.
    pub(crate) fn columns(&self) -> BTreeSet<ColumnId> {
        let mut read = BTreeSet::new();
        self.collect_columns(&mut read);
        read
    }

    fn collect_columns(&self, read: &mut BTreeSet<ColumnId>) {
        let mut take = |scalar: &Scalar| read.extend(scalar.columns());
        match self {
            Self::Extend { input, columns } => {
                columns.iter().for_each(|(_, value)| take(value));
                input.collect_columns(read);
            }
            Self::PerSubject { input, keys, aggregates } => {
                keys.iter().for_each(|(_, key)| take(key));
                aggregates.iter().for_each(|(_, call)| {
                    take(&call.arg);
                    call.filter.iter().for_each(&mut take);
                });
                input.collect_columns(read);
            }
            Self::ReferenceJoin { input, on, .. } => {
                on.iter().for_each(take);
                input.collect_columns(read);
            }
            Self::Restrict { input, predicate } => {
                take(predicate);
                input.collect_columns(read);
            }
            Self::Scan(_) => {}
            Self::SubjectJoin { left, right, on, .. } => {
                on.iter().for_each(take);
                left.collect_columns(read);
                right.collect_columns(read);
            }
            Self::Union { inputs, .. } => {
                for (input, row) in inputs {
                    row.iter().for_each(|scalar| read.extend(scalar.columns()));
                    input.collect_columns(read);
                }
            }
            Self::Window { input, calls } => {
                for (_, call) in calls {
                    let order = call.order.iter().map(|key| &key.arg);
                    call.args
                        .iter()
                        .chain(&call.partition)
                        .chain(order)
                        .chain(&call.filter)
                        .for_each(&mut take);
                }
                input.collect_columns(read);
            }
        }
    }
}

impl Reference {
    /// How many rows of constants the analyst wrote; nought for a code table.
    pub(crate) fn constants(&self) -> usize {
        match self {
            Self::Distinct { input, .. } | Self::Extend { input, .. } | Self::Restrict { input, .. } => {
                input.constants()
            }
            Self::Join { left, right, .. } => {
                let (left, right) = (left.constants(), right.constants());
                left.max(right).max(left.saturating_mul(right))
            }
            Self::Nothing => 1,
            Self::Scan(scan) => scan.list_rows.unwrap_or(0),
            Self::Union { inputs, .. } => inputs.iter().map(|(input, _)| input.constants()).sum(),
            Self::Values { rows, .. } => rows.len(),
        }
    }

    /// The columns that stand for codes.
    pub(crate) fn columns(&self) -> BTreeSet<ColumnId> {
        match self {
            Self::Distinct { keys, .. } => keys.iter().map(|(id, _)| *id).collect(),
            Self::Extend { input, columns } => {
                input.columns().into_iter().chain(columns.iter().map(|(id, _)| *id)).collect()
            }
            Self::Join { left, right, .. } => left.columns().into_iter().chain(right.columns()).collect(),
            Self::Nothing => BTreeSet::new(),
            Self::Restrict { input, .. } => input.columns(),
            Self::Scan(scan) => scan.columns.iter().map(|(id, _)| *id).collect(),
            Self::Union { columns, .. } | Self::Values { columns, .. } => {
                columns.iter().map(|(id, _)| *id).collect()
            }
        }
    }
}
