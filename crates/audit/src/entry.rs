//! What one decision looks like in the log, and its one form in bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use sekisho_model::{JobId, JobName, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Longest entry, in bytes of its canonical form.
pub const MAX_ENTRY_BYTES: usize = 1 << 20;

/// Longest id and longest name of a detail, in bytes.
const MAX_NAME: usize = 128;

/// The form of the bytes.
const VERSION: u8 = 1;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// The closed list of what is logged.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum EventKind { $($(#[$doc])* $variant,)* }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The kind's name in the log.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

kinds! {
    /// A caller was not let in, or not let at something.
    AccessDenied = "access.denied",
    /// A job was taken in.
    JobAccepted = "job.accepted",
    /// The caller took a job back.
    JobCancelled = "job.cancelled",
    /// The confidential half of a job is done, the checkpoint judges.
    JobChecking = "job.checking",
    /// A job failed.
    JobFailed = "job.failed",
    /// A result was sealed for a checker.
    JobHeld = "job.held",
    /// A job was refused.
    JobRefused = "job.refused",
    /// A result was let out.
    JobReleased = "job.released",
    /// A restart put a job back into the queue.
    JobResumed = "job.resumed",
    /// A job was started.
    JobStarted = "job.started",
    /// A disclosure profile was taken into use.
    PolicyLoaded = "policy.loaded",
    /// A project was taken into use.
    ProjectLoaded = "project.loaded",
    /// The server was started.
    ServerStarted = "server.started",
    /// A version of a dataset was completed.
    SnapshotCreated = "snapshot.created",
    /// A version of a dataset without the people who opted out is taken into use. Neither who they are nor how
    /// many stands in the log: two versions would tell what is theirs.
    SubjectsOptedOut = "subjects.opted_out",
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == text)
            .ok_or(Error::Entry { reason: "its kind is unknown" })
    }
}

/// One decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its id, unique in the log, so that writing it again has no effect.
    pub id: String,
    /// When it was taken.
    pub at: Timestamp,
    /// What was decided.
    pub kind: EventKind,
    /// The project concerned.
    pub project: Option<ProjectId>,
    /// The job concerned, of that project.
    pub job: Option<JobId>,
    /// Who decided: the subject of a token, or `enclave`.
    pub actor: String,
    /// The facts behind it. Names are lower-case letters, digits and `_`; nothing here comes from a record.
    pub details: BTreeMap<String, String>,
}

impl Entry {
    /// An entry about nothing in particular; `of_job` and `with` say more.
    #[must_use]
    pub fn new(id: impl Into<String>, at: Timestamp, kind: EventKind, actor: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            at,
            kind,
            project: None,
            job: None,
            actor: actor.into(),
            details: BTreeMap::new(),
        }
    }

    /// The same about a job.
    #[must_use]
    pub fn of_job(mut self, name: &JobName) -> Self {
        self.project = Some(name.project.clone());
        self.job = Some(name.job.clone());
        self
    }

    /// The same about a project.
    #[must_use]
    pub fn of_project(mut self, project: &ProjectId) -> Self {
        self.project = Some(project.clone());
        self
    }

    /// The same with one more fact.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// The entry's one form in bytes: JSON with sorted keys and no spaces (RFC 8785), as it is hashed.
    ///
    /// # Errors
    ///
    /// [`Error::Entry`] if its id or the name of a detail breaks the grammar, or it is too long.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let id_ok = !self.id.is_empty() && self.id.bytes().all(|byte| byte.is_ascii_graphic());
        if !id_ok || self.id.len() > MAX_NAME {
            return Err(Error::Entry { reason: "its id is not 1 to 128 visible ASCII characters" });
        }
        let name_ok = |name: &String| {
            let taken = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(taken)
        };
        if !self.details.keys().all(name_ok) {
            return Err(Error::Entry {
                reason: "the name of a detail is not lower-case letters, digits or `_`",
            });
        }
        let bytes = serde_json::to_vec(&Line::from(self))
            .map_err(|_| Error::Entry { reason: "it cannot be written as JSON" })?;
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(Error::Entry { reason: "it is longer than 1 MiB" });
        }
        Ok(bytes)
    }

    /// Reads what [`Entry::encode`] wrote, and takes no other form.
    ///
    /// # Errors
    ///
    /// [`Error::Entry`] if the bytes are not the canonical form of an entry of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let line: Line = serde_json::from_slice(bytes)
            .map_err(|_| Error::Entry { reason: "it is not JSON with the members of an entry" })?;
        if line.v != VERSION {
            return Err(Error::Entry { reason: "its version is unknown" });
        }
        let entry = Self {
            id: line.id,
            at: Timestamp(line.at),
            kind: line.kind.parse()?,
            project: parsed(line.project)?,
            job: parsed(line.job)?,
            actor: line.actor,
            details: line.details,
        };
        if entry.encode()? != bytes {
            return Err(Error::Entry { reason: "it is not in canonical form" });
        }
        Ok(entry)
    }
}

