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

#[cfg(test)]
mod tests {
    use sekisho_disclosure::Profiles;
    use sekisho_model::{ColumnClass, GeographyLevel, Isolating, Step};

    use super::*;

    fn column(name: &str, kind: &str, class: &str) -> v1::Column {
        let (name, r#type, class) = (name.to_owned(), kind.to_owned(), class.to_owned());
        v1::Column { name, r#type, class, ..v1::Column::default() }
    }

    fn stepped(step: &str, column: v1::Column) -> v1::Column {
        v1::Column { isolating: Some(v1::Isolating { step: step.to_owned(), declared: false }), ..column }
    }

    fn catalogue() -> Catalogue {
        let place = v1::Column {
            geography: "municipality".to_owned(),
            population: "places.inhabitants".to_owned(),
            ..column("place", "text", "dimension")
        };
        let gone =
            v1::Column { population: "gone.inhabitants".to_owned(), ..column("gone", "text", "dimension") };
        let stay = v1::Column { unit: "institution".to_owned(), ..column("clinic", "text", "unit") };
        let code = v1::Column { code: true, sensitive: true, ..column("icd10", "integer", "dimension") };
        let visits = vec![
            column("patient_id", "id", "subject"),
            column("doctor", "text", "identifier"),
            v1::Column { values: vec!["true".to_owned()], ..column("urgent", "boolean", "dimension") },
            stepped("0.5", column("cost", "decimal(9,2)", "measure")),
            stepped("", column("level", "double", "measure")),
            stepped("day", column("seen_at", "timestamp", "date")),
            stepped("month", column("born", "date", "date")),
            column("days", "integer", "measure"),
            place,
            gone,
            stay,
            code,
        ];
        let places = vec![column("name", "text", "dimension"), column("inhabitants", "integer", "measure")];
        let table = |name: &str, personal, columns| v1::Table {
            name: name.to_owned(),
            personal,
            columns,
            ..v1::Table::default()
        };
        let project =
            v1::Project { name: "projects/p".to_owned(), dataset: "d".to_owned(), ..v1::Project::default() };
        let profile = Profiles::built_in().unwrap().get("japan-rwd").unwrap().to_toml().unwrap();
        let tables = vec![
            table("visits", true, visits),
            table("places", false, places),
            table("keyless", false, vec![column("name", "text", "dimension")]),
        ];
        let project = Some(project);
        Catalogue::read(v1::Catalog { project, tables, profile_toml: profile, ..v1::Catalog::default() })
            .unwrap()
    }

    #[test]
    fn the_vault_reads_what_the_catalogue_says() {
        let catalogue = catalogue();
        let codes = |rows: &[&str]| Known {
            codes: rows
                .iter()
                .map(|row| row.split(',').map(|value| Some(value.to_owned())).collect())
                .collect(),
            ..Known::default()
        };
        let tables = [Known::default(), codes(&["north,7", "south,7"]), codes(&["twice", "twice"])];
        let text = text(&catalogue, &tables).unwrap();
        let read = sekisho_vault::Manifest::parse(&text, "manifest.toml".as_ref()).unwrap().catalogue();
        // A code table without a key cannot be taken in.
        assert_eq!(
            read.tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(),
            ["visits", "places"]
        );
        let visits = read.table("visits").unwrap();
        let isolating = |name: &str| visits.column(name).unwrap().isolating;
        let number = Step::number("0.5").map(Isolating::Declared);
        assert_eq!((isolating("cost"), isolating("level")), (number, Some(Isolating::Unknown)));
        assert_eq!(isolating("born"), Step::date("month").map(Isolating::Declared));
        assert_eq!(isolating("seen_at"), Step::date("day").map(Isolating::Declared));
        assert_eq!((isolating("days"), isolating("place")), (None, None));
        let place = visits.column("place").unwrap();
        assert_eq!(place.geography, Some(GeographyLevel::Municipality));
        let population = place.population.as_ref().map(|at| (at.key.as_str(), at.column.as_str()));
        assert_eq!(population, Some(("name", "inhabitants")));
        assert_eq!(visits.column("gone").unwrap().population, None);
        let unit = ColumnClass::Unit { kind: "institution".to_owned() };
        assert_eq!(visits.column("clinic").unwrap().class, unit);
        assert_eq!(visits.column("doctor").unwrap().class, ColumnClass::Identifier);
        let code = visits.column("icd10").unwrap();
        assert!(code.code && code.sensitive);
        assert_eq!(visits.column("urgent").unwrap().values, Some(vec!["true".to_owned()]));
    }
}
