//! What is asked of the project: a few statistics of each column, by ordinary jobs.
//!
//! Each answer is a release like any other: planned, checked, charged to the project, in its ledger and in the log.
//! So the twin stands on nothing that did not leave the enclave through the checkpoint. A column that may not be
//! asked for, or of which nothing was released, is drawn from the catalogue alone.

use sekisho_client::{Cell, Client, Document, Row, State, v1};
use serde::Serialize;

use crate::catalogue::{Catalogue, Kind, grain, step, subject};
use crate::{Error, Result};

/// The quantiles by which a quantity is described. The ends are left out: they are few people's.
const QUANTILES: [(&str, f64); 7] = [
    ("0.02", 0.02),
    ("0.1", 0.1),
    ("0.25", 0.25),
    ("0.5", 0.5),
    ("0.75", 0.75),
    ("0.9", 0.9),
    ("0.98", 0.98),
];

/// What was released of one table.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Records.
    pub(crate) rows: Option<u64>,
    /// People with a record.
    pub(crate) people: Option<u64>,
    /// Of each column, in the order of the catalogue.
    pub(crate) columns: Vec<Marginal>,
    /// All rows of a code table, which is public.
    pub(crate) codes: Vec<Vec<Option<String>>>,
}

/// What was released of a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Marginal {
    /// Values, and how many records have each; `None` is NULL.
    Labels(Vec<(Option<String>, u64)>),
    /// Nothing.
    Nothing,
    /// Values, each with the share of records below it, in ascending order; and the share without a value.
    Quantiles(Vec<(f64, f64)>, f64),
}

impl Marginal {
    /// How many records it counts, if it counts any.
    fn records(&self) -> Option<u64> {
        match self {
            Self::Labels(labels) => {
                Some(labels.iter().fold(0, |sum, (_, records)| records.saturating_add(sum)))
            }
            Self::Nothing | Self::Quantiles(..) => None,
        }
    }
}

/// A release that the twin was drawn from.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Source {
    job: Option<String>,
    /// SHA-256 of the result, as the receipt has it.
    release: Option<String>,
    sql: String,
}

/// Asks, one job after the other.
pub(crate) struct Asker<'a> {
    client: &'a Client,
    project: String,
    /// Whether results of this project wait for a checker: then no more are asked for.
    held: bool,
    told: &'a mut dyn FnMut(&str),
    pub(crate) sources: Vec<Source>,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(client: &'a Client, project: &str, told: &'a mut dyn FnMut(&str)) -> Self {
        Self { client, project: project.to_owned(), held: false, told, sources: Vec::new() }
    }

    /// Asks for everything that the tables are drawn from.
    pub(crate) async fn tables(&mut self, catalogue: &Catalogue) -> Result<Vec<Known>> {
        let mut tables = Vec::new();
        for table in &catalogue.answer.tables {
            (self.told)(&format!("asking for statistics of `{}`", table.name));
            tables.push(if table.personal {
                self.records(table, catalogue).await?
            } else {
                self.codes(table).await?
            });
        }
        Ok(tables)
    }

    async fn records(&mut self, table: &v1::Table, catalogue: &Catalogue) -> Result<Known> {
        let mut known = Known::default();
        if let Some(subject) = subject(table) {
            let sql = format!(
                "SELECT COUNT(*) AS records, COUNT(DISTINCT \"{}\") AS people FROM \"{}\"",
                subject.name, table.name
            );
            if let Some(answer) = self.ask(sql).await? {
                let counted = |index| answer.rows.first().and_then(|row| count(row, index));
                (known.rows, known.people) = (counted(0), counted(1));
            }
        }
        for column in &table.columns {
            let marginal = match question(table, column, catalogue) {
                Some(Question::Labels(sql)) => self.ask(sql).await?.map(|answer| labels(&answer)),
                Some(Question::Quantiles(sql)) => self.ask(sql).await?.map(|answer| quantiles(&answer)),
                None => None,
            };
            known.columns.push(marginal.unwrap_or(Marginal::Nothing));
        }
        // Where all have as many records but few, the number of records is withheld beside that of people.
        known.rows = known.rows.or_else(|| known.columns.iter().filter_map(Marginal::records).max());
        Ok(known)
    }

    /// The rows of a code table. They are nobody's, so they are shown as they are.
    async fn codes(&mut self, table: &v1::Table) -> Result<Known> {
        let columns: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
        let sql = format!("SELECT {} FROM {}", columns.join(", "), quoted(&table.name));
        let rows = self.ask(sql).await?.map(|answer| answer.rows).unwrap_or_default();
        let codes = rows.iter().map(|Row(cells)| cells.iter().map(|(_, cell)| text(cell)).collect());
        Ok(Known { codes: codes.collect(), ..Known::default() })
    }

    /// The answer, if it was released.
    async fn ask(&mut self, sql: String) -> Result<Option<Document>> {
        if self.held {
            return Ok(None);
        }
        let document = match self.client.sql(&self.project, &sql).await {
            Ok(outcome) => Document::of_outcome(&outcome)?,
            Err(sekisho_client::Error::Refused(_)) => return Ok(None),
            Err(error) => return Err(Error::Call(error)),
        };
        match document.state {
            State::Released => {
                let release = document.receipt.as_ref().map(|receipt| receipt.release.clone());
                self.sources.push(Source { job: document.job.clone(), release, sql });
                Ok(Some(document))
            }
            State::Held => {
                (self.told)(
                    "results of this project wait for a checker: the twin is drawn from the catalogue",
                );
                self.held = true;
                Ok(None)
            }
            State::Allowed
            | State::Cancelled
            | State::Checking
            | State::Failed
            | State::Queued
            | State::Refused
            | State::Running => Ok(None),
        }
    }
}

