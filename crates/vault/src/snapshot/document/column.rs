//! How a column is stored in a snapshot's manifest.

use sekisho_model::{
    Column, ColumnClass, ColumnType, GeographyLevel, Isolating, Population, Step, TableKind,
};
use serde::{Deserialize, Serialize};

use crate::ingest::measurable;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnRow {
    name: String,
    description: String,
    class: ClassRow,
    data_type: TypeRow,
    values: Option<Vec<String>>,
    /// Not in snapshots of format 1.
    #[serde(default)]
    isolating: Option<IsolatingRow>,
    #[serde(default)]
    sensitive: bool,
    #[serde(default)]
    code: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    geography: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    population: Option<PopulationRow>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PopulationRow {
    table: String,
    key: String,
    column: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum ClassRow {
    Date,
    Dimension,
    Identifier,
    Measure,
    Subject,
    Unit { kind: String },
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum TypeRow {
    Boolean,
    Date,
    Decimal { precision: u8, scale: u8 },
    DenseId,
    Double,
    Integer,
    Text,
    Timestamp,
}

/// Steps are texts, so that no number of JSON rounds them.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum IsolatingRow {
    Declared { step: String },
    Found { step: String },
    No,
    Unknown,
}

impl ColumnRow {
    /// Whether it says if the column is isolating, as format 2 does and format 1 does not.
    pub(super) fn of_format_2(&self) -> bool {
        self.isolating.is_some()
    }
}

pub(super) fn column_row(column: &Column) -> ColumnRow {
    ColumnRow {
        name: column.name.clone(),
        description: column.description.clone(),
        class: match &column.class {
            ColumnClass::Date => ClassRow::Date,
            ColumnClass::Dimension => ClassRow::Dimension,
            ColumnClass::Identifier => ClassRow::Identifier,
            ColumnClass::Measure => ClassRow::Measure,
            ColumnClass::Subject => ClassRow::Subject,
            ColumnClass::Unit { kind } => ClassRow::Unit { kind: kind.clone() },
        },
        data_type: match column.data_type {
            ColumnType::Boolean => TypeRow::Boolean,
            ColumnType::Date => TypeRow::Date,
            ColumnType::Decimal { precision, scale } => TypeRow::Decimal { precision, scale },
            ColumnType::DenseId => TypeRow::DenseId,
            ColumnType::Double => TypeRow::Double,
            ColumnType::Integer => TypeRow::Integer,
            ColumnType::Text => TypeRow::Text,
            ColumnType::Timestamp => TypeRow::Timestamp,
        },
        values: column.values.clone(),
        isolating: Some(match column.isolating {
            None => IsolatingRow::No,
            Some(Isolating::Declared(step)) => IsolatingRow::Declared { step: step.to_string() },
            Some(Isolating::Found(step)) => IsolatingRow::Found { step: step.to_string() },
            Some(Isolating::Unknown) => IsolatingRow::Unknown,
        }),
        sensitive: column.sensitive,
        code: column.code,
        geography: column.geography.map(|level| level.name().to_owned()),
        population: column.population.clone().map(|Population { table, key, column }| PopulationRow {
            table,
            key,
            column,
        }),
    }
}

/// A column of a table of this kind; `None` where a step or a level is not one that this version knows.
pub(super) fn column(row: ColumnRow, kind: TableKind) -> Option<Column> {
    let mut column = Column {
        name: row.name,
        description: row.description,
        class: match row.class {
            ClassRow::Date => ColumnClass::Date,
            ClassRow::Dimension => ColumnClass::Dimension,
            ClassRow::Identifier => ColumnClass::Identifier,
            ClassRow::Measure => ColumnClass::Measure,
            ClassRow::Subject => ColumnClass::Subject,
            ClassRow::Unit { kind } => ColumnClass::Unit { kind },
        },
        data_type: match row.data_type {
            TypeRow::Boolean => ColumnType::Boolean,
            TypeRow::Date => ColumnType::Date,
            TypeRow::Decimal { precision, scale } => ColumnType::Decimal { precision, scale },
            TypeRow::DenseId => ColumnType::DenseId,
            TypeRow::Double => ColumnType::Double,
            TypeRow::Integer => ColumnType::Integer,
            TypeRow::Text => ColumnType::Text,
            TypeRow::Timestamp => ColumnType::Timestamp,
        },
        values: row.values,
        isolating: None,
        sensitive: row.sensitive,
        code: row.code,
        geography: row.geography.map(|name| GeographyLevel::named(&name).ok_or(())).transpose().ok()?,
        population: row.population.map(|PopulationRow { table, key, column }| Population {
            table,
            key,
            column,
        }),
    };
    let step = |text: String| Step::number(&text).or_else(|| Step::date(&text));
    column.isolating = match row.isolating {
        Some(IsolatingRow::Declared { step: text }) => Some(Isolating::Declared(step(text)?)),
        Some(IsolatingRow::Found { step: text }) => Some(Isolating::Found(step(text)?)),
        Some(IsolatingRow::No) => None,
        Some(IsolatingRow::Unknown) => Some(Isolating::Unknown),
        None => not_recorded(&column, kind),
    };
    Some(column)
}

/// What is assumed of a column whose values nobody looked at: that they could single people out,
/// wherever a look could have found that.
fn not_recorded(column: &Column, kind: TableKind) -> Option<Isolating> {
    (kind == TableKind::Subject && measurable(column)).then_some(Isolating::Unknown)
}
