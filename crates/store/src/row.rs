//! How a row of the views becomes a job.

use std::str::FromStr;

use sekisho_model::{Code, Digest, JobName, JobState, Position, Refusal, Timestamp};

use crate::{Error, JobRecord, PolicyRef, ReleaseRef, Result, analysis};

/// A row of `visible_states` or `visible_jobs`.
#[derive(sqlx::FromRow)]
pub(crate) struct JobRow {
    project: String,
    job: String,
    request_id: Option<String>,
    sql: String,
    parameters: Option<String>,
    lists: Option<String>,
    submitter: String,
    organisation: String,
    accepted_at: i64,
    version: i64,
    state: String,
    entered_at: i64,
    snapshot: Option<String>,
    policy_profile: Option<String>,
    policy_sha256: Option<String>,
    problem_code: Option<String>,
    problem_message: Option<String>,
    problem_hint: Option<String>,
    problem_line: Option<i64>,
    problem_column: Option<i64>,
    log_index: i64,
    release_sha256: Option<String>,
    stands_for: Option<String>,
}

impl TryFrom<JobRow> for JobRecord {
    type Error = Error;

    fn try_from(row: JobRow) -> Result<Self> {
        let log_index = number(row.log_index)?;
        let policy = match (row.policy_profile, row.policy_sha256) {
            (Some(profile), Some(sha256)) => Some(PolicyRef { profile, sha256: parse(&sha256, "digest")? }),
            _ => None,
        };
        let problem = match (row.problem_code, row.problem_message, row.problem_hint) {
            (Some(code), Some(message), Some(hint)) => {
                let position = position(row.problem_line, row.problem_column)?;
                Some(Refusal::new(code_of(&code)?, message, hint).at(position))
            }
            _ => None,
        };
        let release = row.release_sha256.map(|digest| {
            let digest: Digest = parse(&digest, "digest")?;
            Ok::<_, Error>(ReleaseRef { digest, log_index })
        });
        Ok(Self {
            name: JobName { project: parse(&row.project, "name")?, job: parse(&row.job, "name")? },
            state: parse::<JobState>(&row.state, "state")?,
            version: number(row.version)?,
            log_index,
            request_id: row.request_id,
            sql: row.sql,
            parameters: analysis::parameters(row.parameters)?,
            lists: analysis::lists(row.lists)?,
            submitter: row.submitter,
            organisation: row.organisation,
            accepted_at: Timestamp(number(row.accepted_at)?),
            updated_at: Timestamp(number(row.entered_at)?),
            snapshot: row.snapshot.map(|text| parse(&text, "snapshot")).transpose()?,
            policy,
            stands_for: row.stands_for.map(|text| parse(&text, "snapshot")).transpose()?,
            problem,
            release: release.transpose()?,
        })
    }
}

/// Several rows.
pub(crate) fn records(rows: Vec<JobRow>) -> Result<Vec<JobRecord>> {
    rows.into_iter().map(JobRecord::try_from).collect()
}

pub(crate) fn parse<T: FromStr>(text: &str, what: &'static str) -> Result<T> {
    text.parse().map_err(|_| Error::Corrupt { what })
}

pub(crate) fn number<T: TryFrom<i64>>(number: i64) -> Result<T> {
    T::try_from(number).map_err(|_| Error::Corrupt { what: "number" })
}

fn code_of(text: &str) -> Result<Code> {
    Code::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(Error::Corrupt { what: "code" })
}

fn position(line: Option<i64>, column: Option<i64>) -> Result<Option<Position>> {
    match (line, column) {
        (Some(line), Some(column)) => Ok(Some(Position { line: number(line)?, column: number(column)? })),
        _ => Ok(None),
    }
}
