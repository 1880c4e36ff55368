//! What callers can ask of the enclave. Each call knows who asks and whether they may, first of all.

use std::fmt;
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use sekisho_audit::Receipt;
use sekisho_authn::{Authenticator, Principal};
use sekisho_authz::{Action, Permit, Projects, Resource};
use sekisho_disclosure::{Profiles, Released, RoundingKey, SealKey};
use sekisho_model::{
    Analysis, Clock, Dataset, JobName, Limits, Project, ProjectId, Refusal, SnapshotId, StatementName,
    TableGrant,
};
use sekisho_query::{Cost, Engine};
use sekisho_release::Event;
use sekisho_store::{Change, JobPage, JobRecord, NewJob, PolicyRef, Store};
use sekisho_vault::Vault;

use crate::budget::{self, Budget};
use crate::history::Histories;
use crate::path::{self, Stop};
use crate::problem::{Result, internal, invalid, not_found, of_policy, of_store, of_token};
use crate::queue::{Capacity, Queue, RETRY};
use crate::record;

/// A job as its project's members see it.
pub type JobView = JobRecord;

/// What the path stands on.
pub struct Stage {
    /// Verifies bearer tokens.
    pub authenticator: Authenticator,
    /// The approved projects.
    pub projects: Projects,
    /// The disclosure profiles.
    pub profiles: Profiles,
    /// The data at rest.
    pub vault: Vault,
    /// Runs judged plans.
    pub engine: Engine,
    /// Jobs, results and the log.
    pub store: Store,
    /// What was released of each dataset.
    pub histories: Histories,
    /// Seals results.
    pub seal: SealKey,
    /// Draws for the profiles that round by a key.
    pub rounding: RoundingKey,
    /// How much one job may use.
    pub limits: Limits,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The enclave's public functions.
#[derive(Clone)]
pub struct Service {
    stage: Arc<Stage>,
    queue: Arc<Queue>,
}

/// The answer to a check of a plan.
#[derive(Debug)]
pub struct Checked {
    /// Why it would be refused; `None` if it would run.
    pub problem: Option<Refusal>,
    /// What it would cost of each attribute.
    pub costs: Vec<Cost>,
    /// Each statement that has a name.
    pub statements: Vec<CheckedStatement>,
    /// The snapshot that was looked at.
    pub snapshot: SnapshotId,
    /// The rules that would judge the result.
    pub policy: PolicyRef,
}

/// The answer to a check of one statement among several.
#[derive(Debug)]
pub struct CheckedStatement {
    /// Its name.
    pub name: StatementName,
    /// Why it would be refused, and all others with it; `None` if it would run.
    pub problem: Option<Refusal>,
    /// What it would cost of each attribute.
    pub costs: Vec<Cost>,
}

/// What a project may read, and under which rules.
#[derive(Debug)]
pub struct Catalog {
    /// The project.
    pub project: Project,
    /// The snapshot that a job would read now.
    pub snapshot: SnapshotId,
    /// The granted part of the dataset.
    pub dataset: Dataset,
    /// The functions that SQL may use, of every sort.
    pub functions: Vec<&'static str>,
    /// Those of them that are aggregates.
    pub aggregate_functions: Vec<&'static str>,
    /// Those of them that are called with OVER.
    pub window_functions: Vec<&'static str>,
    /// The disclosure rules in words.
    pub rules: Vec<String>,
    /// The disclosure rules as a profile's TOML.
    pub profile: String,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Service")
    }
}

impl Service {
    /// Starts the service: writes down that it did, and takes up the jobs that an earlier run left.
    ///
    /// # Errors
    /// Where state cannot be read or written.
    pub async fn start(stage: Stage, capacity: Capacity, version: &str) -> Result<Self> {
        let service = Self { stage: Arc::new(stage), queue: Arc::new(Queue::new(capacity)) };
        let stage = &service.stage;
        stage.store.record(record::started(version, stage.clock.now())).await.map_err(of_store)?;
        for job in stage.store.unsettled().await.map_err(of_store)? {
            let job = match record::moved(&job, Event::Resume, None, stage.clock.now()) {
                None => job,
                Some(entry) => {
                    let moved = stage.store.advance(&job.name, Event::Resume, Change::default(), entry).await;
                    moved.map_err(of_store)?
                }
            };
            service.queue.push(Arc::clone(stage), job);
        }
        Ok(service)
    }

