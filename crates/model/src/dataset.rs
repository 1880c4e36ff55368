//! What a dataset holds, as the catalogue shows it: tables, columns, and what each column means.
//!
//! Columns that were dropped at ingest (free text, another person's identifier) are not here.

use crate::{DatasetId, GeographyLevel, Isolating};

/// A dataset as an approved project may see it: structure and meaning, never a record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dataset {
    /// Its name.
    pub id: DatasetId,
    /// One line for people.
    pub title: String,
    /// Kinds of protected units beside the data subject, such as `institution`.
    pub units: Vec<String>,
    /// Its tables, in the order of the manifest.
    pub tables: Vec<Table>,
}

impl Dataset {
    /// The table of this name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }
}

/// One table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Table {
    /// Its name in SQL.
    pub name: String,
    /// One line for people.
    pub description: String,
    /// Records of data subjects, or a public code table.
    pub kind: TableKind,
    /// Its columns, in the order of the manifest.
    pub columns: Vec<Column>,
}

impl Table {
    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The subject column; a code table has none.
    #[must_use]
    pub fn subject(&self) -> Option<&Column> {
        self.columns.iter().find(|column| column.class == ColumnClass::Subject)
    }
}

/// Whether a table's rows belong to people.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TableKind {
    /// A public code table: no row belongs to a person.
    Code,
    /// Each row belongs to exactly one data subject.
    Subject,
}

/// One column.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Column {
    /// Its name in SQL.
    pub name: String,
    /// One line for people.
    pub description: String,
    /// What it means, and so what may be done with it.
    pub class: ColumnClass,
    /// The type of its values; a subject column's is `DenseId`.
    pub data_type: ColumnType,
    /// The declared domain: a row whose keys all come from one is shown whatever the data.
    pub values: Option<Vec<String>>,
    /// What is known of it, where single values could single people out; `None` where they are
    /// shared by enough people.
    pub isolating: Option<Isolating>,
    /// Whether a value tells something that may harm a person: a diagnosis, say. That all of a
    /// group have it, or that nobody has, is then a disclosure too.
    pub sensitive: bool,
    /// Whether its values are codes of a public list (diagnoses, drugs, tests), of which an
    /// analysis may name many at once.
    pub code: bool,
    /// The level of geography of the places that it names, if it names any.
    pub geography: Option<GeographyLevel>,
    /// Where it stands how many people live in each of these places.
    pub population: Option<Population>,
}

/// Where it stands how many people live in an area.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Population {
    /// The code table of the areas.
    pub table: String,
    /// Its key: the areas as they are named.
    pub key: String,
    /// Its column of inhabitants, integers.
    pub column: String,
}

/// What a column means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ColumnClass {
    /// A date or time of an event.
    Date,
    /// A grouping attribute: sex, a code, an area.
    Dimension,
    /// A keyed pseudonym of some identifier: kept, and never a value in SQL.
    Identifier,
    /// A quantity.
    Measure,
    /// The data subject that the row belongs to (the dense id).
    Subject,
    /// A protected unit of this kind: a hospital, say. Its values may be grouped by.
    Unit {
        /// The kind, one of [`Dataset::units`].
        kind: String,
    },
}

/// The type of a column's values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ColumnType {
    /// `true` or `false`.
    Boolean,
    /// A calendar day.
    Date,
    /// An exact decimal of this many digits, `scale` of them behind the point.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits behind the point, 0 to `precision`.
        scale: u8,
    },
    /// An unsigned 32-bit rank in the registry of data subjects.
    DenseId,
    /// A 64-bit binary floating point number.
    Double,
    /// A 64-bit signed integer.
    Integer,
    /// UTF-8 text.
    Text,
    /// A point in time without a zone, in microseconds.
    Timestamp,
}

impl ColumnType {
    /// The type as the catalogue and the manifest name it, such as `decimal(9,2)`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Boolean => "boolean".into(),
            Self::Date => "date".into(),
            Self::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
            Self::DenseId => "id".into(),
            Self::Double => "double".into(),
            Self::Integer => "integer".into(),
            Self::Text => "text".into(),
            Self::Timestamp => "timestamp".into(),
        }
    }
}
