//! Histograms and tables of characteristics, written as the statistics that they stand for.
//!
//! Nothing is decided here: each number is a statistic of its own, as if the analysis had asked for
//! `COUNT(*) FILTER (...)`, `AVG` and `STDDEV`, and is judged, kept and charged where those are.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::functions_aggregate::expr_fn::{avg, count, stddev};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Expr, ExprSchemable, Operator, binary_expr, cast, lit};

use crate::algebra::{Scalar, Statistic};
use crate::items::{self, listed, structure};
use crate::model::{Code, Refusal};
use crate::summaries::{self, Summary};

use super::aggregate::{aggregate_call, aggregate_refusal};
use super::set::constant;
use super::statistic::Counted;
use super::{Lowering, Scope, model};

/// Most rows of one summary: each is a cell of its own.
const MOST_ROWS: usize = 64;

/// What the statistics of a frontier are about, and those that it has.
pub(super) struct Statistics<'a> {
    pub(super) scope: Scope<'a>,
    pub(super) of: Counted<'a>,
    pub(super) found: Vec<Statistic>,
}

/// One variable of a table of characteristics.
struct Variable<'e> {
    name: String,
    value: &'e Expr,
    levels: Option<Vec<ScalarValue>>,
}

impl Lowering<'_> {
    /// What an aggregate of a frontier shows: its statistic, or those that it stands for.
    pub(super) fn shown(
        &mut self,
        expr: &Expr,
        data_type: DataType,
        statistics: &mut Statistics<'_>,
    ) -> Result<Scalar, Refusal> {
        let call = aggregate_call(expr)?;
        let Some(summary) = Summary::of(call.func.name()) else {
            return self.one_statistic(expr, data_type, statistics);
        };
        let place = self.positions.function(summary.name());
        let shown = self.params(call).and_then(|params| {
            if params.distinct {
                return Err(aggregate_refusal(summary.name()));
            }
            match summary {
                Summary::Histogram => self.histogram(call, statistics),
                Summary::TableOne => self.table_one(call, statistics),
            }
        });
        // A refusal of a statistic that nobody wrote would point at another one.
        shown.map_err(|refusal| Refusal { position: None, ..refusal }.at(place))
    }

    fn one_statistic(
        &mut self,
        expr: &Expr,
        data_type: DataType,
        statistics: &mut Statistics<'_>,
    ) -> Result<Scalar, Refusal> {
        let statistic = self.statistic(expr, data_type, statistics.scope, statistics.of)?;
        let id = statistic.id;
        statistics.found.push(statistic);
        Ok(Scalar::Column(id))
    }

    /// A statistic among the records that the call is about.
    fn among(
        &mut self,
        statistic: Expr,
        data_type: DataType,
        call: &AggregateFunction,
        statistics: &mut Statistics<'_>,
    ) -> Result<Scalar, Refusal> {
        let Expr::AggregateFunction(mut statistic) = statistic else {
            return Err(aggregate_refusal(call.func.name()));
        };
        statistic.params.filter.clone_from(&call.params.filter);
        self.one_statistic(&Expr::AggregateFunction(statistic), data_type, statistics)
    }

    /// How many of the records that the call is about fulfil a condition.
    fn number_where(
        &mut self,
        condition: Expr,
        call: &AggregateFunction,
        statistics: &mut Statistics<'_>,
    ) -> Result<Scalar, Refusal> {
        let condition = match &call.params.filter {
            Some(filter) => filter.as_ref().clone().and(condition),
            None => condition,
        };
        let Expr::AggregateFunction(mut number) = count(lit(1_i64)) else {
            return Err(aggregate_refusal(call.func.name()));
        };
        number.params.filter = Some(Box::new(condition));
        self.one_statistic(&Expr::AggregateFunction(number), DataType::Int64, statistics)
    }

    /// The number of records between each two edges; the last edge is inside.
    fn histogram(
        &mut self,
        call: &AggregateFunction,
        statistics: &mut Statistics<'_>,
    ) -> Result<Scalar, Refusal> {
        let [value, edges] = call.params.args.as_slice() else {
            return Err(aggregate_refusal(call.func.name()));
        };
        let known = value.get_type(statistics.scope.schema).map_err(|_| no_edges())?;
        let edges = edges_of(edges, &known)?;
        let compared = edges.first().map(ScalarValue::data_type).ok_or_else(no_edges)?;
        let value = if known == compared { value.clone() } else { cast(value.clone(), compared) };
        let mut bins = Vec::new();
        for (place, bin) in edges.windows(2).enumerate() {
            let [lower, upper] = bin else { return Err(no_edges()) };
            let is_last = place.saturating_add(2) == edges.len();
            let below = if is_last { Operator::LtEq } else { Operator::Lt };
            let from = value.clone().gt_eq(Expr::Literal(lower.clone(), None));
            let to = binary_expr(value.clone(), below, Expr::Literal(upper.clone(), None));
            let number = self.number_where(from.and(to), call, statistics)?;
            bins.push(structure([
                ("lower".to_owned(), Scalar::Literal(lower.clone())),
                ("upper".to_owned(), Scalar::Literal(upper.clone())),
                ("n".to_owned(), number),
            ]));
        }
        Ok(listed(bins))
    }

    /// Means and deviations of numbers, and shares of levels, of people of whom each has one row.
    fn table_one(
        &mut self,
        call: &AggregateFunction,
        statistics: &mut Statistics<'_>,
    ) -> Result<Scalar, Refusal> {
        let name = call.func.name();
        if !statistics.of.once {
            return Err(model::several_rows(name));
        }
        let is_list = |arg: &Expr| items::written(arg).is_some();
        let named =
            summaries::variables(&call.params.args, is_list).ok_or_else(|| aggregate_refusal(name))?;
        let mut rows = Vec::new();
        for [name, value, levels] in named {
            let (Some(name), Some(value)) = (name, value) else { continue };
            let variable = self.variable(name, value, levels, statistics.scope)?;
            self.rows_of(&variable, call, statistics, &mut rows)?;
            if rows.len() > MOST_ROWS {
                let message = format!("a table of characteristics has {MOST_ROWS} rows at most");
                return Err(Refusal::new(Code::TooLarge, message, "make several tables, or fewer levels"));
            }
        }
        Ok(listed(rows))
    }

    /// A variable with its levels: those that are named, or else those that are known without any record.
    fn variable<'e>(
        &mut self,
        name: &Expr,
        value: &'e Expr,
        levels: Option<&Expr>,
        scope: Scope<'_>,
    ) -> Result<Variable<'e>, Refusal> {
        let constant_name = constant(name).ok().and_then(|name| items::text(&name).map(str::to_owned));
        let name = constant_name.ok_or_else(|| {
            let message = "the name of a variable is no constant text";
            Refusal::new(Code::InvalidQuery, message, format!("write {}", Summary::TableOne.usage()))
        })?;
        let data_type = value.get_type(scope.schema).map_err(|_| aggregate_refusal("table_one"))?;
        let levels = match levels.and_then(items::written) {
            Some(written) => Some(levels_of(written, &data_type, &name)?),
            None if data_type == DataType::Boolean => Some(Vec::from([true, false].map(ScalarValue::from))),
            None => {
                let scalar = self.scalar(value, scope)?;
                self.columns.domain(&scalar).map(|domain| domain.to_vec())
            }
        };
        if levels.is_none() && !data_type.is_numeric() {
            let message = format!("the levels of `{name}` are not known without the records");
            let hint = "name them behind the column, as in table_one('stage', stage, make_array('I', 'II')); a column with \
                        declared values needs none, and neither do numbers and truth values";
            return Err(Refusal::new(Code::ExpressionNotAllowed, message, hint));
        }
        Ok(Variable { name, value, levels })
    }

    /// The rows of a variable: one of a number, one of each level.
    fn rows_of(
        &mut self,
        variable: &Variable<'_>,
        call: &AggregateFunction,
        statistics: &mut Statistics<'_>,
        rows: &mut Vec<Scalar>,
    ) -> Result<(), Refusal> {
        let value = variable.value;
        let present = self.among(count(value.clone()), DataType::Int64, call, statistics)?;
        let Some(levels) = &variable.levels else {
            let mean = self.among(avg(value.clone()), DataType::Float64, call, statistics)?;
            let deviation = self.among(stddev(value.clone()), DataType::Float64, call, statistics)?;
            rows.push(row(&variable.name, None, [present, mean, deviation]));
            return Ok(());
        };
        for level in levels {
            let number = self.number_where(has(value, level), call, statistics)?;
            let share = Scalar::Arithmetic {
                op: Operator::Divide,
                left: Box::new(as_double(number.clone())),
                right: Box::new(as_double(present.clone())),
            };
            let nothing = Scalar::Literal(ScalarValue::Float64(None));
            rows.push(row(&variable.name, Some(level.to_string()), [number, share, nothing]));
        }
        Ok(())
    }
}

