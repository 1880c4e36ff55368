//! Above the frontier: aggregates of released cells, and of reference data.
//!
//! They can reveal nothing that the cells do not.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{Aggregate, Expr};

use crate::algebra::{Aggregation, ColumnId, ColumnInfo, Public, Reference, Scalar};
use crate::model::Refusal;

use super::aggregate::{aggregate_call, aggregate_refusal, grouping, schema_types};
use super::measure::one;
use super::{Field, Kind, Lowering, Relation, Scope, not_supported};

impl Lowering<'_> {
    /// GROUP BY over released cells or reference data.
    pub(super) fn aggregate_of_public(
        &mut self,
        aggregate: &Aggregate,
        input: Public,
        scope: Scope<'_>,
    ) -> Result<Relation, Refusal> {
        let types = schema_types(&aggregate.schema);
        let grouping = grouping(&aggregate.group_expr)?;
        if grouping.sets.is_some() {
            let hint = "write the grouping sets where the records are grouped";
            return Err(not_supported("GROUPING SETS over statistics", hint));
        }
        let (mut keys, mut fields) = (Vec::new(), Vec::new());
        for (expr, data_type) in grouping.exprs.iter().zip(&types) {
            let value = self.scalar(expr, scope)?;
            if self.columns.reads_statistic(&value) && !aggregate.aggr_expr.is_empty() {
                let hint = "group by keys of the statistic; a number that may be withheld is no group";
                return Err(not_supported("GROUP BY of a statistic's value", hint).at(self.place(expr)));
            }
            let id = self.derived(&value, data_type.clone());
            fields.push(Field::Value(Scalar::Column(id)));
            keys.push((id, value));
        }
        let mut aggregates = Vec::new();
        for (expr, data_type) in aggregate.aggr_expr.iter().zip(types.into_iter().skip(keys.len())) {
            let (id, call) = self.aggregate_of_cells(expr, data_type, scope)?;
            fields.push(Field::Value(Scalar::Column(id)));
            aggregates.push((id, call));
        }
        let public = Public::Aggregate { input: Box::new(input), keys, aggregates };
        Ok(Relation { kind: Kind::Public(public), fields })
    }

    fn aggregate_of_cells(
        &mut self,
        expr: &Expr,
        data_type: DataType,
        scope: Scope<'_>,
    ) -> Result<(ColumnId, Aggregation), Refusal> {
        let call = aggregate_call(expr)?;
        let params = self.simple_params(call)?;
        let arg = match params.args.as_slice() {
            [Expr::Literal(value, _)] if !value.is_null() && call.func.name() == "count" => one(),
            [arg] => self.scalar(arg, scope)?,
            _ => return Err(aggregate_refusal(call.func.name())),
        };
        let filter = params.filter.as_ref().map(|filter| self.scalar(filter, scope)).transpose()?;
        let info = ColumnInfo {
            origins: self.origins(&arg),
            statistic: std::iter::once(&arg)
                .chain(&filter)
                .any(|scalar| self.columns.reads_statistic(scalar)),
            ..ColumnInfo::plain(data_type.clone())
        };
        let function = std::sync::Arc::clone(&call.func);
        let call = Aggregation { function, arg, distinct: params.distinct, filter, data_type };
        Ok((self.columns.add(info), call))
    }

    /// SELECT DISTINCT of released cells.
    pub(super) fn distinct_of_public(
        &mut self,
        input: Public,
        fields: Vec<Field>,
        types: &[DataType],
    ) -> Result<Relation, Refusal> {
        let (keys, fields) = self.distinct_keys(fields, types)?;
        let public = Public::Aggregate { input: Box::new(input), keys, aggregates: Vec::new() };
        Ok(Relation { kind: Kind::Public(public), fields })
    }

    /// SELECT DISTINCT of reference data.
    pub(super) fn distinct_of_reference(
        &mut self,
        input: Reference,
        fields: Vec<Field>,
        types: &[DataType],
    ) -> Result<Relation, Refusal> {
        let (keys, fields) = self.distinct_keys(fields, types)?;
        let reference = Reference::Distinct { input: Box::new(input), keys };
        Ok(Relation { kind: Kind::Reference(reference), fields })
    }

    #[expect(clippy::type_complexity, reason = "keys, and the fields that they become")]
    fn distinct_keys(
        &mut self,
        fields: Vec<Field>,
        types: &[DataType],
    ) -> Result<(Vec<(ColumnId, Scalar)>, Vec<Field>), Refusal> {
        let (mut keys, mut named) = (Vec::new(), Vec::new());
        for (field, data_type) in fields.into_iter().zip(types) {
            let Field::Value(value) = field else {
                return Err(super::aggregate::identifier_key());
            };
            let id = self.derived(&value, data_type.clone());
            named.push(Field::Value(Scalar::Column(id)));
            keys.push((id, value));
        }
        Ok((keys, named))
    }
}
