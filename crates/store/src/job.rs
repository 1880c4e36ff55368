//! What the store takes in and gives out about a job.

use std::fmt;

use sekisho_model::{
    Analysis, Digest, JobName, JobState, ListName, Parameter, Refusal, SnapshotId, Timestamp,
};

use crate::answers::Answers;
use crate::ledger::LedgerStep;

/// A job that is taken in. When that was is said by its entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewJob {
    /// Its name, chosen by the caller of the store.
    pub name: JobName,
    /// Chosen by the client: the same again, of the same person in the same project, is the same job.
    pub request_id: Option<String>,
    /// The analysis: its text, and what comes with it.
    pub analysis: Analysis,
    /// Who submitted it (the subject claim of the token).
    pub submitter: String,
    /// Of which organisation.
    pub organisation: String,
}

/// A code list that came with a job; [`crate::Store::analysis`] gives its rows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListRef {
    /// Its name in SQL.
    pub name: ListName,
    /// SHA-256 of its CSV, as it was sent.
    pub sha256: Digest,
}

/// What becomes known of a job when it moves; what is `None` stays as it was.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Change {
    /// The version of the dataset that it reads.
    pub snapshot: Option<SnapshotId>,
    /// The rules that judge it.
    pub policy: Option<PolicyRef>,
    /// Why it is refused, failed or was taken back.
    pub problem: Option<Refusal>,
    /// The result: of a job that is released or held, and of no other.
    pub result: Option<SealedResult>,
    /// What the result does to the ledger of its dataset: it comes with a result, and never without.
    pub ledger: Option<LedgerStep>,
    /// How many answers the result shows: the entry of a release says it.
    pub answers: Answers,
}

/// The disclosure profile that judges a job.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyRef {
    /// The profile's name.
    pub profile: String,
    /// SHA-256 of the profile with the project's stricter values.
    pub sha256: Digest,
}

/// A result as it is kept. Only the crate that sealed it can read it.
#[derive(Clone, Eq, PartialEq)]
pub struct SealedResult {
    /// The sealed bytes.
    pub bytes: Vec<u8>,
    /// SHA-256 of the released Arrow stream; the log's entry names it too.
    pub digest: Digest,
}

impl fmt::Debug for SealedResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedResult").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// A job as everybody may see it: its entry is in the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JobRecord {
    /// Its name.
    pub name: JobName,
    /// The state that it is in.
    pub state: JobState,
    /// Counts its states; 1 is the accepted job.
    pub version: u64,
    /// The index of the entry that brought it into this state.
    pub log_index: u64,
    /// Chosen by the client.
    pub request_id: Option<String>,
    /// The text of the analysis.
    pub sql: String,
    /// The values of its parameters.
    pub parameters: Vec<Parameter>,
    /// The code lists that came with it.
    pub lists: Vec<ListRef>,
    /// Who submitted it.
    pub submitter: String,
    /// Of which organisation.
    pub organisation: String,
    /// When it was taken in.
    pub accepted_at: Timestamp,
    /// When it came into this state.
    pub updated_at: Timestamp,
    /// The version of the dataset that it reads, or that its answer is of.
    pub snapshot: Option<SnapshotId>,
    /// A newer version that the answer stands for: it is an earlier answer to the same question, and few people left
    /// since, whether or not they had a part in it.
    pub stands_for: Option<SnapshotId>,
    /// The rules that judge it.
    pub policy: Option<PolicyRef>,
    /// Why it is refused, failed or was taken back.
    pub problem: Option<Refusal>,
    /// What left; only of a released job.
    pub release: Option<ReleaseRef>,
}

/// What left, and where that stands in the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReleaseRef {
    /// SHA-256 of the released Arrow stream.
    pub digest: Digest,
    /// The index of the release's entry, for its receipt.
    pub log_index: u64,
}

/// Some jobs, newest first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<JobRecord>,
    /// Gives the next page; `None` on the last one.
    pub next: Option<String>,
}
