//! What a caller asks to be run: SELECT statements, and the values and code lists given with them.

use std::fmt;
use std::str::FromStr;

use crate::{Code, Digest, Limits, Refusal};

/// Longest name of a code list, in bytes.
const LONGEST_NAME: usize = 63;

/// First bytes of what an analysis' digest is taken of.
const DIGEST_DOMAIN: &str = "sekisho analysis 1";

/// An analysis as it was sent in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Analysis {
    /// One SELECT statement, or several, each after a line with its name ([`Analysis::statements`]).
    pub sql: String,
    /// The values of `$1`, `$2` and so on, in this order.
    pub parameters: Vec<Parameter>,
    /// Reference tables of this analysis alone.
    pub lists: Vec<CodeList>,
}

/// The value of one parameter. It stands in the plan as a constant, as if it were written in the text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Parameter {
    /// `TRUE` or `FALSE`.
    Boolean(bool),
    /// A calendar day.
    Date(Date),
    /// A binary floating point number.
    Double(Finite),
    /// A signed integer.
    Integer(i64),
    /// `NULL`.
    Null,
    /// Text.
    Text(String),
}

/// A double that is a number: SQL has no literal for another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finite(f64);

// NaN, the one double that does not equal itself, is not among them.
impl Eq for Finite {}

/// A day of the Gregorian calendar, from 0001-01-01 to 9999-12-31.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A code list: a reference table that one analysis brings with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CodeList {
    /// Its name in SQL.
    pub name: ListName,
    /// Its rows, as CSV with a header line (RFC 4180).
    pub csv: String,
}

/// The name of a code list, as SQL finds it: 1 to 63 lower-case letters, digits or `_`, not beginning with
/// a digit. A name with capitals is taken as SQL takes it without quotes: in lower case.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ListName(String);

/// Why a parameter's value or a list's name was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AnalysisError {
    /// Not a calendar day.
    #[error("a date is written `2020-01-31`, from the year 1 to 9999")]
    Date,
    /// Not a number, or infinite.
    #[error("a double is a finite number")]
    Double,
    /// Not an integer of 64 bits.
    #[error("an integer has at most 64 bits")]
    Integer,
    /// Neither true nor false.
    #[error("a boolean is `true` or `false`")]
    Boolean,
    /// Not one of the types.
    #[error("a parameter is a boolean, date, double, integer, null or text")]
    Kind,
    /// Not a name.
    #[error("a list is named by 1 to 63 letters, digits or `_`, and not by a digit first")]
    Name,
}

impl From<&str> for Analysis {
    fn from(sql: &str) -> Self {
        Self::from(sql.to_owned())
    }
}

impl From<&String> for Analysis {
    fn from(sql: &String) -> Self {
        Self::from(sql.clone())
    }
}

impl From<String> for Analysis {
    fn from(sql: String) -> Self {
        Self { sql, parameters: Vec::new(), lists: Vec::new() }
    }
}

