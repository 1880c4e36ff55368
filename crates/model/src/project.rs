//! What a project is: an approved purpose, with people, data and rules.

use crate::{DatasetId, DateGrain, GeographyLevel, ProjectId, Rounding, SmallChange};

/// An approved project.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Project {
    /// Its name.
    pub id: ProjectId,
    /// One line for people.
    pub title: String,
    /// Who may send analyses in.
    pub people: Vec<People>,
    /// The dataset that it is over.
    pub dataset: DatasetId,
    /// Which version of the dataset.
    pub snapshot: SnapshotPin,
    /// What of the dataset it may read; a table that is not named does not exist for it.
    pub tables: Vec<TableGrant>,
    /// Name of the disclosure profile.
    pub profile: String,
    /// Where the project is stricter than its profile.
    pub stricter: Stricter,
    /// Its share of the budget: most answers of one attribute that it may be given; `None` bounds nothing beside
    /// what all projects together may be given.
    pub answers: Option<u64>,
    /// When a result waits for a checker.
    pub hold: Hold,
}

/// One rule of who belongs to a project. Both parts that are given must match.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct People {
    /// The subject claim of the person's token.
    pub subject: Option<String>,
    /// The organisation claim of the person's token.
    pub organisation: Option<String>,
}

/// Which snapshot a project reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SnapshotPin {
    /// The newest at the time a job starts.
    Latest,
    /// Always this one.
    Number(u64),
}

/// A granted table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TableGrant {
    /// The table's name.
    pub table: String,
    /// The granted columns; `None` grants all. The subject column is always among them.
    pub columns: Option<Vec<String>>,
}

/// Where a project is stricter than its profile; a laxer value is refused when the two are merged.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Stricter {
    /// Fewest people behind a cell.
    pub minimum_count: Option<u32>,
    /// Fewest other protected units (institutions) behind a cell.
    pub minimum_units: Option<u32>,
    /// `Some(true)`: a cell over nobody is withheld too.
    pub withhold_zeros: Option<bool>,
    /// The k of (n,k) dominance in per mille: a cell where n units have more than this is withheld.
    pub dominance_permille: Option<u32>,
    /// The p of the p% rule in per mille.
    pub p_permille: Option<u32>,
    /// Fewest people beside the parameters that a variance, a correlation or a model estimates.
    pub degrees_of_freedom: Option<u32>,
    /// `Some(true)`: no minimum or maximum, not even the k-th person's.
    pub withhold_extremes: Option<bool>,
    /// Most group keys of a table.
    pub max_dimensions: Option<u32>,
    /// Most constants of an IN list over a column that is not one of codes.
    pub max_list: Option<u32>,
    /// The finest part of the calendar that a group key may tell apart.
    pub date_grain: Option<DateGrain>,
    /// The smallest level of geography that a group key may tell apart.
    pub geography_grain: Option<GeographyLevel>,
    /// How numbers are rounded.
    pub rounding: Option<Rounding>,
    /// An area of fewer people than this shows nothing.
    pub areas_nothing_below: Option<u64>,
    /// In an area of fewer people than this, `areas_minimum_count` holds.
    pub areas_few_below: Option<u64>,
    /// Fewest people behind a cell of such an area.
    pub areas_minimum_count: Option<u32>,
    /// `Some(true)`: aggregates of columns alone, not of expressions.
    pub columns_only: Option<bool>,
    /// How close all answers of one attribute together may come to anybody's value, in per mille.
    pub max_leverage: Option<u32>,
    /// How far a withheld sum must be open on either side, in per mille of it.
    pub minimum_interval: Option<u32>,
    /// What a small change of the records must not show.
    pub on_small_change: Option<SmallChange>,
    /// Further sets of columns, as `table.column`, that no table may cross with each other.
    pub forbidden_crossings: Vec<Vec<String>>,
}

/// When a result waits for a checker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hold {
    /// Every result waits.
    Always,
    /// Only what a rule says must wait.
    ByRule,
}
