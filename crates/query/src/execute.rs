//! Runs the confidential half and hands over cells with the evidence behind them.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryReservation};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionConfig;
use object_store::ObjectStore;
use tokio::task::JoinSet;

use crate::cell_table::{cell_table, in_order};
use crate::cells::FormCells;
use crate::clustered::SortsWithinPeople;
use crate::cooperate::JoinsYield;
use crate::deposit::Deposits;
use crate::disclosure::{self, Attribute, CellTable, Parent, UnitKind, Unreleased};
use crate::everybody::Everybody;
use crate::frames;
use crate::generate::Instrumented;
use crate::inhabitants::Inhabitants;
use crate::model::{Code, Limits, Refusal};
use crate::plan::{Plan, PlannedAttribute, PlannedFrames, PlannedFrontier};
use crate::public::PublicRun;
use crate::scan::{Footers, People, Reading, VAULT_URL, divisions};
use crate::vault::Snapshot;
use crate::zeros;

/// The engine that runs judged plans over the vault's files.
#[derive(Clone)]
pub struct Engine {
    store: Arc<dyn ObjectStore>,
    partitions: NonZeroUsize,
    everybody: Everybody,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}

/// Why a run ended without cells. Nothing in it depends on a record's value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Failure {
    /// An error of ours, or damaged files.
    #[error("the engine failed ({class})")]
    Internal {
        /// The class of the error, for the log.
        class: &'static str,
    },
    /// The memory limit was reached.
    #[error("the analysis needs more memory than a job may use")]
    Memory,
    /// The result has more rows than it may.
    #[error("the result has more than {most} rows")]
    Rows {
        /// The limit.
        most: usize,
    },
}

impl Failure {
    /// The class of an engine's error; its text may quote a value and is dropped.
    pub(crate) fn of(error: &DataFusionError) -> Self {
        let class = match error {
            DataFusionError::ResourcesExhausted(_) => return Self::Memory,
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
                return Self::of(inner);
            }
            DataFusionError::Shared(inner) => return Self::of(inner),
            DataFusionError::Collection(errors) => {
                return errors.first().map_or(Self::Internal { class: "collection" }, Self::of);
            }
            DataFusionError::ArrowError(..) => "arrow",
            DataFusionError::Configuration(_) => "configuration",
            DataFusionError::Execution(_) => "execution",
            DataFusionError::ExecutionJoin(_) => "task",
            DataFusionError::External(_) => "external",
            DataFusionError::Ffi(_) => "ffi",
            DataFusionError::IoError(_) => "io",
            DataFusionError::Internal(_) => "internal",
            DataFusionError::NotImplemented(_) => "not implemented",
            DataFusionError::ObjectStore(_) => "object store",
            DataFusionError::ParquetError(_) => "parquet",
            DataFusionError::Plan(_) => "plan",
            DataFusionError::SQL(..) => "sql",
            DataFusionError::SchemaError(..) => "schema",
            DataFusionError::Substrait(_) => "substrait",
        };
        Self::Internal { class }
    }

    /// What the analyst is told.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Internal { .. } => {
                let hint = "send it again; if it happens twice, tell the operator the job's name";
                Refusal::new(Code::Internal, "the analysis failed inside the enclave", hint)
            }
            Self::Memory => {
                Refusal::new(Code::MemoryLimit, self.to_string(), "use fewer groups, or filter first")
            }
            Self::Rows { .. } => {
                Refusal::new(Code::RowLimit, self.to_string(), "use coarser groups, or a LIMIT")
            }
        }
    }
}

impl From<disclosure::Error> for Failure {
    fn from(_: disclosure::Error) -> Self {
        Self::Internal { class: "checkpoint" }
    }
}

