//! Whether a log stands as it was signed, computed anew from its entries alone.

use std::path::Path;

use sekisho_model::Digest;

use crate::Finding;
use crate::scan::scan;

/// What an inspection that found nothing wrong has seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Report {
    /// How many entries were signed, and stand as they were.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Digest,
    /// How many bytes follow the last signed entry. They are no part of the log: a crash left them, a
    /// running server is just appending them, or somebody put them there. The next start cuts them off.
    pub unsigned_bytes: u64,
}

/// Computes the whole tree anew from the entries in a folder, and holds it against the signed checkpoint.
///
/// It only reads, so that it can be run on a copy and beside a running server.
///
/// # Errors
///
/// The first [`Finding`]: any edit, deletion, insertion, reordering or truncation of what was signed.
pub fn verify(folder: &Path, verifier_key: &str) -> Result<Report, Finding> {
    let scan = scan(folder, verifier_key)?.ok_or(Finding::Checkpoint { reason: "is missing" })?;
    Ok(Report { size: scan.tree.size, root: Digest::from_bytes(scan.root.0), unsigned_bytes: scan.unsigned })
}
