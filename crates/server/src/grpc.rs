//! The gRPC door: decodes, calls the service, encodes, and maps errors.
//!
//! | code of a problem | gRPC status |
//! |---|---|
//! | `UNAUTHENTICATED` | `UNAUTHENTICATED` |
//! | `NOT_FOUND` | `NOT_FOUND` |
//! | `INVALID_ARGUMENT`, `LIST_NOT_ALLOWED`, `TOO_LARGE` | `INVALID_ARGUMENT` |
//! | `WRONG_STATE` | `FAILED_PRECONDITION` |
//! | `BUSY`, `STORAGE` | `RESOURCE_EXHAUSTED` |
//! | every other | `INTERNAL` |
//!
//! Refusals of a plan and failures of a run are not errors of a call: they are a job's outcome.

mod analysis;
mod catalog;
mod job;
mod signed_in;

pub(crate) use catalog::CatalogDoor;
pub(crate) use job::JobDoor;
pub(crate) use signed_in::SignedIn;

use std::collections::HashMap;

use sekisho_model::{Code, Refusal};
use sekisho_wire::{error_info, v1};
use tonic::{Request, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The caller's bearer token; an empty one if there is none.
fn token<T>(request: &Request<T>) -> String {
    let header = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
    header.unwrap_or_default().to_owned()
}

/// A problem as a status with its details.
fn status(problem: &Refusal) -> Status {
    let code = match problem.code {
        Code::Unauthenticated => tonic::Code::Unauthenticated,
        Code::NotFound => tonic::Code::NotFound,
        Code::InvalidArgument | Code::ListNotAllowed | Code::TooLarge => tonic::Code::InvalidArgument,
        Code::WrongState => tonic::Code::FailedPrecondition,
        Code::Busy | Code::Storage => tonic::Code::ResourceExhausted,
        Code::AggregateNotAllowed
        | Code::BudgetSpent
        | Code::Cancelled
        | Code::ColumnUnknown
        | Code::ExpressionNotAllowed
        | Code::FunctionNotAllowed
        | Code::Internal
        | Code::InvalidQuery
        | Code::JoinWithoutSubject
        | Code::MemoryLimit
        | Code::NotSupported
        | Code::ParameterMismatch
        | Code::PicksPeople
        | Code::RecordsInOutput
        | Code::RowLimit
        | Code::SqlSyntax
        | Code::StatementNotAllowed
        | Code::SubjectAsValue
        | Code::TableUnknown
        | Code::TimeLimit => tonic::Code::Internal,
    };
    let mut metadata = HashMap::new();
    if !problem.hint.is_empty() {
        metadata.insert(error_info::HINT.to_owned(), problem.hint.clone());
    }
    if let Some(position) = problem.position {
        metadata.insert(error_info::LINE.to_owned(), position.line.to_string());
        metadata.insert(error_info::COLUMN.to_owned(), position.column.to_string());
    }
    let details = ErrorDetails::with_error_info(problem.code.as_str(), error_info::DOMAIN, metadata);
    Status::with_error_details(code, problem.message.clone(), details)
}

/// A refusal as a job's document shows it.
fn problem(refusal: &Refusal) -> v1::Problem {
    v1::Problem {
        code: refusal.code.as_str().to_owned(),
        message: refusal.message.clone(),
        hint: refusal.hint.clone(),
        position: refusal.position.map(|at| v1::Position { line: at.line, column: at.column }),
    }
}

/// The rules, as answers name them.
fn policy(policy: &sekisho_store::PolicyRef) -> v1::Policy {
    v1::Policy { profile: policy.profile.clone(), sha256: policy.sha256.to_string() }
}
