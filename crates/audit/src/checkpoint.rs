//! What a signed checkpoint says: the size and the root of the tree.

use signed_note::{Note, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash};

use crate::{Error, Finding, LogKey, Result};

/// Size and root of a tree, as somebody vouched for them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) size: u64,
    pub(crate) root: Hash,
}

/// Signs a head; the result is the text of a checkpoint.
pub(crate) fn sign(head: Head, key: &LogKey) -> Result<String> {
    let failed = Error::Tree { action: "sign a checkpoint" };
    let name = signed_note::Signer::name(&key.signer);
    let signed = || {
        let checkpoint = Checkpoint::new(name, head.size, head.root, "").ok()?;
        let mut note = Note::new(&checkpoint.to_bytes(), &[]).ok()?;
        note.add_sigs(&[&key.signer]).ok()?;
        String::from_utf8(note.to_bytes()).ok()
    };
    signed().ok_or(failed)
}

/// Reads a checkpoint that the holder of this key signed.
pub(crate) fn open(text: &[u8], verifier_key: &str) -> Result<Head, Finding> {
    let malformed = |_| Finding::Checkpoint { reason: "is not of its form" };
    let verifier = StandardVerifier::new(verifier_key).map_err(|_| Finding::Signature)?;
    let origin = verifier.name().to_owned();
    let note = Note::from_bytes(text).map_err(malformed)?;
    note.verify(&VerifierList::new(vec![Box::new(verifier)])).map_err(|_| Finding::Signature)?;
    let checkpoint = Checkpoint::from_bytes(note.text())
        .map_err(|_| Finding::Checkpoint { reason: "is not of its form" })?;
    if checkpoint.origin() != origin {
        return Err(Finding::Checkpoint { reason: "is one of another log" });
    }
    Ok(Head { size: checkpoint.size(), root: *checkpoint.hash() })
}
