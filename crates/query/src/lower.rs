//! Judges a plan: lowers the engine's analysed, un-optimised plan into the algebra, or refuses it.
//!
//! Each relation is judged bottom-up as one of three kinds: records, reference data, or statistics.
//! Projections leave no node behind: a field *is* its expression over the columns below, so that a
//! CASE is seen wherever it was written. The matches over the engine's enums have no wildcard arm: an
//! upgrade that adds a node does not compile until someone has decided about it.

mod aggregate;
mod argument;
mod cells;
mod chosen;
mod domain;
mod exact;
mod frames;
mod grain;
mod graph;
mod join;
mod lookup;
mod measure;
mod model;
mod parent;
mod partial;
mod person;
mod place;
mod relation;
mod scalar;
mod score;
mod scrutiny;
mod set;
mod statistic;
mod subquery;
mod summary;
mod telling;
mod text;
mod types;
mod unit;
mod unnest;
mod window;
mod zeros;

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::algebra::{ColumnId, ColumnInfo, Frontier, Public, Records, Reference, Scalar, Unit};
use crate::catalog::Catalog;
use crate::model::{Code, Limits, Population, Refusal};
use crate::position::Positions;

pub(crate) use grain::Grain;
pub(crate) use scrutiny::Rules;
pub(crate) use text::function_refusal;

/// A plan that was judged and split.
#[derive(Debug)]
pub(crate) struct Lowered {
    /// Where records become cells, in the order in which the public half numbers them.
    pub(crate) frontiers: Vec<Frontier>,
    /// What happens to the released cells.
    pub(crate) public: Public,
    /// The columns of the result.
    pub(crate) output: Vec<Output>,
    /// What is known of each column, by id.
    pub(crate) columns: Columns,
}

/// One column of the result.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) value: Scalar,
    pub(crate) data_type: DataType,
}

/// What is known of the columns of one plan, by id.
#[derive(Debug, Default)]
pub(crate) struct Columns(Vec<ColumnInfo>);

impl Columns {
    /// Names a new column.
    pub(crate) fn add(&mut self, info: ColumnInfo) -> ColumnId {
        self.0.push(info);
        // A plan has a few thousand nodes at most, so the number of its columns fits.
        ColumnId(u32::try_from(self.0.len()).unwrap_or(u32::MAX).saturating_sub(1))
    }

    /// Says of a column that a predicate decides whether it has a value.
    pub(crate) fn decides(&mut self, id: ColumnId, predicate: &Scalar) {
        let info = usize::try_from(id.0).ok().and_then(|index| self.0.get_mut(index));
        if let Some(info) = info {
            info.branches.push(predicate.clone());
        }
    }

    /// Says of a column that having a value tells something that may harm a person.
    pub(crate) fn is_harmful(&mut self, id: ColumnId) {
        let info = usize::try_from(id.0).ok().and_then(|index| self.0.get_mut(index));
        if let Some(info) = info {
            info.sensitive = true;
        }
    }

    /// Says of a column that several numbers could be read in its digits.
    pub(crate) fn is_encoded(&mut self, id: ColumnId) {
        let info = usize::try_from(id.0).ok().and_then(|index| self.0.get_mut(index));
        if let Some(info) = info {
            info.encoded = true;
        }
    }

    /// Says of a column which exact value it is made of.
    pub(crate) fn stands_before(&mut self, id: ColumnId, exact: Scalar) {
        let info = usize::try_from(id.0).ok().and_then(|index| self.0.get_mut(index));
        if let Some(info) = info {
            info.behind = Some(exact);
        }
    }

    /// Says of a column which tables' records of a person it counts.
    pub(crate) fn counts(&mut self, id: ColumnId, tables: impl Iterator<Item = String>) {
        let info = usize::try_from(id.0).ok().and_then(|index| self.0.get_mut(index));
        if let Some(info) = info {
            info.counted.extend(tables);
        }
    }

    /// Says of a column that no constant of the analyst is among its values.
    pub(crate) fn is_own(&mut self, id: ColumnId) {
        let info = usize::try_from(id.0).ok().and_then(|index| self.0.get_mut(index));
        if let Some(info) = info {
            info.made = false;
        }
    }

