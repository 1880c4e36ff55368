//! EXISTS, IN and scalar sub-queries: relations that an expression names.
//!
//! Over records a sub-query is about the same person (correlated on the subject) or looks up a code; one
//! over other people's records would be an oracle about them. It is joined beside the relation, and the
//! expression reads the joined column.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, Subquery};

use crate::algebra::{JoinKind, Public, Records, Reference, Scalar};
use crate::model::{Code, Refusal};

use super::graph::{Predicate, looks_up};
use super::{Field, Kind, Lowering, Outer, Relation, Scope, not_supported};

/// Sub-queries that were joined, each with the value that stands for it.
type Joined = Vec<(Expr, Scalar)>;

impl Predicate<'_> {
    /// Whether a sub-query is somewhere in it.
    pub(super) fn has_subquery(self) -> bool {
        self.expressions().any(|expr| expr.exists(|part| Ok(is_subquery(part))).unwrap_or(true))
    }

    /// Whether it names a column of the relation around the sub-query.
    fn is_correlated(self) -> bool {
        self.expressions().any(Expr::contains_outer)
    }

    fn expressions(&self) -> impl Iterator<Item = &Expr> {
        match self {
            Self::Equality(left, right) => [Some(*left), Some(*right)],
            Self::Other(expr) => [Some(*expr), None],
        }
        .into_iter()
        .flatten()
    }
}

