//! Window functions: over one person's records, or over released cells.
//!
//! Over records a partition is a person's (and may be divided further): the rows of several people would
//! tell of each other.

use datafusion::arrow::datatypes::{DataType, IntervalUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, Window, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition,
};

use crate::algebra::{ColumnId, ColumnInfo, Public, Records, Scalar, SortKey, WindowCall};
use crate::functions;
use crate::model::{Code, Refusal};

use super::{Field, Grain, Kind, Lowering, Relation, Scope, function_refusal, measure, not_supported};

/// Furthest that a window function looks, in rows: the engine adds without looking for an overflow.
const FURTHEST: i64 = 1_000_000;

/// Furthest that a frame over dates reaches, in days: as many as there are in a hundred years.
const LONGEST: i64 = 36_525;

/// The engine's type of a span of months, days and nanoseconds.
const DAYS: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

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
        let tables: Vec<String> = match &kind {
            Kind::Records { node, .. } => node.tables().into_iter().map(str::to_owned).collect(),
            Kind::Coded { .. } | Kind::Public(_) | Kind::Reference(_) => Vec::new(),
        };
        let mut calls = Vec::new();
        for (expr, field) in window.window_expr.iter().zip(types) {
            let over_records = matches!(kind, Kind::Records { .. });
            let call = self.window_call(expr, field.data_type(), scope, over_records)?;
            let id = self.window_column(&call, &sorts);
            if call.function.name() == "count" || call.args.iter().all(measure::is_constant) {
                self.columns.counts(id, tables.iter().cloned());
            }
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
        let counts_all =
            fun.name() == "count" && matches!(args.as_slice(), [Expr::Literal(value, _)] if !value.is_null());
        let args = if counts_all {
            vec![Scalar::Literal(ScalarValue::Int64(Some(1)))]
        } else {
            args.iter().map(|arg| self.scalar(arg, scope)).collect::<Result<Vec<_>, _>>()?
        };
        self.check_call(fun, &args, filter.is_some() || *distinct)?;
        let place = self.positions.function(fun.name());
        let order = self.sort_keys(order_by, scope)?;
        let (frame, order) = self.framed(window_frame, order).map_err(|refusal| refusal.at(place))?;
        if *distinct && fun.name() != "count" && !frame.start_bound.is_unbounded() {
            let hint = "let the frame begin at UNBOUNDED PRECEDING, or COUNT(DISTINCT ...) in it";
            let what = "DISTINCT in a sum, mean or extreme over a frame that slides";
            return Err(not_supported(what, hint).at(place));
        }
        Ok(WindowCall {
            function: fun.clone(),
            args,
            partition,
            order,
            frame,
            filter: filter.as_ref().map(|filter| self.scalar(filter, scope)).transpose()?,
            nulls: *null_treatment,
            distinct: *distinct,
            data_type: data_type.clone(),
        })
    }

    /// What a call may have beside its value. `chooses` says whether it has FILTER or DISTINCT.
    fn check_call(
        &self,
        fun: &WindowFunctionDefinition,
        args: &[Scalar],
        chooses: bool,
    ) -> Result<(), Refusal> {
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
        if is_call && chooses {
            return Err(not_supported("FILTER or DISTINCT in this window function", "leave it out")
                .at(self.positions.window()));
        }
        check_number(fun.name(), args).map_err(|refusal| refusal.at(self.positions.function(fun.name())))
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
        let exact = |arg: &Scalar| self.columns.exact(arg).unwrap_or_else(|| arg.clone());
        let mean = call.function.name() == "avg";
        let inexact = !mean && call.args.iter().any(|arg| self.columns.is_inexact(arg));
        // The others count or rank records.
        let takes_values = !call.args.is_empty() && call.function.name() != "count";
        let info = ColumnInfo {
            data_type: call.data_type.clone(),
            origins: call.args.iter().flat_map(|arg| self.origins(arg)).collect(),
            arms: Vec::new(),
            // The means of a person's records add up to the records.
            behind: call.args.first().filter(|_| mean).map(exact),
            counted: call.args.iter().flat_map(|arg| self.columns.counted(arg)).collect(),
            branches,
            encoded: inexact
                || !sorts.is_empty()
                || call.args.iter().any(|arg| !measure::is_simple(arg, &self.columns)),
            made: takes_values && !call.args.iter().take(1).all(|arg| measure::is_own(arg, &self.columns)),
            statistic: read.into_iter().any(|scalar| self.columns.reads_statistic(scalar)),
            grain: match call.args.first() {
                Some(arg) if call.function.name() != "count" => self.columns.grain(arg),
                Some(_) | None => Grain::Coarse,
            },
            code: false,
            reference: false,
            terms: Vec::new(),
            range: None,
            domain: None,
            sensitive,
            population: None,
        };
        self.columns.add(info)
    }

    /// A frame that cannot fail, and the order that it is measured in.
    ///
    /// One that is measured in the values of its order could overflow at one record's value. Days are counted
    /// as whole numbers that are far wider than dates.
    fn framed(
        &self,
        frame: &WindowFrame,
        order: Vec<SortKey>,
    ) -> Result<(WindowFrame, Vec<SortKey>), Refusal> {
        let by_value = matches!(frame.units, WindowFrameUnits::Range)
            && [&frame.start_bound, &frame.end_bound].into_iter().any(is_measured);
        let (mut frame, mut order, most) = (frame.clone(), order, if by_value { LONGEST } else { FURTHEST });
        if by_value {
            let dates = matches!(order.as_slice(), [key] if self.columns.is_date(&key.arg));
            let hint = "order by one column of dates and write days: RANGE BETWEEN INTERVAL '30 days' PRECEDING AND CURRENT ROW; or use ROWS";
            let refusal = || not_supported("RANGE with such a distance", hint);
            for bound in [&mut frame.start_bound, &mut frame.end_bound] {
                *bound = in_days(bound).filter(|_| dates).ok_or_else(refusal)?;
            }
            for key in &mut order {
                let whole = Scalar::Cast { arg: Box::new(key.arg.clone()), to: DataType::Int32 };
                key.arg = Scalar::Cast { arg: Box::new(whole), to: DataType::Int64 };
            }
        }
        let measured = [&frame.start_bound, &frame.end_bound].into_iter().filter(|bound| is_measured(bound));
        if measured.map(distance).any(|by| by.is_none_or(|by| !(-most..=most).contains(&by))) {
            let message = format!("a window frame that reaches further than {most} rows or days");
            return Err(not_supported(&message, "use UNBOUNDED PRECEDING or UNBOUNDED FOLLOWING"));
        }
        let bounded = !frame.start_bound.is_unbounded() && !frame.end_bound.is_unbounded();
        if bounded && distance(&frame.start_bound) > distance(&frame.end_bound) {
            let message = "a window frame ends before it begins";
            let hint = "write the earlier bound first: ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING";
            return Err(Refusal::new(Code::InvalidQuery, message, hint));
        }
        Ok((frame, order))
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

/// The whole number that a window function takes beside its value.
fn check_number(name: &str, args: &[Scalar]) -> Result<(), Refusal> {
    let (place, least, example) = match name {
        "lag" | "lead" => (1, -FURTHEST, "write it like LAG(x, 1)"),
        "nth_value" => (1, 1, "write it like NTH_VALUE(x, 2)"),
        "ntile" => (0, 1, "write it like NTILE(4)"),
        _ => return Ok(()),
    };
    let number = match args.get(place) {
        None if least < 0 => return Ok(()),
        Some(Scalar::Literal(value)) if value.data_type().is_integer() => {
            value.cast_to(&DataType::Int64).ok()
        }
        _ => None,
    };
    match number {
        Some(ScalarValue::Int64(Some(number))) if (least..=FURTHEST).contains(&number) => Ok(()),
        _ => {
            let message = format!("`{name}` takes a whole number from {least} to {FURTHEST}, as a constant");
            Err(Refusal::new(Code::InvalidQuery, message, example))
        }
    }
}

/// How far a bound of a frame lies behind the current row.
fn distance(bound: &WindowFrameBound) -> Option<i64> {
    let (by, sign) = match bound {
        WindowFrameBound::CurrentRow => return Some(0),
        WindowFrameBound::Following(by) => (by, 1),
        WindowFrameBound::Preceding(by) => (by, -1),
    };
    match by.cast_to(&DataType::Int64) {
        Ok(ScalarValue::Int64(Some(by))) => by.checked_mul(sign),
        _ => None,
    }
}

/// Whether a bound has a distance.
fn is_measured(bound: &WindowFrameBound) -> bool {
    !matches!(bound, WindowFrameBound::CurrentRow) && !bound.is_unbounded()
}

/// A bound of whole days as a number of days.
fn in_days(bound: &WindowFrameBound) -> Option<WindowFrameBound> {
    let days = |by: &ScalarValue| {
        if by.is_null() {
            return Some(ScalarValue::Int64(None));
        }
        let ScalarValue::IntervalMonthDayNano(Some(span)) = by.cast_to(&DAYS).ok()? else {
            return None;
        };
        let whole = span.months == 0 && span.nanoseconds == 0 && span.days >= 0;
        whole.then_some(ScalarValue::Int64(Some(i64::from(span.days))))
    };
    Some(match bound {
        WindowFrameBound::CurrentRow => WindowFrameBound::CurrentRow,
        WindowFrameBound::Following(by) => WindowFrameBound::Following(days(by)?),
        WindowFrameBound::Preceding(by) => WindowFrameBound::Preceding(days(by)?),
    })
}
