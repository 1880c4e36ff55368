//! What the log is told of a decision, before it takes effect.

use sekisho_audit::{Entry, EventKind};
use sekisho_model::{Analysis, Digest, JobName, SnapshotId, Timestamp};
use sekisho_release::{Event, rule};
use sekisho_store::{JobRecord, PolicyRef};

/// Who decides what nobody asked for.
const ENCLAVE: &str = "enclave";

/// Who decides by a command.
const OPERATOR: &str = "operator";

/// An entry of a new id.
fn entry(at: Timestamp, kind: EventKind, actor: &str) -> Entry {
    Entry::new(ulid::Ulid::new().to_string(), at, kind, actor)
}

/// A job was taken in. The digest of the request covers the text, the parameters and the code lists; those
/// of the text and of each list let somebody who has them recognise them.
pub(crate) fn accepted(name: &JobName, analysis: &Analysis, submitter: &str, at: Timestamp) -> Entry {
    let accepted = entry(at, EventKind::JobAccepted, submitter)
        .of_job(name)
        .with("request_sha256", analysis.digest().to_string())
        .with("sql_sha256", Digest::of(analysis.sql.as_bytes()).to_string());
    analysis.lists.iter().fold(accepted, |entry, list| {
        entry.with(&format!("list_{}_sha256", list.name), Digest::of(list.csv.as_bytes()).to_string())
    })
}

/// A job moves by this event; `None` if the state machine has no such row.
pub(crate) fn moved(job: &JobRecord, event: Event, actor: Option<&str>, at: Timestamp) -> Option<Entry> {
    let kind = rule(Some(job.state), event).ok()?.audit.parse().ok()?;
    Some(entry(at, kind, actor.unwrap_or(ENCLAVE)).of_job(&job.name))
}

/// What a result stands on: rules, snapshot and the digest of its bytes.
pub(crate) fn with_result(
    entry: Entry,
    snapshot: Option<&SnapshotId>,
    policy: &PolicyRef,
    digest: &Digest,
) -> Entry {
    let snapshot = snapshot.map(ToString::to_string).unwrap_or_default();
    entry
        .with("release_sha256", digest.to_string())
        .with("profile", policy.profile.clone())
        .with("policy_sha256", policy.sha256.to_string())
        .with("snapshot", snapshot)
}

/// A version of a dataset without the people who opted out is taken into use. The same version has the same id.
pub(crate) fn opted_out(snapshot: &SnapshotId, follows: &SnapshotId, at: Timestamp) -> Entry {
    let id = format!("opt-out:{snapshot}");
    let taken = Entry::new(id, at, EventKind::SubjectsOptedOut, OPERATOR);
    taken.with("snapshot", snapshot.to_string()).with("follows", follows.to_string())
}

/// The server was started.
pub(crate) fn started(version: &str, at: Timestamp) -> Entry {
    entry(at, EventKind::ServerStarted, ENCLAVE).with("version", version)
}

/// A signed-in caller asked for what is not theirs.
pub(crate) fn denied(subject: &str, action: &str, at: Timestamp) -> Entry {
    entry(at, EventKind::AccessDenied, subject).with("action", action)
}
