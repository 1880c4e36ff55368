//! Where a GROUP BY leads: to rows of one person each, or to the checkpoint frontier.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, GroupingSet};
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable, LogicalPlan};

use crate::algebra::{ColumnId, ColumnInfo, Frontier, Public, Records, Scalar, Statistic, StatisticFunction};
use crate::disclosure::Measure;
use crate::model::{Code, Refusal};

use super::function_refusal;
use super::{Field, Kind, Lowering, Relation, Scope, measure, not_supported};

/// Most CASE branches, truth values and FILTERs in one statistic: each is judged as a cell.
const MOST_BRANCHES: usize = 64;

/// Most keys of a CUBE: it has two to that many sets.
const WIDEST_CUBE: usize = 6;

/// A GROUP BY list, grouping sets told apart.
struct Keys<'a> {
    exprs: Vec<&'a Expr>,
    sets: Option<Vec<Vec<usize>>>,
}

impl Lowering<'_> {
    /// GROUP BY, or aggregates without it.
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate) -> Result<Relation, Refusal> {
        let input = self.relation(&aggregate.input)?;
        let Kind::Records { node, units } = input.kind else {
            let hint = "aggregate the records once, or send it as an analysis of its own";
            return Err(not_supported("an aggregate of statistics or of a code table", hint));
        };
        let scope = Scope { schema: aggregate.input.schema(), fields: &input.fields };
        let keys = grouping(&aggregate.group_expr)?;
        let fields = keys.exprs.iter().map(|expr| self.field(expr, scope)).collect::<Result<Vec<_>, _>>()?;
        if fields.iter().any(|field| matches!(field, Field::Subject)) {
            if keys.sets.is_some() {
                return Err(not_supported("GROUPING SETS over the subject", "group by the subject alone"));
            }
            return self.per_subject(aggregate, node, units, fields, scope);
        }
        self.frontier(aggregate, node, units, &keys, fields, scope)
    }

    /// SELECT DISTINCT: each distinct row is a group without aggregates.
    pub(super) fn distinct(&mut self, input: &LogicalPlan) -> Result<Relation, Refusal> {
        let Relation { kind, fields } = self.relation(input)?;
        let Kind::Records { node, units } = kind else {
            let hint = "the groups of a statistic are distinct already";
            return Err(not_supported("SELECT DISTINCT of statistics or of a code table", hint));
        };
        let types: Vec<DataType> =
            input.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        if fields.iter().any(|field| matches!(field, Field::Subject)) {
            return self.distinct_per_subject(node, units, fields, &types);
        }
        let keys = self.frontier_keys(fields, &types)?;
        let fields = keys.iter().map(|(id, _)| Field::Value(Scalar::Column(*id))).collect();
        let index =
            self.add_frontier(Frontier { input: node, keys, sets: None, statistics: Vec::new(), units });
        Ok(Relation { kind: Kind::Public(Public::Cells(index)), fields })
    }

    fn frontier(
        &mut self,
        aggregate: &Aggregate,
        node: Records,
        units: Vec<ColumnId>,
        grouping: &Keys<'_>,
        fields: Vec<Field>,
        scope: Scope<'_>,
    ) -> Result<Relation, Refusal> {
        let types = schema_types(&aggregate.schema);
        let keys = self.frontier_keys(fields, &types)?;
        let mut fields: Vec<Field> = keys.iter().map(|(id, _)| Field::Value(Scalar::Column(*id))).collect();
        if grouping.sets.is_some() {
            // The plan's own column that tells the grouping sets apart; no rule reads it.
            fields.push(Field::Identifier);
        }
        let mut statistics = Vec::new();
        for (expr, data_type) in aggregate.aggr_expr.iter().zip(types.into_iter().skip(fields.len())) {
            let statistic = self.statistic(expr, data_type, scope)?;
            fields.push(Field::Value(Scalar::Column(statistic.id)));
            statistics.push(statistic);
        }
        let sets = grouping.sets.clone();
        let index = self.add_frontier(Frontier { input: node, keys, sets, statistics, units });
        Ok(Relation { kind: Kind::Public(Public::Cells(index)), fields })
    }

    fn frontier_keys(
        &mut self,
        fields: Vec<Field>,
        types: &[DataType],
    ) -> Result<Vec<(ColumnId, Scalar)>, Refusal> {
        let mut keys = Vec::new();
        for (field, data_type) in fields.into_iter().zip(types) {
            let Field::Value(value) = field else {
                return Err(identifier_key());
            };
            keys.push((self.derived(&value, data_type.clone()), value));
        }
        Ok(keys)
    }

    fn add_frontier(&mut self, frontier: Frontier) -> usize {
        self.frontiers.push(frontier);
        self.frontiers.len().saturating_sub(1)
    }

    fn statistic(
        &mut self,
        expr: &Expr,
        data_type: DataType,
        scope: Scope<'_>,
    ) -> Result<Statistic, Refusal> {
        let call = aggregate_call(expr)?;
        let name = call.func.name();
        let params = self.simple_params(call)?;
        let of_subject = self.subject_argument(params, scope)?;
        let function = match (name, params.distinct) {
            ("count", true) if of_subject => StatisticFunction::People,
            ("count", false) => StatisticFunction::Count,
            ("sum", false) if !of_subject => StatisticFunction::Sum,
            ("avg", false) if !of_subject => StatisticFunction::Mean,
            _ => return Err(aggregate_refusal(name).at(self.positions.function(name))),
        };
        let arg = match params.args.as_slice() {
            _ if of_subject => None,
            [Expr::Literal(value, _)] if function == StatisticFunction::Count && !value.is_null() => None,
            [arg] => Some(self.scalar(without_widening(arg, function, scope.schema), scope)?),
            _ => return Err(aggregate_refusal(name).at(self.positions.function(name))),
        };
        let summed = matches!(function, StatisticFunction::Mean | StatisticFunction::Sum);
        if summed && arg.as_ref().is_some_and(|arg| !measure::is_plain(arg, &self.columns)) {
            let message = "a sum or mean of a function of values is not allowed over groups of people";
            let hint = "sum columns, arithmetic of columns and constants, or CASE; use functions in GROUP BY and WHERE";
            let refusal = Refusal::new(Code::ExpressionNotAllowed, message, hint);
            return Err(refusal.at(self.positions.function(name)));
        }
        let filter = params.filter.as_ref().map(|filter| self.scalar(filter, scope)).transpose()?;
        let mut branches: Vec<Scalar> = filter.iter().cloned().collect();
        branches.extend(arg.iter().flat_map(|arg| measure::branches(arg, &self.columns)));
        if branches.len() > MOST_BRANCHES {
            let message =
                format!("a statistic has more than {MOST_BRANCHES} branches (CASE, FILTER, truth values)");
            return Err(Refusal::new(
                Code::TooLarge,
                message,
                "group by the value instead of choosing inside the aggregate",
            ));
        }
        let measure = match (&arg, function) {
            (Some(arg), StatisticFunction::Mean | StatisticFunction::Sum) => self.measure(arg),
            (None, _) | (_, StatisticFunction::Count | StatisticFunction::People) => Measure::Count,
        };
        let info = ColumnInfo {
            data_type: data_type.clone(),
            origins: BTreeSet::new(),
            branches: Vec::new(),
            encoded: false,
            statistic: true,
        };
        let implied = arg.as_ref().filter(|_| summed).and_then(measure::without_constants);
        Ok(Statistic {
            id: self.columns.add(info),
            function,
            arg,
            implied,
            filter,
            measure,
            branches,
            data_type,
        })
    }

    /// The parts of an aggregate call, where it has no part without a rule.
    pub(super) fn simple_params<'b>(
        &self,
        call: &'b AggregateFunction,
    ) -> Result<&'b AggregateFunctionParams, Refusal> {
        let AggregateFunctionParams { args: _, distinct: _, filter: _, order_by, null_treatment } =
            &call.params;
        if crate::functions::aggregate(call.func.name()).is_none() {
            return Err(function_refusal(call.func.name()).at(self.positions.function(call.func.name())));
        }
        if !order_by.is_empty() || null_treatment.is_some() {
            let refusal = not_supported("an aggregate with ORDER BY or NULL treatment", "leave it out");
            return Err(refusal.at(self.positions.function(call.func.name())));
        }
        Ok(&call.params)
    }

    /// Whether the only argument is the bare subject.
    pub(super) fn subject_argument(
        &self,
        params: &AggregateFunctionParams,
        scope: Scope<'_>,
    ) -> Result<bool, Refusal> {
        match params.args.as_slice() {
            [Expr::Column(column)] => Ok(matches!(self.resolve(column, scope)?, Field::Subject)),
            _ => Ok(false),
        }
    }
}

