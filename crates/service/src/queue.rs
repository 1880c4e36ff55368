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
use crate::problem::{Problem, Result, failed, internal};

/// How long a move waits before it is tried again when it could not be written down.
pub(crate) const RETRY: Duration = Duration::from_secs(2);

/// How many jobs the server takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Capacity {
    /// Jobs that run at once.
    pub running: usize,
    /// Jobs that are accepted and not settled, running ones included.
    pub unsettled: usize,
    /// Checks of a plan that are made at once.
    pub checks: usize,
    /// Checks that wait for their turn.
    pub checks_waiting: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { running: 2, unsettled: 1_000, checks: 2, checks_waiting: 50 }
    }
}

/// The jobs that are not settled.
pub(crate) struct Queue {
    capacity: Capacity,
    slots: Semaphore,
    /// For checks, which have slots of their own: many of them take nothing from the jobs.
    checks: Arc<Semaphore>,
    /// For checks that wait or are made.
    checks_admitted: Arc<Semaphore>,
    jobs: Mutex<HashMap<JobName, CancellationToken>>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl Queue {
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            slots: Semaphore::new(capacity.running),
            checks: Arc::new(Semaphore::new(capacity.checks)),
            checks_admitted: Arc::new(Semaphore::new(
                capacity.checks.saturating_add(capacity.checks_waiting).min(Semaphore::MAX_PERMITS),
            )),
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

    /// Makes a check when it is its turn. One that has begun goes on to its end in its slot even if the
    /// caller stops waiting: the planner cannot be interrupted, and callers who come and go must not have
    /// more of them run than there are slots.
    pub(crate) async fn check<T: Send + 'static>(
        &self,
        check: impl Future<Output = T> + Send + 'static,
    ) -> Result<T> {
        let busy = || {
            let hint = "wait until some of them are answered and ask again";
            Refusal::new(Code::Busy, "the enclave has as many checks as it takes", hint)
        };
        let admitted = Arc::clone(&self.checks_admitted).try_acquire_owned().map_err(|_| busy())?;
        let slot = Arc::clone(&self.checks).acquire_owned().await.map_err(|_| busy())?;
        let checked = tokio::spawn(async move {
            let answer = check.await;
            drop((slot, admitted));
            answer
        });
        checked.await.map_err(|error| internal(&error, "check"))
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

#[cfg(test)]
mod tests {
    use futures::future::{join, pending, ready};
    use tokio::sync::oneshot;

    use super::*;

    fn queue(checks: usize, checks_waiting: usize) -> Queue {
        Queue::new(Capacity { checks, checks_waiting, ..Capacity::default() })
    }

    #[tokio::test]
    async fn checks_wait_for_their_turn_and_past_the_last_place_they_are_turned_away() {
        let queue = queue(1, 1);
        let (answer, answered) = oneshot::channel::<u32>();
        let mut first = Box::pin(queue.check(answered));
        assert!(futures::poll!(&mut first).is_pending());
        let mut second = Box::pin(queue.check(ready(2)));
        assert!(futures::poll!(&mut second).is_pending(), "there is one slot");
        let third = queue.check(ready(3)).await.unwrap_err();
        assert_eq!(third.code, Code::Busy);
        assert!(queue.admit().is_ok(), "checks take nothing from the jobs");
        answer.send(1).unwrap();
        let (first, second) = join(first, second).await;
        assert_eq!((first.unwrap(), second.unwrap()), (Ok(1), 2));
        assert_eq!(queue.check(ready(4)).await, Ok(4));
    }

    #[tokio::test]
    async fn a_caller_who_goes_away_gives_back_a_place_but_not_a_slot_that_works() {
        let queue = queue(1, 1);
        let mut first = Box::pin(queue.check(pending::<()>()));
        assert!(futures::poll!(&mut first).is_pending());
        drop(first);
        let mut second = Box::pin(queue.check(ready(())));
        assert!(futures::poll!(&mut second).is_pending(), "the first still works");
        assert_eq!(queue.check(ready(())).await.unwrap_err().code, Code::Busy);
        drop(second);
        let mut third = Box::pin(queue.check(ready(())));
        assert!(futures::poll!(&mut third).is_pending(), "the place of the second is free again");
    }
}