    /// Stops taking and running jobs. What is not settled is resumed by the next start.
    pub async fn stop(&self) {
        self.queue.stop().await;
    }

    /// Accepts a job. It is durable when this returns.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `NOT_FOUND`, `BUSY`, `TOO_LARGE`, `LIST_NOT_ALLOWED`, `INVALID_ARGUMENT`,
    /// `STORAGE`.
    pub async fn submit(
        &self,
        token: &str,
        project: &str,
        analysis: Analysis,
        request_id: Option<String>,
    ) -> Result<JobView> {
        let permit = self.project(token, Action::Submit, project).await?;
        self.queue.admit()?;
        analysis.check(&self.stage.limits)?;
        if request_id.as_ref().is_some_and(|id| id.len() > 128) {
            return Err(invalid("a request id has at most 128 bytes", "use a UUID or a ULID"));
        }
        let id = ulid::Ulid::from_parts(self.stage.clock.now().0, rand_bits());
        let job = id.to_string().parse().map_err(|error| internal(&error, "name a job"))?;
        let name = JobName { project: permit.project().id.clone(), job };
        let entry = record::accepted(&name, &analysis, permit.subject(), self.stage.clock.now());
        let job = NewJob {
            name,
            request_id,
            analysis,
            submitter: permit.subject().to_owned(),
            organisation: permit.organisation().unwrap_or_default().to_owned(),
        };
        let accepted = self.stage.store.accept(job.clone(), entry.clone()).await;
        if accepted.as_ref().is_err_and(sekisho_store::Error::pending) {
            self.queue.push_when_logged(Arc::clone(&self.stage), job, entry);
        }
        let job = accepted.map_err(of_store)?;
        if !job.state.settled() {
            self.queue.push(Arc::clone(&self.stage), job.clone());
        }
        Ok(job)
    }

    /// Judges an analysis from its plan alone, by the same stage that judges a job.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `NOT_FOUND`, `BUSY`; that the plan is refused is an answer, not an error.
    pub async fn check(&self, token: &str, project: &str, analysis: Analysis) -> Result<Checked> {
        let permit = self.project(token, Action::Submit, project).await?;
        let stage = Arc::clone(&self.stage);
        let check = async move {
            let ground = path::ground(&stage, permit).await?;
            let judged = path::judge(analysis, &ground, &stage.limits).await;
            let statements = judged.iter().flat_map(CheckedStatement::of).collect();
            let plan = match judged.and_then(sekisho_query::Judged::plan) {
                Ok(plan) => budget::allow(&stage, &ground, &plan).await.map(|()| plan),
                Err(refusal) => Err(refusal),
            };
            let costs = plan.as_ref().map(sekisho_query::Plan::costs).unwrap_or_default();
            Ok(Checked {
                problem: plan.err(),
                costs,
                statements,
                snapshot: ground.snapshot().id.clone(),
                policy: ground.policy(),
            })
        };
        self.queue.check(check).await?
    }

    /// A job's present state.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `NOT_FOUND`.
    pub async fn job(&self, token: &str, name: &str) -> Result<JobView> {
        self.visible_job(token, Action::View, name).await
    }

    /// The jobs of a project, newest first.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `NOT_FOUND`, `INVALID_ARGUMENT` for a foreign page token.
    pub async fn jobs(
        &self,
        token: &str,
        project: &str,
        page_size: u32,
        page_token: &str,
    ) -> Result<JobPage> {
        let permit = self.project(token, Action::ListJobs, project).await?;
        let page_token = Some(page_token).filter(|token| !token.is_empty());
        self.stage.store.jobs(&permit.project().id, None, page_size, page_token).await.map_err(of_store)
    }

