//! An analysis that was judged: the proof that it is safe to run, split at the frontier.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, SchemaError};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::Analyzer;
use datafusion::sql::planner::{ParserOptions, SqlToRel};

use crate::algebra::{Conditions, Frontier, ReadAttribute, Reads, Zeros};
use crate::catalog::Catalog;
use crate::disclosure::Profile;
use crate::functions;
use crate::generate::{self, Instrumented};
use crate::lists;
use crate::lower::{self, Lowered, Rules, function_refusal};
use crate::model::{Analysis, Code, Limits, Refusal, TableGrant};
use crate::parameters;
use crate::parse::{self, Parsed};
use crate::position::{self, Part, Positions};
use crate::public::PublicPlan;
use crate::tables::Tables;
use crate::vault::Snapshot;

/// Stack of the thread that parses and plans: parser, planner and the destructors of what they build are
/// recursive, and the limits on a text bound how deep they go.
const PLANNING_STACK: usize = 256 << 20;

/// The hint where types or names do not fit.
const CHECK_TYPES: &str = "`sekisho catalog` shows tables, columns and types; CAST converts between types";

/// The hint where a column is neither a key nor summarised.
const GROUP_OR_SUMMARISE: &str =
    "add the column to GROUP BY, or summarise it: COUNT(...), SUM(...), AVG(...)";

/// How the engine's refusal of a correlated group key begins.
const CORRELATED_KEY: &str = "Correlated scalar subquery in the GROUP BY";

/// Longest sentence of the engine's that a refusal repeats, in characters.
const LONGEST_SENTENCE: usize = 240;

/// What an analysis may name: granted tables of one snapshot.
#[derive(Clone, Debug)]
pub struct View {
    /// The snapshot that is read.
    pub snapshot: Arc<Snapshot>,
    /// The tables and columns that the project was granted.
    pub grants: Vec<TableGrant>,
    /// The rules of the project: those that a plan must keep are read here.
    pub profile: Profile,
}

/// An analysis that may run. Only [`plan()`] makes one, before any record is touched.
pub struct Plan {
    pub(crate) tables: Tables,
    pub(crate) frontiers: Vec<PlannedFrontier>,
    pub(crate) public: PublicPlan,
}

/// A frontier with the plan that runs below it.
pub(crate) struct PlannedFrontier {
    pub(crate) frontier: Frontier,
    pub(crate) instrumented: Instrumented,
    /// The groups with which its people are compared.
    pub(crate) parent: Option<Box<PlannedFrontier>>,
    /// For whom its cells count what nobody may know.
    pub(crate) attributes: Vec<PlannedAttribute>,
    /// Who would be on an empty side of a branch.
    pub(crate) zeros: Option<Box<PlannedZeros>>,
}

/// Who would be on an empty side of a branch, with the plan that says so.
pub(crate) struct PlannedZeros {
    pub(crate) zeros: Zeros,
    pub(crate) frontier: Option<PlannedFrontier>,
}

/// A column of which nobody may know somebody's value, with the plans that say for whom a cell counts it.
pub(crate) struct PlannedAttribute {
    pub(crate) name: String,
    /// The keys that are its values.
    pub(crate) labels: Vec<usize>,
    /// How each statistic reads it.
    pub(crate) reads: Vec<Reads>,
    pub(crate) frames: PlannedFrames,
}

/// Where the frames of a column come from.
pub(crate) enum PlannedFrames {
    /// From the cells themselves.
    Own,
    /// From the same frontier under other conditions.
    Others { with: Vec<PlannedFrontier>, without: Option<Box<PlannedFrontier>> },
}

impl PlannedAttribute {
    fn new(attribute: ReadAttribute, tables: &Tables) -> Result<Self, DataFusionError> {
        let ReadAttribute { name, labels, reads, conditions } = attribute;
        let planned = |frontier| PlannedFrontier::new(frontier, tables);
        let frames = match conditions {
            Conditions::None => PlannedFrames::Own,
            Conditions::Some { with, without } => PlannedFrames::Others {
                with: with.into_iter().map(planned).collect::<Result<_, _>>()?,
                without: without.map(|frontier| planned(*frontier)).transpose()?.map(Box::new),
            },
        };
        Ok(Self { name, labels, reads, frames })
    }
}

impl PlannedZeros {
    fn new(mut zeros: Zeros, tables: &Tables) -> Result<Self, DataFusionError> {
        let frontier = zeros.frontier.take().map(|frontier| PlannedFrontier::new(*frontier, tables));
        Ok(Self { zeros, frontier: frontier.transpose()? })
    }
}

