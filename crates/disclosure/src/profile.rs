//! What a custodian demands of a result: thresholds and comparators, as data.
//!
//! A profile is parsed once, validated, and afterwards only ever made stricter.

mod library;
#[cfg(test)]
mod tests;
mod words;

use sekisho_model::{Digest, Stricter};
use serde::Deserialize;

use crate::Error;

pub use library::Profiles;

/// The rules of one custodian, as `policies/disclosure/*.toml` gives them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
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
    pub(crate) second_dominance: Option<Dominance>,
}

/// What happens to a number over nobody.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Zeros {
    /// It may be published.
    Allowed,
    /// It is withheld.
    Withheld,
}

/// (n,k) dominance: a sum is withheld where its n largest contributors have too much of it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
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
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
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

    /// The same rules with what a project adds.
    ///
    /// # Errors
    /// [`Error::LaxerThanProfile`] names the field in which the project asks for less.
    pub fn stricter(&self, project: &Stricter) -> Result<Self, Error> {
        let Stricter { minimum_count, minimum_units, withhold_zeros, dominance_permille, p_permille } =
            project;
        let mut profile = self.clone();
        profile.minimum_count = at_least(self.minimum_count, *minimum_count, "minimum_count")?;
        profile.minimum_units = at_least(self.minimum_units, *minimum_units, "minimum_units")?;
        profile.p_permille = at_least(self.p_permille, *p_permille, "p_permille")?;
        profile.zeros = match (self.zeros, withhold_zeros) {
            (Zeros::Withheld, Some(false)) => {
                return Err(Error::LaxerThanProfile { field: "withhold_zeros" });
            }
            (Zeros::Allowed, Some(true)) => Zeros::Withheld,
            (zeros, _) => zeros,
        };
        if let Some(permille) = *dominance_permille {
            if permille > self.dominance.permille {
                return Err(Error::LaxerThanProfile { field: "dominance_permille" });
            }
            profile.dominance.permille = permille;
        }
        profile.validated()
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
        } = self;
        format!(
            "sekisho disclosure profile 1\nname = {name:?}\nversion = {version}\ntitle = {title:?}\n\
             minimum_count = {minimum_count}\nminimum_units = {minimum_units}\nzeros = {zeros:?}\n\
             p_permille = {p_permille}\ndominance = {dominance:?}\nsecond_dominance = {second_dominance:?}\n"
        )
    }

    fn validated(self) -> Result<Self, Error> {
        let name = self.name.as_str();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let shares =
            |rule: &Dominance| (1..=1000).contains(&rule.permille) && (1..=2).contains(&rule.largest);
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
        ];
        match checks.into_iter().find(|(_, holds, _)| !holds) {
            Some((field, _, range)) => Err(Error::ProfileRange { profile: self.name.clone(), field, range }),
            None => Ok(self),
        }
    }
}

fn at_least(floor: u32, asked: Option<u32>, field: &'static str) -> Result<u32, Error> {
    match asked {
        Some(value) if value < floor => Err(Error::LaxerThanProfile { field }),
        Some(value) => Ok(value),
        None => Ok(floor),
    }
}