impl Engine {
    /// An engine over the vault's object store.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, partitions: NonZeroUsize::MIN, everybody: Everybody::default() }
    }

    /// The same engine, with each job in this many partitions at once.
    #[must_use]
    pub fn with_partitions(self, partitions: NonZeroUsize) -> Self {
        Self { partitions, ..self }
    }

    /// Partitions of a job.
    pub(crate) fn partitions(&self) -> NonZeroUsize {
        self.partitions
    }

    /// Runs the confidential half of `plan`. The public half comes back beside the cells, to be run by
    /// the checkpoint on what it lets through.
    ///
    /// # Errors
    /// A [`Failure`] where a limit is reached or the engine fails.
    pub async fn execute(&self, plan: Plan, limits: &Limits) -> Result<(Unreleased, PublicRun), Failure> {
        let session = self.session(limits, NonZeroUsize::MIN).map_err(|error| Failure::of(&error))?;
        let session = session
            .with_physical_optimizer_rule(Arc::new(FormCells))
            .with_physical_optimizer_rule(Arc::new(SortsWithinPeople))
            .with_physical_optimizer_rule(Arc::new(JoinsYield))
            .build();
        let (mut tables, mut evidence) = (Vec::new(), Vec::new());
        let mut inhabitants = Inhabitants::default();
        for planned in &plan.frontiers {
            let units = inhabitants.kinds(&planned.frontier.units, &session, &plan.tables).await?;
            let ground = (plan.tables.snapshot(), units.as_slice());
            let mut table = self.table(&session, planned, ground, &mut evidence).await?;
            if let Some(parent) = &planned.parent {
                let parent = self.table(&session, parent, ground, &mut evidence).await?;
                table.parent = Some(Parent { keys: parent.keys, groups: parent.groups });
            }
            if let Some(planned) = planned.zeros.as_deref().filter(|_| zeros::has_an_empty_side(&table)) {
                let other = match &planned.frontier {
                    Some(frontier) => Some(self.table(&session, frontier, ground, &mut evidence).await?),
                    None => None,
                };
                zeros::fill(&mut table, &planned.zeros, other.as_ref());
            }
            for attribute in &planned.attributes {
                let attribute = self.attribute(&session, attribute, &table, ground, &mut evidence).await?;
                table.attributes.push(attribute);
            }
            tables.push(table);
        }
        let ranks = plan.ranks();
        let everybody = self.everybody.of(&plan.tables, &session).await;
        let everybody = everybody.map_err(|error| Failure::of(&error))?;
        let absent: Vec<u32> = plan.tables.snapshot().absent().iter().collect();
        let run = PublicRun {
            plans: plan.public,
            tables: plan.tables,
            session,
            rows: limits.rows,
            _evidence: evidence,
        };
        Ok((Unreleased::new(tables).ranked(ranks).among(everybody).without(absent), run))
    }

    /// For whom the cells of a table count what nobody may know of one column.
    async fn attribute(
        &self,
        session: &SessionState,
        planned: &PlannedAttribute,
        table: &CellTable,
        ground: (&Snapshot, &[UnitKind]),
        evidence: &mut Vec<MemoryReservation>,
    ) -> Result<Attribute, Failure> {
        let PlannedAttribute { name, labels, reads, frames } = planned;
        let (with, without) = match frames {
            PlannedFrames::Own => (Some(vec![frames::own(table, reads)]), None),
            PlannedFrames::Others { with, without } => {
                let mut all = Vec::new();
                for frontier in with {
                    let other = self.table(session, frontier, ground, evidence).await?;
                    all.push(frames::other(table, other, reads));
                }
                let without = match without {
                    None => None,
                    Some(frontier) => {
                        let other = self.table(session, frontier, ground, evidence).await?;
                        Some(frames::other(table, other, reads))
                    }
                };
                (Some(all), without)
            }
        };
        Ok(Attribute { name: name.clone(), labels: labels.clone(), with, without })
    }

    /// What a frontier says, with the evidence behind it, whose memory is taken until the job ends.
    async fn table(
        &self,
        session: &SessionState,
        planned: &PlannedFrontier,
        (snapshot, units): (&Snapshot, &[UnitKind]),
        evidence: &mut Vec<MemoryReservation>,
    ) -> Result<CellTable, Failure> {
        let gathered = Deposits::of(&planned.instrumented.plan).map_err(|error| Failure::of(&error))?;
        gathered.charge(&session.runtime_env().memory_pool);
        let cells = self.cells(session, &planned.instrumented, snapshot).await?;
        let cells =
            in_order(&cells, planned.instrumented.first_tally).map_err(|error| Failure::of(&error))?;
        let table = cell_table(planned, &cells, &gathered, units, self.partitions);
        let table = table.map_err(|error| Failure::of(&error))?;
        evidence.extend(gathered.into_reservations());
        Ok(table)
    }

    /// The cells of a frontier, those of each division of people by themselves.
    ///
    /// Whatever stands below a frontier happens within one person: so it may run for some people here and for
    /// others there, and what was gathered of a group is added up.
    async fn cells(
        &self,
        session: &SessionState,
        instrumented: &Instrumented,
        snapshot: &Snapshot,
    ) -> Result<RecordBatch, Failure> {
        let footers = Arc::new(Footers::default());
        let plan = session.optimize(&instrumented.plan).map_err(|error| Failure::of(&error))?;
        let divided = divisions(&plan, snapshot, &footers, &self.store, self.partitions).await;
        let divided = divided.map_err(|error| Failure::of(&error))?;
        let ran = match run_divided(session, &plan, divided, &footers).await {
            // People who are not where the footers say: the slower way takes no order on trust. That a plan cannot
            // be divided is a defect, which tests must see and users need not.
            Err(Failure::Internal { class }) if class == "execution" || !cfg!(debug_assertions) => {
                tracing::warn!(class, "a job could not be divided among threads");
                run_divided(session, &plan, vec![People::ALL], &footers).await?
            }
            ran => ran?,
        };
        let schema = Arc::new(instrumented.plan.schema().as_arrow().clone());
        concat_batches(&schema, &ran).map_err(|error| Failure::of(&error.into()))
    }

    /// A session for one job: no spilling to disk in the clear.
    pub(crate) fn session(&self, limits: &Limits, partitions: NonZeroUsize) -> Result<SessionStateBuilder> {
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        runtime.register_object_store(ObjectStoreUrl::parse(VAULT_URL)?.as_ref(), Arc::clone(&self.store));
        let mut config =
            SessionConfig::new().with_target_partitions(partitions.get()).with_information_schema(false);
        // The engine compares which columns it thinks may be NULL before and after it optimises an aggregate,
        // and gives up where its own rules disagree, as about a UNION or CASE. Values decide, not the guess.
        config.options_mut().execution.skip_physical_aggregate_schema_check = true;
        Ok(SessionStateBuilder::new().with_config(config).with_runtime_env(runtime))
    }
}

