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
use crate::model::StatementName;
use crate::plan::PlannedFrontier;
use crate::tables::Tables;

/// The part of a statement's plan above the frontier. It was made before any record was touched.
pub(crate) struct PublicPlan {
    /// The name of the statement.
    pub(crate) name: Option<StatementName>,
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
        name: Option<StatementName>,
        (public, output, columns): (Public, Vec<Output>, Columns),
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
        let cells = frontiers.iter().map(of).collect();
        Self { name, public, output, columns, cells, groups_may_be_absent }
    }

    /// How many frontiers it reads the cells of.
    pub(crate) fn frontiers(&self) -> usize {
        self.cells.len()
    }
}

impl fmt::Debug for PublicPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicPlan({} columns)", self.output.len())
    }
}

/// The public plan of each statement, with the engine that will run them.
pub struct PublicRun {
    pub(crate) plans: Vec<PublicPlan>,
    pub(crate) tables: Tables,
    pub(crate) session: SessionState,
    pub(crate) rows: usize,
    /// What the evidence is charged to the job's memory, as long as it is judged.
    pub(crate) _evidence: Vec<MemoryReservation>,
}

impl fmt::Debug for PublicRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.plans).finish()
    }
}

impl PublicHalf for PublicRun {
    type Error = Failure;

    async fn run(self, tables: Vec<CheckedTable>) -> Result<Vec<Table>, Failure> {
        let (mut results, mut rows) = (Vec::new(), 0_usize);
        let mut rest = tables.as_slice();
        for plan in &self.plans {
            let (cells, others) = rest.split_at(plan.frontiers().min(rest.len()));
            rest = others;
            let half = Half { plan, tables: &self.tables };
            let plan = half.generate(cells).map_err(|error| Failure::of(&error))?;
            let batches = collect(&self.session, &plan).await?;
            let batch = concat_batches(&Arc::new(plan.schema().as_arrow().clone()), &batches);
            let batch = batch.map_err(|error| Failure::of(&error.into()))?;
            rows = rows.saturating_add(batch.num_rows());
            if rows > self.rows {
                return Err(Failure::Rows { most: self.rows });
            }
            results.push(half.table(&batch).map_err(|error| Failure::of(&error))?);
        }
        Ok(results)
    }
}

/// The public half of one statement, and where its code tables are.
struct Half<'a> {
    plan: &'a PublicPlan,
    tables: &'a Tables,
}

impl Half<'_> {
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
        let statement = self.plan.name.clone();
        Ok(Table { statement, batch, roles: roles.collect(), withheld, groups_may_be_absent })
    }
}
