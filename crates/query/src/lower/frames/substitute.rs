//! An analysis as it would be if the conditions that read one column were fulfilled, or not.
//!
//! A condition that reads nothing but the column is *fulfilled* or not as a whole. Those without which nobody
//! would count are taken together; the others may each be fulfilled or not. Values that are computed from the
//! column are left as they are where nothing else is in them: whatever is asked of them is such a condition.

use std::cell::Cell;
use std::collections::BTreeSet;

use datafusion::common::ScalarValue;

use crate::algebra::{Aggregation, ColumnId, JoinKind, Records, Reference, Scalar, WindowCall};

use super::super::Columns;
use super::super::exact::is_predicate;
use super::super::parent::is_whole;
use super::produced;

/// Which conditions are fulfilled.
#[derive(Clone)]
pub(super) struct Pattern {
    /// Those without which nobody would count.
    pub(super) always: bool,
    /// The others, in their order; those beyond the end are like the first kind.
    pub(super) free: Vec<bool>,
    /// Whether what is said of rows that such conditions chose carries the value: otherwise it is what it would be.
    pub(super) derived: bool,
}

impl Pattern {
    /// All are, or none.
    pub(super) fn all(fulfilled: bool) -> Self {
        Self { always: fulfilled, free: Vec::new(), derived: true }
    }
}

/// Takes the conditions on one column away, and notes how it was read.
pub(super) struct Substitution<'a> {
    known: &'a Columns,
    attribute: &'a str,
    pattern: Pattern,
    /// Columns that carry its value, though none of their origins says so.
    carriers: BTreeSet<ColumnId>,
    /// Columns that say something of rows that the value chose, and whether such a one was read.
    derived: BTreeSet<ColumnId>,
    pub(super) reads_derived: Cell<bool>,
    /// Columns of which no origin is to be believed: they were computed without the value.
    settled: BTreeSet<ColumnId>,
    /// Sums for a person of the value and of something else, in which it is replaced: they may only be added up.
    mixed: BTreeSet<ColumnId>,
    /// Columns that are NULL where an outer join found nothing, whatever is stored.
    optional: BTreeSet<ColumnId>,
    /// Whether the value decides which rows a person has in the relation that was looked at last, or how many.
    chosen: bool,
    /// Whether a condition without which nobody would count reads it.
    pub(super) always: bool,
    /// Whether another one does.
    pub(super) any: bool,
    /// How many others.
    pub(super) free: usize,
    /// How many conditions in all.
    pub(super) sites: usize,
}

impl<'a> Substitution<'a> {
    pub(super) fn new(known: &'a Columns, attribute: &'a str, pattern: Pattern) -> Self {
        Self {
            known,
            attribute,
            pattern,
            carriers: BTreeSet::new(),
            derived: BTreeSet::new(),
            reads_derived: Cell::new(false),
            settled: BTreeSet::new(),
            mixed: BTreeSet::new(),
            optional: BTreeSet::new(),
            chosen: false,
            always: false,
            any: false,
            free: 0,
            sites: 0,
        }
    }

    /// Whether an expression carries the column's value.
    pub(super) fn reads(&self, scalar: &Scalar) -> bool {
        scalar.columns().into_iter().any(|id| self.carries(id))
    }

    /// Whether nothing but the column's value is in it.
    pub(super) fn is_pure(&self, scalar: &Scalar) -> bool {
        let columns = scalar.columns();
        let pure = |id: &ColumnId| self.carries(*id) && !self.mixed.contains(id);
        !columns.is_empty() && columns.iter().all(pure) && !self.asks_whether_found(scalar)
    }

    /// Whether a sum for a person of the value and of something else is in it.
    pub(super) fn is_mixed(&self, scalar: &Scalar) -> bool {
        !self.mixed.is_disjoint(&scalar.columns())
    }

