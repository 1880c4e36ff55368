//! The public half: what an analysis does with released cells.
//!
//! A withheld cell is a blank, not a NULL: every expression that reads it is blank, a filter that reads
//! it drops the row, and a sort puts it last. A shadow column beside each statistic says where the
//! blanks are.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::{Case, TryCast};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, SortExpr, lit};

use crate::algebra::{ColumnId, Public, Scalar, SortKey};
use crate::disclosure::{CheckedTable, PublicHalf, Role, Table};
use crate::execute::{Failure, collect};
use crate::generate::{self, column, column_name, expression};
use crate::lower::{Columns, Output};
use crate::plan::{PlannedFrontier, stored_table};
use crate::vault::Snapshot;

/// The part of a plan above the frontier. It was made before any record was touched.
pub(crate) struct PublicPlan {
    public: Public,
    output: Vec<Output>,
    columns: Columns,
    cells: Vec<CellColumns>,
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
            keys: planned.frontier.keys.iter().map(|(id, _)| *id).collect(),
            statistics: planned.frontier.statistics.iter().map(|s| (s.id, s.data_type.clone())).collect(),
        };
        Self { public, output, columns, cells: frontiers.iter().map(of).collect() }
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
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) session: SessionState,
    pub(crate) rows: usize,
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
            let typed = TryCast::new(Box::new(self.blanked(&output.value)), output.data_type.clone());
            Expr::TryCast(typed).alias(format!("value{index}"))
        });
        let shadows = self.plan.output.iter().enumerate();
        let shadows =
            shadows.map(|(index, output)| self.shadow(&output.value).alias(format!("blank{index}")));
        LogicalPlanBuilder::from(relation).project(values.chain(shadows).collect::<Vec<_>>())?.build()
    }

    fn relation(&self, public: &Public, tables: &[CheckedTable]) -> Result<LogicalPlan> {
        match public {
            Public::Cells(index) => self.cells(*index, tables),
            Public::Filter { input, predicate } => {
                let known = Expr::Not(Box::new(self.shadow(predicate)));
                let plan = self.relation(input, tables)?;
                LogicalPlanBuilder::from(plan).filter(known.and(expression(predicate)))?.build()
            }
            Public::Limit { input, skip, fetch } => {
                LogicalPlanBuilder::from(self.relation(input, tables)?).limit(*skip, *fetch)?.build()
            }
            Public::Reference(reference) => {
                generate::reference(reference, &|name| stored_table(&self.snapshot, name))
            }
            Public::Sort { input, keys } => {
                let sorted = keys.iter().flat_map(|key| self.sort_key(key)).collect::<Vec<_>>();
                LogicalPlanBuilder::from(self.relation(input, tables)?).sort(sorted)?.build()
            }
        }
    }

    /// Released cells as a table: keys, statistics, and a shadow for each statistic.
    fn cells(&self, index: usize, tables: &[CheckedTable]) -> Result<LogicalPlan> {
        let missing = || DataFusionError::Execution("a table of cells is missing".into());
        let shape = self.plan.cells.get(index).ok_or_else(missing)?;
        let table = tables.get(index).ok_or_else(missing)?;
        let mut fields: Vec<Field> =
            table.batch().schema().fields().iter().map(|field| field.as_ref().clone()).collect();
        let mut arrays: Vec<ArrayRef> = table.batch().columns().to_vec();
        for ((id, _), withheld) in shape.statistics.iter().zip(table.withheld()) {
            fields.push(Field::new(shadow_name(*id), DataType::Boolean, true));
            arrays.push(Arc::new(withheld.clone()));
        }
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
        let source = provider_as_source(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?));
        let name = format!("cells{index}");
        let stored =
            |column: String| Expr::Column(datafusion::common::Column::new(Some(name.clone()), column));
        let keys = shape.keys.iter().map(|id| stored(column_name(*id)).alias(column_name(*id)));
        let statistics = shape.statistics.iter().flat_map(|(id, data_type)| {
            let typed = TryCast::new(Box::new(stored(column_name(*id))), data_type.clone());
            [Expr::TryCast(typed).alias(column_name(*id)), stored(shadow_name(*id)).alias(shadow_name(*id))]
        });
        let projected: Vec<Expr> = keys.chain(statistics).collect();
        LogicalPlanBuilder::scan(name.clone(), source, None)?.project(projected)?.build()
    }

    /// Blanks last, whatever the direction.
    fn sort_key(&self, key: &SortKey) -> Vec<SortExpr> {
        let mut keys = Vec::new();
        if self.plan.columns.reads_statistic(&key.arg) {
            keys.push(self.shadow(&key.arg).sort(true, false));
        }
        keys.push(self.blanked(&key.arg).sort(key.ascending, key.nulls_first));
        keys
    }

    /// Whether an expression reads a withheld cell.
    fn shadow(&self, scalar: &Scalar) -> Expr {
        let statistic = |id: &ColumnId| self.plan.columns.info(*id).is_some_and(|info| info.statistic);
        let read = scalar.columns().into_iter().filter(statistic);
        let shadows =
            read.map(|id| Expr::Column(datafusion::common::Column::new_unqualified(shadow_name(id))));
        shadows.reduce(Expr::or).unwrap_or_else(|| lit(false))
    }

    fn blanked(&self, scalar: &Scalar) -> Expr {
        if !self.plan.columns.reads_statistic(scalar) {
            return expression(scalar);
        }
        if let Scalar::Column(id) = scalar {
            return column(*id);
        }
        let blank = Expr::Literal(ScalarValue::Null, None);
        let branches = vec![(Box::new(self.shadow(scalar)), Box::new(blank))];
        Expr::Case(Case::new(None, branches, Some(Box::new(expression(scalar)))))
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
        Ok(Table { batch, roles: roles.collect(), withheld })
    }
}

fn shadow_name(id: ColumnId) -> String {
    format!("w{}", id.0)
}
