//! Which kind of relation each node of a plan is.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::TableReference;
use datafusion::logical_expr::{
    Distinct, EmptyRelation, FetchType, Limit, LogicalPlan, Projection, SkipType, Sort, SortExpr, TableScan,
    TableSource,
};

use crate::algebra::{ColumnInfo, Public, Records, Reference, Scalar, Scan, SortKey};
use crate::catalog::GrantedTable;
use crate::model::{Code, Column, ColumnClass, DateGrain, Refusal, TableKind};

use super::{Field, Grain, Kind, Lowering, Relation, Scope, domain, not_supported, records_in_output};

/// Most nodes of a plan on top of each other: what runs is polled one inside the other, on a small stack.
const DEEPEST: usize = 200;

impl Lowering<'_> {
    /// The whole plan. ORDER BY and LIMIT over a list of records are refused as the list that they are.
    pub(super) fn root(&mut self, plan: &LogicalPlan) -> Result<Relation, Refusal> {
        let refusal = match self.relation(plan) {
            Ok(relation) => return Ok(relation),
            Err(refusal) => refusal,
        };
        let lists_records = refusal.code == Code::PicksPeople && only_orders(plan);
        Err(if lists_records { records_in_output(self.positions) } else { refusal })
    }

    /// Any node.
    pub(super) fn relation(&mut self, plan: &LogicalPlan) -> Result<Relation, Refusal> {
        self.deeper(|lowering| lowering.node(plan))
    }

    /// One level further down the plan.
    pub(super) fn deeper<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.spend(1)?;
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEEPEST {
            let hint = "write fewer relations on top of each other";
            return Err(Refusal::new(Code::TooLarge, "relations are nested too deeply", hint));
        }
        let done = work(self);
        self.depth = self.depth.saturating_sub(1);
        done
    }

    fn node(&mut self, plan: &LogicalPlan) -> Result<Relation, Refusal> {
        match plan {
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Distinct(Distinct::All(input)) => self.distinct(input),
            LogicalPlan::Distinct(Distinct::On(_)) => {
                Err(not_supported("DISTINCT ON", "group by the keys instead"))
            }
            LogicalPlan::EmptyRelation(empty) => empty_relation(empty),
            LogicalPlan::Filter(_) => self.graph(plan),
            LogicalPlan::Join(join) => self.join(join, plan),
            LogicalPlan::Limit(limit) => self.limit(limit),
            LogicalPlan::Projection(projection) => self.projection(projection),
            LogicalPlan::Sort(sort) => self.sort(sort),
            LogicalPlan::SubqueryAlias(alias) => self.relation(&alias.input),
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::Values(values) => self.values(values),
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::RecursiveQuery(_) => Err(not_supported("WITH RECURSIVE", "write the steps as CTEs")),
            LogicalPlan::Subquery(_) => {
                Err(not_supported("a sub-query here", "join a CTE that is grouped by the subject"))
            }
            LogicalPlan::Unnest(unnest) => self.unnest(unnest),
            LogicalPlan::Analyze(_)
            | LogicalPlan::Copy(_)
            | LogicalPlan::Ddl(_)
            | LogicalPlan::DescribeTable(_)
            | LogicalPlan::Dml(_)
            | LogicalPlan::Explain(_)
            | LogicalPlan::Extension(_)
            | LogicalPlan::Repartition(_)
            | LogicalPlan::Statement(_) => {
                let message = "only one SELECT statement is allowed";
                Err(Refusal::new(
                    Code::StatementNotAllowed,
                    message,
                    "write a SELECT that counts or summarises",
                ))
            }
        }
    }

    fn scan(&mut self, scan: &TableScan) -> Result<Relation, Refusal> {
        let TableScan {
            table_name,
            source: _,
            projection,
            projected_schema: _,
            filters,
            fetch,
            statistics_requests,
        } = scan;
        if !filters.is_empty() || fetch.is_some() || !statistics_requests.is_empty() {
            return Err(not_supported("a scan with conditions of its own", "write them in WHERE"));
        }
        let table =
            self.catalog.table(table_name).map(Arc::clone).ok_or_else(|| self.unknown_table(table_name))?;
        let schema = table.schema();
        let (mut fields, mut columns, mut units) = (Vec::new(), Vec::new(), Vec::new());
        for (column, field) in table.columns.iter().zip(schema.fields()) {
            let info = stored(&table, column, field.data_type());
            match &column.class {
                ColumnClass::Subject => fields.push(Field::Subject(None)),
                ColumnClass::Identifier => fields.push(Field::Identifier),
                ColumnClass::Unit { .. }
                | ColumnClass::Date
                | ColumnClass::Dimension
                | ColumnClass::Measure => {
                    let id = self.columns.add(info);
                    columns.push((id, column.name.clone()));
                    fields.push(Field::Value(Scalar::Column(id)));
                    if matches!(column.class, ColumnClass::Unit { .. }) || column.population.is_some() {
                        units.push(id);
                    }
                }
            }
        }
        if let Some(kept) = projection {
            fields = kept.iter().filter_map(|index| fields.get(*index).cloned()).collect();
        }
        let subject = table.columns.iter().find(|column| column.class == ColumnClass::Subject);
        let scan = Scan {
            table: table.name.clone(),
            subject: subject.map(|column| column.name.clone()),
            columns,
            list_rows: table.list_rows,
            unique: table.unique.clone(),
            ranges: table.ranges.clone(),
        };
        let kind = match table.kind {
            TableKind::Code => Kind::Reference(Reference::Scan(scan)),
            TableKind::Subject => Kind::Records { node: Records::Scan(scan), units },
        };
        Ok(Relation { kind, fields })
    }

    /// The refusal of a table that is not granted or not there: which of them is not said.
    pub(crate) fn unknown_table(&self, name: &TableReference) -> Refusal {
        let known = self.catalog.table_names().join("`, `");
        let hint = format!("the tables of this project are `{known}`");
        Refusal::new(Code::TableUnknown, format!("there is no table `{name}`"), hint)
            .at(self.positions.table(&name.to_string()))
    }

    fn projection(&mut self, projection: &Projection) -> Result<Relation, Refusal> {
        let Relation { kind, fields } = self.relation(&projection.input)?;
        let scope = Scope::new(projection.input.schema(), &fields);
        let (kind, subqueries) = self.joined_subqueries(kind, &projection.expr, scope)?;
        let scope = Scope { subqueries: &subqueries, ..scope };
        let fields = projection.expr.iter().map(|expr| self.field(expr, scope)).collect::<Result<_, _>>()?;
        Ok(Relation { kind, fields })
    }

    /// Over records an order has no meaning and is dropped; the first few of it would pick people.
    fn sort(&mut self, sort: &Sort) -> Result<Relation, Refusal> {
        let Relation { kind, fields } = self.relation(&sort.input)?;
        let input = match kind {
            Kind::Coded { .. } | Kind::Records { .. } if sort.fetch.is_some() => return Err(picks_people()),
            Kind::Coded { .. } | Kind::Records { .. } => return Ok(Relation { kind, fields }),
            Kind::Public(input) => input,
            Kind::Reference(reference) => Public::Reference(reference),
        };
        let keys = self.sort_keys(&sort.expr, Scope::new(sort.input.schema(), &fields))?;
        let sorted = Public::Sort { input: Box::new(input), keys };
        let public = match sort.fetch {
            Some(fetch) => Public::Limit { input: Box::new(sorted), skip: 0, fetch: Some(fetch) },
            None => sorted,
        };
        Ok(Relation { kind: Kind::Public(public), fields })
    }

    pub(super) fn sort_keys(&mut self, keys: &[SortExpr], scope: Scope<'_>) -> Result<Vec<SortKey>, Refusal> {
        let key = |key: &SortExpr| {
            let arg = self.scalar(&key.expr, scope)?;
            Ok(SortKey { arg, ascending: key.asc, nulls_first: key.nulls_first })
        };
        keys.iter().map(key).collect()
    }

    fn limit(&mut self, limit: &Limit) -> Result<Relation, Refusal> {
        let Relation { kind, fields } = self.relation(&limit.input)?;
        let input = match kind {
            Kind::Coded { .. } | Kind::Records { .. } => return Err(picks_people()),
            Kind::Public(input) => input,
            Kind::Reference(reference) => Public::Reference(reference),
        };
        let no_number = || not_supported("LIMIT or OFFSET with an expression", "give a number");
        let skip = match limit.get_skip_type() {
            Ok(SkipType::Literal(skip)) => skip,
            Ok(SkipType::UnsupportedExpr) | Err(_) => return Err(no_number()),
        };
        let fetch = match limit.get_fetch_type() {
            Ok(FetchType::Literal(fetch)) => fetch,
            Ok(FetchType::UnsupportedExpr) | Err(_) => return Err(no_number()),
        };
        Ok(Relation { kind: Kind::Public(Public::Limit { input: Box::new(input), skip, fetch }), fields })
    }
}

