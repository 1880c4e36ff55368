//! What a job is, and the states that it goes through.

use std::fmt;
use std::str::FromStr;

/// The state of a job. Which may follow which is decided in crate `release`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum JobState {
    /// Accepted, waiting for a worker.
    Queued,
    /// The confidential half runs.
    Running,
    /// The checkpoint judges.
    Checking,
    /// A result left (possibly with withheld cells).
    Released,
    /// A result is sealed and waits for a checker.
    Held,
    /// The checkpoint will not run or release it.
    Refused,
    /// A limit, or an error of ours.
    Failed,
    /// The caller took it back.
    Cancelled,
}

impl JobState {
    /// All states, in the order of the path.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::Checking,
        Self::Released,
        Self::Held,
        Self::Refused,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The state's name in documents, in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Checking => "checking",
            Self::Released => "released",
            Self::Held => "held",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the job will not move again by itself (a held one moves only by review).
    #[must_use]
    pub fn settled(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Checking => false,
            Self::Released | Self::Held | Self::Refused | Self::Failed | Self::Cancelled => true,
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for JobState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(())
    }
}
