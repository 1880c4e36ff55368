//! Which expressions an analysis may write over the values of one row.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::logical_expr::expr::{Between, BinaryExpr, Case, InList, ScalarFunction};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};

use crate::algebra::{Scalar, TruthValue};
use crate::functions;
use crate::items;
use crate::model::{Code, Position, Refusal};
use crate::position;

use super::text::{check_texts, function_refusal, is_of_texts};
use super::types::{is_stored, type_name};
use super::{Field, Lowering, Scope, not_supported};

/// The deepest that an expression may be after projections were seen through.
const DEEPEST: usize = 200;

impl Lowering<'_> {
    /// One item of a select list: the bare subject may pass, everything else is a value.
    pub(super) fn field(&mut self, expr: &Expr, scope: Scope<'_>) -> Result<Field, Refusal> {
        if let Expr::Alias(alias) = expr {
            self.field(&alias.expr, scope)
        } else if let Expr::Column(column) = expr {
            self.resolve(column, scope)
        } else {
            self.scalar(expr, scope).map(Field::Value)
        }
    }

    /// An expression over values, of bounded size.
    pub(super) fn scalar(&mut self, expr: &Expr, scope: Scope<'_>) -> Result<Scalar, Refusal> {
        let scalar = self.value(expr, scope, 0)?;
        if let Ok(data_type) = expr.get_type(scope.schema)
            && !is_stored(&data_type)
            && !(data_type.is_nested() && self.columns.reads_statistic(&scalar))
        {
            let what = format!("a value of the type {}", type_name(&data_type));
            let hint = "use numbers, texts, dates, timestamps and truth values";
            return Err(not_supported(&what, hint).at(self.place(expr)));
        }
        let (_, depth) = scalar.size();
        if depth > DEEPEST {
            let message = format!("an expression is nested deeper than {DEEPEST} levels");
            return Err(Refusal::new(
                Code::TooLarge,
                message,
                "compute parts of it in a CTE that is grouped by the subject",
            ));
        }
        Ok(scalar)
    }

    /// What a column of the plan is.
    pub(super) fn resolve(&self, column: &Column, scope: Scope<'_>) -> Result<Field, Refusal> {
        let field = scope.schema.maybe_index_of_column(column).and_then(|index| scope.fields.get(index));
        field.cloned().ok_or_else(|| {
            Refusal::new(Code::ColumnUnknown, format!("there is no column `{}`", column.name), "")
                .at(span(column))
        })
    }

    pub(super) fn value(&mut self, expr: &Expr, scope: Scope<'_>, depth: usize) -> Result<Scalar, Refusal> {
        if depth > self.limits.plan_nodes {
            return Err(Refusal::new(
                Code::TooLarge,
                "an expression is nested too deeply",
                "split the analysis",
            ));
        }
        self.spend(1)?;
        let mut arg = |expr: &Expr| self.value(expr, scope, depth.saturating_add(1));
        Ok(match expr {
            Expr::Alias(alias) => arg(&alias.expr)?,
            Expr::Between(between) => self.between(between, scope, depth)?,
            Expr::BinaryExpr(binary) => self.binary(binary, scope, depth)?,
            Expr::Case(case) => self.case(case, scope, depth)?,
            Expr::Cast(cast) => {
                let (value, to) = (arg(&cast.expr)?, cast.field.data_type());
                let Scalar::Literal(constant) = &value else {
                    return self.cast(value, &cast.expr, to, scope);
                };
                self.constant(constant, &cast.expr, to, scope)?
            }
            Expr::TryCast(cast) => {
                let value = arg(&cast.expr)?;
                self.cast(value, &cast.expr, cast.field.data_type(), scope)?
            }
            Expr::Column(column) => self.column(column, scope)?,
            Expr::InList(list) => self.in_list(list, scope, depth)?,
            Expr::IsNull(inner) => self.is_null(inner, scope, depth)?,
            Expr::IsNotNull(inner) => Scalar::Not(Box::new(self.is_null(inner, scope, depth)?)),
            Expr::IsTrue(inner) => Scalar::Truth { arg: Box::new(arg(inner)?), is: TruthValue::True },
            Expr::IsFalse(inner) => Scalar::Truth { arg: Box::new(arg(inner)?), is: TruthValue::False },
            Expr::IsUnknown(inner) => Scalar::Truth { arg: Box::new(arg(inner)?), is: TruthValue::Unknown },
            Expr::IsNotTrue(inner) => negated_truth(arg(inner)?, TruthValue::True),
            Expr::IsNotFalse(inner) => negated_truth(arg(inner)?, TruthValue::False),
            Expr::IsNotUnknown(inner) => negated_truth(arg(inner)?, TruthValue::Unknown),
            Expr::Like(like) => self.like(like, scope, depth)?,
            Expr::Literal(value, _) => Scalar::Literal(value.clone()),
            Expr::Negative(inner) => self.negative(inner, scope, depth.saturating_add(1))?,
            Expr::Not(inner) => Scalar::Not(Box::new(arg(inner)?)),
            Expr::OuterReferenceColumn(_, column) => self.outer_column(column)?,
            Expr::ScalarFunction(function) => self.function(function, scope, depth)?,
            Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) | Expr::SetComparison(_) => {
                match scope.subqueries.iter().find(|(known, _)| known == expr) {
                    Some((_, joined)) => self.copied(joined)?,
                    None => return Err(self.no_rule(expr)),
                }
            }
            Expr::AggregateFunction(_)
            | Expr::GroupingSet(_)
            | Expr::HigherOrderFunction(_)
            | Expr::Lambda(_)
            | Expr::LambdaVariable(_)
            | Expr::Placeholder(_)
            | Expr::ScalarVariable(..)
            | Expr::SimilarTo(_)
            | Expr::Unnest(_)
            | Expr::WindowFunction(_) => return Err(self.no_rule(expr)),
            #[expect(deprecated, reason = "the engine still names wildcards, so the match must")]
            Expr::Wildcard { .. } => return Err(self.no_rule(expr)),
        })
    }

    /// The refusal of an expression that has no rule.
    fn no_rule(&self, expr: &Expr) -> Refusal {
        let by_person = "join a CTE that is grouped by the subject";
        if let Expr::AggregateFunction(aggregate) = expr {
            let refusal = not_supported("an aggregate here", "compute it in a CTE and join its result");
            refusal.at(self.positions.function(aggregate.func.name()))
        } else if matches!(expr, Expr::WindowFunction(_)) {
            not_supported("a window function here", by_person).at(self.positions.window())
        } else if matches!(expr, Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)) {
            not_supported("EXISTS or IN with a sub-query here", by_person).at(self.positions.subquery())
        } else if matches!(expr, Expr::ScalarSubquery(_)) {
            let hint = "send it as an analysis of its own";
            not_supported("a scalar sub-query here", hint).at(self.positions.subquery())
        } else if let Expr::SimilarTo(like) = expr {
            let hint = "use LIKE, or regexp_like(x, 'pattern'), with a literal pattern";
            not_supported("SIMILAR TO", hint).at(self.place(&like.expr))
        } else if matches!(expr, Expr::GroupingSet(_)) {
            not_supported("a grouping set here", "write it in GROUP BY")
        } else {
            let hint = "use columns, constants, comparisons, CASE and the listed functions";
            not_supported("this expression", hint).at(self.place(expr))
        }
    }

    /// A column of the relation around the sub-query, in a condition that joins the two.
    fn outer_column(&mut self, column: &Column) -> Result<Scalar, Refusal> {
        let Some(outer) = self.outer.last().filter(|_| self.correlating) else {
            let hint = "name the outer query's columns only in the WHERE of the sub-query";
            return Err(not_supported("a column of the outer query here", hint).at(self.positions.subquery()));
        };
        let place = outer.schema.maybe_index_of_column(column);
        match place.and_then(|place| outer.fields.get(place)).cloned() {
            Some(Field::Value(scalar)) => self.copied(&scalar),
            Some(Field::Identifier | Field::Subject(_)) => Err(identifies_people(column)),
            None => {
                let hint = "name columns of the query directly around the sub-query";
                Err(not_supported("a column of a query further out", hint).at(self.positions.subquery()))
            }
        }
    }

    fn column(&mut self, column: &Column, scope: Scope<'_>) -> Result<Scalar, Refusal> {
        match self.resolve(column, scope)? {
            Field::Value(scalar) => self.copied(&scalar),
            Field::Identifier | Field::Subject(_) => Err(identifies_people(column)),
        }
    }

    /// A further copy of an expression, which counts like one that was written.
    fn copied(&mut self, scalar: &Scalar) -> Result<Scalar, Refusal> {
        self.spend(scalar.size().0)?;
        Ok(scalar.clone())
    }

    fn is_null(&mut self, expr: &Expr, scope: Scope<'_>, depth: usize) -> Result<Scalar, Refusal> {
        if let Expr::Column(column) = expr
            && let Field::Subject(there) = self.resolve(column, scope)?
        {
            // INVARIANT: rows without a subject are dropped at the scan.
            let there = there.unwrap_or_else(Scalar::truth);
            return Ok(Scalar::Not(Box::new(there)));
        }
        Ok(Scalar::IsNull(Box::new(self.value(expr, scope, depth.saturating_add(1))?)))
    }

    fn between(&mut self, between: &Between, scope: Scope<'_>, depth: usize) -> Result<Scalar, Refusal> {
        let depth = depth.saturating_add(1);
        let arg = self.value(&between.expr, scope, depth)?;
        let low = self.value(&between.low, scope, depth)?;
        let high = self.value(&between.high, scope, depth)?;
        let compare = |op, left, right| Scalar::Compare { op, left: Box::new(left), right: Box::new(right) };
        let above = compare(Operator::GtEq, self.copied(&arg)?, low);
        let inside = Scalar::And(vec![above, compare(Operator::LtEq, arg, high)]);
        Ok(if between.negated { Scalar::Not(Box::new(inside)) } else { inside })
    }

    fn binary(&mut self, binary: &BinaryExpr, scope: Scope<'_>, depth: usize) -> Result<Scalar, Refusal> {
        let op = binary.op;
        if matches!(op, Operator::And | Operator::Or) {
            let mut operands = self.operands(binary, scope, depth)?;
            operands.retain(|operand| op == Operator::Or || !is_always(operand));
            if let ([_], Some(only)) = (operands.as_slice(), operands.first().cloned()) {
                return Ok(only);
            }
            return Ok(if op == Operator::And { Scalar::And(operands) } else { Scalar::Or(operands) });
        }
        if let Some((value, width)) = band(binary, scope) {
            let value = Box::new(self.value(value, scope, depth.saturating_add(1))?);
            let width = Box::new(self.value(width, scope, depth.saturating_add(1))?);
            let left = Scalar::Arithmetic { op: Operator::Divide, left: value, right: width.clone() };
            return Ok(Scalar::Arithmetic { op: Operator::Multiply, left: Box::new(left), right: width });
        }
        if is_of_texts(op) {
            let left = self.value(&binary.left, scope, depth.saturating_add(1))?;
            let right = self.value(&binary.right, scope, depth.saturating_add(1))?;
            return self.text_operator(op, left, right);
        }
        let place = self.positions.operator(&op.to_string());
        let refusal = || operator_refusal(op).at(place).at(self.place(&binary.left));
        let allowed = Operation::of(op).ok_or_else(refusal)?;
        let left = Box::new(self.value(&binary.left, scope, depth.saturating_add(1))?);
        let right = Box::new(self.value(&binary.right, scope, depth.saturating_add(1))?);
        if matches!(allowed, Operation::Arithmetic) && is_span(binary, scope) {
            let hint = "compare dates with `date + INTERVAL '90 days'`, or take date_part of each";
            return Err(not_supported("a difference of dates as a value", hint)
                .at(self.positions.operator(&op.to_string())));
        }
        let of_sets = |scalar: &Scalar| {
            let tells = |id| self.frontiers.iter().any(|f| f.sets.as_ref().is_some_and(|sets| sets.id == id));
            scalar.columns().into_iter().all(tells)
        };
        if matches!(allowed, Operation::Bits) && !(of_sets(&left) && of_sets(&right)) {
            return Err(operator_refusal(op).at(self.positions.operator(&op.to_string())));
        }
        Ok(match allowed {
            Operation::Bits => Scalar::Bits { op, left, right },
            Operation::Arithmetic => Scalar::Arithmetic { op, left, right },
            Operation::Comparison => Scalar::Compare { op, left, right },
        })
    }

    /// A chain of one of AND and OR as one list, however long it is.
    fn operands(
        &mut self,
        binary: &BinaryExpr,
        scope: Scope<'_>,
        depth: usize,
    ) -> Result<Vec<Scalar>, Refusal> {
        let mut reversed = vec![self.value(&binary.right, scope, depth.saturating_add(1))?];
        let mut rest = binary.left.as_ref();
        while let Expr::BinaryExpr(inner) = rest
            && inner.op == binary.op
        {
            reversed.push(self.value(&inner.right, scope, depth.saturating_add(1))?);
            rest = &inner.left;
        }
        reversed.push(self.value(rest, scope, depth.saturating_add(1))?);
        reversed.reverse();
        Ok(reversed)
    }

    fn case(&mut self, case: &Case, scope: Scope<'_>, depth: usize) -> Result<Scalar, Refusal> {
        let depth = depth.saturating_add(1);
        let operand = case.expr.as_ref().map(|expr| self.value(expr, scope, depth)).transpose()?;
        let mut branches = Vec::new();
        for (when, then) in &case.when_then_expr {
            let when = self.value(when, scope, depth)?;
            let when = match &operand {
                Some(left) => {
                    let left = Box::new(self.copied(left)?);
                    Scalar::Compare { op: Operator::Eq, left, right: Box::new(when) }
                }
                None => when,
            };
            branches.push((when, self.value(then, scope, depth)?));
        }
        let otherwise = case.else_expr.as_ref().map(|expr| self.value(expr, scope, depth)).transpose()?;
        Ok(Scalar::Case { branches, otherwise: otherwise.map(Box::new) })
    }

    fn in_list(&mut self, list: &InList, scope: Scope<'_>, depth: usize) -> Result<Scalar, Refusal> {
        let depth = depth.saturating_add(1);
        let arg = Box::new(self.value(&list.expr, scope, depth)?);
        let items = list.list.iter().map(|item| self.value(item, scope, depth)).collect::<Result<_, _>>()?;
        Ok(Scalar::InList { arg, list: items, negated: list.negated })
    }

    fn function(&mut self, call: &ScalarFunction, scope: Scope<'_>, depth: usize) -> Result<Scalar, Refusal> {
        let name = call.func.name();
        if name == items::LIST {
            let hint = "lists stand in the calls of summaries: histogram(age, [20, 40, 60])";
            let place = call.args.iter().find_map(|arg| self.place(arg));
            return Err(not_supported("a list as a value", hint).at(self.positions.function(name)).at(place));
        }
        if name == items::ITEM {
            return self.item(call, scope, depth);
        }
        if !functions::scalar_is_allowed(&call.func) {
            return Err(function_refusal(name).at(self.positions.function(name)));
        }
        let depth = depth.saturating_add(1);
        let args =
            call.args.iter().map(|arg| self.value(arg, scope, depth)).collect::<Result<Vec<_>, _>>()?;
        let of_model = |arg: &Scalar| self.columns.reads_statistic(arg);
        if name == functions::PART_OF && !args.first().is_some_and(of_model) {
            return Err(function_refusal(name).at(self.positions.function(name)));
        }
        if let (functions::PART_OF, [whole, Scalar::Literal(of)]) = (name, args.as_slice())
            && let Some(part) = items::text(of).and_then(|of| items::part(whole, of))
        {
            return Ok(part);
        }
        if name == "coalesce" {
            return self.coalesce(args);
        }
        check_texts(name, &args).map_err(|refusal| refusal.at(self.positions.function(name)))?;
        Ok(Scalar::Function { function: Arc::clone(&call.func), args })
    }

    /// An item of a list by its number, from 1: of one whose items are known.
    fn item(&mut self, call: &ScalarFunction, scope: Scope<'_>, depth: usize) -> Result<Scalar, Refusal> {
        let refusal = || {
            let hint = "name items that are there by a constant from 1, or make rows of them: unnest(bins)";
            not_supported("an item of this list by its number", hint)
        };
        let [list, number] = call.args.as_slice() else { return Err(refusal()) };
        let place = self.place(list);
        let list = self.value(list, scope, depth.saturating_add(1))?;
        let item = items::item(&list, number).ok_or_else(|| refusal().at(place))?;
        self.copied(item)
    }

    /// COALESCE is the CASE that it stands for, so that its branches are seen.
    fn coalesce(&mut self, mut args: Vec<Scalar>) -> Result<Scalar, Refusal> {
        let Some(last) = args.pop() else {
            return Err(not_supported("COALESCE without arguments", "give it at least one"));
        };
        let mut branches = Vec::new();
        for arg in args {
            let present = Scalar::Not(Box::new(Scalar::IsNull(Box::new(self.copied(&arg)?))));
            branches.push((present, arg));
        }
        Ok(if branches.is_empty() {
            last
        } else {
            Scalar::Case { branches, otherwise: Some(Box::new(last)) }
        })
    }
}