/// How a column is asked for.
#[derive(Debug, Eq, PartialEq)]
enum Question {
    Labels(String),
    Quantiles(String),
}

/// What is asked of a column; nothing where its values are nobody's business, or its step is not known.
fn question(table: &v1::Table, column: &v1::Column, catalogue: &Catalogue) -> Option<Question> {
    if matches!(column.class.as_str(), "subject" | "identifier" | "unit") {
        return None;
    }
    let isolating = step(column);
    if isolating == Some(None) {
        return None;
    }
    let name = quoted(&column.name);
    let grouped = |key: &str| {
        let from = quoted(&table.name);
        Question::Labels(format!("SELECT {key} AS label, COUNT(*) AS records FROM {from} GROUP BY {key}"))
    };
    let counted = column.class == "dimension" && isolating.is_none();
    Some(match Kind::of(column)? {
        Kind::Boolean | Kind::Text => grouped(&name),
        Kind::Date | Kind::Timestamp => {
            let grain = grain(column, &catalogue.profile);
            grouped(&format!("date_trunc('{}', {name})", grain.name()))
        }
        Kind::Integer if counted => grouped(&name),
        Kind::Decimal(..) | Kind::Double | Kind::Integer => {
            let quantile =
                |(share, _): &(&str, f64)| format!("percentile_cont({share}) WITHIN GROUP (ORDER BY {name})");
            let quantiles: Vec<String> = QUANTILES.iter().map(quantile).collect();
            let (quantiles, from) = (quantiles.join(", "), quoted(&table.name));
            Question::Quantiles(format!("SELECT COUNT(*), COUNT({name}), {quantiles} FROM {from}"))
        }
        Kind::Id => return None,
    })
}

fn labels(answer: &Document) -> Marginal {
    let label = |row: &Row| {
        let records = count(row, 1)?;
        Some((row.0.first().and_then(|(_, cell)| text(cell)), records))
    };
    Marginal::Labels(answer.rows.iter().filter_map(label).filter(|(_, records)| *records > 0).collect())
}

fn quantiles(answer: &Document) -> Marginal {
    let Some(row) = answer.rows.first() else { return Marginal::Nothing };
    let value = |(index, (_, share)): (usize, &(&str, f64))| Some((*share, number(row, index)?));
    let mut ends: Vec<(f64, f64)> = (2..).zip(&QUANTILES).filter_map(value).collect();
    // Each is rounded by itself.
    ends.sort_by(|one, other| one.1.total_cmp(&other.1));
    let shares: Vec<f64> = ends.iter().map(|(share, _)| *share).collect();
    if ends.is_empty() || !shares.is_sorted() {
        return Marginal::Nothing;
    }
    let missing = match (number(row, 0), number(row, 1)) {
        (Some(all), Some(present)) if all > 0.0 => (1.0 - present / all).clamp(0.0, 1.0),
        _ => 0.0,
    };
    Marginal::Quantiles(ends, missing)
}

/// The number in a column of a row; `None` where it is withheld.
fn number(Row(cells): &Row, index: usize) -> Option<f64> {
    cells.get(index).and_then(|(_, cell)| text(cell))?.parse().ok().filter(|number: &f64| number.is_finite())
}

fn count(Row(cells): &Row, index: usize) -> Option<u64> {
    cells.get(index).and_then(|(_, cell)| text(cell))?.parse().ok()
}

/// A value as CSV writes it; `None` is NULL.
fn text(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Null => None,
        Cell::Bool(_) | Cell::List(_) | Cell::Number(_) | Cell::Struct(_) | Cell::Text(_) => {
            Some(cell.to_string())
        }
    }
}

/// A name as SQL quotes it. Names of the catalogue hold letters, digits and `_`.
fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
