//! Inner joins and conditions, however they were written.
//!
//! `FROM a, b WHERE …`, `JOIN … ON`, `USING` and any order of them say the same, so a tree of filters and
//! inner joins is taken apart into its relations and its conditions and judged as a whole. Equalities of
//! subjects are closed transitively: records meet only where all of them belong to one person (ZetaSQL's
//! rule), since any other row would belong to two. Reference data is looked up by a code: it multiplies
//! rows, never people.

use std::collections::BTreeSet;
use std::ops::Range;

use datafusion::common::{Column, DFSchema, JoinType, NullEquality, ScalarValue};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Join, LogicalPlan, Operator};

use crate::algebra::{ColumnId, JoinKind, Public, Records, Reference, Scalar};
use crate::model::{Code, Refusal};

use super::{Field, Kind, Lowering, Relation, Scope, lookup, not_supported};

/// A tree of filters and inner joins, taken apart.
#[derive(Default)]
struct Graph<'p> {
    /// The relations, with the places of their fields.
    leaves: Vec<(Kind, Range<usize>)>,
    fields: Vec<Field>,
    conditions: Vec<Condition<'p>>,
}

/// One conjunct, with the places of the fields that it may name.
struct Condition<'p> {
    predicate: Predicate<'p>,
    schema: &'p DFSchema,
    fields: Range<usize>,
}

/// What a conjunct says.
#[derive(Clone, Copy)]
pub(super) enum Predicate<'p> {
    Equality(&'p Expr, &'p Expr),
    Other(&'p Expr),
}

/// Whose subject an equality names.
#[derive(Clone, Copy)]
enum Party {
    Leaf(usize),
    /// The record around the sub-query.
    Outer,
}