impl Analysis {
    /// Whether text, parameters and lists are within the limits, before anybody reads them.
    ///
    /// # Errors
    /// `TOO_LARGE` with the limit that was passed; `LIST_NOT_ALLOWED` if two lists have one name;
    /// `INVALID_ARGUMENT` if a statement is not named as it must be.
    pub fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        let too_large = |message: String, hint: &str| Err(Refusal::new(Code::TooLarge, message, hint));
        let text = |parameter: &Parameter| match parameter {
            Parameter::Text(text) => text.len(),
            Parameter::Boolean(_)
            | Parameter::Date(_)
            | Parameter::Double(_)
            | Parameter::Integer(_)
            | Parameter::Null => 0,
        };
        let bytes = self.parameters.iter().map(text).fold(self.sql.len(), usize::saturating_add);
        if bytes > limits.sql_bytes {
            let message =
                format!("the SQL text and its parameters are longer than {} bytes", limits.sql_bytes);
            return too_large(message, "split the analysis, or give a long list of codes as a code list");
        }
        self.statements(limits)?;
        if self.parameters.len() > limits.parameters {
            let message = format!("there are more than {} parameters", limits.parameters);
            return too_large(message, "give a long list of codes as a code list");
        }
        if self.lists.len() > limits.lists {
            let message = format!("there are more than {} code lists", limits.lists);
            return too_large(message, "put lists of one kind into one, with a column that tells them apart");
        }
        let bytes = self.lists.iter().map(|list| list.csv.len()).fold(0, usize::saturating_add);
        if bytes > limits.list_bytes {
            let message = format!("the code lists are longer than {} bytes together", limits.list_bytes);
            return too_large(message, "leave out columns and rows that the SQL does not read");
        }
        let mut names: Vec<&ListName> = self.lists.iter().map(|list| &list.name).collect();
        names.sort_unstable();
        match names.windows(2).find_map(|pair| pair.first().filter(|first| pair.last() == Some(*first))) {
            None => Ok(()),
            Some(twice) => {
                let message = format!("two code lists are named `{twice}`");
                Err(Refusal::new(Code::ListNotAllowed, message, "give each list a name of its own"))
            }
        }
    }

    /// SHA-256 over everything that was asked: the text, each parameter and each list.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::new();
        // Lengths first, so that no two analyses give the same bytes.
        let mut add = |part: &str| {
            bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        };
        add(DIGEST_DOMAIN);
        add(&self.sql);
        add(&self.parameters.len().to_string());
        for parameter in &self.parameters {
            add(parameter.kind());
            add(&parameter.text());
        }
        for list in &self.lists {
            add(list.name.as_str());
            add(&list.csv);
        }
        Digest::of(&bytes)
    }
}

impl Parameter {
    /// A parameter from the name of its type and its value as text.
    ///
    /// # Errors
    /// Where there is no such type, or the text is no value of it.
    pub fn parse(kind: &str, text: &str) -> Result<Self, AnalysisError> {
        match kind {
            "boolean" => text.parse().map(Self::Boolean).map_err(|_| AnalysisError::Boolean),
            "date" => text.parse().map(Self::Date),
            "double" => {
                let number = text.parse().map_err(|_| AnalysisError::Double)?;
                Finite::new(number).map(Self::Double).ok_or(AnalysisError::Double)
            }
            "integer" => text.parse().map(Self::Integer).map_err(|_| AnalysisError::Integer),
            "null" => Ok(Self::Null),
            "text" => Ok(Self::Text(text.to_owned())),
            _ => Err(AnalysisError::Kind),
        }
    }

    /// The name of its type.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Boolean(_) => "boolean",
            Self::Date(_) => "date",
            Self::Double(_) => "double",
            Self::Integer(_) => "integer",
            Self::Null => "null",
            Self::Text(_) => "text",
        }
    }

    /// Its value as text; [`Parameter::parse`] reads it again.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Boolean(value) => value.to_string(),
            Self::Date(date) => date.to_string(),
            // The shortest text that gives the same double again, with a point or an exponent.
            Self::Double(Finite(number)) => format!("{number:?}"),
            Self::Integer(number) => number.to_string(),
            Self::Null => String::new(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl Finite {
    /// The number, if it is one.
    #[must_use]
    pub fn new(number: f64) -> Option<Self> {
        number.is_finite().then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Date {
    type Err = AnalysisError;

    fn from_str(text: &str) -> Result<Self, AnalysisError> {
        let mut parts = text.split('-');
        let mut part = |length: usize| {
            let part = parts.next().filter(|part| part.len() == length);
            part.filter(|part| part.bytes().all(|byte| byte.is_ascii_digit())).ok_or(AnalysisError::Date)
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        let year: u16 = year.parse().map_err(|_| AnalysisError::Date)?;
        let month: u8 = month.parse().map_err(|_| AnalysisError::Date)?;
        let day: u8 = day.parse().map_err(|_| AnalysisError::Date)?;
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 => 28 + u8::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        if parts.next().is_some() || year == 0 || day == 0 || day > days {
            return Err(AnalysisError::Date);
        }
        Ok(Self { year, month, day })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl ListName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ListName {
    type Err = AnalysisError;

    fn from_str(text: &str) -> Result<Self, AnalysisError> {
        let name = text.to_ascii_lowercase();
        let starts = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
        let goes_on = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_';
        if starts && name.len() <= LONGEST_NAME && name.chars().all(goes_on) {
            Ok(Self(name))
        } else {
            Err(AnalysisError::Name)
        }
    }
}

impl fmt::Display for ListName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
