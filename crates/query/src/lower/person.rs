//! Rows of one person each: GROUP BY and DISTINCT with the subject among the keys.
//!
//! What a CASE or FILTER decided about a person here may reach a statistic above, so each such decision
//! is kept as a hidden count beside the person's own aggregates, and is judged there as a branch.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::functions_aggregate::{count::count_udaf, min_max::min_udaf, sum::sum_udaf};
use datafusion::logical_expr::{Aggregate, Expr, Operator};

use crate::algebra::{Aggregation, ColumnId, ColumnInfo, Records, Scalar};
use crate::model::Refusal;

use super::aggregate::{aggregate_call, aggregate_refusal, identifier_key, schema_types};
use super::exact::Encoded;
use super::measure::one;
use super::{Field, Kind, Lowering, Relation, Scope, measure, not_supported};

/// Aggregates of a person, with the columns that they define.
pub(super) type PersonAggregates = Vec<(ColumnId, Aggregation)>;

/// Key expressions, with the columns that they define.
type Keys = Vec<(ColumnId, Scalar)>;

/// The records that a person's rows are made of.
struct Of {
    /// The predicates that tell sorts of them apart.
    sorts: Vec<Scalar>,
    /// Whether a sensitive value chose them: to have any tells it.
    chosen: bool,
    /// The tables that they are of.
    tables: BTreeSet<String>,
}

