//! A scalar of the algebra as an expression of the engine that cannot fail.

use std::sync::Arc;

use datafusion::logical_expr::expr::{Case, InList, Like, TryCast};
use datafusion::logical_expr::{Expr, Operator, binary_expr, lit};

use crate::algebra::{Scalar, TruthValue};
use crate::generate::column;
use crate::total;

/// The engine's form of a scalar. Casts become TRY_CAST, arithmetic and functions are total.
pub(crate) fn expression(scalar: &Scalar) -> Expr {
    match scalar {
        Scalar::And(args) => balanced(Operator::And, args),
        Scalar::Arithmetic { op, left, right } => total::arithmetic(*op, expression(left), expression(right)),
        Scalar::Bits { op, left, right } => binary_expr(expression(left), *op, expression(right)),
        Scalar::Case { branches, otherwise } => {
            let boxed =
                |(when, then): &(Scalar, Scalar)| (Box::new(expression(when)), Box::new(expression(then)));
            let otherwise = otherwise.as_ref().map(|otherwise| Box::new(expression(otherwise)));
            Expr::Case(Case::new(None, branches.iter().map(boxed).collect(), otherwise))
        }
        Scalar::Cast { arg, to } => Expr::TryCast(TryCast::new(Box::new(expression(arg)), to.clone())),
        Scalar::Column(id) => column(*id),
        Scalar::Compare { op, left, right } => binary_expr(expression(left), *op, expression(right)),
        Scalar::Function { function, args } => {
            total::function(&Arc::clone(function), args.iter().map(expression).collect())
        }
        Scalar::InList { arg, list, negated } => Expr::InList(InList::new(
            Box::new(expression(arg)),
            list.iter().map(expression).collect(),
            *negated,
        )),
        Scalar::IsNull(arg) => Expr::IsNull(Box::new(expression(arg))),
        Scalar::Like { arg, pattern, escape, case_insensitive, negated } => {
            let (arg, pattern) = (Box::new(expression(arg)), Box::new(expression(pattern)));
            Expr::Like(Like::new(*negated, arg, pattern, *escape, *case_insensitive))
        }
        Scalar::Literal(value) => Expr::Literal(value.clone(), None),
        Scalar::Negative(arg) => total::negative(expression(arg)),
        Scalar::Not(arg) => Expr::Not(Box::new(expression(arg))),
        Scalar::Or(args) => balanced(Operator::Or, args),
        Scalar::Truth { arg, is } => {
            // Not the engine's own IS TRUE: its logical and physical plans disagree on whether it can be NULL.
            let same = |value: bool| binary_expr(expression(arg), Operator::IsNotDistinctFrom, lit(value));
            match is {
                TruthValue::False => same(false),
                TruthValue::True => same(true),
                TruthValue::Unknown => Expr::IsNull(Box::new(expression(arg))),
            }
        }
    }
}

/// A chain of AND or OR as a tree of logarithmic depth.
fn balanced(op: Operator, args: &[Scalar]) -> Expr {
    match args {
        [] => lit(op == Operator::And),
        [only] => expression(only),
        _ => {
            let (left, right) = args.split_at(args.len() / 2);
            binary_expr(balanced(op, left), op, balanced(op, right))
        }
    }
}
