//! The public half: what an analysis does with released cells.
//!
//! A withheld cell is a blank, not a NULL: every expression that reads it is blank, a filter that reads
//! it drops the row, and a sort puts it last. A shadow column beside each statistic says where the
//! blanks are.

mod blank;
mod relation;

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::Result;
use datafusion::execution::SessionState;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::expr::TryCast;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use crate::algebra::{ColumnId, Public};
use crate::disclosure::{CheckedTable, PublicHalf, Role, Table};
use crate::execute::{Failure, collect};
use crate::lower::{Columns, Output};
use crate::plan::PlannedFrontier;
use crate::tables::Tables;

/// The part of a plan above the frontier. It was made before any record was touched.
pub(crate) struct PublicPlan {
    public: Public,
    output: Vec<Output>,
    columns: Columns,
    cells: Vec<CellColumns>,
    /// Whether a frontier makes groups that are absent where no number of theirs may be shown.
    groups_may_be_absent: bool,
}

/// The columns of one frontier's cells, with the types that the plan expects.
struct CellColumns {
    keys: Vec<ColumnId>,
    statistics: Vec<(ColumnId, DataType)>,
}

impl PublicPlan {
    pub(crate) fn new(
        public: Public,
        output: Vec<Output>,
        columns: Columns,
        frontiers: &[PlannedFrontier],
    ) -> Self {
        let of = |planned: &PlannedFrontier| CellColumns {
            keys: planned.frontier.labels(),
            statistics: planned.frontier.statistics.iter().map(|s| (s.id, s.data_type.clone())).collect(),
        };
        // Rows of a code table are there whatever the records.
        let may_be_absent = |planned: &PlannedFrontier| {
            !planned.frontier.keys.is_empty() && planned.frontier.complete.is_none()
        };
        let groups_may_be_absent = frontiers.iter().any(may_be_absent);
        Self { public, output, columns, cells: frontiers.iter().map(of).collect(), groups_may_be_absent }
    }
}

impl fmt::Debug for PublicPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicPlan({} columns)", self.output.len())
    }
}

/// A public plan with the engine that will run it.
pub struct PublicRun {
    pub(crate) plan: PublicPlan,
    pub(crate) tables: Tables,
    pub(crate) session: SessionState,
    pub(crate) rows: usize,
    /// What the evidence is charged to the job's memory, as long as it is judged.
    pub(crate) _evidence: Vec<MemoryReservation>,
}

impl fmt::Debug for PublicRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.fmt(f)
    }
}

impl PublicHalf for PublicRun {
    type Error = Failure;

    async fn run(self, tables: Vec<CheckedTable>) -> Result<Table, Failure> {
        let plan = self.generate(&tables).map_err(|error| Failure::of(&error))?;
        let batches = collect(&self.session, &plan).await?;
        let batch = concat_batches(&Arc::new(plan.schema().as_arrow().clone()), &batches);
        let batch = batch.map_err(|error| Failure::of(&error.into()))?;
        if batch.num_rows() > self.rows {
            return Err(Failure::Rows { most: self.rows });
        }
        self.table(&batch).map_err(|error| Failure::of(&error))
    }
}

impl PublicRun {
    /// Each output column, then for each its shadow.
    fn generate(&self, tables: &[CheckedTable]) -> Result<LogicalPlan> {
        let relation = self.relation(&self.plan.public, tables)?;
        let values = self.plan.output.iter().enumerate().map(|(index, output)| {
            let typed =
                TryCast::new(Box::new(self.plan.columns.blanked(&output.value)), output.data_type.clone());
            Expr::TryCast(typed).alias(format!("value{index}"))
        });
        let shadows = self.plan.output.iter().enumerate();
        let shadows = shadows
            .map(|(index, output)| self.plan.columns.shadow(&output.value).alias(format!("blank{index}")));
        LogicalPlanBuilder::from(relation).project(values.chain(shadows).collect::<Vec<_>>())?.build()
    }

    /// The result under the names that the analyst gave.
    fn table(&self, batch: &RecordBatch) -> Result<Table> {
        let width = self.plan.output.len();
        let mut withheld = Vec::new();
        for (column, shadow) in batch.columns().iter().skip(width).enumerate() {
            let shadow = shadow.as_boolean();
            let rows = (0..batch.num_rows()).filter(|row| shadow.value(*row));
            withheld.extend(rows.map(|row| (row, column)));
        }
        withheld.sort_unstable();
        let fields = self.plan.output.iter().zip(batch.columns());
        let fields: Vec<Field> =
            fields.map(|(output, array)| Field::new(&output.name, array.data_type().clone(), true)).collect();
        let roles = self.plan.output.iter().map(|output| {
            if self.plan.columns.reads_statistic(&output.value) { Role::Statistic } else { Role::Dimension }
        });
        let arrays = batch.columns().iter().take(width).cloned().collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
        let groups_may_be_absent = self.plan.groups_may_be_absent;
        Ok(Table { batch, roles: roles.collect(), withheld, groups_may_be_absent })
    }
}
