//! What a custodian demands of a result: thresholds and comparators, as data.
//!
//! A profile is parsed once, validated, and afterwards only ever made stricter.

mod coarse;
mod library;
mod merge;
#[cfg(test)]
mod tests;
mod words;

use sekisho_model::{DateGrain, Digest, GeographyLevel, Rounding, SmallChange, Stricter};

use crate::Error;
use crate::rounding::RoundingKey;

pub(crate) use coarse::Areas;
pub use library::Profiles;

/// The rules of one custodian, as `policies/disclosure/*.toml` gives them.
///
/// What decides over a cell has no default, except for rules that came later: those default to the strict
/// side, so that an older file is not laxer than it looks.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name; a project's file names it.
    pub(crate) name: String,
    /// Raised with every change of a value.
    pub(crate) version: u32,
    /// One line for people.
    pub(crate) title: String,
    /// Fewest people behind a number that may be published.
    pub(crate) minimum_count: u32,
    /// Fewest other protected units (institutions) behind a number that may be published.
    pub(crate) minimum_units: u32,
    /// What happens to a number over nobody.
    pub(crate) zeros: Zeros,
    /// The p of the p% rule in per mille; 0 switches the rule off.
    pub(crate) p_permille: u32,
    /// The (n,k) rule.
    pub(crate) dominance: Dominance,
    /// Another (n,k) rule beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) second_dominance: Option<Dominance>,
    /// Fewest people beside the parameters that a variance, a correlation or a model estimates.
    #[serde(default = "strict::degrees_of_freedom")]
    pub(crate) degrees_of_freedom: u32,
    /// What stands for a minimum or maximum.
    #[serde(default = "strict::extremes")]
    pub(crate) extremes: Extremes,
    /// Most group keys of a table.
    #[serde(default = "strict::max_dimensions")]
    pub(crate) max_dimensions: u32,
    /// Most constants of an IN list over a column that is not one of codes.
    #[serde(default = "strict::max_list")]
    pub(crate) max_list: u32,
    /// The finest part of the calendar that a group key may tell apart.
    #[serde(default = "strict::date_grain", with = "coarse::grain")]
    pub(crate) date_grain: DateGrain,
    /// The smallest level of geography that a group key may tell apart.
    #[serde(default = "strict::geography_grain", with = "coarse::geography")]
    pub(crate) geography_grain: GeographyLevel,
    /// What holds where few people live.
    #[serde(default = "strict::areas")]
    pub(crate) areas: Areas,
    /// How numbers are rounded before they leave.
    #[serde(default, with = "coarse::rounding")]
    pub(crate) rounding: Rounding,
    /// What keyed rounding draws with. No part of the file, nor of the digest.
    #[serde(skip)]
    pub(crate) rounding_key: Option<RoundingKey>,
    /// What an aggregate may be taken of.
    #[serde(default = "strict::expressions")]
    pub(crate) expressions: Expressions,
    /// How close all answers of one attribute together may come to anybody's value: the largest leverage, in
    /// per mille. 1000 switches the budget off.
    #[serde(default = "strict::max_leverage")]
    pub(crate) max_leverage: u32,
    /// How far a withheld sum must be open to whoever computes with the published ones, in per mille of it on
    /// either side; a withheld count of few people must be possible from 1 to one less than the minimum. 0 switches
    /// this off.
    #[serde(default = "strict::minimum_interval")]
    pub(crate) minimum_interval: u32,
    /// What happens where few people left the dataset since a nearby question was answered.
    #[serde(default = "strict::on_small_change", with = "coarse::change")]
    pub(crate) on_small_change: SmallChange,
    /// Columns, as `table.column`, that no table may cross with each other.
    #[serde(default)]
    pub(crate) forbidden_crossings: Vec<Vec<String>>,
}

/// What stands for a minimum or maximum of records.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extremes {
    /// The value of the person who is k-th from the end, k the minimum count, snapped.
    Kth,
    /// Nothing: they are refused.
    Off,
}

/// What an aggregate may be taken of.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expressions {
    /// Arithmetic of columns and constants, and choices between such by CASE and FILTER.
    All,
    /// Columns alone.
    ColumnsOnly,
}

/// What happens to a number over nobody.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Zeros {
    /// It may be published.
    Allowed,
    /// It is withheld.
    Withheld,
}

/// (n,k) dominance: a sum is withheld where its n largest contributors have too much of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dominance {
    /// n: 1 or 2.
    pub(crate) largest: u32,
    /// Whether a share of exactly k is withheld.
    pub(crate) comparator: Comparator,
    /// k in per mille of the sum of absolute contributions.
    pub(crate) permille: u32,
}

