//! Keeps the records of some people, leaves out those of people who opted out, and checks the order as they stream.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch, RecordBatchOptions, UInt32Array};
use datafusion::arrow::datatypes::{Schema, SchemaRef, UInt32Type};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, StatisticsArgs,
};
use futures::StreamExt as _;

use super::People;
use crate::vault::Absent;

/// The records of a stored table that belong to some people.
///
/// INVARIANT: the dense ids ascend. The vault writes them so and authenticates what it wrote; a table in any
/// other order is an error, and never a wrong number.
#[derive(Debug)]
pub(crate) struct PeopleExec {
    input: Arc<dyn ExecutionPlan>,
    people: People,
    /// Who of them opted out.
    absent: Absent,
    /// The column of the subject in the input.
    subject: usize,
    /// How many columns of the input leave.
    width: usize,
    properties: Arc<PlanProperties>,
}

impl PeopleExec {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        (people, absent): (People, Absent),
        subject: usize,
        width: usize,
    ) -> Self {
        let fields: Vec<_> = input.schema().fields().iter().take(width).cloned().collect();
        let schema = Arc::new(Schema::new(fields));
        // The engine may count on the order, since it is checked.
        let by_person = schema.fields().get(subject).map(|field| {
            PhysicalSortExpr::new_default(Arc::new(Column::new(field.name(), subject))).asc().nulls_last()
        });
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(schema, [by_person]),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { input, people, absent, subject, width, properties: Arc::new(properties) }
    }
}

impl DisplayAs for PeopleExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeopleExec")
    }
}

impl ExecutionPlan for PeopleExec {
    fn name(&self) -> &str {
        "PeopleExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    /// The order is its own: the engine would put sorts below it otherwise, and then not find theirs.
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    /// The input is one partition, in order: nobody may divide it.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => {
                let people = (self.people, self.absent.clone());
                Ok(Arc::new(Self::new(input, people, self.subject, self.width)))
            }
            _ => Err(DataFusionError::Internal("records come from one input".into())),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    /// How many people there are at most is all that is known.
    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema());
        if let Some(input) = inputs.first() {
            statistics.num_rows = input.num_rows.to_inexact();
        }
        Ok(Arc::new(statistics))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let mut clip = Clip {
            people: self.people,
            absent: self.absent.clone(),
            subject: self.subject,
            schema: self.schema(),
            last: None,
        };
        let clipped = input.filter_map(move |batch| {
            let clipped = batch.and_then(|batch| clip.clip(&batch)).transpose();
            std::future::ready(clipped)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), clipped)))
    }
}

/// Reads batches in order.
struct Clip {
    people: People,
    absent: Absent,
    subject: usize,
    schema: SchemaRef,
    last: Option<u32>,
}

impl Clip {
    /// What of a batch belongs to the people; `None` if nothing does.
    fn clip(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        let unsound = || DataFusionError::Execution("records are not in the order of the dense ids".into());
        let column =
            batch.columns().get(self.subject).and_then(|column| column.as_primitive_opt::<UInt32Type>());
        let subjects: &UInt32Array = column.ok_or_else(unsound)?;
        let ids = subjects.values();
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(None) };
        if subjects.null_count() > 0 || !ids.is_sorted() || self.last.is_some_and(|last| *first < last) {
            return Err(unsound());
        }
        self.last = Some(*last);
        let start = ids.partition_point(|id| *id < self.people.from);
        let end = ids.partition_point(|id| self.people.to.is_none_or(|to| *id < to));
        if start >= end {
            return Ok(None);
        }
        let kept = self.absent.leave_out(batch.slice(start, end - start), self.subject);
        let kept = kept.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let columns = kept.columns().iter().take(self.schema.fields().len()).cloned().collect();
        let rows = RecordBatchOptions::new().with_row_count(Some(kept.num_rows()));
        Ok(Some(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &rows)?))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int64Array;
    use datafusion::arrow::datatypes::{DataType, Field};

    use super::*;

    fn clip(people: People) -> Clip {
        let schema = Arc::new(Schema::new(vec![Field::new("cost", DataType::Int64, false)]));
        Clip { people, absent: Absent::default(), subject: 1, schema, last: None }
    }

    fn batch(subjects: &[u32]) -> RecordBatch {
        let costs = Int64Array::from_iter_values(subjects.iter().map(|subject| i64::from(*subject) * 10));
        let columns: [(&str, Arc<dyn Array>); 2] =
            [("cost", Arc::new(costs)), ("id", Arc::new(UInt32Array::from(subjects.to_vec())))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn costs(batch: Option<RecordBatch>) -> Vec<i64> {
        batch.map_or(Vec::new(), |batch| {
            batch.column(0).as_primitive::<datafusion::arrow::datatypes::Int64Type>().values().to_vec()
        })
    }

    #[test]
    fn only_records_of_the_people_are_kept() {
        let [before, between, after] = People::divided(&[3, 5]).try_into().unwrap();
        let all = [batch(&[0, 2, 2, 3]), batch(&[3, 4, 4]), batch(&[5, 9])];
        for (people, kept) in
            [(before, vec![0, 20, 20]), (between, vec![30, 30, 40, 40]), (after, vec![50, 90])]
        {
            let mut clip = clip(people);
            let found: Vec<i64> = all.iter().flat_map(|batch| costs(clip.clip(batch).unwrap())).collect();
            assert_eq!(found, kept);
        }
    }

    #[test]
    fn people_who_are_not_in_order_are_an_error() {
        let mut clip = clip(People::ALL);
        assert!(clip.clip(&batch(&[1, 2])).is_ok());
        assert!(clip.clip(&batch(&[2, 1])).is_err());
        assert!(clip.clip(&batch(&[1, 3])).is_err());
        assert!(clip.clip(&batch(&[2, 3])).is_ok());
    }
}
