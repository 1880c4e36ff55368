//! What a change does to the database: the change and its audit entry in one transaction.

use sekisho_audit::Entry;
use sekisho_model::{JobName, JobState};
use sekisho_release::{self as release, Event, Rule};
use sqlx::{Connection as _, SqliteConnection};

use crate::analysis::{stored_lists, stored_parameters};
use crate::row::parse;
use crate::{Change, Error, LedgerStep, NewJob, Result, SealedResult};

/// The detail of an entry that names the digest of the result that is released or held.
const DIGEST_DETAIL: &str = "release_sha256";

const INSERT_OUTBOX: &str = "INSERT INTO outbox (id, entry) VALUES (?1, ?2) RETURNING seq";
const REQUEST: &str = "SELECT project, job, sql, parameters, lists FROM jobs WHERE project = ?1 AND submitter = ?2 AND request_id = ?3";
const INSERT_JOB: &str = "
    INSERT INTO jobs (project, job, request_id, sql, parameters, lists, submitter, organisation)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING seq";
const INSERT_LIST: &str = "INSERT INTO job_lists (job, position, name, csv) VALUES (?1, ?2, ?3, ?4)";
const LATEST: &str = "
    SELECT job_states.job, version, state, snapshot, policy_profile, policy_sha256,
        problem_code, problem_message, problem_hint, problem_line, problem_column
    FROM jobs JOIN job_states ON job_states.job = jobs.seq
    WHERE jobs.project = ?1 AND jobs.job = ?2 ORDER BY version DESC LIMIT 1";
const INSERT_STATE: &str = "
    INSERT INTO job_states (job, version, outbox, state, entered_at, snapshot, policy_profile, policy_sha256,
        problem_code, problem_message, problem_hint, problem_line, problem_column)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
const INSERT_PAGE: &str = "
    INSERT INTO ledger_pages (dataset, position, outbox, chain, bytes) VALUES (?1, ?2, ?3, ?4, ?5)";
const INSERT_RESULT: &str = "INSERT INTO results (job, sha256, bytes) VALUES (?1, ?2, ?3)";

/// A change to be made.
pub(crate) enum Mutation {
    Accept(Box<NewJob>),
    Advance {
        name: JobName,
        event: Event,
        change: Box<Change>,
    },
    /// Only the entry.
    Record,
}

impl Mutation {
    /// Whether the entry says what the change does.
    pub(crate) fn check(&self, entry: &Entry) -> Result<()> {
        let (name, event) = match self {
            Self::Accept(job) => (&job.name, Event::Accept),
            Self::Advance { name, event, .. } => (name, *event),
            Self::Record => {
                let of_job = release::TABLE.iter().any(|rule| rule.audit == entry.kind.as_str());
                return if of_job { misfit("a job moves without its change") } else { Ok(()) };
            }
        };
        if (entry.project.as_ref(), entry.job.as_ref()) != (Some(&name.project), Some(&name.job)) {
            return misfit("the entry is about another job");
        }
        if !release::TABLE.iter().any(|rule| rule.event == event && rule.audit == entry.kind.as_str()) {
            return misfit("the entry is of another kind");
        }
        Ok(())
    }
}

/// What a transaction did.
pub(crate) enum Written {
    /// The change and its entry are committed.
    Committed,
    /// The request was taken in before, as this job; nothing was written.
    Known(JobName),
}

/// The newest state of a job, and the next one while it is being made.
#[derive(Default, sqlx::FromRow)]
struct StateRow {
    job: i64,
    version: i64,
    state: String,
    snapshot: Option<String>,
    policy_profile: Option<String>,
    policy_sha256: Option<String>,
    problem_code: Option<String>,
    problem_message: Option<String>,
    problem_hint: Option<String>,
    problem_line: Option<i64>,
    problem_column: Option<i64>,
}

impl StateRow {
    fn apply(&mut self, change: &Change) {
        if let Some(snapshot) = &change.snapshot {
            self.snapshot = Some(snapshot.to_string());
        }
        if let Some(policy) = &change.policy {
            self.policy_profile = Some(policy.profile.clone());
            self.policy_sha256 = Some(policy.sha256.to_string());
        }
        if let Some(problem) = &change.problem {
            self.problem_code = Some(problem.code.to_string());
            self.problem_message = Some(problem.message.clone());
            self.problem_hint = Some(problem.hint.clone());
            self.problem_line = problem.position.map(|position| position.line.into());
            self.problem_column = problem.position.map(|position| position.column.into());
        }
    }
}

/// Makes a change and writes its entry to the outbox, both or neither.
pub(crate) async fn transact(
    connection: &mut SqliteConnection,
    mutation: &Mutation,
    entry: &Entry,
    bytes: &[u8],
) -> Result<Written> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    if let Mutation::Accept(job) = mutation
        && let Some(name) = same_request(&mut tx, job).await?
    {
        tx.rollback().await?;
        return Ok(Written::Known(name));
    }
    let outbox: i64 =
        sqlx::query_scalar(INSERT_OUTBOX).bind(&entry.id).bind(bytes).fetch_one(&mut *tx).await?;
    match mutation {
        Mutation::Accept(job) => accept(&mut tx, job, entry, outbox).await?,
        Mutation::Advance { name, event, change } => {
            advance(&mut tx, name, *event, change, entry, outbox).await?;
        }
        Mutation::Record => {}
    }
    tx.commit().await?;
    Ok(Written::Committed)
}