    fn carries(&self, id: ColumnId) -> bool {
        if self.derived.contains(&id) {
            self.reads_derived.set(true);
            return self.pattern.derived;
        }
        let origin = || self.known.info(id).is_some_and(|info| info.origins.contains(self.attribute));
        self.carriers.contains(&id) || (!self.settled.contains(&id) && origin())
    }

    /// Whether it is a column of a stored table, and not of the other side of an outer join.
    fn is_stored(&self, id: ColumnId) -> bool {
        !self.carriers.contains(&id) && !self.optional.contains(&id)
    }

    fn asks_whether_found(&self, scalar: &Scalar) -> bool {
        let found = |arg: &Scalar| matches!(arg, Scalar::Column(id) if self.optional.contains(id));
        matches!(scalar, Scalar::IsNull(arg) if found(arg))
            || scalar.children().into_iter().any(|child| self.asks_whether_found(child))
    }

    /// The records; `chosen` says whether whoever is not among them does not count.
    pub(super) fn records(&mut self, records: &Records, chosen: bool) -> Records {
        match records {
            Records::Extend { input, columns } => {
                let input = self.boxed(input, chosen);
                let columns = columns.iter().map(|(id, value)| (*id, self.column(*id, value)));
                Records::Extend { input, columns: columns.collect() }
            }
            Records::PerSubject { input, keys, aggregates } => {
                let input = self.boxed(input, chosen);
                let divides = keys.iter().any(|(_, key)| self.reads(key));
                let kept = keys.iter().map(|(id, key)| (*id, self.column(*id, key))).collect();
                let aggregates = aggregates.iter().map(|(id, call)| (*id, self.aggregation(*id, call)));
                let aggregates = aggregates.collect();
                // One row for each value that a person has, where it is a key.
                self.chosen = divides;
                Records::PerSubject { input, keys: kept, aggregates }
            }
            Records::ReferenceJoin { input, reference, on, kind } => {
                let input = self.boxed(input, chosen);
                self.looked_up(input, reference, on, *kind, chosen)
            }
            Records::Restrict { input, predicate } => {
                let input = self.boxed(input, chosen);
                self.chosen |= self.reads(predicate);
                let predicate =
                    if chosen { self.conditions(predicate) } else { Some(self.predicate(predicate)) };
                match predicate {
                    Some(predicate) => Records::Restrict { input, predicate },
                    None => *input,
                }
            }
            Records::Scan(scan) => {
                self.chosen = false;
                Records::Scan(scan.clone())
            }
            Records::SubjectJoin { left, right, on, kind } => self.joined((left, right), on, *kind, chosen),
            Records::Union { inputs, columns, sorts } => {
                let mut by_one = false;
                let one = |(input, row): &(Records, Vec<Scalar>)| {
                    let input = self.records(input, false);
                    by_one |= self.chosen;
                    let row = row.iter().map(|value| self.kept_value(value).0).collect();
                    (input, row)
                };
                let inputs = inputs.iter().map(one).collect();
                self.chosen = by_one;
                Records::Union { inputs, columns: columns.clone(), sorts: sorts.clone() }
            }
            Records::Window { input, calls } => {
                let input = self.boxed(input, chosen);
                let calls = calls.iter().map(|(id, call)| (*id, self.window(*id, call))).collect();
                Records::Window { input, calls }
            }
        }
    }

    fn joined(
        &mut self,
        (left, right): (&Records, &Records),
        on: &[Scalar],
        kind: JoinKind,
        chosen: bool,
    ) -> Records {
        let left = self.boxed(left, chosen && kind != JoinKind::Full);
        let right_chosen = chosen && matches!(kind, JoinKind::Inner | JoinKind::Semi);
        let by_left = self.chosen;
        let right = self.boxed(right, right_chosen);
        self.chosen |= by_left || on.iter().any(|condition| self.reads(condition));
        if matches!(kind, JoinKind::Left | JoinKind::Full) {
            produced(&right, &mut self.optional);
        }
        if kind == JoinKind::Full {
            produced(&left, &mut self.optional);
        }
        let condition = |scalar: &Scalar| {
            if right_chosen { self.conditions(scalar) } else { Some(self.predicate(scalar)) }
        };
        let on = on.iter().filter_map(condition).collect();
        Records::SubjectJoin { left, right, on, kind }
    }

