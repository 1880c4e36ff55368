//! The plan that runs: generated from the algebra, never taken from the analyst's own plan.
//!
//! Every relation of records carries its subject in the column [`SUBJECT`]; every other column is
//! named after its id, so that no name can be ambiguous.

mod amount;
mod call;
mod confidential;
mod expression;
mod layout;

pub(crate) use call::{aggregate_call, widened};
pub(crate) use confidential::{Instrumented, instrument, join_type, reference};
pub(crate) use expression::expression;
pub(crate) use layout::StatisticLayout;

use datafusion::common::Column;
use datafusion::logical_expr::Expr;

use crate::algebra::ColumnId;

/// The column that carries the dense id of the data subject.
const SUBJECT: &str = "subject";

/// The name of a column in generated plans.
pub(crate) fn column_name(id: ColumnId) -> String {
    format!("c{}", id.0)
}

/// A column of a generated plan.
pub(crate) fn column(id: ColumnId) -> Expr {
    named(&column_name(id))
}

pub(crate) fn named(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}
