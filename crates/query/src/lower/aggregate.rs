//! Where a GROUP BY leads: to rows of one person each, or to the checkpoint frontier.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, GroupingSet};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Operator};

use crate::algebra::{ColumnId, ColumnInfo, Frontier, Public, Records, Reference, Scalar, Sets};
use crate::disclosure::Telling;
use crate::model::{Code, Refusal};
use crate::position::Part;

use super::function_refusal;
use super::statistic::Counted;
use super::summary::Statistics;
use super::{Field, Kind, Lowering, Relation, Scope, not_supported};

/// Most keys of a CUBE: it has two to that many sets.
const WIDEST_CUBE: usize = 6;

/// A GROUP BY list, grouping sets told apart.
pub(super) struct Grouping<'a> {
    pub(super) exprs: Vec<&'a Expr>,
    pub(super) sets: Option<Vec<Vec<usize>>>,
}

/// Records below a GROUP BY.
struct Grouped {
    node: Records,
    units: Vec<ColumnId>,
    /// The code table whose codes are the groups, whatever the records.
    codes: Option<Reference>,
}

impl Lowering<'_> {
    /// GROUP BY, or aggregates without it.
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate) -> Result<Relation, Refusal> {
        let before = self.outer.last().map(|outer| (outer.by_subject, outer.conditions.len()));
        let input = self.relation(&aggregate.input)?;
        let after = self.outer.last().map(|outer| (outer.by_subject, outer.conditions.len()));
        if before.map(|(_, conditions)| conditions) != after.map(|(_, conditions)| conditions) {
            let hint = "only the subject of the outer query may be named below an aggregate";
            return Err(not_supported("a reference to the outer query below an aggregate", hint)
                .at(self.positions.subquery()));
        }
        let scope = Scope::new(aggregate.input.schema(), &input.fields);
        let expressions: Vec<Expr> =
            aggregate.group_expr.iter().chain(&aggregate.aggr_expr).cloned().collect();
        let (kind, subqueries) = self.joined_subqueries(input.kind, &expressions, scope)?;
        let scope = Scope { subqueries: &subqueries, ..scope };
        let grouped = match kind {
            Kind::Coded { node, units, reference } => Grouped { node, units, codes: Some(reference) },
            Kind::Public(public) => return self.aggregate_of_public(aggregate, public, scope),
            Kind::Records { node, units } => Grouped { node, units, codes: None },
            Kind::Reference(reference) => {
                return self.aggregate_of_public(aggregate, Public::Reference(reference), scope);
            }
        };
        let grouping = grouping(&aggregate.group_expr)?;
        let fields =
            grouping.exprs.iter().map(|expr| self.field(expr, scope)).collect::<Result<Vec<_>, _>>()?;
        let by_subject = fields.iter().any(|field| matches!(field, Field::Subject(_)));
        if by_subject || before != after {
            if grouping.sets.is_some() {
                let refusal = not_supported("GROUPING SETS over the subject", "group by the subject alone");
                return Err(refusal.at(self.positions.first(Part::Group)));
            }
            if grouped.codes.is_some() {
                return Err(self.coded_join());
            }
            return self.per_subject(aggregate, grouped.node, grouped.units, fields, scope, before != after);
        }
        self.frontier(aggregate, grouped, &grouping, fields, scope)
    }

    /// SELECT DISTINCT: each distinct row is a group without aggregates.
    pub(super) fn distinct(&mut self, input: &LogicalPlan) -> Result<Relation, Refusal> {
        let Relation { kind, fields } = self.relation(input)?;
        let types: Vec<DataType> =
            input.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        let (node, units) = match kind {
            Kind::Coded { .. } => return Err(self.coded_join()),
            Kind::Public(public) => return self.distinct_of_public(public, fields, &types),
            Kind::Records { node, units } => (node, units),
            Kind::Reference(reference) => return self.distinct_of_reference(reference, fields, &types),
        };
        if fields.iter().any(|field| matches!(field, Field::Subject(_))) {
            return self.distinct_per_subject(node, units, fields, &types);
        }
        let keys = self.frontier_keys(fields, &types)?;
        let fields = keys.iter().map(|(id, _)| Field::Value(Scalar::Column(*id))).collect();
        let telling = self.telling_keys(&keys, &node);
        let frontier = Frontier {
            input: node,
            telling,
            keys,
            sets: None,
            statistics: Vec::new(),
            units: self.columns.units(units),
            complete: None,
            parent: None,
            attributes: Vec::new(),
            zeros: None,
        };
        let index = self.add_frontier(frontier)?;
        Ok(Relation { kind: Kind::Public(Public::Cells(index)), fields })
    }

    fn frontier(
        &mut self,
        aggregate: &Aggregate,
        grouped: Grouped,
        grouping: &Grouping<'_>,
        fields: Vec<Field>,
        scope: Scope<'_>,
    ) -> Result<Relation, Refusal> {
        let types = schema_types(&aggregate.schema);
        let keys = self.frontier_keys(fields, &types)?;
        let with_codes = grouped.codes.is_some();
        let complete = match grouped.codes {
            Some(reference) => {
                let codes = reference.columns();
                let of_codes = keys.iter().all(|(_, key)| key.columns().is_subset(&codes));
                if !of_codes || keys.is_empty() || grouping.sets.is_some() {
                    return Err(self.coded_join());
                }
                Some((reference, keys.iter().map(|(_, key)| key.clone()).collect()))
            }
            None if grouping.sets.is_some() => None,
            None => self.columns.declared_rows(&keys, &grouped.node),
        };
        let mut fields: Vec<Field> = keys.iter().map(|(id, _)| Field::Value(Scalar::Column(*id))).collect();
        let sets = grouping.sets.clone().map(|sets| {
            let data_type = types.get(fields.len()).cloned().unwrap_or(DataType::UInt8);
            Sets { id: self.hidden(data_type), sets }
        });
        fields.extend(sets.iter().map(|sets| Field::Value(Scalar::Column(sets.id))));
        let sorts = grouped.node.sorts();
        let repeating = grouped.node.repeating(false);
        let once = grouped.node.is_one_per_person();
        let counted = Counted { with_codes, sorts: &sorts, repeating: &repeating, once };
        let mut statistics = Statistics { scope, of: counted, found: Vec::new() };
        for (expr, data_type) in aggregate.aggr_expr.iter().zip(types.into_iter().skip(fields.len())) {
            fields.push(Field::Value(self.shown(expr, data_type, &mut statistics)?));
        }
        let statistics = statistics.found;
        let Grouped { node: input, units, .. } = grouped;
        let telling = self.telling_keys(&keys, &input);
        let index = self.add_frontier(Frontier {
            input,
            telling,
            keys,
            sets,
            statistics,
            units: self.columns.units(units),
            complete,
            parent: None,
            attributes: Vec::new(),
            zeros: None,
        })?;
        Ok(Relation { kind: Kind::Public(Public::Cells(index)), fields })
    }

    /// The keys are labels of cells from here on: what decided about them below is told by the cells.
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
            let (origins, data_type) = (self.origins(&value), data_type.clone());
            let sensitive = self.columns.is_sensitive(&value);
            let id = self.columns.add(ColumnInfo { origins, sensitive, ..ColumnInfo::plain(data_type) });
            keys.push((id, value));
        }
        Ok(keys)
    }

    /// The keys whose labels are sensitive values. One that a condition fixes has no other label to compare.
    fn telling_keys(&self, keys: &[(ColumnId, Scalar)], records: &Records) -> BTreeMap<ColumnId, Telling> {
        let conditions = records.conditions();
        let fixed = |key: &Scalar| {
            let fixes = |condition: &&Scalar| {
                let Scalar::Compare { op: Operator::Eq, left, right } = condition else {
                    return false;
                };
                left.as_ref() == key && right.columns().is_empty()
            };
            conditions.iter().any(fixes)
        };
        let truth =
            |id: &ColumnId| self.columns.info(*id).is_some_and(|info| info.data_type == DataType::Boolean);
        let telling = |(id, key): &(ColumnId, Scalar)| {
            let telling = if truth(id) {
                self.columns.telling(key)
            } else {
                // That a column has no value tells nothing; what was computed may be NULL for a reason.
                Telling { inside: true, outside: !matches!(key, Scalar::Column(_)) }
            };
            (self.columns.is_sensitive(key) && !fixed(key)).then_some((*id, telling))
        };
        keys.iter().filter_map(telling).collect()
    }

    fn add_frontier(&mut self, mut frontier: Frontier) -> Result<usize, Refusal> {
        self.scrutinise(&frontier)?;
        self.columns.note_chosen(&mut frontier);
        if self.rules.has_budget {
            frontier.attributes = self.columns.frames(&frontier, &self.catalog.attributes());
        }
        if let Some((parent, asked_for)) = self.columns.parent(&frontier) {
            // A label is one of the codes that were asked for: as where a condition fixes a single one, who has it
            // is compared with the parent, and not with those alone who have another of the codes.
            let of_codes = |value: &Scalar| matches!(value, Scalar::Column(id) if asked_for.contains(id));
            let keys = frontier.keys.iter().filter(|(_, value)| of_codes(value));
            let named: Vec<ColumnId> = keys.map(|(id, _)| *id).collect();
            frontier.telling.retain(|id, _| !named.contains(id));
            frontier.parent = Some(Box::new(parent));
        }
        frontier.zeros = self.columns.zeros(&frontier);
        self.frontiers.push(frontier);
        Ok(self.frontiers.len().saturating_sub(1))
    }

    /// The parts of an aggregate call without ORDER BY.
    pub(super) fn simple_params<'b>(
        &self,
        call: &'b AggregateFunction,
    ) -> Result<&'b AggregateFunctionParams, Refusal> {
        let params = self.params(call)?;
        if params.order_by.is_empty() {
            return Ok(params);
        }
        let refusal = not_supported("an aggregate with ORDER BY here", "leave it out");
        Err(refusal.at(self.positions.function(call.func.name())))
    }

    /// The parts of an aggregate call, where it has no part without a rule.
    pub(super) fn params<'b>(
        &self,
        call: &'b AggregateFunction,
    ) -> Result<&'b AggregateFunctionParams, Refusal> {
        let AggregateFunctionParams { args: _, distinct: _, filter: _, order_by, null_treatment } =
            &call.params;
        let name = call.func.name();
        if crate::functions::aggregate(name).is_none() {
            return Err(function_refusal(name).at(self.positions.function(name)));
        }
        let ordered_set = name.contains("percentile");
        if (!order_by.is_empty() && !ordered_set) || null_treatment.is_some() {
            let refusal = not_supported("an aggregate with ORDER BY or NULL treatment", "leave it out");
            return Err(refusal.at(self.positions.function(name)));
        }
        Ok(&call.params)
    }
}