/// The planner has enumerated mixed forms already: a grouping set stands alone in the list.
fn grouping(exprs: &[Expr]) -> Result<Keys<'_>, Refusal> {
    let [Expr::GroupingSet(set)] = exprs else {
        return Ok(Keys { exprs: exprs.iter().collect(), sets: None });
    };
    let keys = set.distinct_expr();
    let index = |expr: &Expr| keys.iter().position(|key| *key == expr);
    let sets: Vec<Vec<usize>> = match set {
        GroupingSet::Cube(exprs) if exprs.len() > WIDEST_CUBE => {
            let message = format!("CUBE over more than {WIDEST_CUBE} keys");
            return Err(not_supported(&message, "name the sets with GROUPING SETS"));
        }
        GroupingSet::Cube(exprs) => {
            let chosen = |mask: &usize| (0..exprs.len()).filter(|index| mask >> index & 1 == 1).collect();
            (0..1_usize << exprs.len()).map(|mask| chosen(&mask)).collect()
        }
        GroupingSet::GroupingSets(sets) => {
            sets.iter().map(|set| set.iter().filter_map(index).collect()).collect()
        }
        GroupingSet::Rollup(exprs) => (0..=exprs.len()).map(|length| (0..length).collect()).collect(),
    };
    Ok(Keys { exprs: keys, sets: Some(sets) })
}

