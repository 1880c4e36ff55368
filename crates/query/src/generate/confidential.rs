//! The confidential half: records, joined and restricted, up to the tallies of the frontier.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, JoinType, Result, TableReference};
use datafusion::datasource::{TableProvider, provider_as_source};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::expr::{AggregateFunction, GroupingSet, TryCast};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr, lit};

use crate::algebra::{ColumnId, Frontier, JoinKind, Records, Reference, Scalar, Scan};
use crate::coded::is_coded;
use crate::disclosure::Scale;
use crate::tally::tally;
use crate::values::values;

use super::amount::{amount, value};
use super::call::{aggregation, window};
use super::layout::Layout;
use super::{SUBJECT, column, column_name, expression, named};

/// The subject of the right side while two relations of records are joined.
const PARTNER: &str = "partner";

/// The column that a mark join adds.
const MARK: &str = "mark";

/// Gives the stored tables by name; texts of these columns may be coded.
pub(crate) type Tables<'a> = &'a dyn Fn(&str, &BTreeSet<&str>) -> Result<Arc<dyn TableProvider>>;

/// A frontier's plan: it answers the group keys, the id of the grouping set where there are several, and
/// one tally for each entry of the layout.
#[derive(Debug)]
pub(crate) struct Instrumented {
    pub(crate) plan: LogicalPlan,
    pub(crate) layout: Layout,
    /// The unit of each tally's amounts.
    pub(crate) scales: Vec<Scale>,
    /// The unit of each gathering of single values, which stand behind the tallies.
    pub(crate) value_scales: Vec<Scale>,
    /// Number of columns before the first tally.
    pub(crate) first_tally: usize,
}

/// Generates the plan of one frontier.
pub(crate) fn instrument(frontier: &Frontier, tables: Tables<'_>) -> Result<Instrumented> {
    let generator = Generator { tables, used: frontier.columns(), texts: Some(frontier.read_as_text()) };
    let input = generator.records(&frontier.input)?;
    let layout = Layout::of(frontier);
    let keys = frontier.keys.iter().map(|(id, key)| expression(key).alias(column_name(*id)));
    let mut projected: Vec<Expr> = std::iter::once(named(SUBJECT)).chain(keys).collect();
    let units = || frontier.units.iter().map(|unit| unit.column);
    projected.extend(units().map(|unit| cast(column(unit), &DataType::Utf8).alias(unit_name(unit))));
    let (mut tallies, mut scales) = (Vec::new(), Vec::new());
    for (index, spec) in layout.tallies.iter().enumerate() {
        let (amount, scale) = amount(&spec.amount, &input)?;
        let amount_name = format!("amount{index}");
        let filter_name = format!("filter{index}");
        projected.push(amount.alias(&amount_name));
        projected.extend(spec.filter.iter().map(|filter| expression(filter).alias(&filter_name)));
        let mut args = vec![named(SUBJECT), named(&amount_name)];
        args.extend(units().map(|unit| named(&unit_name(unit))));
        let filter = spec.filter.as_ref().map(|_| Box::new(named(&filter_name)));
        let call = AggregateFunction::new_udf(tally(), args, false, filter, Vec::new(), None);
        tallies.push(Expr::AggregateFunction(call).alias(format!("tally{index}")));
        scales.push(scale);
    }
    let mut value_scales = Vec::new();
    for (index, spec) in layout.values.iter().enumerate() {
        let (value, scale) = if spec.distinct {
            (cast(expression(&spec.value), &DataType::Utf8), Scale::Integer)
        } else {
            value(&spec.value, &input)?
        };
        let (value_name, filter_name) = (format!("value{index}"), format!("value_filter{index}"));
        projected.push(value.alias(&value_name));
        projected.extend(spec.filter.iter().map(|filter| expression(filter).alias(&filter_name)));
        let args = vec![named(SUBJECT), named(&value_name)];
        let filter = spec.filter.as_ref().map(|_| Box::new(named(&filter_name)));
        let call = AggregateFunction::new_udf(values(spec.distinct), args, false, filter, Vec::new(), None);
        tallies.push(Expr::AggregateFunction(call).alias(format!("values{index}")));
        value_scales.push(scale);
    }
    let key_columns: Vec<Expr> = frontier.keys.iter().map(|(id, _)| column(*id)).collect();
    let (groups, grouping_ids) = match &frontier.sets {
        None => (key_columns, 0),
        Some(sets) => {
            let of =
                |set: &Vec<usize>| set.iter().filter_map(|index| key_columns.get(*index).cloned()).collect();
            let sets = GroupingSet::GroupingSets(sets.sets.iter().map(of).collect());
            (vec![Expr::GroupingSet(sets)], 1)
        }
    };
    let first_tally = frontier.keys.len() + grouping_ids;
    let cells = LogicalPlanBuilder::from(input).project(projected)?.aggregate(groups, tallies)?.build()?;
    let cells = labelled(cells)?;
    let plan = match &frontier.complete {
        None => cells,
        Some((codes, keys)) => generator.completed(frontier, codes, keys, cells)?,
    };
    Ok(Instrumented { plan, layout, scales, value_scales, first_tally })
}

