//! What the operator says about a dataset: its tables, their files, and what each column means.
//!
//! A manifest is a TOML file. Whatever it does not know is an error, in the manifest (an unknown
//! key) as in the data (a column that it does not name). An empty field is NULL. All of it, by
//! example:
//!
//! ```toml
#![doc = include_str!("../example.toml")]
//! ```

mod check;
mod document;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use sekisho_model::{
    Column, ColumnClass, ColumnType, Dataset, DatasetId, GeographyLevel, Isolating, Population, Step, Table,
    TableKind,
};

use crate::{Error, Result};

/// A manifest that was found to be sound.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The dataset's name.
    pub dataset: DatasetId,
    /// One line for people.
    pub title: String,
    /// More lines for people; may be empty.
    pub description: String,
    /// Where the data came from.
    pub source: String,
    /// Under what terms it may be used.
    pub licence: String,
    /// What becomes of the subjects' ids.
    pub pseudonym: Pseudonym,
    pub(crate) tables: Vec<TableSource>,
}

/// What becomes of the ids of data subjects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pseudonym {
    /// They are replaced by a keyed digest (HMAC-SHA-256).
    Hmac,
    /// They are pseudonyms already and are kept, encrypted, in the registry.
    Keep,
}

/// A table and where its rows come from.
#[derive(Clone, Debug)]
pub(crate) struct TableSource {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) kind: TableKind,
    /// Column of a code table whose values occur once each.
    pub(crate) key: Option<String>,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) columns: Vec<ColumnSource>,
}

/// A column of a source file and what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct ColumnSource {
    pub(crate) name: String,
    /// The column's name in the file.
    pub(crate) header: String,
    pub(crate) description: String,
    pub(crate) fate: Fate,
}

/// What becomes of a column at ingest.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a manifest has a few dozen columns")]
pub(crate) enum Fate {
    /// It is left out.
    Drop,
    /// It becomes a keyed pseudonym.
    Pseudonym,
    /// It becomes the dense id.
    Subject,
    /// It is kept.
    Value { class: ColumnClass, data_type: ColumnType, domain: Option<Domain>, declared: Declared },
}

/// What is declared of a column's values beside their type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Declared {
    /// Whether single values could single people out; found at ingest where it is not declared.
    pub(crate) isolating: Option<bool>,
    /// By what the values may be cut, if they are isolating; found at ingest where not declared.
    pub(crate) step: Option<Step>,
    pub(crate) sensitive: bool,
    pub(crate) code: bool,
    pub(crate) geography: Option<GeographyLevel>,
    pub(crate) population: Option<Population>,
}

/// The declared values of a column, in the order of the manifest.
#[derive(Clone, Debug)]
pub(crate) struct Domain {
    pub(crate) listed: Vec<String>,
    pub(crate) set: HashSet<String>,
}

impl Manifest {
    /// Reads a manifest; its source files are looked for beside it.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] or [`Error::Manifest`], which names the line and the cure.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Unreadable { file: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// A manifest from its text, as if it stood at `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Manifest`], which names the line and the cure.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let manifest = toml::from_str(text)
            .map_err(|error| (error.span(), error.message().to_owned()))
            .and_then(|document| {
                let folder = path.parent().unwrap_or(Path::new(""));
                check::manifest(document, folder).map_err(|problem| (Some(problem.span), problem.text))
            });
        manifest.map_err(|(span, problem)| {
            let start = span.map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
            // The parser's own messages may run over several lines.
            let problem = problem.trim().replace('\n', "; ");
            Error::Manifest { file: path.to_owned(), line, problem }
        })
    }

    /// The dataset as the catalogue will show it: without what is left out at ingest. Of isolating
    /// columns it knows what is declared, and not what only the records tell.
    #[must_use]
    pub fn catalogue(&self) -> Dataset {
        let tables: Vec<Table> = self.tables.iter().map(TableSource::catalogue).collect();
        let columns = tables.iter().flat_map(|table| &table.columns);
        let units: BTreeSet<&String> = columns.filter_map(|column| unit_kind(&column.class)).collect();
        let units = units.into_iter().cloned().collect();
        Dataset { id: self.dataset.clone(), title: self.title.clone(), units, tables }
    }
}

impl TableSource {
    /// The table as the catalogue shows it.
    pub(crate) fn catalogue(&self) -> Table {
        Table {
            name: self.name.clone(),
            description: self.description.clone(),
            kind: self.kind,
            columns: self.columns.iter().filter_map(ColumnSource::catalogue).collect(),
        }
    }
}

impl ColumnSource {
    fn catalogue(&self) -> Option<Column> {
        let (class, data_type, values, declared) = match &self.fate {
            Fate::Drop => return None,
            Fate::Pseudonym => (ColumnClass::Identifier, ColumnType::Text, None, Declared::default()),
            Fate::Subject => (ColumnClass::Subject, ColumnType::DenseId, None, Declared::default()),
            Fate::Value { class, data_type, domain, declared } => {
                let values = domain.as_ref().map(|domain| domain.listed.clone());
                (class.clone(), *data_type, values, declared.clone())
            }
        };
        let (name, description) = (self.name.clone(), self.description.clone());
        let isolating = (declared.isolating == Some(true))
            .then(|| declared.step.map_or(Isolating::Unknown, Isolating::Declared));
        let Declared { sensitive, code, geography, population, .. } = declared;
        Some(Column {
            name,
            description,
            class,
            data_type,
            values,
            isolating,
            sensitive,
            code,
            geography,
            population,
        })
    }
}

fn unit_kind(class: &ColumnClass) -> Option<&String> {
    match class {
        ColumnClass::Unit { kind } => Some(kind),
        ColumnClass::Date
        | ColumnClass::Dimension
        | ColumnClass::Identifier
        | ColumnClass::Measure
        | ColumnClass::Subject => None,
    }
}
