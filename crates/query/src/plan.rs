//! An analysis that was judged: the proof that it is safe to run, split at the frontier.

mod asked;
mod explain;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::Analyzer;
use datafusion::sql::planner::{ParserOptions, SqlToRel};

use crate::algebra::{Conditions, Frontier, ReadAttribute, Reads, Zeros};
use crate::catalog::Catalog;
use crate::cost::{self, Cost};
use crate::disclosure::Profile;
use crate::functions;
use crate::generate::{self, Instrumented};
use crate::lists;
use crate::lower::{self, Lowered, Rules, function_refusal};
use crate::model::{Analysis, Code, Digest, Limits, Refusal, Statement, StatementName, TableGrant};
use crate::parameters;
use crate::parse::{self, Parsed};
use crate::position::Positions;
use crate::public::PublicPlan;
use crate::tables::Tables;
use crate::vault::Snapshot;
use asked::Asked;
use explain::{generation_refusal, internal, planning_refusal};

/// Stack of the thread that parses and plans: parser, planner and the destructors of what they build are
/// recursive, and the limits on a text bound how deep they go.
const PLANNING_STACK: usize = 256 << 20;

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

/// An analysis that may run. Only [`Judged::plan`] makes one, before any record is touched.
pub struct Plan {
    pub(crate) tables: Tables,
    /// Those of all statements, in their order.
    pub(crate) frontiers: Vec<PlannedFrontier>,
    /// One for each statement, which reads the cells of its own frontiers.
    pub(crate) public: Vec<PublicPlan>,
    asked: Digest,
}

/// An analysis whose statements were judged: each may run, or is refused.
pub struct Judged {
    tables: Tables,
    statements: Vec<JudgedStatement>,
    asked: Asked,
}

/// A statement that was judged.
struct JudgedStatement {
    name: Option<StatementName>,
    verdict: Result<PlannedStatement, Refusal>,
}

/// A statement that may run.
struct PlannedStatement {
    frontiers: Vec<PlannedFrontier>,
    public: PublicPlan,
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
        let instrumented =
            generate::instrument(&frontier, &|name: &str, coded: &BTreeSet<&str>| tables.open(name, coded))?;
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

impl fmt::Debug for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Judged({} statements)", self.statements.len())
    }
}

impl Plan {
    /// What is asked, from text, parameters, lists and catalogue alone: the same analysis of the same columns has the
    /// same digest in every project.
    #[must_use]
    pub fn asked(&self) -> Digest {
        self.asked
    }

    /// For each frontier, the rank of its statement: the first is the most important one.
    pub(crate) fn ranks(&self) -> Vec<usize> {
        let statements = self.public.iter().enumerate();
        statements.flat_map(|(rank, public)| std::iter::repeat_n(rank, public.frontiers())).collect()
    }
}

impl Judged {
    /// The plan, if no statement is refused.
    ///
    /// # Errors
    /// The [`Refusal`] of the first statement that is.
    pub fn plan(self) -> Result<Plan, Refusal> {
        let Self { tables, statements, asked } = self;
        let asked = asked.digest();
        let mut plan = Plan { tables, frontiers: Vec::new(), public: Vec::new(), asked };
        for statement in statements {
            let PlannedStatement { frontiers, public } = statement.verdict?;
            plan.frontiers.extend(frontiers);
            plan.public.push(public);
        }
        Ok(plan)
    }

    /// The statements that have a name, each with what it costs, or why it is refused.
    pub fn named(&self) -> impl Iterator<Item = (&StatementName, Result<Vec<Cost>, &Refusal>)> {
        self.statements.iter().filter_map(|statement| {
            let costs = statement.verdict.as_ref().map(|planned| cost::costs(&planned.frontiers));
            Some((statement.name.as_ref()?, costs))
        })
    }
}

/// Judges an analysis against what `view` grants, from text, parameters, lists and catalogue alone.
///
/// # Errors
/// A [`Refusal`] that says what was refused, where, why, and what to write instead.
pub fn plan(analysis: impl Into<Analysis>, view: &View, limits: &Limits) -> Result<Plan, Refusal> {
    judge(analysis, view, limits)?.plan()
}

/// Judges each statement of an analysis against what `view` grants, from text, parameters, lists and catalogue
/// alone.
///
/// # Errors
/// A [`Refusal`] of the analysis as a whole.
pub fn judge(analysis: impl Into<Analysis>, view: &View, limits: &Limits) -> Result<Judged, Refusal> {
    let analysis = analysis.into();
    std::thread::scope(|scope| {
        let planning = std::thread::Builder::new().stack_size(PLANNING_STACK);
        let thread = planning.spawn_scoped(scope, || judged(&analysis, view, limits));
        let joined = thread.map(std::thread::ScopedJoinHandle::join);
        joined.ok().and_then(Result::ok).unwrap_or_else(|| Err(internal("the planner stopped")))
    })
}