/// The job that this request was taken in as before.
async fn same_request(tx: &mut SqliteConnection, job: &NewJob) -> Result<Option<JobName>> {
    let Some(request_id) = &job.request_id else { return Ok(None) };
    let (parameters, lists) = (stored_parameters(&job.analysis)?, stored_lists(&job.analysis)?);
    let known: Option<RequestRow> = sqlx::query_as(REQUEST)
        .bind(job.name.project.as_str())
        .bind(&job.submitter)
        .bind(request_id)
        .fetch_optional(tx)
        .await?;
    match known {
        None => Ok(None),
        // The digests of the lists are among what is compared.
        Some(known)
            if (known.sql.as_str(), &known.parameters, &known.lists)
                != (job.analysis.sql.as_str(), &parameters, &lists) =>
        {
            Err(Error::RequestReused)
        }
        Some(known) => {
            Ok(Some(JobName { project: parse(&known.project, "name")?, job: parse(&known.job, "name")? }))
        }
    }
}

/// What was asked with a request id before.
#[derive(sqlx::FromRow)]
struct RequestRow {
    project: String,
    job: String,
    sql: String,
    parameters: Option<String>,
    lists: Option<String>,
}

async fn accept(tx: &mut SqliteConnection, job: &NewJob, entry: &Entry, outbox: i64) -> Result<()> {
    let rule = release::rule(None, Event::Accept)?;
    let seq: i64 = sqlx::query_scalar(INSERT_JOB)
        .bind(job.name.project.as_str())
        .bind(job.name.job.as_str())
        .bind(&job.request_id)
        .bind(&job.analysis.sql)
        .bind(stored_parameters(&job.analysis)?)
        .bind(stored_lists(&job.analysis)?)
        .bind(&job.submitter)
        .bind(&job.organisation)
        .fetch_one(&mut *tx)
        .await?;
    for (position, list) in (0_i64..).zip(&job.analysis.lists) {
        sqlx::query(INSERT_LIST)
            .bind(seq)
            .bind(position)
            .bind(list.name.as_str())
            .bind(&list.csv)
            .execute(&mut *tx)
            .await?;
    }
    let state = StateRow { job: seq, version: 1, state: rule.to.to_string(), ..StateRow::default() };
    insert_state(tx, &state, entry, outbox).await
}

/// Moves a job, if the state that is stored takes the event.
async fn advance(
    tx: &mut SqliteConnection,
    name: &JobName,
    event: Event,
    change: &Change,
    entry: &Entry,
    outbox: i64,
) -> Result<()> {
    let latest: Option<StateRow> = sqlx::query_as(LATEST)
        .bind(name.project.as_str())
        .bind(name.job.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    let mut state = latest.ok_or(Error::NotFound)?;
    let rule = release::rule(Some(parse(&state.state, "state")?), event)?;
    let result = result_of(rule, change, entry)?;
    if let Some((_, step)) = result {
        take_step(tx, step, outbox).await?;
    }
    state.version += 1;
    state.state = rule.to.to_string();
    state.apply(change);
    insert_state(tx, &state, entry, outbox).await?;
    if let Some((result, _)) = result {
        sqlx::query(INSERT_RESULT)
            .bind(state.job)
            .bind(result.digest.to_string())
            .bind(&result.bytes)
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// The result that goes with this move, and its step of the ledger: released and held jobs have them, named
/// in their entry, and no other job has.
fn result_of<'a>(
    rule: &Rule,
    change: &'a Change,
    entry: &Entry,
) -> Result<Option<(&'a SealedResult, &'a LedgerStep)>> {
    let wants = matches!(rule.to, JobState::Released | JobState::Held);
    match (&change.result, &change.ledger) {
        (None, None) if !wants => Ok(None),
        _ if !wants => misfit("a job that is neither released nor held has a result"),
        (None, _) => misfit("a job is released or held without its result"),
        (_, None) => misfit("a job is released or held without its step of the ledger"),
        (Some(result), _) if entry.details.get(DIGEST_DETAIL) != Some(&result.digest.to_string()) => {
            misfit("the entry does not name the digest of the result as `release_sha256`")
        }
        (_, Some(step)) if !step.is_noted_in(entry) => {
            misfit("the entry does not say how far the ledger reaches")
        }
        (Some(result), Some(step)) => Ok(Some((result, step))),
    }
}

/// Writes the page of a release, if nothing came between its verdict and now.
async fn take_step(tx: &mut SqliteConnection, step: &LedgerStep, outbox: i64) -> Result<()> {
    if !step.fits(tx).await? {
        return misfit("the ledger is not the one that the release was judged with");
    }
    let position = i64::try_from(step.head.position).map_err(|_| Error::Corrupt { what: "number" })?;
    sqlx::query(INSERT_PAGE)
        .bind(step.head.dataset.as_str())
        .bind(position)
        .bind(outbox)
        .bind(step.head.chain.to_string())
        .bind(&step.page)
        .execute(tx)
        .await?;
    Ok(())
}

async fn insert_state(tx: &mut SqliteConnection, state: &StateRow, entry: &Entry, outbox: i64) -> Result<()> {
    let at = i64::try_from(entry.at.0).map_err(|_| Error::Misfit { reason: "its time is out of range" })?;
    sqlx::query(INSERT_STATE)
        .bind(state.job)
        .bind(state.version)
        .bind(outbox)
        .bind(&state.state)
        .bind(at)
        .bind(&state.snapshot)
        .bind(&state.policy_profile)
        .bind(&state.policy_sha256)
        .bind(&state.problem_code)
        .bind(&state.problem_message)
        .bind(&state.problem_hint)
        .bind(state.problem_line)
        .bind(state.problem_column)
        .execute(tx)
        .await?;
    Ok(())
}

fn misfit<T>(reason: &'static str) -> Result<T> {
    Err(Error::Misfit { reason })
}
