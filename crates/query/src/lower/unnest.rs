//! UNNEST: the terms of a model as rows, and the parts of one as columns.
//!
//! Only what was released has lists and parts: no column of a record does.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Unnest;

use crate::algebra::{Public, Scalar};
use crate::functions;
use crate::model::Refusal;

use super::{Field, Kind, Lowering, Relation, not_supported};

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
            unnested.push(if is_list {
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
}

/// The part of a structure with this number.
fn part(data_type: &DataType, number: usize, value: &Scalar) -> Option<Scalar> {
    let DataType::Struct(parts) = data_type else { return None };
    let name = ScalarValue::from(parts.get(number)?.name().as_str());
    let function = functions::scalar(functions::PART_OF)?;
    Some(Scalar::Function { function, args: vec![value.clone(), Scalar::Literal(name)] })
}
