//! Runs the confidential half and hands over cells with the evidence behind them.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionConfig;
use object_store::ObjectStore;

use crate::algebra::{Statistic, StatisticFunction};
use crate::disclosure::{
    self, Branch, CellTable, Evidence, KeyColumn, Measure, Part, StatisticColumn, StatisticKind, Tally,
    Unreleased,
};
use crate::generate::{Instrumented, StatisticLayout, column_name};
use crate::model::{Code, Limits, Refusal};
use crate::plan::{Plan, PlannedFrontier};
use crate::public::PublicRun;
use crate::scan::VAULT_URL;

/// The name of the count of people that stands for a frontier without statistics.
const PEOPLE: &str = "people";

/// The engine that runs judged plans over the vault's files.
#[derive(Clone)]
pub struct Engine {
    store: Arc<dyn ObjectStore>,
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
        Self { store }
    }

    /// Runs the confidential half of `plan`. The public half comes back beside the cells, to be run by
    /// the checkpoint on what it lets through.
    ///
    /// # Errors
    /// A [`Failure`] where a limit is reached or the engine fails.
    pub async fn execute(&self, plan: Plan, limits: &Limits) -> Result<(Unreleased, PublicRun), Failure> {
        let session = self.session(limits).map_err(|error| Failure::of(&error))?;
        let mut tables = Vec::new();
        for planned in &plan.frontiers {
            let batches = collect(&session, &planned.instrumented.plan).await?;
            let schema = Arc::new(planned.instrumented.plan.schema().as_arrow().clone());
            let cells = concat_batches(&schema, &batches).map_err(|error| Failure::of(&error.into()))?;
            let cells =
                in_order(&cells, planned.instrumented.first_tally).map_err(|error| Failure::of(&error))?;
            tables.push(cell_table(planned, &cells).map_err(|error| Failure::of(&error))?);
        }
        let run = PublicRun { plan: plan.public, snapshot: plan.snapshot, session, rows: limits.rows };
        Ok((Unreleased::new(tables), run))
    }

    /// A session for one job: no spilling to disk in the clear, one partition, so that the order of the
    /// dense ids reaches the tallies.
    fn session(&self, limits: &Limits) -> Result<SessionState> {
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        runtime.register_object_store(ObjectStoreUrl::parse(VAULT_URL)?.as_ref(), Arc::clone(&self.store));
        let config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
        Ok(SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).build())
    }
}

/// Runs a generated plan.
pub(crate) async fn collect(session: &SessionState, plan: &LogicalPlan) -> Result<Vec<RecordBatch>, Failure> {
    let physical = session.create_physical_plan(plan).await.map_err(|error| Failure::of(&error))?;
    let batches = datafusion::physical_plan::collect(physical, session.task_ctx()).await;
    batches.map_err(|error| Failure::of(&error))
}

/// The cells in the order of their keys: the engine's own order tells in which groups the first people are.
fn in_order(cells: &RecordBatch, keys: usize) -> Result<RecordBatch> {
    let sorted = |values: &ArrayRef| SortColumn { values: Arc::clone(values), options: None };
    let columns: Vec<SortColumn> = cells.columns().iter().take(keys).map(sorted).collect();
    if columns.is_empty() {
        return Ok(cells.clone());
    }
    Ok(take_record_batch(cells, &lexsort_to_indices(&columns, None)?)?)
}

fn cell_table(planned: &PlannedFrontier, cells: &RecordBatch) -> Result<CellTable> {
    let PlannedFrontier { frontier, instrumented } = planned;
    let keys = frontier.keys.iter().zip(cells.columns()).map(|((id, _), values)| KeyColumn {
        name: column_name(*id),
        values: Arc::clone(values),
        declared: false,
    });
    let evidence = (0..instrumented.layout.tallies.len())
        .map(|index| tallies(cells, instrumented.first_tally + index))
        .collect::<Result<Vec<_>>>()?;
    let of = |index: usize| evidence.get(index).cloned().unwrap_or_default();
    let mut statistics: Vec<StatisticColumn> = frontier
        .statistics
        .iter()
        .zip(&instrumented.layout.statistics)
        .map(|(statistic, layout)| statistic_column(statistic, layout, instrumented, &of))
        .collect();
    if statistics.is_empty() {
        let parts = vec![Part { measure: Measure::Count, evidence: of(0) }];
        statistics.push(StatisticColumn {
            name: PEOPLE.into(),
            kind: StatisticKind::People,
            parts,
            branches: Vec::new(),
        });
    }
    Ok(CellTable { keys: keys.collect(), groups: of(0), statistics })
}

fn statistic_column(
    statistic: &Statistic,
    layout: &StatisticLayout,
    instrumented: &Instrumented,
    of: &impl Fn(usize) -> Vec<Evidence>,
) -> StatisticColumn {
    let scale = layout.parts.first().and_then(|(_, index)| instrumented.scales.get(*index).copied());
    let scale = scale.unwrap_or(disclosure::Scale::Integer);
    let kind = match statistic.function {
        StatisticFunction::Count => StatisticKind::Count,
        StatisticFunction::Mean => StatisticKind::Mean(scale),
        StatisticFunction::People => StatisticKind::People,
        StatisticFunction::Sum => StatisticKind::Sum(scale),
    };
    let parts =
        layout.parts.iter().map(|(measure, index)| Part { measure: measure.clone(), evidence: of(*index) });
    let branches =
        layout.branches.iter().map(|(inside, outside)| Branch { inside: of(*inside), outside: of(*outside) });
    StatisticColumn {
        name: column_name(statistic.id),
        kind,
        parts: parts.collect(),
        branches: branches.collect(),
    }
}

/// The evidence in one column of tallies; over no record at all there is nobody.
fn tallies(cells: &RecordBatch, column: usize) -> Result<Vec<Evidence>> {
    let missing = || DataFusionError::Execution("a column of tallies is missing".into());
    let bytes =
        cells.columns().get(column).and_then(|array| array.as_binary_opt::<i64>()).ok_or_else(missing)?;
    let evidence = |row: usize| {
        if bytes.is_null(row) {
            return Ok(Evidence::nobody());
        }
        let tally =
            Tally::decode(bytes.value(row)).map_err(|error| DataFusionError::Execution(error.to_string()))?;
        Ok(tally.freeze())
    };
    (0..bytes.len()).map(evidence).collect()
}