/// Whether a condition compares a constant with itself: it tells sub-queries apart (see `parse::idioms`).
fn is_always(scalar: &Scalar) -> bool {
    matches!(scalar, Scalar::Compare { op: Operator::Eq, left, right }
        if matches!(left.as_ref(), Scalar::Literal(value) if !value.is_null()) && left == right)
}

fn identifies_people(column: &Column) -> Refusal {
    let message = format!("`{}` identifies people and is not a value", column.name);
    let hint = "group by it, join on its equality with another subject column, or COUNT(DISTINCT ...) it; \
                it is not compared with constants, computed with, or shown";
    Refusal::new(Code::SubjectAsValue, message, hint).at(span(column))
}

/// `x - x % n` of whole numbers: the band of x, which begins at a multiple of n.
fn band<'a>(binary: &'a BinaryExpr, scope: Scope<'_>) -> Option<(&'a Expr, &'a Expr)> {
    let Expr::BinaryExpr(rest) = binary.right.as_ref() else {
        return None;
    };
    let whole = |expr: &Expr| expr.get_type(scope.schema).is_ok_and(|data_type| data_type.is_integer());
    let same = binary.op == Operator::Minus && rest.op == Operator::Modulo && rest.left == binary.left;
    let constant = matches!(rest.right.as_ref(), Expr::Literal(..));
    (same && constant && whole(&rest.left) && whole(&rest.right)).then_some((&rest.left, &rest.right))
}