/// That a value is of a level.
fn has(value: &Expr, level: &ScalarValue) -> Expr {
    if let ScalarValue::Boolean(Some(is_true)) = level {
        return if *is_true { value.clone() } else { Expr::Not(Box::new(value.clone())) };
    }
    value.clone().eq(Expr::Literal(level.clone(), None))
}

/// The edges of a histogram, in the type in which values are compared with them.
fn edges_of(edges: &Expr, known: &DataType) -> Result<Vec<ScalarValue>, Refusal> {
    let written = items::written(edges).ok_or_else(no_edges)?;
    let edges = written.iter().map(constant).collect::<Result<Vec<_>, _>>().map_err(|_| no_edges())?;
    let common = edges.first().and_then(|edge| summaries::edge_type(known, &edge.data_type()));
    let common = common.ok_or_else(no_edges)?;
    let edges = edges.iter().map(|edge| edge.cast_to(&common).ok().filter(is_number));
    let edges = edges.collect::<Option<Vec<_>>>().ok_or_else(no_edges)?;
    let rises = |pair: &[ScalarValue]| matches!(pair, [one, next] if one < next);
    if edges.len() < 2 || !edges.windows(2).all(rises) {
        return Err(no_edges());
    }
    if edges.len() > MOST_ROWS.saturating_add(1) {
        let message = format!("a histogram has {MOST_ROWS} bins at most");
        return Err(Refusal::new(Code::TooLarge, message, "make the bins wider"));
    }
    Ok(edges)
}

