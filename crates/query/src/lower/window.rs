//! Window functions: over one person's records, or over released cells.
//!
//! Over records a partition is a person's (and may be divided further): the rows of several people would
//! tell of each other.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, Window, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition,
};

use crate::algebra::{ColumnId, ColumnInfo, Public, Records, Scalar, WindowCall};
use crate::functions;
use crate::model::{Code, Refusal};

use super::{Field, Grain, Kind, Lowering, Relation, Scope, function_refusal, measure, not_supported};

impl Lowering<'_> {
    /// One node of window functions: its fields stand behind those of its input.
    pub(super) fn window(&mut self, window: &Window) -> Result<Relation, Refusal> {
        let Relation { kind, mut fields } =
            self.without_outer("a window function", |lowering| lowering.relation(&window.input))?;
        let known = fields.clone();
        let scope = Scope::new(window.input.schema(), &known);
        let types = window.schema.fields().iter().skip(fields.len());
        let (sorts, chosen) = match &kind {
            Kind::Records { node, .. } => (node.sorts(), self.columns.chosen_by_sensitive(node)),
            Kind::Coded { .. } | Kind::Public(_) | Kind::Reference(_) => (Vec::new(), false),
        };
        let mut calls = Vec::new();
        for (expr, field) in window.window_expr.iter().zip(types) {
            let over_records = matches!(kind, Kind::Records { .. });
            let call = self.window_call(expr, field.data_type(), scope, over_records)?;
            let id = self.window_column(&call, &sorts);
            if chosen {
                self.columns.is_harmful(id);
            }
            fields.push(Field::Value(Scalar::Column(id)));
            calls.push((id, call));
        }
        let kind = match kind {
            Kind::Coded { .. } => return Err(self.coded_join()),
            Kind::Records { node, units } => {
                Kind::Records { node: Records::Window { input: Box::new(node), calls }, units }
            }
            Kind::Public(input) => Kind::Public(Public::Window { input: Box::new(input), calls }),
            Kind::Reference(reference) => {
                let input = Box::new(Public::Reference(reference));
                Kind::Public(Public::Window { input, calls })
            }
        };
        Ok(Relation { kind, fields })
    }

    fn window_call(
        &mut self,
        expr: &Expr,
        data_type: &DataType,
        scope: Scope<'_>,
        over_records: bool,
    ) -> Result<WindowCall, Refusal> {
        let WindowFunction { fun, params } = window_function(expr)?;
        let WindowFunctionParams {
            args,
            partition_by,
            order_by,
            window_frame,
            filter,
            null_treatment,
            distinct,
        } = params;
        if !functions::window_is_allowed(fun) {
            return Err(function_refusal(fun.name()).at(self.positions.function(fun.name())));
        }
        let (mut by_subject, mut partition) = (false, Vec::new());
        for key in partition_by {
            match self.field(key, scope)? {
                Field::Identifier => return Err(self.window_of_several()),
                Field::Subject(None) => by_subject = true,
                Field::Subject(Some(_)) => return Err(self.window_of_several()),
                Field::Value(value) => partition.push(value),
            }
        }
        if over_records && !by_subject {
            return Err(self.window_of_several());
        }
        let counts_all = matches!(fun, WindowFunctionDefinition::AggregateUDF(_))
            && matches!(args.as_slice(), [Expr::Literal(value, _)] if !value.is_null());
        let args = if counts_all {
            vec![Scalar::Literal(ScalarValue::Int64(Some(1)))]
        } else {
            args.iter().map(|arg| self.scalar(arg, scope)).collect::<Result<Vec<_>, _>>()?
        };
        let is_call = matches!(fun, WindowFunctionDefinition::WindowUDF(_));
        if is_call && !args.iter().skip(1).all(|arg| matches!(arg, Scalar::Literal(_))) {
            let hint = "write the offset and the default as constants";
            return Err(not_supported("a window function with a computed offset or default", hint)
                .at(self.positions.window()));
        }
        if args.get(2).is_some_and(|default| !matches!(default, Scalar::Literal(value) if value.is_null())) {
            let hint = "leave the default out and use COALESCE";
            return Err(not_supported("a window function with a default", hint).at(self.positions.window()));
        }
        if is_call && (filter.is_some() || *distinct) {
            return Err(not_supported("FILTER or DISTINCT in this window function", "leave it out")
                .at(self.positions.window()));
        }
        check_frame(window_frame).map_err(|refusal| refusal.at(self.positions.window()))?;
        Ok(WindowCall {
            function: fun.clone(),
            args,
            partition,
            order: self.sort_keys(order_by, scope)?,
            frame: window_frame.clone(),
            filter: filter.as_ref().map(|filter| self.scalar(filter, scope)).transpose()?,
            nulls: *null_treatment,
            distinct: *distinct,
            data_type: data_type.clone(),
        })
    }

    /// Names the value of a call: what decided about its arguments decides about it.
    fn window_column(&mut self, call: &WindowCall, sorts: &[Scalar]) -> ColumnId {
        let order = call.order.iter().map(|key| &key.arg);
        let read: Vec<&Scalar> =
            call.args.iter().chain(&call.partition).chain(order).chain(&call.filter).collect();
        let sensitive = read.iter().any(|scalar| self.columns.is_sensitive(scalar));
        let mut branches: Vec<Scalar> =
            call.args.iter().flat_map(|arg| measure::branches(arg, &self.columns)).collect();
        branches.extend(call.filter.clone());
        let order = call.order.iter().map(|key| &key.arg);
        let placed = order.chain(&call.partition).flat_map(|key| measure::branches(key, &self.columns));
        branches.extend(placed.collect::<Vec<_>>());
        branches.extend_from_slice(sorts);
        // The others count or rank records.
        let takes_values = !call.args.is_empty() && call.function.name() != "count";
        let info = ColumnInfo {
            data_type: call.data_type.clone(),
            origins: call.args.iter().flat_map(|arg| self.origins(arg)).collect(),
            arms: Vec::new(),
            branches,
            encoded: !sorts.is_empty() || call.args.iter().any(|arg| !measure::is_simple(arg, &self.columns)),
            made: takes_values && !call.args.iter().take(1).all(|arg| measure::is_own(arg, &self.columns)),
            statistic: read.into_iter().any(|scalar| self.columns.reads_statistic(scalar)),
            grain: match call.args.first() {
                Some(arg) if call.function.name() != "count" => self.columns.grain(arg),
                Some(_) | None => Grain::Coarse,
            },
            code: false,
            reference: false,
            sensitive,
        };
        self.columns.add(info)
    }

    fn window_of_several(&self) -> Refusal {
        let message = "a window function over the records of several people is not allowed";
        let hint = "write OVER (PARTITION BY <the subject column> ORDER BY ...), or aggregate first and use the window on the groups";
        Refusal::new(Code::PicksPeople, message, hint).at(self.positions.window())
    }
}

fn window_function(expr: &Expr) -> Result<&WindowFunction, Refusal> {
    if let Expr::Alias(alias) = expr {
        return window_function(&alias.expr);
    }
    let Expr::WindowFunction(call) = expr else {
        return Err(not_supported("this window function", "name a function with OVER (...)"));
    };
    Ok(call)
}

/// A frame that is measured in the values of its order could overflow at one record's value.
fn check_frame(frame: &WindowFrame) -> Result<(), Refusal> {
    let measured = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => false,
        WindowFrameBound::Following(by) | WindowFrameBound::Preceding(by) => !by.is_null(),
    };
    let by_value = matches!(frame.units, WindowFrameUnits::Range);
    if by_value && (measured(&frame.start_bound) || measured(&frame.end_bound)) {
        let hint = "use ROWS, or join the records on a range of dates";
        return Err(not_supported("RANGE with a distance", hint));
    }
    Ok(())
}
