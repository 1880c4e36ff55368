//! Which joins keep each row with one data subject.
//!
//! Records meet records only where their subjects are equal (ZetaSQL's rule): any other row would
//! belong to two people. Records meet reference data on any condition: it multiplies rows, never people.

use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Join, Operator};

use crate::algebra::{JoinKind, Records, Reference, Scalar};
use crate::model::{Code, Refusal};

use super::{Field, Kind, Lowering, Relation, Scope, not_supported};

impl Lowering<'_> {
    /// One JOIN.
    pub(super) fn join(&mut self, join: &Join) -> Result<Relation, Refusal> {
        let Join {
            left,
            right,
            on,
            filter,
            join_type,
            join_constraint: _,
            schema,
            null_equality,
            null_aware,
        } = join;
        if *null_aware || *null_equality != NullEquality::NullEqualsNothing {
            return Err(not_supported(
                "INTERSECT, EXCEPT or a join in which NULL equals NULL",
                "join with =",
            ));
        }
        let left = self.relation(left)?;
        let right = self.relation(right)?;
        let boundary = left.fields.len();
        let fields: Vec<Field> = left.fields.into_iter().chain(right.fields).collect();
        let scope = Scope { schema, fields: &fields };
        let equalities = on.iter().map(|(l, r)| Condition::Equality(l, r));
        let others = filter.iter().flat_map(split_conjunction).map(Condition::Predicate);
        let conditions: Vec<Condition<'_>> = equalities.chain(others).collect();
        let kind = match (left.kind, right.kind) {
            (Kind::Records { node: l, units: mut l_units }, Kind::Records { node: r, units }) => {
                if *join_type != JoinType::Inner {
                    let hint = "use JOIN, or count the two groups in two analyses";
                    return Err(not_supported(
                        &format!("a {} of two tables of people", words(*join_type)),
                        hint,
                    )
                    .at(self.positions.join()));
                }
                let on = self.subject_conditions(&conditions, scope, boundary)?;
                l_units.extend(units);
                let node =
                    Records::SubjectJoin { left: Box::new(l), right: Box::new(r), on, kind: JoinKind::Inner };
                Kind::Records { node, units: l_units }
            }
            (Kind::Records { node, units }, Kind::Reference(reference)) => {
                let kind = self.kept(*join_type, JoinType::Left)?;
                self.reference_join(node, units, reference, &conditions, scope, kind)?
            }
            (Kind::Reference(reference), Kind::Records { node, units }) => {
                let kind = self.kept(*join_type, JoinType::Right)?;
                self.reference_join(node, units, reference, &conditions, scope, kind)?
            }
            (Kind::Public(_), _) | (_, Kind::Public(_)) => {
                let hint = "send the parts as analyses of their own";
                return Err(not_supported("a join with a statistic", hint).at(self.positions.join()));
            }
            (Kind::Reference(_), Kind::Reference(_)) => {
                let hint = "join the code tables with a table of people, one after the other";
                return Err(not_supported("a join of two code tables", hint).at(self.positions.join()));
            }
        };
        Ok(Relation { kind, fields })
    }

    fn reference_join(
        &mut self,
        node: Records,
        units: Vec<crate::algebra::ColumnId>,
        reference: Reference,
        conditions: &[Condition<'_>],
        scope: Scope<'_>,
        kind: JoinKind,
    ) -> Result<Kind, Refusal> {
        let on = conditions
            .iter()
            .map(|condition| self.condition(condition, scope))
            .collect::<Result<Vec<_>, _>>()?;
        self.check_code_condition(&on, &reference)?;
        Ok(Kind::Records {
            node: Records::ReferenceJoin { input: Box::new(node), reference, on, kind },
            units,
        })
    }

    /// A code table is joined on the equality of a column with one of its own, and conditions on itself:
    /// any other condition would give each person a number of rows of the analyst's choice.
    fn check_code_condition(&self, on: &[Scalar], reference: &Reference) -> Result<(), Refusal> {
        let codes = reference.columns();
        let of_codes = |scalar: &Scalar| scalar.columns().is_subset(&codes);
        let looked_up = |scalar: &Scalar| match scalar {
            Scalar::Compare { op: Operator::Eq, left, right } => {
                matches!((left.as_ref(), right.as_ref()), (Scalar::Column(_), Scalar::Column(_)))
                    && of_codes(left) != of_codes(right)
            }
            Scalar::And(_)
            | Scalar::Arithmetic { .. }
            | Scalar::Case { .. }
            | Scalar::Cast { .. }
            | Scalar::Column(_)
            | Scalar::Compare { .. }
            | Scalar::Function { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Literal(_)
            | Scalar::Negative(_)
            | Scalar::Not(_)
            | Scalar::Or(_)
            | Scalar::Truth { .. } => false,
        };
        if on.iter().any(looked_up) && on.iter().all(|scalar| looked_up(scalar) || of_codes(scalar)) {
            return Ok(());
        }
        let hint = "join on column = code, and write every other condition in WHERE";
        Err(not_supported("a join with a code table on another condition", hint).at(self.positions.join()))
    }

    /// Takes out the equality of the subjects, which must be there, and lowers the rest.
    fn subject_conditions(
        &mut self,
        conditions: &[Condition<'_>],
        scope: Scope<'_>,
        boundary: usize,
    ) -> Result<Vec<Scalar>, Refusal> {
        let (subjects, others): (Vec<_>, Vec<_>) =
            conditions.iter().partition(|condition| condition.equates_subjects(scope, boundary));
        if subjects.is_empty() {
            return Err(self.join_without_subject(scope, boundary));
        }
        others.into_iter().map(|condition| self.condition(condition, scope)).collect()
    }

    fn condition(&mut self, condition: &Condition<'_>, scope: Scope<'_>) -> Result<Scalar, Refusal> {
        match condition {
            Condition::Equality(left, right) => {
                let left = Box::new(self.scalar(left, scope)?);
                Ok(Scalar::Compare { op: Operator::Eq, left, right: Box::new(self.scalar(right, scope)?) })
            }
            Condition::Predicate(predicate) => self.scalar(predicate, scope),
        }
    }

    /// INNER, or the outer join that keeps the records; every other one would lose or make up people.
    fn kept(&self, join_type: JoinType, keeps_records: JoinType) -> Result<JoinKind, Refusal> {
        if join_type == JoinType::Inner {
            Ok(JoinKind::Inner)
        } else if join_type == keeps_records {
            Ok(JoinKind::Left)
        } else {
            let hint = "write records LEFT JOIN code table, or JOIN";
            Err(not_supported(&format!("a {} with a code table here", words(join_type)), hint)
                .at(self.positions.join()))
        }
    }

    /// The refusal that spells out the conjunct which is missing.
    fn join_without_subject(&self, scope: Scope<'_>, boundary: usize) -> Refusal {
        let is_subject = |index: &usize| matches!(scope.fields.get(*index), Some(Field::Subject));
        let name = |index: usize| Column::from(scope.schema.qualified_field(index)).quoted_flat_name();
        let left = (0..boundary).find(is_subject).map(name);
        let right = (boundary..scope.fields.len()).find(is_subject).map(name);
        let hint = match (left, right) {
            (Some(left), Some(right)) => format!("add `AND {left} = {right}` to the ON clause"),
            _ => "keep the subject column in both tables and join on its equality".to_owned(),
        };
        let message = "two tables of people are joined without equality of the subject, so a row would belong to two people";
        Refusal::new(Code::JoinWithoutSubject, message, hint).at(self.positions.join())
    }
}

/// `LEFT JOIN`, `LEFT ANTI JOIN`.
fn words(join_type: JoinType) -> String {
    let mut words = String::new();
    for letter in join_type.to_string().chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_uppercase());
    }
    words + " JOIN"
}

/// One conjunct of an ON clause.
enum Condition<'a> {
    Equality(&'a Expr, &'a Expr),
    Predicate(&'a Expr),
}

impl Condition<'_> {
    /// Whether it says that the left side's subject is the right side's.
    fn equates_subjects(&self, scope: Scope<'_>, boundary: usize) -> bool {
        let (left, right) = match self {
            Self::Equality(left, right) => (*left, *right),
            Self::Predicate(Expr::BinaryExpr(binary)) if binary.op == Operator::Eq => {
                (binary.left.as_ref(), binary.right.as_ref())
            }
            Self::Predicate(_) => return false,
        };
        let subject = |expr: &Expr| {
            let Expr::Column(column) = expr else {
                return None;
            };
            let index = scope.schema.maybe_index_of_column(column)?;
            matches!(scope.fields.get(index), Some(Field::Subject)).then_some(index)
        };
        match (subject(left), subject(right)) {
            (Some(one), Some(other)) => (one < boundary) != (other < boundary),
            _ => false,
        }
    }
}