/// Whether arithmetic gives a span of time, which the engine compares and casts with errors.
fn is_span(binary: &BinaryExpr, scope: Scope<'_>) -> bool {
    let data_type = Expr::BinaryExpr(binary.clone()).get_type(scope.schema);
    matches!(data_type, Ok(DataType::Duration(_) | DataType::Interval(_)))
}

enum Operation {
    Arithmetic,
    /// What the planner makes of GROUPING().
    Bits,
    Comparison,
}

impl Operation {
    fn of(op: Operator) -> Option<Self> {
        match op {
            Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide => {
                Some(Self::Arithmetic)
            }
            Operator::BitwiseAnd
            | Operator::BitwiseOr
            | Operator::BitwiseShiftLeft
            | Operator::BitwiseShiftRight => Some(Self::Bits),
            Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom => Some(Self::Comparison),
            Operator::And
            | Operator::Arrow
            | Operator::ArrowAt
            | Operator::AtArrow
            | Operator::AtAt
            | Operator::AtQuestion
            | Operator::BitwiseXor
            | Operator::Colon
            | Operator::HashArrow
            | Operator::HashLongArrow
            | Operator::HashMinus
            | Operator::ILikeMatch
            | Operator::IntegerDivide
            | Operator::LikeMatch
            | Operator::LongArrow
            | Operator::Modulo
            | Operator::NotILikeMatch
            | Operator::NotLikeMatch
            | Operator::Or
            | Operator::Question
            | Operator::QuestionAnd
            | Operator::QuestionPipe
            | Operator::RegexIMatch
            | Operator::RegexMatch
            | Operator::RegexNotIMatch
            | Operator::RegexNotMatch
            | Operator::StringConcat => None,
        }
    }
}

pub(super) fn operator_refusal(op: Operator) -> Refusal {
    let hint = if op == Operator::Modulo {
        "for bands of whole numbers write x - x % 10, or floor(x / 10) * 10"
    } else {
        "use comparisons, AND, OR, NOT, IN, LIKE, ||, +, -, * and /"
    };
    Refusal::new(Code::ExpressionNotAllowed, format!("the operator `{op}` is not allowed"), hint)
}

fn negated_truth(arg: Scalar, is: TruthValue) -> Scalar {
    Scalar::Not(Box::new(Scalar::Truth { arg: Box::new(arg), is }))
}

pub(super) fn span(column: &Column) -> Option<Position> {
    position::of_span(column.spans.first())
}
