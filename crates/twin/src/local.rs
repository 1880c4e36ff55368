//! How an analysis is judged on this machine: plan, execute, check and the public half, by the enclave's crates,
//! under the project's rules, as if nothing of the dataset had been released before.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sekisho_client::{Client, Document, Position, Problem, Submission};
use sekisho_disclosure::{self as disclosure, Ledger, Outcome, RoundingKey};
use sekisho_model::{
    Analysis, AnalysisError, CodeList, Dataset, DatasetId, Finite, Hold, Limits, Parameter, Refusal,
    SnapshotPin, TableGrant,
};
use sekisho_query::{self as query, Engine, View};
use sekisho_vault::{IngestOptions, Keyring, Vault};
use tokio::task::spawn_blocking;

use crate::catalogue::Catalogue;
use crate::folder::{self, Order};
use crate::{Error, Result};

/// The records that an analysis is judged on.
#[derive(Clone, Debug)]
pub enum Records {
    /// Those of a folder with a `manifest.toml`.
    Folder(PathBuf),
    /// The project's twin in this folder, which is made if it is not there or the project's tables have changed.
    Twin(PathBuf),
}

/// What was judged.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The outcome: `allowed` with what the checkpoint would show of these records, or why it is refused.
    pub document: Document,
    /// What it would show, as an Arrow IPC stream.
    pub arrow: Option<Vec<u8>>,
}

/// Judges an analysis on this machine. Only its text goes to the enclave, which says whether the plan is allowed.
///
/// # Errors
/// Where a call fails, or the records cannot be used; a refusal is an answer.
pub async fn check(
    client: &Client,
    submission: &Submission,
    records: &Records,
    told: &mut dyn FnMut(&str),
) -> Result<Judged> {
    let answer = client.check(submission).await?;
    let planned = Document::of_check(&answer);
    if planned.error.is_some() {
        return Ok(Judged { document: planned, arrow: None });
    }
    let catalogue = Catalogue::of(client, &submission.project).await?;
    let of_server = answer.policy.as_ref().map(|policy| policy.sha256.as_str());
    if of_server != Some(catalogue.profile.digest().to_string().as_str()) {
        return Err(Error::Catalogue("its rules are not those that judge".to_owned()));
    }
    let (local, synthetic, _folder) = match records {
        Records::Folder(path) => {
            let (vault, dataset, folder) = taken_in(path).await?;
            (Local::open(vault, &dataset, &catalogue).await?, false, Some(folder))
        }
        Records::Twin(path) => {
            if !folder::is_of(path, &catalogue) {
                told(
                    "there is none yet: it is drawn from ordinary jobs, which are charged to the project once",
                );
                let order = Order {
                    project: submission.project.clone(),
                    folder: path.clone(),
                    people: None,
                    seed: 0,
                };
                folder::make_of(client, &catalogue, &order, told).await?;
            }
            let dataset = folder::manifest_of(path)?.dataset;
            (Local::open(folder::vault(path)?, &dataset, &catalogue).await?, true, None)
        }
    };
    match local.judge(analysis(submission)?).await? {
        Ok(arrow) => {
            let document = planned.on_this_machine(&arrow, synthetic)?;
            Ok(Judged { document, arrow: Some(arrow) })
        }
        Err(stopped) => Ok(Judged { document: Document::of_error(&stopped), arrow: None }),
    }
}

/// Records on this machine, with the rules of a project.
struct Local {
    engine: Engine,
    view: View,
    limits: Limits,
}