impl Lowering<'_> {
    /// A filter or an inner join, with all filters and inner joins below it.
    pub(super) fn graph(&mut self, plan: &LogicalPlan) -> Result<Relation, Refusal> {
        let mut graph = Graph::default();
        self.gather(plan, &mut graph)?;
        let Graph { leaves, fields, conditions } = graph;
        let mut predicates = Vec::new();
        let conditions = self.one_person(&leaves, &fields, conditions, plan.schema(), &mut predicates)?;
        let (nested, plain): (Vec<_>, Vec<_>) =
            conditions.into_iter().partition(|condition| condition.predicate.has_subquery());
        for condition in plain {
            let fields = fields.get(condition.fields).unwrap_or_default();
            let scope = Scope::new(condition.schema, fields);
            predicates.extend(self.correlated(condition.predicate, scope)?);
        }
        let mut kind = self.side_by_side(leaves, &mut predicates)?;
        for condition in nested {
            let fields = fields.get(condition.fields).unwrap_or_default();
            let scope = Scope::new(condition.schema, fields);
            kind = self.with_subqueries(kind, condition.predicate, scope, &mut predicates)?;
        }
        Ok(Relation { kind: self.restricted(kind, predicates)?, fields })
    }

    fn gather<'p>(&mut self, plan: &'p LogicalPlan, graph: &mut Graph<'p>) -> Result<(), Refusal> {
        let start = graph.fields.len();
        if let LogicalPlan::Filter(filter) = plan {
            self.deeper(|lowering| lowering.gather(&filter.input, graph))?;
            let fields = start..graph.fields.len();
            let schema = filter.input.schema().as_ref();
            let predicates = split_conjunction(&filter.predicate).into_iter().map(Predicate::Other);
            graph.conditions.extend(predicates.map(|predicate| Condition {
                predicate,
                schema,
                fields: fields.clone(),
            }));
        } else if let LogicalPlan::Join(join) = plan
            && join.join_type == JoinType::Inner
            && join.null_equality == NullEquality::NullEqualsNothing
            && !join.null_aware
        {
            self.deeper(|lowering| lowering.gather(&join.left, graph))?;
            self.deeper(|lowering| lowering.gather(&join.right, graph))?;
            let fields = start..graph.fields.len();
            let schema = join.schema.as_ref();
            graph.conditions.extend(predicates(join).map(|predicate| Condition {
                predicate,
                schema,
                fields: fields.clone(),
            }));
        } else {
            let Relation { kind, fields } = self.relation(plan)?;
            graph.fields.extend(fields);
            graph.leaves.push((kind, start..graph.fields.len()));
        }
        Ok(())
    }

    /// Takes out the equalities of subjects, and sees that all records belong to one person.
    fn one_person<'p>(
        &mut self,
        leaves: &[(Kind, Range<usize>)],
        fields: &[Field],
        conditions: Vec<Condition<'p>>,
        schema: &DFSchema,
        predicates: &mut Vec<Scalar>,
    ) -> Result<Vec<Condition<'p>>, Refusal> {
        // Whose subjects are equal: the class of each relation, and last that of the outer record.
        let mut classes: Vec<usize> = (0..=leaves.len()).collect();
        let mut others = Vec::new();
        for condition in conditions {
            let parties = condition.predicate.equality().and_then(|(left, right)| {
                let party = |expr| self.party(expr, &condition, leaves, fields);
                Some((party(left)?, party(right)?))
            });
            let Some(((left, left_is_there), (right, right_is_there))) = parties else {
                others.push(condition);
                continue;
            };
            predicates.extend(left_is_there.into_iter().chain(right_is_there));
            let class = |party| {
                let place = if let Party::Leaf(leaf) = party { leaf } else { leaves.len() };
                classes.get(place).copied()
            };
            let (left, right) = (class(left), class(right));
            classes
                .iter_mut()
                .filter(|class| Some(**class) == right)
                .for_each(|class| *class = left.unwrap_or(*class));
        }
        let outer = classes.pop();
        let people = leaves
            .iter()
            .zip(&classes)
            .filter(|((kind, _), _)| !matches!(kind, Kind::Public(_) | Kind::Reference(_)));
        let people: Vec<_> = people.collect();
        if let [((_, first), class), rest @ ..] = people.as_slice() {
            if let Some(((_, other), _)) = rest.iter().find(|(_, other)| other != class) {
                return Err(self.join_without_subject(fields, schema, [first, other]));
            }
            if let Some(around) = self.outer.last_mut() {
                around.by_subject |= outer == Some(**class);
            }
        }
        Ok(others)
    }

    /// Whose subject an expression is, and where it is there.
    fn party(
        &self,
        expr: &Expr,
        condition: &Condition<'_>,
        leaves: &[(Kind, Range<usize>)],
        fields: &[Field],
    ) -> Option<(Party, Option<Scalar>)> {
        if let Expr::OuterReferenceColumn(_, column) = expr {
            let outer = self.outer.last()?;
            let field = outer.fields.get(outer.schema.maybe_index_of_column(column)?)?;
            return match field {
                Field::Subject(there) => Some((Party::Outer, there.clone())),
                Field::Identifier | Field::Value(_) => None,
            };
        }
        let Expr::Column(column) = expr else {
            return None;
        };
        let place = condition.schema.maybe_index_of_column(column)?.checked_add(condition.fields.start)?;
        match fields.get(place)? {
            Field::Subject(there) => {
                let leaf = leaves.iter().position(|(_, range)| range.contains(&place))?;
                Some((Party::Leaf(leaf), there.clone()))
            }
            Field::Identifier | Field::Value(_) => None,
        }
    }

    /// All relations in one, side by side: those of records by their subject, code tables by the predicates
    /// that look up a code, which are taken out.
    fn side_by_side(
        &mut self,
        leaves: Vec<(Kind, Range<usize>)>,
        predicates: &mut Vec<Scalar>,
    ) -> Result<Kind, Refusal> {
        if leaves.len() == 1 {
            return leaves.into_iter().next().map(|(kind, _)| kind).ok_or_else(no_relation);
        }
        let (mut people, mut cells, mut codes) = (Vec::new(), Vec::new(), Vec::new());
        for (kind, _) in leaves {
            match kind {
                Kind::Coded { .. } => return Err(self.coded_join()),
                Kind::Public(public) => cells.push(public),
                Kind::Records { node, units } => people.push((node, units)),
                Kind::Reference(reference) => codes.push(reference),
            }
        }
        let joined = people.into_iter().reduce(|(left, mut units), (right, further)| {
            units.extend(further);
            let (left, right) = (Box::new(left), Box::new(right));
            (Records::SubjectJoin { left, right, on: Vec::new(), kind: JoinKind::Inner }, units)
        });
        match joined {
            Some(_) if !cells.is_empty() => Err(self.join_with_cells()),
            Some((node, units)) => {
                Ok(Kind::Records { node: self.looked_up(node, codes, predicates)?, units })
            }
            None if cells.is_empty() => {
                let joined = codes.into_iter().reduce(|left, right| {
                    let (left, right) = (Box::new(left), Box::new(right));
                    Reference::Join { left, right, on: Vec::new(), kind: JoinKind::Inner }
                });
                joined.map(Kind::Reference).ok_or_else(no_relation)
            }
            None => {
                let joined = cells.into_iter().chain(codes.into_iter().map(Public::Reference)).reduce(
                    |left, right| {
                        let (left, right) = (Box::new(left), Box::new(right));
                        Public::Join { left, right, on: Vec::new(), kind: JoinKind::Inner }
                    },
                );
                joined.map(Kind::Public).ok_or_else(no_relation)
            }
        }
    }

    /// Records with their codes looked up, each in a code table that something known names.
    fn looked_up(
        &mut self,
        mut node: Records,
        mut codes: Vec<Reference>,
        predicates: &mut Vec<Scalar>,
    ) -> Result<Records, Refusal> {
        if !codes.is_empty() {
            *predicates = std::mem::take(predicates).into_iter().flat_map(conjuncts).collect();
        }
        while !codes.is_empty() {
            let waiting: Vec<BTreeSet<ColumnId>> = codes.iter().map(Reference::columns).collect();
            let unknown: BTreeSet<ColumnId> = waiting.iter().flatten().copied().collect();
            let next = waiting.iter().position(|own| {
                let known = |id: &ColumnId| own.contains(id) || !unknown.contains(id);
                let in_range = lookup::looked_up(predicates, own);
                let mut looking = predicates.iter().filter(|scalar| looks_up(scalar, own)).chain(in_range);
                looking.any(|scalar| scalar.columns().iter().all(known))
            });
            let Some((place, own)) = next.and_then(|place| Some((place, waiting.get(place)?))) else {
                return Err(self.not_looked_up());
            };
            let known = |id: &ColumnId| own.contains(id) || !unknown.contains(id);
            let in_range: Vec<Scalar> = lookup::looked_up(predicates, own).into_iter().cloned().collect();
            let looks = |scalar: &Scalar| looks_up(scalar, own) || in_range.contains(scalar);
            let (on, rest): (Vec<Scalar>, Vec<Scalar>) = std::mem::take(predicates)
                .into_iter()
                .partition(|scalar| looks(scalar) && scalar.columns().iter().all(known));
            *predicates = rest;
            if codes.get(place).is_some_and(|reference| reference.constants() == 0) {
                self.inherits(&on, own);
            }
            if let Some(reference) = codes.get(place) {
                self.check_one_row(reference, &on)?;
            }
            let reference = codes.remove(place);
            node = Records::ReferenceJoin { input: Box::new(node), reference, on, kind: JoinKind::Inner };
        }
        Ok(node)
    }

    /// Refuses a look-up in which a record could find several rows that the analyst wrote.
    pub(super) fn check_one_row(&self, reference: &Reference, on: &[Scalar]) -> Result<(), Refusal> {
        let codes = reference.columns();
        let by_code = on.iter().any(|scalar| looks_up(scalar, &codes));
        if (by_code && has_unique_codes(reference, on)) || lookup::has_disjoint_ranges(reference, on) {
            return Ok(());
        }
        Err(if by_code { self.ambiguous_codes() } else { self.overlapping_ranges() })
    }

    /// The label of a sensitive code is as sensitive.
    pub(super) fn inherits(&mut self, on: &[Scalar], codes: &BTreeSet<ColumnId>) {
        if on.iter().any(|scalar| self.columns.is_sensitive(scalar)) {
            codes.iter().for_each(|id| self.columns.is_harmful(*id));
        }
    }

    /// A relation with only those of its rows that fulfil all predicates.
    pub(super) fn restricted(&self, kind: Kind, mut predicates: Vec<Scalar>) -> Result<Kind, Refusal> {
        if predicates.is_empty() {
            return Ok(kind);
        }
        let single = if predicates.len() == 1 { predicates.pop() } else { None };
        let predicate = single.unwrap_or(Scalar::And(predicates));
        Ok(match kind {
            Kind::Coded { .. } => return Err(self.coded_join()),
            Kind::Public(input) => Kind::Public(Public::Filter { input: Box::new(input), predicate }),
            Kind::Records { node, units } => {
                Kind::Records { node: Records::Restrict { input: Box::new(node), predicate }, units }
            }
            Kind::Reference(input) => {
                Kind::Reference(Reference::Restrict { input: Box::new(input), predicate })
            }
        })
    }

    /// The refusal that spells out the conjunct which is missing.
    pub(super) fn join_without_subject(
        &self,
        fields: &[Field],
        schema: &DFSchema,
        sides: [&Range<usize>; 2],
    ) -> Refusal {
        let name = |side: &Range<usize>| {
            let is_subject = |place: &usize| matches!(fields.get(*place), Some(Field::Subject(_)));
            let place = side.clone().find(is_subject).filter(|place| *place < schema.fields().len())?;
            Some(Column::from(schema.qualified_field(place)))
        };
        let [left, right] = sides.map(name);
        let table = right.as_ref().and_then(|right| right.relation.as_ref());
        let place = table.and_then(|table| self.positions.join_of(table.table()));
        let hint = match (left, right) {
            (Some(left), Some(right)) => {
                let (left, right) = (left.quoted_flat_name(), right.quoted_flat_name());
                format!("add `AND {left} = {right}` to the condition of the join")
            }
            _ => "keep the subject column in both tables and join on its equality".to_owned(),
        };
        let message = "two tables of people are joined without equality of the subject, so a row would belong to two people";
        Refusal::new(Code::JoinWithoutSubject, message, hint).at(place).at(self.positions.join())
    }

    /// The refusal of records beside released cells.
    pub(super) fn join_with_cells(&self) -> Refusal {
        let hint = "group the table of people by the same keys in a CTE of its own and join the two CTEs";
        not_supported("a join of records with a statistic", hint).at(self.positions.join())
    }

    /// The refusal of anything but groups above `code table LEFT JOIN records`.
    pub(super) fn coded_join(&self) -> Refusal {
        let hint =
            "write conditions on the records into the ON clause, and GROUP BY columns of the code table";
        not_supported("this use of a code table LEFT JOIN records", hint).at(self.positions.join())
    }

    /// The refusal of a list in which a code stands twice: it would choose how often a record counts.
    pub(super) fn ambiguous_codes(&self) -> Refusal {
        let hint = "give each code one row, or use it in IN or EXISTS";
        not_supported("a join with a list in which a code may stand twice", hint).at(self.positions.join())
    }

    /// The refusal of ranges of codes of which it is not known that a record is in one at most.
    fn overlapping_ranges(&self) -> Refusal {
        let hint = "bring the ranges as a code list (`--with`) or VALUES, each with its first and last code, so that no code is in two of them";
        not_supported("a join with ranges that may overlap", hint).at(self.positions.join())
    }

    /// The refusal of a code table that is joined on no code.
    pub(super) fn not_looked_up(&self) -> Refusal {
        let hint = "join on column = code, and write every other condition in WHERE; bands are a CASE: CASE WHEN x < 40 THEN 'under 40' ELSE '40 and more' END";
        not_supported("a join with a code table on another condition", hint).at(self.positions.join())
    }
}

