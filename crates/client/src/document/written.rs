//! A document that was written to a file earlier: what it refers to, and whether its values are a result's.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Document, Policy, ReleaseRef, State};
use crate::{Error, Result};

#[derive(Deserialize)]
struct References {
    job: Option<String>,
    snapshot: Option<String>,
    policy: Option<Policy>,
    receipt: Option<ReleaseRef>,
}

#[derive(Deserialize)]
struct Values<'a> {
    #[serde(borrow)]
    columns: &'a RawValue,
    #[serde(borrow)]
    rows: &'a RawValue,
    #[serde(borrow)]
    withheld: &'a RawValue,
    #[serde(borrow)]
    statements: Option<&'a RawValue>,
}

impl Document {
    /// What a document written earlier refers to (job, snapshot, policy, receipt), without its rows.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if it is not such a document.
    pub fn read_references(json: &str) -> Result<Self> {
        let read: References = serde_json::from_str(json).map_err(|error| not_a_document(&error))?;
        Ok(Self {
            job: read.job,
            snapshot: read.snapshot,
            policy: read.policy,
            receipt: read.receipt,
            ..Self::empty(State::Released)
        })
    }

    /// Whether a document written earlier has the columns, rows and withheld cells of this one, to the digit, and
    /// those of the same statements.
    /// Spaces and line ends between them do not matter.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if it is not such a document.
    pub fn has_the_values_of(&self, json: &str) -> Result<bool> {
        Ok(values(json)? == values(&self.to_json_line())?)
    }
}

/// Columns, rows and withheld cells, and those of several statements, as they are written, without the spaces
/// between them.
fn values(json: &str) -> Result<[String; 4]> {
    let read: Values<'_> = serde_json::from_str(json).map_err(|error| not_a_document(&error))?;
    let parts = [Some(read.columns), Some(read.rows), Some(read.withheld), read.statements];
    Ok(parts.map(|part| part.map(|part| compact(part.get())).unwrap_or_default()))
}

fn compact(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let kept = |character: &char| {
        let keep = quoted || !character.is_ascii_whitespace();
        quoted = quoted != (*character == '"' && !escaped);
        escaped = *character == '\\' && !escaped;
        keep
    };
    json.chars().filter(kept).collect()
}

fn not_a_document(error: &serde_json::Error) -> Error {
    Error::argument(format!("the file is not a document: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_count_within_texts_only() {
        assert_eq!(compact("[ {\"a b\\\" c\": 1.50} ,\n2 ]"), "[{\"a b\\\" c\":1.50},2]");
    }

    #[test]
    fn a_changed_digit_is_seen_and_another_layout_is_not() {
        let written = |rows: &str| format!("{{\"columns\": [], \"rows\": {rows}, \"withheld\": []}}");
        let same = |rows: &str| Document::empty(State::Released).has_the_values_of(&written(rows)).unwrap();
        assert!(same("[\n]"));
        assert!(!same("[{}]"));
        assert!(Document::empty(State::Released).has_the_values_of("{}").is_err());
        let more = written("[]").replace("{\"columns", "{\"statements\": [{}], \"columns");
        assert!(!Document::empty(State::Released).has_the_values_of(&more).unwrap());
    }
}