fn judged(analysis: &Analysis, view: &View, limits: &Limits) -> Result<Judged, Refusal> {
    analysis.check(limits)?;
    let lists = lists::read(&analysis.lists, limits)?;
    let (mut parsed, mut named) = (Vec::new(), Vec::new());
    for statement in analysis.statements(limits)? {
        let read = parse::parse(statement.sql, limits).and_then(|mut parsed| {
            named.push(parameters::fill(&mut parsed.statement, &analysis.parameters, limits)?);
            Ok(parsed)
        });
        parsed.push((statement, read));
    }
    // What a statement names that cannot be read is not known.
    if parsed.iter().all(|(_, read)| read.is_ok()) {
        parameters::all_named(analysis.parameters.len(), &named)?;
    }
    let ground = Ground {
        catalog: Catalog::new(&view.snapshot.dataset, &view.grants, &lists)?,
        rules: Rules::of(&view.profile),
        tables: Tables::new(&view.snapshot, &lists),
        limits,
    };
    let mut nodes = 0_usize;
    let mut asked = Asked::with(analysis);
    let judged = parsed.into_iter().map(|(statement, read)| {
        let verdict = read.and_then(|parsed| ground.judge(&statement, &parsed, &mut nodes, &mut asked));
        let verdict = verdict.map_err(|refusal| statement.refusal(refusal));
        JudgedStatement { name: statement.name, verdict }
    });
    let statements = judged.collect();
    Ok(Judged { statements, tables: ground.tables, asked })
}

/// What every statement of an analysis is judged against.
struct Ground<'a> {
    catalog: Catalog,
    rules: Rules,
    tables: Tables,
    limits: &'a Limits,
}

impl Ground<'_> {
    /// Judges a statement; `nodes` counts those of all statements.
    fn judge(
        &self,
        statement: &Statement<'_>,
        parsed: &Parsed,
        nodes: &mut usize,
        asked: &mut Asked,
    ) -> Result<PlannedStatement, Refusal> {
        let Self { catalog, rules, tables, limits } = self;
        check_functions(&parsed.positions)?;
        let (lowered, plan) = lowered(parsed, catalog, rules, nodes, limits).map_err(|refusal| {
            let tried = statement.sql.len() <= LONGEST_TRIED;
            let refusal = if tried { as_value(refusal, parsed, catalog, rules, limits) } else { refusal };
            let place = parsed.positions.of_code(refusal.code);
            let words = parsed.positions.of_words(&refusal.message);
            refusal.at(place).at(words)
        })?;
        asked.add_statement(statement.name.as_ref(), &parsed.words, &plan);
        let planned = lowered.frontiers.into_iter().map(|frontier| PlannedFrontier::new(frontier, tables));
        let frontiers: Vec<_> = planned.collect::<Result<_, _>>().map_err(|error| {
            let refusal = generation_refusal(&error);
            let words = parsed.positions.of_words(&refusal.message);
            refusal.at(words)
        })?;
        let public = (lowered.public, lowered.output, lowered.columns);
        let public = PublicPlan::new(statement.name.clone(), public, &frontiers);
        Ok(PlannedStatement { frontiers, public })
    }
}

/// Plans, analyses and lowers a statement over a catalogue; its nodes are added to those of other statements. Beside
/// it, the plan as text.
fn lowered(
    parsed: &Parsed,
    catalog: &Catalog,
    rules: &Rules,
    nodes: &mut usize,
    limits: &Limits,
) -> Result<(Lowered, String), Refusal> {
    let options =
        ParserOptions { collect_spans: true, map_string_types_to_utf8view: false, ..ParserOptions::new() };
    let planner = SqlToRel::new_with_options(catalog, options);
    let explain = |error| planning_refusal(&error, catalog, &parsed.positions);
    let plan = planner.sql_statement_to_plan(parsed.statement.clone()).map_err(explain)?;
    check_nodes(&plan, nodes, limits)?;
    let plan = analyse(plan).map_err(explain)?;
    let lowered = lower::lower(&plan, catalog, &parsed.positions, rules, limits)?;
    Ok((lowered, plan.display_indent().to_string()))
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
        let tried = lowered(parsed, &catalog.with_identifiers_as(data_type), rules, &mut 0, limits).err();
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
fn check_nodes(plan: &LogicalPlan, nodes: &mut usize, limits: &Limits) -> Result<(), Refusal> {
    let walked = plan.apply_with_subqueries(|_| {
        *nodes = nodes.saturating_add(1);
        Ok(if *nodes > limits.plan_nodes { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    if walked.is_err() || *nodes > limits.plan_nodes {
        return Err(lower::too_many_parts(limits));
    }
    Ok(())
}

fn analyse(plan: LogicalPlan) -> Result<LogicalPlan, DataFusionError> {
    Analyzer::new().execute_and_check(plan, &ConfigOptions::default(), |_, _| {})
}