impl<'p> Predicate<'p> {
    /// The sides of an equality.
    pub(super) fn equality(self) -> Option<(&'p Expr, &'p Expr)> {
        match self {
            Self::Equality(left, right) => Some((left, right)),
            Self::Other(Expr::BinaryExpr(binary)) if binary.op == Operator::Eq => {
                Some((&binary.left, &binary.right))
            }
            Self::Other(_) => None,
        }
    }
}

/// The conjuncts of a join.
pub(super) fn predicates(join: &Join) -> impl Iterator<Item = Predicate<'_>> {
    let equalities = join.on.iter().map(|(left, right)| Predicate::Equality(left, right));
    equalities.chain(join.filter.iter().flat_map(split_conjunction).map(Predicate::Other))
}

/// Whether a predicate is the equality of a code of a code table with something known.
pub(super) fn looks_up(scalar: &Scalar, codes: &BTreeSet<ColumnId>) -> bool {
    let Scalar::Compare { op: Operator::Eq | Operator::IsNotDistinctFrom, left, right } = scalar else {
        return false;
    };
    let is_code = |side: &Scalar| bare(side).is_some_and(|id| codes.contains(&id));
    let is_known = |side: &Scalar| !side.columns().is_empty() && side.columns().is_disjoint(codes);
    (is_code(left) && is_known(right)) || (is_code(right) && is_known(left))
}

