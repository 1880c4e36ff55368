//! How people leave: each version of a dataset gets a successor without them.
//!
//! Nothing is visible before a manifest is published, and each is published whole. Every version gets its
//! successor, the latest one first; if a crash leaves some without, those are not read any more until the
//! opt-out is run again (see [`crate::line`]).

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path as FsPath;

use sekisho_model::{DatasetId, SnapshotId};

use crate::absent::Absent;
use crate::ingest::{Folder, Registry};
use crate::line;
use crate::snapshot::{self, Snapshot};
use crate::storage::Published;
use crate::{Error, Result, Vault};

/// Largest file of ids, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// The people who are named to leave, by their ids as the source files have them.
pub struct Leavers {
    /// Each id with the line that names it first.
    ids: Vec<(String, usize)>,
}

/// What an opt-out did, or would do; for the operator's eyes.
#[derive(Clone, Eq, PartialEq)]
pub struct OptedOut {
    /// Different ids in the file.
    pub named: usize,
    /// People of the dataset among them who are absent from now on, and were not before.
    pub leaving: usize,
    /// People among them who were absent already.
    pub absent: usize,
    /// Lines whose ids were never seen in the dataset. They are kept in mind: if the people come with a later
    /// ingest, they are left out of it.
    pub unknown_lines: Vec<usize>,
    /// Each version with its successor, the latest version first.
    pub successors: Vec<(SnapshotId, SnapshotId)>,
}

/// Only the snapshots: counts are nobody's business in a log.
impl fmt::Debug for OptedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OptedOut").field("successors", &self.successors).finish_non_exhaustive()
    }
}

/// No id.
impl fmt::Debug for Leavers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leavers(..)")
    }
}

impl Leavers {
    /// Reads a file with one id a line, as the source files of the dataset have them.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`]; [`Error::Source`] for a file that is no text, too large, without an id, or with
    /// a line that begins or ends with a blank. No error quotes the file.
    pub fn read(path: &FsPath) -> Result<Self> {
        let unreadable = |source| Error::Unreadable { file: path.to_owned(), source };
        if fs::metadata(path).map_err(unreadable)?.len() > MAX_FILE_BYTES {
            let problem = format!("is larger than {MAX_FILE_BYTES} bytes; divide it");
            return Err(Error::Source { file: path.to_owned(), problem });
        }
        Self::parse(&fs::read(path).map_err(unreadable)?, path)
    }

    fn parse(bytes: &[u8], path: &FsPath) -> Result<Self> {
        let failed = |problem: &str| Error::Source { file: path.to_owned(), problem: problem.to_owned() };
        let text = std::str::from_utf8(bytes).map_err(|_| failed("is not text in UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (mut ids, mut seen) = (Vec::new(), BTreeSet::new());
        for (id, line) in text.lines().zip(1..) {
            if id.trim() != id {
                return Err(failed(&format!("line {line} begins or ends with a blank; write the id alone")));
            }
            if !id.is_empty() && seen.insert(id) {
                ids.push((id.to_owned(), line));
            }
        }
        if ids.is_empty() {
            return Err(failed("names nobody; write one id a line"));
        }
        Ok(Self { ids })
    }
}

/// Makes people absent, or says only what that would do.
pub(crate) async fn opt_out(
    vault: &Vault,
    dataset: &DatasetId,
    leavers: &Leavers,
    dry_run: bool,
) -> Result<OptedOut> {
    let versions = line::versions(vault, dataset).await?;
    let newest = versions.iter().max_by_key(|version| version.id.number);
    let newest = newest.ok_or_else(|| Error::DatasetUnknown { dataset: dataset.clone() })?;
    let known = newest.dense_ids();
    let mut registry = Registry::load(dataset, newest.pseudonym, &vault.keyring, Some(newest)).await?;
    let mut people = BTreeSet::new();
    let mut unknown_lines = Vec::new();
    for (id, line) in &leavers.ids {
        let subject = registry.assign(id)?;
        if subject >= known {
            unknown_lines.push(*line);
        }
        people.insert(subject);
    }
    let absent = people.iter().filter(|subject| newest.absent.contains(**subject)).count();
    let everybody = Absent::of(newest.absent.iter().chain(people.iter().copied()));
    let open: Vec<&Snapshot> = versions.iter().filter(|version| version.absent != everybody).collect();
    let numbers = newest.id.number.saturating_add(1)..;
    let numbered = |(version, number): (&&Snapshot, u64)| {
        (version.id.clone(), SnapshotId { dataset: dataset.clone(), number })
    };
    let done = OptedOut {
        named: leavers.ids.len(),
        leaving: people.len().saturating_sub(absent).saturating_sub(unknown_lines.len()),
        absent,
        unknown_lines,
        successors: open.iter().zip(numbers).map(numbered).collect(),
    };
    if !dry_run {
        publish(vault, newest, &registry, &everybody, (&open, &done.successors)).await?;
    }
    Ok(done)
}

/// Publishes the successors in their order, and before them the file of people who are new in the registry.
async fn publish(
    vault: &Vault,
    newest: &Snapshot,
    registry: &Registry,
    absent: &Absent,
    (open, successors): (&[&Snapshot], &[(SnapshotId, SnapshotId)]),
) -> Result<()> {
    let mut files = newest.registry.clone();
    let mut folder = Folder::new(&newest.id.dataset)?;
    if registry.new_people() > 0 {
        let path = folder.file("registry-of-people", 0);
        match registry.write(&vault.storage, &vault.keyring, path).await {
            Ok(file) => files.push(file),
            Err(error) => {
                folder.discard(&vault.storage).await;
                return Err(error);
            }
        }
    }
    for (version, (_, id)) in open.iter().zip(successors) {
        let next = version.successor(id.clone(), (registry.people(), files.clone()), absent.clone());
        match vault.storage.publish(&snapshot::path(id), next.to_bytes()?).await? {
            Published::Made => tracing::info!(snapshot = %id, "successor published"),
            Published::Existed => return Err(Error::Conflict { snapshot: id.clone() }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Vec<(String, usize)>> {
        Leavers::parse(bytes, FsPath::new("leavers.txt")).map(|leavers| leavers.ids)
    }

    #[test]
    fn a_file_has_one_id_a_line_and_an_id_counts_once() {
        let ids = parse("\u{feff}p1\r\np2\n\n\np1\n患者 7".as_bytes()).unwrap();
        assert_eq!(ids, [("p1".into(), 1), ("p2".into(), 2), ("患者 7".into(), 6)]);
        for (bytes, said) in [
            (&b"p1\n p2\n"[..], "line 2 begins or ends with a blank"),
            (b"p1 \n", "line 1 begins or ends with a blank"),
            (b"", "names nobody"),
            (b"\n\r\n", "names nobody"),
            (b"p1\n\xff\n", "is not text in UTF-8"),
        ] {
            let error = parse(bytes).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(said), "{text}");
            assert!(!format!("{text}{error:?}").contains("p1"), "{text}");
        }
        assert_eq!(format!("{:?}", Leavers { ids }), "Leavers(..)");
    }
}
