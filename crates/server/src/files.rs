//! How the server writes its own small files: whole or not at all, secrets for the owner alone.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Who may read a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Readers {
    /// Everybody.
    All,
    /// The owner alone (mode 0600).
    Owner,
}

/// Replaces a file: readers see the old one or the new one, also after a crash.
pub(crate) fn replace(path: &Path, content: &[u8], readers: Readers) -> Result<()> {
    let written = || -> std::io::Result<()> {
        let temporary = path.with_extension("part");
        let mode = if readers == Readers::Owner { 0o600 } else { 0o644 };
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    written().with_context(|| format!("write {}", path.display()))
}

/// Makes a folder that only its owner may look into.
pub(crate) fn make_private_folder(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("make {}", path.display()))
}