    fn boxed(&mut self, records: &Records, chosen: bool) -> Box<Records> {
        Box::new(self.records(records, chosen))
    }

    /// A value below the frontier: as it is, where nothing but the column is in it.
    fn column(&mut self, id: ColumnId, value: &Scalar) -> Scalar {
        let (kept, carries) = self.kept_value(value);
        if carries {
            self.carriers.insert(id);
        } else {
            self.settled.insert(id);
        }
        kept
    }

    fn kept_value(&mut self, value: &Scalar) -> (Scalar, bool) {
        if self.is_pure(value) { (value.clone(), true) } else { (self.value(value), false) }
    }

    fn aggregation(&mut self, id: ColumnId, call: &Aggregation) -> Aggregation {
        let counts_rows = call.function.name() == "count" && !call.distinct;
        let (pure, reads) = (self.is_pure(&call.arg), self.reads(&call.arg));
        let adds = matches!(call.function.name(), "sum" | "avg");
        // Of a stored column every row has a value; of anything else, whether it has one tells what it is.
        let is_there = !reads || matches!(&call.arg, Scalar::Column(id) if self.is_stored(*id));
        let (arg, carries) = if reads && !pure && adds {
            self.mixed.insert(id);
            self.any = true;
            (self.amount(&call.arg, &BTreeSet::new()), true)
        } else if counts_rows && is_there {
            (call.arg.clone(), false)
        } else {
            self.kept_value(&call.arg)
        };
        // Whatever is said of rows that the value chose tells what it is.
        let chosen = self.chosen || call.filter.as_ref().is_some_and(|filter| self.reads(filter));
        let filter = call.filter.as_ref().map(|filter| self.predicate(filter));
        if carries {
            self.carriers.insert(id);
        } else if chosen {
            self.derived.insert(id);
        } else {
            self.settled.insert(id);
        }
        Aggregation { arg, filter, ..call.clone() }
    }

    fn window(&mut self, id: ColumnId, call: &WindowCall) -> WindowCall {
        let order = call.order.iter().map(|key| &key.arg);
        let mut read = call.args.iter().chain(&call.partition).chain(order);
        if read.any(|scalar| self.reads(scalar)) {
            self.carriers.insert(id);
        } else if self.chosen || call.filter.as_ref().is_some_and(|filter| self.reads(filter)) {
            self.derived.insert(id);
        }
        let filter = call.filter.as_ref().map(|filter| self.predicate(filter));
        WindowCall { filter, ..call.clone() }
    }

    /// A look-up in a code table. Where that is not all there, it is a condition; its labels are values.
    fn looked_up(
        &mut self,
        input: Box<Records>,
        reference: &Reference,
        on: &[Scalar],
        kind: JoinKind,
        chosen: bool,
    ) -> Records {
        let own = reference.columns();
        let joined = |input, kind| Records::ReferenceJoin {
            input,
            reference: reference.clone(),
            on: on.to_vec(),
            kind,
        };
        if !on.iter().any(|scalar| self.reads(scalar)) {
            return joined(input, kind);
        }
        self.carriers.extend(own.iter().copied());
        // How many rows of it fit, follows from the value.
        self.chosen = true;
        if matches!(kind, JoinKind::Left | JoinKind::Full) || (kind == JoinKind::Inner && is_whole(reference))
        {
            return joined(input, if kind == JoinKind::Inner { JoinKind::Left } else { kind });
        }
        let needed = chosen && matches!(kind, JoinKind::Inner | JoinKind::Semi);
        let fulfilled = self.site(needed);
        let nobody = |input| Records::Restrict { input, predicate: Scalar::Not(Box::new(Scalar::truth())) };
        match (kind, fulfilled) {
            (JoinKind::Inner, true) => joined(input, JoinKind::Left),
            (JoinKind::Inner, false) => nobody(Box::new(joined(input, JoinKind::Left))),
            (JoinKind::Semi, true) | (JoinKind::Anti, false) => *input,
            (JoinKind::Semi, false) | (JoinKind::Anti, true) => nobody(input),
            (JoinKind::Mark(mark), fulfilled) => {
                let value = ScalarValue::Boolean(Some(fulfilled));
                Records::Extend { input, columns: vec![(mark, Scalar::Literal(value))] }
            }
            (JoinKind::Full | JoinKind::Left, _) => joined(input, kind),
        }
    }

