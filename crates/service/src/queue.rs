//! Which jobs run when: a bounded number at once, in the order of their acceptance.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use sekisho_audit::Entry;
use sekisho_model::{Code, JobName, Refusal};
use sekisho_release::Event;
use sekisho_store::{self as store, Change, JobRecord, NewJob};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::calls::Stage;
use crate::path::{self, Stop};
use crate::problem::{Problem, Result, failed};

/// How long a move waits before it is tried again when it could not be written down.
pub(crate) const RETRY: Duration = Duration::from_secs(2);

/// How many jobs the server takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Capacity {
    /// Jobs that run at once.
    pub running: usize,
    /// Jobs that are accepted and not settled, running ones included.
    pub unsettled: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { running: 2, unsettled: 1_000 }
    }
}

/// The jobs that are not settled.
pub(crate) struct Queue {
    capacity: Capacity,
    slots: Semaphore,
    jobs: Mutex<HashMap<JobName, CancellationToken>>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl Queue {
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            slots: Semaphore::new(capacity.running),
            jobs: Mutex::new(HashMap::new()),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Whether one more job may be accepted.
    pub(crate) fn admit(&self) -> Result<()> {
        if self.stopping.is_cancelled() || self.jobs().len() >= self.capacity.unsettled {
            let hint = "wait until some of them are settled and submit again";
            return Err(Refusal::new(Code::Busy, "the enclave has as many jobs as it takes", hint));
        }
        Ok(())
    }

    /// Puts an accepted job into the queue; one that is there already stays as it is.
    pub(crate) fn push(self: &Arc<Self>, stage: Arc<Stage>, job: JobRecord) {
        let cancelled = self.stopping.child_token();
        {
            let mut jobs = self.jobs();
            if jobs.contains_key(&job.name) {
                return;
            }
            jobs.insert(job.name.clone(), cancelled.clone());
        }
        let queue = Arc::clone(self);
        self.tasks.spawn(async move {
            let name = job.name.clone();
            tokio::select! {
                () = cancelled.cancelled() => {}
                () = queue.work(&stage, job) => {}
            }
            queue.jobs().remove(&name);
        });
    }

    /// Sees to a job whose acceptance is kept but could not be logged yet: once it is, the job is there
    /// for everybody, and runs.
    pub(crate) fn push_when_logged(self: &Arc<Self>, stage: Arc<Stage>, job: NewJob, entry: Entry) {
        let (queue, stopping) = (Arc::clone(self), self.stopping.clone());
        self.tasks.spawn(async move {
            let logged = async {
                loop {
                    tokio::time::sleep(RETRY).await;
                    match stage.store.accept(job.clone(), entry.clone()).await {
                        Ok(job) => return Some(job),
                        Err(
                            store::Error::Full { .. }
                            | store::Error::Database { .. }
                            | store::Error::Log { .. },
                        ) => {}
                        // The next start takes it up.
                        Err(error) => {
                            tracing::error!(%error, "a job that was kept could not be queued");
                            return None;
                        }
                    }
                }
            };
            tokio::select! {
                () = stopping.cancelled() => {}
                job = logged => if let Some(job) = job.filter(|job| !job.state.settled()) {
                    queue.push(stage.clone(), job);
                }
            }
        });
    }

    /// Ends the work on a job that was cancelled.
    pub(crate) fn cancel(&self, name: &JobName) {
        if let Some(cancelled) = self.jobs().get(name) {
            cancelled.cancel();
        }
    }

    /// Stops all work; jobs that are not settled are resumed by the next start.
    pub(crate) async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn work(&self, stage: &Stage, job: JobRecord) {
        let Ok(_slot) = self.slots.acquire().await else {
            return;
        };
        let name = job.name.clone();
        // A defect ends the job that shows it, and no other.
        let run = AssertUnwindSafe(path::run(stage, job)).catch_unwind();
        let stopped = match tokio::time::timeout(stage.limits.time, run).await {
            Ok(Ok(Ok(()) | Err(Stop::Moved))) => return,
            Ok(Ok(Err(Stop::Failed(problem)))) => (Event::Fail, problem),
            Ok(Ok(Err(Stop::Refused(refusal)))) => (Event::Refuse, refusal),
            Ok(Err(_panic)) => (Event::Fail, failed()),
            Err(_elapsed) => (Event::Fail, time_limit(stage)),
        };
        let (event, problem) = stopped;
        // The store knows in which state the job is by now.
        if let Ok(Some(job)) = stage.store.job(&name).await
            && !job.state.settled()
        {
            let change = Change { problem: Some(problem), ..Change::default() };
            // Whoever moved the job meanwhile has settled it.
            let _moved = stage.advance(job, event, change).await;
        }
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<JobName, CancellationToken>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn time_limit(stage: &Stage) -> Problem {
    let message = format!("the analysis ran longer than {} s", stage.limits.time.as_secs());
    Refusal::new(Code::TimeLimit, message, "filter earlier, or group less finely")
}
