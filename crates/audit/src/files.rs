//! How the log's files are written so that a crash leaves the old or the new, never a half.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The entries, one a line.
pub(crate) const ENTRIES: &str = "entries.jsonl";
/// The signed size and root.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// The hash of each entry.
pub(crate) const LEAVES: &str = "leaves";
/// Held by the one process that may append.
pub(crate) const LOCK: &str = "lock";

/// The path with something added to its last name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes the entry of a file in its folder durable.
pub(crate) fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Opens a file of the log for writing, making it if need be.
pub(crate) fn writable(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Puts a file into its place, complete or not at all. The caller syncs the folder.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let half = beside(path, ".new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&half, path)
}

/// A file's bytes; none if it is not there.
pub(crate) fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
