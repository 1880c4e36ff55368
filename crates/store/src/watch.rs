//! How a job is followed: each visible state once, in order, without asking again and again.
//!
//! A notice says only that something changed; the states themselves are read from the database, so a
//! slow follower misses none.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use futures::stream;
use sekisho_model::JobName;
use sqlx::SqlitePool;
use tokio::sync::watch;
use tokio_stream::Stream;

use crate::{Error, JobRecord, Result, read};

/// Who follows which job.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Mutex<HashMap<JobName, watch::Sender<()>>>);

impl Watchers {
    pub(crate) fn subscribe(&self, name: &JobName) -> watch::Receiver<()> {
        let mut watchers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.entry(name.clone()).or_default().subscribe()
    }

    /// Tells those who follow a job that it has a new visible state, and forgets jobs that nobody follows.
    pub(crate) fn notify(&self, name: &JobName) {
        let mut watchers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|_, notices| notices.receiver_count() > 0);
        if let Some(notices) = watchers.get(name) {
            notices.send_replace(());
        }
    }

    /// How many jobs somebody follows.
    #[cfg(test)]
    pub(crate) fn followed(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

struct Follow {
    pool: SqlitePool,
    name: JobName,
    notices: watch::Receiver<()>,
    /// Read, and not yet given out.
    ready: VecDeque<JobRecord>,
    version: u64,
    done: bool,
}

/// The present state at once, then each further one; ends after a settled one.
///
/// The notices must have been subscribed to before `first` was read.
pub(crate) fn follow(
    pool: SqlitePool,
    notices: watch::Receiver<()>,
    first: JobRecord,
) -> impl Stream<Item = Result<JobRecord>> + Send + use<> {
    let name = first.name.clone();
    let follow = Follow { pool, name, notices, version: 0, ready: VecDeque::from([first]), done: false };
    stream::unfold(follow, async |mut follow| {
        let item = follow.next().await?;
        follow.done |= item.is_err();
        Some((item, follow))
    })
}

impl Follow {
    async fn next(&mut self) -> Option<Result<JobRecord, Error>> {
        loop {
            if self.done {
                return None;
            }
            if let Some(record) = self.ready.pop_front() {
                self.version = record.version;
                self.done = record.state.settled();
                return Some(Ok(record));
            }
            // The sender goes only with the store.
            self.notices.changed().await.ok()?;
            match read::states_after(&self.pool, &self.name, self.version).await {
                Ok(records) => self.ready.extend(records),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