/// Cells whose labels are texts, however the texts were read.
fn labelled(cells: LogicalPlan) -> Result<LogicalPlan> {
    let schema = Arc::clone(cells.schema());
    if !schema.fields().iter().any(|field| is_coded(field.data_type())) {
        return Ok(cells);
    }
    let labels = schema.columns().into_iter().zip(schema.fields()).map(|(column, field)| {
        let name = column.name.clone();
        let label = Expr::Column(column);
        if is_coded(field.data_type()) { cast(label, &DataType::Utf8).alias(name) } else { label }
    });
    LogicalPlanBuilder::from(cells).project(labels.collect::<Vec<_>>())?.build()
}

/// Generates the plan of a relation of reference data.
pub(crate) fn reference(reference: &Reference, tables: Tables<'_>) -> Result<LogicalPlan> {
    Generator { tables, used: BTreeSet::new(), texts: None }.reference(reference)
}

/// Generates relations of one frontier.
struct Generator<'a> {
    tables: Tables<'a>,
    /// The columns that the frontier reads anywhere.
    used: BTreeSet<ColumnId>,
    /// Those that are read as texts; where it is not known, all.
    texts: Option<BTreeSet<ColumnId>>,
}

impl Generator<'_> {
    fn reference(&self, node: &Reference) -> Result<LogicalPlan> {
        match node {
            Reference::Distinct { input, keys } => {
                let keys = keys.iter().map(|(id, key)| expression(key).alias(column_name(*id)));
                LogicalPlanBuilder::from(self.reference(input)?).project(keys)?.distinct()?.build()
            }
            Reference::Extend { input, columns } => extended(self.reference(input)?, columns),
            Reference::Join { left, right, on, kind } => {
                joined_on(self.reference(left)?, self.reference(right)?, on, *kind)
            }
            Reference::Nothing => LogicalPlanBuilder::empty(true).build(),
            Reference::Restrict { input, predicate } => {
                LogicalPlanBuilder::from(self.reference(input)?).filter(expression(predicate))?.build()
            }
            Reference::Scan(table) => self.scan(table),
            Reference::Union { inputs, columns } => {
                let inputs = inputs.iter().map(|(input, row)| Ok((self.reference(input)?, row.as_slice())));
                union(inputs.collect::<Result<_>>()?, columns, &[])
            }
            Reference::Values { columns, rows } => {
                let literal = |value: &datafusion::common::ScalarValue| Expr::Literal(value.clone(), None);
                let rows = rows.iter().map(|row| row.iter().map(literal).collect()).collect();
                let plan = LogicalPlanBuilder::values(rows)?.build()?;
                let stored: Vec<Column> = plan.schema().columns();
                let named = stored.into_iter().zip(columns).map(|(stored, (id, data_type))| {
                    cast(Expr::Column(stored), data_type).alias(column_name(*id))
                });
                LogicalPlanBuilder::from(plan).project(named.collect::<Vec<_>>())?.build()
            }
        }
    }

    fn records(&self, node: &Records) -> Result<LogicalPlan> {
        match node {
            Records::Extend { input, columns } => extended(self.records(input)?, columns),
            Records::PerSubject { input, keys, aggregates } => {
                aggregation(self.records(input)?, &[named(SUBJECT)], keys, aggregates)
            }
            Records::ReferenceJoin { input, reference: codes, on, kind } => {
                joined_on(self.records(input)?, self.reference(codes)?, on, *kind)
            }
            Records::Restrict { input, predicate } => {
                LogicalPlanBuilder::from(self.records(input)?).filter(expression(predicate))?.build()
            }
            Records::Scan(table) => self.scan(table),
            Records::SubjectJoin { left, right, on, kind } => {
                subject_join(self.records(left)?, self.records(right)?, on, *kind)
            }
            Records::Union { inputs, columns, .. } => {
                let inputs = inputs.iter().map(|(input, row)| Ok((self.records(input)?, row.as_slice())));
                union(inputs.collect::<Result<_>>()?, columns, &[named(SUBJECT)])
            }
            Records::Window { input, calls } => {
                let input = self.records(input)?;
                let used = |column: &Column| self.used.iter().any(|id| column_name(*id) == column.name);
                let ties: Vec<Expr> =
                    input.schema().columns().into_iter().filter(used).map(Expr::Column).collect();
                window(input, &[named(SUBJECT)], &ties, calls)
            }
        }
    }

    fn scan(&self, table: &Scan) -> Result<LogicalPlan> {
        let name = TableReference::bare(table.table.clone());
        let may_be_coded = |id: &ColumnId| self.texts.as_ref().is_some_and(|texts| !texts.contains(id));
        let coded = table.columns.iter().filter(|(id, _)| may_be_coded(id));
        let coded = coded.map(|(_, column)| column.as_str()).collect();
        let source = provider_as_source((self.tables)(&table.table, &coded)?);
        let stored = |column: &String| Expr::Column(Column::new(Some(name.clone()), column.clone()));
        let subject = table.subject.iter().map(|subject| stored(subject).alias(SUBJECT));
        let columns = table.columns.iter().map(|(id, column)| stored(column).alias(column_name(*id)));
        let projected: Vec<Expr> = subject.chain(columns).collect();
        let scan = LogicalPlanBuilder::scan(name.clone(), source, None)?.project(projected)?;
        let scan = if table.subject.is_some() { scan.filter(named(SUBJECT).is_not_null())? } else { scan };
        scan.build()
    }

    /// The cells, and empty ones for the codes that nobody has. Of a declared domain there may be cells beside
    /// it: those of NULL.
    fn completed(
        &self,
        frontier: &Frontier,
        codes: &Reference,
        keys: &[Scalar],
        cells: LogicalPlan,
    ) -> Result<LogicalPlan> {
        let names: Vec<String> = frontier.keys.iter().map(|(id, _)| column_name(*id)).collect();
        let found = |name: &String| format!("found_{name}");
        let labels = names.iter().zip(keys).map(|(name, key)| expression(key).alias(name));
        let labels = LogicalPlanBuilder::from(self.reference(codes)?)
            .project(labels.collect::<Vec<_>>())?
            .distinct()?;
        let all: Vec<Column> = cells.schema().columns();
        let renamed = all.iter().map(|column| {
            let expr = Expr::Column(column.clone());
            if names.contains(&column.name) { expr.alias(found(&column.name)) } else { expr }
        });
        let cells = LogicalPlanBuilder::from(cells.clone()).project(renamed.collect::<Vec<_>>())?.build()?;
        let same = names
            .iter()
            .map(|name| binary_expr(named(name), Operator::IsNotDistinctFrom, named(&found(name))));
        let tallies = all.iter().filter(|column| !names.contains(&column.name)).map(|c| named(&c.name));
        let label = |name: &String| coalesce(vec![named(name), named(&found(name))]).alias(name);
        let kept: Vec<Expr> = names.iter().map(label).chain(tallies).collect();
        labels.join_on(cells, JoinType::Full, same.collect::<Vec<_>>())?.project(kept)?.build()
    }
}

