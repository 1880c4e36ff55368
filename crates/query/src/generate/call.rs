//! Aggregates and window functions that cannot fail, for one person's records and for released cells.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::{count::count_udaf, median::median_udaf};
use datafusion::logical_expr::expr::{AggregateFunction, TryCast, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, SortExpr, WindowFrameUnits,
    WindowFunctionDefinition,
};

use crate::algebra::{Aggregation, ColumnId, Scalar, WindowCall};

use super::{column, column_name, expression};

/// Window functions whose answer the order of equal rows decides.
const ORDERED: [&str; 7] = ["first_value", "lag", "last_value", "lead", "nth_value", "ntile", "row_number"];

/// One row for each combination of `first` (columns that keep their names) and `keys`.
pub(crate) fn aggregation(
    input: LogicalPlan,
    first: &[Expr],
    keys: &[(ColumnId, Scalar)],
    aggregates: &[(ColumnId, Aggregation)],
) -> Result<LogicalPlan> {
    let key = |(id, key): &(ColumnId, Scalar)| expression(key).alias(column_name(*id));
    let groups: Vec<Expr> = first.iter().cloned().chain(keys.iter().map(key)).collect();
    let calls = aggregates
        .iter()
        .map(|(id, call)| Ok(aggregate_call(call, expression(&call.arg), &input)?.alias(column_name(*id))));
    let calls: Vec<Expr> = calls.collect::<Result<_>>()?;
    let mut projected: Vec<Expr> = first.to_vec();
    projected.extend(keys.iter().map(|(id, _)| column(*id)));
    projected.extend(aggregates.iter().map(|(id, aggregate)| typed(*id, &aggregate.data_type)));
    let builder = LogicalPlanBuilder::from(input);
    if groups.is_empty() && calls.is_empty() {
        return builder.project(projected)?.build();
    }
    builder.aggregate(groups, calls)?.project(projected)?.build()
}

/// Every row with the values of some window functions; `first` divides the partitions, `ties` settle the
/// order of equal rows.
pub(crate) fn window(
    input: LogicalPlan,
    first: &[Expr],
    ties: &[Expr],
    calls: &[(ColumnId, WindowCall)],
) -> Result<LogicalPlan> {
    let mut projected: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
    let mut windows = Vec::new();
    for (id, call) in calls {
        windows.push(window_call(call, first, ties, &input)?.alias(raw_name(*id)));
        let typed = TryCast::new(Box::new(super::named(&raw_name(*id))), call.data_type.clone());
        projected.push(Expr::TryCast(typed).alias(column_name(*id)));
    }
    let mut builder = LogicalPlanBuilder::from(input);
    for window in windows {
        builder = builder.window(vec![window])?;
    }
    builder.project(projected)?.build()
}

/// A window function as the engine has it.
fn window_call(call: &WindowCall, first: &[Expr], ties: &[Expr], input: &LogicalPlan) -> Result<Expr> {
    let sort = |key: &crate::algebra::SortKey| expression(&key.arg).sort(key.ascending, key.nulls_first);
    let mut order_by: Vec<SortExpr> = call.order.iter().map(sort).collect();
    let by_rows = matches!(call.frame.units, WindowFrameUnits::Rows);
    let ordered = ORDERED.contains(&call.function.name());
    let is_udwf = matches!(call.function, WindowFunctionDefinition::WindowUDF(_));
    if ordered || (by_rows && !is_udwf) {
        order_by.extend(ties.iter().map(|tie| tie.clone().sort(true, false)));
    }
    let mut args = Vec::new();
    for (place, arg) in call.args.iter().enumerate() {
        let arg = expression(arg);
        args.push(if place == 0 { widened(call.function.name(), arg, input)? } else { arg });
    }
    let partition_by = first.iter().cloned().chain(call.partition.iter().map(expression)).collect();
    let params = WindowFunctionParams {
        args,
        partition_by,
        order_by,
        window_frame: call.frame.clone(),
        filter: call.filter.as_ref().map(|filter| Box::new(expression(filter))),
        null_treatment: call.nulls,
        distinct: call.distinct,
    };
    Ok(Expr::WindowFunction(Box::new(WindowFunction { fun: call.function.clone(), params })))
}

/// An aggregate of `arg` as the engine has it.
pub(crate) fn aggregate_call(aggregate: &Aggregation, arg: Expr, input: &LogicalPlan) -> Result<Expr> {
    let arg = widened(aggregate.function.name(), arg, input)?;
    let filter = aggregate.filter.as_ref().map(|filter| Box::new(expression(filter)));
    let function = match aggregate.function.name() {
        "count" => count_udaf(),
        // An approximation of distinct values is none that the engine has.
        "approx_median" if aggregate.distinct => median_udaf(),
        _ => Arc::clone(&aggregate.function),
    };
    let call = AggregateFunction::new_udf(function, vec![arg], aggregate.distinct, filter, Vec::new(), None);
    Ok(Expr::AggregateFunction(call))
}

/// An argument with which the function cannot fail: integers are added as wide decimals (the engine would
/// wrap around), and decimals are averaged as doubles (the engine would raise an error).
pub(crate) fn widened(function: &str, arg: Expr, input: &LogicalPlan) -> Result<Expr> {
    let data_type = arg.get_type(input.schema())?;
    let wider = match (function, data_type.is_integer(), data_type.is_decimal()) {
        ("sum", true, _) => DataType::Decimal128(38, 0),
        ("avg", _, true) => DataType::Float64,
        // NULL has no type that they know.
        ("approx_median" | "avg" | "median", _, _) if data_type.is_null() => DataType::Float64,
        _ => return Ok(arg),
    };
    Ok(Expr::TryCast(TryCast::new(Box::new(arg), wider)))
}

fn typed(id: ColumnId, data_type: &DataType) -> Expr {
    // What is made of NULL alone is NULL: nothing else converts to its type.
    if data_type.is_null() {
        return Expr::Literal(ScalarValue::Null, None).alias(column_name(id));
    }
    Expr::TryCast(TryCast::new(Box::new(column(id)), data_type.clone())).alias(column_name(id))
}

fn raw_name(id: ColumnId) -> String {
    format!("raw{}", id.0)
}