impl Lowering<'_> {
    /// GROUP BY with the subject among the keys, or in a sub-query about the outer record's person
    /// (`correlated`): there a count of nothing is nought.
    pub(super) fn per_subject(
        &mut self,
        aggregate: &Aggregate,
        node: Records,
        units: Vec<ColumnId>,
        fields: Vec<Field>,
        scope: Scope<'_>,
        correlated: bool,
    ) -> Result<Relation, Refusal> {
        let types = schema_types(&aggregate.schema);
        let mut aggregates = PersonAggregates::new();
        let tables = node.tables().into_iter().map(str::to_owned).collect();
        let of = Of { sorts: node.sorts(), chosen: self.columns.chosen_by_sensitive(&node), tables };
        let (keys, mut fields) = self.person_keys(fields, &types, &mut aggregates)?;
        for (expr, data_type) in aggregate.aggr_expr.iter().zip(types.into_iter().skip(fields.len())) {
            let id = self.person_aggregate(expr, data_type, scope, &of, &mut aggregates)?;
            let value = Scalar::Column(id);
            let counts =
                aggregates.iter().any(|(known, call)| *known == id && call.function.name() == "count");
            fields.push(Field::Value(if counts && correlated { or_nought(value) } else { value }));
        }
        Ok(self.person_rows(node, units, keys, aggregates, fields))
    }

    /// SELECT DISTINCT with the subject among the columns.
    pub(super) fn distinct_per_subject(
        &mut self,
        node: Records,
        units: Vec<ColumnId>,
        fields: Vec<Field>,
        types: &[DataType],
    ) -> Result<Relation, Refusal> {
        let mut aggregates = PersonAggregates::new();
        let (keys, fields) = self.person_keys(fields, types, &mut aggregates)?;
        Ok(self.person_rows(node, units, keys, aggregates, fields))
    }

    /// The relation. A derived row stands for one of the person's units: fewer are counted, never more.
    fn person_rows(
        &mut self,
        node: Records,
        units: Vec<ColumnId>,
        keys: Keys,
        mut aggregates: PersonAggregates,
        fields: Vec<Field>,
    ) -> Relation {
        let mut kept = Vec::new();
        for unit in units {
            if let Some(info) = self.columns.info(unit).cloned() {
                let data_type = info.data_type.clone();
                let id = self.columns.add(info);
                let arg = Scalar::Column(unit);
                let least =
                    Aggregation { function: min_udaf(), arg, distinct: false, filter: None, data_type };
                aggregates.push((id, least));
                kept.push(id);
            }
        }
        let node = Records::PerSubject { input: Box::new(node), keys, aggregates };
        Relation { kind: Kind::Records { node, units: kept }, fields }
    }

    /// The keys of a person's rows beside the subject, and the fields of all keys.
    fn person_keys(
        &mut self,
        fields: Vec<Field>,
        types: &[DataType],
        aggregates: &mut PersonAggregates,
    ) -> Result<(Keys, Vec<Field>), Refusal> {
        let (mut keys, mut named) = (Keys::new(), Vec::new());
        for (field, data_type) in fields.into_iter().zip(types) {
            named.push(match field {
                Field::Identifier => return Err(identifier_key()),
                Field::Subject(None) => Field::Subject(None),
                Field::Subject(Some(_)) => {
                    let hint = "group by the subject column of the table that an outer join keeps";
                    return Err(not_supported("GROUP BY of a subject that may be missing", hint));
                }
                Field::Value(value) => {
                    let origins = self.origins(&value);
                    let id = self.person_column(data_type.clone(), origins, &value, &[], aggregates)?;
                    self.columns.has_domain_of(id, &value);
                    if self.columns.is_inexact(&value) {
                        self.columns.is_encoded(id);
                    }
                    keys.push((id, value));
                    Field::Value(Scalar::Column(id))
                }
            });
        }
        Ok((keys, named))
    }

    fn person_aggregate(
        &mut self,
        expr: &Expr,
        data_type: DataType,
        scope: Scope<'_>,
        Of { sorts, chosen, tables }: &Of,
        aggregates: &mut PersonAggregates,
    ) -> Result<ColumnId, Refusal> {
        let call = aggregate_call(expr)?;
        let params = self.simple_params(call)?;
        let mut filter = params.filter.as_ref().map(|filter| self.scalar(filter, scope)).transpose()?;
        let arg = match (self.subject_argument(params, scope)?, params.args.as_slice()) {
            (Some(there), _) => {
                filter = match (filter, there) {
                    (Some(filter), Some(there)) => Some(Scalar::And(vec![filter, there])),
                    (filter, there) => filter.or(there),
                };
                one()
            }
            (None, [Expr::Literal(value, _)]) if !value.is_null() && call.func.name() == "count" => one(),
            (None, [arg]) => self.scalar(arg, scope)?,
            (None, _) => return Err(aggregate_refusal(call.func.name())),
        };
        let counts = call.func.name() == "count";
        let origins = if counts { BTreeSet::new() } else { self.origins(&arg) };
        let once = params.distinct || matches!(call.func.name(), "max" | "min");
        let deciding: Vec<Scalar> = filter.iter().chain(sorts.iter().filter(|_| !once)).cloned().collect();
        let id = self.person_column(data_type.clone(), origins, &arg, &deciding, aggregates)?;
        if counts {
            self.columns.is_coarse(id);
        }
        if matches!(call.func.name(), "max" | "min") {
            self.columns.has_domain_of(id, &arg);
        }
        if !once && !sorts.is_empty() {
            self.columns.is_encoded(id);
        }
        if *chosen {
            self.columns.is_harmful(id);
        }
        // A sum of constants is a number of the person's records in other words.
        if counts || (call.func.name() == "sum" && measure::is_constant(&arg)) {
            self.columns.is_own(id);
        }
        if sorts.is_empty() && !params.distinct {
            self.score(id, call.func.name(), &arg, filter.as_ref(), aggregates)?;
        }
        if counts || call.func.name() == "avg" || measure::is_constant(&arg) {
            self.columns.counts(id, tables.iter().cloned());
        }
        match self.columns.behind_aggregate(call.func.name(), &arg) {
            Ok(None) => {}
            Ok(Some(exact)) => {
                let function = if call.func.name() == "avg" { sum_udaf() } else { Arc::clone(&call.func) };
                let data_type = self.columns.type_of_sum(&exact);
                let behind = Aggregation {
                    function,
                    arg: exact,
                    distinct: params.distinct,
                    filter: filter.clone(),
                    data_type,
                };
                self.behind(id, behind, aggregates);
            }
            Err(Encoded) => self.columns.is_encoded(id),
        }
        let function = Arc::clone(&call.func);
        aggregates.push((id, Aggregation { function, arg, distinct: params.distinct, filter, data_type }));
        Ok(id)
    }

    /// A column of a person's row; who took which branch in it, or was in what else decides about it, is counted
    /// beside it.
    fn person_column(
        &mut self,
        data_type: DataType,
        origins: BTreeSet<String>,
        value: &Scalar,
        deciding: &[Scalar],
        aggregates: &mut PersonAggregates,
    ) -> Result<ColumnId, Refusal> {
        let mut branches = measure::branches(value, &self.columns);
        branches.extend_from_slice(deciding);
        let encoded = !measure::is_simple(value, &self.columns);
        let mut lifted = Vec::new();
        for branch in branches {
            lifted.push(some(self.counted(branch, aggregates)?));
        }
        let grain = self.columns.grain(value);
        let code =
            matches!(value, Scalar::Column(id) if self.columns.info(*id).is_some_and(|info| info.code));
        let sensitive = std::iter::once(value).chain(deciding).any(|read| self.columns.is_sensitive(read));
        let plain = ColumnInfo::plain(data_type);
        let made = !measure::is_own(value, &self.columns);
        let counted = self.columns.counted(value);
        let info =
            ColumnInfo { origins, counted, branches: lifted, encoded, made, grain, code, sensitive, ..plain };
        Ok(self.columns.add(info))
    }

    /// How many of the person's records take a branch, counted once.
    pub(super) fn counted(
        &mut self,
        branch: Scalar,
        aggregates: &mut PersonAggregates,
    ) -> Result<ColumnId, Refusal> {
        self.spend(branch.size().0)?;
        let known = aggregates.iter().find(|(_, known)| {
            known.function.name() == "count" && known.arg == one() && known.filter.as_ref() == Some(&branch)
        });
        let known = known.map(|(id, _)| *id);
        Ok(known.unwrap_or_else(|| self.hidden_count(branch, aggregates)))
    }

    /// The exact value behind an aggregate, as a further one.
    fn behind(&mut self, id: ColumnId, exact: Aggregation, aggregates: &mut PersonAggregates) {
        let origins = self.origins(&exact.arg);
        let info = ColumnInfo { origins, ..ColumnInfo::plain(exact.data_type.clone()) };
        let behind = self.columns.add(info);
        aggregates.push((behind, exact));
        self.columns.stands_before(id, Scalar::Column(behind));
    }

    /// How many of the person's records take a branch.
    fn hidden_count(&mut self, branch: Scalar, aggregates: &mut PersonAggregates) -> ColumnId {
        let data_type = DataType::Int64;
        let id = self.hidden(data_type.clone());
        if self.columns.telling(&branch).inside {
            self.columns.is_harmful(id);
        }
        let filter = Some(branch);
        let count = Aggregation { function: count_udaf(), arg: one(), distinct: false, filter, data_type };
        aggregates.push((id, count));
        id
    }
}

/// That a count is above nought.
pub(super) fn some(count: ColumnId) -> Scalar {
    let nought = Box::new(Scalar::Literal(ScalarValue::Int64(Some(0))));
    Scalar::Compare { op: Operator::Gt, left: Box::new(Scalar::Column(count)), right: nought }
}

/// What is nought where there is nothing.
fn or_nought(count: Scalar) -> Scalar {
    let nought = Scalar::Literal(ScalarValue::Int64(Some(0)));
    let missing = Scalar::IsNull(Box::new(count.clone()));
    Scalar::Case { branches: vec![(missing, nought)], otherwise: Some(Box::new(count)) }
}