/// Every column, and further ones.
pub(super) fn extended(input: LogicalPlan, columns: &[(ColumnId, Scalar)]) -> Result<LogicalPlan> {
    let mut projected: Vec<Expr> = all(&input);
    projected.extend(columns.iter().map(|(id, value)| expression(value).alias(column_name(*id))));
    LogicalPlanBuilder::from(input).project(projected)?.build()
}

/// The rows of all inputs: the columns of `first`, then each input's values of the common columns.
fn union(
    inputs: Vec<(LogicalPlan, &[Scalar])>,
    columns: &[(ColumnId, DataType)],
    first: &[Expr],
) -> Result<LogicalPlan> {
    let mut united: Option<LogicalPlanBuilder> = None;
    for (input, row) in inputs {
        let values = row
            .iter()
            .zip(columns)
            .map(|(value, (id, data_type))| cast(expression(value), data_type).alias(column_name(*id)));
        let projected: Vec<Expr> = first.iter().cloned().chain(values).collect();
        let input = LogicalPlanBuilder::from(input).project(projected)?;
        united = Some(match united {
            None => input,
            Some(united) => united.union(input.build()?)?,
        });
    }
    united.unwrap_or_else(|| LogicalPlanBuilder::empty(false)).build()
}

/// A join with reference data, or of reference data.
fn joined_on(left: LogicalPlan, right: LogicalPlan, on: &[Scalar], kind: JoinKind) -> Result<LogicalPlan> {
    let kept = all(&left);
    let on: Vec<Expr> = if on.is_empty() { vec![lit(true)] } else { on.iter().map(expression).collect() };
    let joined = LogicalPlanBuilder::from(left).join_on(right, join_type(kind), on)?.build()?;
    marked(joined, kept, kind)
}

