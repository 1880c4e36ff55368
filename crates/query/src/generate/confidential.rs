//! The confidential half: records, joined and restricted, up to the tallies of the frontier.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{JoinType, Result, TableReference, plan_err};
use datafusion::datasource::{TableProvider, provider_as_source};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, GroupingSet, TryCast};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit};

use crate::algebra::{ColumnId, Frontier, JoinKind, PersonAggregate, Records, Reference, Scalar, Scan};
use crate::disclosure::Scale;
use crate::tally::tally;

use super::layout::{Layout, TallySpec};
use super::{SUBJECT, column, column_name, expression, named};

/// The subject of the right side while two relations of records are joined.
const PARTNER: &str = "partner";

/// Gives the stored tables by name.
pub(crate) type Tables<'a> = &'a dyn Fn(&str) -> Result<Arc<dyn TableProvider>>;

/// A frontier's plan: it answers the group keys, the id of the grouping set where there are several, and
/// one tally for each entry of the layout.
#[derive(Debug)]
pub(crate) struct Instrumented {
    pub(crate) plan: LogicalPlan,
    pub(crate) layout: Layout,
    /// The unit of each tally's amounts.
    pub(crate) scales: Vec<Scale>,
    /// Number of columns before the first tally.
    pub(crate) first_tally: usize,
}

/// Generates the plan of one frontier.
pub(crate) fn instrument(frontier: &Frontier, tables: Tables<'_>) -> Result<Instrumented> {
    let input = records(&frontier.input, tables)?;
    let layout = Layout::of(frontier);
    let keys: Vec<Expr> =
        frontier.keys.iter().map(|(id, key)| expression(key).alias(column_name(*id))).collect();
    let mut projected = vec![named(SUBJECT)];
    projected.extend(keys);
    projected.extend(frontier.units.iter().map(|unit| column(*unit).alias(unit_name(*unit))));
    let (mut tallies, mut scales) = (Vec::new(), Vec::new());
    for (index, spec) in layout.tallies.iter().enumerate() {
        let (amount, scale) = amount(spec, &input)?;
        let amount_name = format!("amount{index}");
        let filter_name = format!("filter{index}");
        projected.push(amount.alias(&amount_name));
        projected.extend(spec.filter.iter().map(|filter| expression(filter).alias(&filter_name)));
        let mut args = vec![named(SUBJECT), named(&amount_name)];
        args.extend(frontier.units.iter().map(|unit| named(&unit_name(*unit))));
        let filter = spec.filter.as_ref().map(|_| Box::new(named(&filter_name)));
        let call = AggregateFunction::new_udf(tally(), args, false, filter, Vec::new(), None);
        tallies.push(Expr::AggregateFunction(call).alias(format!("tally{index}")));
        scales.push(scale);
    }
    let key_columns: Vec<Expr> = frontier.keys.iter().map(|(id, _)| column(*id)).collect();
    let (groups, grouping_ids) = match &frontier.sets {
        None => (key_columns, 0),
        Some(sets) => {
            let of =
                |set: &Vec<usize>| set.iter().filter_map(|index| key_columns.get(*index).cloned()).collect();
            let sets = GroupingSet::GroupingSets(sets.iter().map(of).collect());
            (vec![Expr::GroupingSet(sets)], 1)
        }
    };
    let first_tally = frontier.keys.len() + grouping_ids;
    let plan = LogicalPlanBuilder::from(input).project(projected)?.aggregate(groups, tallies)?.build()?;
    Ok(Instrumented { plan, layout, scales, first_tally })
}

/// Generates the plan of a relation of reference data.
pub(crate) fn reference(reference_data: &Reference, tables: Tables<'_>) -> Result<LogicalPlan> {
    match reference_data {
        Reference::Nothing => LogicalPlanBuilder::empty(true).build(),
        Reference::Restrict { input, predicate } => {
            LogicalPlanBuilder::from(reference(input, tables)?).filter(expression(predicate))?.build()
        }
        Reference::Scan(table) => scan(table, tables),
    }
}

fn records(node: &Records, tables: Tables<'_>) -> Result<LogicalPlan> {
    match node {
        Records::PerSubject { input, keys, aggregates } => {
            per_subject(records(input, tables)?, keys, aggregates)
        }
        Records::ReferenceJoin { input, reference: codes, on, kind } => {
            let (left, right) = (records(input, tables)?, reference(codes, tables)?);
            LogicalPlanBuilder::from(left)
                .join_on(right, join_type(*kind), on.iter().map(expression))?
                .build()
        }
        Records::Restrict { input, predicate } => {
            LogicalPlanBuilder::from(records(input, tables)?).filter(expression(predicate))?.build()
        }
        Records::Scan(table) => scan(table, tables),
        Records::SubjectJoin { left, right, on, kind } => {
            subject_join(records(left, tables)?, records(right, tables)?, on, *kind)
        }
    }
}

