//! The file in which a login is kept: its owner's alone, written whole or not at all.

use std::env;
use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::form::Granted;
use super::{AsClient, signed_out};
use crate::{Error, Result};

/// How the login came about, which says how it is renewed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Grant {
    /// A person typed a code in: with the issuer's renewal token.
    Device,
    /// A program has a secret: with that.
    Client,
}

/// A login as it lies in its file.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    /// The server that the token is for.
    pub(crate) address: String,
    /// Who issued it.
    pub(crate) issuer: String,
    /// The client that signed in.
    pub(crate) client_id: String,
    pub(crate) grant: Grant,
    /// The file of the client's secret; the secret itself is not kept.
    pub(crate) secret_file: Option<PathBuf>,
    pub(crate) token: String,
    /// When the token ends, in seconds since 1970, if the issuer said so.
    pub(crate) expires_at: Option<i64>,
    pub(crate) refresh_token: Option<String>,
}

impl Kept {
    /// The login in a file, if there is one.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(problem(path, &error)),
        };
        if metadata.permissions().mode() & 0o077 != 0 {
            let shared = format!("others may read the login in `{}`", path.display());
            return Err(signed_out(&shared));
        }
        let json = fs::read(path).map_err(|error| problem(path, &error))?;
        let kept = serde_json::from_slice(&json);
        kept.map(Some).map_err(|_| signed_out(&format!("`{}` does not hold a login", path.display())))
    }

    /// Writes the login in place of the one that is there.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let folder = folder_of(path)?;
        let json = serde_json::to_vec_pretty(self).map_err(|error| problem(path, &error))?;
        let written = (|| {
            // Its owner's alone from the beginning: mode 0600.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&json)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)
        })();
        written.map(|_file| ()).map_err(|error| problem(path, &error))
    }

    /// The same login with a new token. An issuer that gives no new renewal goes on taking the old one.
    pub(crate) fn renewed(&self, granted: Granted, now: i64) -> Self {
        let lifetime = granted.expires_in.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX));
        Self {
            token: granted.access_token,
            expires_at: lifetime.map(|lifetime| now.saturating_add(lifetime)),
            refresh_token: granted.refresh_token.or_else(|| self.refresh_token.clone()),
            ..self.clone()
        }
    }

    /// Whether the token ends within this many seconds.
    pub(crate) fn is_due(&self, now: i64, within: i64) -> bool {
        self.expires_at.is_some_and(|end| end <= now.saturating_add(within))
    }

    pub(crate) fn client(&self) -> AsClient {
        AsClient { id: Some(self.client_id.clone()), secret_file: self.secret_file.clone() }
    }
}

impl fmt::Debug for Kept {
    /// Without the tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("issuer", &self.issuer)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Where the login of a profile is kept: below the user's folder for state, under a name made of the
/// profile's path, so that two profiles never share one.
pub(crate) fn file_of(profile: &Path) -> Result<PathBuf, String> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")));
    let base = base.ok_or("neither XDG_STATE_HOME nor HOME is set: there is no place to keep a login")?;
    let path = profile.canonicalize().map_err(|error| error.to_string())?;
    let digest = hex::encode(Sha256::digest(path.as_os_str().as_encoded_bytes()));
    Ok(base.join("sekisho/logins").join(format!("{}.json", digest.get(..32).unwrap_or(&digest))))
}

/// Waits until no other program changes this login. The lock ends with the value.
pub(crate) async fn lock(path: &Path) -> Result<File> {
    folder_of(path)?;
    let path = path.with_extension("lock");
    let locked = path.clone();
    let file = tokio::task::spawn_blocking(move || {
        let file = File::options().create(true).write(true).truncate(false).open(&locked)?;
        file.lock()?;
        Ok::<File, std::io::Error>(file)
    });
    let file = file.await.map_err(|error| problem(&path, &error))?;
    file.map_err(|error| problem(&path, &error))
}

/// Removes a login that may be there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(problem(path, &error)),
        _ => Ok(()),
    }
}

/// The folder of a login, made if it is not there.
fn folder_of(path: &Path) -> Result<&Path> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| problem(folder, &error))?;
    Ok(folder)
}

fn problem(path: &Path, error: &dyn fmt::Display) -> Error {
    Error::argument(format!("cannot keep the login in `{}`: {error}", path.display()))
}
