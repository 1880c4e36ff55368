//! How a change becomes visible: committed with its entry, then in the log, then marked.

use std::sync::{Arc, Mutex, PoisonError};

use sekisho_audit::{Entry, Log};
use sekisho_model::JobName;
use sqlx::SqlitePool;
use tokio::task::spawn_blocking;

use crate::change::{Mutation, Written};
use crate::watch::Watchers;
use crate::write::{OutboxRow, Writer};
use crate::{Error, Result};

/// What all clones of a store share.
pub(crate) struct Inner {
    pub(crate) pool: SqlitePool,
    /// Held during a whole change, so that at most one entry waits for the log.
    pub(crate) writer: tokio::sync::Mutex<Writer>,
    pub(crate) log: Arc<Mutex<Log>>,
    pub(crate) watchers: Watchers,
    #[cfg(test)]
    pub(crate) stop_at: Mutex<Option<Step>>,
}

/// The instants between which a crash can fall.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// Nothing is written yet.
    Begun,
    /// The change and its entry are committed.
    Committed,
    /// The entry is in the log.
    Logged,
    /// The change is visible, nobody was told.
    Marked,
}

/// What a change led to.
pub(crate) struct Done {
    /// The job concerned.
    pub(crate) job: Option<JobName>,
    /// Where its entry stands; `None` if nothing was written because it was known.
    pub(crate) log_index: Option<u64>,
}

impl Inner {
    /// Makes a change and answers when it is visible.
    ///
    /// Its entry may be known already: then the change was made before, and is only brought to its end.
    pub(crate) async fn mutate(&self, mutation: Mutation, entry: Entry) -> Result<Done> {
        mutation.check(&entry)?;
        let bytes = entry.encode()?;
        let mut writer = self.writer.lock().await;
        let known = writer.outbox_of(&entry.id).await?;
        if known.as_ref().is_some_and(|row| row.entry != bytes) {
            return Err(Error::Misfit { reason: "another entry has the same id" });
        }
        // What an earlier failure left behind goes first: the log has the order of the outbox.
        self.drain(&mut writer).await.map_err(|error| error.after_commit(known.is_some()))?;
        if known.is_none() {
            self.step(Step::Begun)?;
            if let Written::Known(name) = writer.write(&mutation, &entry, &bytes).await? {
                return Ok(Done { job: Some(name), log_index: None });
            }
            let finish = async {
                self.step(Step::Committed)?;
                self.drain(&mut writer).await
            };
            finish.await.map_err(|error| error.after_commit(true))?;
        }
        let row = writer.outbox_of(&entry.id).await.map_err(|error| error.after_commit(true))?;
        let row = row.ok_or(Error::Corrupt { what: "outbox" })?;
        Ok(Done { job: row.job()?, log_index: row.log_index.and_then(|index| u64::try_from(index).ok()) })
    }

    /// Brings every entry of the outbox into the log, in order, and so makes its change visible.
    pub(crate) async fn drain(&self, writer: &mut Writer) -> Result<()> {
        for row in writer.pending().await? {
            let name = row.job()?;
            let (seq, log_index) = (row.seq, self.log_once(row).await?);
            self.step(Step::Logged)?;
            writer.mark(seq, log_index).await?;
            self.step(Step::Marked)?;
            if let Some(name) = name {
                self.watchers.notify(&name);
            }
        }
        Ok(())
    }

    /// Appends an entry, unless it is in the log already.
    async fn log_once(&self, row: OutboxRow) -> Result<u64> {
        self.with_log(move |log| {
            if let Some(index) = log.position(&row.id) {
                return Ok(index);
            }
            let indexes = log.append(&[Entry::decode(&row.entry)?])?;
            indexes.first().copied().ok_or(Error::Stopped)
        })
        .await
    }

    /// Uses the log on a thread that may block.
    pub(crate) async fn with_log<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Log) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let log = Arc::clone(&self.log);
        let locked = move || task(&mut log.lock().unwrap_or_else(PoisonError::into_inner));
        spawn_blocking(locked).await.map_err(|_| Error::Stopped)?
    }

    /// Whether log and database belong together: the log has what is marked as logged, then perhaps
    /// what is pending, and nothing else.
    pub(crate) async fn reconcile(&self, writer: &mut Writer) -> Result<()> {
        let (logged, last) = writer.logged().await?;
        let pending: Vec<String> = writer.pending().await?.into_iter().map(|row| row.id).collect();
        self.with_log(move |log| {
            if log.size() < logged {
                return Err(Error::Diverged { reason: "the log is older" });
            }
            let same = last.is_none_or(|row| {
                let index = row.log_index.and_then(|index| u64::try_from(index).ok());
                index == logged.checked_sub(1) && index == log.position(&row.id)
            });
            if !same {
                return Err(Error::Diverged { reason: "the last entries differ" });
            }
            let taken = (logged..).zip(&pending).take_while(|(index, id)| log.position(id) == Some(*index));
            if logged.checked_add(taken.map(|_| 1).sum()) != Some(log.size()) {
                return Err(Error::Diverged { reason: "the database is older" });
            }
            Ok(())
        })
        .await
    }

    #[cfg(not(test))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "a test stops the store here")]
    fn step(&self, _step: Step) -> Result<()> {
        Ok(())
    }

    #[cfg(test)]
    fn step(&self, step: Step) -> Result<()> {
        let stop_at = self.stop_at.lock().unwrap_or_else(PoisonError::into_inner);
        if *stop_at == Some(step) { Err(Error::Crash) } else { Ok(()) }
    }
}
