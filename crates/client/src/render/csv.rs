//! Results as CSV (RFC 4180, lines end in LF): a withheld cell is `[withheld]`, NULL is empty.
//!
//! Text that a reader could take for something else is quoted: empty text (unlike NULL), the words
//! `[withheld]`, and text that begins like a formula. Numbers never are.

use std::collections::HashSet;

use super::text::escaped;
use super::{Look, facts};
use crate::{Cell, Document};

const WITHHELD: &str = "[withheld]";

/// The result with a header line. For a terminal, control characters are written out.
#[must_use]
pub fn csv(document: &Document, look: Look) -> String {
    let withheld: HashSet<(usize, &str)> =
        document.withheld.iter().map(|cell| (cell.row, cell.column.as_str())).collect();
    let mut out = String::new();
    let names: Vec<String> = document.columns.iter().map(|column| quoted(&column.name, look)).collect();
    push_line(&mut out, &names);
    for (index, row) in document.rows.iter().enumerate() {
        let field = |(name, cell): &(std::sync::Arc<str>, Cell)| {
            if withheld.contains(&(index, &**name)) { WITHHELD.to_owned() } else { field(cell, look) }
        };
        let fields: Vec<String> = row.0.iter().map(field).collect();
        push_line(&mut out, &fields);
    }
    out
}

/// The policy and the snapshot as comment lines.
#[must_use]
pub fn footer(document: &Document) -> String {
    facts(document).iter().map(|(name, fact)| format!("# {name}: {}\n", escaped(fact))).collect()
}

fn push_line(out: &mut String, fields: &[String]) {
    // An empty line would be skipped by readers.
    let line = if matches!(fields, [only] if only.is_empty()) { "\"\"".to_owned() } else { fields.join(",") };
    out.push_str(&line);
    out.push('\n');
}

fn field(cell: &Cell, look: Look) -> String {
    match cell {
        Cell::Null | Cell::Bool(_) | Cell::Number(_) => cell.to_string(),
        Cell::Text(text) => quoted(text, look),
        Cell::List(_) | Cell::Struct(_) => quoted(&cell.to_string(), look),
    }
}

fn quoted(text: &str, look: Look) -> String {
    let text = if look.terminal { escaped(text) } else { text.into() };
    let plain = !text.is_empty()
        && text != WITHHELD
        && !text.starts_with(['=', '+', '-', '@', '#', ' ', '\t'])
        && !text.ends_with([' ', '\t'])
        && !text.contains([',', '"', '\n', '\r']);
    if plain { text.into_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_where_it_could_be_misread() {
        let check = |text: &str, expected: &str| assert_eq!(quoted(text, Look::plain()), expected);
        check("F", "F");
        check("", "\"\"");
        check("[withheld]", "\"[withheld]\"");
        check("=1+1", "\"=1+1\"");
        check("-1", "\"-1\"");
        check("a,\"b\"\n", "\"a,\"\"b\"\"\n\"");
    }

    #[test]
    fn a_line_is_never_empty() {
        let mut out = String::new();
        push_line(&mut out, &[String::new()]);
        push_line(&mut out, &[String::new(), String::new()]);
        assert_eq!(out, "\"\"\n,\n");
    }
}
