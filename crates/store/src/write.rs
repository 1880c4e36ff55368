//! The one connection that writes, and what it keeps of the outbox.

use sekisho_audit::Entry;
use sekisho_model::JobName;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

use crate::change::{Mutation, Written, transact};
use crate::row::{number, parse};
use crate::{Error, Result};

/// An entry that was written to the outbox.
#[derive(sqlx::FromRow)]
pub(crate) struct OutboxRow {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) entry: Vec<u8>,
    pub(crate) log_index: Option<i64>,
    /// The job that it moves.
    project: Option<String>,
    job: Option<String>,
}

impl OutboxRow {
    pub(crate) fn job(&self) -> Result<Option<JobName>> {
        let (Some(project), Some(job)) = (&self.project, &self.job) else { return Ok(None) };
        Ok(Some(JobName { project: parse(project, "name")?, job: parse(job, "name")? }))
    }
}

macro_rules! outbox {
    ($rest:literal) => {
        concat!(
            "SELECT outbox.seq, outbox.id, outbox.entry, outbox.log_index, jobs.project, jobs.job FROM outbox
             LEFT JOIN job_states ON job_states.outbox = outbox.seq LEFT JOIN jobs ON jobs.seq = job_states.job ",
            $rest
        )
    };
}

const OUTBOX_OF_ID: &str = outbox!("WHERE outbox.id = ?1");
const OUTBOX_PENDING: &str = outbox!("WHERE outbox.log_index IS NULL ORDER BY outbox.seq");
const OUTBOX_LAST_LOGGED: &str =
    outbox!("WHERE outbox.log_index IS NOT NULL ORDER BY outbox.log_index DESC LIMIT 1");
const OUTBOX_LOGGED: &str = "SELECT COUNT(log_index) FROM outbox";
const MARK: &str = "UPDATE outbox SET log_index = ?2 WHERE seq = ?1 AND log_index IS NULL";
/// The one connection that writes. After any error it is thrown away, for SQLite may have ended the
/// transaction on its own.
pub(crate) struct Writer {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
}

impl Writer {
    pub(crate) fn new(options: SqliteConnectOptions) -> Self {
        Self { options, connection: None }
    }

    pub(crate) async fn connection(&mut self) -> Result<&mut SqliteConnection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.options).await?,
        };
        Ok(self.connection.insert(connection))
    }

    fn keep_if_ok<T, E: Into<Error>>(&mut self, result: Result<T, E>) -> Result<T> {
        result.map_err(|error| {
            self.connection = None;
            error.into()
        })
    }

    pub(crate) async fn close(&mut self) -> Result<()> {
        match self.connection.take() {
            Some(connection) => Ok(connection.close().await?),
            None => Ok(()),
        }
    }

    pub(crate) async fn outbox_of(&mut self, id: &str) -> Result<Option<OutboxRow>> {
        let connection = self.connection().await?;
        let row = sqlx::query_as(OUTBOX_OF_ID).bind(id).fetch_optional(connection).await;
        self.keep_if_ok(row)
    }

    pub(crate) async fn pending(&mut self) -> Result<Vec<OutboxRow>> {
        let rows = sqlx::query_as(OUTBOX_PENDING).fetch_all(self.connection().await?).await;
        self.keep_if_ok(rows)
    }

    /// How many entries are marked as being in the log, and the last of them.
    pub(crate) async fn logged(&mut self) -> Result<(u64, Option<OutboxRow>)> {
        let connection = self.connection().await?;
        let count: i64 = sqlx::query_scalar(OUTBOX_LOGGED).fetch_one(&mut *connection).await?;
        let last = sqlx::query_as(OUTBOX_LAST_LOGGED).fetch_optional(connection).await?;
        Ok((number(count)?, last))
    }

    /// Notes that an entry is in the log; this makes its change visible.
    pub(crate) async fn mark(&mut self, seq: i64, log_index: u64) -> Result<()> {
        let log_index = i64::try_from(log_index).map_err(|_| Error::Corrupt { what: "number" })?;
        let marked = sqlx::query(MARK).bind(seq).bind(log_index).execute(self.connection().await?).await;
        self.keep_if_ok(marked).map(|_| ())
    }

    /// Makes a change and writes its entry to the outbox, both or neither.
    pub(crate) async fn write(
        &mut self,
        mutation: &Mutation,
        entry: &Entry,
        bytes: &[u8],
    ) -> Result<Written> {
        let connection = self.connection().await?;
        let written = transact(connection, mutation, entry, bytes).await;
        self.keep_if_ok(written)
    }
}