impl PlannedFrontier {
    fn new(mut frontier: Frontier, tables: &Tables) -> Result<Self, DataFusionError> {
        let instrumented = generate::instrument(&frontier, &|name: &str| tables.open(name))?;
        let parent = frontier.parent.take().map(|parent| Self::new(*parent, tables)).transpose()?;
        let attributes = std::mem::take(&mut frontier.attributes).into_iter();
        let attributes = attributes.map(|attribute| PlannedAttribute::new(attribute, tables));
        let attributes = attributes.collect::<Result<_, _>>()?;
        let zeros = frontier.zeros.take().map(|zeros| PlannedZeros::new(zeros, tables)).transpose()?;
        let (parent, zeros) = (parent.map(Box::new), zeros.map(Box::new));
        Ok(Self { frontier, instrumented, parent, attributes, zeros })
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plan({} frontiers)", self.frontiers.len())
    }
}

/// Judges an analysis against what `view` grants, from text, parameters, lists and catalogue alone.
///
/// # Errors
/// A [`Refusal`] that says what was refused, where, why, and what to write instead.
pub fn plan(analysis: impl Into<Analysis>, view: &View, limits: &Limits) -> Result<Plan, Refusal> {
    let analysis = analysis.into();
    std::thread::scope(|scope| {
        let planning = std::thread::Builder::new().stack_size(PLANNING_STACK);
        let thread = planning.spawn_scoped(scope, || judge(&analysis, view, limits));
        let joined = thread.map(std::thread::ScopedJoinHandle::join);
        joined.ok().and_then(Result::ok).unwrap_or_else(|| Err(internal("the planner stopped")))
    })
}

fn judge(analysis: &Analysis, view: &View, limits: &Limits) -> Result<Plan, Refusal> {
    analysis.check(limits)?;
    let lists = lists::read(&analysis.lists, limits)?;
    let mut parsed = parse::parse(&analysis.sql, limits)?;
    parameters::fill(&mut parsed.statement, &analysis.parameters, limits)?;
    check_functions(&parsed.positions)?;
    let catalog = Catalog::new(&view.snapshot.dataset, &view.grants, &lists)?;
    let rules = Rules::of(&view.profile);
    let lowered = lowered(&parsed, &catalog, &rules, limits).map_err(|refusal| {
        let tried = analysis.sql.len() <= LONGEST_TRIED;
        let refusal = if tried { as_value(refusal, &parsed, &catalog, &rules, limits) } else { refusal };
        let place = parsed.positions.of_code(refusal.code);
        let words = parsed.positions.of_words(&refusal.message);
        refusal.at(place).at(words)
    })?;
    let tables = Tables::new(&view.snapshot, &lists);
    let planned = lowered.frontiers.into_iter().map(|frontier| PlannedFrontier::new(frontier, &tables));
    let frontiers: Vec<_> = planned.collect::<Result<_, _>>().map_err(|error| {
        let refusal = generation_refusal(&error);
        let words = parsed.positions.of_words(&refusal.message);
        refusal.at(words)
    })?;
    let public = PublicPlan::new(lowered.public, lowered.output, lowered.columns, &frontiers);
    Ok(Plan { tables, frontiers, public })
}

/// Plans, analyses and lowers a statement over a catalogue.
fn lowered(parsed: &Parsed, catalog: &Catalog, rules: &Rules, limits: &Limits) -> Result<Lowered, Refusal> {
    let options =
        ParserOptions { collect_spans: true, map_string_types_to_utf8view: false, ..ParserOptions::new() };
    let planner = SqlToRel::new_with_options(catalog, options);
    let explain = |error| planning_refusal(&error, catalog, &parsed.positions);
    let plan = planner.sql_statement_to_plan(parsed.statement.clone()).map_err(explain)?;
    check_nodes(&plan, limits)?;
    let plan = analyse(plan).map_err(explain)?;
    lower::lower(&plan, catalog, &parsed.positions, rules, limits)
}

/// The types as which an identifier is tried. The engine refuses `patient_id LIKE 'P%'` because an
/// identifier is no text, which says nothing to somebody who may not know what it is.
const TRIED: [DataType; 4] = [DataType::Utf8, DataType::Date32, DataType::Boolean, DataType::Int64];

/// Longest text that is planned again for the sake of a better refusal, in bytes: a person wrote it.
const LONGEST_TRIED: usize = 16 * 1024;

/// The refusal of types that do not fit, or, if they would fit with identifiers of another type, the refusal
/// of an identifier as a value.
///
/// INVARIANT: only a refusal is taken from what is tried here, so that nothing is allowed that was not.
fn as_value(refusal: Refusal, parsed: &Parsed, catalog: &Catalog, rules: &Rules, limits: &Limits) -> Refusal {
    if refusal.code != Code::InvalidQuery {
        return refusal;
    }
    let tried = |data_type: &DataType| {
        let tried = lowered(parsed, &catalog.with_identifiers_as(data_type), rules, limits).err();
        tried.filter(|refusal| refusal.code == Code::SubjectAsValue)
    };
    TRIED.iter().find_map(tried).unwrap_or(refusal)
}

