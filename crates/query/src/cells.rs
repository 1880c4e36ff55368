//! The operator that forms cells: what the engine's own aggregation does, for the keys and the aggregates
//! of a frontier.
//!
//! Values of keys are numbered, and groups are numbers: a group is found without a comparison of rows.
//! Whatever it does not know (a key of another type, an aggregate of somebody else) stays with the engine.

mod numbers;
mod table;

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, new_null_array};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{AggregateUDF, EmitTo, GroupsAccumulator};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, evaluate_group_by};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::{StreamExt, stream};

use self::numbers::{Values, can_be_numbered};
use self::table::Pairs;
use crate::{tally, values};

/// Puts [`CellsExec`] in the place of each aggregation that it can do.
#[derive(Debug)]
pub(crate) struct FormCells;

impl PhysicalOptimizerRule for FormCells {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let aggregation = node.downcast_ref::<AggregateExec>();
            let cells =
                aggregation.and_then(|whole| CellsExec::of(whole).or_else(|| CellsExec::of_both(whole)));
            Ok(cells.map_or(Transformed::no(node), |cells| Transformed::yes(Arc::new(cells) as _)))
        })
        .data()
    }

    fn name(&self) -> &str {
        "form_cells"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Groups records, and gathers what people contribute to each group.
#[derive(Debug)]
struct CellsExec {
    /// The aggregation that it stands for: its keys and aggregates.
    aggregation: AggregateExec,
    properties: Arc<PlanProperties>,
}

impl CellsExec {
    /// For an aggregation in one step.
    fn of(aggregation: &AggregateExec) -> Option<Self> {
        let whole = matches!(aggregation.mode(), AggregateMode::Single | AggregateMode::SinglePartitioned);
        (whole && can_be_done(aggregation)).then(|| Self::new(aggregation.clone(), aggregation.schema()))
    }

    /// For an aggregation in two steps: the engine groups by several sets only so. Where all input is one
    /// partition, the first step has seen every row, and its states are tickets like the answers.
    fn of_both(last: &AggregateExec) -> Option<Self> {
        let first = last.input().downcast_ref::<AggregateExec>()?;
        let both = matches!(last.mode(), AggregateMode::Final | AggregateMode::FinalPartitioned)
            && matches!(first.mode(), AggregateMode::Partial)
            && last.limit_options().is_none();
        let (states, answers) = (first.schema(), last.schema());
        let types = |schema: &SchemaRef| -> Vec<_> {
            schema.fields().iter().map(|field| field.data_type().clone()).collect()
        };
        let fits = both && types(&states) == types(&answers) && can_be_done(first);
        fits.then(|| Self::new(first.clone(), answers))
    }

    fn new(aggregation: AggregateExec, schema: SchemaRef) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self { aggregation, properties: Arc::new(properties) }
    }
}

/// Whether the operator can do what an aggregation does.
fn can_be_done(aggregation: &AggregateExec) -> bool {
    let keys = aggregation.group_expr();
    let input = aggregation.input_schema();
    let one_partition = aggregation.input().properties().partitioning.partition_count() == 1;
    let key_fits = |key: &Arc<dyn PhysicalExpr>| {
        key.data_type(&input).is_ok_and(|data_type| can_be_numbered(&data_type))
    };
    let ours = aggregation
        .aggr_expr()
        .iter()
        .all(|call| gathers(call.fun()) && !call.is_distinct() && call.order_bys().is_empty());
    one_partition
        && aggregation.limit_options().is_none()
        && ours
        && !keys.is_empty()
        && keys.expr().iter().all(|(key, _)| key_fits(key))
}

impl DisplayAs for CellsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CellsExec")
    }
}

