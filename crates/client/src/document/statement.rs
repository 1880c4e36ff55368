//! The results of a release, one for each statement, as they stand in its bytes.

use std::io::Cursor;

use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use sekisho_wire::schema::{GROUPS_MAY_BE_ABSENT, STATEMENT};
use sekisho_wire::v1;
use serde::Serialize;

use super::{Column, Cost, Document, Problem, Row, Withheld, cell, columns};
use crate::study::is_name;
use crate::{Error, Result};

/// One statement among several: its result, or what a check found of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Statement {
    /// Its name.
    pub name: String,
    /// The columns of its result.
    pub columns: Vec<Column>,
    /// The rows of its result.
    pub rows: Vec<Row>,
    /// The cells that the checkpoint withheld; they are `null` in `rows`.
    pub withheld: Vec<Withheld>,
    /// As in the document, of this statement.
    pub groups_may_be_absent: bool,
    /// What it would cost of each attribute; only of a check, and only there among the keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub costs: Vec<Cost>,
    /// Why it would be refused; only of a check, and only there among the keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

impl Statement {
    pub(super) fn of_check(checked: &v1::CheckedStatement) -> Self {
        Self {
            name: checked.name.clone(),
            costs: checked.costs.iter().map(Cost::of_answer).collect(),
            error: checked.problem.as_ref().map(Problem::of_answer),
            ..Self::default()
        }
    }
}

impl Document {
    /// The document as it would be if a statement of it had been the only one.
    #[must_use]
    pub fn alone(&self, statement: &Statement) -> Self {
        let Statement { name: _, columns, rows, withheld, groups_may_be_absent, costs: _, error: _ } =
            statement;
        Self {
            job: self.job.clone(),
            snapshot: self.snapshot.clone(),
            columns: columns.clone(),
            rows: rows.clone(),
            withheld: withheld.clone(),
            groups_may_be_absent: *groups_may_be_absent,
            policy: self.policy.clone(),
            receipt: self.receipt.clone(),
            ..Self::empty(self.state)
        }
    }

    /// Takes up the result of each statement, or the only one.
    pub(super) fn take_results(&mut self, arrow: &[u8]) -> Result<()> {
        let mut results = streams(arrow)?.into_iter().map(result).collect::<Result<Vec<_>>>()?;
        self.groups_may_be_absent = results.iter().any(|(_, result)| result.groups_may_be_absent);
        if let [(None, result)] = results.as_mut_slice() {
            let Statement { columns, rows, withheld, .. } = std::mem::take(result);
            (self.columns, self.rows, self.withheld) = (columns, rows, withheld);
            return Ok(());
        }
        let named = |(name, result): (Option<String>, Statement)| {
            // It may become the name of a file.
            let name = name.filter(|name| is_name(name));
            let name = name.ok_or_else(|| Error::Answer("a result of several has no name".to_owned()))?;
            Ok(Statement { name, ..result })
        };
        self.statements = results.into_iter().map(named).collect::<Result<_>>()?;
        Ok(())
    }
}

/// The Arrow IPC streams of a result, one for each statement.
///
/// # Errors
///
/// [`Error::Answer`] if the bytes are no such streams.
pub fn streams(arrow: &[u8]) -> Result<Vec<&[u8]>> {
    let mut streams = Vec::new();
    let mut rest = arrow;
    while streams.is_empty() || !rest.is_empty() {
        let mut cursor = Cursor::new(rest);
        let reader = StreamReader::try_new(&mut cursor, None).map_err(unreadable)?;
        for batch in reader {
            batch.map_err(unreadable)?;
        }
        let length = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        let ends = || Error::Answer("not an Arrow stream: it ends early".to_owned());
        let (stream, others) = rest.split_at_checked(length).ok_or_else(ends)?;
        streams.push(stream);
        rest = others;
    }
    Ok(streams)
}

/// One result, and the name of its statement.
fn result(stream: &[u8]) -> Result<(Option<String>, Statement)> {
    let reader = StreamReader::try_new(stream, None).map_err(unreadable)?;
    let schema = reader.schema();
    let names = columns::unique_names(schema.fields());
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(unreadable)?;
        let readers = batch.columns().iter().map(cell::reader).collect::<Result<Vec<_>>>()?;
        for index in 0..batch.num_rows() {
            let cells = names.iter().cloned().zip(readers.iter().map(|read| read(index))).collect();
            rows.push(Row(cells));
        }
    }
    let metadata = |key: &str| schema.metadata().get(key);
    let result = Statement {
        columns: columns::describe(schema.fields(), &names),
        withheld: columns::withheld(&schema, &names, rows.len())?,
        rows,
        groups_may_be_absent: metadata(GROUPS_MAY_BE_ABSENT).is_some_and(|text| text == "true"),
        ..Statement::default()
    };
    Ok((metadata(STATEMENT).cloned(), result))
}

fn unreadable(error: ArrowError) -> Error {
    Error::Answer(format!("not an Arrow stream: {error}"))
}