fn parsed<T: FromStr>(name: Option<String>) -> Result<Option<T>> {
    name.map(|text| text.parse())
        .transpose()
        .map_err(|_| Error::Entry { reason: "the name of its project or job is not valid" })
}

/// The stored form. INVARIANT: members stand in the order of their names.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    actor: String,
    at: u64,
    details: BTreeMap<String, String>,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    v: u8,
}

impl From<&Entry> for Line {
    fn from(entry: &Entry) -> Self {
        Self {
            actor: entry.actor.clone(),
            at: entry.at.0,
            details: entry.details.clone(),
            id: entry.id.clone(),
            job: entry.job.as_ref().map(ToString::to_string),
            kind: entry.kind.to_string(),
            project: entry.project.as_ref().map(ToString::to_string),
            v: VERSION,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> Entry {
        let name: JobName = "projects/nafld/jobs/01JXZ8Q0V3T7M5K9N1P4R6S8WA".parse().unwrap();
        Entry::new("e-1", Timestamp(1_700_000_000_000), EventKind::JobReleased, "enclave")
            .of_job(&name)
            .with("snapshot", "nafld@3")
            .with("profile", "japan-rwd")
    }

    /// Stored by version 1; it must stay readable for ever.
    const STORED: &str = concat!(
        r#"{"actor":"enclave","at":1700000000000,"details":{"profile":"japan-rwd","snapshot":"nafld@3"},"#,
        r#""id":"e-1","job":"01JXZ8Q0V3T7M5K9N1P4R6S8WA","kind":"job.released","project":"nafld","v":1}"#
    );

    #[test]
    fn the_form_in_bytes_is_fixed() {
        assert_eq!(String::from_utf8(example().encode().unwrap()).unwrap(), STORED);
        assert_eq!(Entry::decode(STORED.as_bytes()).unwrap(), example());
    }

    #[test]
    fn only_the_canonical_form_is_read() {
        for (from, to) in [
            ("\"v\":1", "\"v\":2"),
            ("\"v\":1", "\"v\": 1"),
            ("\"v\":1", "\"v\":1,\"w\":1"),
            ("\"id\":\"e-1\"", "\"id\":\"\""),
            ("\"id\":\"e-1\"", "\"id\":\"\\u0065-1\""),
            ("job.released", "job.leaked"),
            ("\"project\":\"nafld\"", "\"project\":\"NAFLD\""),
            ("\"profile\":\"japan-rwd\",", "\"snapshot\":\"x\","),
        ] {
            assert!(STORED.contains(from), "{from}");
            let other = STORED.replace(from, to);
            assert!(matches!(Entry::decode(other.as_bytes()), Err(Error::Entry { .. })), "{other}");
        }
    }

    #[test]
    fn an_entry_out_of_bounds_is_not_taken() {
        assert!(Entry { id: "a b".into(), ..example() }.encode().is_err());
        assert!(Entry { id: "x".repeat(129), ..example() }.encode().is_err());
        assert!(example().with("Not a name", "").encode().is_err());
        assert!(example().with("sql", "x".repeat(MAX_ENTRY_BYTES)).encode().is_err());
    }

    #[test]
    fn every_kind_reads_back() {
        for kind in EventKind::ALL {
            assert_eq!(kind.as_str().parse::<EventKind>().unwrap(), *kind);
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_back_and_stays_on_one_line(actor in any::<String>(), value in any::<String>()) {
            let entry = Entry { actor, ..example() }.with("value", value);
            let bytes = entry.encode().unwrap();
            prop_assert!(!bytes.contains(&b'\n'));
            prop_assert_eq!(Entry::decode(&bytes).unwrap(), entry);
        }
    }
}