impl ExecutionPlan for CellsExec {
    fn name(&self) -> &str {
        "CellsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![self.aggregation.input()]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.aggregation.apply_expressions(f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        let aggregation = Arc::new(self.aggregation.clone()).replace_children(children, options)?;
        match aggregation.downcast_ref::<AggregateExec>() {
            Some(aggregation) => Ok(Arc::new(Self::new(aggregation.clone(), self.schema()))),
            None => Ok(aggregation),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut input = self.aggregation.input().execute(partition, Arc::clone(&context))?;
        let reservation = MemoryConsumer::new("cells").register(context.memory_pool());
        let mut cells = Cells::new(&self.aggregation, self.schema(), reservation)?;
        let formed = async move {
            while let Some(batch) = input.next().await {
                cells.add(&batch?)?;
            }
            cells.finish()
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), stream::once(formed))))
    }
}

/// Cells while they are formed.
struct Cells {
    aggregation: AggregateExec,
    schema: SchemaRef,
    reservation: MemoryReservation,
    keys: Vec<Values>,
    sets: Vec<GroupingSet>,
    groups: Groups,
    aggregates: Vec<Box<dyn GroupsAccumulator>>,
}

/// The groups of all sets, by number.
#[derive(Default)]
struct Groups {
    /// The grouping set of each.
    sets: Vec<usize>,
    /// For each key, the number of each group's value; anything where the set leaves the key out.
    keys: Vec<Vec<u32>>,
}

/// One way to group: by some of the keys.
struct GroupingSet {
    /// For each key, whether it is left out.
    left_out: Vec<bool>,
    /// From the numbers of two values to the number of the pair, for each key after the first.
    pairs: Vec<Pairs>,
    /// From the number of all of a row's values to its group.
    group_of: Vec<Option<usize>>,
    /// What the column that tells the sets apart holds, once there was a row.
    id: Option<ArrayRef>,
}

impl Cells {
    fn new(aggregation: &AggregateExec, schema: SchemaRef, reservation: MemoryReservation) -> Result<Self> {
        let (by, input) = (aggregation.group_expr(), aggregation.input_schema());
        let keys = by.expr().iter().map(|(key, _)| Ok(Values::new(&key.data_type(&input)?)));
        let set = |left_out: &Vec<bool>| GroupingSet {
            left_out: left_out.clone(),
            pairs: left_out.iter().skip(1).map(|_| Pairs::new()).collect(),
            group_of: Vec::new(),
            id: None,
        };
        let aggregates = aggregation.aggr_expr().iter().map(|call| call.create_groups_accumulator());
        Ok(Self {
            schema,
            reservation,
            keys: keys.collect::<Result<_>>()?,
            sets: by.groups().iter().map(set).collect(),
            groups: Groups { sets: Vec::new(), keys: vec![Vec::new(); by.expr().len()] },
            aggregates: aggregates.collect::<Result<_>>()?,
            aggregation: aggregation.clone(),
        })
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let by = self.aggregation.group_expr();
        let arrays = by.expr().iter().map(|(key, _)| key.evaluate(batch)?.into_array(batch.num_rows()));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let numbered = self.keys.iter_mut().zip(&arrays).map(|(values, array)| values.number(array));
        let numbered = numbered.collect::<Result<Vec<_>>>()?;
        if by.has_grouping_set() && self.sets.iter().any(|set| set.id.is_none()) {
            let one = batch.slice(0, 1);
            for (set, columns) in self.sets.iter_mut().zip(evaluate_group_by(by, &one)?) {
                set.id = columns.last().cloned();
            }
        }
        let calls = self.aggregation.aggr_expr().iter().zip(self.aggregation.filter_expr());
        let calls = calls.map(|(call, filter)| {
            let args = call.expressions();
            let args = args.iter().map(|arg| arg.evaluate(batch)?.into_array(batch.num_rows()));
            Ok((args.collect::<Result<Vec<_>>>()?, evaluated(filter.as_ref(), batch)?))
        });
        let calls = calls.collect::<Result<Vec<_>>>()?;
        for (number, set) in self.sets.iter_mut().enumerate() {
            let groups = set.groups(number, &numbered, batch.num_rows(), &mut self.groups)?;
            for (aggregate, (args, filter)) in self.aggregates.iter_mut().zip(&calls) {
                aggregate.update_batch(args, &groups, filter.as_ref(), self.groups.sets.len())?;
            }
        }
        self.reservation.try_resize(self.heap_size())
    }

