//! UNNEST: the terms of a model as rows, and the parts of one as columns.
//!
//! Only what was released has lists and parts: no column of a record does.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Unnest;

use crate::algebra::{ColumnId, Public, Scalar};
use crate::items;
use crate::model::Refusal;

use super::{Field, Kind, Lowering, Relation, not_supported};

/// Lists of one length, with the columns that their items become.
type Columns = Vec<(ColumnId, Vec<Scalar>)>;

impl Lowering<'_> {
    /// One row for each item of a list, and one column for each part of a structure.
    pub(super) fn unnest(&mut self, unnest: &Unnest) -> Result<Relation, Refusal> {
        let Unnest {
            input,
            exec_columns: _,
            list_type_columns,
            struct_type_columns,
            dependency_indices,
            schema,
            options: _,
        } = unnest;
        let refusal = |hint| not_supported("UNNEST", hint);
        let Relation { kind: Kind::Public(mut public), fields } = self.relation(input)? else {
            return Err(refusal("name the codes in an IN list"));
        };
        if list_type_columns.len() > 1 || list_type_columns.iter().any(|(_, list)| list.depth > 1) {
            return Err(refusal("unnest one list at a time"));
        }
        let mut unnested: Vec<Field> = Vec::new();
        for (place, from) in dependency_indices.iter().enumerate() {
            let field = fields.get(*from).cloned().ok_or_else(|| refusal("unnest a column"))?;
            let is_list = list_type_columns.iter().any(|(list, _)| list == from);
            let Field::Value(value) = &field else { return Err(refusal("unnest what a model says")) };
            unnested.push(if let Some(items) = items::items(value).filter(|_| is_list) {
                let (columns, item) = self.items(items, schema.field(place).data_type())?;
                public = Public::Items { input: Box::new(public), columns };
                Field::Value(item)
            } else if is_list {
                let id = self.derived(value, schema.field(place).data_type().clone());
                let list = value.clone();
                public = Public::Unnest { input: Box::new(public), id, list };
                Field::Value(Scalar::Column(id))
            } else if struct_type_columns.contains(from) {
                let number = dependency_indices.iter().take(place).filter(|other| *other == from).count();
                let part = part(input.schema().field(*from).data_type(), number, value);
                Field::Value(part.ok_or_else(|| refusal("unnest what a model says"))?)
            } else {
                field
            });
        }
        Ok(Relation { kind: Kind::Public(public), fields: unnested })
    }

    /// The parts of the items of a list, each part a column, and the item that is made of them.
    fn items(&mut self, items: &[Scalar], item: &DataType) -> Result<(Columns, Scalar), Refusal> {
        let refusal = || not_supported("UNNEST", "unnest what a summary says");
        let DataType::Struct(parts) = item else { return Err(refusal()) };
        let (mut columns, mut named) = (Columns::new(), Vec::new());
        for part in parts {
            self.spend(items.len())?;
            let values = items.iter().map(|item| items::part(item, part.name()));
            let values = values.collect::<Option<Vec<_>>>().ok_or_else(refusal)?;
            let id = self.hidden(part.data_type().clone());
            if values.iter().any(|value| self.columns.reads_statistic(value)) {
                self.columns.is_statistic(id);
            }
            columns.push((id, values));
            named.push((part.name().clone(), Scalar::Column(id)));
        }
        Ok((columns, items::structure(named)))
    }
}

/// The part of a structure with this number.
fn part(data_type: &DataType, number: usize, value: &Scalar) -> Option<Scalar> {
    let DataType::Struct(parts) = data_type else { return None };
    items::part(value, parts.get(number)?.name())
}
