//! The path of one job: its stages in order, each handing its proof to the next.

use std::sync::Arc;

use sekisho_authz::Permit;
use sekisho_disclosure::{self as disclosure, Outcome, Page, Profile, Released};
use sekisho_model::{Analysis, Limits, Refusal, SnapshotId};
use sekisho_query::{self as query, PublicRun, View};
use sekisho_release::Event;
use sekisho_store::{Answers, Change, JobRecord, PolicyRef, SealedResult};
use sekisho_vault::Snapshot;
use tokio::task::spawn_blocking;

use crate::budget;
use crate::calls::Stage;
use crate::earlier::{self, Earlier};
use crate::history::{History, Missing};
use crate::problem::{Problem, Result, internal, not_found, of_check, of_policy, of_store, of_vault};
use crate::record;

/// Why a job ends without a result.
pub(crate) enum Stop {
    /// A limit, or an error of ours.
    Failed(Problem),
    /// Somebody else moved the job: it was cancelled, or the server is going down.
    Moved,
    /// The checkpoint will not run it.
    Refused(Refusal),
}

/// What a permitted job runs on: one snapshot, one set of rules.
pub(crate) struct Ground {
    permit: Permit,
    profile: Profile,
    snapshot: Arc<Snapshot>,
}

/// Runs a queued job to its verdict: authorize, plan, execute, check, release. Each move of the job is
/// durable and in the log before the next stage begins.
pub(crate) async fn run(stage: &Stage, job: JobRecord) -> Result<(), Stop> {
    let ground = authorize(stage, &job).await?;
    let job = stage.advance(job, Event::Start, ground.facts()).await?;
    let analysis = stage.store.analysis(&job).await.map_err(|error| Stop::Failed(of_store(error)))?;
    let plan = plan(analysis, &ground, &stage.limits).await.map_err(Stop::Refused)?;
    budget::allow(stage, &ground, &plan).await.map_err(Stop::Refused)?;
    let asked = earlier::asked(&ground, &plan);
    if let Some(earlier) = earlier::earlier(stage, &ground, &asked).await {
        return again(stage, job, &ground, earlier).await;
    }
    let (unreleased, public) = execute(stage, plan).await?;
    let job = stage.advance(job, Event::Check, Change::default()).await?;
    // From here until the release stands in the ledger, no other release of the dataset is judged.
    let history = history(stage, &ground).await?;
    let (outcome, answers, (page, history)) = check(&ground, history, unreleased, public).await?;
    // A held result is no answer to give again.
    let page = match &outcome {
        Outcome::Held(_) => page,
        Outcome::Released(_) => page.kept(asked, job.name.to_string()),
    };
    let snapshot = Some(ground.snapshot.id.clone());
    release(stage, job, &ground, (outcome, answers, snapshot), (page, history)).await
}

/// Gives an earlier answer again, as a release of its own.
async fn again(stage: &Stage, job: JobRecord, ground: &Ground, earlier: Earlier) -> Result<(), Stop> {
    let Earlier { outcome, snapshot, answers, page, history } = earlier;
    let job = stage.advance(job, Event::Check, Change::default()).await?;
    release(stage, job, ground, (outcome, answers, snapshot), (page, history)).await
}

/// Whether the job may (still) run, and on what.
async fn authorize(stage: &Stage, job: &JobRecord) -> Result<Ground, Stop> {
    let organisation = Some(job.organisation.as_str()).filter(|organisation| !organisation.is_empty());
    let permit = stage.projects.permit_accepted(&job.name.project, &job.submitter, organisation);
    let permit = permit.map_err(|_| Stop::Failed(not_found()))?;
    ground(stage, permit).await.map_err(Stop::Failed)
}

