//! An analysis that was judged: the proof that it is safe to run, split at the frontier.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, SchemaError};
use datafusion::config::ConfigOptions;
use datafusion::datasource::TableProvider;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::Analyzer;
use datafusion::sql::planner::{ParserOptions, SqlToRel};

use crate::catalog::Catalog;
use crate::functions;
use crate::generate::{self, Instrumented};
use crate::lower::{self, function_refusal};
use crate::model::{Code, Limits, Refusal, TableGrant};
use crate::parse::{self, Parsed};
use crate::position::{self, Positions};
use crate::public::PublicPlan;
use crate::scan::SnapshotTable;
use crate::vault::Snapshot;

/// Stack of the thread that parses and plans: parser, planner and the destructors of what they build are
/// recursive, and the limits on a text bound how deep they go.
const PLANNING_STACK: usize = 256 << 20;

/// The hint where types or names do not fit.
const CHECK_TYPES: &str = "`sekisho catalog` shows tables, columns and types; CAST converts between types";

/// What an analysis may name: granted tables of one snapshot.
#[derive(Clone, Debug)]
pub struct View {
    /// The snapshot that is read.
    pub snapshot: Arc<Snapshot>,
    /// The tables and columns that the project was granted.
    pub grants: Vec<TableGrant>,
}

/// An analysis that may run. Only [`plan()`] makes one, before any record is touched.
pub struct Plan {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) frontiers: Vec<PlannedFrontier>,
    pub(crate) public: PublicPlan,
}

/// A frontier with the plan that runs below it.
pub(crate) struct PlannedFrontier {
    pub(crate) frontier: crate::algebra::Frontier,
    pub(crate) instrumented: Instrumented,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plan({} frontiers)", self.frontiers.len())
    }
}

/// Judges `sql` against what `view` grants, from the text and the catalogue alone.
///
/// # Errors
/// A [`Refusal`] that says what was refused, where, why, and what to write instead.
pub fn plan(sql: &str, view: &View, limits: &Limits) -> Result<Plan, Refusal> {
    std::thread::scope(|scope| {
        let planning = std::thread::Builder::new().stack_size(PLANNING_STACK);
        let thread = planning.spawn_scoped(scope, || judge(parse::parse(sql, limits)?, view, limits));
        let joined = thread.map(std::thread::ScopedJoinHandle::join);
        joined.ok().and_then(Result::ok).unwrap_or_else(|| Err(internal("the planner stopped")))
    })
}

fn judge(parsed: Parsed, view: &View, limits: &Limits) -> Result<Plan, Refusal> {
    let Parsed { statement, positions } = parsed;
    check_functions(&positions)?;
    let catalog = Catalog::new(&view.snapshot.dataset, &view.grants);
    let options =
        ParserOptions { collect_spans: true, map_string_types_to_utf8view: false, ..ParserOptions::new() };
    let planner = SqlToRel::new_with_options(&catalog, options);
    let explain = |error| planning_refusal(error, &catalog, &positions);
    let plan = planner.sql_statement_to_plan(statement).map_err(explain)?;
    check_nodes(&plan, limits)?;
    let plan = analyse(plan).map_err(explain)?;
    let lowered = lower::lower(&plan, &catalog, &positions, limits)?;
    let snapshot = Arc::clone(&view.snapshot);
    let tables = |name: &str| stored_table(&snapshot, name);
    let mut frontiers = Vec::new();
    for frontier in lowered.frontiers {
        let instrumented =
            generate::instrument(&frontier, &tables).map_err(|error| generation_refusal(&error))?;
        frontiers.push(PlannedFrontier { frontier, instrumented });
    }
    let public = PublicPlan::new(lowered.public, lowered.output, lowered.columns, &frontiers);
    Ok(Plan { snapshot, frontiers, public })
}

/// Every function that the text names must be on the list, whatever the planner would make of it.
fn check_functions(positions: &Positions) -> Result<(), Refusal> {
    let unknown = positions
        .functions()
        .find(|(name, _)| functions::scalar(name).is_none() && functions::aggregate(name).is_none());
    match unknown {
        Some((name, position)) => Err(function_refusal(name).at(Some(position))),
        None => Ok(()),
    }
}

