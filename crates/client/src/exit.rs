//! The one table of exit codes.

use crate::{Error, State};

/// What a process that ran one analysis answers.
///
/// | code | meaning |
/// |---|---|
/// | 0 | released (possibly with withheld cells); allowed, when only checked; accepted, when not waited for |
/// | 2 | usage error |
/// | 3 | not signed in, not allowed, or no such project or job |
/// | 10 | held: waits for a checker |
/// | 11 | refused |
/// | 12 | failed or cancelled |
/// | 13 | the server cannot be reached |
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Exit {
    /// Released.
    Success = 0,
    /// Usage error.
    Usage = 2,
    /// Not signed in, not allowed, or no such thing.
    NotAllowed = 3,
    /// Held.
    Held = 10,
    /// Refused.
    Refused = 11,
    /// Failed.
    Failed = 12,
    /// The server cannot be reached.
    Unreachable = 13,
}

/// The exit code of an outcome.
#[must_use]
pub fn exit_code(outcome: Result<State, &Error>) -> u8 {
    let exit = match outcome {
        Ok(State::Allowed | State::Released | State::Queued | State::Running | State::Checking) => {
            Exit::Success
        }
        Ok(State::Held) => Exit::Held,
        Ok(State::Refused) | Err(Error::Refused(_)) => Exit::Refused,
        Ok(State::Failed | State::Cancelled)
        | Err(Error::Failed(_) | Error::Answer(_) | Error::Receipt(_)) => Exit::Failed,
        Err(Error::Argument(_) | Error::Profile { .. }) => Exit::Usage,
        Err(Error::NotAllowed(_)) => Exit::NotAllowed,
        Err(Error::Unreachable { .. }) => Exit::Unreachable,
    };
    exit as u8
}
