//! The manifest of a twin: the catalogue's tables and columns, as the vault reads them.
//!
//! What the enclave found of its records (which columns are isolating, and by what step they may be cut) is
//! declared, so that the twin's own records do not decide about it.

use sekisho_client::v1;
use serde::Serialize;

use crate::ask::Known;
use crate::catalogue::{Catalogue, Kind};
use crate::{Error, Result};

#[derive(Serialize)]
struct Manifest<'a> {
    dataset: &'a str,
    title: String,
    description: &'a str,
    source: String,
    licence: &'a str,
    pseudonym: &'a str,
    #[serde(rename = "table")]
    tables: Vec<Table<'a>>,
}

#[derive(Serialize)]
struct Table<'a> {
    name: &'a str,
    description: &'a str,
    kind: &'a str,
    file: String,
    key: Option<&'a str>,
    #[serde(rename = "column")]
    columns: Vec<Column<'a>>,
}

#[derive(Default, Serialize)]
struct Column<'a> {
    name: &'a str,
    description: &'a str,
    class: &'a str,
    kind: Option<&'a str>,
    #[serde(rename = "type")]
    data_type: Option<&'a str>,
    values: Option<&'a [String]>,
    isolating: Option<bool>,
    step: Option<&'a str>,
    sensitive: Option<bool>,
    code: Option<bool>,
    geography: Option<&'a str>,
    population: Option<&'a str>,
}

/// What every twin says of itself, in its manifest and wherever its numbers are shown.
pub(crate) const SYNTHETIC: &str = "Synthetic: no record of it is anybody's. Each column is drawn by itself, so that \
                                    no relation between columns is that of the records; it shows what the checkpoint \
                                    would do, and is no data to learn from.";

/// The manifest as TOML.
pub(crate) fn text(catalogue: &Catalogue, tables: &[Known]) -> Result<String> {
    let Some(project) = &catalogue.answer.project else {
        return Err(Error::Catalogue("it names no project".to_owned()));
    };
    let pairs = catalogue.answer.tables.iter().zip(tables);
    let tables: Vec<Table<'_>> = pairs.filter_map(|(table, known)| described(table, known)).collect();
    let manifest = Manifest {
        dataset: &project.dataset,
        title: format!("Twin of project {}: synthetic, nobody's records", catalogue.project()),
        description: SYNTHETIC,
        source: format!(
            "Drawn from releases to project {} of {}",
            catalogue.project(),
            catalogue.answer.snapshot
        ),
        licence: "As the releases that it was drawn from",
        pseudonym: "keep",
        tables: resolved(tables),
    };
    toml::to_string(&manifest).map_err(|_| Error::Internal("the manifest of a twin has no text"))
}

/// Whether a table of the catalogue is part of the twin: a code table whose codes are not known cannot be.
pub(crate) fn is_there(table: &v1::Table, known: &Known) -> bool {
    described(table, known).is_some()
}

/// The file of a table.
pub(crate) fn file(table: &v1::Table) -> String {
    format!("{}.csv", table.name)
}

fn described<'a>(table: &'a v1::Table, known: &Known) -> Option<Table<'a>> {
    let key = if table.personal { None } else { Some(key(table, known)?) };
    let column = |column: &'a v1::Column| described_column(column, table.personal);
    Some(Table {
        name: &table.name,
        description: &table.description,
        kind: if table.personal { "subject" } else { "code" },
        file: file(table),
        key,
        columns: table.columns.iter().map(column).collect(),
    })
}

/// The column of a code table whose values occur once each; the catalogue does not say which it is.
fn key<'a>(table: &'a v1::Table, known: &Known) -> Option<&'a str> {
    let unique = |index: usize| {
        let mut values: Vec<_> =
            known.codes.iter().map(|row| row.get(index).and_then(Option::as_ref)).collect();
        values.sort_unstable();
        values.iter().all(Option::is_some) && values.windows(2).all(|pair| pair.first() != pair.last())
    };
    let names = |column: &v1::Column| matches!(Kind::of(column), Some(Kind::Integer | Kind::Text));
    let mut columns = table.columns.iter().enumerate();
    columns.find(|(index, column)| names(column) && unique(*index)).map(|(_, column)| column.name.as_str())
}

fn described_column(column: &v1::Column, personal: bool) -> Column<'_> {
    let v1::Column { name, description, class, .. } = column;
    let base =
        Column { name, description, class, geography: present(&column.geography), ..Column::default() };
    let data_type = Some(column.r#type.as_str());
    let values = (!column.values.is_empty()).then_some(column.values.as_slice());
    match class.as_str() {
        "identifier" | "subject" => Column { geography: None, ..base },
        "unit" => Column { kind: present(&column.unit), data_type, values, ..base },
        _ if !personal => Column { data_type, values, ..base },
        _ => {
            let isolating = column.isolating.as_ref();
            let measured = match Kind::of(column) {
                Some(Kind::Decimal(..) | Kind::Double | Kind::Integer | Kind::Timestamp) => !column.code,
                Some(Kind::Boolean | Kind::Date | Kind::Id | Kind::Text) | None => false,
            };
            Column {
                data_type,
                values,
                isolating: isolating.map(|_| true).or(measured.then_some(false)),
                step: isolating.and_then(|isolating| present(&isolating.step)),
                sensitive: column.sensitive.then_some(true),
                code: column.code.then_some(true),
                population: present(&column.population),
                ..base
            }
        }
    }
}

/// The tables without populations that they do not have.
fn resolved(mut tables: Vec<Table<'_>>) -> Vec<Table<'_>> {
    let codes = tables.iter().filter(|table| table.key.is_some());
    let there: Vec<String> = codes
        .flat_map(|table| table.columns.iter().map(|column| format!("{}.{}", table.name, column.name)))
        .collect();
    for column in tables.iter_mut().flat_map(|table| &mut table.columns) {
        column.population = column.population.filter(|at| there.iter().any(|known| known == at));
    }
    tables
}

fn present(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