    /// The present state at once, then each further one, until the job is settled.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `NOT_FOUND`.
    pub async fn watch(
        &self,
        token: &str,
        name: &str,
    ) -> Result<impl Stream<Item = Result<JobView>> + Send + use<>> {
        let job = self.visible_job(token, Action::View, name).await?;
        let states = self.stage.store.watch(&job.name).await.map_err(of_store)?;
        Ok(states.map(|state| state.map_err(of_store)))
    }

    /// Takes a job back; a settled one stays as it is.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `NOT_FOUND`.
    pub async fn cancel(&self, token: &str, name: &str) -> Result<JobView> {
        let mut job = self.visible_job(token, Action::Cancel, name).await?;
        while !job.state.settled() {
            let subject = job.submitter.clone();
            let Some(entry) = record::moved(&job, Event::Cancel, Some(&subject), self.stage.clock.now())
            else {
                break;
            };
            let problem = Refusal::new(sekisho_model::Code::Cancelled, "the job was taken back", "");
            let change = Change { problem: Some(problem), ..Change::default() };
            match self.stage.store.advance(&job.name, Event::Cancel, change, entry).await {
                Ok(cancelled) => job = cancelled,
                // It moved meanwhile: look again.
                Err(sekisho_store::Error::WrongState(_)) => job = self.stored(&job.name).await?,
                Err(error) => return Err(of_store(error)),
            }
        }
        self.queue.cancel(&job.name);
        Ok(job)
    }

    /// The result of a released job.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `NOT_FOUND`, `WRONG_STATE` while there is none.
    pub async fn result(&self, token: &str, name: &str) -> Result<Released> {
        let job = self.visible_job(token, Action::View, name).await?;
        path::reopen(&self.stage, &job).await
    }

    /// The proof that a release stands in the log.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `NOT_FOUND`, `WRONG_STATE` if nothing was released.
    pub async fn receipt(&self, token: &str, name: &str) -> Result<Receipt> {
        let job = self.visible_job(token, Action::View, name).await?;
        let wrong_state = || {
            let message = format!("the job is {}: only a released one has a receipt", job.state);
            Refusal::new(sekisho_model::Code::WrongState, message, "")
        };
        let release = job.release.ok_or_else(wrong_state)?;
        self.stage.store.receipt(release.log_index).await.map_err(of_store)
    }

    /// The projects that the caller belongs to.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`.
    pub async fn projects(&self, token: &str) -> Result<Vec<Project>> {
        let principal = self.caller(token).await?;
        let permits = self.stage.projects.visible(&principal);
        Ok(permits.into_iter().map(|permit| permit.project().clone()).collect())
    }

    /// What a project may read, and under which rules.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `NOT_FOUND`.
    pub async fn catalog(&self, token: &str, project: &str) -> Result<Catalog> {
        let permit = self.project(token, Action::ReadCatalog, project).await?;
        let ground = path::ground(&self.stage, permit).await?;
        let project = ground.permit().project().clone();
        Ok(Catalog {
            snapshot: ground.snapshot().id.clone(),
            dataset: granted(&ground.snapshot().dataset, &project.tables),
            functions: sekisho_query::allowed_functions(),
            aggregate_functions: sekisho_query::aggregate_functions(),
            window_functions: sekisho_query::window_functions(),
            rules: ground.rules(),
            profile: ground.profile().to_toml().map_err(|error| of_policy(&error))?,
            project,
        })
    }

    /// What a project was given of each attribute, and what the attribute is worth at most.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `NOT_FOUND`.
    pub async fn budget(&self, token: &str, project: &str) -> Result<Budget> {
        let permit = self.project(token, Action::ReadCatalog, project).await?;
        let ground = path::ground(&self.stage, permit).await?;
        Budget::of(&self.stage, &ground).await
    }

    /// Whether a token is one of a signed-in caller.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`.
    pub async fn signed_in(&self, token: &str) -> Result<()> {
        self.caller(token).await.map(|_| ())
    }

    /// The public key of the log, with which receipts are checked.
    ///
    /// # Errors
    /// `INTERNAL` while the store is going down.
    pub async fn log_key(&self) -> Result<String> {
        self.stage.store.verifier_key().await.map_err(of_store)
    }