    fn heap_size(&self) -> usize {
        let keys: usize = self.keys.iter().map(Values::heap_size).sum();
        let sets: usize = self.sets.iter().map(GroupingSet::heap_size).sum();
        let groups = self.groups.sets.capacity() * (size_of::<usize>() + self.keys.len() * size_of::<u32>());
        let aggregates: usize = self.aggregates.iter().map(|aggregate| aggregate.size()).sum();
        keys + sets + groups + aggregates
    }

    fn finish(mut self) -> Result<RecordBatch> {
        if self.groups.sets.is_empty() {
            return Ok(RecordBatch::new_empty(self.schema));
        }
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for (key, (values, numbers)) in self.keys.iter_mut().zip(&self.groups.keys).enumerate() {
            let null = values.number(&new_null_array(&values.data_type().clone(), 1))?;
            let null = null.first().copied().unwrap_or_default();
            let of = |(set, number): (&usize, &u32)| match self.sets.get(*set) {
                Some(set) if set.left_out.get(key) == Some(&true) => null,
                _ => *number,
            };
            let numbers: Vec<u32> = self.groups.sets.iter().zip(numbers).map(of).collect();
            columns.push(values.array(&numbers)?);
        }
        if self.aggregation.group_expr().has_grouping_set() {
            let missing = || DataFusionError::Execution("a grouping set has no number".into());
            let id = |set: &usize| self.sets.get(*set).and_then(|set| set.id.as_deref()).ok_or_else(missing);
            let ids = self.groups.sets.iter().map(id).collect::<Result<Vec<_>>>()?;
            columns.push(concat(&ids)?);
        }
        for aggregate in &mut self.aggregates {
            columns.push(aggregate.evaluate(EmitTo::All)?);
        }
        Ok(RecordBatch::try_new(self.schema, columns)?)
    }
}

impl GroupingSet {
    /// The group of each row.
    fn groups(
        &mut self,
        set: usize,
        keys: &[Vec<u32>],
        rows: usize,
        groups: &mut Groups,
    ) -> Result<Vec<usize>> {
        let used = || keys.iter().zip(&self.left_out).filter(|(_, left_out)| !**left_out).map(|(key, _)| key);
        let mut combined = used().next().cloned().unwrap_or_else(|| vec![0; rows]);
        for (pairs, key) in self.pairs.iter_mut().zip(used().skip(1)) {
            pairs.number(&mut combined, key)?;
        }
        let mut of_rows = Vec::with_capacity(rows);
        for (row, number) in combined.into_iter().enumerate() {
            let number = usize::try_from(number).unwrap_or(usize::MAX);
            if self.group_of.len() <= number {
                self.group_of.resize(number + 1, None);
            }
            let place = self.group_of.get_mut(number);
            let known = place.as_ref().and_then(|place| **place);
            let group = known.unwrap_or_else(|| {
                groups.sets.push(set);
                for (numbers, key) in groups.keys.iter_mut().zip(keys) {
                    numbers.push(key.get(row).copied().unwrap_or_default());
                }
                groups.sets.len() - 1
            });
            if let (None, Some(place)) = (known, place) {
                *place = Some(group);
            }
            of_rows.push(group);
        }
        Ok(of_rows)
    }

    fn heap_size(&self) -> usize {
        let pairs: usize = self.pairs.iter().map(Pairs::heap_size).sum();
        pairs + self.group_of.capacity() * size_of::<Option<usize>>()
    }
}

/// Whether an aggregate is one of ours.
fn gathers(function: &AggregateUDF) -> bool {
    tally::deposit(function).is_some() || values::deposit(function).is_some()
}

fn evaluated(filter: Option<&Arc<dyn PhysicalExpr>>, batch: &RecordBatch) -> Result<Option<BooleanArray>> {
    let Some(filter) = filter else { return Ok(None) };
    let passes = filter.evaluate(batch)?.into_array(batch.num_rows())?;
    match passes.as_boolean_opt() {
        Some(passes) => Ok(Some(passes.clone())),
        None => Err(DataFusionError::Execution("a filter is true or false".into())),
    }
}
