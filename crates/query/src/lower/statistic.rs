//! One aggregate over groups of people: which statistic it is, and what its argument may say.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, Case};
use datafusion::logical_expr::{Expr, ExprSchemable};

use crate::algebra::{ColumnInfo, Scalar, Statistic};
use crate::disclosure::{Fraction, RegressionFunction, StatisticKind};
use crate::estimates;
use crate::model::{Code, Refusal};

use super::aggregate::{aggregate_call, aggregate_refusal};
use super::{Field, Grain, Lowering, Scope, measure, model, not_supported};

/// Most CASE branches, truth values and FILTERs in one statistic: each is judged as a cell.
const MOST_BRANCHES: usize = 64;

/// What an aggregate call is about.
struct Call {
    kind: StatisticKind,
    args: Vec<Scalar>,
    /// Where the subject that is counted is there.
    there: Option<Scalar>,
}

/// The records that statistics are about.
#[derive(Clone, Copy)]
pub(super) struct Counted<'a> {
    /// Whether codes have rows without records.
    pub(super) with_codes: bool,
    /// The predicates that tell sorts of rows apart.
    pub(super) sorts: &'a [Scalar],
    /// The tables that have a person's rows stand several times.
    pub(super) repeating: &'a BTreeSet<&'a str>,
    /// Whether each person has one at most.
    pub(super) once: bool,
}