/// The snapshot and the rules of a permitted project.
pub(crate) async fn ground(stage: &Stage, permit: Permit) -> Result<Ground> {
    let project = permit.project();
    let profile =
        stage.profiles.get(&project.profile).and_then(|profile| profile.stricter(&project.stricter));
    let profile = profile.map_err(|error| of_policy(&error))?.with_rounding_key(stage.rounding.clone());
    let snapshot = stage.vault.snapshot(&project.dataset, project.snapshot).await;
    let snapshot = Arc::new(snapshot.map_err(|error| of_vault(&error))?);
    note(stage, &snapshot).await?;
    Ok(Ground { permit, profile, snapshot })
}

/// Before anything of it is read, the log has that people left a dataset.
async fn note(stage: &Stage, snapshot: &Snapshot) -> Result<()> {
    let Some(follows) = snapshot.follows() else { return Ok(()) };
    let entry = record::opted_out(&snapshot.id, &follows, stage.clock.now());
    let is_logged = async || stage.store.is_logged(&entry.id).await.map_err(of_store);
    if is_logged().await? {
        return Ok(());
    }
    match stage.store.record(entry.clone()).await {
        Ok(_) => Ok(()),
        // Another job may have been faster, at another time.
        Err(error) => {
            if is_logged().await? {
                Ok(())
            } else {
                Err(of_store(error))
            }
        }
    }
}

/// Judges the analysis from its text, what comes with it, and the catalogue alone.
async fn plan(analysis: Analysis, ground: &Ground, limits: &Limits) -> Result<query::Plan, Refusal> {
    judge(analysis, ground, limits).await?.plan()
}

/// Judges each statement of the analysis.
pub(crate) async fn judge(
    analysis: Analysis,
    ground: &Ground,
    limits: &Limits,
) -> Result<query::Judged, Refusal> {
    let view = View {
        snapshot: Arc::clone(&ground.snapshot),
        grants: ground.permit.project().tables.clone(),
        profile: ground.profile.clone(),
    };
    let limits = limits.clone();
    let judged = spawn_blocking(move || query::judge(analysis, &view, &limits)).await;
    judged.unwrap_or_else(|error| Err(internal(&error, "plan")))
}

/// Runs the confidential half.
async fn execute(stage: &Stage, plan: query::Plan) -> Result<(disclosure::Unreleased, PublicRun), Stop> {
    stage.engine.execute(plan, &stage.limits).await.map_err(|failure| failed(&failure))
}

/// What was released of the dataset before, by whomever and in whichever project.
async fn history(stage: &Stage, ground: &Ground) -> Result<History, Stop> {
    stage.histories.of(&stage.store, &ground.snapshot.id.dataset).await.map_err(Stop::Failed)
}

/// The checkpoint judges the cells together with what was released before, and the public half runs on what
/// it lets through.
async fn check(
    ground: &Ground,
    history: History,
    unreleased: disclosure::Unreleased,
    public: PublicRun,
) -> Result<(Outcome, Answers, (Page, History)), Stop> {
    let (profile, hold) = (ground.profile.clone(), ground.permit.project().hold);
    let judge = move || {
        let checked = history
            .ledger()
            .map(|ledger| disclosure::check(unreleased, ledger, &profile, hold))
            .ok_or(Missing);
        (checked, history)
    };
    let (checked, history) = apart(judge).await?;
    let checked = checked.map_err(|error| Stop::Failed(internal(&error, "check")))?;
    let checked = checked.map_err(|error| Stop::Failed(of_check(&error)))?;
    let (page, answers) = (checked.page().clone(), Answers(checked.answers().clone()));
    let outcome = checked.publish(public).await.map_err(|failure| failed(&failure))?;
    Ok((outcome, answers, (page, history)))
}

/// Runs the checkpoint on a thread of its own. If it panics, the job fails: nothing is released, and nobody is
/// told what the panic says, which may be of a record.
async fn apart<T: Send + 'static>(judge: impl FnOnce() -> T + Send + 'static) -> Result<T, Stop> {
    let judged = spawn_blocking(judge).await;
    judged.map_err(|_| Stop::Failed(internal(&Panicked, "check")))
}

