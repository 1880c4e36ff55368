//! Judges a plan: lowers the engine's analysed, un-optimised plan into the algebra, or refuses it.
//!
//! Each relation is judged bottom-up as one of three kinds: records, reference data, or statistics.
//! Projections leave no node behind: a field *is* its expression over the columns below, so that a
//! CASE is seen wherever it was written. The matches over the engine's enums have no wildcard arm: an
//! upgrade that adds a node does not compile until someone has decided about it.

mod aggregate;
mod join;
mod measure;
mod person;
mod relation;
mod scalar;

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::LogicalPlan;

use crate::algebra::{ColumnId, ColumnInfo, Frontier, Public, Records, Reference, Scalar};
use crate::catalog::Catalog;
use crate::model::{Code, Limits, Refusal};
use crate::position::Positions;

pub(crate) use scalar::function_refusal;

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

    /// What is known of a column; ids are only made here.
    pub(crate) fn info(&self, id: ColumnId) -> Option<&ColumnInfo> {
        self.0.get(usize::try_from(id.0).ok()?)
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
    limits: &Limits,
) -> Result<Lowered, Refusal> {
    let mut lowering = Lowering {
        catalog,
        positions,
        limits,
        columns: Columns::default(),
        frontiers: Vec::new(),
        nodes: 0,
        depth: 0,
    };
    let relation = lowering.root(plan)?;
    let public = match relation.kind {
        Kind::Records { .. } => return Err(records_in_output(positions)),
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
    limits: &'a Limits,
    columns: Columns,
    frontiers: Vec<Frontier>,
    nodes: usize,
    /// How many nodes stand above the one that is lowered.
    depth: usize,
}

/// A lowered relation; its fields stand in the order of the plan node's schema.
struct Relation {
    kind: Kind,
    fields: Vec<Field>,
}

/// The three kinds of relation.
enum Kind {
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
#[derive(Clone)]
enum Field {
    /// A pseudonym that may not be a value.
    Identifier,
    /// The relation's data subject.
    Subject,
    Value(Scalar),
}

/// The fields that an expression may read, and the schema by which the plan names them.
#[derive(Clone, Copy)]
struct Scope<'a> {
    schema: &'a DFSchema,
    fields: &'a [Field],
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

    /// Names a column that is computed from `value`.
    fn derived(&mut self, value: &Scalar, data_type: DataType) -> ColumnId {
        let origins = self.origins(value);
        let statistic = self.columns.reads_statistic(value);
        self.columns.add(ColumnInfo { data_type, origins, branches: Vec::new(), encoded: false, statistic })
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
    Refusal::new(Code::TooLarge, message, "split it, or move a long list of codes into a code table")
}

/// A refusal of something that has no rule.
fn not_supported(what: &str, hint: &str) -> Refusal {
    Refusal::new(Code::NotSupported, format!("{what} is not supported"), hint)
}
