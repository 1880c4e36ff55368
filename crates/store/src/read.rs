//! What can be asked of the store: only what is in the log is answered.

use std::str::FromStr as _;

use sekisho_model::{Analysis, CodeList, Digest, JobId, JobName, JobState, ProjectId};
use sqlx::SqlitePool;

use crate::row::{JobRow, parse, records};
use crate::{Error, JobPage, JobRecord, Result, SealedResult};

/// How many jobs a page has if the caller does not say.
pub const DEFAULT_PAGE: u32 = 50;

/// The most jobs of a page.
pub const LARGEST_PAGE: u32 = 500;

const JOB: &str = "SELECT * FROM visible_jobs WHERE project = ?1 AND job = ?2";

const JOBS: &str = "
    SELECT * FROM visible_jobs
    WHERE project = ?1 AND (?2 IS NULL OR submitter = ?2) AND (?3 IS NULL OR job < ?3)
    ORDER BY job DESC LIMIT ?4";

const UNSETTLED: &str = "
    SELECT * FROM visible_jobs WHERE state IN ('queued', 'running', 'checking') ORDER BY seq";

const STATES_AFTER: &str = "
    SELECT * FROM visible_states WHERE project = ?1 AND job = ?2 AND version > ?3 ORDER BY version";

const LISTS: &str = "
    SELECT job_lists.name, job_lists.csv FROM visible_jobs JOIN job_lists ON job_lists.job = visible_jobs.seq
    WHERE project = ?1 AND visible_jobs.job = ?2 ORDER BY position";

const RESULT: &str = "
    SELECT results.bytes, results.sha256 FROM visible_jobs JOIN results ON results.job = visible_jobs.seq
    WHERE project = ?1 AND visible_jobs.job = ?2 AND state = ?3";

pub(crate) async fn job(pool: &SqlitePool, name: &JobName) -> Result<Option<JobRecord>> {
    let row: Option<JobRow> =
        sqlx::query_as(JOB).bind(name.project.as_str()).bind(name.job.as_str()).fetch_optional(pool).await?;
    row.map(JobRecord::try_from).transpose()
}

/// All that a job was asked with.
pub(crate) async fn analysis(pool: &SqlitePool, job: &JobRecord) -> Result<Analysis> {
    let rows: Vec<(String, String)> = sqlx::query_as(LISTS)
        .bind(job.name.project.as_str())
        .bind(job.name.job.as_str())
        .fetch_all(pool)
        .await?;
    let list = |(name, csv): (String, String)| Ok(CodeList { name: parse(&name, "list")?, csv });
    let lists = rows.into_iter().map(list).collect::<Result<Vec<_>>>()?;
    let read = lists.iter().map(|list| (&list.name, Digest::of(list.csv.as_bytes())));
    if !read.eq(job.lists.iter().map(|list| (&list.name, list.sha256))) {
        return Err(Error::Corrupt { what: "list" });
    }
    Ok(Analysis { sql: job.sql.clone(), parameters: job.parameters.clone(), lists })
}

/// A page of jobs, newest first. The token is the last job's id.
pub(crate) async fn jobs(
    pool: &SqlitePool,
    project: &ProjectId,
    submitter: Option<&str>,
    page_size: u32,
    page_token: Option<&str>,
) -> Result<JobPage> {
    let before = page_token.map(JobId::from_str).transpose().map_err(|_| Error::PageToken)?;
    let size = if page_size == 0 { DEFAULT_PAGE } else { page_size.min(LARGEST_PAGE) };
    let rows: Vec<JobRow> = sqlx::query_as(JOBS)
        .bind(project.as_str())
        .bind(submitter)
        .bind(before.as_ref().map(JobId::as_str))
        .bind(i64::from(size) + 1)
        .fetch_all(pool)
        .await?;
    let mut jobs = records(rows)?;
    // One more than a page was asked for, to know whether there is a next page.
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = jobs.len() > size;
    jobs.truncate(size);
    let next = jobs.last().filter(|_| more).map(|job| job.name.job.to_string());
    Ok(JobPage { jobs, next })
}

pub(crate) async fn unsettled(pool: &SqlitePool) -> Result<Vec<JobRecord>> {
    records(sqlx::query_as(UNSETTLED).fetch_all(pool).await?)
}

/// The states that a job came into after a version, in order.
pub(crate) async fn states_after(pool: &SqlitePool, name: &JobName, version: u64) -> Result<Vec<JobRecord>> {
    let rows: Vec<JobRow> = sqlx::query_as(STATES_AFTER)
        .bind(name.project.as_str())
        .bind(name.job.as_str())
        .bind(i64::try_from(version).unwrap_or(i64::MAX))
        .fetch_all(pool)
        .await?;
    records(rows)
}

pub(crate) async fn result(pool: &SqlitePool, name: &JobName) -> Result<Option<SealedResult>> {
    let row: Option<(Vec<u8>, String)> = sqlx::query_as(RESULT)
        .bind(name.project.as_str())
        .bind(name.job.as_str())
        .bind(JobState::Released.as_str())
        .fetch_optional(pool)
        .await?;
    let sealed = |(bytes, digest): (Vec<u8>, String)| {
        Ok(SealedResult { bytes, digest: parse::<Digest>(&digest, "digest")? })
    };
    row.map(sealed).transpose()
}