impl Lowering<'_> {
    /// One statistic of a frontier. Where codes have rows without records, rows are not counted.
    pub(super) fn statistic(
        &mut self,
        expr: &Expr,
        data_type: DataType,
        scope: Scope<'_>,
        of: Counted<'_>,
    ) -> Result<Statistic, Refusal> {
        let call = aggregate_call(expr)?;
        let place = self.positions.function(call.func.name());
        let params = self.params(call)?;
        let Call { kind, args, there } =
            self.statistic_call(call, params, scope).map_err(|refusal| refusal.at(place))?;
        let args = model::within_group(kind, args, call, scope)?;
        model::one_row_each(kind, of, call).map_err(|refusal| refusal.at(place))?;
        let counts_rows = kind == StatisticKind::Count && args.is_empty() && there.is_none();
        let simple = args.iter().all(|arg| matches!(arg, Scalar::Column(_))) && params.filter.is_none();
        if of.with_codes && ((counts_rows && !self.counts_subject(params, scope)?) || !simple) {
            let message =
                "this aggregate over code table LEFT JOIN records would count codes without records";
            let hint =
                "write COUNT(<the subject column of the records>), or a statistic of a column of theirs";
            return Err(Refusal::new(Code::AggregateNotAllowed, message, hint).at(place));
        }
        self.may_be_added(kind, &args, of).map_err(|refusal| refusal.at(place))?;
        let filter = params.filter.as_ref().map(|filter| self.scalar(filter, scope)).transpose()?;
        let mut branches: Vec<Scalar> = filter.iter().chain(&there).cloned().collect();
        if !matches!(kind, StatisticKind::Distinct | StatisticKind::People) {
            branches.extend_from_slice(of.sorts);
        }
        branches.extend(args.iter().flat_map(|arg| measure::branches(arg, &self.columns)));
        let filter = match (filter, there) {
            (Some(filter), Some(there)) => Some(Scalar::And(vec![filter, there])),
            (filter, there) => filter.or(there),
        };
        if branches.len() > MOST_BRANCHES {
            let message =
                format!("a statistic has more than {MOST_BRANCHES} branches (CASE, FILTER, truth values)");
            let hint = "group by the value instead of choosing inside the aggregate";
            return Err(Refusal::new(Code::TooLarge, message, hint));
        }
        let divided = |predicate: Scalar| self.columns.division(predicate, filter.as_ref());
        let branches = branches.into_iter().map(divided).collect();
        let info = ColumnInfo { statistic: true, ..ColumnInfo::plain(data_type.clone()) };
        let implied = self.implied(kind, &args, of.sorts)?;
        let own = self.own_values(kind, &args)?;
        Ok(Statistic {
            id: self.columns.add(info),
            kind,
            args,
            implied,
            own,
            filter,
            chosen: false,
            branches,
            data_type,
        })
    }

    /// Whether the arguments of a statistic may be added up, described or put in order.
    fn may_be_added(&self, kind: StatisticKind, args: &[Scalar], of: Counted<'_>) -> Result<(), Refusal> {
        let adds = !matches!(kind, StatisticKind::Count | StatisticKind::Distinct | StatisticKind::People);
        if adds && args.iter().any(|arg| measure::squares(arg, &self.columns)) {
            let message = "a sum or mean of squares is not allowed: beside the sum it gives the deviation";
            let hint = "take VAR_SAMP or STDDEV, and CORR or COVAR_SAMP of two columns";
            return Err(Refusal::new(Code::ExpressionNotAllowed, message, hint));
        }
        self.rounded(adds, args, of.repeating)?;
        if adds && !args.iter().all(|arg| measure::is_plain(arg, &self.columns)) {
            let message =
                "a sum, mean or the like of a function of values is not allowed over groups of people";
            let hint = "sum columns, arithmetic of columns and constants, or CASE; use functions in GROUP BY and WHERE";
            return Err(Refusal::new(Code::ExpressionNotAllowed, message, hint));
        }
        let summed = matches!(kind, StatisticKind::Mean | StatisticKind::Sum);
        if adds && !summed && args.iter().any(|arg| self.holds_several(arg, kind)) {
            let message =
                "a deviation, correlation or quantile of an expression over several columns is not allowed";
            let hint = "take it of one column, or of the difference of two dates";
            return Err(Refusal::new(Code::ExpressionNotAllowed, message, hint));
        }
        Ok(())
    }

    /// What could be read in the digits of a sum or of a number of rows: each term that is added in it, and each
    /// sort of row.
    fn implied(
        &self,
        kind: StatisticKind,
        args: &[Scalar],
        sorts: &[Scalar],
    ) -> Result<Vec<Scalar>, Refusal> {
        let moments = matches!(kind, StatisticKind::Variance { .. });
        if !moments && !matches!(kind, StatisticKind::Count | StatisticKind::Mean | StatisticKind::Sum) {
            return Ok(self.behind_moments(kind, args));
        }
        let too_many = || {
            let message =
                format!("a sum has more than {MOST_BRANCHES} terms (products and sorts of rows count)");
            Refusal::new(Code::TooLarge, message, "sum the terms one by one")
        };
        let terms = match (kind, args) {
            (StatisticKind::Mean | StatisticKind::Sum | StatisticKind::Variance { .. }, [arg]) => {
                measure::implied(arg, &self.columns).ok_or_else(too_many)?
            }
            _ => Vec::new(),
        };
        if moments {
            return Ok(terms.into_iter().chain(self.behind_moments(kind, args)).collect());
        }
        if sorts.is_empty() {
            return Ok(terms);
        }
        let all = match (kind, args.first()) {
            (StatisticKind::Mean | StatisticKind::Sum, Some(arg)) => arg.clone(),
            (_, Some(arg)) => Scalar::Case {
                branches: vec![(Scalar::is_present(arg.clone()), measure::one())],
                otherwise: None,
            },
            (_, None) => measure::one(),
        };
        let terms = if terms.is_empty() { vec![all] } else { terms };
        let of_sort = |sort| terms.iter().map(move |term| measure::taken_here(sort, term.clone()));
        let implied: Vec<Scalar> = sorts.iter().flat_map(of_sort).take(MOST_BRANCHES + 1).collect();
        if implied.len() > MOST_BRANCHES { Err(too_many()) } else { Ok(implied) }
    }

    /// The sums of what a moment is taken of, where the moment's own are rounded.
    fn behind_moments(&self, kind: StatisticKind, args: &[Scalar]) -> Vec<Scalar> {
        if kind == StatisticKind::Distinct || kind == StatisticKind::People || args.is_empty() {
            return Vec::new();
        }
        if matches!(kind, StatisticKind::Quantile { .. } | StatisticKind::Extreme { .. }) {
            return Vec::new();
        }
        let there = Scalar::And(args.iter().cloned().map(Scalar::is_present).collect());
        let inexact = args.iter().filter(|arg| !self.columns.is_integer(arg));
        let exact = inexact.filter_map(|arg| self.columns.exact(arg));
        exact.map(|exact| measure::taken_here(&there, exact)).collect()
    }

    /// Refuses an amount in which each record's value is rounded, or hidden behind another.
    fn rounded(&self, adds: bool, args: &[Scalar], repeating: &BTreeSet<&str>) -> Result<(), Refusal> {
        if adds && args.iter().any(|arg| self.columns.adds_up(arg, repeating)) {
            let message = "a person's mean that is added once for each of the person's records is their sum in other words";
            let hint = "take it once for each person: aggregate the CTE that is grouped by the subject, without a join of the records that it counts";
            return Err(Refusal::new(Code::ExpressionNotAllowed, message, hint));
        }
        if adds && args.iter().any(|arg| self.columns.rounds(arg)) {
            let message = "a sum, mean or the like of values that are rounded one by one is not allowed";
            let hint = "round the statistic: SUM(x) / 2, ROUND(AVG(x)); of a quotient write x / 2.0, of bands group by them";
            return Err(Refusal::new(Code::ExpressionNotAllowed, message, hint));
        }
        if adds && args.iter().any(|arg| self.columns.cancels(arg)) {
            let message = "an amount that multiplies by a column and divides by it again is not allowed";
            let hint = "leave the column out of both";
            return Err(Refusal::new(Code::ExpressionNotAllowed, message, hint));
        }
        Ok(())
    }

    /// The values of which a quantile is taken, where constants are among them: those would stand for people
    /// on either side of it.
    fn own_values(&self, kind: StatisticKind, args: &[Scalar]) -> Result<Option<Scalar>, Refusal> {
        let (StatisticKind::Quantile { .. } | StatisticKind::Extreme { .. }, [arg]) = (kind, args) else {
            return Ok(None);
        };
        let own =
            measure::own(arg, &self.columns).filter(|_| !measure::is_constant(arg)).ok_or_else(|| {
                let message =
                    "a quantile of values that were mixed with others or with constants is not allowed";
                let hint = "take it of one column, and choose the records by WHERE or FILTER";
                Refusal::new(Code::ExpressionNotAllowed, message, hint)
            })?;
        Ok((own != *arg).then_some(own))
    }

    /// Whether a number of this kind could hold more than one quantity, or one in finer units than its own.
    fn holds_several(&self, arg: &Scalar, kind: StatisticKind) -> bool {
        let terms = measure::terms(arg, &self.columns);
        let several = terms.is_none_or(|terms| {
            let reads = |term: &&Scalar| !measure::is_constant(term);
            terms.iter().filter(reads).count() > 1
        });
        let shifted = match self.columns.grain(arg) {
            Grain::Mixed => true,
            Grain::Fine(line) => !line.is_plain(),
            Grain::Coarse | Grain::Date(_) => false,
        };
        several || (shifted && matches!(kind, StatisticKind::Quantile { .. }))
    }

    /// Which statistic a call is, and of what.
    fn statistic_call(
        &mut self,
        call: &AggregateFunction,
        params: &AggregateFunctionParams,
        scope: Scope<'_>,
    ) -> Result<Call, Refusal> {
        let name = call.func.name();
        let refusal = || aggregate_refusal(name);
        if let Some(there) = self.subject_argument(params, scope)? {
            let kind = match (name, params.distinct) {
                ("count", true) => StatisticKind::People,
                ("count", false) => StatisticKind::Count,
                _ => return Err(refusal()),
            };
            return Ok(Call { kind, args: Vec::new(), there });
        }
        if name != "count" && params.args.first().is_some_and(|arg| is_dated(arg, scope.schema)) {
            let message = format!("`{name}` of dates is not allowed over groups of people");
            let hint = "count people by date_trunc('month', x), or take the median of a number of days: MEDIAN(a - b)";
            return Err(Refusal::new(Code::AggregateNotAllowed, message, hint));
        }
        if let ("regr_count", false, [y, x]) = (name, params.distinct, params.args.as_slice()) {
            let both = [self.scalar(y, scope)?, self.scalar(x, scope)?].map(Scalar::is_present);
            let there = Some(Scalar::And(both.to_vec()));
            return Ok(Call { kind: StatisticKind::Count, args: Vec::new(), there });
        }
        let (kind, arity) = kind_of(name, params)?;
        let constants = usize::from(has_constant(name, params));
        if params.args.len() != arity.saturating_add(constants) {
            return Err(refusal());
        }
        let args = params.args.get(..arity).ok_or_else(refusal)?;
        if let ([Expr::Literal(value, _)], StatisticKind::Count) = (args, kind)
            && !value.is_null()
        {
            return Ok(Call { kind, args: Vec::new(), there: None });
        }
        let mut lowered = Vec::new();
        for (place, arg) in args.iter().enumerate() {
            let arg = self.scalar(without_widening(arg, kind, scope.schema), scope)?;
            lowered.push(if estimates::is_truth(name, place) { model::truth(arg) } else { arg });
        }
        let args = lowered;
        let kind = match (kind, args.first()) {
            (StatisticKind::Quantile { fraction, .. }, Some(arg)) => {
                let data_type = params.args.first().and_then(|arg| arg.get_type(scope.schema).ok());
                StatisticKind::Quantile { fraction, step: self.columns.grain(arg).step(data_type.as_ref()) }
            }
            (StatisticKind::Estimate(estimator), Some(time)) => {
                StatisticKind::Estimate(model::on_the_columns_step(estimator, &self.columns.grain(time))?)
            }
            _ => kind,
        };
        Ok(Call { kind, args, there: None })
    }

    fn counts_subject(
        &mut self,
        params: &AggregateFunctionParams,
        scope: Scope<'_>,
    ) -> Result<bool, Refusal> {
        Ok(self.subject_argument(params, scope)?.is_some())
    }

    /// Where the subject is there, if the only argument is the bare subject.
    pub(super) fn subject_argument(
        &mut self,
        params: &AggregateFunctionParams,
        scope: Scope<'_>,
    ) -> Result<Option<Option<Scalar>>, Refusal> {
        match params.args.as_slice() {
            [Expr::Column(column)] => Ok(match self.resolve(column, scope)? {
                Field::Subject(there) => Some(there),
                Field::Identifier | Field::Value(_) => None,
            }),
            [Expr::Case(case)] if case.expr.is_none() => self.chosen_subject(case, scope),
            _ => Ok(None),
        }
    }

    /// `CASE WHEN p THEN subject END`: the subject where p holds, which is a FILTER in other words.
    fn chosen_subject(&mut self, case: &Case, scope: Scope<'_>) -> Result<Option<Option<Scalar>>, Refusal> {
        if case.else_expr.as_ref().is_some_and(|otherwise| !is_null(otherwise)) {
            return Ok(None);
        }
        let mut chosen = Vec::new();
        for (when, then) in &case.when_then_expr {
            let Expr::Column(column) = then.as_ref() else {
                return Ok(None);
            };
            let Field::Subject(there) = self.resolve(column, scope)? else {
                return Ok(None);
            };
            let holds = self.scalar(when, scope)?;
            chosen.push(match there {
                Some(there) => Scalar::And(vec![holds, there]),
                None => holds,
            });
        }
        let single = if chosen.len() == 1 { chosen.pop() } else { None };
        Ok(Some(Some(single.unwrap_or(Scalar::Or(chosen)))))
    }
}

