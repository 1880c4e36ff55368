//! A result as a table.

use std::collections::HashSet;

use super::{Grid, Look};
use crate::{Cell, Document, Statement};

/// How an instant at the beginning of a day ends.
const MIDNIGHT: &str = "T00:00:00";

/// The result as a table, or those of several statements, each under its name; without columns it is empty text.
#[must_use]
pub fn table(document: &Document, look: Look) -> String {
    if !document.statements.is_empty() {
        let headed = |statement: &Statement| {
            let name = look.painted("1", &statement.name);
            format!("{name}\n{}", table(&document.alone(statement), look))
        };
        return document.statements.iter().map(headed).collect::<Vec<_>>().join("\n");
    }
    if document.columns.is_empty() {
        return String::new();
    }
    let withheld: HashSet<(usize, &str)> =
        document.withheld.iter().map(|cell| (cell.row, cell.column.as_str())).collect();
    let names: Vec<&str> = document.columns.iter().map(|column| column.name.as_str()).collect();
    let mut grid = Grid::new(&names);
    for (index, column) in document.columns.iter().enumerate() {
        if ["Int", "UInt", "Float", "Decimal"].iter().any(|kind| is_kind(&column.kind, kind)) {
            grid.numbers_in(index);
        }
    }
    let days: Vec<bool> = (0..document.columns.len()).map(|column| holds_days(document, column)).collect();
    for (index, row) in document.rows.iter().enumerate() {
        grid.push(row.0.iter().zip(&days).map(|((name, cell), days)| match cell {
            Cell::Null if withheld.contains(&(index, &**name)) => look.withheld().to_owned(),
            Cell::Null => "NULL".to_owned(),
            Cell::Text(text) if *days => text.trim_end_matches(MIDNIGHT).to_owned(),
            Cell::Bool(_) | Cell::Number(_) | Cell::Text(_) | Cell::List(_) | Cell::Struct(_) => {
                cell.to_string()
            }
        }));
    }
    grid.shown(look)
}

/// Whether each instant of a column is the beginning of a day: what `date_trunc` gives is a date to people.
fn holds_days(document: &Document, column: usize) -> bool {
    let instants = document.columns.get(column).is_some_and(|column| column.kind.starts_with("Timestamp("));
    let is_day = |cell: &Cell| match cell {
        Cell::Null => true,
        Cell::Text(text) => text.ends_with(MIDNIGHT),
        Cell::Bool(_) | Cell::List(_) | Cell::Number(_) | Cell::Struct(_) => false,
    };
    instants && document.rows.iter().filter_map(|row| row.0.get(column)).all(|(_, cell)| is_day(cell))
}

/// Whether a type is of this kind at any width, such as `Int64` of `Int`; `Interval` is not.
fn is_kind(name: &str, kind: &str) -> bool {
    name.strip_prefix(kind).is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()))
}
