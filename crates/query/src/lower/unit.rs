//! Institutions and areas behind a sub-query: who is chosen by one that another relation names is not chosen here.
//!
//! The institutions and areas of a cell are those of its records. `EXISTS`, `IN` and scalar sub-queries choose
//! people and leave no record behind, so that one which asks for a hospital or a village would hide it.

use datafusion::common::TableReference;
use datafusion::logical_expr::Operator;

use crate::algebra::{Records, Scalar};
use crate::model::{Code, ColumnClass, Refusal};

use super::Lowering;

impl Lowering<'_> {
    /// Refuses records that are only looked for, where an institution or area decides which they are.
    pub(super) fn not_chosen_by_unit(&self, records: &Records, on: &[Scalar]) -> Result<(), Refusal> {
        let mut conditions: Vec<&Scalar> = on.iter().collect();
        decisions(records, &mut conditions);
        let chosen =
            conditions.into_iter().find(|condition| !is_the_same(condition) && self.reads_unit(condition));
        let Some(condition) = chosen else { return Ok(()) };
        let units = self.origins(condition).into_iter().filter(|origin| self.is_unit(origin));
        let name = units.max().unwrap_or_default();
        let message = format!("a sub-query that chooses people by `{name}` is not allowed");
        let hint = "join its table on the subject instead, so that institutions and areas are counted";
        Err(Refusal::new(Code::ExpressionNotAllowed, message, hint).at(self.positions.subquery()))
    }

    fn reads_unit(&self, scalar: &Scalar) -> bool {
        self.origins(scalar).iter().any(|origin| self.is_unit(origin))
    }

    /// Whether a stored column names an institution, or an area whose inhabitants are known.
    fn is_unit(&self, origin: &str) -> bool {
        let Some((table, column)) = origin.split_once('.') else { return false };
        let table = self.catalog.table(&TableReference::bare(table));
        let column = table.and_then(|table| table.columns.iter().find(|known| known.name == column));
        column.is_some_and(|column| {
            matches!(column.class, ColumnClass::Unit { .. }) || column.population.is_some()
        })
    }
}

/// Whether a condition compares two columns of records, such as the hospital of both: it names none.
fn is_the_same(condition: &Scalar) -> bool {
    let column = |side: &Scalar| matches!(side, Scalar::Column(_));
    matches!(condition, Scalar::Compare { op: Operator::Eq, left, right } if column(left) && column(right))
}

/// What decides which records these are. What is only computed is read where it decides.
fn decisions<'a>(records: &'a Records, found: &mut Vec<&'a Scalar>) {
    match records {
        Records::Extend { input, .. } => decisions(input, found),
        Records::PerSubject { input, aggregates, .. } => {
            found.extend(aggregates.iter().filter_map(|(_, call)| call.filter.as_ref()));
            // What a person's records have in common is computed from them, and a bare column carries its name.
            let arguments = aggregates.iter().map(|(_, call)| &call.arg);
            found.extend(arguments.filter(|arg| !matches!(arg, Scalar::Column(_))));
            decisions(input, found);
        }
        Records::ReferenceJoin { input, on, .. } => {
            // A code that is looked up is compared with a column, and still decides.
            found.extend(on.iter().flat_map(Scalar::children));
            decisions(input, found);
        }
        Records::Restrict { input, predicate } => {
            if let Scalar::And(all) = predicate {
                found.extend(all);
            } else {
                found.push(predicate);
            }
            decisions(input, found);
        }
        Records::Scan(_) => {}
        Records::SubjectJoin { left, right, on, .. } => {
            found.extend(on);
            decisions(left, found);
            decisions(right, found);
        }
        Records::Union { inputs, .. } => inputs.iter().for_each(|(input, _)| decisions(input, found)),
        Records::Window { input, calls } => {
            found.extend(calls.iter().filter_map(|(_, call)| call.filter.as_ref()));
            decisions(input, found);
        }
    }
}