impl Local {
    async fn open(vault: Vault, dataset: &DatasetId, catalogue: &Catalogue) -> Result<Self> {
        let snapshot = Arc::new(vault.snapshot(dataset, SnapshotPin::Latest).await?);
        let (grants, missing) = granted(catalogue, &snapshot.dataset);
        if let Some(missing) = missing {
            let message = format!("the project may read {missing}, which the local manifest does not have");
            return Err(Error::Data(message));
        }
        // The enclave's own key stays there: keyed rounding may go up where this one goes down.
        let key = RoundingKey::new([0; 32]);
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            engine: Engine::new(vault.object_store()).with_partitions(threads),
            view: View { snapshot, grants, profile: catalogue.profile.clone().with_rounding_key(key) },
            limits: Limits::default(),
        })
    }

    /// What the checkpoint would show, or why the analysis is refused or ends early.
    async fn judge(&self, analysis: Analysis) -> Result<Result<Vec<u8>, sekisho_client::Error>> {
        let failed = |failure: query::Failure| sekisho_client::Error::Failed(problem(failure.refusal()));
        let (view, limits) = (self.view.clone(), self.limits.clone());
        let planned = spawn_blocking(move || query::plan(analysis, &view, &limits)).await;
        let plan = match planned.map_err(|_| Error::Internal("the planner stopped"))? {
            Ok(plan) => plan,
            Err(refusal) => return Ok(Err(sekisho_client::Error::Refused(problem(refusal)))),
        };
        let (unreleased, public) = match self.engine.execute(plan, &self.limits).await {
            Ok(executed) => executed,
            Err(failure) => return Ok(Err(failed(failure))),
        };
        let profile = self.view.profile.clone();
        // Whether a person looks at the result is no question of this machine.
        let judge = move || disclosure::check(unreleased, &Ledger::new(), &profile, Hold::ByRule);
        let checked = spawn_blocking(judge).await.map_err(|_| Error::Internal("the checkpoint stopped"))?;
        let checked = checked.map_err(|_| Error::Internal("the checkpoint has no answer"))?;
        match checked.publish(public).await {
            Ok(Outcome::Released(released)) => Ok(Ok(released.arrow_ipc().to_vec())),
            Ok(Outcome::Held(_)) => Err(Error::Internal("a result is held that was not to be")),
            Err(failure) => Ok(Err(failed(failure))),
        }
    }
}

/// The project's grants as far as the local records have them, and the first that they do not have.
fn granted(catalogue: &Catalogue, local: &Dataset) -> (Vec<TableGrant>, Option<String>) {
    let grants = catalogue.grants();
    let missing = grants.iter().find_map(|grant| {
        let Some(table) = local.table(&grant.table) else {
            return Some(format!("the table `{}`", grant.table));
        };
        let column = grant.columns.iter().flatten().find(|name| table.column(name).is_none())?;
        Some(format!("the column `{}.{column}`", grant.table))
    });
    (grants, missing)
}

/// The files of a folder in a vault of their own, which goes with the folder that comes back.
async fn taken_in(path: &Path) -> Result<(Vault, DatasetId, tempfile::TempDir)> {
    let manifest = folder::manifest_of(path)?;
    let folder = tempfile::tempdir().map_err(|error| Error::file(&std::env::temp_dir(), &error))?;
    let keyring = Keyring::create(&folder.path().join("vault.key"))?;
    let vault = Vault::open(&folder.path().join("vault"), keyring)?;
    vault.ingest(&manifest, &IngestOptions::default()).await?;
    Ok((vault, manifest.dataset, folder))
}

/// The analysis as the enclave would read it.
fn analysis(submission: &Submission) -> Result<Analysis> {
    let unreadable = |error: AnalysisError| Error::Data(error.to_string());
    let parameters = submission.parameters.iter().map(parameter).collect::<Result<_, _>>();
    let list = |(name, csv): &(String, String)| Ok(CodeList { name: name.parse()?, csv: csv.clone() });
    let lists = submission.lists.iter().map(list).collect::<Result<_, _>>();
    Ok(Analysis {
        sql: submission.sql.clone(),
        parameters: parameters.map_err(unreadable)?,
        lists: lists.map_err(unreadable)?,
    })
}

fn parameter(parameter: &sekisho_client::Parameter) -> Result<Parameter, AnalysisError> {
    use sekisho_client::Parameter as Given;
    Ok(match parameter {
        Given::Boolean(value) => Parameter::Boolean(*value),
        Given::Date(day) => Parameter::Date(day.to_string().parse()?),
        Given::Double(number) => Parameter::Double(Finite::new(*number).ok_or(AnalysisError::Double)?),
        Given::Integer(number) => Parameter::Integer(*number),
        Given::Null => Parameter::Null,
        Given::Text(text) => Parameter::Text(text.clone()),
    })
}

fn problem(refusal: Refusal) -> Problem {
    Problem {
        hint: refusal.hint,
        position: refusal.position.map(|at| Position { line: at.line, column: at.column }),
        ..Problem::new(refusal.code.as_str(), refusal.message)
    }
}
