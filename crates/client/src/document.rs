//! The document of `--format json`: one outcome in the form that tools read.
//!
//! Its shape is fixed. All keys are there in this order; what does not apply is `null`, or empty in
//! `columns`, `rows` and `withheld`. A check alone has `costs`, and one on the caller's machine `twin`. An analysis of
//! several statements alone has `statements`, and in them what otherwise stands in `columns`, `rows` and `withheld`.

mod cell;
mod columns;
mod iso;
mod statement;
mod written;

use sekisho_wire::v1::{self, CheckJobResponse, Job};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};

pub use cell::Cell;
pub use statement::{Statement, streams};

use crate::{Error, Outcome, Result};

/// One outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document {
    /// `projects/P/jobs/J`; absent where no job was made.
    pub job: Option<String>,
    /// What became of it.
    pub state: State,
    /// `DATASET@NUMBER`.
    pub snapshot: Option<String>,
    /// The newer version that the answer stands for, `DATASET@NUMBER`; only where it is an earlier answer to the same
    /// question, and only there among the keys. Few people left in between, whether or not they had a part in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stands_for: Option<String>,
    /// The columns of the result. Names are unique: a second `n` is called `n:2`.
    pub columns: Vec<Column>,
    /// The rows of the result.
    pub rows: Vec<Row>,
    /// The cells that the checkpoint withheld; they are `null` in `rows`.
    pub withheld: Vec<Withheld>,
    /// Whether the analysis makes groups: those without a number that may be shown are absent from `rows`. It is
    /// the same whatever the records, and does not say that any are.
    pub groups_may_be_absent: bool,
    /// Each of several statements, the most important first; only of an analysis that has them, and only there
    /// among the keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<Statement>,
    /// What a job would cost of each attribute; only of a check, and only there among the keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub costs: Vec<Cost>,
    /// Whether the rows are of a made-up twin of the project (`true`), or of files of the caller's (`false`); only
    /// of a check on the caller's machine, and only there among the keys. Nothing was released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub twin: Option<bool>,
    /// What judged it.
    pub policy: Option<Policy>,
    /// Where the release stands in the log.
    pub receipt: Option<ReleaseRef>,
    /// Why it was refused or failed.
    pub error: Option<Problem>,
}

/// What became of an analysis, or how far it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The plan would be run; only of a check.
    Allowed,
    /// Taken back.
    Cancelled,
    /// Being judged by the checkpoint.
    Checking,
    /// Ended by a limit or an error.
    Failed,
    /// Waits for a checker.
    Held,
    /// Waits for its turn.
    Queued,
    /// Refused.
    Refused,
    /// Released.
    Released,
    /// Being run.
    Running,
}

/// A column of a result.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Column {
    /// Its name, unique within the result.
    pub name: String,
    /// Arrow's name of its type, such as `Utf8` or `Decimal128(38, 2)`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `dimension` or `statistic`; absent if the server did not say.
    pub role: Option<String>,
}

/// A row of a result: the columns' names and cells, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub Vec<(std::sync::Arc<str>, Cell)>);

/// A withheld cell.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Withheld {
    /// Index of the row, from 0.
    pub row: usize,
    /// Name of the column.
    pub column: String,
}

/// How many answers of an attribute an analysis asks for.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Cost {
    /// The stored column, as `table.column`.
    pub attribute: String,
    /// Answers, whatever the records.
    pub answers: u64,
    /// Answers for each group that is shown.
    pub for_each_group: u64,
}

/// The rules that judged an outcome.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Policy {
    /// Name of the disclosure profile.
    pub profile: String,
    /// SHA-256 of the profile, in hexadecimal.
    pub sha256: String,
}

/// Where a release stands in the log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReleaseRef {
    /// SHA-256 of the result's Arrow IPC stream, in hexadecimal.
    pub release: String,
    /// Index of the release's entry in the log.
    pub log_index: u64,
}

/// What was refused or failed, and what to do.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Problem {
    /// The reason, from a closed list.
    pub code: String,
    /// What was refused and why.
    pub message: String,
    /// What to write instead; empty if there is nothing to say.
    pub hint: String,
    /// Where in the SQL text.
    pub position: Option<Position>,
}

/// A place in the SQL text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column, in characters, from 1.
    pub column: u32,
}

impl Problem {
    /// A problem with neither hint nor position.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), hint: String::new(), position: None }
    }
}

impl Document {
    /// The document of a settled job with its result.
    ///
    /// # Errors
    ///
    /// [`Error::Answer`] if the result or the job's state cannot be read.
    pub fn of_outcome(outcome: &Outcome) -> Result<Self> {
        let mut document = Self::of_job(&outcome.job)?;
        if let Some(arrow) = &outcome.arrow {
            document.take_results(arrow)?;
        }
        Ok(document)
    }

