//! How many answers a project was given, as the log says of each of its releases.

use std::collections::{BTreeMap, BTreeSet};

use sekisho_audit::Entry;
use sekisho_model::ProjectId;
use sqlx::SqlitePool;

use crate::{Error, Result};

/// The detail of an entry that says how many answers a release shows.
const ANSWERS: &str = "answers";

const RELEASES: &str = "
    SELECT jobs.sql, jobs.parameters, jobs.lists, outbox.entry
    FROM outbox JOIN job_states ON job_states.outbox = outbox.seq JOIN jobs ON jobs.seq = job_states.job
    WHERE jobs.project = ?1 AND job_states.state = 'released' AND outbox.log_index IS NOT NULL
    ORDER BY outbox.log_index";

/// A number of answers for each attribute, by its name (`table.column`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Answers(pub BTreeMap<String, u64>);

impl Answers {
    /// An entry that says so.
    #[must_use]
    pub fn noted_in(&self, entry: Entry) -> Entry {
        if self.0.is_empty() {
            return entry;
        }
        let one = |(attribute, number): (&String, &u64)| format!("{attribute}={number}");
        entry.with(ANSWERS, self.0.iter().map(one).collect::<Vec<_>>().join(" "))
    }

    /// What an entry says: nothing, if it says nothing of answers.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it has no form of ours.
    pub fn of(entry: &Entry) -> Result<Self> {
        let said = entry.details.get(ANSWERS).map(String::as_str).unwrap_or_default();
        let one = |text: &str| {
            let (attribute, number) = text.rsplit_once('=')?;
            Some((attribute.to_owned(), number.parse().ok()?))
        };
        let all: Option<_> = said.split_whitespace().map(one).collect();
        all.map(Self).ok_or(Error::Corrupt { what: "log entry" })
    }
}

/// What a project was given. The same analysis of the same snapshot is given once.
pub(crate) async fn of_project(pool: &SqlitePool, project: &ProjectId) -> Result<Answers> {
    type Row = (String, Option<String>, Option<String>, Vec<u8>);
    let rows: Vec<Row> = sqlx::query_as(RELEASES).bind(project.as_str()).fetch_all(pool).await?;
    let (mut seen, mut all) = (BTreeSet::new(), Answers::default());
    for (sql, parameters, lists, entry) in rows {
        let entry = Entry::decode(&entry)?;
        if !seen.insert((sql, parameters, lists, entry.details.get("snapshot").cloned())) {
            continue;
        }
        for (attribute, number) in Answers::of(&entry)?.0 {
            let sum = all.0.entry(attribute).or_default();
            *sum = sum.saturating_add(number);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use sekisho_audit::EventKind;
    use sekisho_model::Timestamp;

    use super::*;

    #[test]
    fn an_entry_says_how_many_answers_there_were() {
        let entry = || Entry::new("1", Timestamp(0), EventKind::JobReleased, "enclave");
        let some = Answers([("claims.points".to_owned(), 2), ("diagnoses.icd10".to_owned(), 1)].into());
        for answers in [some, Answers::default()] {
            assert_eq!(Answers::of(&answers.noted_in(entry())).unwrap(), answers);
        }
        assert!(Answers::default().noted_in(entry()).details.is_empty());
        assert!(Answers::of(&entry().with("answers", "claims.points=x")).is_err());
    }
}
