//! What things are called: validated names, digests, and resource names.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// Longest name of a dataset, project or job, in bytes.
const MAX_NAME: usize = 63;

/// Why a name, digest or resource name was not taken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdError {
    /// A name of a dataset or project breaks the grammar.
    #[error("a {kind} name is 1 to 63 lower-case letters, digits, `-` or `_`, and starts with a letter")]
    Name {
        /// What was being named.
        kind: &'static str,
    },
    /// A job id is not a ULID.
    #[error("a job id is 26 letters and digits (a ULID)")]
    Job,
    /// A resource name is not of the form `projects/P/jobs/J`.
    #[error("a job is named `projects/PROJECT/jobs/JOB`")]
    JobName,
    /// A snapshot is not of the form `DATASET@NUMBER`.
    #[error("a snapshot is named `DATASET@NUMBER`")]
    Snapshot,
    /// A digest is not 64 hexadecimal digits.
    #[error("a SHA-256 digest is 64 hexadecimal digits")]
    Digest,
}

fn checked_name(text: &str, kind: &'static str) -> Result<String, IdError> {
    let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if starts && text.len() <= MAX_NAME && text.chars().all(rest) {
        Ok(text.to_owned())
    } else {
        Err(IdError::Name { kind })
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                checked_name(text, $kind).map(Self)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// Name of a dataset, such as `nafld`.
    DatasetId,
    "dataset"
);
name!(
    /// Name of an approved project, such as `ward-2`.
    ProjectId,
    "project"
);

/// Id of a job: a ULID, so that ids sort by the time of submission.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct JobId(String);

impl JobId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for JobId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let crockford =
            |c: char| matches!(c, '0'..='9' | 'A'..='H' | 'J' | 'K' | 'M' | 'N' | 'P'..='T' | 'V'..='Z');
        if text.len() == 26 && text.chars().all(crockford) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::Job)
        }
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Resource name of a job: `projects/P/jobs/J`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct JobName {
    /// The project that the job belongs to.
    pub project: ProjectId,
    /// The job within it.
    pub job: JobId,
}

impl FromStr for JobName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (project, job) = text
            .strip_prefix("projects/")
            .and_then(|rest| rest.split_once("/jobs/"))
            .ok_or(IdError::JobName)?;
        Ok(Self { project: project.parse()?, job: job.parse()? })
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projects/{}/jobs/{}", self.project, self.job)
    }
}

/// A version of a dataset: `nafld@3`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SnapshotId {
    /// The dataset.
    pub dataset: DatasetId,
    /// Its version; the first is 1.
    pub number: u64,
}

impl FromStr for SnapshotId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (dataset, number) = text.split_once('@').ok_or(IdError::Snapshot)?;
        let number = number.parse().map_err(|_| IdError::Snapshot)?;
        Ok(Self { dataset: dataset.parse()?, number })
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.dataset, self.number)
    }
}

/// A SHA-256 digest (FIPS 180-4), shown as 64 hexadecimal digits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// A digest from its 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Digest {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| IdError::Digest)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_grammar() {
        for good in ["nafld", "ward-2", "a", "x_1"] {
            assert!(good.parse::<ProjectId>().is_ok(), "{good}");
        }
        for bad in ["", "2ward", "Ward", "a/b", "a b", "é", &"a".repeat(64)] {
            assert!(bad.parse::<ProjectId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn resource_names_read_back_as_written() {
        let text = "projects/ward-2/jobs/01JXZ8Q0V3T7M5K9N1P4R6S8WA";
        assert_eq!(text.parse::<JobName>().unwrap().to_string(), text);
        assert!("projects/ward-2/jobs/../x".parse::<JobName>().is_err());
        assert!("projects/ward-2".parse::<JobName>().is_err());
        assert_eq!("nafld@3".parse::<SnapshotId>().unwrap().number, 3);
        assert!("nafld@-1".parse::<SnapshotId>().is_err());
    }
}