/// On which side the limit itself falls.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Comparator {
    /// Withheld at the limit and above (≥).
    AtLeast,
    /// Withheld above the limit only (>).
    MoreThan,
}

impl Profile {
    /// The profile of a TOML text.
    ///
    /// # Errors
    /// [`Error::ProfileSyntax`] for a text that does not parse or has a field that no rule reads,
    /// [`Error::ProfileRange`] for a value that would be no protection.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let profile: Self = toml::from_str(text)
            .map_err(|error| Error::ProfileSyntax { reason: error.message().to_owned() })?;
        profile.validated()
    }

    /// The profile as a TOML text from which [`Profile::from_toml`] makes one of the same digest: for whoever
    /// applies the rules elsewhere. The key of keyed rounding is no part of it.
    ///
    /// # Errors
    /// [`Error::Malformed`] if a value has no form in TOML, which none has.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|_| Error::Malformed("a profile has no text"))
    }

    /// The same rules with what a project adds.
    ///
    /// # Errors
    /// [`Error::LaxerThanProfile`] names the field in which the project asks for less.
    pub fn stricter(&self, project: &Stricter) -> Result<Self, Error> {
        merge::stricter(self, project)?.validated()
    }

    /// The same rules with the key that keyed rounding draws with. Without one, a profile that asks for it
    /// releases nothing.
    #[must_use]
    pub fn with_rounding_key(self, key: RoundingKey) -> Self {
        Self { rounding_key: Some(key), ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its title, one line for people.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Fewest people behind a published number.
    #[must_use]
    pub fn minimum_count(&self) -> u32 {
        self.minimum_count
    }

    /// What stands for a minimum or maximum.
    #[must_use]
    pub fn extremes(&self) -> Extremes {
        self.extremes
    }

    /// Most group keys of a table.
    #[must_use]
    pub fn max_dimensions(&self) -> u32 {
        self.max_dimensions
    }

    /// Most constants of an IN list over a column that is not one of codes.
    #[must_use]
    pub fn max_list(&self) -> u32 {
        self.max_list
    }

    /// The finest part of the calendar that a group key may tell apart.
    #[must_use]
    pub fn date_grain(&self) -> DateGrain {
        self.date_grain
    }

    /// The smallest level of geography that a group key may tell apart.
    #[must_use]
    pub fn geography_grain(&self) -> GeographyLevel {
        self.geography_grain
    }

    /// What an aggregate may be taken of.
    #[must_use]
    pub fn expressions(&self) -> Expressions {
        self.expressions
    }

    /// Whether there is a budget against reconstruction.
    #[must_use]
    pub fn has_budget(&self) -> bool {
        self.max_leverage < 1000
    }

    /// How close all answers of one attribute together may come to anybody's value, in per mille.
    #[must_use]
    pub fn max_leverage(&self) -> u32 {
        self.max_leverage
    }

    /// How many answers of one attribute so many people are worth at most, whoever asks: a leverage of everybody's
    /// at the limit. None if there is no budget.
    #[must_use]
    pub fn worth(&self, people: u64) -> Option<u64> {
        let worth = people.saturating_mul(u64::from(self.max_leverage)) / 1000;
        self.has_budget().then_some(worth)
    }

    /// Sets of columns, as `table.column`; a table that groups by all columns of one is forbidden.
    #[must_use]
    pub fn forbidden_crossings(&self) -> &[Vec<String>] {
        &self.forbidden_crossings
    }

    /// The SHA-256 of a canonical text of every value; each answer carries it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.canonical().as_bytes())
    }

    /// The rules as sentences, for the catalogue.
    #[must_use]
    pub fn rules_in_words(&self) -> Vec<String> {
        words::rules_in_words(self)
    }

    /// The (n,k) rules, one or two.
    pub(crate) fn dominances(&self) -> impl Iterator<Item = &Dominance> {
        std::iter::once(&self.dominance).chain(&self.second_dominance)
    }

    /// One `field = value` a line, in a fixed order; names are escaped as Rust strings.
    fn canonical(&self) -> String {
        let Self {
            name,
            version,
            title,
            minimum_count,
            minimum_units,
            zeros,
            p_permille,
            dominance,
            second_dominance,
            degrees_of_freedom,
            extremes,
            max_dimensions,
            max_list,
            date_grain,
            geography_grain,
            areas,
            rounding,
            rounding_key: _,
            expressions,
            max_leverage,
            minimum_interval,
            on_small_change,
            forbidden_crossings,
        } = self;
        format!(
            "sekisho disclosure profile 5\nname = {name:?}\nversion = {version}\ntitle = {title:?}\n\
             minimum_count = {minimum_count}\nminimum_units = {minimum_units}\nzeros = {zeros:?}\n\
             p_permille = {p_permille}\ndominance = {dominance:?}\nsecond_dominance = {second_dominance:?}\n\
             degrees_of_freedom = {degrees_of_freedom}\nextremes = {extremes:?}\n\
             max_dimensions = {max_dimensions}\nmax_list = {max_list}\ndate_grain = {date_grain:?}\n\
             geography_grain = {geography_grain:?}\nareas = {areas:?}\nrounding = {rounding:?}\n\
             expressions = {expressions:?}\nmax_leverage = {max_leverage}\n\
             minimum_interval = {minimum_interval}\non_small_change = {on_small_change:?}\n\
             forbidden_crossings = {forbidden_crossings:?}\n"
        )
    }

    fn validated(self) -> Result<Self, Error> {
        let name = self.name.as_str();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let shares =
            |rule: &Dominance| (1..=1000).contains(&rule.permille) && (1..=2).contains(&rule.largest);
        let column = |column: &String| {
            column.split_once('.').is_some_and(|(table, column)| !table.is_empty() && !column.is_empty())
        };
        let crossing = |columns: &Vec<String>| columns.len() > 1 && columns.iter().all(column);
        let checks = [
            (
                "name",
                (1..=63).contains(&name.len()) && name.chars().all(plain),
                "1 to 63 of a to z, 0 to 9 and `-`",
            ),
            // With two people in a cell, each learns the other's value.
            ("minimum_count", (3..=1_000_000).contains(&self.minimum_count), "3 to 1000000"),
            ("minimum_units", (1..=1_000_000).contains(&self.minimum_units), "1 to 1000000"),
            ("p_permille", self.p_permille <= 1000, "0 to 1000"),
            ("dominance", self.dominances().all(shares), "`largest` 1 or 2 and `permille` 1 to 1000"),
            // A variance of two people is the difference between them.
            ("degrees_of_freedom", (2..=1_000_000).contains(&self.degrees_of_freedom), "2 to 1000000"),
            ("max_dimensions", (1..=64).contains(&self.max_dimensions), "1 to 64"),
            ("max_list", (1..=1_000_000).contains(&self.max_list), "1 to 1000000"),
            ("minimum_interval", self.minimum_interval <= 1000, "0 to 1000"),
            ("max_leverage", (1..=1000).contains(&self.max_leverage), "1 to 1000"),
            (
                "areas",
                self.areas.is_sound(),
                "`few_below` no less than `nothing_below`, with a `minimum_count`",
            ),
            (
                "rounding",
                self.minimum_count >= coarse::fewest_people(self.rounding),
                "one that shows no number of `minimum_count` people as nobody; raise `minimum_count` to 5",
            ),
            (
                "forbidden_crossings",
                self.forbidden_crossings.iter().all(crossing),
                "lists of two or more columns, each as `table.column`",
            ),
        ];
        match checks.into_iter().find(|(_, holds, _)| !holds) {
            Some((field, _, range)) => Err(Error::ProfileRange { profile: self.name.clone(), field, range }),
            None => Ok(self),
        }
    }
}

/// Defaults of the rules that came after the first profiles: the strictest value in use.
mod strict {
    use super::{Areas, DateGrain, Expressions, Extremes, GeographyLevel, SmallChange};

    pub(super) fn degrees_of_freedom() -> u32 {
        10
    }

    pub(super) fn extremes() -> Extremes {
        Extremes::Off
    }

    pub(super) fn max_dimensions() -> u32 {
        3
    }

    pub(super) fn max_list() -> u32 {
        50
    }

    pub(super) fn date_grain() -> DateGrain {
        DateGrain::Month
    }

    pub(super) fn geography_grain() -> GeographyLevel {
        GeographyLevel::Province
    }

    pub(super) fn max_leverage() -> u32 {
        100
    }

    pub(super) fn minimum_interval() -> u32 {
        100
    }

    pub(super) fn on_small_change() -> SmallChange {
        SmallChange::Earlier
    }

    pub(super) fn areas() -> Areas {
        Areas::NDB
    }

    pub(super) fn expressions() -> Expressions {
        Expressions::All
    }
}
