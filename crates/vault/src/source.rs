//! What the rows of an operator's source file say, as text, one row at a time.
//!
//! No error of this module holds anything of a row, or a header that the manifest does not name:
//! a file without a header line has a record in its place.

mod csv;
mod parquet;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::manifest::{ColumnSource, Fate, TableSource};
use crate::{Error, Result};

/// The formats of source files, told apart by the name's end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    Csv,
    CsvGz,
    Parquet,
}

impl Format {
    /// The format of a file with this name.
    pub(crate) fn of(file: &Path) -> Option<Self> {
        let name = file.file_name()?.to_str()?.to_ascii_lowercase();
        if name.ends_with(".csv") {
            Some(Self::Csv)
        } else if name.ends_with(".csv.gz") {
            Some(Self::CsvGz)
        } else if name.ends_with(".parquet") {
            Some(Self::Parquet)
        } else {
            None
        }
    }
}

/// An open source file.
pub(crate) struct Rows {
    file: PathBuf,
    kind: Kind,
}

enum Kind {
    Csv(csv::Rows),
    Parquet(parquet::Rows),
}

impl Rows {
    /// Opens a source file and checks that its columns are those that the manifest names.
    pub(crate) fn open(file: &Path, table: &TableSource) -> Result<Self> {
        let kind = match Format::of(file) {
            Some(Format::Parquet) => Kind::Parquet(parquet::Rows::open(file, table)?),
            Some(Format::CsvGz) => Kind::Csv(csv::Rows::open(file, csv::Packing::Gzip, table)?),
            Some(Format::Csv) => Kind::Csv(csv::Rows::open(file, csv::Packing::Plain, table)?),
            None => return Err(Error::Internal { what: "a source file's format was not checked" }),
        };
        Ok(Self { file: file.to_owned(), kind })
    }

    /// Goes to the next row; false at the end of the file.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        match &mut self.kind {
            Kind::Csv(rows) => rows.advance(),
            Kind::Parquet(rows) => rows.advance(),
        }
    }

    /// The present row's field for the n-th kept column; `None` is NULL. Fails with what was
    /// expected.
    pub(crate) fn field(&self, index: usize) -> Result<Option<&str>, &'static str> {
        match &self.kind {
            Kind::Csv(rows) => rows.field(index),
            Kind::Parquet(rows) => Ok(rows.field(index)),
        }
    }

    /// That the present row does not fit.
    pub(crate) fn bad_row(&self, column: Option<&str>, expected: impl Into<String>) -> Error {
        let place = match &self.kind {
            Kind::Csv(rows) => rows.place(),
            Kind::Parquet(rows) => rows.place(),
        };
        let column = column.map(str::to_owned);
        Error::BadRow { file: self.file.clone(), place, column, expected: expected.into() }
    }
}

/// Where the kept columns of a table stand among a file's headers.
fn positions<'a>(
    file: &Path,
    table: &TableSource,
    headers: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<usize>> {
    let source = |problem: String| Error::Source { file: file.to_owned(), problem };
    let named: HashMap<&[u8], &ColumnSource> =
        table.columns.iter().map(|column| (column.header.as_bytes(), column)).collect();
    let mut found: HashMap<&str, usize> = HashMap::new();
    let mut unnamed = None;
    for (position, header) in headers.enumerate() {
        let Some(column) = named.get(header) else {
            unnamed.get_or_insert((position + 1, header.iter().any(|byte| b";\t|".contains(byte))));
            continue;
        };
        if found.insert(&column.name, position).is_some() {
            return Err(source(format!("has two columns with the header `{}`", column.header)));
        }
    }
    if let Some((number, separated)) = unnamed {
        return Err(source(unknown_column(table, &found, number, separated)));
    }
    let mut kept = Vec::new();
    for column in &table.columns {
        let position = found.get(column.name.as_str()).copied();
        let Some(position) = position else {
            return Err(source(format!(
                "has no column with the header `{}`; correct the header or the manifest",
                column.header
            )));
        };
        if !matches!(column.fate, Fate::Drop) {
            kept.push(position);
        }
    }
    Ok(kept)
}

/// What is wrong with a column that the manifest does not name, and which of its own the file lacks: of the two,
/// one may be the other's misspelling. Only names of the manifest are told.
fn unknown_column(
    table: &TableSource,
    found: &HashMap<&str, usize>,
    number: usize,
    separated: bool,
) -> String {
    if separated {
        return format!(
            "has a column that the manifest does not name (column {number}), with a `;`, a `|` or a tab in its \
             header; separate the columns by commas"
        );
    }
    let lacking = table.columns.iter().filter(|column| !found.contains_key(column.name.as_str()));
    let lacking: Vec<String> = lacking.map(|column| format!("`{}`", column.header)).collect();
    let lacking = match lacking.as_slice() {
        [] => String::new(),
        names => format!(", and lacks {}, which it names", names.join(", ")),
    };
    format!(
        "has a column that the manifest does not name (column {number}){lacking}; name it there (class \
         \"free-text\" leaves it out), and check that the file begins with a header line"
    )
}
