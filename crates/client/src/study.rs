//! A study plan: several named statements, the most important first, sent as one analysis.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sekisho_wire::statements::MARK;
use serde::Deserialize;

use crate::{Error, Result};

/// Longest name of a statement, in bytes.
const LONGEST_NAME: usize = 63;

/// Statements that are judged as one release: what an earlier one shows, a later one cannot take away.
///
/// ```toml
/// [[statement]]
/// name = "main"
/// sql = "SELECT sex, COUNT(*) AS n FROM patients GROUP BY sex"
///
/// [[statement]]
/// name = "by-age"
/// file = "by-age.sql"    # a relative path is relative to this file
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StudyPlan {
    /// Names and SQL, the most important first.
    statements: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    statement: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    sql: Option<String>,
    file: Option<String>,
}

impl StudyPlan {
    /// Statements under their names, the most important first.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if there are none, one is empty, or a name is none or comes twice.
    pub fn new(statements: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let plan = Self { statements: statements.into_iter().collect() };
        if plan.statements.is_empty() {
            return Err(Error::argument("there is no statement; each begins with `[[statement]]`"));
        }
        let mut names = BTreeSet::new();
        for (name, sql) in &plan.statements {
            if !is_name(name) {
                return Err(Error::argument(format!(
                    "`{name}` names no statement: a name is 1 to 63 lower-case letters, digits, `_` or `-`, a letter first"
                )));
            }
            if !names.insert(name) {
                return Err(Error::argument(format!("two statements are named `{name}`")));
            }
            if sql.trim().is_empty() {
                return Err(Error::argument(format!("the statement `{name}` is empty")));
            }
            if sql.lines().any(|line| line.starts_with(MARK)) {
                return Err(Error::argument(format!(
                    "in the statement `{name}` a line begins with `{MARK}`, which begins another statement"
                )));
            }
        }
        Ok(plan)
    }

    /// Reads a plan and the SQL files that it names.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if a file cannot be read, or the plan is not of its form.
    pub fn load(path: &Path) -> Result<Self> {
        let within =
            |error: Error| Error::argument(format!("`{}`: {}", path.display(), error.problem().message));
        let folder = path.parent().unwrap_or(Path::new("."));
        text(path).and_then(|toml| Self::read(&toml, folder)).map_err(within)
    }

    fn read(toml: &str, folder: &Path) -> Result<Self> {
        let file: File = toml::from_str(toml).map_err(|error| {
            let before = error.span().and_then(|span| toml.get(..span.start)).unwrap_or_default();
            let line = before.split('\n').count();
            Error::argument(format!("line {line}: {}", error.message()))
        })?;
        let statement = |Entry { name, sql, file }| match (sql, file) {
            (Some(sql), None) => Ok((name, sql)),
            (None, Some(file)) => Ok((name, text(&folder.join(file))?)),
            (Some(_), Some(_)) | (None, None) => {
                Err(Error::argument(format!("the statement `{name}` needs `sql` or `file`, one of them")))
            }
        };
        Self::new(file.statement.into_iter().map(statement).collect::<Result<Vec<_>>>()?)
    }

    /// The plan as the text of one analysis.
    #[must_use]
    pub fn to_sql(&self) -> String {
        let part = |(name, sql): &(String, String)| format!("{MARK}{name}\n{}\n", sql.trim_end());
        self.statements.iter().map(part).collect()
    }
}

/// Whether a text names a statement.
pub(crate) fn is_name(text: &str) -> bool {
    let goes_on = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || "_-".contains(sign);
    let starts = text.starts_with(|first: char| first.is_ascii_lowercase());
    starts && text.len() <= LONGEST_NAME && text.chars().all(goes_on)
}

/// A text file, without a byte order mark.
fn text(path: &Path) -> Result<String> {
    let unread = |reason: String| Error::argument(format!("cannot read `{}`: {reason}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| unread(error.to_string()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<StudyPlan> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("other.sql"), "\u{feff}SELECT 2;\n\n").unwrap();
        StudyPlan::read(toml, folder.path())
    }

    #[test]
    fn a_plan_is_one_text_in_the_order_of_importance() {
        let toml = "[[statement]]\nname = \"main\"\nsql = \"SELECT\\n 1\"\n\n[[statement]]\nname = \"a-2\"\nfile = \"other.sql\"";
        let expected = "-- statement: main\nSELECT\n 1\n-- statement: a-2\nSELECT 2;\n";
        assert_eq!(read(toml).unwrap().to_sql(), expected);
    }

    #[test]
    fn what_is_no_plan_is_refused_with_its_place() {
        let one = |rest: &str| format!("[[statement]]\nname = \"main\"\n{rest}");
        let sql = one("sql = \"SELECT 1\"\n");
        let cases = [
            (String::new(), "there is no statement"),
            ("statement = []".to_owned(), "there is no statement"),
            (one(""), "needs `sql` or `file`"),
            (one("sql = \"SELECT 1\"\nfile = \"other.sql\""), "needs `sql` or `file`"),
            (one("sql = \"  \""), "the statement `main` is empty"),
            (one("sql = 1"), "line 3: "),
            (one("sql = \"SELECT 1\"\nrank = 1"), "line 4: unknown field `rank`"),
            (format!("title = \"x\"\n{sql}"), "line 1: unknown field `title`"),
            (format!("{sql}{sql}"), "two statements are named `main`"),
            (sql.replace("main", "Main"), "`Main` names no statement"),
            (sql.replace("main", "../main"), "names no statement"),
            (one("file = \"none.sql\""), "none.sql"),
            (one("sql = \"\"\"\nSELECT '\n-- statement: b\n'\"\"\""), "a line begins with `-- statement: `"),
        ];
        for (toml, words) in cases {
            let problem = read(&toml).unwrap_err().problem();
            assert!(problem.message.contains(words), "{toml}: {problem:?}");
        }
    }
}
