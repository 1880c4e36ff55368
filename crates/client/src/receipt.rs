//! Whether a release stands in the enclave's log, checked with nothing but the log's public key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat};
use sekisho_audit::EventKind;
use sekisho_wire::v1;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Client, Document, Error, Outcome, Result};

/// The detail of the log's entry that holds the digest of the result.
const RELEASE: &str = "release_sha256";

/// The proof that a release stands in the log, in the form of a file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// `projects/P/jobs/J`.
    pub job: String,
    /// The log's entry, exactly as it was hashed (canonical JSON).
    pub entry: String,
    /// Its index in the log.
    pub log_index: u64,
    /// Inclusion proof (RFC 6962, section 2.1.1), each hash in base64, from the leaf's sibling upward.
    pub proof: Vec<String>,
    /// The signed checkpoint that the proof leads to.
    pub checkpoint: String,
}

/// What a receipt proves.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Verified {
    /// The job whose result was released.
    pub job: String,
    /// When, in RFC 3339.
    pub at: String,
    /// SHA-256 of the result's Arrow IPC stream, in hexadecimal.
    pub release: String,
    /// Index of the entry in the log.
    pub log_index: u64,
    /// The snapshot that was read, as the entry says.
    pub snapshot: Option<String>,
    /// The disclosure profile that judged it, as the entry says.
    pub profile: Option<String>,
    /// SHA-256 of that profile, as the entry says.
    pub policy_sha256: Option<String>,
}

impl Client {
    /// Fetches the receipt of a released job and checks it, and the result, with the profile's `log_key`.
    ///
    /// # Errors
    ///
    /// [`Error::Receipt`] says what does not hold; [`Error::Argument`] if the profile has no `log_key`.
    pub async fn verify(&self, outcome: &Outcome) -> Result<Verified> {
        let log_key = self.log_key.as_deref().ok_or_else(|| {
            Error::argument("the profile has no `log_key`; the operator of the enclave publishes it")
        })?;
        let arrow =
            outcome.arrow.as_ref().ok_or_else(|| Error::argument("only a released job has a receipt"))?;
        let verified = self.receipt(&outcome.job.name).await?.verify(log_key)?;
        verified.covers_arrow(arrow)?;
        verified.covers_document(&Document::of_job(&outcome.job)?)?;
        Ok(verified)
    }
}

impl Receipt {
    pub(crate) fn of_answer(job: &str, answer: v1::Receipt) -> Result<Self> {
        let entry = String::from_utf8(answer.entry)
            .map_err(|_| Error::Answer("the receipt's entry is not text".to_owned()))?;
        Ok(Self {
            job: job.to_owned(),
            entry,
            log_index: answer.log_index,
            proof: answer.proof.iter().map(|hash| STANDARD.encode(hash)).collect(),
            checkpoint: answer.checkpoint,
        })
    }

    /// Reads a receipt's file.
    ///
    /// # Errors
    ///
    /// [`Error::Receipt`] if it does not have the form of one.
    pub fn read(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|error| failed(format!("the file is not a receipt: {error}")))
    }

    /// The receipt as the text of a file.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Checks, offline, that the entry is in the log of this key and is the release of this job.
    ///
    /// # Errors
    ///
    /// [`Error::Receipt`] says what does not hold.
    pub fn verify(&self, log_key: &str) -> Result<Verified> {
        let proof = self.proof.iter().map(|hash| decoded(hash)).collect::<Result<Vec<_>>>()?;
        let receipt = sekisho_audit::Receipt {
            entry: self.entry.clone().into_bytes(),
            index: self.log_index,
            proof,
            checkpoint: self.checkpoint.clone(),
        };
        let entry = receipt.verify(log_key).map_err(|error| failed(plain(&error)))?;
        if entry.kind != EventKind::JobReleased {
            return Err(failed(format!("it proves `{}`, not a release", entry.kind)));
        }
        let named = entry.project.as_ref().zip(entry.job.as_ref());
        if named.map(|(project, job)| format!("projects/{project}/jobs/{job}")) != Some(self.job.clone()) {
            return Err(failed("it proves the release of another job"));
        }
        let detail = |name: &str| entry.details.get(name).cloned();
        Ok(Verified {
            job: self.job.clone(),
            at: i64::try_from(entry.at.0)
                .ok()
                .and_then(DateTime::from_timestamp_millis)
                .map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
                .unwrap_or_default(),
            release: detail(RELEASE).ok_or_else(|| failed("its entry names no result"))?,
            log_index: self.log_index,
            snapshot: detail("snapshot"),
            profile: detail("profile"),
            policy_sha256: detail("policy_sha256"),
        })
    }
}

impl Verified {
    /// Checks that these bytes are the result that was released.
    ///
    /// # Errors
    ///
    /// [`Error::Receipt`] if they are not.
    pub fn covers_arrow(&self, arrow: &[u8]) -> Result<()> {
        if hex::encode(Sha256::digest(arrow)).eq_ignore_ascii_case(&self.release) {
            return Ok(());
        }
        Err(failed("the Arrow bytes are not those that were released"))
    }

    /// Checks that a document speaks of this release: its job, digest, index, snapshot and policy.
    ///
    /// The document's rows cannot be hashed back to the Arrow bytes: [`Verified::covers_arrow`] vouches for the
    /// bytes, and [`Document::has_the_values_of`] compares the two.
    ///
    /// # Errors
    ///
    /// [`Error::Receipt`] names the first part that differs.
    pub fn covers_document(&self, document: &Document) -> Result<()> {
        let receipt = document.receipt.as_ref().ok_or_else(|| failed("the document has no receipt"))?;
        let policy = document.policy.as_ref();
        let same = |ours: &Option<String>, theirs: Option<&String>| ours.is_none() || ours.as_ref() == theirs;
        let parts = [
            ("job", document.job.as_deref() == Some(self.job.as_str())),
            ("release", receipt.release.eq_ignore_ascii_case(&self.release)),
            ("log index", receipt.log_index == self.log_index),
            ("snapshot", same(&self.snapshot, document.snapshot.as_ref())),
            ("policy", same(&self.profile, policy.map(|policy| &policy.profile))),
            ("policy's digest", same(&self.policy_sha256, policy.map(|policy| &policy.sha256))),
        ];
        match parts.iter().find(|(_, same)| !same) {
            Some((part, _)) => Err(failed(format!("the document names another {part}"))),
            None => Ok(()),
        }
    }
}

fn decoded(hash: &str) -> Result<[u8; 32]> {
    let bytes = STANDARD.decode(hash).map_err(|_| failed("a hash of its proof is not base64"))?;
    bytes.try_into().map_err(|_| failed("a hash of its proof is not 32 bytes"))
}

/// The audit crate's reason without its own opening words, which ours repeat.
fn plain(error: &sekisho_audit::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("the receipt does not hold: ").unwrap_or(&text).to_owned()
}

fn failed(reason: impl Into<String>) -> Error {
    Error::Receipt(reason.into())
}
