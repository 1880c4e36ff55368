//! What an analysis may make of texts: patterns that are constants, and texts that do not grow.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::logical_expr::expr::Like;
use regex::RegexBuilder;

use crate::algebra::Scalar;
use crate::functions;
use crate::model::{Code, Refusal};
use crate::total;

use super::scalar::operator_refusal;
use super::{Lowering, Scope};

/// Longest LIKE pattern, in bytes: what the engine makes of a longer one may fail, and only where a record
/// gets there.
const LONGEST_PATTERN: usize = 256;

/// Longest regular expression, in bytes: as a list of values it is shorter than the lists that are allowed.
const LONGEST_EXPRESSION: usize = 128;

/// Largest that a regular expression may be when it is compiled, in bytes. The engine's own limit is far
/// higher, so that what passes here does not fail there.
const LARGEST_EXPRESSION: usize = 1 << 18;

/// Most texts that are joined at once.
const MOST_JOINED: usize = 16;

impl Lowering<'_> {
    /// LIKE with a constant pattern.
    pub(super) fn like(&mut self, like: &Like, scope: Scope<'_>, depth: usize) -> Result<Scalar, Refusal> {
        let depth = depth.saturating_add(1);
        let arg = self.value(&like.expr, scope, depth)?;
        let pattern = self.value(&like.pattern, scope, depth)?;
        let place = self.place(&like.expr);
        // A pattern from a record could be one that the engine cannot compile: an error that depends on it.
        let Scalar::Literal(text) = &pattern else {
            let message = "LIKE with a pattern that is not a constant is not allowed";
            let refusal = Refusal::new(Code::ExpressionNotAllowed, message, "write the pattern as a text");
            return Err(refusal.at(place));
        };
        if text.is_null() {
            return Ok(Scalar::Literal(ScalarValue::Boolean(None)));
        }
        if !text.data_type().is_string() {
            let message = "LIKE with a pattern that is no text";
            return Err(Refusal::new(Code::InvalidQuery, message, "write the pattern as a text").at(place));
        }
        if text.to_string().len() > LONGEST_PATTERN {
            let message = format!("a LIKE pattern of more than {LONGEST_PATTERN} bytes is not allowed");
            let hint = "write several shorter ones with OR";
            return Err(Refusal::new(Code::ExpressionNotAllowed, message, hint).at(place));
        }
        Ok(Scalar::Like {
            arg: Box::new(arg),
            pattern: Box::new(pattern),
            escape: like.escape_char,
            case_insensitive: like.case_insensitive,
            negated: like.negated,
        })
    }

    /// `left || right`, which is NULL where one of them is, and the operators of regular expressions.
    pub(super) fn text_operator(&self, op: Operator, left: Scalar, right: Scalar) -> Result<Scalar, Refusal> {
        let place = self.positions.operator(&op.to_string());
        let (function, mut args) = if op == Operator::StringConcat {
            (Some(Arc::new(total::joined())), vec![left, right])
        } else {
            (functions::scalar("regexp_like"), vec![left, right])
        };
        let function = function.ok_or_else(|| operator_refusal(op).at(place))?;
        if matches!(op, Operator::RegexIMatch | Operator::RegexNotIMatch) {
            args.push(Scalar::Literal(ScalarValue::from("i")));
        }
        check_texts(function.name(), &args).map_err(|refusal| refusal.at(place))?;
        let value = Scalar::Function { function, args };
        let negated = matches!(op, Operator::RegexNotIMatch | Operator::RegexNotMatch);
        Ok(if negated { Scalar::Not(Box::new(value)) } else { value })
    }
}

/// Whether an operator is one of texts.
pub(super) fn is_of_texts(op: Operator) -> bool {
    matches!(
        op,
        Operator::RegexIMatch
            | Operator::RegexMatch
            | Operator::RegexNotIMatch
            | Operator::RegexNotMatch
            | Operator::StringConcat
    )
}