    /// One more condition; whether it is fulfilled.
    fn site(&mut self, needed: bool) -> bool {
        self.sites = self.sites.saturating_add(1);
        if needed {
            self.always = true;
            return self.pattern.always;
        }
        self.any = true;
        let fulfilled = self.pattern.free.get(self.free).copied().unwrap_or(self.pattern.always);
        self.free = self.free.saturating_add(1);
        fulfilled
    }

    /// Conditions without which nobody counts: what is left of them, if anything is.
    ///
    /// Of a FILTER the same is true for its own statistic.
    pub(super) fn conditions(&mut self, predicate: &Scalar) -> Option<Scalar> {
        let all =
            if let Scalar::And(all) = predicate { all.as_slice() } else { std::slice::from_ref(predicate) };
        let mut left: Vec<Scalar> = Vec::new();
        for one in all {
            if self.is_pure(one) {
                if !self.site(true) {
                    left.push(Scalar::Not(Box::new(Scalar::truth())));
                }
            } else {
                left.push(self.predicate(one));
            }
        }
        if left.len() > 1 { Some(Scalar::And(left)) } else { left.pop() }
    }

    /// A condition with those in it that read the column fulfilled, or not.
    pub(super) fn predicate(&mut self, predicate: &Scalar) -> Scalar {
        if !self.reads(predicate) {
            return predicate.clone();
        }
        if self.is_pure(predicate) {
            return self.decided();
        }
        match predicate {
            Scalar::And(all) => Scalar::And(self.each(all)),
            Scalar::Or(all) => Scalar::Or(self.each(all)),
            Scalar::Not(arg) => Scalar::Not(Box::new(self.predicate(arg))),
            Scalar::Truth { arg, is } => Scalar::Truth { arg: Box::new(self.predicate(arg)), is: *is },
            Scalar::Compare { op, left, right } if is_predicate(left) || is_predicate(right) => {
                let (left, right) = (Box::new(self.predicate(left)), Box::new(self.predicate(right)));
                Scalar::Compare { op: *op, left, right }
            }
            // Beside what it is compared with, anybody may fulfil it, or not.
            Scalar::Compare { .. } | Scalar::InList { .. } | Scalar::Like { .. } => self.decided(),
            Scalar::IsNull(arg)
                if self.asks_whether_found(predicate) && matches!(arg.as_ref(), Scalar::Column(_)) =>
            {
                predicate.clone()
            }
            // Whether something else of it is there, has no rule.
            Scalar::IsNull(arg) => Scalar::IsNull(Box::new(self.value(arg))),
            Scalar::Arithmetic { .. }
            | Scalar::Bits { .. }
            | Scalar::Case { .. }
            | Scalar::Cast { .. }
            | Scalar::Column(_)
            | Scalar::Function { .. }
            | Scalar::Literal(_)
            | Scalar::Negative(_) => self.value(predicate),
        }
    }

    /// The conditions of AND or OR: those that read nothing else are one.
    fn each(&mut self, all: &[Scalar]) -> Vec<Scalar> {
        let (pure, others): (Vec<&Scalar>, Vec<&Scalar>) = all.iter().partition(|one| self.is_pure(one));
        let mut left = Vec::new();
        if !pure.is_empty() {
            left.push(self.decided());
        }
        left.extend(others.into_iter().map(|one| self.predicate(one)));
        left
    }

