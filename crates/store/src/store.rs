//! The store's public face.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sekisho_audit::{Entry, Log, Receipt};
use sekisho_model::{Analysis, DatasetId, JobName, ProjectId};
use sekisho_release::Event;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio_stream::Stream;

use crate::change::Mutation;
use crate::outbox::{Done, Inner};
use crate::watch::{self, Watchers};
use crate::write::Writer;
use crate::{
    Answers, Change, Error, JobPage, JobRecord, LedgerPages, NewJob, Result, SealedResult, answers, read,
};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// How many read at the same time.
const READERS: u32 = 4;

/// How long a connection waits for another one's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Jobs, their results, and the audit log that they are bound to. Cheap to clone.
///
/// The store owns the log: everything goes through the outbox, so that the log has one order. Each
/// method that changes something takes the [`Entry`] that says so; the entry's id makes it repeatable:
/// the same call with the same entry has no further effect (see [`Error::pending`]). A change that has
/// begun goes on to its end even if the caller stops waiting for it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the state database at a path, or makes it (mode 0600), together with its log, and brings
    /// what a crash left in the outbox into the log.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] if the log is not this database's; [`Error::LedgerBehind`] if a ledger lacks what
    /// the log says was released; [`Error::Full`], [`Error::Database`] or
    /// [`Error::Log`] if they cannot be used.
    pub async fn open(path: &Path, log: Log) -> Result<Self> {
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| Error::from(sqlx::Error::Io(error)))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let mut writer = Writer::new(options.clone());
        MIGRATIONS.run(writer.connection().await?).await?;
        let pool =
            SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(options.read_only(true));
        let inner = Arc::new(Inner {
            pool,
            writer: tokio::sync::Mutex::new(writer),
            log: Arc::new(Mutex::new(log)),
            watchers: Watchers::default(),
            #[cfg(test)]
            stop_at: Mutex::default(),
        });
        let mut writer = inner.writer.lock().await;
        inner.reconcile(&mut writer).await?;
        inner.drain(&mut writer).await?;
        inner.ledgers_are_complete(&mut writer).await?;
        drop(writer);
        Ok(Self { inner })
    }

    /// Takes a job in. The same request id of the same person in the same project again answers the
    /// first job, and writes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::RequestReused`] if the request id came with another analysis before.
    pub async fn accept(&self, job: NewJob, entry: Entry) -> Result<JobRecord> {
        self.change_job(Mutation::Accept(Box::new(job)), entry).await
    }

    /// Moves a job. The state that is stored decides, in the transaction, whether it takes the event;
    /// the result is stored with the move or not at all.
    ///
    /// A released or held job must come with its result and with its step of the ledger. The entry must name
    /// the result's digest as `release_sha256`, and how far the ledger reaches ([`crate::LedgerHead::noted_in`]).
    ///
    /// # Errors
    ///
    /// [`Error::WrongState`] if the job does not take this event in its state; [`Error::NotFound`].
    pub async fn advance(
        &self,
        name: &JobName,
        event: Event,
        change: Change,
        entry: Entry,
    ) -> Result<JobRecord> {
        let mutation = Mutation::Advance { name: name.clone(), event, change: Box::new(change) };
        self.change_job(mutation, entry).await
    }

    /// Writes an entry that moves no job, and answers its index in the log.
    ///
    /// # Errors
    ///
    /// [`Error::Misfit`] if the entry's kind is one that moves a job.
    pub async fn record(&self, entry: Entry) -> Result<u64> {
        self.change(Mutation::Record, entry).await?.log_index.ok_or(Error::Corrupt { what: "outbox" })
    }

    /// Whether an entry of this id is in the log.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the store is going down.
    pub async fn is_logged(&self, id: &str) -> Result<bool> {
        let id = id.to_owned();
        self.inner.with_log(move |log| Ok(log.position(&id).is_some())).await
    }

    /// Brings into the log what an earlier failure left in the outbox. Every change does so first; this
    /// is for a server that has nothing else to do.
    ///
    /// # Errors
    ///
    /// [`Error::Full`], [`Error::Database`] or [`Error::Log`] if it still cannot be done.
    pub async fn replay(&self) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        let task = async move { inner.drain(&mut *inner.writer.lock().await).await };
        tokio::spawn(task).await.map_err(|_| Error::Stopped)?
    }

    /// A job as it is now.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] or [`Error::Corrupt`], as of every method that reads.
    pub async fn job(&self, name: &JobName) -> Result<Option<JobRecord>> {
        read::job(&self.inner.pool, name).await
    }

    /// The jobs of a project, newest first; of one person if a submitter is given.
    ///
    /// A page size of 0 means [`crate::DEFAULT_PAGE`]; the most is [`crate::LARGEST_PAGE`]. The token is
    /// [`JobPage::next`] of the page before.
    ///
    /// # Errors
    ///
    /// [`Error::PageToken`] if the token is not one.
    pub async fn jobs(
        &self,
        project: &ProjectId,
        submitter: Option<&str>,
        page_size: u32,
        page_token: Option<&str>,
    ) -> Result<JobPage> {
        read::jobs(&self.inner.pool, project, submitter, page_size, page_token).await
    }

    /// All that a job was asked with: its text, its parameters, and the rows of its code lists.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if a list is not the one that was taken in; as [`Store::job`].
    pub async fn analysis(&self, job: &JobRecord) -> Result<Analysis> {
        read::analysis(&self.inner.pool, job).await
    }

    /// All jobs that still have to move, oldest first, for a restart.
    ///
    /// # Errors
    ///
    /// As [`Store::job`].
    pub async fn unsettled(&self) -> Result<Vec<JobRecord>> {
        read::unsettled(&self.inner.pool).await
    }

    /// The result of a released job. A held one is not given out: it waits for a checker.
    ///
    /// # Errors
    ///
    /// As [`Store::job`].
    pub async fn result(&self, name: &JobName) -> Result<Option<SealedResult>> {
        read::result(&self.inner.pool, name).await
    }

    /// How many answers a project was given of each attribute; held results are not among them.
    ///
    /// # Errors
    ///
    /// As [`Store::job`].
    pub async fn answers(&self, project: &ProjectId) -> Result<Answers> {
        answers::of_project(&self.inner.pool, project).await
    }

    /// The ledger of a dataset, what waits for the log included.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] if a page is missing in the middle or was altered; as [`Store::job`].
    pub async fn ledger(&self, dataset: &DatasetId) -> Result<LedgerPages> {
        self.inner.ledger(dataset).await
    }

    /// The present state of a job at once, then each further one as it becomes visible, none left out;
    /// ends when the job is settled or the store is closed.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is no such job.
    pub async fn watch(
        &self,
        name: &JobName,
    ) -> Result<impl Stream<Item = Result<JobRecord>> + Send + use<>> {
        // Subscribed first, so that no change falls between.
        let notices = self.inner.watchers.subscribe(name);
        let first = self.job(name).await?.ok_or(Error::NotFound)?;
        Ok(watch::follow(self.inner.pool.clone(), notices, first))
    }

    /// Proof that an entry is in the log.
    ///
    /// # Errors
    ///
    /// [`Error::Log`] if the log has no such entry or was altered.
    pub async fn receipt(&self, log_index: u64) -> Result<Receipt> {
        self.inner.with_log(move |log| Ok(log.receipt(log_index)?)).await
    }

    /// The signed checkpoint of the log as it is now.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the store is going down.
    pub async fn log_checkpoint(&self) -> Result<String> {
        self.inner.with_log(|log| Ok(log.checkpoint().to_owned())).await
    }

    /// The public key with which the log and its receipts can be checked.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the store is going down.
    pub async fn verifier_key(&self) -> Result<String> {
        self.inner.with_log(|log| Ok(log.verifier_key().to_owned())).await
    }

    /// Waits for a change that is under way, and closes the database's connections. Without it nothing
    /// is lost either.
    pub async fn close(self) {
        let mut writer = self.inner.writer.lock().await;
        self.inner.pool.close().await;
        // The last connection tidies up the write-ahead log.
        if let Err(error) = writer.close().await {
            tracing::warn!(%error, "the state database was not closed cleanly");
        }
    }

    async fn change_job(&self, mutation: Mutation, entry: Entry) -> Result<JobRecord> {
        let name = self.change(mutation, entry).await?.job.ok_or(Error::Corrupt { what: "outbox" })?;
        let job = self.job(&name).await.map_err(|error| error.after_commit(true))?;
        job.ok_or(Error::Corrupt { what: "job" })
    }

    /// Makes a change on a task of its own: a caller that goes away does not leave it half done.
    async fn change(&self, mutation: Mutation, entry: Entry) -> Result<Done> {
        let inner = Arc::clone(&self.inner);
        let task = async move { inner.mutate(mutation, entry).await };
        tokio::spawn(task).await.map_err(|_| Error::Stopped)?
    }

    #[cfg(test)]
    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
}