    /// The document of a job as it stands, without a result.
    ///
    /// # Errors
    ///
    /// [`Error::Answer`] if the job's state is not known.
    pub fn of_job(job: &Job) -> Result<Self> {
        Ok(Self {
            job: Some(job.name.clone()),
            state: State::of_job(job)?,
            snapshot: present(&job.snapshot),
            stands_for: present(&job.stands_for),
            policy: job.policy.as_ref().map(Policy::of_answer),
            receipt: job
                .release
                .as_ref()
                .map(|release| ReleaseRef { release: release.release.clone(), log_index: release.log_index }),
            error: job.problem.as_ref().map(Problem::of_answer),
            ..Self::empty(State::Failed)
        })
    }

    /// The document of a check.
    #[must_use]
    pub fn of_check(check: &CheckJobResponse) -> Self {
        let state = if check.problem.is_some() { State::Refused } else { State::Allowed };
        Self {
            snapshot: present(&check.snapshot),
            statements: check.statements.iter().map(Statement::of_check).collect(),
            costs: check.costs.iter().map(Cost::of_answer).collect(),
            policy: check.policy.as_ref().map(Policy::of_answer),
            error: check.problem.as_ref().map(Problem::of_answer),
            ..Self::empty(state)
        }
    }

    /// The document of a check with what the checkpoint would show of records on this machine: of a made-up twin
    /// (`twin`), or of files of the caller's.
    ///
    /// # Errors
    ///
    /// [`Error::Answer`] if the bytes are no result.
    pub fn on_this_machine(mut self, arrow: &[u8], twin: bool) -> Result<Self> {
        let checked = std::mem::take(&mut self.statements);
        self.take_results(arrow)?;
        for statement in &mut self.statements {
            let checked = checked.iter().find(|checked| checked.name == statement.name);
            statement.costs = checked.map(|checked| checked.costs.clone()).unwrap_or_default();
        }
        self.twin = Some(twin);
        Ok(self)
    }

    /// The document of a call that has no answer.
    #[must_use]
    pub fn of_error(error: &Error) -> Self {
        let state = if matches!(error, Error::Refused(_)) { State::Refused } else { State::Failed };
        Self { error: Some(error.problem()), ..Self::empty(state) }
    }

    /// The document of a result's bytes alone.
    ///
    /// # Errors
    ///
    /// [`Error::Answer`] if they are no result.
    pub fn of_arrow(arrow: &[u8]) -> Result<Self> {
        let mut document = Self::empty(State::Released);
        document.take_results(arrow)?;
        Ok(document)
    }

    /// The document on one line, without a line end.
    #[must_use]
    pub fn to_json_line(&self) -> String {
        crate::render::json::line(self)
    }

    fn empty(state: State) -> Self {
        Self {
            job: None,
            state,
            snapshot: None,
            stands_for: None,
            columns: Vec::new(),
            rows: Vec::new(),
            withheld: Vec::new(),
            groups_may_be_absent: false,
            statements: Vec::new(),
            costs: Vec::new(),
            twin: None,
            policy: None,
            receipt: None,
            error: None,
        }
    }
}

impl State {
    /// The state of a job.
    ///
    /// # Errors
    ///
    /// [`Error::Answer`] if this client does not know it.
    pub fn of_job(job: &Job) -> Result<Self> {
        match job.state() {
            v1::job::State::Queued => Ok(Self::Queued),
            v1::job::State::Running => Ok(Self::Running),
            v1::job::State::Checking => Ok(Self::Checking),
            v1::job::State::Released => Ok(Self::Released),
            v1::job::State::Held => Ok(Self::Held),
            v1::job::State::Refused => Ok(Self::Refused),
            v1::job::State::Failed => Ok(Self::Failed),
            v1::job::State::Cancelled => Ok(Self::Cancelled),
            v1::job::State::Unspecified => {
                Err(Error::Answer("the job's state is not one that this client knows; update it".to_owned()))
            }
        }
    }

    /// The state as the document writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Cancelled => "cancelled",
            Self::Checking => "checking",
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Queued => "queued",
            Self::Refused => "refused",
            Self::Released => "released",
            Self::Running => "running",
        }
    }
}

impl Cost {
    fn of_answer(cost: &v1::Cost) -> Self {
        let v1::Cost { attribute, answers, for_each_group } = cost;
        Self { attribute: attribute.clone(), answers: *answers, for_each_group: *for_each_group }
    }
}

impl Policy {
    fn of_answer(policy: &v1::Policy) -> Self {
        Self { profile: policy.profile.clone(), sha256: policy.sha256.clone() }
    }
}

impl Problem {
    fn of_answer(problem: &v1::Problem) -> Self {
        Self {
            code: problem.code.clone(),
            message: problem.message.clone(),
            hint: problem.hint.clone(),
            position: problem
                .position
                .filter(|position| position.line > 0)
                .map(|position| Position { line: position.line, column: position.column.max(1) }),
        }
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, cell) in &self.0 {
            map.serialize_entry(&**name, cell)?;
        }
        map.end()
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(cells) => {
                let mut list = serializer.serialize_seq(Some(cells.len()))?;
                for cell in cells {
                    list.serialize_element(cell)?;
                }
                list.end()
            }
            Self::Struct(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, cell) in fields {
                    map.serialize_entry(name, cell)?;
                }
                map.end()
            }
        }
    }
}

fn present(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