fn scan(table: &Scan, tables: Tables<'_>) -> Result<LogicalPlan> {
    let name = TableReference::bare(table.table.clone());
    let source = provider_as_source(tables(&table.table)?);
    let stored =
        |column: &String| Expr::Column(datafusion::common::Column::new(Some(name.clone()), column.clone()));
    let subject = table.subject.iter().map(|subject| stored(subject).alias(SUBJECT));
    let columns = table.columns.iter().map(|(id, column)| stored(column).alias(column_name(*id)));
    let projected: Vec<Expr> = subject.chain(columns).collect();
    let scan = LogicalPlanBuilder::scan(name.clone(), source, None)?.project(projected)?;
    let scan = if table.subject.is_some() { scan.filter(named(SUBJECT).is_not_null())? } else { scan };
    scan.build()
}

/// INVARIANT: both sides carry their subject, and the result keeps rows only where the two are equal.
fn subject_join(left: LogicalPlan, right: LogicalPlan, on: &[Scalar], kind: JoinKind) -> Result<LogicalPlan> {
    let all = |plan: &LogicalPlan| plan.schema().columns().into_iter().map(Expr::Column).collect::<Vec<_>>();
    let renamed: Vec<Expr> = all(&right)
        .into_iter()
        .map(|expr| if expr == named(SUBJECT) { expr.alias(PARTNER) } else { expr })
        .collect();
    let right = LogicalPlanBuilder::from(right).project(renamed)?.build()?;
    let filter = on.iter().map(expression).reduce(Expr::and);
    let keys = (vec![SUBJECT], vec![PARTNER]);
    let joined = LogicalPlanBuilder::from(left).join(right, join_type(kind), keys, filter)?.build()?;
    let kept: Vec<Expr> = all(&joined).into_iter().filter(|expr| *expr != named(PARTNER)).collect();
    LogicalPlanBuilder::from(joined).project(kept)?.build()
}

fn join_type(kind: JoinKind) -> JoinType {
    match kind {
        JoinKind::Inner => JoinType::Inner,
        JoinKind::Left => JoinType::Left,
    }
}

fn per_subject(
    input: LogicalPlan,
    keys: &[(ColumnId, Scalar)],
    aggregates: &[(ColumnId, PersonAggregate)],
) -> Result<LogicalPlan> {
    let key = |(id, key): &(ColumnId, Scalar)| expression(key).alias(column_name(*id));
    let groups: Vec<Expr> = std::iter::once(named(SUBJECT)).chain(keys.iter().map(key)).collect();
    let calls =
        aggregates.iter().map(|(id, aggregate)| Ok(person_call(aggregate, &input)?.alias(column_name(*id))));
    let calls: Vec<Expr> = calls.collect::<Result<_>>()?;
    let mut projected: Vec<Expr> = vec![named(SUBJECT)];
    projected.extend(keys.iter().map(|(id, _)| column(*id)));
    for (id, aggregate) in aggregates {
        let typed = TryCast::new(Box::new(column(*id)), aggregate.data_type.clone());
        projected.push(Expr::TryCast(typed).alias(column_name(*id)));
    }
    LogicalPlanBuilder::from(input).aggregate(groups, calls)?.project(projected)?.build()
}

/// A person's aggregate that cannot fail: integers are added as wide decimals (the engine would wrap
/// around), and decimals are averaged as doubles (the engine would raise an error).
fn person_call(aggregate: &PersonAggregate, input: &LogicalPlan) -> Result<Expr> {
    let arg = expression(&aggregate.arg);
    let data_type = arg.get_type(input.schema())?;
    let wider = match (aggregate.function.name(), data_type.is_integer(), data_type.is_decimal()) {
        ("sum", true, _) => Some(DataType::Decimal128(38, 0)),
        ("avg", _, true) => Some(DataType::Float64),
        _ => None,
    };
    let arg = match wider {
        Some(wider) => Expr::TryCast(TryCast::new(Box::new(arg), wider)),
        None => arg,
    };
    let filter = aggregate.filter.as_ref().map(|filter| Box::new(expression(filter)));
    let function =
        if aggregate.function.name() == "count" { count_udaf() } else { Arc::clone(&aggregate.function) };
    let call = AggregateFunction::new_udf(function, vec![arg], aggregate.distinct, filter, Vec::new(), None);
    Ok(Expr::AggregateFunction(call))
}

/// The amount of each record in an exact type, and its unit.
fn amount(spec: &TallySpec, input: &LogicalPlan) -> Result<(Expr, Scale)> {
    let Some(scalar) = &spec.amount else {
        return Ok((lit(1_i64), Scale::Integer));
    };
    let value = expression(scalar);
    let data_type = value.get_type(input.schema())?;
    let cast = |to| Expr::TryCast(TryCast::new(Box::new(value.clone()), to));
    if data_type.is_integer() {
        return Ok((cast(DataType::Int64), Scale::Integer));
    }
    if let DataType::Decimal128(_, scale) | DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) =
        data_type
    {
        let scale = u8::try_from(scale).unwrap_or(0);
        return Ok((cast(DataType::Decimal128(38, i8::try_from(scale).unwrap_or(0))), Scale::Decimal(scale)));
    }
    if !data_type.is_numeric() && !data_type.is_null() {
        return plan_err!("a sum or a mean of {data_type} is not supported");
    }
    Ok((cast(DataType::Float64), Scale::Binary60))
}

fn unit_name(unit: ColumnId) -> String {
    format!("unit{}", unit.0)
}