/// Whether constants that the analyst wrote have one row for each code that is looked up.
pub(super) fn has_unique_codes(reference: &Reference, on: &[Scalar]) -> bool {
    let looked_up: BTreeSet<ColumnId> = on.iter().flat_map(Scalar::columns).collect();
    match reference {
        Reference::Distinct { keys, .. } => keys.iter().all(|(id, _)| looked_up.contains(id)),
        Reference::Extend { input, .. } | Reference::Restrict { input, .. } => has_unique_codes(input, on),
        Reference::Join { .. } | Reference::Nothing | Reference::Union { .. } => reference.constants() == 0,
        Reference::Scan(scan) => {
            let unique =
                |(id, name): &(ColumnId, String)| looked_up.contains(id) && scan.unique.contains(name);
            scan.list_rows.is_none() || scan.columns.iter().any(unique)
        }
        Reference::Values { columns, rows } => {
            let chosen: Vec<usize> = (0..columns.len())
                .filter(|place| columns.get(*place).is_some_and(|(id, _)| looked_up.contains(id)))
                .collect();
            let code = |row: &Vec<ScalarValue>| {
                chosen.iter().map(|place| row.get(*place).map(ToString::to_string)).collect::<Vec<_>>()
            };
            rows.iter().map(code).collect::<BTreeSet<_>>().len() == rows.len()
        }
    }
}

/// The conjuncts of a condition.
pub(super) fn conjuncts(scalar: Scalar) -> Vec<Scalar> {
    if let Scalar::And(all) = scalar { all.into_iter().flat_map(conjuncts).collect() } else { vec![scalar] }
}

/// The column that an expression is, in whatever type.
pub(super) fn bare(scalar: &Scalar) -> Option<ColumnId> {
    if let Scalar::Cast { arg, .. } = scalar {
        return bare(arg);
    }
    if let Scalar::Column(id) = scalar { Some(*id) } else { None }
}

fn no_relation() -> Refusal {
    not_supported("a query without a table", "name a table in FROM")
}