/// Runs a generated plan.
pub(crate) async fn collect(session: &SessionState, plan: &LogicalPlan) -> Result<Vec<RecordBatch>, Failure> {
    let physical = session.create_physical_plan(plan).await.map_err(|error| Failure::of(&error))?;
    let batches = datafusion::physical_plan::collect(physical, session.task_ctx()).await;
    batches.map_err(|error| Failure::of(&error))
}

/// Runs a plan for divisions of people at once; the batches come in the order of the people.
async fn run_divided(
    session: &SessionState,
    plan: &LogicalPlan,
    divisions: Vec<People>,
    footers: &Arc<Footers>,
) -> Result<Vec<RecordBatch>, Failure> {
    let mut running = JoinSet::new();
    for (number, people) in divisions.into_iter().enumerate() {
        let reading = Reading { people, footers: Arc::clone(footers) };
        let config = session.config().clone().with_extension(Arc::new(reading));
        let session = SessionStateBuilder::new_from_existing(session.clone()).with_config(config).build();
        let plan = plan.clone();
        running.spawn(async move {
            let physical = session.query_planner().create_physical_plan(&plan, &session).await?;
            let batches = datafusion::physical_plan::collect(physical, session.task_ctx()).await?;
            Ok::<_, DataFusionError>((number, batches))
        });
    }
    let mut done = Vec::new();
    while let Some(joined) = running.join_next().await {
        let joined = joined.map_err(|_| Failure::Internal { class: "task" })?;
        done.push(joined.map_err(|error| Failure::of(&error))?);
    }
    done.sort_by_key(|(number, _)| *number);
    Ok(done.into_iter().flat_map(|(_, batches)| batches).collect())
}