impl Lowering<'_> {
    /// A conjunct as a predicate; one that names the outer record is kept for the join with it.
    pub(super) fn correlated(
        &mut self,
        predicate: Predicate<'_>,
        scope: Scope<'_>,
    ) -> Result<Option<Scalar>, Refusal> {
        if !predicate.is_correlated() {
            return self.condition(predicate, scope).map(Some);
        }
        self.correlating = true;
        let scalar = self.condition(predicate, scope);
        self.correlating = false;
        let scalar = scalar?;
        if let Some(outer) = self.outer.last_mut() {
            outer.conditions.push(scalar);
        }
        Ok(None)
    }

    /// A conjunct as a predicate.
    pub(super) fn condition(
        &mut self,
        predicate: Predicate<'_>,
        scope: Scope<'_>,
    ) -> Result<Scalar, Refusal> {
        match predicate {
            Predicate::Equality(left, right) => {
                Ok(Scalar::equal(self.scalar(left, scope)?, self.scalar(right, scope)?))
            }
            Predicate::Other(predicate) => self.scalar(predicate, scope),
        }
    }

    /// The relation under a conjunct with sub-queries: `[NOT] EXISTS` and `[NOT] IN` choose its rows, any
    /// other use reads a joined column.
    pub(super) fn with_subqueries(
        &mut self,
        kind: Kind,
        predicate: Predicate<'_>,
        scope: Scope<'_>,
        predicates: &mut Vec<Scalar>,
    ) -> Result<Kind, Refusal> {
        if let Predicate::Other(expr) = predicate
            && let Some((membership, negated)) = Membership::of(expr)
        {
            let join = if negated { JoinKind::Anti } else { JoinKind::Semi };
            predicates.extend(self.null_tests(&membership, negated, scope)?);
            return self.member(kind, &membership, negated, join, scope);
        }
        let expressions: Vec<Expr> = predicate.expressions().cloned().collect();
        let (kind, subqueries) = self.joined_subqueries(kind, &expressions, scope)?;
        let scope = Scope { subqueries: &subqueries, ..scope };
        predicates.extend(self.correlated(predicate, scope)?);
        Ok(kind)
    }

    /// The relation with the sub-queries of some expressions beside it.
    pub(super) fn joined_subqueries(
        &mut self,
        mut kind: Kind,
        expressions: &[Expr],
        scope: Scope<'_>,
    ) -> Result<(Kind, Joined), Refusal> {
        let mut joined = Joined::new();
        for subquery in expressions.iter().flat_map(subqueries) {
            if joined.iter().any(|(known, _)| *known == subquery) {
                continue;
            }
            let scalar;
            if let Some((membership, negated)) = Membership::of(&subquery) {
                let mark = self.hidden(DataType::Boolean);
                self.columns.decides(mark, &Scalar::Column(mark));
                kind = self.member(kind, &membership, negated, JoinKind::Mark(mark), scope)?;
                let found = Scalar::Column(mark);
                scalar = if negated { Scalar::Not(Box::new(found)) } else { found };
            } else if let Expr::ScalarSubquery(inner) = &subquery {
                (kind, scalar) = self.scalar_subquery(kind, inner, scope)?;
            } else {
                return Err(not_supported("ANY or ALL with a sub-query", "use IN or EXISTS")
                    .at(self.positions.subquery()));
            }
            joined.push((subquery, scalar));
        }
        Ok((kind, joined))
    }

    /// The rows of `kind` and whether the sub-query has one for them, as `join` says.
    fn member(
        &mut self,
        kind: Kind,
        membership: &Membership<'_>,
        negated: bool,
        join: JoinKind,
        scope: Scope<'_>,
    ) -> Result<Kind, Refusal> {
        let (Relation { kind: inner, fields }, mut outer) = self.inner(membership.subquery(), scope)?;
        if let Membership::In(within) = membership {
            let in_records = matches!(kind, Kind::Records { .. });
            self.compared(within, fields, negated && in_records, scope, &mut outer)?;
        }
        let Outer { by_subject, conditions: on, .. } = outer;
        if let (JoinKind::Mark(mark), Kind::Records { node, .. }) = (join, &inner)
            && (self.columns.chosen_by_sensitive(node)
                || on.iter().any(|scalar| self.columns.is_sensitive(scalar)))
        {
            self.columns.is_harmful(mark);
        }
        if matches!((&kind, &inner), (Kind::Records { .. }, Kind::Records { .. })) && !by_subject {
            return Err(self.other_people(scope));
        }
        self.chosen(kind, inner, on, join, scope)
    }

    /// The rows of `kind` that have, or lack, a partner in `inner`. Of records it is of the same person.
    pub(super) fn chosen(
        &mut self,
        kind: Kind,
        inner: Kind,
        on: Vec<Scalar>,
        join: JoinKind,
        scope: Scope<'_>,
    ) -> Result<Kind, Refusal> {
        match (kind, inner) {
            (Kind::Records { node, units }, Kind::Records { node: inner, .. }) => {
                self.not_chosen_by_unit(&inner, &on)?;
                let (left, right) = (Box::new(node), Box::new(inner));
                Ok(Kind::Records { node: Records::SubjectJoin { left, right, on, kind: join }, units })
            }
            (Kind::Records { node, units }, Kind::Reference(reference)) => {
                let codes = reference.columns();
                if !on.iter().any(|scalar| looks_up(scalar, &codes)) {
                    return Err(self.not_looked_up());
                }
                let input = Box::new(node);
                Ok(Kind::Records { node: Records::ReferenceJoin { input, reference, on, kind: join }, units })
            }
            (Kind::Reference(left), Kind::Reference(right)) => {
                let (left, right) = (Box::new(left), Box::new(right));
                Ok(Kind::Reference(Reference::Join { left, right, on, kind: join }))
            }
            (
                kind @ (Kind::Public(_) | Kind::Reference(_)),
                inner @ (Kind::Public(_) | Kind::Reference(_)),
            ) => {
                if on.iter().any(|scalar| self.columns.reads_statistic(scalar)) {
                    let hint = "compare groups by their keys, or join the two statistics";
                    return Err(not_supported("EXISTS or IN over the values of statistics", hint)
                        .at(self.positions.subquery()));
                }
                let (Some(left), Some(right)) = (public(kind), public(inner)) else {
                    return Err(self.other_people(scope));
                };
                let (left, right) = (Box::new(left), Box::new(right));
                Ok(Kind::Public(Public::Join { left, right, on, kind: join }))
            }
            (Kind::Records { .. }, Kind::Public(_)) => Err(self.cells_as_values()),
            _ => Err(self.other_people(scope)),
        }
    }

    /// What IN compares: subjects, or values.
    fn compared(
        &mut self,
        within: &InSubquery,
        fields: Vec<Field>,
        negated: bool,
        scope: Scope<'_>,
        outer: &mut Outer,
    ) -> Result<(), Refusal> {
        match (self.field(&within.expr, scope)?, fields.into_iter().next()) {
            (Field::Subject(there), Some(Field::Subject(inner))) => {
                outer.by_subject = true;
                outer.conditions.extend(there.into_iter().chain(inner));
                Ok(())
            }
            (Field::Value(_), Some(Field::Value(_))) if negated && outer.by_subject => {
                Err(not_supported("NOT IN over records", "use NOT EXISTS").at(self.positions.subquery()))
            }
            (Field::Value(value), Some(Field::Value(inner))) => {
                outer.conditions.push(Scalar::equal(value, inner));
                Ok(())
            }
            _ => {
                let message = "an identifier is compared with something that is none";
                let hint = "compare the subject with the subject column of the sub-query";
                Err(Refusal::new(Code::SubjectAsValue, message, hint).at(self.positions.subquery()))
            }
        }
    }

    /// `NULL NOT IN (…)` is not true, nor is `NULL IN (…)`.
    fn null_tests(
        &mut self,
        membership: &Membership<'_>,
        negated: bool,
        scope: Scope<'_>,
    ) -> Result<Option<Scalar>, Refusal> {
        let Membership::In(InSubquery { expr, .. }) = membership else {
            return Ok(None);
        };
        Ok(match self.field(expr, scope)? {
            Field::Subject(there) => there,
            Field::Value(value) => negated.then(|| Scalar::is_present(value)),
            Field::Identifier => None,
        })
    }

    /// A scalar sub-query beside the relation, and its value.
    fn scalar_subquery(
        &mut self,
        kind: Kind,
        subquery: &Subquery,
        scope: Scope<'_>,
    ) -> Result<(Kind, Scalar), Refusal> {
        let (Relation { kind: inner, fields }, outer) = self.inner(subquery, scope)?;
        let Some(Field::Value(value)) = fields.into_iter().next() else {
            let message = "a sub-query would give an identifier as a value";
            return Err(Refusal::new(Code::SubjectAsValue, message, "select a statistic in it")
                .at(self.positions.subquery()));
        };
        match (kind, inner) {
            (Kind::Records { node, units }, Kind::Records { node: inner, .. }) => {
                let by_person = matches!(&inner, Records::PerSubject { keys, .. } if keys.is_empty());
                if !outer.by_subject || !outer.conditions.is_empty() || !by_person {
                    return Err(self.other_people(scope));
                }
                self.not_chosen_by_unit(&inner, std::slice::from_ref(&value))?;
                let right = Box::new(self.tracked(inner, &value));
                let left = Box::new(node);
                let node = Records::SubjectJoin { left, right, on: Vec::new(), kind: JoinKind::Left };
                Ok((Kind::Records { node, units }, value))
            }
            (kind @ (Kind::Public(_) | Kind::Reference(_)), Kind::Public(inner)) if outer.is_unused() => {
                if !self.is_one_row(&inner) {
                    let hint = "aggregate in it without GROUP BY, or join the statistic on its keys";
                    return Err(not_supported("a scalar sub-query that may have several rows", hint)
                        .at(self.positions.subquery()));
                }
                let id = self.derived(&value, self.type_of(subquery));
                let inner = Public::Extend { input: Box::new(inner), columns: vec![(id, value)] };
                let Some(left) = public(kind) else {
                    return Err(self.other_people(scope));
                };
                let (left, right) = (Box::new(left), Box::new(inner));
                let node = Public::Join { left, right, on: Vec::new(), kind: JoinKind::Left };
                Ok((Kind::Public(node), Scalar::Column(id)))
            }
            (Kind::Records { .. }, Kind::Public(_)) => Err(self.cells_as_values()),
            _ => Err(self.other_people(scope)),
        }
    }

    /// The records of a sub-query with a column that says, once they are joined, who has one: a branch of the
    /// value.
    fn tracked(&mut self, inner: Records, value: &Scalar) -> Records {
        let marker = self.hidden(DataType::Boolean);
        if self.columns.chosen_by_sensitive(&inner) {
            self.columns.is_harmful(marker);
        }
        let there = Scalar::is_present(Scalar::Column(marker));
        value.columns().into_iter().for_each(|id| self.columns.decides(id, &there));
        Records::Extend { input: Box::new(inner), columns: vec![(marker, Scalar::truth())] }
    }

    fn type_of(&self, subquery: &Subquery) -> DataType {
        let first = subquery.subquery.schema().fields().first();
        first.map_or(DataType::Null, |field| field.data_type().clone())
    }

    /// Lowers a sub-query that may name the columns of `scope`.
    fn inner(&mut self, subquery: &Subquery, scope: Scope<'_>) -> Result<(Relation, Outer), Refusal> {
        let fields = scope.fields.to_vec();
        let schema = scope.schema.clone();
        self.outer.push(Outer { schema: schema.clone(), fields, by_subject: false, conditions: Vec::new() });
        let relation = self.relation(existence(&subquery.subquery));
        let outer = self.outer.pop();
        let unused = Outer { schema, fields: Vec::new(), by_subject: false, conditions: Vec::new() };
        Ok((relation?, outer.unwrap_or(unused)))
    }

    /// Runs `work` on a part of a sub-query below which the outer record must not be named.
    pub(super) fn without_outer<T>(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let seen =
            |lowering: &Self| lowering.outer.last().map(|outer| (outer.by_subject, outer.conditions.len()));
        let before = seen(self);
        let done = work(self)?;
        if seen(self) == before {
            return Ok(done);
        }
        let message = format!("a reference to the outer query below {what}");
        let hint = "write the condition beside the table that it is about, or join a CTE that is grouped by the subject";
        Err(not_supported(&message, hint).at(self.positions.subquery()))
    }

    /// The refusal of a statistic that would decide about records: it is released first.
    fn cells_as_values(&self) -> Refusal {
        let hint = "send the statistic as an analysis of its own and write what is released into this one";
        not_supported("a statistic as a value for records", hint).at(self.positions.subquery())
    }

    /// The refusal of a sub-query over other people's records.
    fn other_people(&self, scope: Scope<'_>) -> Refusal {
        let subject = (0..scope.fields.len())
            .find(|place| matches!(scope.fields.get(*place), Some(Field::Subject(_))))
            .map(|place| Column::from(scope.schema.qualified_field(place)).quoted_flat_name());
        let hint = match subject {
            Some(subject) => {
                format!("tie it to the same person: add `AND <its subject column> = {subject}` to its WHERE")
            }
            None => "tie it to the same person by the subject column".to_owned(),
        };
        let message = "a sub-query over the records of other people is not allowed";
        Refusal::new(Code::JoinWithoutSubject, message, hint).at(self.positions.subquery())
    }

    /// Whether a relation has exactly one row, whatever was released.
    fn is_one_row(&self, public: &Public) -> bool {
        match public {
            Public::Aggregate { keys, .. } => keys.is_empty(),
            Public::Cells(frontier) => {
                self.frontiers.get(*frontier).is_some_and(|f| f.keys.is_empty() && f.sets.is_none())
            }
            Public::Extend { input, .. } | Public::Sort { input, .. } | Public::Window { input, .. } => {
                self.is_one_row(input)
            }
            Public::Filter { input, .. } => self.is_one_row(input),
            Public::Limit { input, fetch, .. } => {
                fetch.is_some_and(|fetch| fetch <= 1) || self.is_one_row(input)
            }
            Public::Join { left, right, kind, .. } => match kind {
                JoinKind::Anti | JoinKind::Mark(_) | JoinKind::Semi => self.is_one_row(left),
                JoinKind::Full => false,
                JoinKind::Inner | JoinKind::Left => self.is_one_row(left) && self.is_one_row(right),
            },
            Public::Reference(Reference::Nothing) => true,
            Public::Items { .. } | Public::Reference(_) | Public::Union { .. } | Public::Unnest { .. } => {
                false
            }
        }
    }
}

