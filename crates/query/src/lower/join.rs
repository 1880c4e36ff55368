//! Joins that keep rows without a partner, and those that only look for one.
//!
//! A row without a partner has no value in the columns of the other side; who has one is a branch that
//! every value of that side carries, and both sides of it are judged. Records keep their subject: an outer
//! join of records keeps the side's people, and a code table keeps its codes only for groups of them.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::{JoinType, NullEquality};
use datafusion::logical_expr::{Expr, Join, LogicalPlan, Operator};

use crate::algebra::{ColumnId, JoinKind, Public, Records, Reference, Scalar};
use crate::model::Refusal;

use super::graph::{Predicate, conjuncts, looks_up, predicates};
use super::subquery::public;
use super::{Field, Kind, Lowering, Relation, Scope, lookup, measure, not_supported};

/// One side of a join, with the schema by which the plan names its fields.
struct Side<'p> {
    relation: Relation,
    schema: &'p DFSchema,
}

impl Lowering<'_> {
    /// One JOIN.
    pub(super) fn join(&mut self, join: &Join, plan: &LogicalPlan) -> Result<Relation, Refusal> {
        let (kind, mirrored) = match join.join_type {
            JoinType::Inner if join.null_equality == NullEquality::NullEqualsNothing && !join.null_aware => {
                return self.graph(plan);
            }
            JoinType::Full => (JoinKind::Full, false),
            JoinType::Left => (JoinKind::Left, false),
            JoinType::LeftAnti => (JoinKind::Anti, false),
            JoinType::LeftSemi => (JoinKind::Semi, false),
            JoinType::Right => (JoinKind::Left, true),
            JoinType::RightAnti => (JoinKind::Anti, true),
            JoinType::RightSemi => (JoinKind::Semi, true),
            JoinType::Inner | JoinType::LeftMark | JoinType::RightMark => {
                return Err(not_supported("this form of join", "join with =").at(self.positions.join()));
            }
        };
        if join.null_aware {
            return Err(not_supported("this form of join", "join with =").at(self.positions.join()));
        }
        self.without_outer("an outer join, INTERSECT or EXCEPT", |lowering| {
            let left = Side { relation: lowering.relation(&join.left)?, schema: join.left.schema() };
            let right = Side { relation: lowering.relation(&join.right)?, schema: join.right.schema() };
            match kind {
                JoinKind::Anti | JoinKind::Semi => {
                    let (left, right) = if mirrored { (right, left) } else { (left, right) };
                    lowering.filtering_join(join, kind, left, right, mirrored)
                }
                JoinKind::Full | JoinKind::Inner | JoinKind::Left | JoinKind::Mark(_) => {
                    lowering.outer_join(join, kind, left, right, mirrored)
                }
            }
        })
    }

    /// LEFT, RIGHT and FULL JOIN; a RIGHT JOIN is a LEFT JOIN of the sides the other way round.
    fn outer_join(
        &mut self,
        join: &Join,
        kind: JoinKind,
        left: Side<'_>,
        right: Side<'_>,
        mirrored: bool,
    ) -> Result<Relation, Refusal> {
        let boundary = left.relation.fields.len();
        let both: Vec<Field> = left.relation.fields.iter().chain(&right.relation.fields).cloned().collect();
        let (on, by_subject) = self.outer_conditions(join, &both, &join.schema, boundary)?;
        let (kept, looked_up) = if mirrored { (right, left) } else { (left, right) };
        let Side { relation: Relation { kind: kept_kind, fields: kept_fields }, schema: kept_schema } = kept;
        let Side { relation: Relation { kind: other_kind, fields: other_fields }, schema: other_schema } =
            looked_up;
        let kept = (kept_fields, kept_schema);
        let other = (other_fields, other_schema);
        let (node, first, second) = match (kept_kind, other_kind) {
            (Kind::Records { node: l, mut units }, Kind::Records { node: r, units: further }) => {
                if !by_subject {
                    let sides = [&(0..boundary), &(boundary..both.len())];
                    return Err(self.join_without_subject(&both, &join.schema, sides));
                }
                units.extend(further);
                let chosen = self.columns.chosen_by_sensitive(&r);
                let Extended { left, right, first, second } =
                    self.extended(kind, l, kept, r, other, chosen)?;
                (Kind::Records { node: Records::SubjectJoin { left, right, on, kind }, units }, first, second)
            }
            (Kind::Records { node, units }, Kind::Reference(reference)) if kind == JoinKind::Left => {
                self.check_looked_up(&on, &reference)?;
                let second = self.optional(other.0, other.1)?;
                let reference = Reference::Extend { input: Box::new(reference), columns: second.columns };
                let node = Records::ReferenceJoin { input: Box::new(node), reference, on, kind };
                (Kind::Records { node, units }, kept.0, second.fields)
            }
            (Kind::Reference(reference), Kind::Records { node, units }) if kind == JoinKind::Left => {
                self.check_looked_up(&on, &reference)?;
                let (input, kind) = (Box::new(node), JoinKind::Inner);
                let node = Records::ReferenceJoin { input, reference: reference.clone(), on, kind };
                (Kind::Coded { node, units, reference }, kept.0, other.0)
            }
            (Kind::Reference(l), Kind::Reference(r)) => {
                let Extended { left, right, first, second } =
                    self.extended(kind, l, kept, r, other, false)?;
                (Kind::Reference(Reference::Join { left, right, on, kind }), first, second)
            }
            (Kind::Coded { .. }, _) | (_, Kind::Coded { .. }) => return Err(self.coded_join()),
            (l, r) => {
                let (Some(l), Some(r)) = (public(l), public(r)) else {
                    return Err(self.join_with_cells());
                };
                let Extended { left, right, first, second } =
                    self.extended(kind, l, kept, r, other, false)?;
                (Kind::Public(Public::Join { left, right, on, kind }), first, second)
            }
        };
        let (before, behind) = if mirrored { (second, first) } else { (first, second) };
        Ok(Relation { kind: node, fields: before.into_iter().chain(behind).collect() })
    }

    /// The conditions of a join besides the equality of the subjects, and whether that is there.
    fn outer_conditions(
        &mut self,
        join: &Join,
        both: &[Field],
        schema: &DFSchema,
        boundary: usize,
    ) -> Result<(Vec<Scalar>, bool), Refusal> {
        let scope = Scope::new(schema, both);
        let (mut on, mut by_subject) = (Vec::new(), false);
        for predicate in predicates(join) {
            match equated_subjects(predicate, scope, boundary) {
                Some(there) => {
                    by_subject = true;
                    on.extend(there);
                }
                None => on.extend(conjuncts(self.condition(predicate, scope)?)),
            }
        }
        Ok((on, by_subject))
    }

    /// Both sides of an outer join, with the columns that tell where a row of theirs is missing.
    fn extended<N: Extend>(
        &mut self,
        kind: JoinKind,
        left: N,
        kept: (Vec<Field>, &DFSchema),
        right: N,
        other: (Vec<Field>, &DFSchema),
        chosen: bool,
    ) -> Result<Extended<N>, Refusal> {
        let second = self.optional(other.0, other.1)?;
        if chosen {
            // Who has a partner that a sensitive column chose has told that value.
            second.columns.iter().take(1).for_each(|(marker, _)| self.columns.is_harmful(*marker));
        }
        let (left, first) = if kind == JoinKind::Full {
            let first = self.optional(kept.0, kept.1)?;
            (left.with(first.columns), first.fields)
        } else {
            (left, kept.0)
        };
        let (left, right) = (Box::new(left), Box::new(right.with(second.columns)));
        Ok(Extended { left, right, first, second: second.fields })
    }

    fn check_looked_up(&mut self, on: &[Scalar], reference: &Reference) -> Result<(), Refusal> {
        let codes = reference.columns();
        self.inherits(on, &codes);
        let in_range = !lookup::looked_up(on, &codes).is_empty();
        if !in_range && !on.iter().any(|scalar| looks_up(scalar, &codes)) {
            return Err(self.not_looked_up());
        }
        self.check_one_row(reference, on)
    }

    /// The fields of a side whose rows may be missing: each is a column of its own, which has no value
    /// there, and says so as a branch.
    fn optional(&mut self, fields: Vec<Field>, schema: &DFSchema) -> Result<Optional, Refusal> {
        let marker = self.hidden(DataType::Boolean);
        let there = Scalar::is_present(Scalar::Column(marker));
        let mut columns = vec![(marker, Scalar::truth())];
        let mut optional = Vec::new();
        for (place, field) in fields.into_iter().enumerate() {
            optional.push(match field {
                Field::Identifier => Field::Identifier,
                Field::Subject(None) => Field::Subject(Some(there.clone())),
                Field::Subject(Some(also)) => Field::Subject(Some(Scalar::And(vec![there.clone(), also]))),
                Field::Value(value) => {
                    self.spend(1)?;
                    let id = if let Scalar::Column(id) = value {
                        id
                    } else {
                        let data_type = schema.fields().get(place).map(|field| field.data_type().clone());
                        let id = self.derived(&value, data_type.unwrap_or(DataType::Null));
                        let terms = measure::implied(&value, &self.columns).unwrap_or_default();
                        if measure::is_plain(&value, &self.columns) && !terms.is_empty() {
                            let there = |term| measure::taken_here(&there, term);
                            self.columns.has_terms(id, terms.into_iter().map(there).collect());
                        }
                        columns.push((id, value));
                        id
                    };
                    self.columns.decides(id, &there);
                    Field::Value(Scalar::Column(id))
                }
            });
        }
        Ok(Optional { fields: optional, columns })
    }

    /// SEMI and ANTI JOIN: EXISTS and NOT EXISTS in other words.
    fn semi_join(
        &mut self,
        join: &Join,
        kind: JoinKind,
        left: Side<'_>,
        right: Side<'_>,
    ) -> Result<Relation, Refusal> {
        let boundary = left.relation.fields.len();
        let both: Vec<Field> = left.relation.fields.iter().chain(&right.relation.fields).cloned().collect();
        let Ok(schema) = left.schema.join(right.schema) else {
            let hint = "give each table a name of its own with AS";
            return Err(not_supported("a join of two tables of one name", hint).at(self.positions.join()));
        };
        let (on, by_subject) = self.outer_conditions(join, &both, &schema, boundary)?;
        let people = |side: &Side<'_>| matches!(side.relation.kind, Kind::Records { .. });
        if people(&left) && people(&right) && !by_subject {
            let sides = [&(0..boundary), &(boundary..both.len())];
            return Err(self.join_without_subject(&both, &schema, sides));
        }
        let fields = left.relation.fields;
        let scope = Scope::new(left.schema, &fields);
        let node = self
            .chosen(left.relation.kind, right.relation.kind, on, kind, scope)
            .map_err(|refusal| refusal.at(self.positions.join()))?;
        Ok(Relation { kind: node, fields })
    }

    /// INTERSECT and EXCEPT: rows of one side that are, or are not, on the other.
    fn filtering_join(
        &mut self,
        join: &Join,
        kind: JoinKind,
        left: Side<'_>,
        right: Side<'_>,
        mirrored: bool,
    ) -> Result<Relation, Refusal> {
        if join.null_equality == NullEquality::NullEqualsNothing {
            return self.semi_join(join, kind, left, right);
        }
        if join.filter.is_some() {
            return Err(not_supported("this form of join", "use EXISTS").at(self.positions.join()));
        }
        let left_scope = Scope::new(left.schema, &left.relation.fields);
        let right_scope = Scope::new(right.schema, &right.relation.fields);
        let (mut by_subject, mut on) = (false, Vec::new());
        for (one, other) in &join.on {
            let (one, other) = if mirrored { (other, one) } else { (one, other) };
            match (self.field(one, left_scope)?, self.field(other, right_scope)?) {
                (Field::Subject(None), Field::Subject(None)) => by_subject = true,
                (Field::Value(one), Field::Value(other)) => {
                    on.push(Scalar::Compare {
                        op: Operator::IsNotDistinctFrom,
                        left: Box::new(one),
                        right: Box::new(other),
                    });
                }
                _ => {
                    let hint = "put the subject into the same column of both SELECTs";
                    return Err(not_supported("INTERSECT or EXCEPT of a subject and something else", hint));
                }
            }
        }
        let reads_statistic = on.iter().any(|scalar| self.columns.reads_statistic(scalar));
        let node = match (left.relation.kind, right.relation.kind) {
            (Kind::Records { node: l, units }, Kind::Records { node: r, .. }) if by_subject => {
                self.not_chosen_by_unit(&r, &on)?;
                let node = Records::SubjectJoin { left: Box::new(l), right: Box::new(r), on, kind };
                Kind::Records { node, units }
            }
            (Kind::Reference(l), Kind::Reference(r)) => {
                Kind::Reference(Reference::Join { left: Box::new(l), right: Box::new(r), on, kind })
            }
            (l, r) => match (public(l), public(r)) {
                (Some(l), Some(r)) if !reads_statistic => {
                    Kind::Public(Public::Join { left: Box::new(l), right: Box::new(r), on, kind })
                }
                _ => {
                    let hint = "select the subject in both, or group both by the same keys";
                    return Err(not_supported("INTERSECT or EXCEPT of these relations", hint));
                }
            },
        };
        Ok(Relation { kind: node, fields: left.relation.fields })
    }
}