/// The planner has enumerated mixed forms already: a grouping set stands alone in the list.
pub(super) fn grouping(exprs: &[Expr]) -> Result<Grouping<'_>, Refusal> {
    let [Expr::GroupingSet(set)] = exprs else {
        // The planner's schema has a key once that is named twice.
        let mut distinct: Vec<&Expr> = Vec::new();
        for expr in exprs {
            if !distinct.contains(&expr) {
                distinct.push(expr);
            }
        }
        return Ok(Grouping { exprs: distinct, sets: None });
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
    Ok(Grouping { exprs: keys, sets: Some(sets) })
}

pub(super) fn schema_types(schema: &DFSchema) -> Vec<DataType> {
    schema.fields().iter().map(|field| field.data_type().clone()).collect()
}

pub(super) fn aggregate_call(expr: &Expr) -> Result<&AggregateFunction, Refusal> {
    if let Expr::Alias(alias) = expr {
        return aggregate_call(&alias.expr);
    }
    let Expr::AggregateFunction(call) = expr else {
        return Err(not_supported("this aggregate", "use COUNT, SUM or AVG"));
    };
    Ok(call)
}

pub(super) fn identifier_key() -> Refusal {
    let message = "an identifier would be a group of the result";
    let hint = "group by attributes of people; group by the subject only below another aggregate";
    Refusal::new(Code::SubjectAsValue, message, hint)
}

pub(super) fn aggregate_refusal(name: &str) -> Refusal {
    let hint = match name {
        "min" | "max" => {
            "extremes are values of single people; use MEDIAN or PERCENTILE_CONT, or count people in bands"
        }
        _ => {
            "over groups of people use COUNT, SUM, AVG, STDDEV, VAR_SAMP, MEDIAN, PERCENTILE_CONT, CORR or COVAR_SAMP"
        }
    };
    let message = format!("`{name}` in this form is not allowed over groups of people");
    Refusal::new(Code::AggregateNotAllowed, message, hint)
}
