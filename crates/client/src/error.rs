//! What can go wrong with a call, grouped by who must act.

use std::error::Error as _;
use std::path::PathBuf;

use sekisho_wire::error_info;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{Position, Problem};

/// The result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Codes that the client gives itself, beside the closed list of the server.
pub mod codes {
    /// The arguments are not of the form documented.
    pub const INVALID_ARGUMENT: &str = "INVALID_ARGUMENT";
    /// The server's answer cannot be read or is not what it vouched for.
    pub const BAD_ANSWER: &str = "BAD_ANSWER";
    /// A receipt does not hold.
    pub const BAD_RECEIPT: &str = "BAD_RECEIPT";
    /// An error of the server's.
    pub const INTERNAL: &str = "INTERNAL";
    /// Not there, or not for this caller.
    pub const NOT_FOUND: &str = "NOT_FOUND";
    /// No valid token.
    pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
    /// The server cannot be reached.
    pub const UNREACHABLE: &str = "UNREACHABLE";
    /// The job is not in a state for this.
    pub const WRONG_STATE: &str = "WRONG_STATE";
}

/// Why a call has no answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// The caller: the arguments are not of their form.
    #[error("{}", .0.message)]
    Argument(Problem),
    /// The caller: not signed in, not allowed, or no such thing.
    #[error("{}", .0.message)]
    NotAllowed(Problem),
    /// The caller: the profile cannot be used.
    #[error("profile `{}`: {reason}", path.display())]
    Profile {
        /// The profile.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The caller: the analysis is refused before it became a job.
    #[error("{}", .0.message)]
    Refused(Problem),
    /// The operator: nobody answers, or it is not the server of the profile.
    #[error("cannot reach `{address}`: {reason}")]
    Unreachable {
        /// The address.
        address: String,
        /// What happened.
        reason: String,
    },
    /// The operator: the server failed.
    #[error("{}", .0.message)]
    Failed(Problem),
    /// The operator: the answer cannot be read or is not what was vouched for.
    #[error("the server's answer cannot be used: {0}")]
    Answer(String),
    /// The auditor: a receipt does not hold.
    #[error("the receipt does not hold: {0}")]
    Receipt(String),
}

impl Error {
    /// Bad arguments, found by the client itself.
    #[must_use]
    pub fn argument(message: impl Into<String>) -> Self {
        Self::Argument(Problem::new(codes::INVALID_ARGUMENT, message))
    }

    /// The error in the form of the document.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Argument(problem)
            | Self::NotAllowed(problem)
            | Self::Refused(problem)
            | Self::Failed(problem) => problem.clone(),
            Self::Profile { .. } => Problem::new(codes::INVALID_ARGUMENT, self.to_string()),
            Self::Unreachable { .. } => Problem {
                hint: "see that the server runs, and that the profile is of its present start".to_owned(),
                ..Problem::new(codes::UNREACHABLE, self.to_string())
            },
            Self::Answer(_) => Problem::new(codes::BAD_ANSWER, self.to_string()),
            Self::Receipt(_) => Problem::new(codes::BAD_RECEIPT, self.to_string()),
        }
    }

    /// What a status means. Reasons from the closed list say more than the status code does.
    pub(crate) fn from_status(address: &str, status: &Status) -> Self {
        let problem = problem_of(status);
        match status.code() {
            Code::Unauthenticated | Code::PermissionDenied | Code::NotFound => Self::NotAllowed(problem),
            Code::Unavailable | Code::DeadlineExceeded => unreachable(address, status),
            Code::Unknown | Code::Internal | Code::Cancelled if status.source().is_some() => {
                unreachable(address, status)
            }
            Code::InvalidArgument if problem.code == codes::INVALID_ARGUMENT => Self::Argument(problem),
            Code::InvalidArgument | Code::OutOfRange => Self::Refused(problem),
            Code::FailedPrecondition if problem.code != codes::WRONG_STATE => Self::Refused(problem),
            Code::Ok
            | Code::Cancelled
            | Code::Unknown
            | Code::AlreadyExists
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::Unimplemented
            | Code::Internal
            | Code::DataLoss => Self::Failed(problem),
        }
    }
}

