//! Why something was refused or failed, in a form that a person can act on.
//!
//! The list of codes is closed. A refusal's texts come from the plan, the catalogue and the policy
//! alone: nothing in them depends on a record.

use std::fmt;

macro_rules! codes {
    ($($kind:ident: { $($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)* })*) => {
        /// The closed list of reasons, stable for clients.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum Code { $($($(#[doc = $doc])+ $variant,)*)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)*)*];

            /// The code as clients see it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($(Self::$variant => $text,)*)* }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $($(Self::$variant => concat!($($doc),+).trim_ascii_start(),)*)* }
            }

            /// Of which kind it is.
            #[must_use]
            pub fn kind(self) -> CodeKind {
                match self { $($(Self::$variant => CodeKind::$kind,)*)* }
            }
        }
    };
}

/// What a code is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CodeKind {
    /// A call that was not answered.
    Call,
    /// A plan that is refused, from text and catalogue alone: the job ends as `refused`.
    Plan,
    /// A job that ended early, as `failed` or `cancelled`.
    Run,
}

codes! {
    Plan: {
        /// The SQL text does not parse.
        SqlSyntax = "SQL_SYNTAX",
        /// The text, a parameter or a code list is longer, or the text deeper nested, than the server takes.
        TooLarge = "TOO_LARGE",
        /// Something other than one SELECT.
        StatementNotAllowed = "STATEMENT_NOT_ALLOWED",
        /// No such table for this project.
        TableUnknown = "TABLE_UNKNOWN",
        /// No such column in the tables named.
        ColumnUnknown = "COLUMN_UNKNOWN",
        /// A function that is not on the list.
        FunctionNotAllowed = "FUNCTION_NOT_ALLOWED",
        /// An aggregate that has no rule.
        AggregateNotAllowed = "AGGREGATE_NOT_ALLOWED",
        /// An expression that has no rule where it stands.
        ExpressionNotAllowed = "EXPRESSION_NOT_ALLOWED",
        /// The subject or another identifier is used as a value.
        SubjectAsValue = "SUBJECT_AS_VALUE",
        /// The result would hold records of people.
        RecordsInOutput = "RECORDS_IN_OUTPUT",
        /// Two tables of people are joined without equality of the subject.
        JoinWithoutSubject = "JOIN_WITHOUT_SUBJECT",
        /// ORDER BY, LIMIT or OFFSET over records would pick people.
        PicksPeople = "PICKS_PEOPLE",
        /// A part of SQL that has no rule.
        NotSupported = "NOT_SUPPORTED",
        /// Types do not fit, or the query is inconsistent.
        InvalidQuery = "INVALID_QUERY",
        /// The parameters that were given are not those that the text names.
        ParameterMismatch = "PARAMETER_MISMATCH",
        /// A code list that was given with the analysis cannot be a table.
        ListNotAllowed = "LIST_NOT_ALLOWED",
    }
    Run: {
        /// The job ran longer than it may.
        TimeLimit = "TIME_LIMIT",
        /// The job needs more memory than it may use.
        MemoryLimit = "MEMORY_LIMIT",
        /// The result has more rows than it may.
        RowLimit = "ROW_LIMIT",
        /// The project was given its share of the answers of a column that the analysis reads.
        BudgetSpent = "BUDGET_SPENT",
        /// The caller took the job back.
        Cancelled = "CANCELLED",
        /// The server's storage is full or cannot be written.
        Storage = "STORAGE",
        /// An error of ours; the log of the server says more, without data.
        Internal = "INTERNAL",
    }
    Call: {
        /// No valid token.
        Unauthenticated = "UNAUTHENTICATED",
        /// Not there, or not for this caller: which of them is not said.
        NotFound = "NOT_FOUND",
        /// The call's arguments are not of the form documented.
        InvalidArgument = "INVALID_ARGUMENT",
        /// The job is not in a state for this.
        WrongState = "WRONG_STATE",
        /// Too many jobs at once.
        Busy = "BUSY",
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where in the SQL text, both from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

/// What was refused, why, and what to write instead.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The reason, from the closed list.
    pub code: Code,
    /// What was refused and why; lower case, no full stop.
    pub message: String,
    /// What to write instead; empty if there is nothing to say.
    pub hint: String,
    /// Where in the SQL text.
    pub position: Option<Position>,
}

impl Refusal {
    /// A refusal with a message and a hint.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: hint.into(), position: None }
    }

    /// The same at a position; a position that it has already stays.
    #[must_use]
    pub fn at(mut self, position: Option<Position>) -> Self {
        self.position = self.position.or(position);
        self
    }
}