    /// Says of a column that its values are shared by enough people, whatever they were computed from.
    pub(crate) fn is_coarse(&mut self, id: ColumnId) {
        let info = usize::try_from(id.0).ok().and_then(|index| self.0.get_mut(index));
        if let Some(info) = info {
            info.grain = Grain::Coarse;
        }
    }

    /// Says of a column that it shows released statistics.
    pub(crate) fn is_statistic(&mut self, id: ColumnId) {
        let info = usize::try_from(id.0).ok().and_then(|index| self.0.get_mut(index));
        if let Some(info) = info {
            info.statistic = true;
        }
    }

    /// Says of a column that it names areas, and where it stands how many people live there.
    pub(crate) fn has_population(&mut self, id: ColumnId, population: Population) {
        let info = usize::try_from(id.0).ok().and_then(|index| self.0.get_mut(index));
        if let Some(info) = info {
            info.population = Some(population);
        }
    }

    /// The further protected units that these columns name.
    pub(crate) fn units(&self, columns: Vec<ColumnId>) -> Vec<Unit> {
        let population = |column| self.info(column).and_then(|info| info.population.clone());
        columns.into_iter().map(|column| Unit { column, population: population(column) }).collect()
    }

    /// What is known of a column; ids are only made here.
    pub(crate) fn info(&self, id: ColumnId) -> Option<&ColumnInfo> {
        self.0.get(usize::try_from(id.0).ok()?)
    }

    /// Whether an expression reads reference data.
    pub(crate) fn reads_reference(&self, scalar: &Scalar) -> bool {
        scalar.columns().into_iter().any(|id| self.info(id).is_some_and(|info| info.reference))
    }

    /// Whether an expression reads both reference data and records: then it could choose how much a record
    /// counts.
    pub(crate) fn mixes(&self, scalar: &Scalar) -> bool {
        let of_records = |id| self.info(id).is_some_and(|info| !info.reference);
        self.reads_reference(scalar) && scalar.columns().into_iter().any(of_records)
    }

    /// Says of a column that it holds reference data.
    pub(crate) fn is_reference(&mut self, id: ColumnId) {
        let info = usize::try_from(id.0).ok().and_then(|index| self.0.get_mut(index));
        if let Some(info) = info {
            info.reference = true;
        }
    }

    /// Whether an expression reads a released statistic.
    pub(crate) fn reads_statistic(&self, scalar: &Scalar) -> bool {
        scalar.columns().into_iter().any(|id| self.info(id).is_some_and(|info| info.statistic))
    }
}

/// Judges the root of a plan.
///
/// # Errors
/// A [`Refusal`] where a node, expression or function has no rule, or where the result would hold
/// records of people.
pub(crate) fn lower(
    plan: &LogicalPlan,
    catalog: &Catalog,
    positions: &Positions,
    rules: &Rules,
    limits: &Limits,
) -> Result<Lowered, Refusal> {
    let mut lowering = Lowering {
        catalog,
        positions,
        rules,
        limits,
        columns: Columns::default(),
        frontiers: Vec::new(),
        outer: Vec::new(),
        correlating: false,
        nodes: 0,
        depth: 0,
    };
    let relation = lowering.root(plan)?;
    let public = match relation.kind {
        Kind::Coded { .. } | Kind::Records { .. } => return Err(records_in_output(positions)),
        Kind::Public(public) => public,
        Kind::Reference(reference) => Public::Reference(reference),
    };
    let names = plan.schema().fields();
    let mut output = Vec::new();
    for (field, name) in relation.fields.into_iter().zip(names) {
        let Field::Value(value) = field else {
            return Err(records_in_output(positions));
        };
        output.push(Output { name: name.name().clone(), value, data_type: name.data_type().clone() });
    }
    Ok(Lowered { frontiers: lowering.frontiers, public, output, columns: lowering.columns })
}

fn records_in_output(positions: &Positions) -> Refusal {
    let message = "the result would list records of people; only statistics over groups of people leave";
    let hint = "count or summarise them: SELECT ..., COUNT(*) AS n ... GROUP BY ...";
    Refusal::new(Code::RecordsInOutput, message, hint).at(positions.output)
}