/// A relation that can have further columns.
trait Extend: Sized {
    fn with(self, columns: Vec<(ColumnId, Scalar)>) -> Self;
}

impl Extend for Public {
    fn with(self, columns: Vec<(ColumnId, Scalar)>) -> Self {
        Self::Extend { input: Box::new(self), columns }
    }
}

impl Extend for Records {
    fn with(self, columns: Vec<(ColumnId, Scalar)>) -> Self {
        Self::Extend { input: Box::new(self), columns }
    }
}

impl Extend for Reference {
    fn with(self, columns: Vec<(ColumnId, Scalar)>) -> Self {
        Self::Extend { input: Box::new(self), columns }
    }
}

/// The sides of an outer join, and the fields of each.
struct Extended<N> {
    left: Box<N>,
    right: Box<N>,
    first: Vec<Field>,
    second: Vec<Field>,
}

/// Fields of rows that may be missing, and the columns to compute for them.
struct Optional {
    fields: Vec<Field>,
    columns: Vec<(ColumnId, Scalar)>,
}

/// Where the subjects are there, if a conjunct says that the left side's is the right side's.
fn equated_subjects(predicate: Predicate<'_>, scope: Scope<'_>, boundary: usize) -> Option<Vec<Scalar>> {
    let subject = |expr: &Expr| {
        let Expr::Column(column) = expr else {
            return None;
        };
        let place = scope.schema.maybe_index_of_column(column)?;
        match scope.fields.get(place)? {
            Field::Subject(there) => Some((place < boundary, there.clone())),
            Field::Identifier | Field::Value(_) => None,
        }
    };
    let (left, right) = predicate.equality()?;
    let ((one, one_is_there), (other, other_is_there)) = (subject(left)?, subject(right)?);
    (one != other).then(|| one_is_there.into_iter().chain(other_is_there).collect())
}
