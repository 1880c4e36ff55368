//! Columns of texts that are read as the places of their values in a dictionary, as they are stored.
//!
//! A group or a condition needs no text of each row. Whatever else reads a column gets texts: functions are not
//! told that a text may come in another form.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::{DataType, Field, Schema};

use crate::algebra::{Aggregation, ColumnId, Frontier, Records, Reference, Scalar, WindowCall};

/// The type of such a column.
pub(crate) fn coded() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Whether a column is one.
pub(crate) fn is_coded(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Dictionary(key, value)
        if **key == DataType::Int32 && **value == DataType::Utf8)
}

/// The schema with some columns of texts in this form.
pub(crate) fn with_coded(schema: &Schema, columns: &BTreeSet<&str>) -> Schema {
    let field = |field: &Field| {
        let is_one = *field.data_type() == DataType::Utf8 && columns.contains(field.name().as_str());
        if is_one { field.clone().with_data_type(coded()) } else { field.clone() }
    };
    let fields: Vec<Field> = schema.fields().iter().map(|stored| field(stored)).collect();
    Schema::new_with_metadata(fields, schema.metadata().clone())
}

impl Frontier {
    /// The columns that something reads otherwise than as a group or in a condition with constants.
    pub(crate) fn read_as_text(&self) -> BTreeSet<ColumnId> {
        let mut read = Read { columns: BTreeSet::new(), used: self.columns() };
        read.records(&self.input);
        self.keys
            .iter()
            .filter(|(_, key)| !matches!(key, Scalar::Column(_)))
            .for_each(|(_, key)| read.all(key));
        for statistic in &self.statistics {
            statistic.args.iter().for_each(|arg| read.all(arg));
            statistic.filter.iter().for_each(|filter| read.condition(filter));
            statistic.branches.iter().for_each(|branch| read.condition(&branch.predicate));
        }
        read.columns.extend(self.units.iter().map(|unit| unit.column));
        if let Some((codes, keys)) = &self.complete {
            read.reference(codes);
            keys.iter().for_each(|key| read.all(key));
        }
        read.columns
    }
}

/// The columns that are read as texts.
struct Read {
    columns: BTreeSet<ColumnId>,
    /// All that anything reads.
    used: BTreeSet<ColumnId>,
}

impl Read {
    fn all(&mut self, scalar: &Scalar) {
        self.columns.extend(scalar.columns());
    }

    /// A condition: comparisons of columns with constants need no text of each row.
    fn condition(&mut self, scalar: &Scalar) {
        let is_constant = |scalar: &Scalar| matches!(scalar, Scalar::Literal(_));
        let is_column = |scalar: &Scalar| matches!(scalar, Scalar::Column(_));
        match scalar {
            Scalar::And(parts) | Scalar::Or(parts) => parts.iter().for_each(|part| self.condition(part)),
            Scalar::Not(part) => self.condition(part),
            Scalar::Compare { left, right, .. } if is_column(left) && is_constant(right) => {}
            Scalar::InList { arg, list, .. } if is_column(arg) && list.iter().all(is_constant) => {}
            Scalar::Like { arg, pattern, .. } if is_column(arg) && is_constant(pattern) => {}
            Scalar::IsNull(arg) if is_column(arg) => {}
            Scalar::Arithmetic { .. }
            | Scalar::Bits { .. }
            | Scalar::Case { .. }
            | Scalar::Cast { .. }
            | Scalar::Column(_)
            | Scalar::Compare { .. }
            | Scalar::Function { .. }
            | Scalar::InList { .. }
            | Scalar::IsNull(_)
            | Scalar::Like { .. }
            | Scalar::Literal(_)
            | Scalar::Negative(_)
            | Scalar::Truth { .. } => self.all(scalar),
        }
    }

    fn records(&mut self, records: &Records) {
        match records {
            Records::Extend { input, columns } => {
                columns.iter().for_each(|(_, value)| self.all(value));
                self.records(input);
            }
            Records::PerSubject { input, keys, aggregates } => {
                keys.iter().for_each(|(_, key)| self.all(key));
                for (_, Aggregation { arg, filter, .. }) in aggregates {
                    self.all(arg);
                    filter.iter().for_each(|filter| self.condition(filter));
                }
                self.records(input);
            }
            Records::ReferenceJoin { input, reference, on, .. } => {
                on.iter().for_each(|on| self.all(on));
                self.records(input);
                self.reference(reference);
            }
            Records::Restrict { input, predicate } => {
                self.condition(predicate);
                self.records(input);
            }
            Records::Scan(_) => {}
            Records::SubjectJoin { left, right, on, .. } => {
                on.iter().for_each(|on| self.all(on));
                self.records(left);
                self.records(right);
            }
            Records::Union { inputs, .. } => {
                for (input, row) in inputs {
                    row.iter().for_each(|value| self.all(value));
                    self.records(input);
                }
            }
            Records::Window { input, calls } => {
                calls.iter().for_each(|(_, call)| self.window(call));
                // Rows that tie are told apart by whatever is read of them.
                self.columns.extend(&self.used);
                self.records(input);
            }
        }
    }

    fn window(&mut self, call: &WindowCall) {
        let order = call.order.iter().map(|key| &key.arg);
        call.args
            .iter()
            .chain(&call.partition)
            .chain(order)
            .chain(&call.filter)
            .for_each(|arg| self.all(arg));
    }

    fn reference(&mut self, reference: &Reference) {
        match reference {
            Reference::Distinct { input, keys: columns } | Reference::Extend { input, columns } => {
                columns.iter().for_each(|(_, value)| self.all(value));
                self.reference(input);
            }
            Reference::Join { left, right, on, .. } => {
                on.iter().for_each(|on| self.all(on));
                self.reference(left);
                self.reference(right);
            }
            Reference::Nothing | Reference::Scan(_) | Reference::Values { .. } => {}
            Reference::Restrict { input, predicate } => {
                self.condition(predicate);
                self.reference(input);
            }
            Reference::Union { inputs, .. } => {
                for (input, row) in inputs {
                    row.iter().for_each(|value| self.all(value));
                    self.reference(input);
                }
            }
        }
    }
}
