//! Who signs the log: an Ed25519 key in a file that only its owner can read.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rand_core::OsRng;
use signed_note::{Signer as _, StandardSigner, StandardVerifier, Verifier as _};
use zeroize::Zeroizing;

use crate::files::{beside, sync_folder};
use crate::{Error, Result};

/// The signing key of a log (c2sp.org/signed-note, Ed25519).
pub struct LogKey {
    pub(crate) signer: StandardSigner,
    verifier_key: String,
}

impl LogKey {
    /// Reads the key from its file, or makes one, for a log of this name, if there is no file.
    ///
    /// The name says whose log it is, such as `sekisho.example.org/log`; it has neither spaces nor `+`.
    ///
    /// # Errors
    ///
    /// [`Error::KeyMode`] if others may read or write the file; [`Error::Key`] if it does not hold a key
    /// of this name; [`Error::Io`] or [`Error::Full`] if it can be neither read nor made.
    pub fn open(path: &Path, name: &str) -> Result<Self> {
        let valid =
            !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
        if !valid {
            return Err(Error::Key { reason: "the log's name is empty or has a space or a `+` in it" });
        }
        let key = match Self::read(path) {
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                create(path, name)?;
                Self::read(path)?
            }
            read => read?,
        };
        if key.signer.name() != name {
            return Err(Error::Key { reason: "it is the key of a log of another name" });
        }
        Ok(key)
    }

    /// The public half, with which anyone can check the log and its receipts.
    #[must_use]
    pub fn verifier_key(&self) -> &str {
        &self.verifier_key
    }

    fn read(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(Error::io("read the key file of the audit log"))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Error::KeyMode { mode });
        }
        let text = fs::read_to_string(path).map_err(Error::io("read the key file of the audit log"))?;
        let text = Zeroizing::new(text);
        let malformed = Error::Key { reason: "its file does not hold a signing key and its verifier key" };
        let Some((private, public)) = text.trim_end().split_once('\n') else {
            return Err(malformed);
        };
        let (Ok(signer), Ok(verifier)) = (StandardSigner::new(private), StandardVerifier::new(public)) else {
            return Err(malformed);
        };
        let probe = b"probe\n";
        let signature = signer.sign(probe).map_err(|_| Error::Tree { action: "sign" })?;
        if verifier.name() != signer.name() || !verifier.verify(probe, &signature) {
            return Err(Error::Key { reason: "the verifier key in its file belongs to another signing key" });
        }
        Ok(Self { signer, verifier_key: public.to_owned() })
    }
}

impl std::fmt::Debug for LogKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogKey").field("verifier_key", &self.verifier_key).finish_non_exhaustive()
    }
}

/// Puts a new key into its place, complete or not at all; a key that is there stays.
fn create(path: &Path, name: &str) -> Result<()> {
    let action = "make the key file of the audit log";
    let (private, public) = signed_note::generate_key(&mut OsRng, name);
    let text = Zeroizing::new(format!("{}\n{public}\n", *Zeroizing::new(private)));
    let half = beside(path, ".new");
    match fs::remove_file(&half) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::io(action)(error)),
        Ok(()) | Err(_) => {}
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half).map_err(Error::io(action))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::io(action))?;
    match fs::hard_link(&half, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(Error::io(action)(error)),
        Ok(()) | Err(_) => {}
    }
    fs::remove_file(&half).map_err(Error::io(action))?;
    sync_folder(path).map_err(Error::io(action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.key");
        let first = LogKey::open(&path, "example.org/log").unwrap();
        let again = LogKey::open(&path, "example.org/log").unwrap();
        assert_eq!(first.verifier_key(), again.verifier_key());
        assert!(first.verifier_key().starts_with("example.org/log+"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no half-made key stays");
        assert!(matches!(LogKey::open(&path, "example.org/other"), Err(Error::Key { .. })));
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.key");
        LogKey::open(&path, "log").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = LogKey::open(&path, "log").unwrap_err();
        assert!(matches!(error, Error::KeyMode { mode: 0o640 }), "{error}");
    }

    #[test]
    fn a_damaged_or_mixed_key_file_is_refused_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("1"), folder.path().join("2"));
        LogKey::open(&one, "log").unwrap();
        LogKey::open(&two, "log").unwrap();
        let text = |path| fs::read_to_string(path).unwrap();
        let private = text(&one).lines().next().unwrap().to_owned();
        let mixed = format!("{private}\n{}\n", text(&two).lines().nth(1).unwrap());
        for damaged in ["", "PRIVATE+KEY+log+00000000+AAAA\nlog", private.as_str(), mixed.as_str()] {
            fs::write(&one, damaged).unwrap();
            assert!(matches!(LogKey::open(&one, "log"), Err(Error::Key { .. })));
            assert_eq!(text(&one), damaged);
        }
    }

    #[test]
    fn a_log_name_is_one_word_without_plus() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["", "a b", "a+b", "a\n"] {
            assert!(matches!(LogKey::open(&folder.path().join("k"), name), Err(Error::Key { .. })));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_private_half_is_not_printed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        let printed = format!("{:?}", LogKey::open(&path, "log").unwrap());
        assert!(!printed.contains("PRIVATE"), "{printed}");
    }
}
