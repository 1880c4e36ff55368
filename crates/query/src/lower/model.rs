//! Models and tables of several quantities: what their arguments may be, and how they are read.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};

use crate::algebra::Scalar;
use crate::disclosure::{Estimator, Method, StatisticKind};
use crate::model::{Code, Refusal, Step};

use super::aggregate::aggregate_refusal;
use super::exact::is_predicate;
use super::statistic::Counted;
use super::{Grain, Scope, measure, not_supported};

/// A curve's intervals end at multiples of the step of the time.
pub(super) fn on_the_columns_step(estimator: Estimator, time: &Grain) -> Result<Estimator, Refusal> {
    let Method::KaplanMeier { width } = estimator.method else { return Ok(estimator) };
    let refusal = |message: String, hint: String| Refusal::new(Code::ExpressionNotAllowed, message, hint);
    let step = match time.step(Some(&DataType::Int64)) {
        Some(Step::Number { units, scale: 0 }) => u32::try_from(units).ok(),
        Some(Step::Number { .. } | Step::Date(_)) | None => None,
    };
    let step = step.filter(|step| *step > 0).ok_or_else(|| {
        let message = "a curve of survival over a time of this form is not allowed".to_owned();
        refusal(message, "take a column of whole numbers as the time, as it is".to_owned())
    })?;
    let width = if width == 0 { step } else { width };
    if width % step != 0 {
        let message =
            format!("the intervals of a curve of survival are multiples of the column's step, {step}");
        return Err(refusal(message, format!("give a width such as {}", width.div_ceil(step) * step)));
    }
    Ok(Estimator { method: Method::KaplanMeier { width }, ..estimator })
}

/// The columns of a difference of two groups: the quantity within the group that is 1 is the third.
pub(super) fn within_group(
    kind: StatisticKind,
    mut args: Vec<Scalar>,
    call: &AggregateFunction,
    scope: Scope<'_>,
) -> Result<Vec<Scalar>, Refusal> {
    let StatisticKind::Estimate(estimator) = kind else { return Ok(args) };
    if let (Method::StandardisedDifference, [quantity, group]) = (estimator.method, args.as_slice()) {
        let of_type = call.params.args.first().and_then(|arg| arg.get_type(scope.schema).ok());
        let nothing = of_type.and_then(|of_type| ScalarValue::new_zero(&of_type).ok());
        let nothing = nothing.ok_or_else(|| aggregate_refusal(call.func.name()))?;
        let within = Scalar::equal(group.clone(), measure::one());
        let (branches, otherwise) = (vec![(within, quantity.clone())], Scalar::Literal(nothing));
        args.push(Scalar::Case { branches, otherwise: Some(Box::new(otherwise)) });
    }
    Ok(args)
}

/// Refuses a model over rows where a person may have several.
pub(super) fn one_row_each(
    kind: StatisticKind,
    of: Counted<'_>,
    call: &AggregateFunction,
) -> Result<(), Refusal> {
    let reads_rows = matches!(kind, StatisticKind::Estimate(estimator) if estimator.method.reads_rows());
    if of.once || !reads_rows { Ok(()) } else { Err(several_rows(call.func.name())) }
}

/// The refusal of what is computed over rows of one person each, where a person may have several.
pub(super) fn several_rows(name: &str) -> Refusal {
    let message =
        format!("`{name}` is computed over rows of one person each, and a person may have several here");
    let hint = "make one row of each person's records in a CTE: SELECT patient_id, MAX(age) AS age, ... GROUP BY \
                patient_id; and join only such rows";
    Refusal::new(Code::AggregateNotAllowed, message, hint)
}

/// A statistic of columns, all arguments but the width of a curve's intervals: that is a constant, or nought where
/// it is not given.
pub(super) fn curve(
    estimator: Estimator,
    params: &AggregateFunctionParams,
) -> Result<(StatisticKind, usize), Refusal> {
    let of = |method: Method, arity: usize| {
        Ok((StatisticKind::Estimate(Estimator { method, ..estimator }), arity))
    };
    match (estimator.method, params.args.as_slice()) {
        (Method::KaplanMeier { .. }, [_, _]) => of(Method::KaplanMeier { width: 0 }, 2),
        (Method::KaplanMeier { .. }, [_, _, width]) => {
            let width = if let Expr::Literal(ScalarValue::Int64(Some(width)), _) = width {
                u32::try_from(*width).ok()
            } else {
                None
            };
            let width = width.filter(|width| *width > 0).ok_or_else(|| {
                let hint = "write it like kaplan_meier(followup_days, died, 365)";
                not_supported("a width that is no constant of one or more", hint)
            })?;
            of(Method::KaplanMeier { width }, 2)
        }
        (method, args) => of(method, args.len()),
    }
}

/// A number as a truth value: what is not nought is true, so that nobody's number is out of place.
pub(super) fn truth(number: Scalar) -> Scalar {
    if matches!(&number, Scalar::Cast { arg, .. } if is_predicate(arg)) {
        return number;
    }
    let is_true = Scalar::Compare {
        op: Operator::NotEq,
        left: Box::new(number),
        right: Box::new(Scalar::Literal(ScalarValue::Int64(Some(0)))),
    };
    Scalar::Cast { arg: Box::new(is_true), to: DataType::Int64 }
}