pub(super) fn schema_types(schema: &DFSchema) -> Vec<DataType> {
    schema.fields().iter().map(|field| field.data_type().clone()).collect()
}

pub(super) fn aggregate_call(expr: &Expr) -> Result<&AggregateFunction, Refusal> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "everything else has no rule")]
    match expr {
        Expr::AggregateFunction(call) => Ok(call),
        Expr::Alias(alias) => aggregate_call(&alias.expr),
        _ => Err(not_supported("this aggregate", "use COUNT, SUM or AVG")),
    }
}

/// An integer that the planner widened to a double for AVG, so that it is summed exactly.
fn without_widening<'a>(arg: &'a Expr, function: StatisticFunction, schema: &DFSchema) -> &'a Expr {
    if let Expr::Cast(cast) = arg
        && function == StatisticFunction::Mean
        && cast.field.data_type() == &DataType::Float64
        && cast.expr.get_type(schema).is_ok_and(|data_type| data_type.is_integer())
    {
        &cast.expr
    } else {
        arg
    }
}

pub(super) fn one() -> Scalar {
    Scalar::Literal(datafusion::common::ScalarValue::Int64(Some(1)))
}

pub(super) fn identifier_key() -> Refusal {
    let message = "an identifier would be a group of the result";
    let hint = "group by attributes of people; group by the subject only below another aggregate";
    Refusal::new(Code::SubjectAsValue, message, hint)
}

pub(super) fn aggregate_refusal(name: &str) -> Refusal {
    let hint = match name {
        "min" | "max" => "extremes are values of single people; use AVG, or count people in bands",
        "count" => "COUNT(DISTINCT ...) counts people: give it the subject column",
        _ => "over groups of people use COUNT(*), COUNT(x), COUNT(DISTINCT subject), SUM(x) or AVG(x)",
    };
    let message = format!("`{name}` in this form is not allowed over groups of people");
    Refusal::new(Code::AggregateNotAllowed, message, hint)
}
