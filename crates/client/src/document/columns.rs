//! What a result's schema says: columns with unique names, their roles, and the withheld cells.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Fields, Schema};
use sekisho_wire::schema::{ROLE, WITHHELD};
use serde::Deserialize;

use super::{Column, Withheld};
use crate::{Error, Result};

/// The columns' names, made unique: in a JSON object a second `n` would replace the first, so it is
/// called `n:2`, the third `n:3`.
pub(super) fn unique_names(fields: &Fields) -> Vec<Arc<str>> {
    let own: HashSet<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let mut taken: HashSet<String> = HashSet::new();
    let mut names = Vec::with_capacity(fields.len());
    for field in fields {
        let mut name = field.name().clone();
        let mut number = 2_usize;
        while taken.contains(&name) || (name != *field.name() && own.contains(name.as_str())) {
            name = format!("{}:{number}", field.name());
            number = number.saturating_add(1);
        }
        taken.insert(name.clone());
        names.push(name.into());
    }
    names
}

pub(super) fn describe(fields: &Fields, names: &[Arc<str>]) -> Vec<Column> {
    let describe = |(field, name): (&Arc<arrow::datatypes::Field>, &Arc<str>)| Column {
        name: name.to_string(),
        kind: kind(field.data_type()),
        role: field.metadata().get(ROLE).cloned(),
    };
    fields.iter().zip(names).map(describe).collect()
}

/// A type in Arrow's words; of lists and structures without what is in them.
fn kind(data_type: &DataType) -> String {
    if data_type.is_nested() {
        let whole = format!("{data_type:?}");
        return whole.split('(').next().unwrap_or_default().to_owned();
    }
    format!("{data_type:?}")
}

#[derive(Deserialize)]
struct Mark {
    row: usize,
    /// The column's own name.
    column: String,
    /// Its index, which also tells columns of the same name apart.
    index: Option<usize>,
}

/// The withheld cells. A mark that points outside the result is an error, because a cell would then be
/// shown as a true NULL.
pub(super) fn withheld(schema: &Schema, names: &[Arc<str>], rows: usize) -> Result<Vec<Withheld>> {
    let Some(text) = schema.metadata().get(WITHHELD) else { return Ok(Vec::new()) };
    let marks: Vec<Mark> = serde_json::from_str(text)
        .map_err(|_| Error::Answer(format!("`{WITHHELD}` is not a list of rows and columns")))?;
    let cell = |mark: &Mark| {
        let index =
            mark.index.or_else(|| schema.fields().iter().position(|field| *field.name() == mark.column))?;
        let column = names.get(index).filter(|_| mark.row < rows)?;
        Some(Withheld { row: mark.row, column: column.to_string() })
    };
    let cells: Option<Vec<Withheld>> = marks.iter().map(cell).collect();
    cells.ok_or_else(|| Error::Answer(format!("`{WITHHELD}` names a cell that the result does not have")))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};

    use super::*;

    #[test]
    fn a_name_that_comes_again_is_numbered_and_never_taken_from_another() {
        let check = |names: &[&str], expected: &[&str]| {
            let fields: Fields = names.iter().map(|name| Field::new(*name, DataType::Null, true)).collect();
            let unique = unique_names(&fields);
            assert_eq!(unique.iter().map(|name| &**name).collect::<Vec<_>>(), expected);
        };
        check(&["n", "m"], &["n", "m"]);
        check(&["n", "n", "n"], &["n", "n:2", "n:3"]);
        check(&["n", "n", "n:2"], &["n", "n:3", "n:2"]);
    }
}