/// Seals the result; the job is released, or held for a checker, with the result and its page of the ledger
/// in one transaction.
async fn release(
    stage: &Stage,
    job: JobRecord,
    ground: &Ground,
    (outcome, answers, snapshot): (Outcome, Answers, Option<SnapshotId>),
    (page, history): (Page, History),
) -> Result<(), Stop> {
    let context = job.name.to_string();
    let (event, sealed) = match outcome {
        Outcome::Held(held) => (Event::Hold, held.seal(&stage.seal, &context)),
        Outcome::Released(released) => (Event::Release, released.seal(&stage.seal, &context)),
    };
    let sealed = sealed.map_err(|error| Stop::Failed(internal(&error, "seal a result")))?;
    let result = SealedResult { bytes: sealed.bytes, digest: sealed.digest };
    let (ledger, step) = stage.histories.step(history, page).map_err(Stop::Failed)?;
    let change = Change {
        snapshot,
        policy: Some(ground.policy()),
        result: Some(result),
        ledger: Some(ledger),
        answers,
        ..Change::default()
    };
    stage.advance(job, event, change).await?;
    step.taken();
    Ok(())
}

/// Opens a released result again, after its digest was compared with the one in the log.
pub(crate) async fn reopen(stage: &Stage, job: &JobRecord) -> Result<Released> {
    let wrong_state = || {
        let message = format!("the job is {}, so it has no result to fetch", job.state);
        Refusal::new(
            sekisho_model::Code::WrongState,
            message,
            "`sekisho watch` follows a job until it is settled",
        )
    };
    let release = job.release.ok_or_else(wrong_state)?;
    let sealed = stage.store.result(&job.name).await.map_err(of_store)?;
    let sealed = sealed.ok_or_else(wrong_state)?;
    let receipt = stage.store.receipt(release.log_index).await.map_err(of_store)?;
    let entry =
        sekisho_audit::Entry::decode(&receipt.entry).map_err(|error| internal(&error, "read the log"))?;
    let logged =
        entry.details.get("release_sha256").and_then(|text| text.parse().ok()).ok_or_else(wrong_state)?;
    let context = job.name.to_string();
    Released::reopen(&sealed.bytes, &stage.seal, &context, &logged)
        .map_err(|error| internal(&error, "open a sealed result"))
}

/// The checkpoint panicked: a defect.
#[derive(Debug, thiserror::Error)]
#[error("the checkpoint panicked")]
struct Panicked;

fn failed(failure: &query::Failure) -> Stop {
    tracing::warn!(%failure, "a job failed");
    Stop::Failed(failure.refusal())
}

impl Ground {
    /// What the job is told about the ground that it runs on.
    fn facts(&self) -> Change {
        Change { snapshot: Some(self.snapshot.id.clone()), policy: Some(self.policy()), ..Change::default() }
    }

    /// The rules, as answers and log name them.
    pub(crate) fn policy(&self) -> PolicyRef {
        PolicyRef { profile: self.profile.name().to_owned(), sha256: self.profile.digest() }
    }

    /// The snapshot that is read.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The project and what it grants.
    pub(crate) fn permit(&self) -> &Permit {
        &self.permit
    }

    /// The rules.
    pub(crate) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The rules in words.
    pub(crate) fn rules(&self) -> Vec<String> {
        self.profile.rules_in_words()
    }
}

#[cfg(test)]
mod tests {
    use sekisho_model::Code;

    use super::*;

    #[tokio::test]
    async fn a_panic_in_the_checkpoint_fails_the_job_and_says_nothing() {
        let stopped = apart(|| -> Outcome { panic!("a record: 4711") }).await;
        let Err(Stop::Failed(problem)) = stopped else { panic!("went on") };
        assert_eq!(problem.code, Code::Internal);
        assert!(!format!("{problem:?}").contains("4711"));
        assert!(matches!(apart(|| 7).await, Ok(7)));
    }
}