/// Whether a constant is a value that others can be compared with.
fn is_number(constant: &ScalarValue) -> bool {
    let number = constant.cast_to(&DataType::Float64);
    let has_end = !matches!(number, Ok(ScalarValue::Float64(Some(number))) if !number.is_finite());
    has_end && !constant.is_null()
}

fn no_edges() -> Refusal {
    let message = "the edges of a histogram are constants, two at least, each above the one before it";
    let hint = "write histogram(age, make_array(20, 40, 60, 80)); edges of dates as DATE '2020-01-01'";
    Refusal::new(Code::InvalidQuery, message, hint)
}

/// The levels that a call names, in the type of the values.
fn levels_of(written: &[Expr], data_type: &DataType, name: &str) -> Result<Vec<ScalarValue>, Refusal> {
    let level = |expr: &Expr| constant(expr).ok()?.cast_to(data_type).ok().filter(|level| !level.is_null());
    let levels: Option<Vec<ScalarValue>> = written.iter().map(level).collect();
    levels.filter(|levels| !levels.is_empty()).ok_or_else(|| {
        let message = format!("the levels of `{name}` are constants of the column's type, one at least");
        Refusal::new(Code::InvalidQuery, message, format!("write {}", Summary::TableOne.usage()))
    })
}

/// One row of a table of characteristics.
fn row(variable: &str, level: Option<String>, [number, value, spread]: [Scalar; 3]) -> Scalar {
    let text = |text| Scalar::Literal(ScalarValue::Utf8(text));
    structure([
        ("variable".to_owned(), text(Some(variable.to_owned()))),
        ("level".to_owned(), text(level)),
        ("n".to_owned(), number),
        ("value".to_owned(), value),
        ("spread".to_owned(), spread),
    ])
}

fn as_double(number: Scalar) -> Scalar {
    Scalar::Cast { arg: Box::new(number), to: DataType::Float64 }
}