/// Every function that the text names must be on the list, whatever the planner would make of it.
fn check_functions(positions: &Positions) -> Result<(), Refusal> {
    let unknown = positions.functions().find(|(name, _)| !functions::is_known(name));
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

/// The planner's errors come from text and catalogue alone: it has seen no record.
fn planning_refusal(error: &DataFusionError, catalog: &Catalog, positions: &Positions) -> Refusal {
    let root = root_of(error);
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other planning error has the same answer")]
    match root {
        DataFusionError::SchemaError(schema, _) => schema_refusal(schema, positions),
        DataFusionError::Plan(text) if text.starts_with("no table `") => {
            let name = text.trim_start_matches("no table `").trim_end_matches('`');
            let tables = catalog.table_names();
            let meant = did_you_mean(name, tables.iter().copied());
            let hint = format!("{meant}the tables of this project are `{}`", tables.join("`, `"));
            Refusal::new(Code::TableUnknown, format!("there is no table `{name}`"), hint)
                .at(positions.table(name))
                .at(positions.word("FROM"))
        }
        DataFusionError::Plan(text) if text.starts_with("Invalid function '") => {
            let name = text.trim_start_matches("Invalid function '").split('\'').next().unwrap_or_default();
            function_refusal(name).at(positions.function(name))
        }
        DataFusionError::Plan(text) if text.starts_with(CORRELATED_KEY) => {
            let message = "a sub-query about the outer record in GROUP BY is not supported";
            let hint = "select it in a CTE and group by its name: WITH t AS (SELECT ..., (SELECT ...) AS k FROM ...) SELECT k, COUNT(*) FROM t GROUP BY k";
            Refusal::new(Code::NotSupported, message, hint).at(positions.first(Part::ScalarSubquery))
        }
        DataFusionError::NotImplemented(text) => Refusal::new(
            Code::NotSupported,
            one_line(text),
            "what may be used is listed by `sekisho catalog`",
        ),
        DataFusionError::Internal(_) => {
            Refusal::new(Code::InvalidQuery, "the SQL cannot be planned", CHECK_TYPES)
        }
        other => {
            // What the engine says for people is shorter than its error, and may know the place.
            let said = error.diagnostic();
            let message = match said {
                Some(said) => one_line(&said.message),
                None => one_line(&other.strip_backtrace()),
            };
            let hint = if message.contains("GROUP BY") { GROUP_OR_SUMMARISE } else { CHECK_TYPES };
            let place =
                positions.quoted(&message).or_else(|| positions.quoted(&one_line(&other.strip_backtrace())));
            Refusal::new(Code::InvalidQuery, message, hint)
                .at(position::of_span(said.and_then(|said| said.span)))
                .at(place)
                .at(positions.word("WHERE").filter(|_| other.message().starts_with("Cannot create filter")))
                .at(item_number(&other.message()).and_then(|number| positions.constant(number)))
        }
    }
}

/// The number in GROUP BY or ORDER BY that stands for no item of the select list.
fn item_number(message: &str) -> Option<&str> {
    message.strip_prefix("Cannot find column with position ")?.split(' ').next()
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
            let mut known: Vec<String> = Vec::new();
            for name in valid_fields.iter().map(|column| column.flat_name()) {
                // A column of a GROUP BY stands among them twice.
                if !known.contains(&name) {
                    known.push(name);
                }
            }
            let meant = did_you_mean(&field.name, valid_fields.iter().map(|column| column.name.as_str()));
            let hint = if known.is_empty() {
                CHECK_TYPES.to_owned()
            } else {
                format!("{meant}the columns here are {}", known.join(", "))
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

/// The beginning of a hint that names what may have been meant, if anything is near.
fn did_you_mean<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> String {
    functions::nearest(name, names).map_or_else(String::new, |meant| format!("did you mean `{meant}`? "))
}

fn generation_refusal(error: &DataFusionError) -> Refusal {
    Refusal::new(Code::InvalidQuery, one_line(&error.strip_backtrace()), CHECK_TYPES)
}

fn internal(message: &str) -> Refusal {
    Refusal::new(Code::Internal, message, "send it again; if it happens twice, tell the operator")
}

/// The first sentence of an engine's error, without its prefixes and the dumps of its own structures.
fn one_line(text: &str) -> String {
    // As the engine writes them; what follows says what it is about.
    let prefixes = [
        "Error during planning: ",
        "Execution error: ",
        "This feature is not implemented: ",
        "Internal error: ",
    ];
    let text = text.split_once("coercion failed with: ").map_or(text, |(_, said)| said);
    let text = prefixes.iter().fold(text, |text, prefix| text.trim_start_matches(prefix));
    let ends = ["\n", ", errors:", " {", ": [", ". No function matches"];
    let sentence = ends.iter().fold(text, |text, end| text.split(end).next().unwrap_or_default());
    let sentence = sentence.trim_end_matches('.');
    // It may repeat what the analyst wrote, however long that is.
    match sentence.char_indices().nth(LONGEST_SENTENCE) {
        None => sentence.to_owned(),
        Some((end, _)) => format!("{}...", sentence.get(..end).unwrap_or_default()),
    }
}