impl Outer {
    fn is_unused(&self) -> bool {
        !self.by_subject && self.conditions.is_empty()
    }
}

/// EXISTS or IN.
enum Membership<'e> {
    Exists(&'e Exists),
    In(&'e InSubquery),
}

impl<'e> Membership<'e> {
    /// What an expression asks, and whether it asks for the contrary.
    fn of(expr: &'e Expr) -> Option<(Self, bool)> {
        if let Expr::Exists(exists) = expr {
            Some((Self::Exists(exists), exists.negated))
        } else if let Expr::InSubquery(within) = expr {
            Some((Self::In(within), within.negated))
        } else if let Expr::Not(inner) = expr {
            Self::of(inner).map(|(membership, negated)| (membership, !negated))
        } else {
            None
        }
    }

    fn subquery(&self) -> &'e Subquery {
        match self {
            Self::Exists(exists) => &exists.subquery,
            Self::In(within) => &within.subquery,
        }
    }
}

/// A relation over released cells or reference data.
pub(super) fn public(kind: Kind) -> Option<Public> {
    match kind {
        Kind::Coded { .. } | Kind::Records { .. } => None,
        Kind::Public(public) => Some(public),
        Kind::Reference(reference) => Some(Public::Reference(reference)),
    }
}

fn is_subquery(expr: &Expr) -> bool {
    matches!(expr, Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) | Expr::SetComparison(_))
}

/// The sub-queries of an expression, those inside them apart.
fn subqueries(expr: &Expr) -> Vec<Expr> {
    let mut found = Vec::new();
    let walked = expr.apply(|part| {
        if is_subquery(part) {
            found.push(part.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    if walked.is_ok() { found } else { Vec::new() }
}

/// A sub-query without what does not change whether it has a row, or the value of its only one.
fn existence(plan: &LogicalPlan) -> &LogicalPlan {
    if let LogicalPlan::Distinct(Distinct::All(input)) = plan {
        existence(input)
    } else if let LogicalPlan::Sort(sort) = plan
        && sort.fetch.is_none()
    {
        existence(&sort.input)
    } else if let LogicalPlan::SubqueryAlias(alias) = plan {
        existence(&alias.input)
    } else if let LogicalPlan::Subquery(subquery) = plan {
        existence(&subquery.subquery)
    } else {
        plan
    }
}
