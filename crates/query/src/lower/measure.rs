//! What the argument of a statistic says: whose quantities it adds, and which predicates hide in it.
//!
//! A CASE, a truth value used as a number, LEAST, GREATEST, NULLIF, ABS and SIGN tell people apart like
//! a FILTER does, so that each of their branches is judged as a cell of its own.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;

use crate::algebra::{Scalar, TruthValue};

use super::Columns;

/// What counts a record.
pub(super) fn one() -> Scalar {
    Scalar::Literal(ScalarValue::Int64(Some(1)))
}

/// Functions that an amount may have: those that choose as a CASE does, and parts of a date.
const CHOOSING: [&str; 6] = ["abs", "date_part", "greatest", "least", "nullif", "signum"];

/// Whether every amount is a column, arithmetic of columns and constants, or a choice between such: a
/// function of a value could encode one person's in the digits of a sum.
pub(super) fn is_plain(arg: &Scalar, known: &Columns) -> bool {
    match arg {
        Scalar::Column(id) => known.info(*id).is_some_and(|info| !info.encoded),
        Scalar::Case { branches, otherwise } => branches
            .iter()
            .map(|(_, then)| then)
            .chain(otherwise.as_deref())
            .all(|then| is_plain(then, known)),
        Scalar::Function { function, args } => {
            CHOOSING.contains(&function.name()) && args.iter().all(|arg| is_plain(arg, known))
        }
        Scalar::Arithmetic { .. } | Scalar::Bits { .. } | Scalar::Cast { .. } | Scalar::Negative(_) => {
            arg.children().into_iter().all(|child| is_plain(child, known))
        }
        Scalar::Literal(_)
        | Scalar::And(_)
        | Scalar::Compare { .. }
        | Scalar::InList { .. }
        | Scalar::IsNull(_)
        | Scalar::Like { .. }
        | Scalar::Not(_)
        | Scalar::Or(_)
        | Scalar::Truth { .. } => true,
    }
}

/// `arg` without the constants that are added to it, if there are any: the count of records gives
/// `SUM(x)` from `SUM(x + c)`, so that `x` is judged as well.
pub(super) fn without_constants(arg: &Scalar) -> Option<Scalar> {
    let Scalar::Arithmetic { op: op @ (Operator::Plus | Operator::Minus), left, right } = arg else {
        return None;
    };
    let stripped = |side: &Scalar| without_constants(side).unwrap_or_else(|| side.clone());
    match (left.columns().is_empty(), right.columns().is_empty()) {
        (true, true) => None,
        (true, false) => Some(stripped(right)),
        (false, true) => Some(stripped(left)),
        (false, false) => {
            let (inner_left, inner_right) = (without_constants(left), without_constants(right));
            if inner_left.is_none() && inner_right.is_none() {
                return None;
            }
            let left = Box::new(inner_left.unwrap_or_else(|| left.as_ref().clone()));
            let right = Box::new(inner_right.unwrap_or_else(|| right.as_ref().clone()));
            Some(Scalar::Arithmetic { op: *op, left, right })
        }
    }
}

/// The predicates in `arg` that decide who counts for how much.
///
/// What was decided further below, when a person's value was computed, is among them.
pub(super) fn branches(arg: &Scalar, known: &Columns) -> Vec<Scalar> {
    let mut found = Vec::new();
    collect(arg, known, &mut found);
    found.dedup();
    found
}

fn collect(scalar: &Scalar, known: &Columns, found: &mut Vec<Scalar>) {
    match scalar {
        Scalar::Case { branches: cases, otherwise } => {
            let mut taken = Vec::new();
            for (when, then) in cases {
                let here = first_of(&taken, when);
                taken.push(when.clone());
                found.extend(branches_within(&here, then, known));
                found.push(here);
            }
            let rest = first_of(&taken, &Scalar::truth());
            found.extend(otherwise.iter().flat_map(|otherwise| branches_within(&rest, otherwise, known)));
        }
        Scalar::And(_)
        | Scalar::Compare { .. }
        | Scalar::InList { .. }
        | Scalar::IsNull(_)
        | Scalar::Like { .. }
        | Scalar::Not(_)
        | Scalar::Or(_)
        | Scalar::Truth { .. } => found.push(scalar.clone()),
        Scalar::Function { function, args } => {
            found.extend(disguised(function.name(), args));
            args.iter().for_each(|arg| collect(arg, known, found));
        }
        Scalar::Column(id) => {
            found.extend(known.info(*id).into_iter().flat_map(|info| info.branches.iter().cloned()));
        }
        Scalar::Arithmetic { op: Operator::Multiply | Operator::Divide, left, right } => {
            // A product tells apart who takes a branch in both of its factors.
            let (left, right) = (branches(left, known), branches(right, known));
            for one in &left {
                found.extend(right.iter().map(|other| Scalar::And(vec![one.clone(), other.clone()])));
            }
            found.extend(left.into_iter().chain(right));
        }
        Scalar::Arithmetic { .. }
        | Scalar::Bits { .. }
        | Scalar::Cast { .. }
        | Scalar::Literal(_)
        | Scalar::Negative(_) => {
            scalar.children().into_iter().for_each(|child| collect(child, known, found));
        }
    }
}

/// The branches of a value that is only taken `here`.
fn branches_within(here: &Scalar, value: &Scalar, known: &Columns) -> Vec<Scalar> {
    let inner = branches(value, known).into_iter();
    inner.map(|branch| Scalar::And(vec![here.clone(), branch])).collect()
}

/// `when`, where none of `taken` was.
fn first_of(taken: &[Scalar], when: &Scalar) -> Scalar {
    if taken.is_empty() {
        return when.clone();
    }
    let untaken = |earlier: &Scalar| {
        Scalar::Not(Box::new(Scalar::Truth { arg: Box::new(earlier.clone()), is: TruthValue::True }))
    };
    Scalar::And(taken.iter().map(untaken).chain([when.clone()]).collect())
}

/// Functions that choose between values as CASE does.
fn disguised(name: &str, args: &[Scalar]) -> Vec<Scalar> {
    let compare = |op, left: &Scalar, right: &Scalar| Scalar::Compare {
        op,
        left: Box::new(left.clone()),
        right: Box::new(right.clone()),
    };
    let zero = Scalar::Literal(ScalarValue::Int64(Some(0)));
    let positive = |arg: &Scalar| {
        let number = Scalar::Cast { arg: Box::new(arg.clone()), to: DataType::Float64 };
        let zero = Scalar::Cast { arg: Box::new(zero.clone()), to: DataType::Float64 };
        compare(Operator::Gt, &number, &zero)
    };
    match (name, args) {
        ("abs" | "signum", [arg]) => vec![positive(arg)],
        ("nullif", [left, right]) => vec![compare(Operator::Eq, left, right)],
        ("greatest" | "least", [first, rest @ ..]) => {
            rest.iter().map(|other| compare(Operator::Gt, first, other)).collect()
        }
        _ => Vec::new(),
    }
}