/// The state of one lowering.
struct Lowering<'a> {
    catalog: &'a Catalog,
    positions: &'a Positions,
    rules: &'a Rules,
    limits: &'a Limits,
    columns: Columns,
    frontiers: Vec<Frontier>,
    /// The relations around the sub-query that is lowered, the nearest last.
    outer: Vec<Outer>,
    /// Whether a condition that may name the outer record is lowered.
    correlating: bool,
    nodes: usize,
    /// How many nodes stand above the one that is lowered.
    depth: usize,
}

/// A relation that a sub-query may refer to, and how it does.
struct Outer {
    schema: DFSchema,
    fields: Vec<Field>,
    /// Whether the sub-query's records are those of the outer record's person.
    by_subject: bool,
    /// What else must hold between a record of the sub-query and the outer record.
    conditions: Vec<Scalar>,
}

/// A lowered relation; its fields stand in the order of the plan node's schema.
struct Relation {
    kind: Kind,
    fields: Vec<Field>,
}

/// The kinds of relation.
enum Kind {
    /// All rows of a code table with the records that match them; only groups of codes come of it.
    Coded {
        /// The matching records, side by side with their codes.
        node: Records,
        units: Vec<ColumnId>,
        reference: Reference,
    },
    /// Over released cells.
    Public(Public),
    /// Each row belongs to one data subject.
    Records {
        node: Records,
        /// The columns that hold the further protected units of a record.
        units: Vec<ColumnId>,
    },
    /// Public code tables and constants.
    Reference(Reference),
}

/// One field of a relation.
#[derive(Clone, Debug)]
enum Field {
    /// A pseudonym that may not be a value.
    Identifier,
    /// The relation's data subject, in the rows where the predicate holds; in all without one.
    Subject(Option<Scalar>),
    Value(Scalar),
}

/// What an expression may read: fields, the schema by which the plan names them, and sub-queries that were
/// joined beforehand.
#[derive(Clone, Copy)]
struct Scope<'a> {
    schema: &'a DFSchema,
    fields: &'a [Field],
    subqueries: &'a [(Expr, Scalar)],
}

impl<'a> Scope<'a> {
    fn new(schema: &'a DFSchema, fields: &'a [Field]) -> Self {
        Self { schema, fields, subqueries: &[] }
    }
}

impl Lowering<'_> {
    /// Counts a node or an expression of this size against the limit.
    fn spend(&mut self, nodes: usize) -> Result<(), Refusal> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > self.limits.plan_nodes {
            return Err(too_many_parts(self.limits));
        }
        Ok(())
    }

    /// Names a column that is computed from `value` and stands beside the columns that `value` reads.
    fn derived(&mut self, value: &Scalar, data_type: DataType) -> ColumnId {
        let info = ColumnInfo {
            data_type,
            origins: self.origins(value),
            arms: Vec::new(),
            behind: self.columns.exact(value),
            counted: self.columns.counted(value),
            branches: measure::branches(value, &self.columns),
            encoded: !measure::is_simple(value, &self.columns),
            made: !measure::is_own(value, &self.columns),
            statistic: self.columns.reads_statistic(value),
            grain: self.columns.grain(value),
            code: matches!(value, Scalar::Column(id) if self.columns.info(*id).is_some_and(|info| info.code)),
            sensitive: self.columns.is_sensitive(value),
            reference: self.columns.reads_reference(value) && !self.columns.mixes(value),
            terms: Vec::new(),
            range: self.columns.range(value),
            domain: self.columns.domain(value),
            population: None,
        };
        self.columns.add(info)
    }

    /// Names a column of ours that no expression gave.
    fn hidden(&mut self, data_type: DataType) -> ColumnId {
        self.columns.add(ColumnInfo::plain(data_type))
    }

    /// The stored columns that an expression reads.
    fn origins(&self, value: &Scalar) -> BTreeSet<String> {
        let of = |id| self.columns.info(id).map(|info| info.origins.clone()).unwrap_or_default();
        value.columns().into_iter().flat_map(of).collect()
    }
}

/// The refusal of a plan with too many nodes and expressions.
pub(crate) fn too_many_parts(limits: &Limits) -> Refusal {
    let message = format!("the analysis has more than {} parts", limits.plan_nodes);
    Refusal::new(Code::TooLarge, message, "split it, or give a long list of codes as a code list (`--with`)")
}

/// A refusal of something that has no rule.
fn not_supported(what: &str, hint: &str) -> Refusal {
    Refusal::new(Code::NotSupported, format!("{what} is not supported"), hint)
}
