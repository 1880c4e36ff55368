//! The statements of one analysis: a single one, or several with names, judged as one release.
//!
//! The text of several is one text: before each statement stands a line `-- statement: NAME`, the first line of
//! the text among them. Whoever reads the text sees what was asked, and in which order of importance.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::{Analysis, Code, Limits, Position, Refusal};

/// How the line before a named statement begins; its name is the rest of the line.
const MARK: &str = "-- statement: ";

/// Longest name of a statement, in bytes.
const LONGEST_NAME: usize = 63;

/// The name of a statement: 1 to 63 lower-case letters, digits, `_` or `-`, a letter first.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct StatementName(String);

/// A text that is no name of a statement.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a statement is named by 1 to 63 lower-case letters, digits, `_` or `-`, a letter first")]
pub struct StatementNameError;

/// One statement of an analysis.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement<'a> {
    /// Its name; `None` where the analysis is one statement without a name.
    pub name: Option<StatementName>,
    /// One SELECT statement.
    pub sql: &'a str,
    /// The line of the analysis' text on which it begins, from 1.
    first_line: u32,
}

impl Statement<'_> {
    /// What is said of the statement, as it is said of the analysis: it names the statement, and its position is
    /// one in the whole text.
    #[must_use]
    pub fn refusal(&self, refusal: Refusal) -> Refusal {
        let Some(name) = &self.name else { return refusal };
        let before = self.first_line.saturating_sub(1);
        let position = refusal.position.map(|Position { line, column }| {
            let line = line.saturating_add(before);
            Position { line, column }
        });
        Refusal { message: format!("statement `{name}`: {}", refusal.message), position, ..refusal }
    }
}

impl Analysis {
    /// The statements, the most important first.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for a name that is none or comes twice; `TOO_LARGE` for more than may be asked at once.
    pub fn statements(&self, limits: &Limits) -> Result<Vec<Statement<'_>>, Refusal> {
        if !self.sql.starts_with(MARK) {
            return Ok(vec![Statement { name: None, sql: &self.sql, first_line: 1 }]);
        }
        let mut statements = Vec::new();
        let mut names = BTreeSet::new();
        for (name, sql, line) in parts(&self.sql) {
            let at = |refusal: Refusal| refusal.at(Some(Position { line, column: 1 }));
            let name: StatementName =
                name.parse().map_err(|error: StatementNameError| at(misnamed(error)))?;
            if !names.insert(name.clone()) {
                return Err(at(named_twice(&name)));
            }
            statements.push(Statement { name: Some(name), sql, first_line: line.saturating_add(1) });
        }
        if statements.len() > limits.statements {
            let message = format!("there are more than {} statements", limits.statements);
            return Err(Refusal::new(Code::TooLarge, message, "submit the least important ones afterwards"));
        }
        Ok(statements)
    }
}

/// For each marked line of a text: the rest of it, what follows up to the next one, and its number.
fn parts(text: &str) -> Vec<(&str, &str, u32)> {
    let mut marks: Vec<(&str, usize, usize, u32)> = Vec::new();
    let mut start = 0_usize;
    for (number, line) in (1_u32..).zip(text.split_inclusive('\n')) {
        let end = start.saturating_add(line.len());
        if let Some(name) = line.strip_prefix(MARK) {
            marks.push((name.trim_end(), start, end, number));
        }
        start = end;
    }
    let ends = marks.iter().skip(1).map(|(_, start, ..)| *start).chain([text.len()]);
    let parts = marks.iter().zip(ends);
    parts.map(|((name, _, from, line), to)| (*name, text.get(*from..to).unwrap_or_default(), *line)).collect()
}

fn misnamed(error: StatementNameError) -> Refusal {
    Refusal::new(Code::InvalidArgument, error.to_string(), "the line before it is `-- statement: NAME`")
}

fn named_twice(name: &StatementName) -> Refusal {
    let message = format!("two statements are named `{name}`");
    Refusal::new(Code::InvalidArgument, message, "give each statement a name of its own")
}

impl StatementName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StatementName {
    type Err = StatementNameError;

    fn from_str(name: &str) -> Result<Self, StatementNameError> {
        let starts = name.starts_with(|first: char| first.is_ascii_lowercase());
        let goes_on = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || "_-".contains(sign);
        if starts && name.len() <= LONGEST_NAME && name.chars().all(goes_on) {
            Ok(Self(name.to_owned()))
        } else {
            Err(StatementNameError)
        }
    }
}

impl fmt::Display for StatementName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, Refusal> {
        let analysis = Analysis::from(text);
        let statements = analysis.statements(&Limits { statements: 2, ..Limits::default() })?;
        let shown = |statement: &Statement<'_>| {
            let name = statement.name.as_ref().map(ToString::to_string);
            (name.unwrap_or_default(), statement.sql.to_owned())
        };
        Ok(statements.iter().map(shown).collect())
    }

    fn of(parts: &[(&str, &str)]) -> Vec<(String, String)> {
        parts.iter().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned())).collect()
    }

    #[test]
    fn a_text_is_one_statement_unless_its_first_line_names_one() {
        for text in ["SELECT 1", "", "\n-- statement: a\nSELECT 1", "-- statement:a\nSELECT 1"] {
            assert_eq!(read(text), Ok(of(&[("", text)])));
        }
        let two = "-- statement: a\nSELECT 1\n\n-- statement: b-2\r\nSELECT\n2";
        assert_eq!(read(two), Ok(of(&[("a", "SELECT 1\n\n"), ("b-2", "SELECT\n2")])));
        assert_eq!(read("-- statement: a"), Ok(of(&[("a", "")])));
    }

    #[test]
    fn a_name_is_of_its_form_and_comes_once() {
        assert!("a".repeat(63).parse::<StatementName>().is_ok());
        for none in ["", "A", "1a", "-a", "a b", "a/b", "..", "表", &"a".repeat(64)] {
            assert_eq!(none.parse::<StatementName>(), Err(StatementNameError), "{none}");
        }
        for (text, words, line) in [
            ("-- statement: a\nSELECT 1\n-- statement: ../b\n", "a statement is named by", 3),
            ("-- statement: a\nSELECT 1\n-- statement: a\n", "two statements are named `a`", 3),
            ("-- statement: \nSELECT 1", "a statement is named by", 1),
        ] {
            let refusal = read(text).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidArgument);
            assert!(refusal.message.starts_with(words), "{refusal:?}");
            assert_eq!(refusal.position, Some(Position { line, column: 1 }));
        }
        let three = "-- statement: a\n-- statement: b\n-- statement: c\n";
        let refusal = read(three).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.message.as_str()),
            (Code::TooLarge, "there are more than 2 statements")
        );
    }

    #[test]
    fn a_refusal_names_its_statement_and_its_place_in_the_whole_text() {
        let analysis = Analysis::from("-- statement: a\nSELECT 1\n-- statement: b\nSELECT\n  2");
        let said = Refusal::new(Code::SqlSyntax, "no", "").at(Some(Position { line: 2, column: 3 }));
        let statements = analysis.statements(&Limits::default()).unwrap();
        let refusal = statements[1].refusal(said.clone());
        assert_eq!(refusal.message, "statement `b`: no");
        assert_eq!(refusal.position, Some(Position { line: 5, column: 3 }));
        let alone = Analysis::from("SELECT\n 2");
        assert_eq!(alone.statements(&Limits::default()).unwrap()[0].refusal(said.clone()), said);
    }
}
