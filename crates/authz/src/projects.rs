//! Which projects there are, as the operator's folder of project files says.

mod file;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sekisho_model::{Project, ProjectId};

pub use self::file::render;
use crate::error::Error;

/// Largest project file, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The approved projects.
#[derive(Clone, Debug, Default)]
pub struct Projects {
    by_id: BTreeMap<ProjectId, Project>,
}

impl Projects {
    /// Reads every `*.toml` file of a folder; the form is documented in `policies/README.md`.
    ///
    /// # Errors
    ///
    /// The first problem, with file, line and cure. One bad file keeps all from being loaded: a
    /// project that silently went missing would look like a permission that was taken away.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        let mut by_id = BTreeMap::new();
        for path in project_files(folder)? {
            let project = file::parse(&path, &read(&path)?)?;
            // Two files cannot have the same stem, so no project replaces another.
            by_id.insert(project.id.clone(), project);
        }
        if by_id.is_empty() {
            tracing::warn!(folder = %folder.display(), "there is no project, so nobody may do anything");
        }
        Ok(Self { by_id })
    }

    /// The project of this name: for the operator's own use; callers go by [`Self::permit`].
    #[must_use]
    pub fn get(&self, id: &ProjectId) -> Option<&Project> {
        self.by_id.get(id)
    }

    /// All projects by name: for the operator's own use; callers go by [`Self::visible`].
    pub fn iter(&self) -> impl Iterator<Item = &Project> {
        self.by_id.values()
    }
}

/// The project files of a folder, in the order of their names.
fn project_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let listing = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = listing.map_err(|cause| Error::Read { path: folder.to_owned(), cause })?;
    let mut paths: Vec<PathBuf> = entries
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String, Error> {
    let text = fs::metadata(path).and_then(|metadata| {
        if metadata.len() > MAX_FILE_BYTES {
            return Err(std::io::Error::other(format!("it is larger than {MAX_FILE_BYTES} bytes")));
        }
        fs::read_to_string(path)
    });
    text.map_err(|cause| Error::Read { path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests;
