//! What went wrong, as the caller is told: one table from each crate's errors to the closed list of codes.

use sekisho_authn as authn;
use sekisho_authz as authz;
use sekisho_disclosure as disclosure;
use sekisho_model::{Code, Refusal};
use sekisho_store as store;
use sekisho_vault as vault;

/// Why a call was not answered. It is a [`Refusal`]: a code, words, and a hint, with nothing of a record.
pub type Problem = Refusal;

/// The result of this crate's functions.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// Not there, or not for this caller: which of them is not said.
pub(crate) fn not_found() -> Problem {
    let hint = "check the name; `sekisho projects` lists the projects that are yours";
    Refusal::new(Code::NotFound, authz::Denied.to_string(), hint)
}

pub(crate) fn invalid(message: impl Into<String>, hint: &str) -> Problem {
    Refusal::new(Code::InvalidArgument, message, hint)
}

/// An error of ours: the log says what, the caller that it happened.
pub(crate) fn internal(error: &dyn std::error::Error, doing: &str) -> Problem {
    tracing::error!(%error, doing, "internal error");
    failed()
}

/// An error of ours, of which the log has been told.
pub(crate) fn failed() -> Problem {
    let hint = "try again; if it happens twice, tell the operator when it happened";
    Refusal::new(Code::Internal, "the enclave failed", hint)
}

pub(crate) fn of_token(error: &authn::Error) -> Problem {
    if error.code() == Code::Unauthenticated {
        return Refusal::new(Code::Unauthenticated, error.public(), "get a new token");
    }
    internal(error, "verify a token")
}

pub(crate) fn of_store(error: store::Error) -> Problem {
    match error {
        store::Error::NotFound => not_found(),
        store::Error::PageToken => invalid(error.to_string(), "start again from the first page"),
        store::Error::RequestReused => invalid(error.to_string(), "choose a new request id"),
        store::Error::WrongState(_) => {
            Refusal::new(Code::WrongState, error.to_string(), "look at the job's present state")
        }
        store::Error::Full { .. } => {
            tracing::error!(%error, "storage is full");
            Refusal::new(
                Code::Storage,
                "the enclave's storage is full or cannot be written",
                "try again later; the operator has been told",
            )
        }
        store::Error::Corrupt { .. }
        | store::Error::Database { .. }
        | store::Error::Diverged { .. }
        | store::Error::LedgerBehind { .. }
        | store::Error::Log { .. }
        | store::Error::Migrate(_)
        | store::Error::Misfit { .. }
        | store::Error::Stopped => internal(&error, "keep state"),
    }
}

pub(crate) fn of_vault(error: &vault::Error) -> Problem {
    if let vault::Error::OptOutUnfinished { .. } = error {
        tracing::error!(%error, "people who opted out are still in the data");
        return people_leave();
    }
    internal(error, "read the vault")
}

pub(crate) fn of_check(error: &disclosure::Error) -> Problem {
    if matches!(error, disclosure::Error::LeftMeanwhile) { people_leave() } else { internal(error, "check") }
}

fn people_leave() -> Problem {
    let hint = "submit it again in a minute; if that does not help, tell the operator";
    Refusal::new(Code::Busy, "people leave the dataset just now", hint)
}

pub(crate) fn of_policy(error: &disclosure::Error) -> Problem {
    internal(error, "read a disclosure profile")
}
