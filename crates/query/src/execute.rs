//! Runs the confidential half and hands over cells with the evidence behind them.

use std::fmt;
use std::num::NonZeroUsize;
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
use datafusion::prelude::{SessionConfig, SessionContext};
use object_store::ObjectStore;

use crate::algebra::Statistic;
use crate::disclosure::{
    self, Branch, CellTable, Evidence, KeyColumn, Part, Scale, StatisticColumn, StatisticKind, Tally,
    Unreleased, ValueColumn, ValueTally, Values,
};
use crate::generate::{Instrumented, StatisticLayout, column_name};
use crate::model::{Code, Limits, Refusal};
use crate::plan::{Plan, PlannedFrontier};
use crate::public::PublicRun;
use crate::scan::{SnapshotTable, VAULT_URL};
use crate::vault::Snapshot;

/// The name of the count of people that stands for a frontier without statistics.
const PEOPLE: &str = "people";

/// The engine that runs judged plans over the vault's files.
#[derive(Clone)]
pub struct Engine {
    store: Arc<dyn ObjectStore>,
    partitions: NonZeroUsize,
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
        Self { store, partitions: NonZeroUsize::MIN }
    }

    /// The same engine with this many threads for each job.
    #[must_use]
    pub fn with_partitions(self, partitions: NonZeroUsize) -> Self {
        Self { partitions, ..self }
    }

    /// Runs a text that nobody judged, over all tables of a snapshot, as an engine without a checkpoint
    /// would: what a benchmark compares with. Nothing of the answer comes back.
    ///
    /// # Errors
    /// A [`Failure`] where the engine fails.
    pub async fn run_plain(
        &self,
        sql: &str,
        snapshot: &Arc<Snapshot>,
        limits: &Limits,
    ) -> Result<(), Failure> {
        let of = |error: DataFusionError| Failure::of(&error);
        let context = SessionContext::new_with_state(self.session(limits).map_err(of)?);
        for table in &snapshot.dataset.tables {
            if let Some(stored) = SnapshotTable::open(snapshot, &table.name) {
                context.register_table(table.name.as_str(), Arc::new(stored)).map_err(of)?;
            }
        }
        let answer = context.sql(sql).await.map_err(of)?;
        answer.collect().await.map(drop).map_err(of)
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
        let run = PublicRun { plan: plan.public, tables: plan.tables, session, rows: limits.rows };
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
        let config =
            SessionConfig::new().with_target_partitions(self.partitions.get()).with_information_schema(false);
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
    let Instrumented { layout, first_tally, .. } = instrumented;
    let keys = frontier.labels().into_iter().zip(cells.columns()).map(|(id, values)| KeyColumn {
        name: column_name(id),
        values: Arc::clone(values),
        declared: frontier.complete.is_some(),
        sensitive: frontier.sensitive.contains(&id),
    });
    let evidence = (0..layout.tallies.len())
        .map(|index| tallies(cells, first_tally + index))
        .collect::<Result<Vec<_>>>()?;
    let first_values = first_tally + layout.tallies.len();
    let values = (0..layout.values.len())
        .map(|index| values(cells, first_values + index))
        .collect::<Result<Vec<_>>>()?;
    let of = |index: usize| evidence.get(index).cloned().unwrap_or_default();
    let values_of = |index: usize| values.get(index).cloned().unwrap_or_default();
    let part = |index: &usize| Part { scale: scale(&instrumented.scales, *index), evidence: of(*index) };
    let statistic = |(statistic, layout): (&Statistic, &StatisticLayout)| {
        let branches = layout.branches.iter();
        StatisticColumn {
            name: column_name(statistic.id),
            kind: statistic.kind,
            parts: layout.parts.iter().map(part).collect(),
            values: layout.values.map(|index| ValueColumn {
                scale: scale(&instrumented.value_scales, index),
                rows: values_of(index),
            }),
            branches: branches
                .map(|(inside, outside, telling)| Branch {
                    inside: of(*inside),
                    outside: of(*outside),
                    telling: *telling,
                })
                .collect(),
        }
    };
    let mut statistics: Vec<StatisticColumn> =
        frontier.statistics.iter().zip(&layout.statistics).map(statistic).collect();
    if statistics.is_empty() {
        statistics.push(StatisticColumn {
            name: PEOPLE.into(),
            kind: StatisticKind::People,
            parts: vec![part(&0)],
            values: None,
            branches: Vec::new(),
        });
    }
    Ok(CellTable { keys: keys.collect(), groups: of(0), statistics })
}

fn scale(scales: &[Scale], index: usize) -> Scale {
    scales.get(index).copied().unwrap_or(Scale::Integer)
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

/// The single values in one column; over no record at all there are none.
fn values(cells: &RecordBatch, column: usize) -> Result<Vec<Values>> {
    let missing = || DataFusionError::Execution("a column of values is missing".into());
    let bytes =
        cells.columns().get(column).and_then(|array| array.as_binary_opt::<i64>()).ok_or_else(missing)?;
    let values = |row: usize| {
        if bytes.is_null(row) {
            return Ok(Values::nobody());
        }
        let tally = ValueTally::decode(bytes.value(row));
        Ok(tally.map_err(|error| DataFusionError::Execution(error.to_string()))?.freeze())
    };
    (0..bytes.len()).map(values).collect()
}
