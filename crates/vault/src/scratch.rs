//! Where runs are spilled while a table is sorted: a folder that is emptied when the vault opens.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{Error, Result};

/// File that ingests hold a shared lock on while they run.
const LOCK: &str = "lock";

/// The folder for spilled runs.
#[derive(Clone, Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
}

/// One ingest's folder for spilled runs; deleted with all that is in it when dropped.
#[derive(Debug)]
pub(crate) struct Workspace {
    dir: TempDir,
    /// Shared lock: nobody empties the folder while an ingest runs.
    _lock: File,
}

impl Scratch {
    /// Opens the folder and deletes what a crashed ingest left, unless an ingest is running.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let failed = |error| Error::storage("opening the vault's folder for temporary files", error);
        let scratch = Self { folder: root.join("tmp") };
        DirBuilder::new().recursive(true).mode(0o700).create(&scratch.folder).map_err(failed)?;
        let lock = scratch.lock_file().map_err(failed)?;
        if lock.try_lock().is_ok() {
            scratch.clean().map_err(failed)?;
        }
        Ok(scratch)
    }

    /// A folder for one ingest.
    pub(crate) fn workspace(&self) -> Result<Workspace> {
        let failed = |error| Error::storage("making a folder for temporary files", error);
        let lock = self.lock_file().map_err(failed)?;
        lock.lock_shared().map_err(failed)?;
        let dir = TempDir::with_prefix_in("ingest-", &self.folder).map_err(failed)?;
        Ok(Workspace { dir, _lock: lock })
    }

    fn lock_file(&self) -> std::io::Result<File> {
        OpenOptions::new().create(true).truncate(false).write(true).open(self.folder.join(LOCK))
    }

    fn clean(&self) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }
}

impl Workspace {
    /// The path of a file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crash_left_is_deleted_and_what_runs_is_not() {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(root.path()).unwrap();
        let left = root.path().join("tmp/ingest-crashed");
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join("run"), b"x").unwrap();

        let running = scratch.workspace().unwrap();
        std::fs::write(running.file("run"), b"y").unwrap();
        Scratch::open(root.path()).unwrap();
        assert!(running.file("run").exists() && left.exists());

        let gone = running.file("run");
        drop(running);
        assert!(!gone.exists());
        Scratch::open(root.path()).unwrap();
        assert!(!left.exists());
    }
}