fn is_dated(arg: &Expr, schema: &DFSchema) -> bool {
    let dated = |data_type: DataType| matches!(data_type, DataType::Date32 | DataType::Timestamp(..));
    arg.get_type(schema).is_ok_and(dated)
}

fn is_null(expr: &Expr) -> bool {
    if let Expr::Cast(cast) = expr {
        return is_null(&cast.expr);
    }
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}

/// Which statistic an aggregate is, and of how many arguments.
fn kind_of(name: &str, params: &AggregateFunctionParams) -> Result<(StatisticKind, usize), Refusal> {
    Ok(match (name, params.distinct) {
        ("count", true) => (StatisticKind::Distinct, 1),
        (_, false) if estimates::usage(name).is_some() => {
            let estimator = estimates::estimator(name, params.args.len());
            let estimator = estimator.ok_or_else(|| aggregate_refusal(name))?;
            model::curve(estimator, params)?
        }
        (_, true) => return Err(aggregate_refusal(name)),
        ("approx_percentile_cont" | "percentile_cont", false) => (quantile(params)?, 1),
        ("approx_median" | "median", false) => {
            (StatisticKind::Quantile { fraction: Fraction::HALF, step: None }, 1)
        }
        ("avg", false) => (StatisticKind::Mean, 1),
        ("corr", false) => (StatisticKind::Correlation, 2),
        ("count", false) => (StatisticKind::Count, 1),
        ("covar_pop", false) => (StatisticKind::Covariance { sample: false }, 2),
        ("covar_samp", false) => (StatisticKind::Covariance { sample: true }, 2),
        ("regr_intercept", false) => (StatisticKind::Regression(RegressionFunction::Intercept), 2),
        ("regr_r2", false) => (StatisticKind::Regression(RegressionFunction::R2), 2),
        ("regr_slope", false) => (StatisticKind::Regression(RegressionFunction::Slope), 2),
        ("stddev", false) => (StatisticKind::Variance { sample: true, root: true }, 1),
        ("stddev_pop", false) => (StatisticKind::Variance { sample: false, root: true }, 1),
        ("sum", false) => (StatisticKind::Sum, 1),
        ("var", false) => (StatisticKind::Variance { sample: true, root: false }, 1),
        ("var_pop", false) => (StatisticKind::Variance { sample: false, root: false }, 1),
        _ => return Err(aggregate_refusal(name)),
    })
}

