//! The public plan as the engine runs it: every statistic has its shadow beside it.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Column, DataFusionError, Result, UnnestOptions};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::bool_or;
use datafusion::functions_aggregate::min_max::max_udaf;
use datafusion::logical_expr::expr::{TryCast, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, Operator, WindowFrame, WindowFunctionDefinition, binary_expr, lit,
};

use crate::algebra::{Aggregation, ColumnId, JoinKind, Public, Scalar, WindowCall};
use crate::disclosure::CheckedTable;
use crate::generate::{self, aggregate_call, column_name, join_type, named, widened};
use crate::items;

use super::Half;
use super::blank::{blank_where, is_shadow, shadow_name};

/// Window functions that take the value of another row.
const TAKES_VALUES: [&str; 5] = ["first_value", "lag", "last_value", "lead", "nth_value"];

impl Half<'_> {
    /// The plan of a relation over released cells.
    pub(super) fn relation(&self, public: &Public, tables: &[CheckedTable]) -> Result<LogicalPlan> {
        let known = &self.plan.columns;
        match public {
            Public::Aggregate { input, keys, aggregates } => {
                self.aggregate(self.relation(input, tables)?, keys, aggregates)
            }
            Public::Cells(index) => self.cells(*index, tables),
            Public::Extend { input, columns } => {
                let input = self.relation(input, tables)?;
                let mut projected = all(&input);
                projected.extend(columns.iter().flat_map(|(id, value)| self.value(*id, value, None)));
                LogicalPlanBuilder::from(input).project(projected)?.build()
            }
            Public::Filter { input, predicate } => {
                let input = self.relation(input, tables)?;
                LogicalPlanBuilder::from(input).filter(known.holds(predicate))?.build()
            }
            Public::Items { input, columns } => self.items(self.relation(input, tables)?, columns),
            Public::Join { left, right, on, kind } => {
                let (left, right) = (self.relation(left, tables)?, self.relation(right, tables)?);
                self.join(left, right, on, *kind)
            }
            Public::Limit { input, skip, fetch } => {
                LogicalPlanBuilder::from(self.relation(input, tables)?).limit(*skip, *fetch)?.build()
            }
            Public::Reference(reference) => {
                generate::reference(reference, &|name, coded| self.tables.open(name, coded))
            }
            Public::Sort { input, keys } => {
                let sorted = keys.iter().flat_map(|key| known.sort_key(key)).collect::<Vec<_>>();
                LogicalPlanBuilder::from(self.relation(input, tables)?).sort(sorted)?.build()
            }
            Public::Union { inputs, columns } => self.union(inputs, columns, tables),
            Public::Unnest { input, id, list } => {
                let input = self.relation(input, tables)?;
                let mut projected = all(&input);
                projected.extend(self.value(*id, list, None));
                let extended = LogicalPlanBuilder::from(input).project(projected)?;
                // A blank list is one row, which is blank.
                extended.unnest_column(Column::from_name(column_name(*id)))?.build()
            }
            Public::Window { input, calls } => self.window(self.relation(input, tables)?, calls),
        }
    }

    /// The items side by side with the shadow of each.
    fn items(&self, input: LogicalPlan, columns: &[(ColumnId, Vec<Scalar>)]) -> Result<LogicalPlan> {
        let known = &self.plan.columns;
        let mut lists = Vec::new();
        for (id, items) in columns {
            let values = items.iter().map(|item| known.blanked(item)).collect();
            lists.push((column_name(*id), items::together(values)));
            if known.is_released(*id) {
                let shadows = items.iter().map(|item| known.shadow(item)).collect();
                lists.push((shadow_name(*id), items::together(shadows)));
            }
        }
        let unnested = lists.iter().map(|(name, _)| Column::from_name(name)).collect();
        let lists = lists.into_iter().map(|(name, list)| list.alias(name));
        let projected: Vec<Expr> = all(&input).into_iter().chain(lists).collect();
        let extended = LogicalPlanBuilder::from(input).project(projected)?;
        extended.unnest_columns_with_options(unnested, UnnestOptions::default())?.build()
    }

    /// A value under the name of its column, and its shadow where it shows a statistic.
    fn value(&self, id: ColumnId, value: &Scalar, data_type: Option<&DataType>) -> Vec<Expr> {
        let known = &self.plan.columns;
        let shown = known.blanked(value);
        let shown = match data_type {
            Some(data_type) => Expr::TryCast(TryCast::new(Box::new(shown), data_type.clone())),
            None => shown,
        };
        let shadow = known.is_released(id).then(|| known.shadow(value).alias(shadow_name(id)));
        std::iter::once(shown.alias(column_name(id))).chain(shadow).collect()
    }

    /// Released cells as a table: keys, statistics, and a shadow for each statistic.
    fn cells(&self, index: usize, tables: &[CheckedTable]) -> Result<LogicalPlan> {
        let missing = || DataFusionError::Execution("a table of cells is missing".into());
        let shape = self.plan.cells.get(index).ok_or_else(missing)?;
        let table = tables.get(index).ok_or_else(missing)?;
        let mut fields: Vec<Field> =
            table.batch().schema().fields().iter().map(|field| field.as_ref().clone()).collect();
        let mut arrays: Vec<ArrayRef> = table.batch().columns().to_vec();
        for ((id, _), withheld) in shape.statistics.iter().zip(table.withheld()) {
            fields.push(Field::new(shadow_name(*id), DataType::Boolean, true));
            arrays.push(Arc::new(withheld.clone()));
        }
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
        let source = provider_as_source(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?));
        let name = format!("cells{index}");
        let stored = |column: String| Expr::Column(Column::new(Some(name.clone()), column));
        let keys = shape.keys.iter().map(|id| stored(column_name(*id)).alias(column_name(*id)));
        let statistics = shape.statistics.iter().flat_map(|(id, data_type)| {
            let typed = TryCast::new(Box::new(stored(column_name(*id))), data_type.clone());
            [Expr::TryCast(typed).alias(column_name(*id)), stored(shadow_name(*id)).alias(shadow_name(*id))]
        });
        let projected: Vec<Expr> = keys.chain(statistics).collect();
        LogicalPlanBuilder::scan(name.clone(), source, None)?.project(projected)?.build()
    }

    fn join(
        &self,
        left: LogicalPlan,
        right: LogicalPlan,
        on: &[Scalar],
        kind: JoinKind,
    ) -> Result<LogicalPlan> {
        let mut kept = all(&left);
        let on = if on.is_empty() {
            vec![lit(true)]
        } else {
            on.iter().map(|predicate| self.plan.columns.holds(predicate)).collect()
        };
        let missing = match kind {
            JoinKind::Full => shadows(&left).into_iter().chain(shadows(&right)).collect(),
            JoinKind::Left => shadows(&right),
            JoinKind::Anti | JoinKind::Inner | JoinKind::Mark(_) | JoinKind::Semi => Vec::new(),
        };
        let joined = LogicalPlanBuilder::from(left).join_on(right, join_type(kind), on)?.build()?;
        if !missing.is_empty() {
            // A cell that is absent may be withheld: COALESCE must not print a false zero.
            let shown = joined.schema().columns().into_iter().map(|column| {
                if missing.contains(&column.name) {
                    coalesce(vec![named(&column.name), lit(true)]).alias(&column.name)
                } else {
                    Expr::Column(column)
                }
            });
            return LogicalPlanBuilder::from(joined.clone()).project(shown.collect::<Vec<_>>())?.build();
        }
        let JoinKind::Mark(mark) = kind else {
            return Ok(joined);
        };
        let found = joined.schema().columns().into_iter().rfind(|column| column.name == "mark");
        kept.extend(found.map(|found| Expr::Column(found).alias(column_name(mark))));
        LogicalPlanBuilder::from(joined).project(kept)?.build()
    }

    /// An aggregate that reads a blank is blank.
    fn aggregate(
        &self,
        input: LogicalPlan,
        keys: &[(ColumnId, Scalar)],
        aggregates: &[(ColumnId, Aggregation)],
    ) -> Result<LogicalPlan> {
        let known = &self.plan.columns;
        let groups: Vec<Expr> = keys.iter().flat_map(|(id, key)| self.value(*id, key, None)).collect();
        let (mut calls, mut projected) = (Vec::new(), Vec::new());
        for (id, _) in keys {
            projected.push(named(&column_name(*id)));
            projected.extend(known.is_released(*id).then(|| named(&shadow_name(*id))));
        }
        for (id, aggregate) in aggregates {
            calls.push(
                aggregate_call(aggregate, known.blanked(&aggregate.arg), &input)?.alias(column_name(*id)),
            );
            let value = TryCast::new(Box::new(named(&column_name(*id))), aggregate.data_type.clone());
            let mut shown = Expr::TryCast(value);
            let read = std::iter::once(&aggregate.arg).chain(&aggregate.filter);
            if let Some(shadow) = known.shadow_of(read) {
                calls.push(bool_or(shadow).alias(shadow_name(*id)));
                let shadow = coalesce(vec![named(&shadow_name(*id)), lit(false)]);
                shown = blank_where(shadow.clone(), shown);
                projected.push(shadow.alias(shadow_name(*id)));
            }
            projected.push(shown.alias(column_name(*id)));
        }
        let builder = LogicalPlanBuilder::from(input);
        let builder = if calls.is_empty() {
            builder.project(groups)?.distinct()?
        } else {
            builder.aggregate(groups, calls)?
        };
        builder.project(projected)?.build()
    }

    fn union(
        &self,
        inputs: &[(Public, Vec<Scalar>)],
        columns: &[(ColumnId, DataType)],
        tables: &[CheckedTable],
    ) -> Result<LogicalPlan> {
        let mut united: Option<LogicalPlanBuilder> = None;
        for (input, row) in inputs {
            let values = row.iter().zip(columns);
            let projected: Vec<Expr> =
                values.flat_map(|(value, (id, data_type))| self.value(*id, value, Some(data_type))).collect();
            let input = LogicalPlanBuilder::from(self.relation(input, tables)?).project(projected)?;
            united = Some(match united {
                None => input,
                Some(united) => united.union(input.build()?)?,
            });
        }
        united.unwrap_or_else(|| LogicalPlanBuilder::empty(false)).build()
    }

    /// A window function that reads a blank is blank, in each row whose frame has one.
    fn window(&self, input: LogicalPlan, calls: &[(ColumnId, WindowCall)]) -> Result<LogicalPlan> {
        let mut projected = all(&input);
        let (mut windows, mut known_shadows): (Vec<Expr>, Vec<Expr>) = (Vec::new(), Vec::new());
        for (id, call) in calls {
            let raw = format!("raw{}", id.0);
            windows.push(self.window_value(call, &input)?.alias(&raw));
            let mut shown = Expr::TryCast(TryCast::new(Box::new(named(&raw)), call.data_type.clone()));
            if self.plan.columns.is_released(*id) {
                let mut names = Vec::new();
                for shadow in self.window_shadows(call) {
                    // The engine takes each window function once.
                    let known = known_shadows.iter().position(|known| *known == shadow);
                    let place = known.unwrap_or(known_shadows.len());
                    names.push(format!("shadow{place}"));
                    if known.is_none() {
                        windows.push(shadow.clone().alias(format!("shadow{place}")));
                        known_shadows.push(shadow);
                    }
                }
                let blank =
                    names.iter().map(|name| binary_expr(named(name), Operator::IsNotDistinctFrom, lit(1_i8)));
                let blank = blank.reduce(Expr::or).unwrap_or_else(|| lit(false));
                shown = blank_where(blank.clone(), shown);
                projected.push(blank.alias(shadow_name(*id)));
            }
            projected.push(shown.alias(column_name(*id)));
        }
        let mut builder = LogicalPlanBuilder::from(input);
        for window in windows {
            builder = builder.window(vec![window])?;
        }
        builder.project(projected)?.build()
    }

    fn window_value(&self, call: &WindowCall, input: &LogicalPlan) -> Result<Expr> {
        let known = &self.plan.columns;
        let mut args: Vec<Expr> = call.args.iter().map(|arg| known.blanked(arg)).collect();
        if let Some(first) = args.first_mut() {
            *first = widened(call.function.name(), first.clone(), input)?;
        }
        let filter = call.filter.as_ref().map(|filter| Box::new(known.holds(filter)));
        Ok(self.over(call.function.clone(), call, args, filter))
    }

    /// Whether a value reads a blank: through its arguments, or through order and partition.
    fn window_shadows(&self, call: &WindowCall) -> Vec<Expr> {
        let known = &self.plan.columns;
        // The largest of numbers, because the engine slides that along a frame.
        let any = WindowFunctionDefinition::AggregateUDF(max_udaf());
        let number = |shadow: Expr| Expr::TryCast(TryCast::new(Box::new(shadow), DataType::Int8));
        let mut shadows = Vec::new();
        if let Some(read) = known.shadow_of(call.args.iter().chain(&call.filter)) {
            if TAKES_VALUES.contains(&call.function.name()) {
                let offset = call.args.iter().skip(1).take(1).map(generate::expression);
                let args = std::iter::once(number(read)).chain(offset).collect();
                shadows.push(self.over(call.function.clone(), call, args, None));
            } else {
                shadows.push(self.over(any.clone(), call, vec![number(read)], None));
            }
        }
        let order = call.order.iter().map(|key| &key.arg);
        if let Some(read) = known.shadow_of(order.chain(&call.partition)) {
            let by_partition = known.shadow_of(call.partition.iter()).is_none();
            let params = WindowFunctionParams {
                args: vec![number(read)],
                partition_by: call
                    .partition
                    .iter()
                    .filter(|_| by_partition)
                    .map(generate::expression)
                    .collect(),
                order_by: Vec::new(),
                window_frame: WindowFrame::new(None),
                filter: None,
                null_treatment: None,
                distinct: false,
            };
            shadows.push(Expr::WindowFunction(Box::new(WindowFunction { fun: any, params })));
        }
        shadows
    }

    /// A function over the window of a call.
    fn over(
        &self,
        fun: WindowFunctionDefinition,
        call: &WindowCall,
        args: Vec<Expr>,
        filter: Option<Box<Expr>>,
    ) -> Expr {
        let known = &self.plan.columns;
        let params = WindowFunctionParams {
            args,
            partition_by: call.partition.iter().map(|key| known.blanked(key)).collect(),
            order_by: call.order.iter().flat_map(|key| known.sort_key(key)).collect(),
            window_frame: call.frame.clone(),
            filter,
            null_treatment: call.nulls,
            distinct: call.distinct,
        };
        Expr::WindowFunction(Box::new(WindowFunction { fun, params }))
    }
}

/// The names of the shadows in a relation.
fn shadows(plan: &LogicalPlan) -> Vec<String> {
    plan.schema().columns().into_iter().map(|column| column.name).filter(|name| is_shadow(name)).collect()
}

fn all(plan: &LogicalPlan) -> Vec<Expr> {
    plan.schema().columns().into_iter().map(Expr::Column).collect()
}