/// What is known of a stored column.
fn stored(table: &GrantedTable, column: &Column, data_type: &DataType) -> ColumnInfo {
    let of_people = table.kind == TableKind::Subject;
    let grain = match column.isolating {
        Some(isolating) if of_people => Grain::of_column(isolating.step(), data_type),
        _ if matches!(data_type, DataType::Date32 | DataType::Timestamp(..)) => Grain::Date(DateGrain::Day),
        Some(_) | None => Grain::Coarse,
    };
    ColumnInfo {
        origins: BTreeSet::from([format!("{}.{}", table.name, column.name)]),
        grain,
        code: column.code,
        sensitive: column.sensitive,
        reference: !of_people,
        domain: domain::of_column(column, data_type).filter(|_| of_people),
        population: column.population.clone(),
        ..ColumnInfo::plain(data_type.clone())
    }
}

fn empty_relation(empty: &EmptyRelation) -> Result<Relation, Refusal> {
    if empty.produce_one_row {
        Ok(Relation { kind: Kind::Reference(Reference::Nothing), fields: Vec::new() })
    } else {
        Err(not_supported("a relation without rows", "leave out the condition that is never true"))
    }
}

fn picks_people() -> Refusal {
    let message = "ORDER BY with LIMIT, LIMIT or OFFSET over records picks people";
    let hint = "aggregate first: ORDER BY and LIMIT may order and cut the groups of the result";
    Refusal::new(Code::PicksPeople, message, hint)
}

/// Whether nothing but an order, a cut and a projection stands above the records.
fn only_orders(plan: &LogicalPlan) -> bool {
    if matches!(plan, LogicalPlan::TableScan(_) | LogicalPlan::Join(_)) {
        return true;
    }
    let passes = matches!(
        plan,
        LogicalPlan::Filter(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Projection(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::SubqueryAlias(_)
    );
    passes && plan.inputs().into_iter().all(only_orders)
}