/// A relation that is named twice is walked twice: bounds the tree before anything walks it.
fn check_nodes(plan: &LogicalPlan, limits: &Limits) -> Result<(), Refusal> {
    let mut nodes = 0_usize;
    let walked = plan.apply_with_subqueries(|_| {
        nodes = nodes.saturating_add(1);
        Ok(if nodes > limits.plan_nodes { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    if walked.is_err() || nodes > limits.plan_nodes {
        return Err(lower::too_many_parts(limits));
    }
    Ok(())
}

fn analyse(plan: LogicalPlan) -> Result<LogicalPlan, DataFusionError> {
    Analyzer::new().execute_and_check(plan, &ConfigOptions::default(), |_, _| {})
}

pub(crate) fn stored_table(
    snapshot: &Arc<Snapshot>,
    name: &str,
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    match SnapshotTable::open(snapshot, name) {
        Some(table) => Ok(Arc::new(table)),
        None => Err(DataFusionError::Plan(format!("no table `{name}` in the snapshot"))),
    }
}

/// The planner's errors come from text and catalogue alone: it has seen no record.
fn planning_refusal(error: DataFusionError, catalog: &Catalog, positions: &Positions) -> Refusal {
    let root = root_of(&error);
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other planning error has the same answer")]
    match root {
        DataFusionError::SchemaError(schema, _) => schema_refusal(schema, positions),
        DataFusionError::Plan(text) if text.starts_with("no table `") => {
            let name = text.trim_start_matches("no table `").trim_end_matches('`');
            let hint = format!("the tables of this project are `{}`", catalog.table_names().join("`, `"));
            Refusal::new(Code::TableUnknown, format!("there is no table `{name}`"), hint)
                .at(positions.table(name))
        }
        DataFusionError::NotImplemented(text) => Refusal::new(
            Code::NotSupported,
            one_line(text),
            "what may be used is listed by `sekisho catalog`",
        ),
        DataFusionError::Internal(_) => {
            Refusal::new(Code::InvalidQuery, "the SQL cannot be planned", CHECK_TYPES)
        }
        other => Refusal::new(Code::InvalidQuery, one_line(&other.strip_backtrace()), CHECK_TYPES),
    }
}

fn root_of(error: &DataFusionError) -> &DataFusionError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "only the wrappers are unwrapped")]
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => root_of(inner),
        other => other,
    }
}

fn schema_refusal(error: &SchemaError, positions: &Positions) -> Refusal {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let known: Vec<String> = valid_fields.iter().map(|column| column.flat_name()).collect();
            let hint = if known.is_empty() {
                CHECK_TYPES.to_owned()
            } else {
                format!("the columns here are {}", known.join(", "))
            };
            Refusal::new(Code::ColumnUnknown, format!("there is no column `{}`", field.flat_name()), hint)
                .at(position::of_span(field.spans.first()))
                .at(positions.column(&field.flat_name()))
        }
        SchemaError::AmbiguousReference { field } => {
            let message = format!("the column `{}` is in several tables", field.name);
            Refusal::new(Code::InvalidQuery, message, "write the table before it")
                .at(position::of_span(field.spans.first()))
                .at(positions.column(&field.name))
        }
        SchemaError::DuplicateQualifiedField { .. } | SchemaError::DuplicateUnqualifiedField { .. } => {
            Refusal::new(
                Code::InvalidQuery,
                "two columns have the same name",
                "give one of them a name with AS",
            )
        }
    }
}

fn generation_refusal(error: &DataFusionError) -> Refusal {
    Refusal::new(Code::InvalidQuery, one_line(&error.strip_backtrace()), CHECK_TYPES)
}

fn internal(message: &str) -> Refusal {
    Refusal::new(Code::Internal, message, "send it again; if it happens twice, tell the operator")
}

/// The first sentence of an engine's error, without its prefixes and the dumps of its own structures.
fn one_line(text: &str) -> String {
    let prefixes = ["Error during planning: ", "This feature is not implemented: ", "Internal error: "];
    let text = prefixes.iter().fold(text, |text, prefix| text.trim_start_matches(prefix));
    let ends = ["\n", ", errors:", " {", ": ["];
    let sentence = ends.iter().fold(text, |text, end| text.split(end).next().unwrap_or_default());
    sentence.trim_end_matches('.').to_owned()
}