/// Whether the same call may well succeed a moment later: the connection broke, or the server is starting.
pub(crate) fn passing(status: &Status) -> bool {
    let broken = matches!(status.code(), Code::Unknown | Code::Internal | Code::Cancelled);
    status.code() == Code::Unavailable || (broken && status.get_details_error_info().is_none())
}

fn unreachable(address: &str, status: &Status) -> Error {
    let mut reason = status.message().to_owned();
    // Only the innermost cause says what happened; those around it say `transport error`.
    let mut cause = status.source();
    while let Some(inner) = cause {
        reason = inner.to_string();
        cause = inner.source();
    }
    Error::Unreachable { address: address.to_owned(), reason }
}

fn problem_of(status: &Status) -> Problem {
    let info = status.get_details_error_info().filter(|info| info.domain == error_info::DOMAIN);
    let mut problem = Problem::new(code_of(status.code()), status.message());
    let Some(info) = info else { return problem };
    let number = |key| info.metadata.get(key).and_then(|text| text.parse::<u32>().ok());
    problem.code.clone_from(&info.reason);
    problem.hint = info.metadata.get(error_info::HINT).cloned().unwrap_or_default();
    if let (Some(line), Some(column)) = (number(error_info::LINE), number(error_info::COLUMN)) {
        problem.position = Some(Position { line, column });
    }
    problem
}

fn code_of(code: Code) -> &'static str {
    match code {
        Code::Unauthenticated => codes::UNAUTHENTICATED,
        Code::PermissionDenied | Code::NotFound => codes::NOT_FOUND,
        Code::InvalidArgument | Code::OutOfRange => codes::INVALID_ARGUMENT,
        Code::FailedPrecondition => codes::WRONG_STATE,
        Code::Unavailable | Code::DeadlineExceeded => codes::UNREACHABLE,
        Code::ResourceExhausted => "BUSY",
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::AlreadyExists
        | Code::Aborted
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => codes::INTERNAL,
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;
    use crate::exit_code;

    fn status(code: Code, reason: &str) -> Status {
        let details = ErrorDetails::with_error_info(
            reason,
            error_info::DOMAIN,
            [("hint", "write less"), ("line", "2"), ("column", "7")]
                .map(|(k, v)| (k.to_owned(), v.to_owned())),
        );
        Status::with_error_details(code, "no", details)
    }

    #[test]
    fn a_status_becomes_the_exit_code_of_the_contract() {
        let cases = [
            (Code::Unauthenticated, "UNAUTHENTICATED", 3),
            (Code::NotFound, "NOT_FOUND", 3),
            (Code::PermissionDenied, "NOT_FOUND", 3),
            (Code::InvalidArgument, "INVALID_ARGUMENT", 2),
            (Code::InvalidArgument, "TOO_LARGE", 11),
            (Code::InvalidArgument, "SQL_SYNTAX", 11),
            (Code::FailedPrecondition, "RECORDS_IN_OUTPUT", 11),
            (Code::FailedPrecondition, "WRONG_STATE", 12),
            (Code::ResourceExhausted, "BUSY", 12),
            (Code::Internal, "INTERNAL", 12),
            (Code::Unavailable, "", 13),
        ];
        for (code, reason, exit) in cases {
            let error = Error::from_status("https://h", &status(code, reason));
            assert_eq!(exit_code(Err(&error)), exit, "{code:?} {reason}");
        }
    }

    #[test]
    fn hint_and_position_come_from_the_details() {
        let problem = Error::from_status("a", &status(Code::InvalidArgument, "SQL_SYNTAX")).problem();
        assert_eq!((problem.code.as_str(), problem.hint.as_str()), ("SQL_SYNTAX", "write less"));
        assert_eq!(problem.position, Some(Position { line: 2, column: 7 }));
    }

    #[test]
    fn an_error_of_the_server_is_not_tried_again_and_a_broken_connection_is() {
        assert!(!passing(&status(Code::Internal, "INTERNAL")));
        assert!(!passing(&status(Code::ResourceExhausted, "BUSY")));
        assert!(passing(&Status::unknown("transport error")));
        assert!(passing(&Status::unavailable("starting")));
    }
}