/// Refuses a call that could fail at a record's value, or make a text grow.
pub(super) fn check_texts(name: &str, args: &[Scalar]) -> Result<(), Refusal> {
    match name {
        "concat" | "concat_ws" if args.len() > MOST_JOINED => {
            let message = format!("`{name}` of more than {MOST_JOINED} texts is not allowed");
            Err(Refusal::new(Code::TooLarge, message, "join fewer texts; group by several columns instead"))
        }
        "date_part" | "date_trunc" if args.first().and_then(constant).is_none() => {
            let message = format!("`{name}` takes the part of the date as a constant");
            Err(Refusal::new(Code::InvalidQuery, message, "write it like date_part('year', x)"))
        }
        "regexp_like" => check_expression(args),
        "replace" => {
            let shrinks = matches!(args, [_, from, to]
                if constant(from).zip(constant(to)).is_some_and(|(from, to)| !from.is_empty() && to.len() <= from.len()));
            if shrinks {
                return Ok(());
            }
            let message = "`replace` takes two constants here, of which the second is not the longer one";
            Err(Refusal::new(Code::ExpressionNotAllowed, message, "write it like replace(x, '.', '')"))
        }
        _ => Ok(()),
    }
}

/// A regular expression is a constant that compiles, and small: it is matched in linear time.
fn check_expression(args: &[Scalar]) -> Result<(), Refusal> {
    let refusal = |message: String| {
        let hint = "write it like regexp_like(x, '^E1[0-4]'), with 'i' as the third argument to ignore case; no look-around, no back-references";
        Err(Refusal::new(Code::ExpressionNotAllowed, message, hint))
    };
    let (pattern, flags) = match args {
        [_, pattern] => (constant(pattern), Some("")),
        [_, pattern, flags] => (constant(pattern), constant(flags)),
        _ => (None, None),
    };
    let Some((pattern, flags)) = pattern.zip(flags) else {
        return refusal("a regular expression that is not a constant is not allowed".to_owned());
    };
    if !matches!(flags, "" | "i") {
        return refusal("of the flags of a regular expression only `i` is allowed".to_owned());
    }
    if pattern.len() > LONGEST_EXPRESSION {
        return refusal(format!(
            "a regular expression of more than {LONGEST_EXPRESSION} bytes is not allowed"
        ));
    }
    match RegexBuilder::new(pattern).size_limit(LARGEST_EXPRESSION).build() {
        Ok(_) => Ok(()),
        Err(_) => refusal("the regular expression does not compile, or is too large".to_owned()),
    }
}

/// The text that an expression is, whatever the record.
fn constant(scalar: &Scalar) -> Option<&str> {
    let Scalar::Literal(value) = scalar else {
        return None;
    };
    value.try_as_str().flatten()
}

/// The refusal of a name that is no function, or one of another sort.
fn unknown_function(name: &str) -> Refusal {
    let listed = "the functions that may be used are listed by `sekisho catalog`";
    let hint = match functions::similar(name) {
        _ if functions::window(name).is_some() => {
            format!(
                "it is a window function: write {name}(...) OVER (PARTITION BY the person ORDER BY a date); {listed}"
            )
        }
        _ if functions::aggregate(name).is_some() => {
            format!("it summarises groups of people: write it without OVER; {listed}")
        }
        Some(similar) => format!("did you mean `{similar}`? {listed}"),
        None => listed.to_owned(),
    };
    Refusal::new(Code::FunctionNotAllowed, format!("the function `{name}` is not allowed"), hint)
}

/// The refusal of a function that is not on the list.
pub(crate) fn function_refusal(name: &str) -> Refusal {
    let clock = "an analysis has no clock, so that it answers the same tomorrow: write the date, such as DATE '2025-04-01'";
    let hint = match name {
        "current_date" | "current_time" | "current_timestamp" | "getdate" | "localtime"
        | "localtimestamp" | "now" | "sysdate" | "today" => clock,
        "percentile_disc" => {
            "write PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY x): quantiles are rounded to the column's step"
        }
        "regexp_count" | "regexp_instr" | "regexp_match" | "regexp_matches" | "regexp_replace" => {
            "write regexp_like(x, '^E1[0-4]'), or LIKE"
        }
        "width_bucket" => {
            "write width_bucket(x, 0, 100, 10) with constants, the first below the second and at most 60 bands between them, or bands as floor(x / 10) * 10 or CASE"
        }
        _ => return unknown_function(name),
    };
    Refusal::new(Code::FunctionNotAllowed, format!("the function `{name}` is not allowed"), hint)
}