    fn decided(&mut self) -> Scalar {
        let fulfilled = self.site(false);
        Scalar::Literal(ScalarValue::Boolean(Some(fulfilled)))
    }

    /// A value without the column in it: conditions in it are decided, and anything else stays as it is.
    pub(super) fn value(&mut self, value: &Scalar) -> Scalar {
        if !self.reads(value) {
            return value.clone();
        }
        match value {
            Scalar::And(_)
            | Scalar::Compare { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Not(_)
            | Scalar::Or(_)
            | Scalar::Truth { .. } => self.predicate(value),
            Scalar::Case { branches, otherwise } => {
                let branches =
                    branches.iter().map(|(when, then)| (self.predicate(when), self.value(then))).collect();
                let otherwise = otherwise.as_ref().map(|otherwise| Box::new(self.value(otherwise)));
                Scalar::Case { branches, otherwise }
            }
            Scalar::Arithmetic { op, left, right } => {
                let (left, right) = (Box::new(self.value(left)), Box::new(self.value(right)));
                Scalar::Arithmetic { op: *op, left, right }
            }
            Scalar::Cast { arg, to } => Scalar::Cast { arg: Box::new(self.value(arg)), to: to.clone() },
            Scalar::Negative(arg) => Scalar::Negative(Box::new(self.value(arg))),
            Scalar::Function { function, args } => {
                let args = args.iter().map(|arg| self.value(arg)).collect();
                Scalar::Function { function: function.clone(), args }
            }
            Scalar::Bits { .. } | Scalar::Column(_) | Scalar::Literal(_) => value.clone(),
        }
    }

    /// An amount with one in place of each confidential value, or nought where this column is not counted.
    pub(super) fn amount(&mut self, amount: &Scalar, attributes: &BTreeSet<String>) -> Scalar {
        if let Scalar::Column(id) = amount {
            if self.mixed.contains(id) {
                return amount.clone();
            }
            if self.carries(*id) {
                return self.number(*id, self.pattern.always);
            }
            let confidential = self.known.is_confidential(amount, attributes);
            return if confidential { self.number(*id, true) } else { amount.clone() };
        }
        match amount {
            Scalar::Arithmetic { op, left, right } => {
                let left = Box::new(self.amount(left, attributes));
                let right = Box::new(self.amount(right, attributes));
                Scalar::Arithmetic { op: *op, left, right }
            }
            Scalar::Case { branches, otherwise } => {
                let branches = branches
                    .iter()
                    .map(|(when, then)| (self.predicate(when), self.amount(then, attributes)))
                    .collect();
                let otherwise = otherwise.as_ref().map(|other| Box::new(self.amount(other, attributes)));
                Scalar::Case { branches, otherwise }
            }
            Scalar::Cast { arg, to } => {
                Scalar::Cast { arg: Box::new(self.amount(arg, attributes)), to: to.clone() }
            }
            Scalar::Negative(arg) => Scalar::Negative(Box::new(self.amount(arg, attributes))),
            Scalar::And(_)
            | Scalar::Bits { .. }
            | Scalar::Column(_)
            | Scalar::Compare { .. }
            | Scalar::Function { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Literal(_)
            | Scalar::Not(_)
            | Scalar::Or(_)
            | Scalar::Truth { .. } => self.value(amount),
        }
    }

    /// A number in place of a column's.
    fn number(&mut self, id: ColumnId, one: bool) -> Scalar {
        let number = self.known.info(id).filter(|info| info.data_type.is_numeric()).and_then(|info| {
            let number = if one {
                ScalarValue::new_one(&info.data_type)
            } else {
                ScalarValue::new_zero(&info.data_type)
            };
            number.ok()
        });
        Scalar::Literal(number.unwrap_or(ScalarValue::Null))
    }
}