/// The fraction of PERCENTILE_CONT: a constant between 0 and 1.
fn quantile(params: &AggregateFunctionParams) -> Result<StatisticKind, Refusal> {
    let refusal = || {
        let hint = "write PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY x), with a constant from 0 to 1";
        not_supported("a percentile of this form", hint)
    };
    let [_, Expr::Literal(fraction, _)] = params.args.as_slice() else {
        return Err(refusal());
    };
    let Ok(ScalarValue::Float64(Some(fraction))) = fraction.cast_to(&DataType::Float64) else {
        return Err(refusal());
    };
    let descending = match params.order_by.as_slice() {
        [] => false,
        [key] => !key.asc,
        _ => return Err(refusal()),
    };
    let fraction =
        Fraction::nearest(if descending { 1.0 - fraction } else { fraction }).ok_or_else(refusal)?;
    Ok(StatisticKind::Quantile { fraction, step: None })
}

/// A number that the planner widened to a double: it is summed exactly.
fn without_widening<'a>(arg: &'a Expr, kind: StatisticKind, schema: &DFSchema) -> &'a Expr {
    let Expr::Cast(cast) = arg else {
        return arg;
    };
    let exact = |data_type: DataType| {
        let mean = kind == StatisticKind::Mean;
        data_type.is_integer() || (data_type.is_decimal() && !mean)
    };
    let widened = cast.field.data_type() == &DataType::Float64 && cast.expr.get_type(schema).is_ok_and(exact);
    let counted = matches!(
        kind,
        StatisticKind::Count | StatisticKind::Distinct | StatisticKind::People | StatisticKind::Sum
    );
    if widened && !counted { &cast.expr } else { arg }
}

/// Whether the last argument is a constant: the share of a quantile, the width of a curve's intervals.
fn has_constant(name: &str, params: &AggregateFunctionParams) -> bool {
    name.ends_with("percentile_cont") || (name == "kaplan_meier" && params.args.len() > 2)
}
