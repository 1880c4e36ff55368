//! What the enclave says of a project: structure and rules, as they are needed to build a twin and to judge.

use sekisho_client::{Client, v1};
use sekisho_disclosure::Profile;
use sekisho_model::{DateGrain, Digest, Step, TableGrant};

use crate::{Error, Result};

/// A project's granted tables, and its rules.
pub(crate) struct Catalogue {
    pub(crate) answer: v1::Catalog,
    pub(crate) profile: Profile,
}

/// The type of a column's values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Boolean,
    Date,
    /// So many digits in all, and behind the point.
    Decimal(u8, u8),
    Double,
    /// The person.
    Id,
    Integer,
    Text,
    Timestamp,
}

impl Catalogue {
    /// What the enclave says now.
    pub(crate) async fn of(client: &Client, project: &str) -> Result<Self> {
        Self::read(client.catalog(project).await?)
    }

    pub(crate) fn read(answer: v1::Catalog) -> Result<Self> {
        if answer.profile_toml.is_empty() {
            return Err(Error::Catalogue("it has no rules as data".to_owned()));
        }
        let profile = Profile::from_toml(&answer.profile_toml);
        let profile = profile.map_err(|error| Error::Catalogue(error.to_string()))?;
        for column in answer.tables.iter().flat_map(|table| &table.columns) {
            let unknown = || Error::Catalogue(format!("there is no type `{}`", column.r#type));
            Kind::of(column).ok_or_else(unknown)?;
        }
        Ok(Self { answer, profile })
    }

    /// Names the tables and columns that a twin has: another one is made where they changed. A new snapshot alone
    /// makes none, since each asks for releases.
    pub(crate) fn digest(&self) -> String {
        Digest::of(format!("sekisho twin 1\n{:?}", self.answer.tables).as_bytes()).to_string()
    }

    /// The project's id.
    pub(crate) fn project(&self) -> &str {
        let name = self.answer.project.as_ref().map_or("", |project| project.name.as_str());
        name.strip_prefix("projects/").unwrap_or(name)
    }

    /// What the project may read.
    pub(crate) fn grants(&self) -> Vec<TableGrant> {
        let columns =
            |table: &v1::Table| table.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
        let tables = self.answer.tables.iter();
        tables.map(|table| TableGrant { table: table.name.clone(), columns: Some(columns(table)) }).collect()
    }
}

impl Kind {
    pub(crate) fn of(column: &v1::Column) -> Option<Self> {
        Some(match column.r#type.as_str() {
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "double" => Self::Double,
            "id" => Self::Id,
            "integer" => Self::Integer,
            "text" => Self::Text,
            "timestamp" => Self::Timestamp,
            other => {
                let digits = other.strip_prefix("decimal(")?.strip_suffix(')')?;
                let (precision, scale) = digits.split_once(',')?;
                Self::Decimal(precision.parse().ok()?, scale.parse().ok()?)
            }
        })
    }
}

/// The column of the person.
pub(crate) fn subject(table: &v1::Table) -> Option<&v1::Column> {
    table.columns.iter().find(|column| column.class == "subject")
}

/// The step of an isolating column: `None` if it is not isolating, `Some(None)` if no step is known.
pub(crate) fn step(column: &v1::Column) -> Option<Option<Step>> {
    let isolating = column.isolating.as_ref()?;
    Some(Step::number(&isolating.step).or_else(|| Step::date(&isolating.step)))
}

/// The finest part of the calendar by which a column of dates may be asked for.
pub(crate) fn grain(column: &v1::Column, profile: &Profile) -> DateGrain {
    match step(column).flatten() {
        Some(Step::Date(step)) => step.max(profile.date_grain()),
        Some(Step::Number { .. }) | None => profile.date_grain(),
    }
}