    async fn caller(&self, token: &str) -> Result<Principal> {
        self.stage.authenticator.authenticate(token).await.map_err(|error| of_token(&error))
    }

    async fn project(&self, token: &str, action: Action, project: &str) -> Result<Permit> {
        let principal = self.caller(token).await?;
        let id: ProjectId =
            project.strip_prefix("projects/").unwrap_or(project).parse().map_err(|_| not_found())?;
        self.permit(&principal, action, Resource::Project(id)).await
    }

    async fn visible_job(&self, token: &str, action: Action, name: &str) -> Result<JobView> {
        let principal = self.caller(token).await?;
        let name: JobName = name.parse().map_err(|_| not_found())?;
        // Membership first: whether a job is there is only looked up for members of its project.
        self.permit(&principal, Action::ListJobs, Resource::Project(name.project.clone())).await?;
        let job = self.stored(&name).await?;
        let resource = Resource::Job { name, submitter: job.submitter.clone() };
        self.permit(&principal, action, resource).await?;
        Ok(job)
    }

    async fn stored(&self, name: &JobName) -> Result<JobView> {
        self.stage.store.job(name).await.map_err(of_store)?.ok_or_else(not_found)
    }

    async fn permit(&self, principal: &Principal, action: Action, resource: Resource) -> Result<Permit> {
        let permit = self.stage.projects.permit(principal, action, resource);
        if permit.is_err() {
            let entry = record::denied(principal.subject(), action.as_str(), self.stage.clock.now());
            self.stage.store.record(entry).await.map_err(of_store)?;
        }
        permit.map_err(|_| not_found())
    }
}

impl CheckedStatement {
    fn of(judged: &sekisho_query::Judged) -> impl Iterator<Item = Self> {
        judged.named().map(|(name, verdict)| {
            let (problem, costs) = match verdict {
                Ok(costs) => (None, costs),
                Err(refusal) => (Some(refusal.clone()), Vec::new()),
            };
            Self { name: name.clone(), problem, costs }
        })
    }
}

impl Stage {
    /// Moves a job, durably and in the log. While storage is full it waits: the job is not lost, and
    /// goes on when there is room again.
    pub(crate) async fn advance(
        &self,
        job: JobRecord,
        event: Event,
        change: Change,
    ) -> Result<JobRecord, Stop> {
        let Some(entry) = record::moved(&job, event, None, self.clock.now()) else {
            return Err(Stop::Moved);
        };
        let entry = match (&change.policy, &change.result) {
            (Some(policy), Some(result)) => {
                let snapshot = change.snapshot.as_ref().or(job.snapshot.as_ref());
                record::with_result(entry, snapshot, policy, &result.digest)
            }
            _ => entry,
        };
        let entry = if event == Event::Release { change.answers.noted_in(entry) } else { entry };
        let entry = change.ledger.iter().fold(entry, |entry, step| step.head.noted_in(entry));
        loop {
            match self.store.advance(&job.name, event, change.clone(), entry.clone()).await {
                Ok(job) => return Ok(job),
                Err(sekisho_store::Error::WrongState(_) | sekisho_store::Error::NotFound) => {
                    return Err(Stop::Moved);
                }
                Err(error @ (sekisho_store::Error::Full { .. } | sekisho_store::Error::Database { .. })) => {
                    tracing::error!(%error, job = %job.name, "a job waits for storage");
                    tokio::time::sleep(RETRY).await;
                }
                Err(error) => return Err(Stop::Failed(of_store(error))),
            }
        }
    }
}

/// The tables and columns that were granted; the subject column is always among them.
fn granted(dataset: &Dataset, grants: &[TableGrant]) -> Dataset {
    let mut granted = dataset.clone();
    granted.tables.retain_mut(|table| {
        let Some(grant) = grants.iter().find(|grant| grant.table == table.name) else {
            return false;
        };
        if let Some(names) = &grant.columns {
            let subject = sekisho_model::ColumnClass::Subject;
            table.columns.retain(|column| column.class == subject || names.contains(&column.name));
        }
        true
    });
    granted
}

fn rand_bits() -> u128 {
    ulid::Ulid::new().random()
}