/// INVARIANT: both sides carry their subject, and rows stand side by side only where the two are equal.
fn subject_join(left: LogicalPlan, right: LogicalPlan, on: &[Scalar], kind: JoinKind) -> Result<LogicalPlan> {
    let renamed: Vec<Expr> = all(&right)
        .into_iter()
        .map(|expr| if expr == named(SUBJECT) { expr.alias(PARTNER) } else { expr })
        .collect();
    let right = LogicalPlanBuilder::from(right).project(renamed)?.build()?;
    let filter = on.iter().map(expression).reduce(Expr::and);
    let of_left = all(&left);
    let keys = (vec![SUBJECT], vec![PARTNER]);
    let joined = LogicalPlanBuilder::from(left).join(right, join_type(kind), keys, filter)?.build()?;
    match kind {
        JoinKind::Anti | JoinKind::Mark(_) | JoinKind::Semi => marked(joined, of_left, kind),
        JoinKind::Full | JoinKind::Inner | JoinKind::Left => {
            let kept = all(&joined).into_iter().filter(|expr| *expr != named(PARTNER)).map(|expr| {
                let either = kind == JoinKind::Full && expr == named(SUBJECT);
                if either { coalesce(vec![named(SUBJECT), named(PARTNER)]).alias(SUBJECT) } else { expr }
            });
            LogicalPlanBuilder::from(joined).project(kept.collect::<Vec<_>>())?.build()
        }
    }
}

/// A join's rows; the mark of a mark join under its own name.
fn marked(joined: LogicalPlan, mut kept: Vec<Expr>, kind: JoinKind) -> Result<LogicalPlan> {
    let JoinKind::Mark(mark) = kind else {
        return Ok(joined);
    };
    let found = joined.schema().columns().into_iter().rfind(|column| column.name == MARK);
    kept.extend(found.map(|found| Expr::Column(found).alias(column_name(mark))));
    LogicalPlanBuilder::from(joined).project(kept)?.build()
}

pub(crate) fn join_type(kind: JoinKind) -> JoinType {
    match kind {
        JoinKind::Anti => JoinType::LeftAnti,
        JoinKind::Full => JoinType::Full,
        JoinKind::Inner => JoinType::Inner,
        JoinKind::Left => JoinType::Left,
        JoinKind::Mark(_) => JoinType::LeftMark,
        JoinKind::Semi => JoinType::LeftSemi,
    }
}

fn all(plan: &LogicalPlan) -> Vec<Expr> {
    plan.schema().columns().into_iter().map(Expr::Column).collect()
}

fn cast(value: Expr, to: &DataType) -> Expr {
    Expr::TryCast(TryCast::new(Box::new(value), to.clone()))
}

fn unit_name(unit: ColumnId) -> String {
    format!("unit{}", unit.0)
}
