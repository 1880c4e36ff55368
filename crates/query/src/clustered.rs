//! Sorts within each person: where records come in the order of people already, only those of one person
//! are put in order, some thousand rows at a time.
//!
//! A person's rows are held until the next person's come, and not charged to the job. So this is done for
//! stored records alone: a join may make any number of rows of them.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::partial_sort::PartialSortExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use crate::scan::PeopleExec;

/// Sorts of stored records that come in the order of people sort those of one person at a time.
#[derive(Debug)]
pub(crate) struct SortsWithinPeople;

impl PhysicalOptimizerRule for SortsWithinPeople {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            Ok(match within_people(&node)? {
                Some(sort) => Transformed::yes(sort),
                None => Transformed::no(node),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "sorts_within_people"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The sort that needs no more than one person's rows, if the order of the input and its rows allow it.
fn within_people(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(sort) = node.downcast_ref::<SortExec>().filter(|sort| sort.fetch().is_none()) else {
        return Ok(None);
    };
    let input = sort.input();
    if !reads_stored_records(input) {
        return Ok(None);
    }
    let order = input.equivalence_properties();
    let (sorted, done) = order.extract_common_sort_prefix(sort.expr().clone())?;
    if sorted.is_empty() || done {
        return Ok(None);
    }
    let partial = PartialSortExec::new(sort.expr().clone(), Arc::clone(input), sorted.len());
    Ok(Some(Arc::new(partial.with_preserve_partitioning(sort.preserve_partitioning()))))
}

/// Whether each row is a stored record.
fn reads_stored_records(node: &Arc<dyn ExecutionPlan>) -> bool {
    if node.downcast_ref::<PeopleExec>().is_some() {
        return true;
    }
    let keeps_rows = node.downcast_ref::<ProjectionExec>().is_some()
        || node.downcast_ref::<FilterExec>().is_some()
        || node.downcast_ref::<CooperativeExec>().is_some()
        || node.downcast_ref::<PartialSortExec>().is_some()
        || node.downcast_ref::<BoundedWindowAggExec>().is_some()
        || node.downcast_ref::<WindowAggExec>().is_some();
    keeps_rows && node.children().into_iter().all(reads_stored_records)
}
